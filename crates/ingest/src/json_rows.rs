use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, StringBuilder};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::batch::{Batch, Damage, RowNumbers, Rows, Sink};
use crate::blocks::{Block, Records, for_each_block};
use crate::error::Error;
use crate::input::Input;

/// JSON Lines: an object a line. Nested objects are flattened to paths such as `properties.plan`.
#[derive(Debug)]
pub(crate) struct JsonRows {
    input: Input,
    header: Vec<Arc<str>>,
}

impl JsonRows {
    /// Reads the whole text for its paths, since any line may be the first to have one.
    pub(crate) fn open(input: Input) -> Result<Self, Error> {
        let found: Mutex<HashSet<Arc<str>>> = Mutex::default();
        for_each_block(&input, Records::Lines, &|block| {
            let mut paths = HashSet::new();
            for line in lines(&block.bytes) {
                // What is no object shows up as a damaged row later.
                let _ = collect_paths(line, "", 1, &mut paths);
            }
            found.lock().unwrap_or_else(PoisonError::into_inner).extend(paths);
            Ok(())
        })?;
        input.consumed.store(0, std::sync::atomic::Ordering::Relaxed);
        let mut header: Vec<Arc<str>> = found.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
        header.sort_unstable();
        if header.is_empty() {
            return Err(Error::input(&input.name, "no line is a JSON object with fields; expected one object a line"));
        }
        Ok(Self { input, header })
    }

    fn batch(&self, block: &Block, columns: &[usize]) -> Batch {
        let wanted = Wanted::new(columns.iter().map(|&column| &*self.header[column]));
        let mut builders: Vec<StringBuilder> = columns.iter().map(|_| StringBuilder::new()).collect();
        let mut fields: Vec<Option<String>> = vec![None; columns.len()];
        let mut rows = Vec::new();
        let mut damaged = HashMap::new();
        for (number, line) in block.bytes.split(|&b| b == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            fields.fill(None);
            if let Err(damage) = read_fields(line, &wanted, &mut fields) {
                fields.fill(None);
                damaged.insert(rows.len(), damage);
            }
            for (builder, field) in builders.iter_mut().zip(&mut fields) {
                builder.append_option(field.take());
            }
            rows.push(block.first_line + number as u64);
        }
        let columns = builders.into_iter().map(|mut builder| Arc::new(builder.finish()) as ArrayRef).collect();
        Batch { columns, rows: RowNumbers::Listed(rows), damaged }
    }
}

impl Rows for JsonRows {
    fn header(&self) -> &[Arc<str>] {
        &self.header
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

fn collect_paths(object: &str, path: &str, depth: usize, paths: &mut HashSet<Arc<str>>) -> Result<(), serde_json::Error> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(object)?;
    for (key, value) in fields {
        let path = join(path, &key);
        if value.get().starts_with('{') && depth < MAX_DEPTH {
            collect_paths(value.get(), &path, depth + 1, paths)?;
        } else if !paths.contains(&*path) {
            paths.insert(path.into());
        }
    }
    Ok(())
}

/// The paths that are asked for below an object, each with the place of its column. A path may be one key with dots in
/// it, or keys inside keys, so what a key leads to is worked out when it is met.
#[derive(Debug, Default)]
struct Wanted {
    paths: Vec<(String, usize)>,
    met: RefCell<HashMap<String, Rc<Found>>>,
}

/// What a key leads to.
#[derive(Debug)]
struct Found {
    column: Option<usize>,
    inner: Wanted,
}

impl Wanted {
    fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        Self { paths: paths.enumerate().map(|(column, path)| (path.to_owned(), column)).collect(), met: RefCell::default() }
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
        let found = Rc::new(Found { column, inner: Wanted { paths: inner, met: RefCell::default() } });
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
            if raw.starts_with('{') && !found.inner.paths.is_empty() {
                read_object(raw, &found.inner, self.fields).map_err(A::Error::custom)?;
            } else if let Some(column) = found.column {
                // Numbers stay as they are written, so that amounts are exact and long ids whole.
                self.fields[column] = match raw.as_bytes()[0] {
                    b'n' => None,
                    b'"' => Some(serde_json::from_str(raw).map_err(A::Error::custom)?),
                    _ => Some(raw.to_owned()),
                };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str, paths: &[&str]) -> Result<Vec<Option<String>>, Damage> {
        let mut fields = vec![None; paths.len()];
        read_fields(line.as_bytes(), &Wanted::new(paths.iter().copied()), &mut fields).map(|()| fields)
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
        let mut paths = HashSet::new();
        collect_paths(&deep, "", 1, &mut paths).unwrap();
        assert_eq!(paths.into_iter().map(|path| path.matches('a').count()).collect::<Vec<_>>(), [MAX_DEPTH]);
        let dotted: Vec<String> = (0..60).map(|i| format!("k{i}")).collect();
        let path = dotted.join(".");
        assert_eq!(fields(&format!("{{\"{path}\": 5}}"), &[&path]).unwrap(), [Some("5".to_owned())]);
    }

    #[test]
    fn what_is_no_object_is_damaged() {
        for line in ["", "[1]", "{\"u\": 1", "{\"u\": 1} x", "nonsense", "{\"u\": tru}"] {
            assert!(matches!(fields(line, &["u"]), Err(Damage::NotJson(_))), "{line}");
        }
    }
}
