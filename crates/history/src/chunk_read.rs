//! Column chunks of a history, read in portions of any number of rows. It knows the encodings that a history is written
//! in; [`can_read`] tells other files apart, which the general reader of Parquet has to read.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal64Array, DictionaryArray, Int64Array, PrimitiveArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Int32Type, TimeUnit};
use bytes::Bytes;
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::delta::Integer;
use crate::delta_read::{DeltaPage, Differences, cut_off};
use crate::hybrid_read::{HybridPage, levels};
use crate::runs::{Runs, RunsBuilder};

/// Whether a chunk is written as those of histories are, and its column is of a type that is read here.
pub(crate) fn can_read(chunk: &ColumnChunkMetaData, data_type: &DataType) -> bool {
    let is_only = |wanted: Encoding| {
        chunk.encodings().all(|encoding| [wanted, Encoding::RLE].contains(&encoding)) && chunk.dictionary_page_offset().is_none()
    };
    match (data_type, chunk.column_type()) {
        (DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _) | DataType::Decimal64(..), PhysicalType::INT64)
        | (DataType::Date32, PhysicalType::INT32) => is_only(Encoding::DELTA_BINARY_PACKED),
        (DataType::Boolean, PhysicalType::BOOLEAN) => is_only(Encoding::PLAIN) && chunk.column_descr().max_def_level() == 0,
        (DataType::Dictionary(..), PhysicalType::BYTE_ARRAY) => {
            let known = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
            chunk.encodings().all(|encoding| known.contains(&encoding)) && chunk.dictionary_page_offset().is_some()
        }
        _ => false,
    }
}

/// The pages of a chunk.
pub(crate) struct Pages<R: ChunkReader> {
    pages: SerializedPageReader<R>,
    has_levels: bool,
    /// Rows of pages that have not come.
    left: usize,
}

/// A page with values.
struct DataPage {
    /// Which of its rows have a value, where some may be without.
    present: Option<BooleanBuffer>,
    rows: usize,
    values: Bytes,
}

impl<R: ChunkReader> Pages<R> {
    pub(crate) fn new(source: Arc<R>, chunk: &ColumnChunkMetaData, rows: usize) -> Result<Self, ParquetError> {
        let has_levels = chunk.column_descr().max_def_level() > 0;
        Ok(Self { pages: SerializedPageReader::new(source, chunk, rows, None)?, has_levels, left: rows })
    }

    /// The distinct names of a chunk, which come before all else.
    pub(crate) fn dictionary(&mut self) -> Result<StringArray, ParquetError> {
        let Some(Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, .. }) = self.pages.get_next_page()? else {
            return Err(unexpected());
        };
        let mut names = Vec::new();
        let mut rest = &buf[..];
        for _ in 0..num_values {
            let (length, behind) = rest.split_first_chunk().ok_or_else(cut_off)?;
            let (name, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut_off)?;
            names.push(std::str::from_utf8(name).map_err(|_| unexpected())?);
            rest = behind;
        }
        Ok(StringArray::from_iter_values(names))
    }

    fn data(&mut self, wanted: Encoding) -> Result<DataPage, ParquetError> {
        let Some(Page::DataPage { buf, num_values, encoding, .. }) = self.pages.get_next_page()? else {
            return Err(cut_off());
        };
        let rows = num_values as usize;
        if encoding != wanted || rows == 0 || rows > self.left {
            return Err(unexpected());
        }
        self.left -= rows;
        if !self.has_levels {
            return Ok(DataPage { present: None, rows, values: buf });
        }
        let (present, length) = levels(&buf, rows)?;
        let values = buf.slice(length..);
        Ok(DataPage { present: Some(present).filter(|present| present.count_set_bits() < rows), rows, values })
    }
}

fn unexpected() -> ParquetError {
    ParquetError::General("a page is not written as those of a history are".to_owned())
}

/// The customers of a row group.
pub(crate) fn read_runs<R: ChunkReader>(mut pages: Pages<R>) -> Result<Runs, ParquetError> {
    let mut runs = RunsBuilder::with_capacity(pages.left);
    while pages.left > 0 {
        let page = pages.data(Encoding::DELTA_BINARY_PACKED)?;
        let mut values = DeltaPage::new(page.values)?;
        if values.left != page.rows || page.present.is_some() {
            return Err(unexpected());
        }
        values.differences(&mut |differences| match differences {
            Differences::First(customer) => runs.push(customer),
            Differences::Steps(steps, count) => runs.push_steps(steps, count),
            Differences::Any(all) => all.iter().for_each(|&difference| runs.push_difference(difference)),
        })?;
    }
    Ok(runs.finish())
}

