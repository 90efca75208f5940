use std::borrow::Cow;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::ipc::writer::FileWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use tenure_analysis::RetentionMatrix;

use crate::error::Error;
use crate::exhibit::{self, Exhibit};
use crate::format::{Format, Layout, Show, TableStyle};
use crate::html::html;
use crate::numbers::percent;
use crate::svg::{picture, png};
use crate::text::{field, plain};
use crate::workbook::workbook;
use crate::{json, long, table, text, wide};

/// A matrix as the bytes of a format.
///
/// # Errors
///
/// Where the format has no such layout, or an encoder fails.
pub fn render_retention(
    matrix: &RetentionMatrix,
    format: Format,
    layout: Layout,
    show: Show,
    style: TableStyle,
) -> Result<Vec<u8>, Error> {
    match (format, layout) {
        (Format::Table, _) => Ok(table::retention(matrix, show, style).into_bytes()),
        (Format::Json, Layout::Long) => json::retention(matrix),
        (Format::Csv, Layout::Long) => batch_csv(&long::batch(matrix)?),
        (Format::Csv, Layout::Wide) => csv(&wide::rows(matrix, show, |share| share.to_string(), field)),
        (Format::Markdown, Layout::Long) => Ok(markdown(matrix, &rows_for_people(matrix)?)),
        (Format::Markdown, Layout::Wide) => {
            Ok(markdown(matrix, &wide::rows(matrix, show, |share| format!("{} %", percent(share, 1)), plain)))
        }
        (Format::Parquet, Layout::Long) => parquet(&long::batch(matrix)?),
        (Format::Arrow, Layout::Long) => arrow(&long::batch(matrix)?),
        (Format::Xlsx, Layout::Long) => {
            let title = exhibit::of_matrix(matrix, show).title;
            let cells = exhibit::of_batch(&long::batch(matrix)?, "Retention", title, exhibit::meaning_of(matrix))?;
            workbook(&[&cells])
        }
        (Format::Xlsx, Layout::Wide) => workbook(&[&exhibit::of_matrix(matrix, show)]),
        (Format::Html, _) => html(&exhibit::of_matrix(matrix, show)),
        (Format::Svg, _) => Ok(picture(&exhibit::of_matrix(matrix, show))?.into_bytes()),
        (Format::Png, _) => png(&picture(&exhibit::of_matrix(matrix, show))?),
        (Format::Json | Format::Parquet | Format::Arrow, Layout::Wide) => {
            Err(Error::unsupported(format!("--wide goes with csv, xlsx and markdown; {format} has a row for each cell")))
        }
    }
}

/// An exhibit in a format for people.
pub(crate) fn exhibited(exhibit: &Exhibit, format: Format) -> Result<Vec<u8>, Error> {
    match format {
        Format::Html => html(exhibit),
        Format::Svg => Ok(picture(exhibit)?.into_bytes()),
        Format::Png => png(&picture(exhibit)?),
        _ => workbook(&[exhibit]),
    }
}

/// What the numbers mean, in one line.
pub fn retention_sentence(matrix: &RetentionMatrix) -> String {
    let d = &matrix.definition;
    let mut parts = vec![sentence_start(matrix)];
    parts.push(format!("{} alignment; zone {}", d.alignment, d.zone));
    if d.dialect != "tenure" {
        parts.insert(0, format!("dialect {}", d.dialect));
    }
    if let Some(filter) = &d.filter {
        parts.push(format!("only activity where {filter}"));
    }
    if !d.by.is_empty() {
        parts.push(format!("by {} at {}", d.by.join(", "), d.segment_as_of));
    }
    if let Some(rates) = &d.rates {
        let to = d.currency.as_ref().map(|currency| format!(" to {currency}")).unwrap_or_default();
        parts.push(format!("converted{to} with {rates}"));
    }
    if d.week_start != "monday" {
        parts.push(format!("weeks from {}", d.week_start));
    }
    if d.fiscal_start != "january" {
        parts.push(format!("fiscal years from {}", d.fiscal_start));
    }
    if let Some(origin) = &d.cohort_origin {
        parts.push(format!("blocks counted from {origin}"));
    }
    match (&d.born_from, &d.born_until) {
        (Some(from), Some(until)) => parts.push(format!("born from {from} until {until}")),
        (Some(from), None) => parts.push(format!("born from {from}")),
        (None, Some(until)) => parts.push(format!("born until {until}")),
        (None, None) => {}
    }
    if let Some(until) = matrix.window.until {
        parts.push(format!("observed until {until}"));
    }
    parts.push(format!("summary {}", d.summary));
    parts.push(format!("content {}", short_content(&d.content)));
    parts.join("; ")
}

