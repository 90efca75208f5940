//! The figures that come first: a value, its change, its interval, and where it comes from.

use std::cmp::Reverse;

use tenure_analysis::{MetricRow, MetricValue, Metrics, SurveyKind, SurveyRow, Surveys};

use super::currencies::Currencies;
use super::curve::spark;
use super::labels::{self, cut, money, number, percent, period};
use crate::numbers;

/// Tiles at most.
const MOST_TILES: usize = 8;

/// Periods of the small line.
const SPARK_PERIODS: usize = 13;

/// The metrics that tiles are made of, the most telling first.
const TOLD: [(&str, &str, Better); 12] = [
    ("customer_retention_rate", "Customer retention", Better::Higher),
    ("churn_rate", "Customer churn", Better::Lower),
    ("mrr", "MRR", Better::Higher),
    ("net_revenue_retention", "Net revenue retention", Better::Higher),
    ("gross_revenue_retention", "Gross revenue retention", Better::Higher),
    ("active_customers", "Active customers", Better::Higher),
    ("new_customers", "New customers", Better::Higher),
    ("revenue", "Revenue", Better::Higher),
    ("repeat_purchase_rate", "Repeat purchases", Better::Higher),
    ("clv_observed", "Lifetime value so far", Better::Higher),
    ("arpc", "Revenue per customer", Better::Higher),
    ("stickiness", "Stickiness", Better::Higher),
];

/// Currencies that have a tile each.
const MOST_CURRENCIES: usize = 2;

/// Which direction is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Better {
    Higher,
    Lower,
}

/// A figure that comes first.
#[derive(Debug)]
pub(crate) struct Tile {
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) period: String,
    pub(crate) change: Option<Change>,
    pub(crate) interval: String,
    pub(crate) spark: String,
}

/// How a figure differs from that of the period before.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) text: String,
    /// `better`, `worse` or `same`.
    pub(crate) class: &'static str,
}

impl Change {
    /// A difference, in words without a sign, and the period that it is on.
    fn new(text: &str, on: &str, difference: f64, better: Better) -> Self {
        let class = match (difference == 0.0, (difference > 0.0) == (better == Better::Higher)) {
            (true, _) => "same",
            (false, true) => "better",
            (false, false) => "worse",
        };
        let arrow = if difference > 0.0 {
            "▲ "
        } else if difference < 0.0 {
            "▼ "
        } else {
            ""
        };
        let text = if difference == 0.0 { format!("as in {on}") } else { format!("{arrow}{text} on {on}") };
        Self { text, class }
    }
}

/// The tiles of a page.
pub(crate) fn tiles(metrics: Option<&Metrics>, surveys: Option<&Surveys>, currencies: &Currencies) -> Vec<Tile> {
    let mut scores = surveys.map(of_surveys).unwrap_or_default();
    scores.truncate(2);
    let mut tiles: Vec<Tile> = metrics.map(|metrics| of_metrics(metrics, currencies)).unwrap_or_default();
    tiles.truncate(MOST_TILES - scores.len());
    tiles.extend(scores);
    tiles
}

fn of_metrics(metrics: &Metrics, currencies: &Currencies) -> Vec<Tile> {
    let unit = &metrics.definition.scope.period;
    let level = metrics.definition.scope.level;
    let mut tiles = Vec::new();
    for (name, label, better) in TOLD {
        let mut rows: Vec<&MetricRow> =
            metrics.rows.iter().filter(|row| row.segment.is_none() && row.metric.name == name).collect();
        rows.sort_by_cached_key(|row| (currencies.place(&row.currency), row.currency.clone(), row.period.start));
        let by_currency: Vec<_> = rows.chunk_by(|a, b| a.currency == b.currency).collect();
        // Of many currencies the main one alone.
        let shown = if by_currency.len() > MOST_CURRENCIES { 1 } else { by_currency.len() };
        tiles.extend(by_currency.iter().take(shown).filter_map(|rows| tile(rows, label, better, unit, level)));
    }
    tiles
}

fn tile(rows: &[&MetricRow], label: &str, better: Better, unit: &str, level: f64) -> Option<Tile> {
    let complete = rows.iter().rposition(|row| !row.period.in_progress && row.value.is_some());
    let last = complete.or_else(|| rows.iter().rposition(|row| row.value.is_some()))?;
    let row = rows[last];
    let value = row.value?;
    let before = last.checked_sub(1).map(|before| rows[before]);
    let change = before.and_then(|before| {
        let (from, to) = (plain(before.value?), plain(value));
        let on = period(before.period.start, unit);
        let text = match value {
            MetricValue::Rate(_) => format!("{:.1} points", (to - from).abs() * 100.0),
            _ if from > 0.0 => format!("{:.1} %", ((to - from) / from).abs() * 100.0),
            _ => return None,
        };
        Some(Change::new(&text, &on, to - from, better))
    });
    let interval = row.interval.map(|interval| {
        let low = numbers::percent(interval.low, 1);
        format!("{} % interval {low} to {}", labels::level(level), percent(interval.high))
    });
    let line: Vec<Option<f64>> = rows[..=last].iter().map(|row| row.value.map(plain)).collect();
    let so_far = if row.period.in_progress { " so far" } else { "" };
    Some(Tile {
        label: label.to_owned(),
        value: shown(value, row.currency.as_deref()),
        period: format!("{}{so_far}", period(row.period.start, unit)),
        change,
        interval: interval.unwrap_or_default(),
        spark: spark(&line[line.len().saturating_sub(SPARK_PERIODS)..]),
    })
}

