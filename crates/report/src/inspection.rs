//! What a history holds: blocks for people, an object for programs, a row for each thing told for other formats.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use tenure_analysis::{AttributeSummary, Inspection, TableSummary};
use tenure_model::{Instant, Table, grouped};

use crate::error::Error;
use crate::numbers::bytes_text;
use crate::retention::short_content;
use crate::sheet::Sheet;
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
    if inspection.aliases > 0 {
        facts.push(("merged ids", grouped(inspection.aliases as u64)));
    }
    facts.push(("segments", grouped(inspection.segments as u64)));
    facts.push(("content", inspection.content.clone()));
    for (name, value) in facts {
        text.push_str(&format!("{name:<18}{value}\n"));
    }
    let mut section = |table: &TextTable| {
        text.push('\n');
        text.push_str(&table.render());
    };
    if !inspection.events.is_empty() {
        section(&counted("event", &inspection.events));
    }
    if !inspection.currencies.is_empty() {
        section(&counted("currency", &inspection.currencies));
    }
    if !inspection.attributes.is_empty() {
        section(&columns_table("attribute", &inspection.attributes, inspection.rows));
    }
    for table in &inspection.tables {
        let span = table.span.map(|(first, last)| format!(", {first} to {last}")).unwrap_or_default();
        section_text(&mut text, &format!("{}: {}{span}", table.table.name(), crate::numbers::counted(table.rows, "row")));
        text.push_str(&columns_table("column", &table.columns, table.rows).render());
    }
    let mut section = |table: &TextTable| {
        text.push('\n');
        text.push_str(&table.render());
    };
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

fn section_text(text: &mut String, line: &str) {
    text.push('\n');
    text.push_str(line);
    text.push('\n');
}

fn columns_table(name: &str, columns: &[AttributeSummary], rows: u64) -> TextTable {
    let mut table = TextTable::new(&[(name, Align::Left), ("distinct", Align::Right), ("missing", Align::Right)]);
    for column in columns {
        let missing = 100.0 * column.missing as f64 / rows.max(1) as f64;
        table.row(vec![column.name.clone(), column.distinct.map(grouped).unwrap_or_default(), format!("{missing:.1} %")]);
    }
    table
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
    tables: BTreeMap<&'static str, TableObject<'a>>,
    aliases: usize,
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
struct TableObject<'a> {
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    listed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<Attribute<'a>>,
}

fn table_object(table: &TableSummary) -> TableObject<'_> {
    TableObject {
        rows: table.rows,
        listed: None,
        from: table.span.map(|(first, _)| first.to_string()),
        last: table.span.map(|(_, last)| last.to_string()),
        columns: attributes(&table.columns, table.rows),
    }
}

fn attributes(attributes: &[AttributeSummary], rows: u64) -> Vec<Attribute<'_>> {
    let share = |missing: u64| missing as f64 / rows.max(1) as f64;
    attributes
        .iter()
        .map(|a| Attribute { name: &a.name, distinct: a.distinct, missing: a.missing, missing_share: share(a.missing) })
        .collect()
}

#[derive(Serialize)]
struct Counted<'a> {
    name: &'a str,
    rows: u64,
}

