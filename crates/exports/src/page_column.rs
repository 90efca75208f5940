//! A column of one row group of a Parquet file, page by page. Only what nearly every file has is read so: flat columns
//! without missing values. Everything else, damage too, is a [`Detour`].

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::foreign::guarded;
use crate::page_values::{Runs, deltas};

/// The rows can't be read page by page; reading them in batches does, or tells what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detour;

/// Values as they lie in a page.
#[derive(Debug, Clone, Copy)]
pub enum PageValues<'a> {
    /// Texts at these places of the bytes: from, and up to.
    Texts(&'a [u8], &'a [(u32, u32)]),
    /// Whole numbers.
    Integers(&'a [i64]),
}

/// What some rows have.
pub(crate) enum Taken<'a> {
    /// These values.
    Values(PageValues<'a>),
    /// Codes into the dictionary.
    Codes(&'a [u32]),
}

/// A column of a row group.
pub(crate) struct PageColumn<R: ChunkReader> {
    reader: SerializedPageReader<R>,
    physical: Type,
    optional: bool,
    dictionary: Dictionary,
    page: Bytes,
    values: Values,
    /// Rows of the page that were not taken yet.
    left: usize,
    places: Vec<(u32, u32)>,
    integers: Vec<i64>,
    codes: Vec<u32>,
}

/// The distinct values that codes stand for.
#[derive(Default)]
struct Dictionary {
    page: Bytes,
    places: Vec<(u32, u32)>,
    integers: Vec<i64>,
    /// Whether nobody has seen it yet.
    fresh: bool,
}

/// How the values of a page lie.
enum Values {
    /// One after the other, from here on.
    Plain(usize),
    Coded(Runs),
    /// Unpacked already; those before this place were taken.
    Unpacked(Vec<i64>, usize),
}

impl<R: ChunkReader> PageColumn<R> {
    pub(crate) fn open(source: R, group: &RowGroupMetaData, column: usize) -> Result<Self, Detour> {
        let chunk = group.column(column);
        let described = chunk.column_descr();
        if described.max_rep_level() > 0 || described.max_def_level() > 1 {
            return Err(Detour);
        }
        let rows = usize::try_from(group.num_rows()).map_err(|_| Detour)?;
        let reader = guarded(|| SerializedPageReader::new(std::sync::Arc::new(source), chunk, rows, None));
        Ok(Self {
            reader: reader.map_err(|_| Detour)?,
            physical: described.physical_type(),
            optional: described.max_def_level() == 1,
            dictionary: Dictionary::default(),
            page: Bytes::new(),
            values: Values::Plain(0),
            left: 0,
            places: Vec::new(),
            integers: Vec::new(),
            codes: Vec::new(),
        })
    }

    /// How many rows can be taken at once; 0 at the end.
    pub(crate) fn ready(&mut self) -> Result<usize, Detour> {
        while self.left == 0 {
            let Some(page) = guarded(|| self.reader.get_next_page()).map_err(|_| Detour)? else { return Ok(0) };
            self.begin(page)?;
        }
        Ok(self.left)
    }

    fn begin(&mut self, page: Page) -> Result<(), Detour> {
        let (buffer, rows, encoding, skipped) = match page {
            Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY, .. } => {
                return self.set_dictionary(buf, num_values as usize);
            }
            Page::DictionaryPage { .. } => return Err(Detour),
            Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
                let skipped =
                    if self.optional { all_there(&buf, num_values as usize, def_level_encoding).ok_or(Detour)? } else { 0 };
                (buf, num_values, encoding, skipped)
            }
            Page::DataPageV2 { buf, num_values, num_nulls, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                if num_nulls > 0 {
                    return Err(Detour);
                }
                (buf, num_values, encoding, def_levels_byte_len as usize + rep_levels_byte_len as usize)
            }
        };
        if skipped > buffer.len() || u32::try_from(buffer.len()).is_err() {
            return Err(Detour);
        }
        self.page = buffer.slice(skipped..);
        self.left = rows as usize;
        self.values = match encoding {
            Encoding::PLAIN => Values::Plain(0),
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                let width = self.page.first().copied().unwrap_or_default();
                Values::Coded(Runs::new(1, width).ok_or(Detour)?)
            }
            Encoding::DELTA_BINARY_PACKED if self.physical != Type::BYTE_ARRAY => {
                Values::Unpacked(deltas(&self.page).ok_or(Detour)?, 0)
            }
            _ => return Err(Detour),
        };
        Ok(())
    }

    fn set_dictionary(&mut self, page: Bytes, values: usize) -> Result<(), Detour> {
        if u32::try_from(page.len()).is_err() {
            return Err(Detour);
        }
        let (mut places, mut integers) = (Vec::new(), Vec::new());
        read_plain(self.physical, &page, 0, values, &mut places, &mut integers).ok_or(Detour)?;
        self.dictionary = Dictionary { page, places, integers, fresh: true };
        Ok(())
    }

    /// The dictionary that codes are of from now on, where it has not been asked for yet.
    pub(crate) fn fresh_dictionary(&mut self) -> Option<PageValues<'_>> {
        std::mem::take(&mut self.dictionary.fresh).then(|| self.dictionary.values(self.physical))
    }

    /// The next rows, no more of them than are ready.
    pub(crate) fn take(&mut self, rows: usize) -> Result<Taken<'_>, Detour> {
        let text = self.physical == Type::BYTE_ARRAY;
        self.places.clear();
        self.integers.clear();
        self.codes.clear();
        self.left = self.left.checked_sub(rows).ok_or(Detour)?;
        match &mut self.values {
            Values::Plain(at) => {
                *at = read_plain(self.physical, &self.page, *at, rows, &mut self.places, &mut self.integers).ok_or(Detour)?;
            }
            Values::Coded(runs) => {
                runs.take(&self.page, rows, &mut self.codes).ok_or(Detour)?;
                let known = self.dictionary.len();
                if self.codes.iter().any(|&code| code as usize >= known) {
                    return Err(Detour);
                }
                return Ok(Taken::Codes(&self.codes));
            }
            Values::Unpacked(values, at) => {
                let some = values.get(*at..*at + rows).ok_or(Detour)?;
                // Numbers of 32 bits wrap around as such.
                let narrow = self.physical == Type::INT32;
                self.integers.extend(some.iter().map(|&value| if narrow { i64::from(value as i32) } else { value }));
                *at += rows;
            }
        }
        let values = if text { PageValues::Texts(&self.page, &self.places) } else { PageValues::Integers(&self.integers) };
        Ok(Taken::Values(values))
    }

    /// The next rows as numbers, whatever their encoding.
    pub(crate) fn take_integers(&mut self, rows: usize) -> Result<&[i64], Detour> {
        if self.physical == Type::BYTE_ARRAY {
            return Err(Detour);
        }
        self.take(rows)?;
        if !self.codes.is_empty() {
            let known = &self.dictionary.integers;
            self.integers.extend(self.codes.iter().map(|&code| known[code as usize]));
        }
        Ok(&self.integers)
    }
}

