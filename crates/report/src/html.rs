//! An exhibit as a page of its own, that loads nothing.

use askama::Template;
use serde_json::Value;

use crate::error::Error;
use crate::exhibit::{Column, ColumnKind, Exhibit, Row, RowKind, Shown};
use crate::svg::{Colour, heat_colour, heat_ink};
use crate::text::plain;
use crate::text_table::Align;

#[derive(Template)]
#[template(path = "table.html")]
struct Page {
    title: String,
    subtitle: String,
    scale: Option<(String, String)>,
    gradient: Vec<Colour>,
    in_progress: bool,
    is_matrix: bool,
    columns: Vec<CellText>,
    rows: Vec<RowText>,
    sentence: String,
    notes: Vec<String>,
    rules: Vec<(String, String)>,
}

struct CellText {
    text: String,
    class: String,
    colours: Option<(Colour, Colour)>,
}

struct RowText {
    class: &'static str,
    cells: Vec<CellText>,
}

/// Words of so many letters stand in one line.
const SHORT: usize = 36;

/// Colours of the legend.
const GRADIENT: usize = 9;

/// The exhibit as HTML.
///
/// # Errors
///
/// Where the template fails.
pub(crate) fn html(exhibit: &Exhibit) -> Result<Vec<u8>, Error> {
    let meaning = &exhibit.meaning;
    let shown = |text: &String| plain(text).into_owned();
    let mut rows: Vec<RowText> = Vec::with_capacity(exhibit.rows.len());
    let mut before = RowKind::Body;
    for row in &exhibit.rows {
        let class = match (row.kind, before) {
            (RowKind::Body, _) => "",
            (RowKind::Summary, RowKind::Body) => "sum first",
            (RowKind::Summary, RowKind::Summary) => "sum",
        };
        before = row.kind;
        rows.push(RowText { class, cells: cells(exhibit, row) });
    }
    let value = |value: Value| match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => plain(&text).into_owned(),
        other => other.to_string(),
    };
    let page = Page {
        title: shown(&exhibit.title),
        subtitle: shown(&exhibit.subtitle),
        scale: exhibit.scale.as_ref().map(|(least, most)| (least.text(), most.text())),
        gradient: (0..GRADIENT).map(|step| heat_colour(step as f64 / (GRADIENT - 1) as f64)).collect(),
        in_progress: exhibit.has_in_progress(),
        is_matrix: exhibit.columns.iter().any(|column| column.kind == ColumnKind::Age),
        columns: exhibit
            .columns
            .iter()
            .map(|column| CellText { text: shown(&column.heading), class: class(column).to_owned(), colours: None })
            .collect(),
        rows,
        sentence: shown(&meaning.sentence),
        notes: meaning.notes.iter().map(shown).collect(),
        rules: meaning.rules().into_iter().map(|(rule, of)| (plain(&rule).into_owned(), value(of))).collect(),
    };
    page.render().map(String::into_bytes).map_err(|error| Error::encoding("HTML", error))
}

fn class(column: &Column) -> &'static str {
    match (column.kind, column.align) {
        (ColumnKind::Age, _) => "a",
        (ColumnKind::Plain, Align::Right) => "n",
        (ColumnKind::Plain, Align::Left) => "",
    }
}

fn cells(exhibit: &Exhibit, row: &Row) -> Vec<CellText> {
    let cells = row.cells.iter().zip(&exhibit.columns).enumerate().map(|(place, (cell, column))| {
        let text = exhibit.text(row, place);
        let mut class = class(column).to_owned();
        if class.is_empty() && text.chars().count() <= SHORT {
            class.push('w');
        }
        let mut colours = None;
        match cell.state {
            Shown::Plain => {}
            Shown::InProgress => class = format!("{class} so-far").trim_start().to_owned(),
            Shown::Heat(heat) => {
                let colour = heat_colour(heat);
                colours = Some((colour, heat_ink(colour)));
            }
        }
        CellText { text, class, colours }
    });
    cells.collect()
}
