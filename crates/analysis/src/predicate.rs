//! Conditions over the columns of activity and customers, judged batch by batch.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, TimeUnit};
use foldhash::fast::FixedState;
use tenure_expression::{ColumnKind, Evaluator, Outcome, Parsed, Tree, Wanted};
use tenure_history::{Codes, Rows};
use tenure_model::{MAX_STORED_DIGITS, column};

use crate::columns::{Columns, Home};
use crate::error::Error;

/// So many names of a column are remembered with their truth; more are judged anew where they occur.
const MOST_REMEMBERED: usize = 1 << 16;

/// Truth of a condition, as SQL has it: of several joined by `and` the least, by `or` the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Truth(u8);

impl Truth {
    const FALSE: Truth = Truth(0);
    const UNKNOWN: Truth = Truth(1);
    const TRUE: Truth = Truth(2);
}

/// The customers of a bucket.
#[derive(Debug, Clone)]
pub(crate) struct BucketCustomers {
    rows: Rows,
    /// The place of each by the number's low half.
    places: Arc<Vec<u32>>,
}

impl BucketCustomers {
    pub(crate) fn new(rows: &Rows) -> Self {
        Self { rows: rows.clone(), places: Arc::new(places_of(rows)) }
    }

    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The place of a customer.
    pub(crate) fn place(&self, customer: i64) -> Option<usize> {
        self.places.get(customer as u32 as usize).filter(|place| **place != u32::MAX).map(|place| *place as usize)
    }

    /// The places of the rows' customers.
    fn places<'a>(&'a self, rows: &'a Rows) -> impl Iterator<Item = Option<usize>> + 'a {
        rows.customers().iter().map(|&customer| self.place(customer))
    }
}

/// A condition whose columns are known.
#[derive(Debug)]
pub(crate) struct Predicate {
    parsed: Parsed,
    joint: Joint,
    parts: Vec<Part>,
}

/// How the parts are joined, by their places.
#[derive(Debug)]
enum Joint {
    All(Vec<Joint>),
    Any(Vec<Joint>),
    Part(usize),
}

#[derive(Debug)]
struct Part {
    evaluator: Evaluator,
    reads: Reads,
    /// The events that it asks for by name.
    events: Vec<String>,
}

/// What a part reads, which says how often it must be judged.
#[derive(Debug, PartialEq)]
enum Reads {
    /// One column of names of the activity: once for each name.
    Names(String),
    /// Columns of the customers: once for each customer.
    Customers,
    /// Anything else: row by row.
    Rows,
}

impl Predicate {
    /// Settles the types of a condition.
    pub(crate) fn new(parsed: Parsed, columns: &Columns) -> Result<Self, Error> {
        // The whole is tried once, so that a wrong type is told of the whole.
        parsed.clone().resolve(Wanted::Condition, |name| columns.kind(name).into())?;
        let tree = Tree::of(&parsed);
        let mut parts = Vec::new();
        let joint = Joint::of(&tree, columns, &mut parts)?;
        Ok(Self { parsed, joint, parts })
    }

    /// The condition on the event alone that a condition's top-level terms make; nothing where they name no event.
    pub(crate) fn of_event_name(&self, columns: &Columns) -> Result<Option<Self>, Error> {
        let tree = Tree::of(&self.parsed);
        let pinned: Vec<Tree> = tree.pinned(column::EVENT).into_iter().cloned().map(Tree::Part).collect();
        if pinned.is_empty() {
            return Ok(None);
        }
        let mut parts = Vec::new();
        let joint = Joint::of(&Tree::All(pinned), columns, &mut parts)?;
        Ok(Some(Self { parsed: self.parsed.clone(), joint, parts }))
    }

    /// Whether another condition means the same.
    pub(crate) fn is_same_as(&self, other: &Predicate) -> bool {
        self.parsed.is_same_as(&other.parsed)
    }

    /// The columns it reads.
    pub(crate) fn columns(&self) -> BTreeSet<String> {
        self.parsed.columns().map(str::to_owned).collect()
    }

    /// The flag and the text, as they were given.
    pub(crate) fn source(&self) -> (&'static str, &str) {
        self.parsed.source()
    }

