use serde::Serialize;
use tenure_analysis::Inspection;

use crate::error::Error;
use crate::numbers::{bytes_text, grouped};
use crate::text_table::{Align, TextTable};

/// What a history holds, for people.
pub fn inspection_text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut facts = vec![("customers", grouped(inspection.customers)), ("rows of activity", grouped(inspection.rows))];
    if let Some((first, last)) = inspection.span {
        facts.push(("first activity", first.to_string()));
        facts.push(("last activity", last.to_string()));
    }
    if let Some(until) = inspection.until {
        facts.push(("observed until", until.to_string()));
    }
    facts.push(("home zone", inspection.home_zone.clone()));
    facts.push(("rows with a value", grouped(inspection.valued)));
    facts.push(("segments", grouped(inspection.segments as u64)));
    facts.push(("content", inspection.content.clone()));
    for (name, value) in facts {
        text.push_str(&format!("{name:<18}{value}\n"));
    }
    let mut section = |table: &TextTable| {
        text.push('\n');
        text.push_str(&table.render());
    };
    section(&counted("event", &inspection.events));
    if !inspection.currencies.is_empty() {
        section(&counted("currency", &inspection.currencies));
    }
    if !inspection.attributes.is_empty() {
        let mut table = TextTable::new(&[("attribute", Align::Left), ("distinct", Align::Right), ("missing", Align::Right)]);
        for attribute in &inspection.attributes {
            let missing = 100.0 * attribute.missing as f64 / inspection.rows.max(1) as f64;
            table.row(vec![attribute.name.clone(), grouped(attribute.distinct), format!("{missing:.1} %")]);
        }
        section(&table);
    }
    if !inspection.bytes.is_empty() {
        let total: u64 = inspection.bytes.iter().map(|(_, bytes)| bytes).sum();
        let mut table =
            TextTable::new(&[("table", Align::Left), ("column", Align::Left), ("bytes", Align::Right), ("share", Align::Right)]);
        for ((name, column), bytes) in &inspection.bytes {
            table.row(vec![
                name.clone(),
                column.clone(),
                bytes_text(*bytes),
                format!("{:.1} %", 100.0 * *bytes as f64 / total as f64),
            ]);
        }
        table.row(vec!["all".to_owned(), String::new(), bytes_text(total), "100.0 %".to_owned()]);
        section(&table);
    }
    text
}

fn counted(name: &str, counts: &[(String, u64)]) -> TextTable {
    let mut table = TextTable::new(&[(name, Align::Left), ("rows", Align::Right)]);
    for (name, rows) in counts {
        table.row(vec![name.clone(), grouped(*rows)]);
    }
    table
}

#[derive(Serialize)]
struct Object<'a> {
    tables: Tables,
    from: Option<String>,
    last: Option<String>,
    until: Option<String>,
    home_zone: &'a str,
    segments: usize,
    content: &'a str,
    rows_with_value: u64,
    events: Vec<Counted<'a>>,
    currencies: Vec<Counted<'a>>,
    attributes: Vec<Attribute<'a>>,
    bytes: Vec<ColumnBytes<'a>>,
}

#[derive(Serialize)]
struct Tables {
    activity: Rows,
    customers: Rows,
}

#[derive(Serialize)]
struct Rows {
    rows: u64,
}

#[derive(Serialize)]
struct Counted<'a> {
    name: &'a str,
    rows: u64,
}

#[derive(Serialize)]
struct Attribute<'a> {
    name: &'a str,
    distinct: u64,
    missing: u64,
    missing_share: f64,
}

#[derive(Serialize)]
struct ColumnBytes<'a> {
    table: &'a str,
    column: &'a str,
    bytes: u64,
}

/// What a history holds, as one JSON object.
///
/// # Errors
///
/// Where the encoder fails.
pub fn inspection_json(inspection: &Inspection) -> Result<Vec<u8>, Error> {
    let object = Object {
        tables: Tables { activity: Rows { rows: inspection.rows }, customers: Rows { rows: inspection.customers } },
        from: inspection.span.map(|(first, _)| first.to_string()),
        last: inspection.span.map(|(_, last)| last.to_string()),
        until: inspection.until.map(|until| until.to_string()),
        home_zone: &inspection.home_zone,
        segments: inspection.segments,
        content: &inspection.content,
        rows_with_value: inspection.valued,
        events: inspection.events.iter().map(|(name, rows)| Counted { name, rows: *rows }).collect(),
        currencies: inspection.currencies.iter().map(|(name, rows)| Counted { name, rows: *rows }).collect(),
        attributes: inspection
            .attributes
            .iter()
            .map(|a| Attribute {
                name: &a.name,
                distinct: a.distinct,
                missing: a.missing,
                missing_share: a.missing as f64 / inspection.rows.max(1) as f64,
            })
            .collect(),
        bytes: inspection.bytes.iter().map(|((table, column), bytes)| ColumnBytes { table, column, bytes: *bytes }).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&object).map_err(|error| Error::encoding("JSON", error))?;
    bytes.push(b'\n');
    Ok(bytes)
}
