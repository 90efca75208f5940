//! A result as it is looked at: typed cells under headings, with what the numbers mean. Workbooks, pages and pictures are
//! made of it.

mod columns;
mod datum;
mod matrix;

use serde_json::Value;

use crate::text::plain;
use crate::text_table::Align;
use crate::wide::IN_PROGRESS;

pub(crate) use columns::of_batch;
pub(crate) use datum::Datum;
pub(crate) use matrix::{meaning as meaning_of, of_matrix};

/// A table for people.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exhibit {
    /// What the sheet of a workbook is called: at most 31 letters, digits and spaces.
    pub(crate) name: String,
    /// What is shown.
    pub(crate) title: String,
    /// Of whom.
    pub(crate) subtitle: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
    /// What the palest and the darkest colour stand for; none without colours.
    pub(crate) scale: Option<(Datum, Datum)>,
    pub(crate) meaning: Meaning,
}

/// What must be known to read the numbers right.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meaning {
    /// In one line.
    pub(crate) sentence: String,
    pub(crate) notes: Vec<String>,
    /// Every rule by its name.
    pub(crate) definition: Value,
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) heading: String,
    pub(crate) align: Align,
    pub(crate) kind: ColumnKind,
}

/// What a column of an exhibit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    /// Words and figures.
    Plain,
    /// Ages of a matrix, side by side, coloured.
    Age,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) kind: RowKind,
    pub(crate) cells: Vec<ShownCell>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowKind {
    Body,
    Summary,
}

#[derive(Debug, Clone)]
pub(crate) struct ShownCell {
    pub(crate) datum: Datum,
    pub(crate) state: Shown,
}

/// How a cell is to be seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shown {
    Plain,
    /// There is only what there is so far.
    InProgress,
    /// Coloured, from 0 for the least to 1 for the most.
    Heat(f64),
}

impl ShownCell {
    pub(crate) fn plain(datum: Datum) -> Self {
        Self { datum, state: Shown::Plain }
    }
}

impl Column {
    pub(crate) fn plain(heading: &str, align: Align) -> Self {
        Self { heading: plain(heading).into_owned(), align, kind: ColumnKind::Plain }
    }
}

impl Exhibit {
    /// What people see in a cell. Of a matrix each cell in progress is marked, of other rows the first.
    pub(crate) fn text(&self, row: &Row, place: usize) -> String {
        let cell = &row.cells[place];
        let is_age = self.columns[place].kind == ColumnKind::Age;
        // Among amounts a share bears its sign.
        let of_shares = !matches!(self.scale, Some((Datum::Number(_), _)));
        let is_bare = is_age && (of_shares || !matches!(cell.datum, Datum::Share(_)));
        let mut text = if is_bare { cell.datum.short() } else { cell.datum.text() };
        let is_first = place == 0 || row.cells[place - 1].state != Shown::InProgress;
        if cell.state == Shown::InProgress && !text.is_empty() && (is_age || is_first) {
            text.push_str(IN_PROGRESS);
        }
        text
    }

    /// Whether there is anything in progress.
    pub(crate) fn has_in_progress(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.cells).any(|cell| cell.state == Shown::InProgress)
    }
}

impl Meaning {
    /// Every rule with its name, rules within rules by both names.
    pub(crate) fn rules(&self) -> Vec<(String, Value)> {
        let mut rules = Vec::new();
        flatten("", &self.definition, &mut rules);
        rules
    }
}

fn flatten(name: &str, value: &Value, rules: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                flatten(&name, value, rules);
            }
        }
        Value::Array(values) => {
            let words: Vec<String> =
                values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
            rules.push((name.to_owned(), Value::String(words.join(", "))));
        }
        other => rules.push((name.to_owned(), other.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_within_rules_have_both_names() {
        let meaning =
            Meaning { definition: json!({ "by": ["a", "b"], "scope": { "zone": "UTC" }, "born": null }), ..Meaning::default() };
        let mut rules = meaning.rules();
        rules.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(
            rules,
            [("born".to_owned(), Value::Null), ("by".to_owned(), json!("a, b")), ("scope.zone".to_owned(), json!("UTC"))]
        );
    }
}