/// A column that is read in portions.
pub(crate) trait ReadColumn {
    /// The next so many rows, all of which the chunk has.
    fn read(&mut self, rows: usize) -> Result<ArrayRef, ParquetError>;
}

/// The reader of a chunk that [`can_read`].
pub(crate) fn reader<R: ChunkReader + 'static>(
    pages: Pages<R>,
    data_type: &DataType,
) -> Result<Box<dyn ReadColumn>, ParquetError> {
    let data_type = data_type.clone();
    Ok(match data_type {
        DataType::Date32 => Box::new(Numbers::new(pages, Date32Array::new)),
        DataType::Int64 => Box::new(Numbers::new(pages, Int64Array::new)),
        DataType::Timestamp(..) => Box::new(Numbers::new(pages, move |values, nulls| {
            TimestampMicrosecondArray::new(values, nulls).with_data_type(data_type.clone())
        })),
        DataType::Decimal64(..) => Box::new(Numbers::new(pages, move |values, nulls| {
            Decimal64Array::new(values, nulls).with_data_type(data_type.clone())
        })),
        DataType::Boolean => Box::new(Bits { pages, page: None }),
        _ => Box::new(Names::new(pages)?),
    })
}

/// Integers.
struct Numbers<R: ChunkReader, T: Integer, F> {
    pages: Pages<R>,
    page: Option<NumberPage>,
    /// Values that were unpacked beyond the rows that have been handed out.
    ahead: Vec<T>,
    array: F,
}

struct NumberPage {
    present: Option<BooleanBuffer>,
    /// Rows that have been handed out, of all that it has.
    read: usize,
    rows: usize,
    values: DeltaPage,
}

impl<R: ChunkReader, T: Integer, F> Numbers<R, T, F> {
    fn new(pages: Pages<R>, array: F) -> Self {
        Self { pages, page: None, ahead: Vec::new(), array }
    }

    /// The page that the next row is in.
    fn page(&mut self) -> Result<&mut NumberPage, ParquetError> {
        let page = match self.page.take() {
            Some(page) if page.read < page.rows => page,
            _ => {
                let page = self.pages.data(Encoding::DELTA_BINARY_PACKED)?;
                let values = DeltaPage::new(page.values)?;
                if values.left != page.present.as_ref().map_or(page.rows, BooleanBuffer::count_set_bits) {
                    return Err(unexpected());
                }
                NumberPage { present: page.present, read: 0, rows: page.rows, values }
            }
        };
        Ok(self.page.insert(page))
    }
}

impl<R, T, P, F> ReadColumn for Numbers<R, T, F>
where
    R: ChunkReader,
    T: Integer,
    P: ArrowPrimitiveType<Native = T>,
    F: Fn(ScalarBuffer<T>, Option<NullBuffer>) -> PrimitiveArray<P>,
{
    fn read(&mut self, rows: usize) -> Result<ArrayRef, ParquetError> {
        // Without missing values, what was unpacked is what is handed out.
        let mut out = Vec::with_capacity(rows + AHEAD);
        let mut present: Option<Vec<BooleanBuffer>> = None;
        let mut done = 0;
        while done < rows {
            let mut ahead = std::mem::take(&mut self.ahead);
            let page = self.page()?;
            let taken = (rows - done).min(page.rows - page.read);
            let bits = page.present.as_ref().map(|bits| bits.slice(page.read, taken));
            page.read += taken;
            match bits {
                None => {
                    out.append(&mut ahead);
                    page.values.read(done + taken, &mut out)?;
                    if out.len() < done + taken {
                        return Err(cut_off());
                    }
                    ahead.extend(out.drain(done + taken..));
                    if let Some(all) = &mut present {
                        all.push(BooleanBuffer::new_set(taken));
                    }
                }
                Some(bits) => {
                    let count = bits.count_set_bits();
                    page.values.read(count, &mut ahead)?;
                    let values = ahead.get(..count).ok_or_else(cut_off)?;
                    out.resize(done + taken, T::of_wide(0));
                    for (row, &value) in bits.set_indices().zip(values) {
                        out[done + row] = value;
                    }
                    ahead.drain(..count);
                    present
                        .get_or_insert_with(|| if done == 0 { Vec::new() } else { vec![BooleanBuffer::new_set(done)] })
                        .push(bits);
                }
            }
            self.ahead = ahead;
            done += taken;
        }
        Ok(Arc::new((self.array)(out.into(), present.map(joined))))
    }
}

