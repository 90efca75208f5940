//! The segments of rows and customers, as small numbers while a walk lasts.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use tenure_history::{Codes, Rows};
use tenure_model::grouped;
use tenure_model::{Day, column};

use crate::columns::Home;
use crate::error::Error;
use crate::matrix::Segment;

/// The value of columns of segments that are drawn together.
pub(crate) const OTHER: &str = "(other)";

/// The columns that part cohorts, and which of their segments are kept.
#[derive(Debug, Default)]
pub(crate) struct SegmentColumns {
    /// Name and home of each column, in the query's order.
    pub(crate) columns: Vec<(String, Home)>,
    /// The segments kept; the others are drawn together. None where all are kept.
    pub(crate) kept: Option<std::collections::HashSet<Segment>>,
}

impl SegmentColumns {
    /// Whether there are segments at all.
    pub(crate) fn any(&self) -> bool {
        !self.columns.is_empty()
    }

    fn of(&self, home: Home) -> impl Iterator<Item = (usize, &str)> {
        self.columns.iter().enumerate().filter(move |(_, (_, h))| *h == home).map(|(place, (name, _))| (place, name.as_str()))
    }

    pub(crate) fn has(&self, home: Home) -> bool {
        self.of(home).next().is_some()
    }

    pub(crate) fn other(&self) -> Segment {
        vec![Some(OTHER.to_owned()); self.columns.len()]
    }
}

/// More segments than this are refused, so that what is held of them is bounded.
pub(crate) const MOST_SEGMENTS: usize = 1_000_000;

/// A segment's number in one walk.
pub(crate) type SegmentId = u32;

/// The segments that a walk has met.
#[derive(Debug, Default)]
pub(crate) struct SegmentIds {
    ids: HashMap<Segment, SegmentId, FixedState>,
    segments: Vec<Segment>,
    /// What rows say, and what customers say: the values of their own columns, the others missing.
    halves: HashMap<Segment, u32, FixedState>,
    half_values: Vec<Segment>,
    joined: HashMap<(u32, u32), SegmentId, FixedState>,
    /// The segments of rows whose customers say nothing, by what the rows say.
    of_rows_alone: Vec<Option<SegmentId>>,
}

/// What rows or customers without a value in any column say.
pub(crate) const NOTHING: u32 = u32::MAX;

impl SegmentIds {
    /// The number of a segment.
    pub(crate) fn id(&mut self, segment: Segment) -> SegmentId {
        if let Some(id) = self.ids.get(&segment) {
            return *id;
        }
        let id = self.segments.len() as SegmentId;
        self.segments.push(segment.clone());
        self.ids.insert(segment, id);
        id
    }

    /// Refuses more segments than anybody ranks: each takes about a kilobyte in each thread that meets it.
    pub(crate) fn check_count(&self, by: &[String]) -> Result<(), Error> {
        if self.segments.len() <= MOST_SEGMENTS {
            return Ok(());
        }
        Err(Error::query(format!(
            "--by {}: more than {} different segments are too many to tell apart; choose columns with fewer values, or --filter",
            by.join(","),
            grouped(MOST_SEGMENTS as u64)
        )))
    }

    /// The segment of a number.
    pub(crate) fn get(&self, id: SegmentId) -> &Segment {
        &self.segments[id as usize]
    }

    fn half(&mut self, values: Segment) -> u32 {
        if values.iter().all(Option::is_none) {
            return NOTHING;
        }
        if let Some(half) = self.halves.get(&values) {
            return *half;
        }
        let half = self.half_values.len() as u32;
        self.half_values.push(values.clone());
        self.halves.insert(values, half);
        half
    }

    /// The segment that a row and its customer make together.
    #[inline]
    pub(crate) fn join(&mut self, columns: &SegmentColumns, row: u32, customer: u32) -> SegmentId {
        if customer == NOTHING
            && let Some(Some(id)) = self.of_rows_alone.get(row as usize)
        {
            return *id;
        }
        self.look_up(columns, row, customer)
    }

    fn look_up(&mut self, columns: &SegmentColumns, row: u32, customer: u32) -> SegmentId {
        if let Some(id) = self.joined.get(&(row, customer)) {
            return *id;
        }
        let half = |half: u32| self.half_values.get(half as usize);
        let value = |place: usize| [half(row), half(customer)].into_iter().flatten().find_map(|half| half[place].clone());
        let segment: Segment = (0..columns.columns.len()).map(value).collect();
        let kept = columns.kept.as_ref().is_none_or(|kept| kept.contains(&segment));
        let id = self.id(if kept { segment } else { columns.other() });
        self.joined.insert((row, customer), id);
        if customer == NOTHING && row != NOTHING {
            let place = row as usize;
            self.of_rows_alone.resize(self.of_rows_alone.len().max(place + 1), None);
            self.of_rows_alone[place] = Some(id);
        }
        id
    }

