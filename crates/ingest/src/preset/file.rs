//! Presets as TOML.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tenure_model::{Table, Zone, column};
use toml::Value;

use super::{ALIAS, Alternative, CUSTOMER, Hints, Key, Mark, Origin, Preset};
use crate::error::{Error, ErrorKind};
use crate::options::Field;
use tenure_expression::near;

/// The keys of a preset that stand at its top.
const TOP_KEYS: &[&str] = &["name", "table", "format", "delimiter", "detect", "detected", "local_times", "columns"];

/// The keys that may stand at the top or among the columns.
const SHARED_KEYS: &[&str] =
    &["time_format", "source_zone", "decimal_comma", "minor_units", "where", "attributes", "header_rows", "json_strings", "note"];

/// What a file may be said to be. It is told from its bytes; the word is for those who read the preset.
const FORMATS: &[&str] = &["csv", "jsonl", "json", "parquet", "arrow", "excel", "xlsx"];

/// The most rows that a header may have.
const MOST_HEADER_ROWS: usize = 10;

impl Preset {
    /// Reads a preset of one's own.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, "read", error))?;
        Self::read(&path.display().to_string(), &text, false)
    }

    /// Reads a preset's text.
    pub(super) fn read(origin: &str, text: &str, built_in: bool) -> Result<Self, Error> {
        let top: toml::Table = text
            .parse()
            .map_err(|error| Error::new(ErrorKind::Input, format!("{origin}: this is not TOML: {}", one_line(&error))))?;
        let mut keys = Keys { origin, top, columns: toml::Table::new() };
        match keys.top.remove("columns") {
            Some(Value::Table(columns)) => keys.columns = columns,
            Some(_) => return Err(keys.wrong("columns", "expected a table: [columns]")),
            None => {}
        }
        let name: String = keys.required("name", "a name, such as \"our-shop\"")?;
        let table = keys.table()?;
        if let Some(format) = keys.take::<String>("format", "one of csv, jsonl, parquet, arrow and excel")?
            && !FORMATS.contains(&format.as_str())
        {
            return Err(
                keys.wrong("format", format!("no format \"{format}\"; expected one of csv, jsonl, parquet, arrow and excel"))
            );
        }
        let hints =
            Hints { delimiter: keys.delimiter()?, header_rows: keys.header_rows()?, json_strings: keys.names("json_strings")? };
        let filters = keys.names("where")?;
        let preset = Self {
            name,
            table,
            origin: origin.to_owned(),
            built_in,
            detect: keys.detect()?,
            hints,
            filters,
            attributes: keys.names("attributes")?,
            time_format: keys.take("time_format", "a strftime format, such as \"%d.%m.%Y %H:%M\"")?,
            source_zone: keys.zone()?,
            decimal_comma: keys.flag("decimal_comma")?,
            minor_units: keys.flag("minor_units")?,
            local_times: keys.flag("local_times")?,
            detected: keys.flag("detected")?,
            note: keys.take("note", "a sentence")?,
            key: keys.key()?,
            roles: keys.roles(table)?,
        };
        keys.done(table)?;
        Ok(preset)
    }
}

/// What is still to be read of a preset.
struct Keys<'a> {
    origin: &'a str,
    top: toml::Table,
    columns: toml::Table,
}

