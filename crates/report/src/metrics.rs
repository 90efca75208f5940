//! Metrics: long for files, a column for each period for people.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tenure_analysis::{METRICS, MetricRow, Metrics};
use tenure_model::Day;
use unicode_width::UnicodeWidthStr;

use crate::exhibit::{Column, Datum, Exhibit, Meaning, Row, RowKind, Shown, ShownCell};
use crate::figures::{definition, in_words};
use crate::sheet::Sheet;
use crate::table::segment_label;
use crate::text::plain;
use crate::text_table::{Align, TextTable, below};
use crate::wide::{IN_PROGRESS, NONE};

/// Periods shown where the width of the terminal is not known.
const PERIODS_SHOWN: usize = 6;

/// Periods shown on a page.
const PERIODS_ON_A_PAGE: usize = 12;

/// Columns of a terminal that a period takes at least.
const PERIOD_WIDTH: usize = 14;

/// Metrics as a sheet: a row for each.
pub fn metrics_sheet(metrics: &Metrics) -> Sheet {
    let rows = &metrics.rows;
    Sheet::new(rows.len(), definition(&metrics.definition), sentence(metrics))
        .bare()
        .in_progress(rows.iter().map(|row| row.period.in_progress))
        .dates("period", rows.iter().map(|row| Some(row.period.start)))
        .segments(metrics.definition.scope.by.as_deref(), rows.iter().map(|row| row.segment.clone()))
        .texts("metric", rows.iter().map(|row| Some(row.metric.name)))
        .figures("value", rows.iter().map(|row| row.value))
        .decimals("numerator", rows.iter().map(|row| row.numerator))
        .decimals("denominator", rows.iter().map(|row| row.denominator))
        .numbers("low", rows.iter().map(|row| row.interval.map(|interval| interval.low)))
        .detail()
        .numbers("high", rows.iter().map(|row| row.interval.map(|interval| interval.high)))
        .detail()
        .texts("currency", rows.iter().map(|row| row.currency.clone()))
        .decimals("benchmark", rows.iter().map(|row| row.benchmark))
        .texts("state", rows.iter().map(|row| Some(if row.period.in_progress { "in_progress" } else { "complete" })))
        .detail()
        .texts("formula", rows.iter().map(|row| Some(row.metric.formula)))
        .detail()
        .notes(metrics.notes.iter().cloned())
        .title("Metrics")
        .shown_as(|meaning| by_periods(metrics, meaning))
}

/// Metrics on a page: a row for each metric, a column for each of the last periods.
fn by_periods(metrics: &Metrics, mut meaning: Meaning) -> Exhibit {
    let rows = &metrics.rows;
    let periods: BTreeSet<Day> = rows.iter().map(|row| row.period.start).collect();
    let shown: Vec<Day> = periods.iter().rev().take(PERIODS_ON_A_PAGE).rev().copied().collect();
    if periods.len() > shown.len() {
        meaning.notes.push(format!("the last {} of {} periods; all of them in csv and xlsx", shown.len(), periods.len()));
    }
    let by = metrics.definition.scope.by.as_deref();
    let mut columns: Vec<Column> = by.iter().map(|by| Column::plain(by, Align::Left)).collect();
    columns.push(Column::plain("metric", Align::Left));
    let has_currency = rows.iter().any(|row| row.currency.is_some());
    if has_currency {
        columns.push(Column::plain("currency", Align::Left));
    }
    columns.extend(shown.iter().map(|day| Column::plain(&day.to_string(), Align::Right)));
    let mut lines = Vec::new();
    for rows in rows.chunk_by(|a, b| a.segment == b.segment) {
        let mut by_metric: BTreeMap<(usize, Option<&str>), BTreeMap<Day, &MetricRow>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.value.is_some() && shown.contains(&row.period.start)) {
            by_metric.entry((place(row), row.currency.as_deref())).or_default().insert(row.period.start, row);
        }
        let segment = rows.first().and_then(|row| row.segment.as_ref());
        let segment = segment.map_or("(all)", |value| value.as_deref().unwrap_or(NONE));
        for ((place, currency), of) in by_metric {
            let word = |text: &str| ShownCell::plain(Datum::Text(text.to_owned()));
            let mut cells: Vec<ShownCell> = by.iter().map(|_| word(segment)).collect();
            cells.push(word(&METRICS[place].name.replace('_', " ")));
            if has_currency {
                cells.push(ShownCell::plain(Datum::of(currency.map(str::to_owned), Datum::Text)));
            }
            cells.extend(shown.iter().map(|day| match of.get(day) {
                Some(row) => {
                    let state = if row.period.in_progress { Shown::InProgress } else { Shown::Plain };
                    ShownCell { datum: Datum::of(row.value, Datum::figure), state }
                }
                None => ShownCell::plain(Datum::Nothing),
            }));
            lines.push(Row { kind: RowKind::Body, cells });
        }
    }
    let name = "By period".to_owned();
    Exhibit { name, title: "Metrics".to_owned(), columns, rows: lines, meaning, ..Exhibit::default() }
}

/// Where a row's metric stands among all.
fn place(row: &MetricRow) -> usize {
    METRICS.iter().position(|known| known.name == row.metric.name).unwrap_or_default()
}

fn sentence(metrics: &Metrics) -> String {
    let customer =
        metrics.definition.customer.as_ref().map(|who| format!("; a customer at an instant: {who}")).unwrap_or_default();
    in_words(&format!("metrics of customers{customer}; definitions: tenure metrics --list"), &metrics.definition.scope)
}