    /// The events that it asks for by name.
    pub(crate) fn events(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|part| &part.events).map(String::as_str)
    }

    /// Which rows of a batch it holds for; an unknown truth does not hold.
    pub(crate) fn holds(&self, memory: &mut Memory, columns: &Columns, rows: &Rows) -> Result<Vec<bool>, Error> {
        memory.parts.resize_with(self.parts.len(), PartMemory::default);
        let truths = self.judge(&self.joint, memory, columns, rows)?;
        Ok(truths.into_iter().map(|truth| truth == Truth::TRUE).collect())
    }

    /// Takes the customers of a bucket in, whose rows come next.
    pub(crate) fn enter_bucket(&self, memory: &mut Memory, columns: &Columns, customers: &BucketCustomers) -> Result<(), Error> {
        memory.parts.resize_with(self.parts.len(), PartMemory::default);
        for (part, memory) in self.parts.iter().zip(&mut memory.parts) {
            if part.reads == Reads::Customers {
                let array = |name: &str| columns.of_customers(&customers.rows, name);
                memory.customers = self.evaluate(part, customers.rows.len(), array)?;
            }
        }
        memory.customers = Some(customers.clone());
        Ok(())
    }

    fn judge(&self, joint: &Joint, memory: &mut Memory, columns: &Columns, rows: &Rows) -> Result<Vec<Truth>, Error> {
        match joint {
            Joint::All(joints) => self.judge_all(joints, memory, columns, rows, |a, b| a.min(b)),
            Joint::Any(joints) => self.judge_all(joints, memory, columns, rows, |a, b| a.max(b)),
            Joint::Part(place) => self.judge_part(*place, memory, columns, rows),
        }
    }

    fn judge_all(
        &self,
        joints: &[Joint],
        memory: &mut Memory,
        columns: &Columns,
        rows: &Rows,
        join: impl Fn(Truth, Truth) -> Truth,
    ) -> Result<Vec<Truth>, Error> {
        let mut all: Option<Vec<Truth>> = None;
        for joint in joints {
            let next = self.judge(joint, memory, columns, rows)?;
            match &mut all {
                None => all = Some(next),
                Some(all) => all.iter_mut().zip(next).for_each(|(truth, next)| *truth = join(*truth, next)),
            }
        }
        Ok(all.unwrap_or_default())
    }

    fn judge_part(&self, place: usize, memory: &mut Memory, columns: &Columns, rows: &Rows) -> Result<Vec<Truth>, Error> {
        let part = &self.parts[place];
        match &part.reads {
            Reads::Names(name) => self.judge_names(part, name, &mut memory.parts[place], rows),
            Reads::Customers => {
                let truths = &memory.parts[place].customers;
                let customers = memory.customers.as_ref();
                let places = customers.into_iter().flat_map(|customers| customers.places(rows));
                Ok(places.map(|at| at.map_or(Truth::UNKNOWN, |at| truths[at])).collect())
            }
            Reads::Rows => {
                let customers = memory.customers.as_ref();
                let places = customers.into_iter().flat_map(|customers| customers.places(rows));
                let places: UInt32Array = places.map(|at| at.map(|at| at as u32)).collect();
                let array = |name: &str| match columns.home(name) {
                    Some(Home::Customers) => customers.map_or_else(
                        || new_null_array(&DataType::Utf8, rows.len()),
                        |customers| {
                            let of_customers = columns.of_customers(&customers.rows, name);
                            take(&of_customers, &places, None).unwrap_or(of_customers)
                        },
                    ),
                    _ => columns.of_activity(rows, name),
                };
                self.evaluate(part, rows.len(), array)
            }
        }
    }

    fn judge_names(&self, part: &Part, name: &str, memory: &mut PartMemory, rows: &Rows) -> Result<Vec<Truth>, Error> {
        let none = match memory.none {
            Some(truth) => truth,
            None => {
                let null: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
                *memory.none.insert(self.evaluate(part, 1, |_| null.clone())?[0])
            }
        };
        let Some(codes) = rows.codes(name) else { return Ok(vec![none; rows.len()]) };
        if memory.dictionary.as_ref().is_none_or(|known| !Arc::ptr_eq(known, codes.dictionary())) {
            self.judge_dictionary(part, codes, memory)?;
        }
        let by_code = &memory.by_code;
        // Nearly all columns have few names, and then any low byte of a code has a place.
        let mut few = [Truth::UNKNOWN; 256];
        let is_few = by_code.len() <= few.len();
        if is_few {
            few[..by_code.len()].copy_from_slice(by_code);
        }
        Ok(match codes.without_gaps() {
            Some(codes) if is_few => codes.iter().map(|&code| few[usize::from(code as u8)]).collect(),
            Some(codes) => codes.iter().map(|&code| by_code[code as usize]).collect(),
            None => (0..rows.len()).map(|row| codes.get(row).map_or(none, |code| by_code[code])).collect(),
        })
    }

    /// Judges the names of a dictionary, most of which others had too.
    fn judge_dictionary(&self, part: &Part, codes: Codes<'_>, memory: &mut PartMemory) -> Result<(), Error> {
        let names = codes.names();
        if memory.names.len() > MOST_REMEMBERED {
            memory.names.clear();
        }
        let new: Vec<&str> = names.iter().copied().filter(|name| !memory.names.contains_key(*name)).collect();
        if !new.is_empty() {
            let array: ArrayRef = Arc::new(StringArray::from(new.clone()));
            let truths = self.evaluate(part, new.len(), |_| array.clone())?;
            memory.names.extend(new.into_iter().map(str::to_owned).zip(truths));
        }
        memory.by_code = names.iter().map(|name| memory.names[*name]).collect();
        memory.dictionary = Some(codes.dictionary().clone());
        Ok(())
    }

    fn evaluate(&self, part: &Part, rows: usize, array: impl Fn(&str) -> ArrayRef) -> Result<Vec<Truth>, Error> {
        let outcomes = part.evaluator.conditions(rows, array)?;
        let (flag, text) = self.source();
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Value(Some(true)) => Ok(Truth::TRUE),
                Outcome::Value(Some(false)) => Ok(Truth::FALSE),
                Outcome::Value(None) => Ok(Truth::UNKNOWN),
                Outcome::Unreadable { column, value } if column.is_empty() => {
                    Err(Error::query(format!("{flag} {text:?}: it can't be computed for some row ({value})")))
                }
                Outcome::Unreadable { column, value } => Err(Error::query(format!(
                    "{flag} {text:?}: \"{column}\" is \"{value}\" in some row, and the condition needs it to be of the type of its other values"
                ))),
            })
            .collect()
    }
}