impl Keys<'_> {
    fn wrong(&self, key: &str, what: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Input, format!("{}: {key}: {what}", self.origin))
    }

    /// The value of a key, wherever it stands.
    fn remove(&mut self, key: &str) -> Option<Value> {
        self.top.remove(key).or_else(|| if SHARED_KEYS.contains(&key) { self.columns.remove(key) } else { None })
    }

    fn take<T: DeserializeOwned>(&mut self, key: &str, expected: &str) -> Result<Option<T>, Error> {
        let Some(value) = self.remove(key) else { return Ok(None) };
        let found = value.type_str();
        value.try_into().map(Some).map_err(|_| self.wrong(key, format_args!("found a {found}; expected {expected}")))
    }

    fn required<T: DeserializeOwned>(&mut self, key: &str, expected: &str) -> Result<T, Error> {
        self.take(key, expected)?.ok_or_else(|| self.wrong(key, format_args!("missing; expected {expected}")))
    }

    fn flag(&mut self, key: &str) -> Result<bool, Error> {
        Ok(self.take(key, "true or false")?.unwrap_or(false))
    }

    /// A text or a list of texts.
    fn names(&mut self, key: &str) -> Result<Vec<String>, Error> {
        let Some(value) = self.remove(key) else { return Ok(Vec::new()) };
        texts(&value).ok_or_else(|| self.wrong(key, "expected a text or a list of texts"))
    }

    fn table(&mut self) -> Result<Table, Error> {
        let name: String = self.required("table", "the table that the rows are for, such as \"activity\"")?;
        name.parse().map_err(|error| self.wrong("table", error))
    }

    fn delimiter(&mut self) -> Result<Option<u8>, Error> {
        let expected = "one character, such as \";\" or \"\\t\"";
        let Some(text) = self.take::<String>("delimiter", expected)? else { return Ok(None) };
        match text.as_bytes() {
            &[byte] if byte.is_ascii() => Ok(Some(byte)),
            _ => Err(self.wrong("delimiter", format_args!("found {text:?}; expected {expected}"))),
        }
    }

    fn header_rows(&mut self) -> Result<usize, Error> {
        let expected = "a number of rows from 1 to 10";
        let rows = self.take::<usize>("header_rows", expected)?.unwrap_or(1);
        if (1..=MOST_HEADER_ROWS).contains(&rows) {
            Ok(rows)
        } else {
            Err(self.wrong("header_rows", format_args!("found {rows}; expected {expected}")))
        }
    }

    fn zone(&mut self) -> Result<Option<Zone>, Error> {
        let name: Option<String> = self.take("source_zone", "a time zone, such as \"Europe/Berlin\"")?;
        name.map(|name| Zone::named(&name).map_err(|error| self.wrong("source_zone", error))).transpose()
    }

    /// Names that must all be in the header, or a list of such lists of which one is enough.
    fn detect(&mut self) -> Result<Vec<Vec<Mark>>, Error> {
        let Some(value) = self.remove("detect") else { return Ok(Vec::new()) };
        let wrong = || {
            self.wrong("detect", "expected names of columns, such as [\"Order\", \"Customer\"], or a list of such lists; a name may be { any = [\"A\", \"B\"] } or { contains = [\"recommend\"] }")
        };
        let Value::Array(list) = value else { return Err(wrong()) };
        let several = list.iter().all(Value::is_array);
        let lists = if several { list } else { vec![Value::Array(list)] };
        let marks = |list: &Value| list.as_array()?.iter().map(mark).collect::<Option<Vec<Mark>>>();
        lists.iter().map(marks).collect::<Option<_>>().ok_or_else(wrong)
    }

    fn key(&mut self) -> Result<Vec<Key>, Error> {
        let Some(value) = self.columns.remove("id") else { return Ok(Vec::new()) };
        let wrong = || {
            self.wrong("columns.id", "expected a column, a list of columns that are the key together, or { columns = [\"A\", \"B\"] } for the first that the header has")
        };
        match &value {
            Value::Table(table) if table.len() == 1 => {
                let names = table.get("columns").and_then(texts).ok_or_else(wrong)?;
                Ok(names.into_iter().map(|name| Key(vec![name])).collect())
            }
            value => Ok(vec![Key(texts(value).filter(|names| !names.is_empty()).ok_or_else(wrong)?)]),
        }
    }

    fn roles(&mut self, table: Table) -> Result<BTreeMap<&'static str, Vec<Alternative>>, Error> {
        let mut roles = BTreeMap::new();
        for role in [CUSTOMER, ALIAS].into_iter().chain(table.columns().iter().map(|column| column.name)) {
            if let Some(value) = self.columns.remove(role) {
                let alternatives = source(role, value).map_err(|error| self.wrong(&format!("columns.{role}"), error))?;
                roles.insert(role, alternatives);
            }
        }
        Ok(roles)
    }

    /// Keys that nobody reads are mistakes.
    fn done(&self, table: Table) -> Result<(), Error> {
        let roles = || [CUSTOMER, ALIAS, "id"].into_iter().chain(table.columns().iter().map(|column| column.name));
        if let Some(key) = self.top.keys().next() {
            let known = TOP_KEYS.iter().chain(SHARED_KEYS).copied();
            if roles().any(|role| role == key) {
                return Err(self.wrong(key, "this stands among the columns: put it below [columns]"));
            }
            return Err(self.wrong(key, unknown(key, known.collect())));
        }
        if let Some(key) = self.columns.keys().next() {
            let tables: Vec<&str> = Table::ALL
                .into_iter()
                .filter(|other| other.columns().iter().any(|column| column.name == key))
                .map(Table::name)
                .collect();
            let key_path = format!("columns.{key}");
            if !tables.is_empty() {
                let message = format!("the table {} has no such column (it is one of {})", table.name(), tables.join(" and "));
                return Err(self.wrong(&key_path, message));
            }
            return Err(self.wrong(&key_path, unknown(key, roles().chain(SHARED_KEYS.iter().copied()).collect())));
        }
        Ok(())
    }
}

