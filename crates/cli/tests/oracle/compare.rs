//! The engine's matrix against the oracle's answer, cell by cell.

use std::collections::{BTreeMap, BTreeSet};

use tenure_analysis::{CohortCell, CohortRow, Dialect, Measure, RetentionMatrix, Summary, ValueAverage};
use tenure_model::{CellState, Decimal};

use crate::cells::{Answer, NaiveCell};
use crate::log::Log;
use crate::naive::{Naive, Segment};
use crate::question::Question;

/// Rates that are sums of rounded numbers may differ in their last digits.
const ROUNDING: f64 = 1e-12;

/// Says what differs, if anything does.
pub(crate) fn compare(matrix: &RetentionMatrix, log: &Log, question: &Question) -> Result<(), String> {
    let mut naive = Naive::new(log, question);
    let census = naive.census();
    let answer = naive.answer(&census);
    same("window", matrix.window.from.map(|at| at.0), Some(log.first()))?;
    same("until", matrix.window.until.map(|at| at.0), Some(naive.until))?;
    let totals = &matrix.totals;
    same("customers", totals.customers, census.customers)?;
    same("members", totals.members, census.distinct)?;
    same("memberships", totals.memberships, census.members.len() as u64)?;
    same("born outside the range", totals.born_outside_range, census.outside)?;
    same("without birth", totals.without_birth, census.without)?;
    same("hidden cohorts", totals.hidden_cohorts, answer.hidden)?;
    same("ages", &matrix.ages, &answer.ages)?;
    rows(matrix, &naive, &answer)?;
    summary(matrix, &answer, naive.rules.summary, question.level)?;
    let average = if question.dialect == Dialect::Posthog { ValueAverage::PerActive } else { ValueAverage::PerMember };
    same("the average of values", matrix.value_average, average)?;
    let definition = &matrix.definition;
    same("birth", &definition.birth, &naive.rules.birth.to_string())?;
    same("alignment", &definition.alignment, &naive.rules.alignment.to_string())?;
    same("criterion", &definition.criterion, &naive.rules.criterion.to_string())?;
    same("summary", &definition.summary, &naive.rules.summary.to_string())?;
    if !question.by.is_empty() {
        same("segment as of", &definition.segment_as_of, &naive.rules.segment_as_of.to_string())?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, got {found:?}")) }
}

fn rows(matrix: &RetentionMatrix, naive: &Naive<'_>, answer: &Answer) -> Result<(), String> {
    let mut found: BTreeMap<(String, Segment, Option<&str>), &CohortRow> = BTreeMap::new();
    for row in &matrix.cohorts {
        let key = (row.start.to_string(), row.segment.clone(), row.currency.as_deref());
        if found.insert(key.clone(), row).is_some() {
            return Err(format!("{key:?} comes twice"));
        }
    }
    let mut expected = BTreeMap::new();
    for ((cohort, segment), (size, cells)) in &answer.rows {
        for currency in &answer.currencies {
            expected.insert((naive.written(*cohort), segment.clone(), *currency), (*size, cells));
        }
    }
    let keys = |keys: BTreeSet<&(String, Segment, Option<&str>)>| format!("{keys:?}");
    same("cohorts", keys(found.keys().collect()), keys(expected.keys().collect()))?;
    let starts: Vec<_> = matrix.cohorts.iter().map(|row| &row.start).collect();
    same("cohorts in order", starts.is_sorted(), true)?;
    for (key, row) in found {
        let (size, cells) = expected[&key];
        same("size", row.size, size)
            .and_then(|()| same("cells", row.cells.len(), cells.len()))
            .map_err(|e| format!("{key:?}: {e}"))?;
        for (cell, expected) in row.cells.iter().zip(cells) {
            let currency = answer.currencies.iter().find(|currency| **currency == key.2);
            let compared = one_cell(cell, expected, size, naive.question, *currency.unwrap());
            compared.map_err(|error| format!("{key:?} age {}: {error}", cell.age))?;
        }
    }
    Ok(())
}

fn one_cell(
    found: &CohortCell,
    expected: &NaiveCell,
    size: u64,
    question: &Question,
    currency: Option<&'static str>,
) -> Result<(), String> {
    let cell = &found.cell;
    same("state", cell.state(), expected.state)?;
    if expected.state == CellState::Unobserved {
        return same("nothing", (cell.retained(), found.events, found.value.is_some()), (None, None, false));
    }
    same("exposed", cell.exposed(), Some(expected.exposed))?;
    same("retained", cell.retained(), Some(expected.retained))?;
    same("retained and exposed", cell.retained_exposed(), Some(expected.retained_exposed))?;
    let complete = expected.state == CellState::Complete;
    let interval = complete.then(|| wilson(expected.retained, size, question.level));
    same("an interval", found.interval.is_some(), complete)?;
    if let (Some(found), Some((low, high))) = (found.interval, interval) {
        near("low", found.low, low)?;
        near("high", found.high, high)?;
    }
    match question.measure {
        Measure::Customers => same("events and value", (found.events, found.value.is_some()), (None, false)),
        Measure::Events => same("events and value", (found.events, found.value.is_some()), (Some(expected.events), false)),
        Measure::Value => {
            let (sums, cumulative) = expected.sums[&currency];
            same("events", found.events, Some(sums.events))?;
            let value = found.value.as_deref().ok_or("no value")?;
            same("active", value.active, expected.active)?;
            same("missing values", value.missing, sums.missing)?;
            same("value", value.total, Decimal::new(sums.millionths, 6))?;
            same("value per member", value.per_member, average(sums.millionths, size))?;
            same("value per active", value.per_active, average(sums.millionths, expected.active))?;
            same("cumulative value per member", value.cumulative_per_member, average(cumulative, size))
        }
    }
}

/// A sum of millionths divided by a count, rounded to millionths, half to even.
fn average(millionths: i128, count: u64) -> Option<Decimal> {
    let count = i128::from(count);
    if count == 0 {
        return None;
    }
    let (down, rest) = (millionths.div_euclid(count), millionths.rem_euclid(count));
    let up = rest * 2 > count || rest * 2 == count && down % 2 != 0;
    Some(Decimal::new(down + i128::from(up), 6))
}

fn near(what: &str, found: f64, expected: f64) -> Result<(), String> {
    let near = (found - expected).abs() <= ROUNDING * 1e3;
    if near { Ok(()) } else { Err(format!("{what}: expected {expected}, got {found}")) }
}

/// Wilson's interval of a share.
fn wilson(part: u64, whole: u64, level: f64) -> (f64, f64) {
    // Normal quantiles of the levels that are drawn.
    let z = match level {
        0.8 => 1.281_551_565_544_600_5,
        0.95 => 1.959_963_984_540_054,
        0.99 => 2.575_829_303_548_901,
        _ => unreachable!("{level}"),
    };
    let (n, p) = (whole as f64, part as f64 / whole as f64);
    let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let reach = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - reach).max(0.0), (centre + reach).min(1.0))
}

