//! The rows of a comparison: two sides at each age.

use std::collections::{BTreeMap, BTreeSet};

use tenure_model::AgeRange;

use crate::comparison::arms::Arm;
use crate::comparison::spending::{Spend, Spent, Sums};
use crate::comparison::{ComparedMetric, ComparisonQuery, ComparisonRow, Difference, SideFigures};
use crate::difference::{Parts, Proportion, holm, newcombe, rate_and_mix, test_of_shares, welch};
use crate::interval::{Interval, Wilson};
use crate::matrix::RetentionMatrix;
use crate::metrics::MetricValue;
use crate::query::Measure;

/// A side's members by age: those who have lived it, and the retained among them.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) members: u64,
    whole: BTreeMap<AgeRange, Proportion>,
    segments: BTreeMap<Option<String>, BTreeMap<AgeRange, Proportion>>,
}

impl Curve {
    pub(crate) fn new(arm: &Arm, matrix: &RetentionMatrix) -> Self {
        let mut curve = Self { name: arm.name.clone(), members: 0, whole: BTreeMap::new(), segments: BTreeMap::new() };
        for row in matrix.cohorts.iter().filter(|row| arm.has(&row.segment)) {
            curve.members += row.size;
            let segment = arm.split(&row.segment);
            for cell in &row.cells {
                let found = Proportion {
                    part: cell.cell.retained_exposed().unwrap_or_default(),
                    whole: cell.cell.exposed().unwrap_or_default(),
                };
                let of_segment =
                    segment.map(|value| curve.segments.entry(value.clone()).or_default().entry(cell.age).or_default());
                let of_whole = curve.whole.entry(cell.age).or_default();
                for sum in std::iter::once(of_whole).chain(of_segment) {
                    sum.part += found.part;
                    sum.whole += found.whole;
                }
            }
        }
        curve
    }

    fn at(&self, age: AgeRange) -> Proportion {
        self.whole.get(&age).copied().unwrap_or_default()
    }

    fn of_segment(&self, segment: &Option<String>, age: AgeRange) -> Proportion {
        self.segments.get(segment).and_then(|ages| ages.get(&age)).copied().unwrap_or_default()
    }
}

/// The ages that somebody of each of two sides has lived.
fn common_ages(a: &Curve, b: &Curve) -> Vec<AgeRange> {
    a.whole.iter().filter(|(age, found)| found.whole > 0 && b.at(**age).whole > 0).map(|(age, _)| *age).collect()
}

/// Adds the rows of shares.
pub(crate) fn shares(rows: &mut Vec<ComparisonRow>, level: f64, a: &Curve, b: &Curve) {
    let split: BTreeSet<&Option<String>> = a.segments.keys().chain(b.segments.keys()).collect();
    for age in common_ages(a, b) {
        let found: Vec<(Proportion, Proportion)> =
            split.iter().map(|segment| (a.of_segment(segment, age), b.of_segment(segment, age))).collect();
        let parts = if split.is_empty() { None } else { rate_and_mix(&found) };
        let mut whole = share_row(age, None, (a, a.at(age)), (b, b.at(age)), level);
        whole.test = test_of_shares(a.at(age), b.at(age));
        whole.parts = parts.as_ref().map(|parts| {
            let sum = |of: fn(&Parts) -> f64| parts.iter().map(of).sum::<f64>();
            in_points(Parts { rate: sum(|part| part.rate), mix: sum(|part| part.mix) })
        });
        rows.push(whole);
        for ((segment, &(of_a, of_b)), part) in split.iter().zip(&found).zip(parts.into_iter().flatten()) {
            let mut row = share_row(age, Some((*segment).clone()), (a, of_a), (b, of_b), level);
            row.parts = Some(in_points(part));
            rows.push(row);
        }
    }
}

fn in_points(parts: Parts) -> Parts {
    // Adding nothing makes -0 a 0.
    Parts { rate: 100.0 * parts.rate + 0.0, mix: 100.0 * parts.mix + 0.0 }
}

fn share_row(
    age: AgeRange,
    segment: Option<Option<String>>,
    (curve_a, a): (&Curve, Proportion),
    (curve_b, b): (&Curve, Proportion),
    level: f64,
) -> ComparisonRow {
    let wilson = Wilson::new(level);
    let side = |curve: &Curve, found: Proportion| SideFigures {
        name: curve.name.clone(),
        exposed: found.whole,
        retained: Some(found.part),
        rate: found.share(),
        mean: None,
        interval: wilson.interval(found.part, found.whole),
    };
    let difference = a.share().zip(b.share()).map(|(a, b)| 100.0 * (b - a));
    let interval = newcombe(a, b, level).map(|bounds| Interval { low: 100.0 * bounds.low, high: 100.0 * bounds.high });
    ComparisonRow {
        metric: ComparedMetric::Retention,
        segment,
        currency: None,
        age,
        sides: [side(curve_a, a), side(curve_b, b)],
        difference: difference.map(|points| Difference::Points(points, interval)),
        relative_change: a.share().filter(|share| *share > 0.0).zip(b.share()).map(|(a, b)| b / a - 1.0),
        test: None,
        p_adjusted: None,
        parts: None,
    }
}

