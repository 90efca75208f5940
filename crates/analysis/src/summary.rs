//! Cohorts drawn together into one curve.

use tenure_model::{AgeRange, Cell};

use crate::interval::Wilson;
use crate::matrix::{Segment, SummaryPoint};
use crate::query::Summary;

/// A cohort's cell at one of the ages shown.
pub(crate) struct SummaryCell {
    /// The place of the age among those shown.
    pub(crate) place: usize,
    pub(crate) cell: Cell,
}

/// The points of a curve: one for each age at which somebody counts.
pub(crate) fn summarize(
    segment: Option<Segment>,
    ages: &[AgeRange],
    cells: Vec<SummaryCell>,
    method: Summary,
    wilson: &Wilson,
) -> Vec<SummaryPoint> {
    let mut by_age: Vec<Vec<Cell>> = vec![Vec::new(); ages.len()];
    for SummaryCell { place, cell } in cells {
        let counts = match method {
            Summary::Pooled | Summary::WeightedTwice => cell.exposed().is_some_and(|exposed| exposed > 0),
            Summary::PooledComplete | Summary::Mean | Summary::Median => cell.rate().is_some(),
        };
        if counts {
            by_age[place].push(cell);
        }
    }
    let points = ages.iter().zip(by_age).filter(|(_, cells)| !cells.is_empty());
    points.map(|(&age, cells)| point(segment.clone(), age, &cells, method, wilson)).collect()
}

fn point(segment: Option<Segment>, age: AgeRange, cells: &[Cell], method: Summary, wilson: &Wilson) -> SummaryPoint {
    let exposed: u64 = cells.iter().filter_map(Cell::exposed).sum();
    let retained: u64 = cells.iter().filter_map(Cell::retained_exposed).sum();
    let mut rates: Vec<f64> = cells.iter().filter_map(Cell::rate).collect();
    let rate = match method {
        Summary::Pooled | Summary::PooledComplete => retained as f64 / exposed as f64,
        Summary::Mean => rates.iter().sum::<f64>() / rates.len() as f64,
        Summary::Median => median(&mut rates),
        Summary::WeightedTwice => {
            // Whole numbers until the one division: w is exposed / Σ exposed, and the Σ cancels.
            let pairs = || cells.iter().map(|cell| (cell.exposed().unwrap_or(0), cell.retained_exposed().unwrap_or(0)));
            let above: u128 = pairs().map(|(exposed, retained)| u128::from(exposed) * u128::from(retained)).sum();
            let below: u128 = pairs().map(|(exposed, _)| u128::from(exposed) * u128::from(exposed)).sum();
            above as f64 / below as f64
        }
    };
    let pooled = matches!(method, Summary::Pooled | Summary::PooledComplete);
    let interval = if pooled { wilson.interval(retained, exposed) } else { None };
    SummaryPoint { segment, age, cohorts: cells.len() as u64, exposed, retained, rate, interval, revenue: Vec::new() }
}

/// The middle of some numbers; of an even count the mean of the two in the middle.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[middle] } else { (numbers[middle - 1] + numbers[middle]) / 2.0 }
}
