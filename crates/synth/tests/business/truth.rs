//! The rows show what the truth says, up to chance.

use std::collections::{HashMap, HashSet};

use tenure_synth::{Business, Truth};

use crate::common::{Row, all_rows};

const MONTHS: usize = 36;

/// The fewest active and inactive customers expected of a cell for its count to be near enough to normal.
const ENOUGH: f64 = 10.0;

fn business() -> (Vec<Row>, Truth) {
    let plan = Business::new(20_000, 400_000, 2).plan().expect("enough events");
    (all_rows(&plan), plan.truth().clone())
}

/// Customers of each cohort with a row at each age, counted the slow way.
fn active<'a>(rows: impl Iterator<Item = &'a Row>) -> HashMap<(usize, usize), usize> {
    let mut cohorts: HashMap<i64, usize> = HashMap::new();
    let mut cells: HashMap<(usize, usize), HashSet<i64>> = HashMap::new();
    for row in rows {
        let month = row.month();
        let cohort = *cohorts.entry(row.uid).or_insert(month);
        cells.entry((cohort, month - cohort)).or_default().insert(row.uid);
    }
    cells.into_iter().map(|(cell, customers)| (cell, customers.len())).collect()
}

/// Checks every cell with enough customers and returns how many there were.
fn check(counts: &HashMap<(usize, usize), usize>, expected: impl Fn(usize, usize) -> f64) -> usize {
    let mut checked = 0;
    let mut squares = 0.0;
    for cohort in 0..MONTHS {
        let size = counts[&(cohort, 0)] as f64;
        for age in 1..MONTHS - cohort {
            let rate = expected(cohort, age);
            if size * rate < ENOUGH || size * (1.0 - rate) < ENOUGH {
                continue;
            }
            let seen = counts.get(&(cohort, age)).copied().unwrap_or(0) as f64;
            let deviation = (seen - size * rate) / (size * rate * (1.0 - rate)).sqrt();
            assert!(deviation.abs() < 5.0, "cohort {cohort}, age {age}: {seen} of {size}, expected {rate}");
            checked += 1;
            squares += deviation * deviation;
        }
    }
    // Five sigma a cell lets a small bias of every cell pass; their mean square does not.
    let mean = squares / checked as f64;
    assert!((0.7..1.3).contains(&mean), "mean square of {checked} deviations: {mean}");
    checked
}

#[test]
fn retention_is_as_expected() {
    let (rows, truth) = business();
    let counts = active(rows.iter());
    for cohort in 0..MONTHS {
        assert_eq!(counts[&(cohort, 0)] as u64, truth.cohort_size(cohort));
        assert!((truth.expected_rate(cohort, 0) - 1.0).abs() < 1e-12);
    }
    assert!(check(&counts, |cohort, age| truth.expected_rate(cohort, age)) > 500);
}

#[test]
fn retention_of_each_plan_is_as_expected() {
    let (rows, truth) = business();
    for (index, plan) in truth.plans().iter().enumerate() {
        let counts = active(rows.iter().filter(|row| row.plan == plan.name));
        assert!(check(&counts, |cohort, age| truth.expected_plan_rate(index, cohort, age)) > 20, "{}", plan.name);
    }
}

#[test]
fn plans_and_purchases_are_as_expected() {
    let (rows, truth) = business();
    let within = |seen: f64, expected: f64, sigma: f64, what: &str| {
        assert!((seen - expected).abs() < 5.0 * sigma, "{what}: {seen}, expected {expected}");
    };
    for plan in truth.plans() {
        let of_plan: Vec<&Row> = rows.iter().filter(|row| row.plan == plan.name).collect();
        let signups = of_plan.iter().filter(|row| row.event == "signup").count() as f64;
        let customers = 20_000.0;
        let sigma = (customers * plan.share * (1.0 - plan.share)).sqrt();
        within(signups, customers * plan.share, sigma, plan.name);

        let prices: Vec<f64> = of_plan
            .iter()
            .filter(|row| row.event == "purchase")
            .map(|row| row.cents.expect("a purchase has an amount") as f64 / 100.0)
            .collect();
        let count = prices.len() as f64;
        let others = of_plan.len() as f64 - signups;
        let share = plan.purchase_share;
        within(count, others * share, (others * share * (1.0 - share)).sqrt(), plan.name);

        // Purchases of a customer share the country's price level, so they are not independent: with this many
        // customers the mean strays by up to about a tenth.
        let mean = prices.iter().sum::<f64>() / count;
        within(mean, plan.mean_purchase, plan.mean_purchase * 0.02, plan.name);
    }
}