/// Adds the rows of events and values: of each age, and at the last age those so far of who is retained there and of who is not.
pub(crate) fn means(
    rows: &mut Vec<ComparisonRow>,
    query: &ComparisonQuery,
    spent: &Spent,
    (place_a, a): (usize, &Curve),
    (place_b, b): (usize, &Curve),
) {
    let measure = query.retention.measure;
    let metric = if measure == Measure::Value { ComparedMetric::ValuePerMember } else { ComparedMetric::EventsPerMember };
    let common = common_ages(a, b);
    for currency in spent.currencies() {
        let mut add = |metric, age, of: fn(&Spend) -> Sums, heads: fn(Proportion) -> u64| {
            let side = |place: usize, curve: &Curve| {
                let sums = of(&spent.at(place, &currency, age));
                let count = heads(curve.at(age));
                let shown = spent.mean(&sums, count).map(|mean| match measure {
                    Measure::Value => MetricValue::Money(mean),
                    _ => MetricValue::Number(mean.to_f64()),
                });
                let figures = SideFigures {
                    name: curve.name.clone(),
                    exposed: count,
                    retained: None,
                    rate: None,
                    mean: shown,
                    interval: None,
                };
                (figures, spent.mean(&sums, count), spent.sample(&sums, count))
            };
            let (side_a, mean_a, sample_a) = side(place_a, a);
            let (side_b, mean_b, sample_b) = side(place_b, b);
            // Members picked by how it ended are no samples to be tested.
            let ahead = matches!(metric, ComparedMetric::ValueSoFarOfRetained | ComparedMetric::ValueSoFarOfLost);
            let tested = if ahead { None } else { welch(sample_a, sample_b, query.retention.level) };
            let difference = mean_a.zip(mean_b).map(|(a, b)| b - a).map(|difference| match measure {
                Measure::Value => MetricValue::Money(difference),
                _ => MetricValue::Number(difference.to_f64()),
            });
            let relative = mean_a.filter(|mean| mean.is_positive()).zip(mean_b).map(|(a, b)| b.to_f64() / a.to_f64() - 1.0);
            rows.push(ComparisonRow {
                metric,
                segment: None,
                currency: currency.clone(),
                age,
                sides: [side_a, side_b],
                difference: difference.map(|mean| Difference::Mean(mean, tested.map(|(interval, _)| interval))),
                relative_change: relative,
                test: tested.map(|(_, test)| test),
                p_adjusted: None,
                parts: None,
            });
        };
        for &age in &common {
            add(metric, age, |spend| spend.own, |found| found.whole);
        }
        if let (Some(&last), Measure::Value) = (common.last(), measure) {
            add(ComparedMetric::ValueSoFarOfRetained, last, |spend| spend.of_retained, |found| found.part);
            add(ComparedMetric::ValueSoFarOfLost, last, |spend| spend.of_lost, |found| found.whole - found.part);
        }
    }
}

/// Adjusts the p-values of each metric for being several.
pub(crate) fn adjust(rows: &mut [ComparisonRow]) {
    let metrics: BTreeSet<ComparedMetric> = rows.iter().map(|row| row.metric).collect();
    for metric in metrics {
        let mut mine: Vec<&mut ComparisonRow> =
            rows.iter_mut().filter(|row| row.metric == metric && row.test.is_some()).collect();
        let p: Vec<f64> = mine.iter().filter_map(|row| row.test.map(|test| test.p)).collect();
        for (row, adjusted) in mine.iter_mut().zip(holm(&p)) {
            row.p_adjusted = Some(adjusted);
        }
    }
}

/// The ages that are not compared, since nobody of some side has lived them.
pub(crate) fn left_out(curves: &[Curve]) -> Vec<String> {
    let Some((first, others)) = curves.split_first() else { return Vec::new() };
    others
        .iter()
        .filter_map(|other| {
            let lived = |curve: &Curve| -> BTreeSet<AgeRange> {
                curve.whole.iter().filter(|(_, found)| found.whole > 0).map(|(age, _)| *age).collect()
            };
            let (a, b) = (lived(first), lived(other));
            let alone: Vec<String> = a.symmetric_difference(&b).map(ToString::to_string).collect();
            let which = match alone.as_slice() {
                [] => return None,
                [age] => format!("age {age} is"),
                [from, .., to] => format!("the ages {from} to {to} are"),
            };
            Some(format!("{which} left out: nobody of {} or nobody of {} has lived the whole of it", first.name, other.name))
        })
        .collect()
}