/// The beginning of a fingerprint, enough to tell contents apart by eye.
pub(crate) fn short_content(content: &str) -> &str {
    content.split_at_checked("xxh3:".len() + 8).map_or(content, |(start, _)| start)
}

/// Whose what is counted when.
fn sentence_start(matrix: &RetentionMatrix) -> String {
    let d = &matrix.definition;
    if d.source == "subscriptions" {
        let what = if d.measure == "value" { "MRR of members" } else { "members with MRR" };
        let when = match d.criterion.as_str() {
            "on-or-after" => format!("at the end of the age's {} or of a later one", d.age),
            "on-or-before" => format!("at the end of a {} up to the age's", d.age),
            "streak" => format!("at the end of every {} up to the age's", d.age),
            "brackets" => format!("at the end of any of the bracket's ages, each a {}", d.age),
            _ => format!("at the end of the age's {}", d.age),
        };
        return format!("{what} {when}; cohorts: {} of the first MRR", d.cohort);
    }
    let returns = match (&d.returned, d.min_returns) {
        (None, 1) => "activity".to_owned(),
        (None, n) => format!("at least {n} activities"),
        (Some(condition), 1) => format!("a return ({condition})"),
        (Some(condition), n) => format!("at least {n} returns ({condition})"),
    };
    let age = &d.age;
    let when = match d.criterion.as_str() {
        "on-or-after" => format!("in the age's {age} or later"),
        "on-or-before" => format!("up to the age's {age}"),
        "streak" => format!("in every {age} up to the age"),
        "brackets" => format!("in the bracket's ages, each a {age}"),
        _ => format!("in the age's {age}"),
    };
    let what = match d.measure.as_str() {
        "events" => "events of members".to_owned(),
        "value" => "value of members' activity".to_owned(),
        _ => format!("members with {returns}"),
    };
    let of = d.born.as_ref().map(|born| format!(" ({born})")).unwrap_or_default();
    let birth = match d.birth.as_str() {
        "first" if d.born.is_none() => "first activity".to_owned(),
        "first" => format!("first birth activity{of}"),
        "first-ever" if d.dialect == "posthog" => {
            format!("the first activity of the selector's event, which must be a birth{of}")
        }
        "first-ever" => format!("first activity of any kind, which must be a birth{of}"),
        "recurring" => format!("any activity{of}, again in each {}", d.cohort),
        declared => declared.replace("declared:", "the date "),
    };
    format!("{what} {when}; cohorts: {} of {birth}", d.cohort)
}

/// What is missing is empty.
const PLAIN: FormatOptions<'static> = FormatOptions::new();

pub(crate) type TextRows = (Vec<String>, Vec<Vec<String>>);

/// The long form as texts; what is missing is empty.
/// A row for each cell, shares in percent.
fn rows_for_people(matrix: &RetentionMatrix) -> Result<TextRows, Error> {
    let batch = long::batch(matrix)?;
    let header = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let exhibit = exhibit::of_batch(&batch, "Retention", String::new(), exhibit::meaning_of(matrix))?;
    let rows = exhibit.rows.iter().map(|row| row.cells.iter().map(|cell| cell.datum.text()).collect());
    Ok((header, rows.collect()))
}