fn summary(matrix: &RetentionMatrix, answer: &Answer, method: Summary, level: f64) -> Result<(), String> {
    let mut found = BTreeMap::new();
    for point in &matrix.summary {
        let place = matrix.ages.iter().position(|age| *age == point.age).ok_or("a point at no age")?;
        if found.insert((point.segment.clone(), place), point).is_some() {
            return Err(format!("summary of {:?} at {} comes twice", point.segment, point.age));
        }
    }
    let places = |keys: Vec<&(Option<Segment>, usize)>| format!("{keys:?}");
    same("summary points", places(found.keys().collect()), places(answer.summary.keys().collect()))?;
    for (key, point) in found {
        let expected = &answer.summary[&key];
        let counts = (point.cohorts, point.exposed, point.retained);
        same("counts", counts, (expected.cohorts, expected.exposed, expected.retained))
            .and_then(|()| match (point.rate - expected.rate).abs() <= ROUNDING {
                true => Ok(()),
                false => Err(format!("rate: expected {}, got {}", expected.rate, point.rate)),
            })
            .and_then(|()| match (method, point.interval) {
                (Summary::Pooled | Summary::PooledComplete, None) => Err("no interval".to_owned()),
                (Summary::Pooled | Summary::PooledComplete, Some(interval)) => {
                    let (low, high) = wilson(expected.retained, expected.exposed, level);
                    near("low", interval.low, low).and_then(|()| near("high", interval.high, high))
                }
                _ => Ok(()),
            })
            .map_err(|error| format!("summary of {:?} at {}: {error}", key.0, matrix.ages[key.1]))?;
    }
    Ok(())
}
