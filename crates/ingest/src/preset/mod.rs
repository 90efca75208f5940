//! Presets: what the columns of a known exporter mean, as data.
//!
//! A preset is one TOML file. It says which table the rows are for, by which names in the header the export is
//! recognised, and where each column of the table comes from. Sources that the header does not have are left out, so that
//! one preset serves the headers that an exporter has had over time.

mod built_in;
mod file;
mod recognise;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tenure_model::{Table, Zone};

use crate::error::{Error, ErrorKind};
use crate::options::Field;
use tenure_expression::near;

pub(crate) use resolve::resolve;
pub use resolve::table_misfit;

/// How an export is told what its columns mean.
#[derive(Debug, Clone, Default)]
pub enum PresetChoice {
    /// By the built-in preset that fits the header, if one does; else by the columns' names.
    #[default]
    Auto,
    /// The same, among the presets of one table.
    AutoFor(Table),
    /// By the columns' names alone.
    Generic,
    /// By this preset.
    Named(Arc<Preset>),
}

impl PresetChoice {
    /// How a file is to be read before anything is known of it.
    pub(crate) fn hints(&self) -> Hints {
        match self {
            PresetChoice::Named(preset) => preset.hints.clone(),
            _ => Hints::default(),
        }
    }

    /// Reads `auto`, `generic`, the name of a built-in preset, or the path of a preset of one's own, which ends in `.toml`.
    ///
    /// # Errors
    ///
    /// Where there is no such preset, or its file can't be read or is not a preset.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => return Ok(PresetChoice::Auto),
            "generic" => return Ok(PresetChoice::Generic),
            _ => {}
        }
        if let Some(preset) = built_in::named(text)? {
            return Ok(PresetChoice::Named(preset));
        }
        if Path::new(text).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
            return Ok(PresetChoice::Named(Arc::new(Preset::open(Path::new(text))?)));
        }
        let names: Vec<&str> = ["auto", "generic"].into_iter().chain(built_in::names()).collect();
        let close = near(text, names.iter().copied());
        let (lead, listed) = if close.is_empty() { ("expected one of", names) } else { ("did you mean", close) };
        let message = format!("no preset \"{text}\"; {lead} {}, or a file that ends in .toml?", listed.join(", "));
        Err(Error::new(ErrorKind::Input, if lead == "did you mean" { message } else { message.trim_end_matches('?').to_owned() }))
    }
}

/// What the columns of an exporter's files mean.
#[derive(Debug, Clone)]
pub struct Preset {
    name: String,
    table: Table,
    /// Where the preset was read, for messages: a path, or its name.
    origin: String,
    built_in: bool,
    /// Each is enough to recognise the export by.
    detect: Vec<Vec<Mark>>,
    hints: Hints,
    roles: BTreeMap<&'static str, Vec<Alternative>>,
    key: Vec<Key>,
    /// The first whose columns are all there is the filter.
    filters: Vec<String>,
    attributes: Vec<String>,
    time_format: Option<String>,
    source_zone: Option<Zone>,
    decimal_comma: bool,
    minor_units: bool,
    /// Whether times are those of a place that the export does not name.
    local_times: bool,
    /// Whether columns that it does not name are found by their names.
    detected: bool,
    note: Option<String>,
}

impl Preset {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table that the rows are for.
    pub fn table(&self) -> Table {
        self.table
    }

    /// The names of the built-in presets.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        built_in::names()
    }
}

/// What a reader must know of a file before its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hints {
    /// What stands between fields; told from the text where it is not said.
    pub(crate) delimiter: Option<u8>,
    /// How many rows the header has, together; names in rows below are joined with ` / `.
    pub(crate) header_rows: usize,
    /// Columns whose texts are JSON objects.
    pub(crate) json_strings: Vec<String>,
}

impl Default for Hints {
    fn default() -> Self {
        Self { delimiter: None, header_rows: 1, json_strings: Vec::new() }
    }
}

impl From<Hints> for tenure_exports::Hints {
    fn from(hints: Hints) -> Self {
        let Hints { delimiter, header_rows, json_strings } = hints;
        Self { delimiter, header_rows, json_strings, sheet: None }
    }
}

/// The role of the customer's id.
const CUSTOMER: &str = "customer";

/// The role of another id of the same customer.
const ALIAS: &str = "alias";

/// Something that a header has if it is an exporter's.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    /// A column of one of these names.
    Named(Vec<String>),
    /// A column whose name contains one of these, in whatever case.
    Contains(Vec<String>),
}

/// Where a column of the history may come from. The first of a role's alternatives that the header allows counts.
#[derive(Debug, Clone)]
struct Alternative {
    place: Origin,
    /// What is to be said where it counts.
    note: Option<String>,
}

#[derive(Debug, Clone)]
enum Origin {
    /// Those columns that the header has; the first that is not blank in a row.
    Columns(Field),
    /// The first column whose name contains one of these; how its text is put right.
    HeaderContains(Vec<String>, Field),
    /// The same for every row.
    Constant(String),
    /// A SQL expression, where the header has all its columns.
    Expression(String),
}

/// Columns that are a row's key together, where the header has them all.
#[derive(Debug, Clone)]
struct Key(Vec<String>);