/// A table as texts; what is missing is empty.
pub(crate) fn text_rows(batch: &RecordBatch) -> Result<TextRows, Error> {
    let header = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let formatters = formatters(batch)?;
    let rows =
        (0..batch.num_rows()).map(|row| formatters.iter().map(|formatter| formatter.value(row).to_string()).collect()).collect();
    Ok((header, rows))
}

/// A table as CSV, without a text for each value.
pub(crate) fn batch_csv(batch: &RecordBatch) -> Result<Vec<u8>, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error| Error::encoding("CSV", error);
    let formatters = formatters(batch)?;
    let schema = batch.schema();
    writer.write_record(schema.fields().iter().map(|name| field(name.name()).into_owned())).map_err(failed)?;
    let is_text: Vec<bool> = schema.fields().iter().map(|field| *field.data_type() == DataType::Utf8).collect();
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (formatter, is_text) in formatters.iter().zip(&is_text) {
            text.clear();
            formatter.value(row).write(&mut text).map_err(|error| Error::encoding("CSV", error))?;
            let written = if *is_text { field(&text) } else { Cow::Borrowed(text.as_str()) };
            writer.write_field(written.as_bytes()).map_err(failed)?;
        }
        writer.write_record(None::<&[u8]>).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| Error::encoding("CSV", error.into_error()))
}

fn formatters(batch: &RecordBatch) -> Result<Vec<ArrayFormatter<'_>>, Error> {
    let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &PLAIN));
    formatters.collect::<Result<_, _>>().map_err(|error| Error::encoding("text", error))
}

pub(crate) fn csv((header, rows): &TextRows) -> Result<Vec<u8>, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error| Error::encoding("CSV", error);
    writer.write_record(header).map_err(failed)?;
    for row in rows {
        writer.write_record(row).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| Error::encoding("CSV", error.into_error()))
}

fn markdown(matrix: &RetentionMatrix, (header, rows): &TextRows) -> Vec<u8> {
    let is_word =
        |name: &str| ["cohort", "currency", "state"].contains(&name) || matrix.definition.by.iter().any(|by| by == name);
    let mut text = markdown_table(header, rows, |name| if is_word(name) { "---" } else { "---:" });
    text.push_str(&markdown_lines(&retention_sentence(matrix), &matrix.notes));
    text.into_bytes()
}

/// What a table means, below it.
pub(crate) fn markdown_lines(sentence: &str, notes: &[String]) -> String {
    std::iter::once(sentence)
        .chain(notes.iter().map(String::as_str))
        .map(|line| format!("\n_{}_\n", text::markdown(line)))
        .collect()
}

/// A Markdown table; `rule` is what stands below a column's name.
pub(crate) fn markdown_table(header: &[String], rows: &[Vec<String>], rule: impl Fn(&str) -> &'static str) -> String {
    let line = |fields: &[String]| {
        let fields: Vec<String> = fields.iter().map(|field| text::markdown(field)).collect();
        format!("| {} |\n", fields.join(" | "))
    };
    let rules: Vec<String> = header.iter().map(|name| rule(name).to_owned()).collect();
    let mut text = line(header);
    text.push_str(&line(&rules));
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}

pub(crate) fn parquet(batch: &RecordBatch) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::encoding("Parquet", error);
    let metadata = batch.schema().metadata().iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    let properties = WriterProperties::builder()
        .set_created_by(concat!("tenure ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(metadata))
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), batch.schema(), options).map_err(failed)?;
    writer.write(batch).map_err(failed)?;
    writer.into_inner().map_err(failed)
}

pub(crate) fn arrow(batch: &RecordBatch) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::encoding("Arrow", error);
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).map_err(failed)?;
    writer.write(batch).map_err(failed)?;
    writer.into_inner().map_err(failed)
}
