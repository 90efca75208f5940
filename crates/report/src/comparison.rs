//! Sides held against each other as a sheet.

use tenure_analysis::{Comparison, ComparisonRow, Difference, Interval, Reading, SideFigures};

use crate::exhibit::Datum;
use crate::figures::definition;
use crate::numbers::level;
use crate::retention::short_content;
use crate::sheet::Sheet;

/// A comparison as a sheet: a row for each metric, currency, side, age and segment.
pub fn comparison_sheet(comparison: &Comparison) -> Sheet {
    let rows = &comparison.rows;
    let rules = &comparison.definition;
    let several = rules.sides.len() > 2;
    let sheet = Sheet::new(rows.len(), definition(rules), sentence(comparison))
        .title("Comparison")
        .texts("metric", rows.iter().map(|row| Some(row.metric.name())))
        .texts("currency", rows.iter().map(|row| row.currency.clone()))
        .texts("baseline", rows.iter().map(|row| Some(row.sides[0].name.clone())))
        .detail()
        .texts("compared", rows.iter().map(|row| Some(row.sides[1].name.clone())));
    let sheet = if several { sheet } else { sheet.detail() }
        .integers("age", rows.iter().map(|row| Some(row.age.from.0.into())))
        .integers("age_to", rows.iter().map(|row| row.age.to.map(|to| to.0.into())));
    let bracket = |row: &ComparisonRow| row.age.to != Some(row.age.from);
    let sheet = if rows.iter().any(bracket) { sheet } else { sheet.detail() }
        .segments(rules.retention.by.first().map(String::as_str), rows.iter().map(|row| row.segment.clone()));
    let sheet = side(sheet, rows, 0, &SIDES[0]);
    let sheet = side(sheet, rows, 1, &SIDES[1]);
    let points = |row: &ComparisonRow| match row.difference {
        Some(Difference::Points(points, _)) => Some(points),
        _ => None,
    };
    let mean = |row: &ComparisonRow| match row.difference {
        Some(Difference::Mean(mean, _)) => Some(mean),
        _ => None,
    };
    let bound = |of: fn(&Interval) -> f64| {
        rows.iter().map(move |row| match &row.difference {
            Some(Difference::Points(_, interval) | Difference::Mean(_, interval)) => interval.as_ref().map(of),
            None => None,
        })
    };
    let lift = rules.reading == Reading::Lift;
    sheet
        .numbers("difference_points", rows.iter().map(points))
        .detail()
        .figures("difference_mean", rows.iter().map(mean))
        .detail()
        .numbers("difference_low", bound(|interval| interval.low))
        .detail()
        .numbers("difference_high", bound(|interval| interval.high))
        .detail()
        .texts(SHOWN_DIFFERENCE, rows.iter().map(difference_text))
        .label(if lift { "lift" } else { "difference" })
        .shares("relative_change", rows.iter().map(|row| row.relative_change))
        .texts("test", rows.iter().map(|row| row.test.map(|test| test.name.name())))
        .numbers("statistic", rows.iter().map(|row| row.test.and_then(|test| test.statistic)))
        .detail()
        .numbers("p_value", rows.iter().map(|row| row.test.map(|test| test.p)))
        .detail()
        .numbers("p_adjusted", rows.iter().map(|row| row.p_adjusted))
        .detail()
        .texts("p", rows.iter().map(|row| row.p_adjusted.map(p_text)))
        .label("adjusted p")
        .numbers("rate_part_points", rows.iter().map(|row| row.parts.map(|parts| parts.rate)))
        .label("rate part, pp")
        .numbers("mix_part_points", rows.iter().map(|row| row.parts.map(|parts| parts.mix)))
        .label("mix part, pp")
        .notes(comparison.notes.iter().cloned())
}

/// The difference in words, with its interval.
const SHOWN_DIFFERENCE: &str = "difference";