/// A figure as the page shows it.
pub(crate) fn shown(value: MetricValue, currency: Option<&str>) -> String {
    match value {
        MetricValue::Count(count) => tenure_model::grouped(count),
        MetricValue::Rate(rate) => percent(rate),
        MetricValue::Money(amount) => money(amount, currency),
        MetricValue::Number(value) => number(value),
    }
}

/// For drawing and comparing.
fn plain(value: MetricValue) -> f64 {
    match value {
        MetricValue::Count(count) => count as f64,
        MetricValue::Rate(value) | MetricValue::Number(value) => value,
        MetricValue::Money(amount) => amount.to_f64(),
    }
}

fn of_surveys(surveys: &Surveys) -> Vec<Tile> {
    let scope = &surveys.definition.scope;
    let whole: Vec<&SurveyRow> = surveys.rows.iter().filter(|row| row.segment.is_none()).collect();
    let asked = whole.chunk_by(|a, b| (a.kind, &a.question, a.scale) == (b.kind, &b.question, b.scale));
    let mut tiles: Vec<(u64, Tile)> = asked.filter_map(|rows| survey_tile(rows, &scope.period, scope.level)).collect();
    tiles.sort_by_key(|(answers, _)| Reverse(*answers));
    tiles.into_iter().map(|(_, tile)| tile).collect()
}

fn survey_tile(rows: &[&SurveyRow], unit: &str, level: f64) -> Option<(u64, Tile)> {
    let complete = rows.iter().rposition(|row| !row.period.in_progress && row.score.is_some());
    let last = complete.or_else(|| rows.iter().rposition(|row| row.score.is_some()))?;
    let row = rows[last];
    let score = row.score?;
    let before = last.checked_sub(1).map(|before| rows[before]);
    let change = before.and_then(|before| {
        let from = before.score?;
        let on = period(before.period.start, unit);
        let text = match row.kind {
            SurveyKind::Nps => format!("{:.1} points", (score - from).abs()),
            SurveyKind::Ces => format!("{:.2}", (score - from).abs()),
            SurveyKind::Csat | SurveyKind::Returned => format!("{:.1} points", (score - from).abs() * 100.0),
        };
        Some(Change::new(&text, &on, score - from, Better::Higher))
    });
    let interval = row.interval.map(|interval| {
        let low = score_text(row.kind, interval.low);
        let low = low.strip_suffix(" %").unwrap_or(&low);
        format!("{} % interval {low} to {}", labels::level(level), score_text(row.kind, interval.high))
    });
    let line: Vec<Option<f64>> = rows[..=last].iter().map(|row| row.score).collect();
    let so_far = if row.period.in_progress { " so far" } else { "" };
    let tile = Tile {
        label: kind_name(row.kind).to_owned(),
        value: score_text(row.kind, score),
        period: format!("{}{so_far}, n = {}", period(row.period.start, unit), tenure_model::grouped(row.answers)),
        change,
        interval: interval.unwrap_or_default(),
        spark: spark(&line[line.len().saturating_sub(SPARK_PERIODS)..]),
    };
    Some((rows.iter().map(|row| row.answers).sum(), tile))
}

/// A kind of survey as a heading has it.
pub(crate) const fn kind_name(kind: SurveyKind) -> &'static str {
    match kind {
        SurveyKind::Nps => "NPS",
        SurveyKind::Csat => "CSAT",
        SurveyKind::Ces => "CES",
        SurveyKind::Returned => "Say they came back",
    }
}

/// A score as people see it.
pub(crate) fn score_text(kind: SurveyKind, score: f64) -> String {
    match kind {
        SurveyKind::Nps => format!("{score:.1}").replace('-', "−"),
        SurveyKind::Csat | SurveyKind::Returned => percent(score),
        SurveyKind::Ces => format!("{score:.2}"),
    }
}

/// The question behind a kind of survey, where the export names one.
pub(crate) fn asked(row: &SurveyRow) -> String {
    let scale = row.scale.map(|scale| format!(" ({scale})")).unwrap_or_default();
    let question = row.question.as_ref().map(|question| format!(": {}", cut(question))).unwrap_or_default();
    format!("{}{scale}{question}", kind_name(row.kind))
}
