//! Results that are rows of named columns, in every format.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use serde_json::{Map, Value, json};
use tenure_analysis::MetricValue;
use tenure_model::{Day, Decimal};

use crate::error::Error;
use crate::exhibit::{Column, Datum, Exhibit, Meaning, Row, RowKind, Shown, ShownCell};
use crate::format::Format;
use crate::retention::{arrow, batch_csv, exhibited, markdown_lines, markdown_table, parquet};
use crate::text_table::{Align, TextTable, below};
use crate::wide::{IN_PROGRESS, NONE};
use crate::workbook::workbook;

/// Digits of decimals in files.
const PRECISION: u8 = 38;

/// How the whole is called among its segments.
const ALL: &str = "(all)";

/// A result made of rows: what its columns are called, and what each row has in them.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    rows: usize,
    columns: Vec<SheetColumn>,
    definition: Value,
    sentence: String,
    notes: Vec<String>,
    in_progress: Vec<bool>,
    bare: bool,
    title: Option<&'static str>,
    exhibit: Option<Box<Exhibit>>,
}

#[derive(Debug, Clone)]
struct SheetColumn {
    name: String,
    values: Values,
    /// What people see above it; the name with spaces where nothing is said.
    label: Option<&'static str>,
    /// Left out of what people look at, and kept in files.
    detail: bool,
}

#[derive(Debug, Clone)]
enum Values {
    Texts(Vec<Option<String>>),
    /// By the name of a column: nothing for the whole, else the value, which may be missing.
    Segments(Option<String>, Vec<Option<Option<String>>>),
    Dates(Vec<Option<Day>>),
    Integers(Vec<Option<u64>>),
    Decimals(Vec<Option<Decimal>>),
    Shares(Vec<Option<f64>>),
    Numbers(Vec<Option<f64>>),
    Truths(Vec<Option<bool>>),
    Figures(Vec<Option<MetricValue>>),
}

/// Decimals of figures that are no money, in files.
const FIGURE_SCALE: u8 = 6;

impl Sheet {
    /// A sheet of so many rows, whose definition is `definition`, and in words `sentence`.
    pub fn new(rows: usize, definition: Value, sentence: impl Into<String>) -> Self {
        Self { rows, definition, sentence: sentence.into(), in_progress: vec![false; rows], ..Self::default() }
    }