    /// What each row of a batch says.
    pub(crate) fn of_rows(&mut self, columns: &SegmentColumns, rows: &Rows) -> Vec<u32> {
        let mut halves = RowHalves::new(columns, rows);
        (0..rows.len()).map(|row| halves.get(self, row)).collect()
    }

    /// What each customer of a bucket says.
    pub(crate) fn of_customers(&mut self, columns: &SegmentColumns, customers: &Rows) -> Vec<u32> {
        let mut all: Vec<Segment> = vec![vec![None; columns.columns.len()]; customers.len()];
        for (place, name) in columns.of(Home::Customers) {
            for (segment, value) in all.iter_mut().zip(values(customers, name)) {
                segment[place] = value;
            }
        }
        all.into_iter().map(|values| self.half(values)).collect()
    }
}

/// So many combinations of codes have a table; of more there are few in any batch.
const MOST_TABULATED: usize = 4096;

/// What rows of a batch say, worked out once for each combination of codes that is met: these are few, however many rows
/// there are.
pub(crate) struct RowHalves<'a> {
    width: usize,
    codes: Vec<ColumnCodes<'a>>,
    /// What each combination says, by its number, where there are not too many.
    known: Vec<Option<u32>>,
    /// Else columns are numbered one after the other, since all codes together may pass any number.
    numbers: HashMap<(u32, u32), u32, FixedState>,
}

/// The codes of a column of segments.
struct ColumnCodes<'a> {
    /// Its place among the columns.
    place: usize,
    codes: Option<Codes<'a>>,
    /// The codes that a row may have, none being one of them.
    names: usize,
}

impl<'a> ColumnCodes<'a> {
    fn new(place: usize, codes: Option<Codes<'a>>) -> Self {
        Self { place, names: codes.map_or(0, |codes| codes.count()) + 1, codes }
    }

    /// The code of a row, from 1 on; 0 without a name.
    #[inline]
    fn get(&self, row: usize) -> usize {
        self.codes.and_then(|codes| codes.get(row)).map_or(0, |code| code + 1)
    }
}

impl<'a> RowHalves<'a> {
    pub(crate) fn new(columns: &SegmentColumns, rows: &'a Rows) -> Self {
        let codes: Vec<ColumnCodes<'a>> =
            columns.of(Home::Activity).map(|(place, name)| ColumnCodes::new(place, rows.codes(name))).collect();
        let combinations = codes.iter().try_fold(1usize, |product, column| product.checked_mul(column.names));
        let tabulated = combinations.filter(|count| *count <= MOST_TABULATED).unwrap_or(1);
        Self { width: columns.columns.len(), codes, known: vec![None; tabulated], numbers: HashMap::default() }
    }

    /// What a row says.
    #[inline]
    pub(crate) fn get(&mut self, ids: &mut SegmentIds, row: usize) -> u32 {
        let number = if self.known.len() > 1 && self.numbers.is_empty() {
            self.codes.iter().fold(0, |number, column| number * column.names + column.get(row))
        } else {
            let known = &mut self.known;
            let numbered = self.codes.iter().fold(0, |before, column| {
                *self.numbers.entry((before, column.get(row) as u32)).or_insert_with(|| {
                    known.push(None);
                    known.len() as u32 - 1
                })
            });
            numbered as usize
        };
        if let Some(half) = self.known[number] {
            return half;
        }
        let half = self.look_up(ids, row);
        self.known[number] = Some(half);
        half
    }

    #[cold]
    fn look_up(&self, ids: &mut SegmentIds, row: usize) -> u32 {
        let mut values: Segment = vec![None; self.width];
        for ColumnCodes { place, codes, .. } in &self.codes {
            values[*place] = codes.and_then(|codes| Some(codes.name(codes.get(row)?).to_owned()));
        }
        ids.half(values)
    }
}

/// A column of customers as texts.
fn values(customers: &Rows, name: &str) -> Vec<Option<String>> {
    let rows = 0..customers.len();
    if name == column::CUSTOMER {
        let ids = customers.texts(column::CUSTOMER_ID).into_iter().flatten();
        return ids.map(|id| id.map(str::to_owned)).collect();
    }
    if let Some(dates) = customers.dates(name) {
        return dates.map(|date| date.map(|date| Day(date).to_string())).collect();
    }
    match customers.codes(name) {
        Some(codes) => {
            let names = codes.names();
            rows.map(|row| codes.get(row).map(|code| names[code].to_owned())).collect()
        }
        None => vec![None; rows.len()],
    }
}