/// Metrics for people: a row for each metric, a column for each of the last periods, a block for each segment.
pub fn metrics_text(metrics: &Metrics, width: Option<usize>) -> String {
    let periods: BTreeSet<Day> = metrics.rows.iter().map(|row| row.period.start).collect();
    let by = metrics.definition.scope.by.as_deref();
    let told: BTreeSet<(usize, Option<&str>)> = metrics.rows.iter().map(|row| (place(row), row.currency.as_deref())).collect();
    let side_by_side = by.is_some() && told.len() <= FEW;
    let names = metrics.rows.iter().map(|row| match side_by_side {
        true => segment_text(row).width(),
        false => metric_text((place(row), row.currency.as_deref())).width(),
    });
    let named = names.max().unwrap_or(0);
    let fit = width.map_or(PERIODS_SHOWN, |width| (width.saturating_sub(named) / PERIOD_WIDTH).max(1));
    let shown: Vec<Day> = periods.iter().rev().take(fit).rev().copied().collect();
    let in_progress: BTreeSet<Day> =
        metrics.rows.iter().map(|row| &row.period).filter(|p| p.in_progress).map(|p| p.start).collect();
    let header: Vec<String> =
        shown.iter().map(|day| if in_progress.contains(day) { format!("{day}{IN_PROGRESS}") } else { day.to_string() }).collect();
    let mut text = String::new();
    let mut add = |title: Option<String>, block: String| {
        text.extend(title.map(|title| format!("{}\n", plain(&title))));
        text.push_str(&block);
        text.push('\n');
    };
    match by {
        // Few metrics are held side by side.
        Some(by) if side_by_side => {
            for metric in told {
                let rows: Vec<&MetricRow> =
                    metrics.rows.iter().filter(|row| (place(row), row.currency.as_deref()) == metric).collect();
                let lines = rows.chunk_by(|a, b| a.segment == b.segment).map(|rows| (segment_text(rows[0]), rows.to_vec()));
                add(Some(metric_text(metric)), block(by, &header, &shown, lines));
            }
        }
        _ => {
            for rows in metrics.rows.chunk_by(|a, b| a.segment == b.segment) {
                let mut by_metric: BTreeMap<(usize, Option<&str>), Vec<&MetricRow>> = BTreeMap::new();
                rows.iter().for_each(|row| by_metric.entry((place(row), row.currency.as_deref())).or_default().push(row));
                let lines = by_metric.into_iter().map(|(metric, rows)| (metric_text(metric), rows));
                let title = by.map(|by| format!("{by}: {}", segment_text(&rows[0])));
                add(title, block("", &header, &shown, lines));
            }
        }
    }
    if shown.iter().any(|day| in_progress.contains(day)) {
        text.push_str(&format!("{IN_PROGRESS} in progress\n"));
    }
    if periods.len() > shown.len() {
        text.push_str(&format!("the last {} of {} periods; all of them with --format csv\n", shown.len(), periods.len()));
    }
    text.push_str(&format!("{}\n", below(&sentence(metrics), width)));
    metrics.notes.iter().for_each(|note| text.push_str(&format!("{}\n", below(note, width))));
    text
}

/// So few metrics are all shown.
const FEW: usize = 4;

fn metric_text((place, currency): (usize, Option<&str>)) -> String {
    let name = METRICS[place].name.replace('_', " ");
    currency.map_or(name.clone(), |currency| format!("{name}, {currency}"))
}

fn segment_text(row: &MetricRow) -> String {
    row.segment.as_ref().map_or("(all)".to_owned(), segment_label)
}

/// Lines of rows of one metric and one segment each, by period.
fn block<'a>(
    heading: &str,
    header: &[String],
    shown: &[Day],
    lines: impl Iterator<Item = (String, Vec<&'a MetricRow>)>,
) -> String {
    let mut columns = vec![(heading, Align::Left)];
    columns.extend(header.iter().map(|text| (text.as_str(), Align::Right)));
    let mut table = TextTable::new(&columns);
    // Few were asked for by name, so that one without any value says so.
    let lines: Vec<_> = lines.collect();
    let few = lines.len() <= FEW || !heading.is_empty();
    for (name, rows) in lines {
        let at =
            |day: &Day| rows.iter().find(|row| row.period.start == *day).map(|row| Datum::of(row.value, Datum::figure).text());
        let mut row = vec![name];
        row.extend(shown.iter().map(|day| at(day).unwrap_or_default()));
        let is_empty = row[1..].iter().all(String::is_empty);
        if is_empty && few {
            row[1..].iter_mut().for_each(|text| text.push_str("nothing to divide by"));
        }
        if few || !is_empty {
            table.row(row);
        }
    }
    table.render()
}

/// All metrics and their definitions as a sheet.
pub fn catalog_sheet() -> Sheet {
    Sheet::new(
        METRICS.len(),
        json!({ "source": "catalog" }),
        "the metrics that there are; each is shown where the history can answer it",
    )
    .title("Definitions of metrics")
    .texts("metric", METRICS.iter().map(|metric| Some(metric.name)))
    .texts("definition", METRICS.iter().map(|metric| Some(metric.definition)))
    .texts("formula", METRICS.iter().map(|metric| Some(metric.formula)))
    .texts("example", METRICS.iter().map(|metric| Some(metric.example)))
}

/// The catalog for people: each metric with its definition below.
pub fn catalog_text(width: Option<usize>) -> String {
    let mut text = String::new();
    let inside = |line: &str| below(line, width.map(|width| width.saturating_sub(2))).replace('\n', "\n  ");
    for metric in METRICS {
        text.push_str(&format!("{}\n  {}\n", metric.name, inside(metric.definition)));
        if !metric.formula.is_empty() {
            text.push_str(&format!("  {}\n", inside(&format!("{}   for instance {}", metric.formula, metric.example))));
        }
    }
    text
}