    /// What a reader must know to read the numbers right. Default: nothing.
    #[must_use]
    pub fn notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }

    /// Rows whose period has not ended; people see a mark. Default: none.
    #[must_use]
    pub fn in_progress(mut self, rows: impl IntoIterator<Item = bool>) -> Self {
        self.in_progress = rows.into_iter().collect();
        self
    }

    /// What pages, pictures and the sheets of workbooks are called: at most 31 letters and spaces. Default: Results.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    /// What people look at on pages and pictures in place of the rows; workbooks have both. Default: the rows.
    #[must_use]
    pub(crate) fn shown_as(mut self, exhibit: impl FnOnce(Meaning) -> Exhibit) -> Self {
        self.exhibit = Some(Box::new(exhibit(self.meaning())));
        self
    }

    /// As JSON the rows alone, without the object around them. Default: with it.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// The column added last is a detail, which people looking at a table are spared.
    #[must_use]
    pub fn detail(mut self) -> Self {
        if let Some(column) = self.columns.last_mut() {
            column.detail = true;
        }
        self
    }

    /// What people see above the column added last.
    #[must_use]
    pub fn label(mut self, label: &'static str) -> Self {
        if let Some(column) = self.columns.last_mut() {
            column.label = Some(label);
        }
        self
    }

    fn add(mut self, name: &str, values: Values) -> Self {
        debug_assert_eq!(values.len(), self.rows, "{name}");
        self.columns.push(SheetColumn { name: name.to_owned(), values, label: None, detail: false });
        self
    }

    /// A column of texts.
    #[must_use]
    pub fn texts<T: Into<String>>(self, name: &str, values: impl IntoIterator<Item = Option<T>>) -> Self {
        self.add(name, Values::Texts(values.into_iter().map(|value| value.map(Into::into)).collect()))
    }

    /// The column of segments by a column of the data, or by none: nothing for the whole, else the value or that it is missing.
    #[must_use]
    pub fn segments(self, by: Option<&str>, values: impl IntoIterator<Item = Option<Option<String>>>) -> Self {
        self.add("segment", Values::Segments(by.map(str::to_owned), values.into_iter().collect()))
    }

    /// A column of local dates.
    #[must_use]
    pub fn dates(self, name: &str, values: impl IntoIterator<Item = Option<Day>>) -> Self {
        self.add(name, Values::Dates(values.into_iter().collect()))
    }

    /// A column of counts.
    #[must_use]
    pub fn integers(self, name: &str, values: impl IntoIterator<Item = Option<u64>>) -> Self {
        self.add(name, Values::Integers(values.into_iter().collect()))
    }

    /// A column of exact decimals.
    #[must_use]
    pub fn decimals(self, name: &str, values: impl IntoIterator<Item = Option<Decimal>>) -> Self {
        self.add(name, Values::Decimals(values.into_iter().collect()))
    }

    /// A column of shares, which people see as percentages.
    #[must_use]
    pub fn shares(self, name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        self.add(name, Values::Shares(values.into_iter().collect()))
    }

    /// A column of numbers that are no shares.
    #[must_use]
    pub fn numbers(self, name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        self.add(name, Values::Numbers(values.into_iter().collect()))
    }

    /// A column of truths.
    #[must_use]
    pub fn truths(self, name: &str, values: impl IntoIterator<Item = Option<bool>>) -> Self {
        self.add(name, Values::Truths(values.into_iter().collect()))
    }

    /// A column whose values are of various kinds. JSON has money as text and the others as numbers; other files have decimals.
    #[must_use]
    pub fn figures(self, name: &str, values: impl IntoIterator<Item = Option<MetricValue>>) -> Self {
        self.add(name, Values::Figures(values.into_iter().collect()))
    }

    /// What the numbers mean, in one line.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The notes.
    pub fn all_notes(&self) -> &[String] {
        &self.notes
    }

    /// The sheet as the bytes of a format.
    ///
    /// # Errors
    ///
    /// Where an encoder fails.
    pub fn render(&self, format: Format) -> Result<Vec<u8>, Error> {
        match format {
            Format::Csv => batch_csv(&self.batch()?),
            Format::Parquet => parquet(&self.batch()?),
            Format::Arrow => arrow(&self.batch()?),
            Format::Json => self.json(),
            Format::Markdown => Ok(self.markdown().into_bytes()),
            Format::Table => Ok(self.table(None).into_bytes()),
            Format::Xlsx => match &self.exhibit {
                Some(exhibit) => workbook(&[&self.all_of_it(), exhibit]),
                None => workbook(&[&self.all_of_it()]),
            },
            Format::Html | Format::Svg | Format::Png => match &self.exhibit {
                Some(exhibit) => exhibited(exhibit, format),
                None => exhibited(&self.exhibit(), format),
            },
        }
    }

    /// Every column, as workbooks have them.
    fn all_of_it(&self) -> Exhibit {
        let mut exhibit = self.exhibited(&self.columns.iter().collect::<Vec<_>>());
        exhibit.columns.iter_mut().zip(&self.columns).for_each(|(shown, column)| shown.heading.clone_from(&column.name));
        exhibit
    }

    /// What people look at.
    fn exhibit(&self) -> Exhibit {
        self.exhibited(&self.shown())
    }

    fn exhibited(&self, columns: &[&SheetColumn]) -> Exhibit {
        let title = self.title.unwrap_or("Results");
        let rows = (0..self.rows).map(|row| {
            let in_progress = self.in_progress.get(row).is_some_and(|in_progress| *in_progress);
            let state = if in_progress { Shown::InProgress } else { Shown::Plain };
            let cells = columns.iter().map(|column| ShownCell { datum: column.values.datum(row), state });
            Row { kind: RowKind::Body, cells: cells.collect() }
        });
        Exhibit {
            name: title.to_owned(),
            title: title.to_owned(),
            columns: columns.iter().map(|column| Column::plain(&column.heading(), column.values.align())).collect(),
            rows: rows.collect(),
            meaning: self.meaning(),
            ..Exhibit::default()
        }
    }

    /// What the numbers mean.
    pub(crate) fn meaning(&self) -> Meaning {
        Meaning { sentence: self.sentence.clone(), notes: self.notes.clone(), definition: self.definition.clone() }
    }

    fn batch(&self) -> Result<RecordBatch, Error> {
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for column in &self.columns {
            let array = column.values.array()?;
            fields.push(Field::new(&column.name, array.data_type().clone(), true));
            arrays.push(array);
        }
        let definition = [("tenure.definition".to_owned(), self.definition.to_string())];
        let schema = Arc::new(Schema::new(fields).with_metadata(definition.into()));
        RecordBatch::try_new(schema, arrays).map_err(|error| Error::encoding("the table", error))
    }

    fn json(&self) -> Result<Vec<u8>, Error> {
        let object = |row: usize| {
            let fields = self.columns.iter().map(|column| (column.name.clone(), column.values.json(row)));
            Value::Object(fields.collect::<Map<String, Value>>())
        };
        let rows: Vec<Value> = (0..self.rows).map(object).collect();
        let whole = if self.bare {
            Value::Array(rows)
        } else {
            json!({ "definition": self.definition, "rows": rows, "notes": self.notes })
        };
        let mut bytes = serde_json::to_vec_pretty(&whole).map_err(|error| Error::encoding("JSON", error))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The columns that people look at: no details, and none that says nothing in any row.
    fn shown(&self) -> Vec<&SheetColumn> {
        self.columns.iter().filter(|column| !column.detail && !column.values.is_empty_everywhere()).collect()
    }

    fn texts_of(&self, row: usize, shown: &[&SheetColumn]) -> Vec<String> {
        let mut texts: Vec<String> = shown.iter().map(|column| column.values.text(row)).collect();
        if self.in_progress.get(row).is_some_and(|in_progress| *in_progress)
            && let Some(first) = texts.first_mut()
        {
            first.push_str(IN_PROGRESS);
        }
        texts
    }

    /// The sheet as a table for people, on a terminal of so many columns where that is known.
    pub fn table(&self, width: Option<usize>) -> String {
        let shown = self.shown();
        let columns: Vec<(String, Align)> = shown.iter().map(|column| (column.heading(), column.values.align())).collect();
        let columns: Vec<(&str, Align)> = columns.iter().map(|(name, align)| (name.as_str(), *align)).collect();
        let mut table = TextTable::new(&columns);
        (0..self.rows).for_each(|row| table.row(self.texts_of(row, &shown)));
        let mut text = if self.rows == 0 { String::new() } else { table.render_within(width) + "\n" };
        if self.in_progress.iter().any(|in_progress| *in_progress) {
            text.push_str(&format!("{IN_PROGRESS} in progress\n\n"));
        }
        text.push_str(&format!("{}\n", below(&self.sentence, width)));
        self.notes.iter().for_each(|note| text.push_str(&format!("{}\n", below(note, width))));
        text
    }

    fn markdown(&self) -> String {
        let shown = self.shown();
        let header: Vec<String> = shown.iter().map(|column| column.name.clone()).collect();
        let rows: Vec<Vec<String>> = (0..self.rows).map(|row| self.texts_of(row, &shown)).collect();
        let is_word = |name: &str| shown.iter().any(|column| column.name == name && column.values.align() == Align::Left);
        let mut text = markdown_table(&header, &rows, |name| if is_word(name) { "---" } else { "---:" });
        text.push_str(&markdown_lines(&self.sentence, &self.notes));
        text
    }
}