/// What the columns of a side are called, and what people see above those that they see.
struct SideColumns {
    exposed: &'static str,
    retained: &'static str,
    rate: &'static str,
    mean: &'static str,
    low: &'static str,
    high: &'static str,
    labels: [&'static str; 4],
}

const SIDES: [SideColumns; 2] = [
    SideColumns {
        exposed: "baseline_exposed",
        retained: "baseline_retained",
        rate: "baseline_rate",
        mean: "baseline_mean",
        low: "baseline_low",
        high: "baseline_high",
        labels: ["baseline n", "retained", "baseline", "baseline mean"],
    },
    SideColumns {
        exposed: "compared_exposed",
        retained: "compared_retained",
        rate: "compared_rate",
        mean: "compared_mean",
        low: "compared_low",
        high: "compared_high",
        labels: ["compared n", "retained", "compared", "compared mean"],
    },
];

fn side(sheet: Sheet, rows: &[ComparisonRow], place: usize, names: &SideColumns) -> Sheet {
    let of = |row: &'_ ComparisonRow| -> SideFigures { row.sides[place].clone() };
    let bound = |bound: fn(&Interval) -> f64| rows.iter().map(move |row| row.sides[place].interval.as_ref().map(bound));
    sheet
        .integers(names.exposed, rows.iter().map(|row| Some(of(row).exposed)))
        .label(names.labels[0])
        .integers(names.retained, rows.iter().map(|row| of(row).retained))
        .label(names.labels[1])
        .shares(names.rate, rows.iter().map(|row| of(row).rate))
        .label(names.labels[2])
        .numbers(names.low, bound(|interval| interval.low))
        .detail()
        .numbers(names.high, bound(|interval| interval.high))
        .detail()
        .figures(names.mean, rows.iter().map(|row| of(row).mean))
        .label(names.labels[3])
}

fn difference_text(row: &ComparisonRow) -> Option<String> {
    let (shown, interval, unit): (String, Option<Interval>, &str) = match row.difference? {
        Difference::Points(points, interval) => (format!("{points:+.1}"), interval, " pp"),
        Difference::Mean(mean, interval) => (Datum::figure(mean).text(), interval, ""),
    };
    let decimals = if let Some(Difference::Points(..)) = row.difference { 1 } else { 2 };
    let bounds = interval.map(|Interval { low, high }| format!(" ({low:+.decimals$} to {high:+.decimals$})"));
    Some(format!("{shown}{unit}{}", bounds.unwrap_or_default()))
}

/// A p-value as people see it.
pub(crate) fn p_text(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// What the numbers mean, in one line.
fn sentence(comparison: &Comparison) -> String {
    let rules = &comparison.definition;
    let sides: Vec<String> =
        rules.sides.iter().map(|side| format!("{} ({} members)", side.side, tenure_model::grouped(side.members))).collect();
    let (first, others) = sides.split_first().map_or(("", &[][..]), |(first, others)| (first.as_str(), others));
    let word = match rules.reading {
        Reading::Difference => "difference",
        Reading::Lift => "lift",
        Reading::BeforeAfter => "before/after difference",
    };
    let mut parts = vec![format!("{word}: {} less {first}", others.join(", "))];
    parts.push(format!(
        "cohorts by {}, ages by {}; criterion {}",
        rules.retention.cohort, rules.retention.age, rules.retention.criterion
    ));
    parts.push("shares in percentage points (pp), relative change apart".to_owned());
    parts.push(format!("{} % intervals; {}", level(rules.retention.level), rules.interval));
    parts.push(format!("p adjusted: {}", rules.adjustment));
    if let Some(formula) = rules.parts {
        parts.push(formula.to_owned());
    }
    parts.push(format!("zone {}", rules.retention.zone));
    parts.extend(rules.until.as_ref().map(|until| format!("observed until {until}")));
    parts.push(format!("content {}", short_content(&rules.retention.content)));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_p_values_are_not_zero() {
        assert_eq!([p_text(0.00004), p_text(0.04321), p_text(1.0)], ["< 0.0001", "0.0432", "1.0000"]);
    }
}
