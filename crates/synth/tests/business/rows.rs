//! The rows of a business keep what the crate promises.

use std::collections::{BTreeMap, HashMap, HashSet};

use tenure_synth::{Business, EVENT_NAMES, Error, Plan};

use crate::common::{Row, all_rows};

fn plan(customers: u64, events: u64, months: u32) -> Plan {
    Business::new(customers, events, 11).months(months).plan().expect("enough events")
}

#[test]
fn exactly_the_rows_asked_for_in_order() {
    for (customers, events, months) in [(1, 1, 1), (1, 500, 3), (100, 2_000, 24), (2_000, 40_000, 36), (500, 30_001, 120)] {
        let plan = plan(customers, events, months);
        let rows = all_rows(&plan);
        assert_eq!(rows.len() as u64, events);
        assert_eq!(plan.rows(), events);
        assert!(rows.is_sorted_by_key(|row| (row.time, row.uid)));
        assert!(rows.iter().all(|row| row.month() < months as usize));
    }
}

#[test]
fn a_month_of_several_slices_keeps_the_order() {
    let plan = plan(20_000, 900_000, 2);
    assert!(plan.slices() > 2);
    let rows = all_rows(&plan);
    assert_eq!(rows.len(), 900_000);
    assert!(rows.is_sorted_by_key(|row| (row.time, row.uid)));
    check_refunds(&rows);
}

#[test]
fn customers_start_with_their_only_signup() {
    let plan = plan(3_000, 60_000, 36);
    let mut seen: BTreeMap<i64, Row> = BTreeMap::new();
    for row in all_rows(&plan) {
        assert!(EVENT_NAMES.contains(&row.event.as_str()));
        match seen.get(&row.uid) {
            None => {
                assert_eq!(row.event, "signup");
                seen.insert(row.uid, row);
            }
            Some(first) => {
                assert_ne!(row.event, "signup");
                assert_eq!((&row.user_id, &row.country, &row.plan), (&first.user_id, &first.country, &first.plan));
            }
        }
    }
    assert!(seen.keys().copied().eq(1..=3_000));
    assert!(seen.values().is_sorted_by_key(|signup| signup.time), "numbered in the order of signup");
    let user_ids: HashSet<&str> = seen.values().map(|signup| signup.user_id.as_str()).collect();
    assert_eq!(user_ids.len(), 3_000);
    let countries: HashSet<&str> = seen.values().map(|signup| signup.country.as_str()).collect();
    assert_eq!(countries.len(), 30);
}

#[test]
fn refunds_take_back_purchases() {
    let refunds = check_refunds(&all_rows(&plan(3_000, 200_000, 12)));
    assert!(refunds > 100, "{refunds} refunds");
}

/// Checks every amount, and returns the number of refunds.
fn check_refunds(rows: &[Row]) -> usize {
    let mut open: HashMap<(i64, usize, i128), Vec<i64>> = HashMap::new();
    let mut refunds = 0;
    for row in rows {
        match (row.event.as_str(), row.cents) {
            ("purchase", Some(cents)) => {
                assert!(cents > 0);
                open.entry((row.uid, row.month(), cents)).or_default().push(row.time);
            }
            ("refund", Some(cents)) => {
                assert!(cents < 0);
                let purchases = open.get_mut(&(row.uid, row.month(), -cents)).expect("a purchase of this amount");
                let purchase = purchases.pop().expect("a purchase that is not taken back yet");
                assert!(row.time - purchase >= 1_000_000);
                refunds += 1;
            }
            (event, cents) => assert_eq!(cents, None, "{event}"),
        }
    }
    refunds
}

#[test]
fn seeds_and_threads() {
    let of = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        pool.install(|| all_rows(&Business::new(1_000, 20_000, seed).plan().expect("enough events")))
    };
    assert_eq!(of(1, 5), of(4, 5));
    assert_ne!(of(1, 5), of(1, 6));
}

#[test]
fn too_few_events_name_the_least_number_that_works() {
    let business = |events| Business::new(2_000, events, 9).months(24).plan();
    let error = business(100).expect_err("fewer events than customers");
    let Error::TooFewEvents { least, .. } = error else { panic!("{error}") };
    assert!(error.to_string().contains(&least.to_string()));
    assert!(matches!(business(least - 1), Err(Error::TooFewEvents { .. })));
    let plan = business(least).expect("the least number of events");
    assert_eq!(all_rows(&plan).len() as u64, least);
}

#[test]
fn sizes_out_of_range_are_refused() {
    assert!(matches!(Business::new(0, 10, 1).plan(), Err(Error::NoCustomers)));
    assert!(matches!(Business::new(u64::MAX, 10, 1).plan(), Err(Error::TooManyCustomers { .. })));
    assert!(matches!(Business::new(1, u64::MAX, 1).plan(), Err(Error::TooManyEvents { .. })));
    for months in [0, 121] {
        assert!(matches!(Business::new(1, 10, 1).months(months).plan(), Err(Error::Months { .. })));
    }
}
