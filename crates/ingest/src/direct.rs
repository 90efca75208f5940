//! An export whose lives are counted where its rows lie, without a history.
//!
//! A question for retention in its plainest form rests on customers and times alone. Where an export holds both as they
//! are wanted, its rows need not be laid out: one Parquet file, a plain column of ids, a plain column of instants, and
//! nothing else that is asked of a row. Whatever is unusual, is left to [`ingest`](crate::ingest), which also says what is
//! wrong with rows: missing values, blank ids, instants outside of what the file says or the calendar allows, rare
//! encodings, damage.

use std::io::Read;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use tenure_exports::{Detour, Export, PageSink, PageTimes, PageValues, Pages};
use tenure_history::{History, Ids, LifeCounts, LifeWriter, LifeWriters, NoId, Stretches, Unordered, count_lives};
use tenure_model::{Instant, Precision, Table, column};

use crate::columns::FIRST_MICROS;
use crate::draft::{DraftFields, DraftSource, source_zone};
use crate::mapper::FUTURE_MICROS;
use crate::options::Options;
use crate::run::{Opened, Progress, Stage};

/// How a Parquet file begins.
const PARQUET: &[u8; 4] = b"PAR1";

/// An export whose lives are counted where its rows lie.
pub struct Direct<'a> {
    opened: Opened,
    customer: usize,
    times: PageTimes,
    event: String,
    outline: History,
    memory: u64,
    progress: &'a dyn Progress,
}

/// The one export as one whose rows need not be laid out; nothing where they must be, or where anything is wrong with it.
pub fn direct<'a>(exports: &[Export], options: &Options, progress: &'a dyn Progress) -> Option<Direct<'a>> {
    let [export @ Export::File(path)] = exports else { return None };
    // A pipe gives its bytes only once.
    if !std::fs::metadata(path).ok()?.is_file() || options.rejects.is_some() || options.aliases.is_some() {
        return None;
    }
    let mut start = [0; PARQUET.len()];
    std::fs::File::open(path).ok()?.read_exact(&mut start).ok()?;
    if start != *PARQUET {
        return None;
    }
    let opened = Opened::new(export, options).ok()?;
    let draft = &opened.draft;
    let more = draft.alias.is_some() || draft.filter.is_some() || !draft.key.is_empty() || !draft.attributes.is_empty();
    if draft.table != Table::Activity || more || opened.mends || !is_as_it_is(&draft.customer) {
        return None;
    }
    let (mut time, mut event) = (None, None);
    for (spec, source) in draft.table.columns().iter().zip(&draft.sources) {
        match (spec.name, source) {
            (column::TIME, DraftSource::Fields(fields)) if is_as_it_is(fields) => time = Some(fields.places[0]),
            (column::EVENT, DraftSource::Name(name)) => event = Some(name.clone()),
            (_, DraftSource::Missing) => {}
            _ => return None,
        }
    }
    let customer = draft.customer.places[0];
    let pages = opened.rows.pages()?;
    let times = pages.times(time?).filter(|_| pages.has_ids(customer))?;
    let (first, last) = times.span;
    let future = options.now.0.saturating_add(FUTURE_MICROS);
    // Where clocks were changed, local times are not in the order of instants.
    let zone = source_zone(&draft.mapping, options);
    if first > last || first < FIRST_MICROS || last > future || times.local && !zone.is_utc() {
        return None;
    }
    let until = Precision::Instant.end_of(Instant(last), &zone);
    let outline = History::outline(options.home_zone.clone(), Instant(first), Instant(last), until);
    Some(Direct { customer, times, event: event?, outline, memory: options.memory, progress, opened })
}

/// Whether fields are one column that nothing is done to.
fn is_as_it_is(fields: &DraftFields) -> bool {
    let field = &fields.field;
    let same = !field.lower && field.strip.is_none() && field.map.is_empty() && !field.leading_number;
    fields.places.len() == 1 && same
}

impl Direct<'_> {
    /// What is worth telling about how the columns were found: a sentence each, and the export's name.
    pub fn notes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.opened.notes.iter().map(|note| (self.opened.input.name.as_str(), note.as_str()))
    }

    /// Reads the rows once.
    fn read(&self, pages: &Pages<'_>, writers: &dyn LifeWriters) -> Result<(), Detour> {
        let consumed = &self.opened.input.consumed;
        consumed.store(0, std::sync::atomic::Ordering::Relaxed);
        let idle: Mutex<Vec<Sink<'_>>> = Mutex::default();
        let pool = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        (0..pages.groups()).into_par_iter().with_max_len(1).try_for_each(|group| {
            let free = pool().pop();
            let mut sink = free.unwrap_or_else(|| Sink(writers.writer()));
            pages.read(group, self.customer, self.times, &mut sink)?;
            pool().push(sink);
            self.progress.reached(consumed.load(std::sync::atomic::Ordering::Relaxed));
            Ok(())
        })?;
        pool().par_iter_mut().for_each(|sink| sink.0.flush());
        Ok(())
    }
}

impl Unordered for Direct<'_> {
    fn outline(&self) -> &History {
        &self.outline
    }

    fn lives(&self, stretches: &Stretches) -> Option<LifeCounts> {
        let pages = self.opened.rows.pages()?;
        self.progress.begin(Stage::Reading, self.opened.input.bytes());
        let counts = count_lives(stretches, &self.event, pages.rows(), self.memory, &|writers| self.read(&pages, writers).ok())?;
        // The window is that of the rows, and not what the file says of them.
        (counts.span == Some(self.times.span)).then_some(counts)
    }
}

/// Hands pages to a counter of lives.
struct Sink<'a>(Box<dyn LifeWriter + 'a>);

fn ids(values: PageValues<'_>) -> Ids<'_> {
    match values {
        PageValues::Texts(bytes, places) => Ids::Texts(bytes, places),
        PageValues::Integers(numbers) => Ids::Integers(numbers),
    }
}

impl PageSink for Sink<'_> {
    fn dictionary(&mut self, values: PageValues<'_>) -> Result<(), Detour> {
        self.0.dictionary(ids(values)).map_err(|NoId| Detour)
    }

    fn rows(&mut self, values: PageValues<'_>, times: &[i64]) -> Result<(), Detour> {
        self.0.rows(ids(values), times).map_err(|NoId| Detour)
    }

    fn coded_rows(&mut self, codes: &[u32], times: &[i64]) -> Result<(), Detour> {
        self.0.coded_rows(codes, times).map_err(|NoId| Detour)
    }
}