impl SheetColumn {
    /// What people see above it.
    fn heading(&self) -> String {
        self.label.map_or_else(|| self.name.replace('_', " "), str::to_owned)
    }
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Texts(values) => values.len(),
            Values::Segments(_, values) => values.len(),
            Values::Dates(values) => values.len(),
            Values::Integers(values) => values.len(),
            Values::Decimals(values) => values.len(),
            Values::Shares(values) | Values::Numbers(values) => values.len(),
            Values::Truths(values) => values.len(),
            Values::Figures(values) => values.len(),
        }
    }

    fn is_empty_everywhere(&self) -> bool {
        match self {
            Values::Texts(values) => values.iter().all(Option::is_none),
            Values::Segments(by, _) => by.is_none(),
            Values::Dates(values) => values.iter().all(Option::is_none),
            Values::Integers(values) => values.iter().all(Option::is_none),
            Values::Decimals(values) => values.iter().all(Option::is_none),
            Values::Shares(values) | Values::Numbers(values) => values.iter().all(Option::is_none),
            Values::Truths(values) => values.iter().all(Option::is_none),
            Values::Figures(values) => values.iter().all(Option::is_none),
        }
    }

    fn align(&self) -> Align {
        match self {
            Values::Texts(_) | Values::Segments(..) | Values::Dates(_) | Values::Truths(_) => Align::Left,
            Values::Integers(_) | Values::Decimals(_) | Values::Shares(_) | Values::Numbers(_) | Values::Figures(_) => {
                Align::Right
            }
        }
    }

    fn array(&self) -> Result<ArrayRef, Error> {
        Ok(match self {
            Values::Texts(values) => Arc::new(values.iter().collect::<StringArray>()),
            Values::Segments(_, values) => {
                let text = |value: &Option<Option<String>>| value.as_ref().map(|value| value.clone().unwrap_or(NONE.to_owned()));
                Arc::new(values.iter().map(text).collect::<StringArray>())
            }
            Values::Dates(values) => Arc::new(values.iter().map(|day| day.map(|day| day.0)).collect::<Date32Array>()),
            Values::Integers(values) => Arc::new(values.iter().map(|n| n.map(|n| n as i64)).collect::<Int64Array>()),
            Values::Decimals(values) => decimals(values)?,
            Values::Figures(values) => decimals(&values.iter().map(|value| value.and_then(exact)).collect::<Vec<_>>())?,
            Values::Shares(values) | Values::Numbers(values) => Arc::new(values.iter().collect::<Float64Array>()),
            Values::Truths(values) => Arc::new(values.iter().collect::<BooleanArray>()),
        })
    }

    fn json(&self, row: usize) -> Value {
        match self {
            Values::Texts(values) => json!(values[row]),
            Values::Segments(by, values) => match (by, &values[row]) {
                (Some(by), Some(value)) => json!({ by: value }),
                _ => json!({}),
            },
            Values::Dates(values) => json!(values[row].map(|day| day.to_string())),
            Values::Integers(values) => json!(values[row]),
            Values::Decimals(values) => json!(values[row].map(|value| value.to_string())),
            Values::Shares(values) | Values::Numbers(values) => json!(values[row]),
            Values::Truths(values) => json!(values[row]),
            Values::Figures(values) => match values[row] {
                Some(MetricValue::Count(count)) => json!(count),
                Some(MetricValue::Rate(number) | MetricValue::Number(number)) => json!(number),
                Some(MetricValue::Money(amount)) => json!(amount.to_string()),
                None => Value::Null,
            },
        }
    }

    /// A value of its own kind.
    fn datum(&self, row: usize) -> Datum {
        match self {
            Values::Texts(values) => Datum::of(values[row].clone(), Datum::Text),
            Values::Segments(_, values) => {
                Datum::Text(values[row].clone().map_or_else(|| ALL.to_owned(), |value| value.unwrap_or(NONE.to_owned())))
            }
            Values::Dates(values) => Datum::of(values[row], Datum::Date),
            Values::Integers(values) => Datum::of(values[row], Datum::Count),
            Values::Decimals(values) => Datum::of(values[row], Datum::Amount),
            Values::Shares(values) => Datum::of(values[row], Datum::Share),
            Values::Numbers(values) => Datum::of(values[row], Datum::Number),
            Values::Truths(values) => Datum::of(values[row], Datum::Truth),
            Values::Figures(values) => Datum::of(values[row], Datum::figure),
        }
    }

    /// What people see.
    fn text(&self, row: usize) -> String {
        self.datum(row).text()
    }
}