impl Dictionary {
    fn len(&self) -> usize {
        self.places.len() + self.integers.len()
    }

    fn values(&self, physical: Type) -> PageValues<'_> {
        if physical == Type::BYTE_ARRAY {
            PageValues::Texts(&self.page, &self.places)
        } else {
            PageValues::Integers(&self.integers)
        }
    }
}

/// Reads so many plain values from a place on, and says where they end.
fn read_plain(
    physical: Type,
    page: &[u8],
    at: usize,
    count: usize,
    places: &mut Vec<(u32, u32)>,
    integers: &mut Vec<i64>,
) -> Option<usize> {
    let numbers = |size: usize| {
        let end = at.checked_add(count.checked_mul(size)?)?;
        Some((page.get(at..end)?, end))
    };
    match physical {
        Type::BYTE_ARRAY => {
            let mut at = at;
            for _ in 0..count {
                let from = at.checked_add(4)?;
                let length = u32::from_le_bytes(page.get(at..from)?.try_into().ok()?);
                at = from.checked_add(length as usize)?;
                if at > page.len() {
                    return None;
                }
                // Pages are shorter than 4 GiB.
                places.push((from as u32, at as u32));
            }
            Some(at)
        }
        Type::INT64 => {
            let (bytes, end) = numbers(8)?;
            integers.extend(bytes.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)));
            Some(end)
        }
        Type::INT32 => {
            let (bytes, end) = numbers(4)?;
            integers.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| i64::from(i32::from_le_bytes(*bytes))));
            Some(end)
        }
        _ => None,
    }
}

/// The length of the levels that say which of a page's values are there; nothing where some are not.
fn all_there(page: &[u8], rows: usize, encoding: Encoding) -> Option<usize> {
    if encoding != Encoding::RLE {
        return None;
    }
    let length = u32::from_le_bytes(page.get(..4)?.try_into().ok()?) as usize;
    let end = length.checked_add(4)?;
    let levels = page.get(4..end)?;
    let mut runs = Runs::new(0, 1)?;
    let (mut left, mut some) = (rows, Vec::new());
    while left > 0 {
        some.clear();
        let count = left.min(LEVELS);
        runs.take(levels, count, &mut some)?;
        if some.contains(&0) {
            return None;
        }
        left -= count;
    }
    Some(end)
}

/// Levels that are looked at together.
const LEVELS: usize = 4096;