/// Values that may be unpacked beyond those asked for.
const AHEAD: usize = 64;

fn joined(parts: Vec<BooleanBuffer>) -> NullBuffer {
    if let [part] = &parts[..] {
        return NullBuffer::new(part.clone());
    }
    let mut bits = arrow::array::BooleanBufferBuilder::new(parts.iter().map(BooleanBuffer::len).sum());
    parts.iter().for_each(|part| bits.append_buffer(part));
    NullBuffer::new(bits.finish())
}

/// Names, as codes into the distinct names of the chunk.
struct Names<R: ChunkReader> {
    pages: Pages<R>,
    names: ArrayRef,
    page: Option<NamePage>,
}

struct NamePage {
    present: Option<BooleanBuffer>,
    read: usize,
    rows: usize,
    codes: HybridPage,
}

impl<R: ChunkReader> Names<R> {
    fn new(mut pages: Pages<R>) -> Result<Self, ParquetError> {
        let names = Arc::new(pages.dictionary()?);
        Ok(Self { pages, names, page: None })
    }

    fn page(&mut self) -> Result<&mut NamePage, ParquetError> {
        let page = match self.page.take() {
            Some(page) if page.read < page.rows => page,
            _ => {
                let page = self.pages.data(Encoding::RLE_DICTIONARY)?;
                let width = usize::from(*page.values.first().ok_or_else(cut_off)?);
                let codes = HybridPage::new(page.values.slice(1..), width, self.names.len() as u32)?;
                NamePage { present: page.present, read: 0, rows: page.rows, codes }
            }
        };
        Ok(self.page.insert(page))
    }
}

impl<R: ChunkReader> ReadColumn for Names<R> {
    fn read(&mut self, rows: usize) -> Result<ArrayRef, ParquetError> {
        let mut out: Vec<i32> = Vec::with_capacity(rows);
        let mut present: Option<Vec<BooleanBuffer>> = None;
        let mut codes = Vec::new();
        let mut done = 0;
        while done < rows {
            let page = self.page()?;
            let taken = (rows - done).min(page.rows - page.read);
            let bits = page.present.as_ref().map(|bits| bits.slice(page.read, taken));
            page.read += taken;
            match bits {
                None => {
                    page.codes.read(taken, &mut out)?;
                    if let Some(all) = &mut present {
                        all.push(BooleanBuffer::new_set(taken));
                    }
                }
                Some(bits) => {
                    codes.clear();
                    page.codes.read(bits.count_set_bits(), &mut codes)?;
                    out.resize(done + taken, 0);
                    for (row, &code) in bits.set_indices().zip(&codes) {
                        out[done + row] = code;
                    }
                    present
                        .get_or_insert_with(|| if done == 0 { Vec::new() } else { vec![BooleanBuffer::new_set(done)] })
                        .push(bits);
                }
            }
            done += taken;
        }
        let keys = PrimitiveArray::<Int32Type>::new(out.into(), present.map(joined));
        // SAFETY: every code that was read is below the number of names; the others are 0 and missing.
        Ok(Arc::new(unsafe { DictionaryArray::new_unchecked(keys, self.names.clone()) }))
    }
}

/// Truths, none of them missing.
struct Bits<R: ChunkReader> {
    pages: Pages<R>,
    page: Option<(BooleanBuffer, usize)>,
}

impl<R: ChunkReader> ReadColumn for Bits<R> {
    fn read(&mut self, rows: usize) -> Result<ArrayRef, ParquetError> {
        let mut bits = arrow::array::BooleanBufferBuilder::new(rows);
        while bits.len() < rows {
            let (page, read) = match self.page.take() {
                Some((page, read)) if read < page.len() => (page, read),
                _ => {
                    let page = self.pages.data(Encoding::PLAIN)?;
                    if page.values.len() < page.rows.div_ceil(8) {
                        return Err(cut_off());
                    }
                    (BooleanBuffer::new(page.values.into(), 0, page.rows), 0)
                }
            };
            let taken = (rows - bits.len()).min(page.len() - read);
            bits.append_buffer(&page.slice(read, taken));
            self.page = Some((page, read + taken));
        }
        Ok(Arc::new(BooleanArray::new(bits.finish(), None)))
    }
}
