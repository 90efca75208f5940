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

use crate::bits::Bits;
use crate::columns::{Columns, Home};
use crate::error::Error;

/// So many names of a column are remembered with their truth; more are judged anew where they occur.
const MOST_REMEMBERED: usize = 1 << 16;

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

    /// Which rows of a batch it holds for. An unknown truth does not hold: of terms joined by `and` all have to be true, of
    /// those joined by `or` one, whatever else is unknown.
    pub(crate) fn holds(&self, memory: &mut Memory, columns: &Columns, rows: &Rows, held: &mut Bits) -> Result<(), Error> {
        memory.parts.resize_with(self.parts.len(), PartMemory::default);
        self.judge(&self.joint, memory, columns, rows, held)
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

    fn judge(&self, joint: &Joint, memory: &mut Memory, columns: &Columns, rows: &Rows, held: &mut Bits) -> Result<(), Error> {
        let (joints, join): (_, fn(&mut Bits, &Bits)) = match joint {
            Joint::All(joints) => (joints, Bits::keep),
            Joint::Any(joints) => (joints, Bits::add),
            Joint::Part(place) => return self.judge_part(*place, memory, columns, rows, held),
        };
        let mut next = Bits::default();
        for (place, joint) in joints.iter().enumerate() {
            if place == 0 {
                self.judge(joint, memory, columns, rows, held)?;
            } else {
                self.judge(joint, memory, columns, rows, &mut next)?;
                join(held, &next);
            }
        }
        Ok(())
    }

    fn judge_part(
        &self,
        place: usize,
        memory: &mut Memory,
        columns: &Columns,
        rows: &Rows,
        held: &mut Bits,
    ) -> Result<(), Error> {
        let part = &self.parts[place];
        match &part.reads {
            Reads::Names(name) => self.judge_names(part, name, &mut memory.parts[place], rows, held)?,
            Reads::Customers => {
                let truths = &memory.parts[place].customers;
                let customers = memory.customers.as_ref();
                let places = customers.into_iter().flat_map(|customers| customers.places(rows));
                held.extend_anew(places.map(|at| at.is_some_and(|at| truths[at])));
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
                held.extend_anew(self.evaluate(part, rows.len(), array)?);
            }
        }
        Ok(())
    }

    fn judge_names(&self, part: &Part, name: &str, memory: &mut PartMemory, rows: &Rows, held: &mut Bits) -> Result<(), Error> {
        let none = match memory.none {
            Some(truth) => truth,
            None => {
                let null: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
                *memory.none.insert(self.evaluate(part, 1, |_| null.clone())?[0])
            }
        };
        let Some(codes) = rows.codes(name) else {
            held.fill(rows.len(), |_| none);
            return Ok(());
        };
        if memory.dictionary.as_ref().is_none_or(|known| !Arc::ptr_eq(known, codes.dictionary())) {
            self.judge_dictionary(part, codes, memory)?;
        }
        let by_code = &memory.by_code;
        match codes.without_gaps() {
            Some(codes) => held.look_up(codes, by_code),
            None => held.fill(rows.len(), |row| codes.get(row).map_or(none, |code| by_code[code])),
        }
        Ok(())
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

    /// For which rows a part holds.
    fn evaluate(&self, part: &Part, rows: usize, array: impl Fn(&str) -> ArrayRef) -> Result<Vec<bool>, Error> {
        let outcomes = part.evaluator.conditions(rows, array)?;
        let (flag, text) = self.source();
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Value(truth) => Ok(truth == Some(true)),
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
    names: HashMap<String, bool, FixedState>,
    /// Whether it holds for each code of the dictionary met last.
    by_code: Vec<bool>,
    dictionary: Option<ArrayRef>,
    /// Whether it holds for a row without name.
    none: Option<bool>,
    customers: Vec<bool>,
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