fn unknown(key: &str, known: Vec<&str>) -> String {
    let close = near(key, known.iter().copied());
    if close.is_empty() {
        format!("no such key; expected one of {}", known.join(", "))
    } else {
        format!("no such key; did you mean {}?", close.join(" or "))
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn mark(value: &Value) -> Option<Mark> {
    match value {
        Value::String(name) => Some(Mark::Named(vec![name.clone()])),
        Value::Table(table) if table.len() == 1 => match table.iter().next()? {
            (key, names) if key == "any" => Some(Mark::Named(texts(names)?)),
            (key, names) if key == "contains" => Some(Mark::Contains(texts(names)?)),
            _ => None,
        },
        _ => None,
    }
}

/// A source that is more than names of columns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    columns: Option<Value>,
    header_contains: Option<Value>,
    name: Option<Value>,
    constant: Option<Value>,
    expression: Option<Value>,
    #[serde(default)]
    lower: bool,
    strip: Option<String>,
    #[serde(default)]
    map: BTreeMap<String, String>,
    #[serde(default)]
    leading_number: bool,
    note: Option<String>,
}

const SOURCE_FORMS: &str = "expected a column, a list of columns, { columns = […] }, { name = \"…\" }, { expression = \"…\" } \
                            or { header_contains = […] }, or a list of such tables";

/// The alternatives of a role.
fn source(role: &str, value: Value) -> Result<Vec<Alternative>, String> {
    let alternative = |place| Alternative { place, note: None };
    match value {
        Value::String(name) => Ok(vec![alternative(Origin::Columns(Field { columns: vec![name], ..Field::default() }))]),
        Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_table) => {
            let found = list.into_iter().map(|item| source(role, item)).collect::<Result<Vec<_>, _>>()?;
            Ok(found.into_iter().flatten().collect())
        }
        list @ Value::Array(_) => {
            let columns = texts(&list).filter(|names| !names.is_empty()).ok_or(SOURCE_FORMS)?;
            Ok(vec![alternative(Origin::Columns(Field { columns, ..Field::default() }))])
        }
        table @ Value::Table(_) => {
            let table: SourceTable = table.try_into().map_err(|error: toml::de::Error| one_line(&error))?;
            source_table(role, table)
        }
        _ => Err(SOURCE_FORMS.to_owned()),
    }
}

fn source_table(role: &str, table: SourceTable) -> Result<Vec<Alternative>, String> {
    let SourceTable { columns, header_contains, name, constant, expression, lower, strip, map, leading_number, note } = table;
    let field = Field { columns: Vec::new(), lower, strip, map, leading_number };
    let plain = field == Field::default();
    let list = |key: &str, value: &Value| {
        texts(value).filter(|names| !names.is_empty()).ok_or_else(|| format!("{key}: expected a text or a list of texts"))
    };
    let origins = match (columns, header_contains, name.or(constant), expression) {
        (Some(columns), None, None, None) => vec![Origin::Columns(Field { columns: list("columns", &columns)?, ..field })],
        (None, Some(parts), None, None) => vec![Origin::HeaderContains(list("header_contains", &parts)?, field)],
        (None, None, Some(constant), None) if plain => vec![Origin::Constant(match constant {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            _ => return Err("name: expected a text".to_owned()),
        })],
        (None, None, None, Some(expressions)) if plain => {
            if !is_amount(role) {
                return Err("an expression gives an amount; expected columns or a name".to_owned());
            }
            list("expression", &expressions)?.into_iter().map(Origin::Expression).collect()
        }
        _ => return Err(SOURCE_FORMS.to_owned()),
    };
    Ok(origins.into_iter().map(|place| Alternative { place, note: note.clone() }).collect())
}

fn is_amount(role: &str) -> bool {
    [column::VALUE, column::AMOUNT, column::QUANTITY, column::SCORE, column::WEIGHT].contains(&role)
}
