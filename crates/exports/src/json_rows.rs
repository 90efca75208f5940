use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, StringBuilder};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::batch::{Batch, Damage, RowNumbers, Rows, Sink};
use crate::blocks::{Block, Records, for_each_block};
use crate::error::Error;
use crate::input::{Hints, Input};

/// JSON Lines: an object a line. Nested objects are flattened to paths such as `properties.plan`.
#[derive(Debug)]
pub(crate) struct JsonRows {
    input: Input,
    header: Vec<Arc<str>>,
    /// For each column whether all its values are strings.
    texts: Vec<bool>,
    /// Paths whose strings may be objects.
    json_strings: Vec<String>,
}

/// The paths of a text, each with whether all its values are strings.
type Paths = HashMap<Arc<str>, bool>;

impl JsonRows {
    /// Reads the whole text for its paths, since any line may be the first to have one.
    pub(crate) fn open(input: Input, hints: &Hints) -> Result<Self, Error> {
        let found: Mutex<Paths> = Mutex::default();
        for_each_block(&input, Records::Lines, &|block| {
            let mut paths = Collector { paths: Paths::new(), json_strings: &hints.json_strings };
            for line in lines(&block.bytes) {
                // What is no object shows up as a damaged row later.
                let _ = paths.object(line, "", 1);
            }
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            paths.paths.into_iter().for_each(|(path, texts)| *found.entry(path).or_insert(true) &= texts);
            Ok(())
        })?;
        input.consumed.store(0, std::sync::atomic::Ordering::Relaxed);
        let mut found: Vec<(Arc<str>, bool)> = found.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
        found.sort_unstable();
        if found.is_empty() {
            return Err(Error::input(&input.name, "no line is a JSON object with fields; expected one object a line"));
        }
        let (header, texts) = found.into_iter().unzip();
        Ok(Self { input, header, texts, json_strings: hints.json_strings.clone() })
    }

    fn batch(&self, block: &Block, columns: &[usize]) -> Batch {
        let wanted = Wanted::new(columns.iter().map(|&column| &*self.header[column]), &self.json_strings);
        let mut builders: Vec<StringBuilder> = columns.iter().map(|_| StringBuilder::new()).collect();
        let mut fields: Vec<Option<String>> = vec![None; columns.len()];
        let mut rows = Vec::new();
        let mut damaged = HashMap::new();
        let mut texts = HashMap::new();
        for (number, line) in block.bytes.split(|&b| b == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            fields.fill(None);
            if let Err(damage) = read_fields(line, &wanted, &mut fields) {
                fields.fill(None);
                damaged.insert(rows.len(), damage);
                texts.insert(rows.len(), String::from_utf8_lossy(line).trim_end().to_owned());
            }
            for (builder, field) in builders.iter_mut().zip(&mut fields) {
                builder.append_option(field.take());
            }
            rows.push(block.first_line + number as u64);
        }
        let columns = builders.into_iter().map(|mut builder| Arc::new(builder.finish()) as ArrayRef).collect();
        Batch { columns, rows: RowNumbers::Listed(rows), damaged, texts }
    }
}

impl Rows for JsonRows {
    fn header(&self) -> &[Arc<str>] {
        &self.header
    }

    fn is_text(&self, column: usize) -> bool {
        self.texts[column]
    }

    fn notes(&self) -> Vec<String> {
        self.input.notes()
    }

    fn read(&self, columns: &[usize], sink: Sink<'_>) -> Result<(), Error> {
        for_each_block(&self.input, Records::Lines, &|block| sink(self.batch(&block, columns)))
    }

