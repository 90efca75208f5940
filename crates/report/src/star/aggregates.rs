//! Retention, revenue and metrics as facts.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use tenure_analysis::{
    CohortCell, CohortRow, CohortStart, EVERYBODY, MetricKind, MetricValue, Metrics, Quotient, RetentionMatrix, Revenue,
    segment_key,
};
use tenure_model::{DIVISION_SCALE, Day, Decimal};

use crate::error::Error;
use crate::star::columns::TableColumns;
use crate::wide::NONE;

/// The segments that facts refer to.
#[derive(Debug, Clone, Default)]
pub struct Segments {
    known: BTreeMap<String, (Option<String>, Option<String>)>,
}

impl Segments {
    /// The key of a segment; none is everybody.
    pub fn key(&mut self, by: Option<&str>, value: Option<Option<&str>>) -> String {
        let (Some(by), Some(value)) = (by, value) else {
            self.known.entry(EVERYBODY.to_owned()).or_insert((None, None));
            return EVERYBODY.to_owned();
        };
        let key = segment_key(by, value);
        self.known.entry(key.clone()).or_insert_with(|| (Some(by.to_owned()), value.map(str::to_owned)));
        key
    }

    /// The segments as rows.
    ///
    /// # Errors
    ///
    /// Where the encoder fails.
    pub fn rows(&self) -> Result<RecordBatch, Error> {
        let label = |key: &String, (by, value): &(Option<String>, Option<String>)| match (by, value) {
            (None, _) => key.clone(),
            (Some(_), value) => value.clone().unwrap_or_else(|| NONE.to_owned()),
        };
        TableColumns::default()
            .texts("segment", self.known.keys().map(Some))
            .texts("by", self.known.values().map(|(by, _)| by.clone()))
            .texts("value", self.known.values().map(|(_, value)| value.clone()))
            .texts("label", self.known.iter().map(|(key, of)| Some(label(key, of))))
            .finish()
    }
}

/// The cells of matrices as facts; amounts have `scale` digits after the point.
///
/// # Errors
///
/// Where cohorts are hours, or the encoder fails.
pub fn retention_facts(matrices: &[RetentionMatrix], scale: u8, segments: &mut Segments) -> Result<RecordBatch, Error> {
    let mut cells: Vec<(String, Day, &CohortRow, &CohortCell)> = Vec::new();
    for matrix in matrices {
        let by = matrix.definition.by.first().map(String::as_str);
        for row in &matrix.cohorts {
            let CohortStart::Day(start) = row.start else {
                return Err(Error::unsupported("cohorts of hours have no date"));
            };
            let key = segments.key(by, row.segment.first().map(Option::as_deref));
            cells.extend(row.cells.iter().map(|cell| (key.clone(), start, row, cell)));
        }
    }
    let value = |of: fn(&tenure_analysis::CellValue) -> Option<Decimal>| {
        cells.iter().map(move |(.., cell)| cell.value.as_deref().and_then(of))
    };
    let count = |of: fn(&CohortCell) -> Option<u64>| cells.iter().map(move |(.., cell)| of(cell));
    let float = |of: fn(&CohortCell) -> Option<f64>| cells.iter().map(move |(.., cell)| of(cell));
    TableColumns::default()
        .dates("cohort", cells.iter().map(|(_, start, ..)| Some(*start)))
        .texts("segment", cells.iter().map(|(key, ..)| Some(key)))
        .texts("currency", cells.iter().map(|(_, _, row, _)| row.currency.as_ref()))
        .integers("age", count(|cell| Some(cell.age.from.0.into())))
        .texts("state", cells.iter().map(|(.., cell)| Some(cell.cell.state().name())))
        .integers("size", cells.iter().map(|(_, _, row, _)| Some(row.size)))
        .integers("exposed", count(|cell| cell.cell.exposed()))
        .integers("retained", count(|cell| cell.cell.retained()))
        .integers("retained_exposed", count(|cell| cell.cell.retained_exposed()))
        .floats("rate", float(|cell| cell.cell.rate()))
        .floats("low", float(|cell| cell.interval.map(|interval| interval.low)))
        .floats("high", float(|cell| cell.interval.map(|interval| interval.high)))
        .floats("provisional_rate", float(|cell| cell.cell.provisional_rate()))
        .integers("events", count(|cell| cell.events))
        .integers("active", count(|cell| cell.value.as_deref().map(|value| value.active)))
        .decimals("value", scale, value(|value| Some(value.total)))?
        .integers("value_missing", count(|cell| cell.value.as_deref().map(|value| value.missing)))
        .decimals("value_per_member", DIVISION_SCALE, value(|value| value.per_member))?
        .decimals("value_per_active", DIVISION_SCALE, value(|value| value.per_active))?
        .decimals("value_cumulative_per_member", DIVISION_SCALE, value(|value| value.cumulative_per_member))?
        .finish()
}

