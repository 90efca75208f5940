use serde::Serialize;
use tenure_analysis::{CohortCell, CohortRow, Definition, Interval, RetentionMatrix, SummaryPoint, Totals};

use crate::error::Error;

/// The values of the `by` columns, by their names; an object without fields is no segment.
type SegmentObject = serde_json::Map<String, serde_json::Value>;

#[derive(Serialize)]
struct Matrix<'a> {
    definition: &'a Definition,
    window: Window,
    totals: Totals,
    cohorts: Vec<Cohort<'a>>,
    summary: Vec<Point<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

#[derive(Serialize)]
struct Window {
    from: Option<String>,
    until: Option<String>,
}

#[derive(Serialize)]
struct Cohort<'a> {
    cohort: String,
    segment: SegmentObject,
    currency: Option<&'a str>,
    size: u64,
    cells: Vec<CellObject>,
}

#[derive(Serialize)]
struct CellObject {
    age: u32,
    age_to: Option<u32>,
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
    segment: SegmentObject,
    age: u32,
    age_to: Option<u32>,
    method: &'a str,
    cohorts: u64,
    exposed: u64,
    retained: u64,
    rate: f64,
    low: Option<f64>,
    high: Option<f64>,
    /// Only of values.
    #[serde(skip_serializing_if = "Option::is_none")]
    revenue: Option<Vec<RevenueObject<'a>>>,
}

#[derive(Serialize)]
struct RevenueObject<'a> {
    currency: Option<&'a str>,
    value: String,
    value_at_birth: String,
    revenue_retention: Option<f64>,
    customer_retention: Option<f64>,
}

pub(crate) fn retention(matrix: &RetentionMatrix) -> Result<Vec<u8>, Error> {
    let instant = |at: Option<tenure_model::Instant>| at.map(|at| at.to_string());
    let object = Matrix {
        definition: &matrix.definition,
        window: Window { from: instant(matrix.window.from), until: instant(matrix.window.until) },
        totals: matrix.totals,
        cohorts: matrix.cohorts.iter().map(|row| cohort(matrix, row)).collect(),
        summary: matrix.summary.iter().map(|p| point(matrix, p)).collect(),
        notes: &matrix.notes,
    };
    let mut bytes = serde_json::to_vec_pretty(&object).map_err(|error| Error::encoding("JSON", error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn cohort<'a>(matrix: &RetentionMatrix, row: &'a CohortRow) -> Cohort<'a> {
    Cohort {
        cohort: row.start.to_string(),
        segment: segment(&matrix.definition.by, &row.segment),
        currency: row.currency.as_deref(),
        size: row.size,
        cells: row.cells.iter().map(|cell| cell_object(matrix, cell)).collect(),
    }
}

fn cell_object(matrix: &RetentionMatrix, cell: &CohortCell) -> CellObject {
    use tenure_analysis::Measure;
    let state = &cell.cell;
    let (low, high) = bounds(cell.interval);
    let value = cell.value.as_deref();
    let text = |d: Option<tenure_model::Decimal>| d.map(|d| d.to_string());
    CellObject {
        age: cell.age.from.0,
        age_to: cell.age.to.map(|to| to.0),
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

pub(crate) fn segment(by: &[String], values: &[Option<String>]) -> SegmentObject {
    let value = |value: &Option<String>| value.clone().map_or(serde_json::Value::Null, serde_json::Value::String);
    by.iter().cloned().zip(values.iter().map(value)).collect()
}

fn point<'a>(matrix: &'a RetentionMatrix, point: &'a SummaryPoint) -> Point<'a> {
    let (low, high) = bounds(point.interval);
    let revenue = point.revenue.iter().map(|revenue| RevenueObject {
        currency: revenue.currency.as_deref(),
        value: revenue.value.to_string(),
        value_at_birth: revenue.value_at_birth.to_string(),
        revenue_retention: revenue.retention,
        customer_retention: revenue.heads,
    });
    Point {
        segment: point.segment.as_deref().map(|values| segment(&matrix.definition.by, values)).unwrap_or_default(),
        age: point.age.from.0,
        age_to: point.age.to.map(|to| to.0),
        method: &matrix.definition.summary,
        cohorts: point.cohorts,
        exposed: point.exposed,
        retained: point.retained,
        rate: point.rate,
        low,
        high,
        revenue: (matrix.measure == tenure_analysis::Measure::Value).then(|| revenue.collect()),
    }
}

fn bounds(interval: Option<Interval>) -> (Option<f64>, Option<f64>) {
    (interval.map(|i| i.low), interval.map(|i| i.high))
}