    fn format(&self) -> &'static str {
        "JSON Lines"
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &str> {
    text.split(|&b| b == b'\n').filter_map(|line| std::str::from_utf8(line).ok()).filter(|line| !line.trim().is_empty())
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Objects nested deeper than this are one value, as text.
const MAX_DEPTH: usize = 32;

/// A parameter as GA4 exports it: one of a few members of `value` holds the value.
#[derive(Deserialize)]
struct Parameter<'a> {
    key: String,
    #[serde(borrow)]
    value: BTreeMap<String, &'a RawValue>,
}

impl Parameter<'_> {
    /// What the members of `value` may be called.
    const MEMBERS: [&'static str; 4] = ["string_value", "int_value", "float_value", "double_value"];

    /// The parameters that a list consists of, if it does.
    fn list(raw: &str) -> Option<Vec<Parameter<'_>>> {
        let parameters: Vec<Parameter<'_>> = serde_json::from_str(raw).ok()?;
        let known = |parameter: &Parameter<'_>| {
            parameter.value.keys().all(|member| Self::MEMBERS.contains(&member.as_str()) || member == "set_timestamp_micros")
        };
        (!parameters.is_empty() && parameters.iter().all(known)).then_some(parameters)
    }

    /// The value, and whether it is a text. Whole numbers of 64 bits are written as strings.
    fn value(&self) -> Option<(&str, bool)> {
        let filled = |member: &&str| self.value.get(*member).is_some_and(|value| value.get() != "null");
        let member = Self::MEMBERS.iter().find(|member| filled(member))?;
        Some((self.value[*member].get(), *member == "string_value"))
    }
}

/// Notes which paths there are.
struct Collector<'a> {
    paths: Paths,
    json_strings: &'a [String],
}

impl Collector<'_> {
    fn object(&mut self, object: &str, path: &str, depth: usize) -> Result<(), serde_json::Error> {
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(object)?;
        for (key, value) in fields {
            self.value(value.get(), &join(path, &key), depth)?;
        }
        Ok(())
    }

    fn value(&mut self, raw: &str, path: &str, depth: usize) -> Result<(), serde_json::Error> {
        match raw.as_bytes()[0] {
            b'{' if depth < MAX_DEPTH => self.object(raw, path, depth + 1)?,
            b'[' if let Some(parameters) = Parameter::list(raw) => {
                for parameter in parameters {
                    self.note(&join(path, &parameter.key), parameter.value().is_none_or(|(_, text)| text));
                }
            }
            b'"' if self.json_strings.iter().any(|known| known == path) => {
                let text: String = serde_json::from_str(raw)?;
                if !text.trim_start().starts_with('{') || self.object(&text, path, depth + 1).is_err() {
                    self.note(path, true);
                }
            }
            first => self.note(path, matches!(first, b'"' | b'n')),
        }
        Ok(())
    }

    fn note(&mut self, path: &str, text: bool) {
        match self.paths.get_mut(path) {
            Some(texts) => *texts &= text,
            None => {
                self.paths.insert(path.into(), text);
            }
        }
    }
}

/// The paths that are asked for below an object, each with the place of its column. A path may be one key with dots in
/// it, or keys inside keys, so what a key leads to is worked out when it is met.
#[derive(Debug, Default)]
struct Wanted {
    paths: Vec<(String, usize)>,
    /// Paths whose strings may be objects.
    json_strings: Vec<String>,
    met: RefCell<HashMap<String, Rc<Found>>>,
}

/// What a key leads to.
#[derive(Debug)]
struct Found {
    column: Option<usize>,
    /// Whether its strings may be objects.
    json_string: bool,
    inner: Wanted,
}

impl Wanted {
    fn new<'a>(paths: impl Iterator<Item = &'a str>, json_strings: &[String]) -> Self {
        let paths = paths.enumerate().map(|(column, path)| (path.to_owned(), column)).collect();
        Self { paths, json_strings: json_strings.to_vec(), met: RefCell::default() }
    }

    fn find(&self, key: &str) -> Option<Rc<Found>> {
        if let Some(found) = self.met.borrow().get(key) {
            return Some(found.clone());
        }
        let rests = self.paths.iter().filter_map(|(path, column)| Some((path.strip_prefix(key)?, *column)));
        let column = rests.clone().find(|(rest, _)| rest.is_empty()).map(|(_, column)| column);
        let inner: Vec<(String, usize)> =
            rests.filter_map(|(rest, column)| Some((rest.strip_prefix('.')?.to_owned(), column))).collect();
        if column.is_none() && inner.is_empty() {
            return None;
        }
        let below = |path: &String| Some(path.strip_prefix(key)?.strip_prefix('.')?.to_owned());
        let json_strings = self.json_strings.iter().filter_map(below).collect();
        let json_string = self.json_strings.iter().any(|path| path == key);
        let inner = Wanted { paths: inner, json_strings, met: RefCell::default() };
        let found = Rc::new(Found { column, json_string, inner });
        self.met.borrow_mut().insert(key.to_owned(), found.clone());
        Some(found)
    }
}

