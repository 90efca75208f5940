//! Ids and times of a Parquet file, read page by page and handed over as they lie.

use std::fs::File;
use std::sync::atomic::Ordering;

use arrow::datatypes::{DataType, TimeUnit};
use parquet::basic::Type;
use parquet::file::reader::ChunkReader;
use parquet::file::statistics::Statistics;

use crate::batch::Rows;
use crate::input::Whole;
use crate::page_column::{Detour, PageColumn, PageValues, Taken};
use crate::parquet_rows::ParquetRows;

/// Rows that are handed over together: what is known of them stays in a core's first cache.
const ROWS: usize = 2048;

/// The pages of a Parquet file.
pub struct Pages<'a> {
    rows: &'a ParquetRows,
}

/// A column of instants that may be read page by page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageTimes {
    column: usize,
    unit: TimeUnit,
    /// First and last, microseconds, by the file's own account.
    pub span: (i64, i64),
    /// Whether they are times of a clock without zone.
    pub local: bool,
}

/// Receives the ids and times of a row group, in their order.
pub trait PageSink {
    /// The distinct ids that codes stand for from now on.
    ///
    /// # Errors
    ///
    /// [`Detour`] ends the reading.
    fn dictionary(&mut self, ids: PageValues<'_>) -> Result<(), Detour>;

    /// Some rows: ids, and as many times in microseconds.
    ///
    /// # Errors
    ///
    /// [`Detour`] ends the reading.
    fn rows(&mut self, ids: PageValues<'_>, times: &[i64]) -> Result<(), Detour>;

    /// Some rows: codes of ids, all of them below the dictionary's length, and as many times in microseconds.
    ///
    /// # Errors
    ///
    /// [`Detour`] ends the reading.
    fn coded_rows(&mut self, codes: &[u32], times: &[i64]) -> Result<(), Detour>;
}

impl<'a> Pages<'a> {
    pub(crate) fn of(rows: &'a ParquetRows) -> Self {
        Self { rows }
    }

    /// How many row groups there are.
    pub fn groups(&self) -> usize {
        self.rows.metadata.metadata().num_row_groups()
    }

    /// How many rows there are, by the file's own account.
    pub fn rows(&self) -> u64 {
        let groups = self.rows.metadata.metadata().row_groups().iter();
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or_default()).fold(0, u64::saturating_add)
    }

    /// Whether a column holds texts or whole numbers of up to 64 bits that may be read page by page.
    pub fn has_ids(&self, column: usize) -> bool {
        matches!(
            (self.physical(column), self.rows.column_type(column)),
            (Some(Type::BYTE_ARRAY), DataType::Utf8)
                | (Some(Type::INT64), DataType::Int64)
                | (Some(Type::INT32), DataType::Int32)
        )
    }

    /// A column of instants, where it is one and the file says of every row group in which time it lies.
    pub fn times(&self, column: usize) -> Option<PageTimes> {
        let DataType::Timestamp(unit, zone) = self.rows.column_type(column) else { return None };
        if self.physical(column)? != Type::INT64 || !self.has_unit(column, unit) {
            return None;
        }
        let groups = self.rows.metadata.metadata().row_groups();
        let mut span: Option<(i64, i64)> = None;
        for group in groups.iter().filter(|group| group.num_rows() > 0) {
            let Some(Statistics::Int64(values)) = group.column(column).statistics() else { return None };
            let (first, last) = (micros(*values.min_opt()?, unit)?, micros(*values.max_opt()?, unit)?);
            span = Some(span.map_or((first, last), |span| (span.0.min(first), span.1.max(last))));
        }
        Some(PageTimes { column, unit, span: span?, local: zone.is_none() })
    }

    fn physical(&self, column: usize) -> Option<Type> {
        if !self.rows.is_flat() {
            return None;
        }
        Some(self.rows.metadata.parquet_schema().columns().get(column)?.physical_type())
    }

    /// Whether the file itself counts in this unit: what else it carries may say otherwise.
    fn has_unit(&self, column: usize, unit: TimeUnit) -> bool {
        use parquet::basic::{ConvertedType, LogicalType, TimeUnit as Stored};
        let leaf = self.rows.metadata.parquet_schema().column(column);
        match (leaf.logical_type_ref(), leaf.converted_type()) {
            (Some(LogicalType::Timestamp(stored)), _) => matches!(
                (&stored.unit, unit),
                (Stored::MILLIS, TimeUnit::Millisecond)
                    | (Stored::MICROS, TimeUnit::Microsecond)
                    | (Stored::NANOS, TimeUnit::Nanosecond)
            ),
            (None, ConvertedType::TIMESTAMP_MILLIS) => unit == TimeUnit::Millisecond,
            (None, ConvertedType::TIMESTAMP_MICROS) => unit == TimeUnit::Microsecond,
            _ => false,
        }
    }

    /// Hands the rows of a row group over.
    ///
    /// # Errors
    ///
    /// [`Detour`] where a value is missing, an encoding is rare or something is damaged, and where the sink says so.
    pub fn read(&self, group: usize, ids: usize, times: PageTimes, sink: &mut impl PageSink) -> Result<(), Detour> {
        match &self.rows.whole {
            Whole::File(path) => {
                // A clone of a file would share its position.
                let open = || File::open(path).map_err(|_| Detour);
                self.read_from((open()?, open()?), group, ids, times, sink)?;
            }
            Whole::Memory(bytes) => self.read_from((bytes.clone(), bytes.clone()), group, ids, times, sink)?,
        }
        let bytes = self.rows.metadata.metadata().row_group(group).compressed_size();
        self.rows.input.consumed.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(())
    }

    fn read_from<R: ChunkReader>(
        &self,
        sources: (R, R),
        group: usize,
        ids: usize,
        times: PageTimes,
        sink: &mut impl PageSink,
    ) -> Result<(), Detour> {
        let group = self.rows.metadata.metadata().row_group(group);
        let mut ids = PageColumn::open(sources.0, group, ids)?;
        let mut instants = PageColumn::open(sources.1, group, times.column)?;
        let mut left = usize::try_from(group.num_rows()).map_err(|_| Detour)?;
        let mut converted = Vec::new();
        loop {
            let rows = ids.ready()?.min(instants.ready()?).min(ROWS);
            if rows == 0 {
                break;
            }
            left = left.checked_sub(rows).ok_or(Detour)?;
            let micros = in_micros(instants.take_integers(rows)?, times.unit, &mut converted).ok_or(Detour)?;
            if let Some(dictionary) = ids.fresh_dictionary() {
                sink.dictionary(dictionary)?;
            }
            match ids.take(rows)? {
                Taken::Values(values) => sink.rows(values, micros)?,
                Taken::Codes(codes) => sink.coded_rows(codes, micros)?,
            }
        }
        // What the pages hold and what the footer says are to be the same.
        if left == 0 && ids.ready()? == 0 && instants.ready()? == 0 { Ok(()) } else { Err(Detour) }
    }
}

/// An instant in microseconds, cut off as Arrow does.
fn micros(value: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => None,
        TimeUnit::Millisecond => value.checked_mul(1000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => Some(value / 1000),
    }
}

fn in_micros<'a>(values: &'a [i64], unit: TimeUnit, converted: &'a mut Vec<i64>) -> Option<&'a [i64]> {
    if unit == TimeUnit::Microsecond {
        return Some(values);
    }
    converted.clear();
    for &value in values {
        converted.push(micros(value, unit)?);
    }
    Some(converted)
}