impl Joint {
    fn of(tree: &Tree, columns: &Columns, parts: &mut Vec<Part>) -> Result<Self, Error> {
        let all = |trees: &[Tree], parts: &mut Vec<Part>| {
            trees.iter().map(|tree| Joint::of(tree, columns, parts)).collect::<Result<Vec<_>, Error>>()
        };
        Ok(match tree {
            Tree::All(trees) => Joint::All(all(trees, parts)?),
            Tree::Any(trees) => Joint::Any(all(trees, parts)?),
            Tree::Part(parsed) => {
                let names: Vec<&str> = parsed.columns().collect();
                let reads = match names.as_slice() {
                    [name] if columns.is_activity_name(name) => Reads::Names((*name).to_owned()),
                    names if !names.is_empty() && names.iter().all(|name| columns.home(name) == Some(Home::Customers)) => {
                        Reads::Customers
                    }
                    _ => Reads::Rows,
                };
                let events = parsed.equals_texts(column::EVENT).unwrap_or_default();
                let evaluator = parsed.clone().resolve(Wanted::Condition, |name| columns.kind(name).into())?;
                parts.push(Part { evaluator, reads, events });
                Joint::Part(parts.len() - 1)
            }
        })
    }
}

/// What a thread remembers of a condition.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    parts: Vec<PartMemory>,
    customers: Option<BucketCustomers>,
}

#[derive(Debug, Default)]
struct PartMemory {
    names: HashMap<String, Truth, FixedState>,
    /// The truth of each code of the dictionary met last.
    by_code: Vec<Truth>,
    dictionary: Option<ArrayRef>,
    /// The truth for a row without name.
    none: Option<Truth>,
    customers: Vec<Truth>,
}

/// The place of each customer of a bucket by the number's low half.
fn places_of(customers: &Rows) -> Vec<u32> {
    let numbers = customers.customers();
    let mut places = vec![u32::MAX; numbers.iter().map(|&number| number as u32 as usize + 1).max().unwrap_or(0)];
    numbers.iter().enumerate().for_each(|(place, &number)| places[number as u32 as usize] = place as u32);
    places
}

/// An array of texts, whatever form names have.
pub(crate) fn as_texts(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Dictionary(..) => cast(array, &DataType::Utf8).unwrap_or_else(|_| array.clone()),
        _ => array.clone(),
    }
}

/// The kinds of the columns of activity that are no names.
pub(crate) fn typed_kind(name: &str, value_scale: u8) -> Option<ColumnKind> {
    Some(ColumnKind::Typed(match name {
        column::TIME => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        column::DAY | column::SIGNED_UP => DataType::Date32,
        column::VALUE => DataType::Decimal64(MAX_STORED_DIGITS, value_scale as i8),
        _ => return None,
    }))
}

/// The distinct texts of some names.
pub(crate) fn distinct<'a>(names: impl IntoIterator<Item = &'a str>, seen: &mut HashSet<String>) {
    for name in names {
        if !seen.contains(name) {
            seen.insert(name.to_owned());
        }
    }
}

/// The columns that a condition names; nothing where it can't be read.
pub fn columns_of(text: &str) -> Option<Vec<String>> {
    tenure_expression::column_names(text).ok()
}