fn read_fields(line: &[u8], wanted: &Wanted, fields: &mut [Option<String>]) -> Result<(), Damage> {
    let text = std::str::from_utf8(line).map_err(|_| Damage::NotUtf8)?;
    read_object(text, wanted, fields).map_err(|error| Damage::NotJson(error.to_string()))
}

fn read_object(text: &str, wanted: &Wanted, fields: &mut [Option<String>]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Object { wanted, fields }.deserialize(&mut deserializer)?;
    deserializer.end()
}

struct Object<'a> {
    wanted: &'a Wanted,
    fields: &'a mut [Option<String>],
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        use serde::de::Error as _;
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            let Some(found) = self.wanted.find(&key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = map.next_value::<&RawValue>()?.get();
            read_value(raw, &found, self.fields).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

fn read_value(raw: &str, found: &Found, fields: &mut [Option<String>]) -> Result<(), serde_json::Error> {
    let paths = !found.inner.paths.is_empty();
    match raw.as_bytes()[0] {
        b'{' if paths => return read_object(raw, &found.inner, fields),
        b'[' if paths && let Some(parameters) = Parameter::list(raw) => {
            for parameter in &parameters {
                let place = found.inner.find(&parameter.key).and_then(|found| found.column);
                if let (Some(column), Some((value, _))) = (place, parameter.value()) {
                    fields[column] = scalar(value)?;
                }
            }
            return Ok(());
        }
        b'"' if paths && found.json_string => {
            let text: String = serde_json::from_str(raw)?;
            // What turns out to be no object is text; nothing of it is kept twice.
            let mut inside = vec![None; fields.len()];
            if text.trim_start().starts_with('{') && read_object(&text, &found.inner, &mut inside).is_ok() {
                fields.iter_mut().zip(inside).for_each(|(field, value)| *field = value.or(field.take()));
                return Ok(());
            }
        }
        _ => {}
    }
    if let Some(column) = found.column {
        fields[column] = scalar(raw)?;
    }
    Ok(())
}

/// The text of a value. Numbers stay as they are written, so that amounts are exact and long ids whole.
fn scalar(raw: &str) -> Result<Option<String>, serde_json::Error> {
    Ok(match raw.as_bytes()[0] {
        b'n' => None,
        b'"' => Some(serde_json::from_str(raw)?),
        _ => Some(raw.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str, paths: &[&str]) -> Result<Vec<Option<String>>, Damage> {
        let mut fields = vec![None; paths.len()];
        read_fields(
            line.as_bytes(),
            &Wanted::new(paths.iter().copied(), &["props".to_owned(), "a.props".to_owned()]),
            &mut fields,
        )
        .map(|()| fields)
    }

    #[test]
    fn numbers_stay_as_written_and_objects_are_paths() {
        let line = r#"{"u": "caf\u00e9", "n": 12.50, "big": 123456789012345678901, "p": {"plan": "pro", "t": true, "x": null}, "a.b": 1, "l": [1, 2]}"#;
        let found = fields(line, &["u", "n", "big", "p.plan", "p.t", "p.x", "a.b", "l", "missing"]).unwrap();
        let found: Vec<_> = found.iter().map(Option::as_deref).collect();
        assert_eq!(
            found,
            [
                Some("café"),
                Some("12.50"),
                Some("123456789012345678901"),
                Some("pro"),
                Some("true"),
                None,
                Some("1"),
                Some("[1, 2]"),
                None
            ]
        );
    }

    #[test]
    fn deep_and_dotted_objects_are_bounded() {
        let deep = format!("{}1{}", "{\"a\":".repeat(20_000), "}".repeat(20_000));
        let paths = paths(&[&deep]);
        assert_eq!(paths.into_iter().map(|(path, _)| path.matches('a').count()).collect::<Vec<_>>(), [MAX_DEPTH]);
        let dotted: Vec<String> = (0..60).map(|i| format!("k{i}")).collect();
        let path = dotted.join(".");
        assert_eq!(fields(&format!("{{\"{path}\": 5}}"), &[&path]).unwrap(), [Some("5".to_owned())]);
    }

    fn paths(lines: &[&str]) -> Vec<(String, bool)> {
        let json_strings = ["props".to_owned(), "a.props".to_owned()];
        let mut collector = Collector { paths: Paths::new(), json_strings: &json_strings };
        lines.iter().for_each(|line| collector.object(line, "", 1).unwrap());
        let mut paths: Vec<_> = collector.paths.into_iter().map(|(path, texts)| (path.to_string(), texts)).collect();
        paths.sort_unstable();
        paths
    }

    #[test]
    fn strings_are_text_and_parameters_are_paths() {
        let lines = [
            r#"{"a": "1", "b": "2", "p": [{"key": "id", "value": {"int_value": "7", "string_value": null}}, {"key": "s", "value": {"string_value": "x"}}]}"#,
            r#"{"a": null, "b": 3, "p": [{"key": "id", "value": {"double_value": 1.5}}, {"key": "none", "value": {}}]}"#,
        ];
        let expected = [("a", true), ("b", false), ("p.id", false), ("p.none", true), ("p.s", true)];
        assert_eq!(paths(&lines), expected.map(|(path, text)| (path.to_owned(), text)));
        let found = fields(lines[0], &["p.id", "p.s", "p.none"]).unwrap();
        assert_eq!(found, [Some("7".to_owned()), Some("x".to_owned()), None]);
        let found = fields(lines[1], &["p.id", "p.s", "p"]).unwrap();
        assert_eq!(found, [Some("1.5".to_owned()), None, None]);
        let list = r#"{"p": [{"key": "id", "value": 1}]}"#;
        assert_eq!(paths(&[list]), [("p".to_owned(), false)]);
        assert_eq!(fields(list, &["p"]).unwrap(), [Some(r#"[{"key": "id", "value": 1}]"#.to_owned())]);
    }

    #[test]
    fn strings_that_are_objects_are_paths_where_it_is_said() {
        let line = r#"{"props": "{\"plan\":\"pro\",\"n\":1}", "other": "{\"x\":1}", "a": {"props": "{\"y\":2}"}}"#;
        let expected = [("a.props.y", false), ("other", true), ("props.n", false), ("props.plan", true)];
        assert_eq!(paths(&[line]), expected.map(|(path, text)| (path.to_owned(), text)));
        let found = fields(line, &["props.plan", "props.n", "a.props.y", "other"]).unwrap();
        let found: Vec<_> = found.iter().map(Option::as_deref).collect();
        assert_eq!(found, [Some("pro"), Some("1"), Some("2"), Some("{\"x\":1}")]);
        for line in [r#"{"props": "plain"}"#, r#"{"props": "{\"plan\": 1"}"#] {
            assert_eq!(paths(&[line]).last().unwrap(), &("props".to_owned(), true), "{line}");
            assert!(fields(line, &["props", "props.plan"]).unwrap()[0].is_some(), "{line}");
        }
    }

    #[test]
    fn what_is_no_object_is_damaged() {
        for line in ["", "[1]", "{\"u\": 1", "{\"u\": 1} x", "nonsense", "{\"u\": tru}"] {
            assert!(matches!(fields(line, &["u"]), Err(Damage::NotJson(_))), "{line}");
        }
    }
}