/// Decimals at the largest of their scales.
fn decimals(values: &[Option<Decimal>]) -> Result<ArrayRef, Error> {
    let scale = values.iter().flatten().map(|value| value.scale()).max().unwrap_or_default();
    let units = values.iter().map(|value| value.and_then(|value| value.at_scale(scale)).map(Decimal::units));
    let array = units.collect::<Decimal128Array>().with_precision_and_scale(PRECISION, scale as i8);
    Ok(Arc::new(array.map_err(|error| Error::encoding("decimals", error))?))
}

/// A figure as files have it: what is no money is rounded.
fn exact(value: MetricValue) -> Option<Decimal> {
    match value {
        MetricValue::Count(count) => Some(Decimal::new(count.into(), 0)),
        MetricValue::Money(amount) => Some(amount),
        MetricValue::Rate(number) | MetricValue::Number(number) => format!("{number:.*}", usize::from(FIGURE_SCALE)).parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        Sheet::new(3, json!({ "what": "test" }), "what it means")
            .dates("period", [Some(Day(0)), Some(Day(31)), None])
            .segments(Some("plan"), [None, Some(None), Some(Some("pro\u{1b}[31m".to_owned()))])
            .integers("customers", [Some(1234), None, Some(0)])
            .decimals("mrr", [Some("12.5".parse().unwrap()), Some("1000".parse().unwrap()), None])
            .shares("rate", [Some(0.125), None, Some(1.0)])
            .texts("nothing", [None::<String>, None, None])
            .numbers("detail", [Some(1.5), None, None])
            .detail()
            .in_progress([false, true, false])
            .notes(["mind this".to_owned()])
    }

    #[test]
    fn people_see_what_says_something() {
        let text = String::from_utf8(sheet().render(Format::Table).unwrap()).unwrap();
        let expected = "period       segment   customers       mrr     rate
1970-01-01   (all)         1,234     12.50   12.5 %
1970-02-01*  (none)               1,000.00
             pro [31m          0            100.0 %

* in progress

what it means
mind this
";
        assert_eq!(text, expected);
    }

    #[test]
    fn files_hold_everything() {
        let csv = String::from_utf8(sheet().render(Format::Csv).unwrap()).unwrap();
        assert_eq!(
            csv,
            "period,segment,customers,mrr,rate,nothing,detail\n1970-01-01,,1234,12.5,0.125,,1.5\n1970-02-01,(none),,1000.0,,,\n,pro [31m,0,,1.0,,\n"
        );
        let json: Value = serde_json::from_slice(&sheet().render(Format::Json).unwrap()).unwrap();
        assert_eq!(json["rows"][0]["segment"], json!({}));
        assert_eq!(json["rows"][1]["segment"], json!({ "plan": null }));
        assert_eq!(json["rows"][1]["mrr"], json!("1000"));
        assert_eq!(json["definition"]["what"], json!("test"));
        let bare: Value = serde_json::from_slice(&sheet().bare().render(Format::Json).unwrap()).unwrap();
        assert_eq!(bare.as_array().unwrap().len(), 3);
    }
}