fn state(in_progress: bool) -> Option<&'static str> {
    Some(if in_progress { "in_progress" } else { "complete" })
}

/// Movements of recurring revenue as facts. Those of a segment do without the whole, which is among those without.
///
/// # Errors
///
/// Where the encoder fails.
pub fn mrr_facts(revenue: Option<&Revenue>, segments: &mut Segments) -> Result<RecordBatch, Error> {
    let rows = revenue.map_or(&[][..], |revenue| &revenue.rows);
    let by = revenue.and_then(|revenue| revenue.definition.scope.by.as_deref());
    let keys: Vec<String> = rows.iter().map(|row| segments.key(by, row.segment.as_ref().map(Option::as_deref))).collect();
    let mut columns = TableColumns::default()
        .dates("date", rows.iter().map(|row| Some(row.period.start)))
        .texts("state", rows.iter().map(|row| state(row.period.in_progress)))
        .texts("segment", keys.iter().map(Some))
        .texts("currency", rows.iter().map(|row| row.currency.as_ref()));
    type Amount = fn(&tenure_analysis::MrrMovement) -> Decimal;
    let amounts: [(&str, Amount); 10] = [
        ("opening", |mrr| mrr.opening),
        ("new", |mrr| mrr.new),
        ("reactivation", |mrr| mrr.reactivation),
        ("expansion", |mrr| mrr.expansion),
        ("contraction", |mrr| mrr.contraction),
        ("churn", |mrr| mrr.churn),
        ("fx", |mrr| mrr.fx),
        ("transfer_in", |mrr| mrr.transfer_in),
        ("transfer_out", |mrr| mrr.transfer_out),
        ("closing", |mrr| mrr.closing),
    ];
    for (name, of) in amounts {
        columns = columns.decimals(name, DIVISION_SCALE, rows.iter().map(|row| Some(of(&row.mrr))))?;
    }
    type Rate = fn(&tenure_analysis::MrrMovement) -> Quotient;
    let rates: [(&str, Rate); 4] = [
        ("gross_revenue_retention", |mrr| mrr.gross_retention()),
        ("net_revenue_retention", |mrr| mrr.net_retention()),
        ("mrr_churn_rate", |mrr| mrr.churn_rate()),
        ("quick_ratio", |mrr| mrr.quick_ratio()),
    ];
    for (name, of) in rates {
        columns = columns.floats(name, rows.iter().map(|row| of(&row.mrr).value()));
    }
    columns
        .integers("customers_opening", rows.iter().map(|row| Some(row.customers.opening)))
        .integers("customers_closing", rows.iter().map(|row| Some(row.customers.closing)))
        .finish()
}

/// Metrics as facts; amounts have `scale` digits after the point, or those of quotients where these are more.
///
/// # Errors
///
/// Where the encoder fails.
pub fn metric_facts(metrics: &Metrics, scale: u8, segments: &mut Segments) -> Result<RecordBatch, Error> {
    let rows = &metrics.rows;
    let scale = scale.max(DIVISION_SCALE);
    let by = metrics.definition.scope.by.as_deref();
    let keys: Vec<String> = rows.iter().map(|row| segments.key(by, row.segment.as_ref().map(Option::as_deref))).collect();
    let exact = |value: MetricValue| match value {
        MetricValue::Count(count) => Some(Decimal::new(count.into(), 0)),
        MetricValue::Money(amount) => Some(amount),
        MetricValue::Rate(number) | MetricValue::Number(number) => {
            format!("{number:.*}", usize::from(DIVISION_SCALE)).parse().ok()
        }
    };
    let kind = |kind: MetricKind| match kind {
        MetricKind::Count => "count",
        MetricKind::Rate => "rate",
        MetricKind::Money => "money",
        MetricKind::Number => "number",
    };
    TableColumns::default()
        .dates("date", rows.iter().map(|row| Some(row.period.start)))
        .texts("state", rows.iter().map(|row| state(row.period.in_progress)))
        .texts("segment", keys.iter().map(Some))
        .texts("metric", rows.iter().map(|row| Some(row.metric.name)))
        .texts("kind", rows.iter().map(|row| Some(kind(row.metric.kind))))
        .texts("currency", rows.iter().map(|row| row.currency.as_ref()))
        .decimals("value", scale, rows.iter().map(|row| row.value.and_then(exact)))?
        .decimals("numerator", scale, rows.iter().map(|row| row.numerator.map(|part| part.rounded(scale))))?
        .decimals("denominator", scale, rows.iter().map(|row| row.denominator.map(|part| part.rounded(scale))))?
        .floats("low", rows.iter().map(|row| row.interval.map(|interval| interval.low)))
        .floats("high", rows.iter().map(|row| row.interval.map(|interval| interval.high)))
        .finish()
}
