use serde::Serialize;
use tenure_analysis::{CohortCell, CohortRow, Definition, Interval, RetentionMatrix, SummaryPoint, Totals};

use crate::error::Error;

/// An object without fields: no segment.
#[derive(Serialize)]
struct NoSegment {}

#[derive(Serialize)]
struct Matrix<'a> {
    definition: &'a Definition,
    window: Window,
    totals: Totals,
    cohorts: Vec<Cohort<'a>>,
    summary: Vec<Point<'a>>,
}

#[derive(Serialize)]
struct Window {
    from: Option<String>,
    until: Option<String>,
}

#[derive(Serialize)]
struct Cohort<'a> {
    cohort: String,
    segment: NoSegment,
    currency: Option<&'a str>,
    size: u64,
    cells: Vec<CellObject>,
}

#[derive(Serialize)]
struct CellObject {
    age: u32,
    age_to: u32,
    state: &'static str,
    exposed: Option<u64>,
    retained: Option<u64>,
    retained_exposed: Option<u64>,
    rate: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    provisional_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Option<u64>>,
    #[serde(flatten)]
    value: Option<ValueObject>,
}

#[derive(Serialize)]
struct ValueObject {
    active: Option<u64>,
    value: Option<String>,
    value_missing: Option<u64>,
    value_per_member: Option<String>,
    value_per_active: Option<String>,
    value_cumulative_per_member: Option<String>,
}

#[derive(Serialize)]
struct Point<'a> {
    segment: NoSegment,
    age: u32,
    age_to: u32,
    method: &'a str,
    cohorts: u64,
    exposed: u64,
    retained: u64,
    rate: f64,
    low: Option<f64>,
    high: Option<f64>,
}

pub(crate) fn retention(matrix: &RetentionMatrix) -> Result<Vec<u8>, Error> {
    let instant = |at: Option<tenure_model::Instant>| at.map(|at| at.to_string());
    let object = Matrix {
        definition: &matrix.definition,
        window: Window { from: instant(matrix.window.from), until: instant(matrix.window.until) },
        totals: matrix.totals,
        cohorts: matrix.cohorts.iter().map(|row| cohort(matrix, row)).collect(),
        summary: matrix.summary.iter().map(|p| point(p, &matrix.definition.summary)).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&object).map_err(|error| Error::encoding("JSON", error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn cohort<'a>(matrix: &RetentionMatrix, row: &'a CohortRow) -> Cohort<'a> {
    Cohort {
        cohort: row.start.to_string(),
        segment: NoSegment {},
        currency: row.currency.as_deref(),
        size: row.size,
        cells: row.cells.iter().map(|cell| cell_object(matrix, cell)).collect(),
    }
}

fn cell_object(matrix: &RetentionMatrix, cell: &CohortCell) -> CellObject {
    use tenure_analysis::Measure;
    let state = &cell.cell;
    let (low, high) = bounds(cell.interval);
    let value = cell.value;
    let text = |d: Option<tenure_model::Decimal>| d.map(|d| d.to_string());
    CellObject {
        age: cell.age.0,
        age_to: cell.age.0,
        state: state.state().name(),
        exposed: state.exposed(),
        retained: state.retained(),
        retained_exposed: state.retained_exposed(),
        rate: state.rate(),
        low,
        high,
        provisional_rate: state.provisional_rate(),
        events: (matrix.measure != Measure::Customers).then_some(cell.events),
        value: (matrix.measure == Measure::Value).then(|| ValueObject {
            active: value.map(|v| v.active),
            value: text(value.map(|v| v.total)),
            value_missing: value.map(|v| v.missing),
            value_per_member: text(value.and_then(|v| v.per_member)),
            value_per_active: text(value.and_then(|v| v.per_active)),
            value_cumulative_per_member: text(value.and_then(|v| v.cumulative_per_member)),
        }),
    }
}

fn point<'a>(point: &SummaryPoint, method: &'a str) -> Point<'a> {
    let (low, high) = bounds(point.interval);
    Point {
        segment: NoSegment {},
        age: point.age.0,
        age_to: point.age.0,
        method,
        cohorts: point.cohorts,
        exposed: point.exposed,
        retained: point.retained,
        rate: point.rate,
        low,
        high,
    }
}

fn bounds(interval: Option<Interval>) -> (Option<f64>, Option<f64>) {
    (interval.map(|i| i.low), interval.map(|i| i.high))
}