#[derive(Serialize)]
struct Attribute<'a> {
    name: &'a str,
    distinct: Option<u64>,
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
    let plain = |rows: u64| TableObject { rows, listed: None, from: None, last: None, columns: Vec::new() };
    let mut tables: BTreeMap<&'static str, TableObject<'_>> =
        inspection.tables.iter().map(|table| (table.table.name(), table_object(table))).collect();
    tables.insert("activity", plain(inspection.rows));
    let customers = tables.entry("customers").or_insert_with(|| plain(0));
    customers.listed = Some(customers.rows);
    customers.rows = inspection.customers;
    let object = Object {
        tables,
        aliases: inspection.aliases,
        from: inspection.span.map(|(first, _)| first.to_string()),
        last: inspection.span.map(|(_, last)| last.to_string()),
        until: inspection.until.map(|until| until.to_string()),
        home_zone: &inspection.home_zone,
        segments: inspection.segments,
        content: &inspection.content,
        rows_with_value: inspection.valued,
        events: inspection.events.iter().map(|(name, rows)| Counted { name, rows: *rows }).collect(),
        currencies: inspection.currencies.iter().map(|(name, rows)| Counted { name, rows: *rows }).collect(),
        attributes: attributes(&inspection.attributes, inspection.rows),
        bytes: inspection.bytes.iter().map(|((table, column), bytes)| ColumnBytes { table, column, bytes: *bytes }).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&object).map_err(|error| Error::encoding("JSON", error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A line of the sheet.
#[derive(Default)]
struct Line {
    table: String,
    what: &'static str,
    name: String,
    rows: Option<u64>,
    span: Option<(Instant, Instant)>,
    distinct: Option<u64>,
    missing: Option<u64>,
    missing_share: Option<f64>,
    bytes: Option<u64>,
}

/// What a history holds as a sheet: a row for each table, event, currency and column.
pub fn inspection_sheet(inspection: &Inspection) -> Sheet {
    let lines = lines(inspection);
    let of = |of: fn(&Line) -> Option<u64>| lines.iter().map(of);
    let instant =
        |of: fn((Instant, Instant)) -> Instant| lines.iter().map(move |line| line.span.map(|span| of(span).to_string()));
    let definition = json!({
        "source": "inspect", "home_zone": inspection.home_zone, "segments": inspection.segments, "aliases": inspection.aliases,
        "customers": inspection.customers, "rows_with_value": inspection.valued,
        "until": inspection.until.map(|until| until.to_string()), "content": inspection.content,
    });
    let sentence = format!(
        "what the history holds: {} customers, {} rows of activity, {} of them with a value; home zone {}; observed until {}; content {}",
        grouped(inspection.customers),
        grouped(inspection.rows),
        grouped(inspection.valued),
        inspection.home_zone,
        inspection.until.map_or_else(|| "nothing".to_owned(), |until| until.to_string()),
        short_content(&inspection.content)
    );
    Sheet::new(lines.len(), definition, sentence)
        .title("What the history holds")
        .texts("table", lines.iter().map(|line| Some(line.table.clone())))
        .texts("what", lines.iter().map(|line| Some(line.what)))
        .texts("name", lines.iter().map(|line| Some(line.name.clone())))
        .integers("rows", of(|line| line.rows))
        .texts("from", instant(|span| span.0))
        .texts("last", instant(|span| span.1))
        .integers("distinct", of(|line| line.distinct))
        .integers("missing", of(|line| line.missing))
        .shares("missing_share", lines.iter().map(|line| line.missing_share))
        .integers("bytes", of(|line| line.bytes))
}

fn lines(inspection: &Inspection) -> Vec<Line> {
    let mut lines = Vec::new();
    for table in Table::ALL {
        let own = inspection.tables.iter().find(|own| own.table == table);
        let (rows, span) = match table {
            Table::Activity => (inspection.rows, inspection.span),
            Table::Customers => (inspection.customers, None),
            _ => (own.map_or(0, |own| own.rows), own.and_then(|own| own.span)),
        };
        if rows == 0 {
            continue;
        }
        let name = table.name();
        let mut bytes: BTreeMap<&str, u64> = BTreeMap::new();
        for ((_, column), count) in inspection.bytes.iter().filter(|((of, _), _)| of == name) {
            bytes.insert(column, *count);
        }
        let line = |what, of: &str| Line { table: name.to_owned(), what, name: of.to_owned(), ..Line::default() };
        let all = (!bytes.is_empty()).then(|| bytes.values().sum());
        lines.push(Line { rows: Some(rows), span, bytes: all, ..line("table", name) });
        if table == Table::Activity {
            let counted = |what, counts: &[(String, u64)]| -> Vec<Line> {
                counts.iter().map(|(of, rows)| Line { rows: Some(*rows), ..line(what, of) }).collect()
            };
            lines.extend(counted("event", &inspection.events));
            lines.extend(counted("currency", &inspection.currencies));
        }
        let (columns, of) = match own {
            Some(own) => (&own.columns, own.rows),
            None if table == Table::Activity => (&inspection.attributes, inspection.rows),
            None => (&Vec::new(), 0),
        };
        for column in columns {
            lines.push(Line {
                distinct: column.distinct,
                missing: Some(column.missing),
                missing_share: Some(column.missing as f64 / of.max(1) as f64),
                bytes: bytes.remove(column.name.as_str()),
                ..line("column", &column.name)
            });
        }
        // Columns of tenure's own.
        lines.extend(bytes.into_iter().map(|(column, bytes)| Line { bytes: Some(bytes), ..line("column", column) }));
    }
    lines
}
