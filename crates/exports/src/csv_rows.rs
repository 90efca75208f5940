use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};

use crate::batch::{Batch, Damage, RowNumbers, Rows, Sink};
use crate::blocks::{Block, Records, cut, for_each_block};
use crate::csv_fields::{Dialect, Field, Visitor};
use crate::csv_header::{note, sniff};
use crate::error::Error;
use crate::input::{Hints, Input, without_bom};

/// A text of delimited fields with a header.
#[derive(Debug)]
pub(crate) struct CsvRows {
    input: Input,
    dialect: Dialect,
    header: Vec<Arc<str>>,
    /// The line, from 1, below the header.
    body: u64,
    notes: Vec<String>,
}

impl CsvRows {
    pub(crate) fn open(mut input: Input, start: &[u8], hints: &Hints) -> Result<Self, Error> {
        let mut start = without_bom(start).to_vec();
        input.carriage_returns = !start.contains(&b'\n') && start.contains(&b'\r');
        if input.carriage_returns {
            start.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        }
        let (dialect, head) = sniff(&start, hints);
        if head.names.is_empty() {
            return Err(Error::input(&input.name, "the file has only blank lines; expected a header and rows"));
        }
        if head.names.iter().any(|name| name.contains('\u{fffd}')) {
            return Err(Error::input(
                &input.name,
                "the header is not UTF-8 text; convert the file, for example with: iconv -f CP1252 -t UTF-8",
            ));
        }
        let header = head.names.iter().map(|name| name.as_str().into()).collect();
        let mut notes = input.notes();
        notes.extend(note(head.above));
        let body = line_below(dialect, &start, head.records);
        Ok(Self { input, dialect, header, body, notes })
    }

    fn batch(&self, block: &Block, columns: &[usize]) -> Result<Batch, Error> {
        let mut places = vec![Vec::new(); columns.iter().max().map_or(0, |last| last + 1)];
        columns.iter().enumerate().for_each(|(builder, &column)| places[column].push(builder));
        let valid = std::str::from_utf8(&block.bytes).is_ok();
        let mut reader = BlockReader {
            places,
            builders: columns.iter().map(|_| TextBuilder::default()).collect(),
            width: self.header.len(),
            valid,
            head: head_records(self.dialect, block, self.body),
            first_line: block.first_line,
            extra: false,
            broken: false,
            rows: Vec::new(),
            damaged: HashMap::new(),
        };
        self.dialect.visit(&block.bytes, &mut reader);
        let BlockReader { builders, mut rows, mut damaged, .. } = reader;
        if let (Some(line), Some(row)) = (block.unclosed_quote, rows.last_mut()) {
            *row = line;
            damaged.insert(rows.len() - 1, Damage::UnclosedQuote);
        }
        let columns = builders.into_iter().map(TextBuilder::finish).collect::<Result<_, _>>();
        let columns = columns.map_err(|error| Error::input(&self.input.name, format_args!("cannot read: {error}")))?;
        let texts = texts_of(block, &rows, damaged.keys().copied());
        Ok(Batch { columns, rows: RowNumbers::Listed(rows), damaged, texts })
    }
}

impl Dialect {
    /// Where its records end.
    fn records(self) -> Records {
        match self {
            Dialect::Delimited(delimiter) => Records::Quoted { delimiter },
            Dialect::Spaces => Records::Lines,
        }
    }
}

/// Counts records that start above a line.
struct Above {
    line: u64,
    records: usize,
}

impl Visitor for Above {
    fn field(&mut self, _place: usize, _field: Field<'_>) {}

    fn end(&mut self, _fields: usize, line: u64) -> bool {
        self.records += usize::from(line < self.line);
        line < self.line
    }
}

/// How many records of a block belong to the header, which may go over blocks.
fn head_records(dialect: Dialect, block: &Block, body: u64) -> usize {
    let mut above = Above { line: body.saturating_sub(block.first_line), records: 0 };
    if above.line > 0 {
        dialect.visit(&block.bytes, &mut above);
    }
    above.records
}

/// Finds the line of a record, or the one below the last.
struct LineOf {
    /// Records before it.
    records: usize,
    first_line: u64,
    line: u64,
    found: bool,
}

impl Visitor for LineOf {
    fn field(&mut self, _place: usize, _field: Field<'_>) {}

    fn end(&mut self, _fields: usize, line: u64) -> bool {
        self.found = self.records == 0;
        self.line = self.first_line + line + u64::from(!self.found);
        self.records = self.records.saturating_sub(1);
        !self.found
    }
}

/// The line, from 1, on which the first record below so many starts. Records are those that blocks are cut into.
fn line_below(dialect: Dialect, start: &[u8], records: usize) -> u64 {
    let mut place = LineOf { records, first_line: 1, line: 1, found: false };
    // Reading memory does not fail.
    let _ = cut(&mut &*start, dialect.records(), start.len().max(2), |block| {
        place.first_line = block.first_line;
        dialect.visit(&block.bytes, &mut place);
        !place.found
    });
    place.line
}

/// Takes the wanted fields of a block.
struct BlockReader {
    /// For each column of the file the builders that want it.
    places: Vec<Vec<usize>>,
    builders: Vec<TextBuilder>,
    /// Fields of the header.
    width: usize,
    /// Whether the whole block is UTF-8.
    valid: bool,
    /// Records of the header that are still to come.
    head: usize,
    first_line: u64,
    /// Whether a field beyond the header holds something.
    extra: bool,
    /// Whether a wanted field is not UTF-8.
    broken: bool,
    rows: Vec<u64>,
    damaged: HashMap<usize, Damage>,
}

impl Visitor for BlockReader {
    #[inline]
    fn field(&mut self, place: usize, field: Field<'_>) {
        if place >= self.width {
            self.extra |= !field.is_blank();
        }
        if self.head > 0 {
            return;
        }
        let Some(builders) = self.places.get(place) else { return };
        for &builder in builders {
            let builder = &mut self.builders[builder];
            let start = builder.text.len();
            field.append_to(&mut builder.text);
            if !self.valid && std::str::from_utf8(&builder.text[start..]).is_err() {
                builder.text.truncate(start);
                self.broken = true;
            } else {
                builder.taken = true;
            }
        }
    }

    fn end(&mut self, fields: usize, line: u64) -> bool {
        let extra = std::mem::take(&mut self.extra);
        if self.head > 0 {
            self.head -= 1;
            return true;
        }
        // Delimiters at the end of a line, with nothing between them, say nothing.
        if fields < self.width || extra {
            self.damaged.insert(self.rows.len(), Damage::FieldCount { found: fields, expected: self.width });
        }
        if std::mem::take(&mut self.broken) {
            self.damaged.insert(self.rows.len(), Damage::NotUtf8);
        }
        self.builders.iter_mut().for_each(TextBuilder::end_row);
        self.rows.push(self.first_line + line);
        true
    }
}

/// The text of some rows of a block: the lines from where they start to where the next row does.
fn texts_of(block: &Block, rows: &[u64], wanted: impl ExactSizeIterator<Item = usize>) -> HashMap<usize, String> {
    if wanted.len() == 0 {
        return HashMap::new();
    }
    let starts: Vec<usize> = std::iter::once(0).chain(memchr::memchr_iter(b'\n', &block.bytes).map(|at| at + 1)).collect();
    let start = |line: u64| starts.get((line - block.first_line) as usize).copied().unwrap_or(block.bytes.len());
    let text = |row: usize| {
        let end = rows.get(row + 1).map_or(block.bytes.len(), |&next| start(next));
        String::from_utf8_lossy(&block.bytes[start(rows[row]).min(end)..end]).trim_end_matches(['\r', '\n']).to_owned()
    };
    wanted.map(|row| (row, text(row))).collect()
}

/// A column of texts while it grows.
struct TextBuilder {
    text: Vec<u8>,
    ends: Vec<i32>,
    /// Rows without a field, and whether the row that is read has one.
    missing: Vec<usize>,
    taken: bool,
}

impl Default for TextBuilder {
    fn default() -> Self {
        Self { text: Vec::new(), ends: vec![0], missing: Vec::new(), taken: false }
    }
}

impl TextBuilder {
    fn end_row(&mut self) {
        if !std::mem::take(&mut self.taken) {
            self.missing.push(self.ends.len() - 1);
        }
        self.ends.push(self.text.len() as i32);
    }

    fn finish(self) -> Result<ArrayRef, arrow::error::ArrowError> {
        let rows = self.ends.len() - 1;
        if i32::try_from(self.text.len()).is_err() {
            return Err(arrow::error::ArrowError::OffsetOverflowError(self.text.len()));
        }
        let nulls = (!self.missing.is_empty()).then(|| {
            let mut present = vec![true; rows];
            self.missing.iter().for_each(|&row| present[row] = false);
            NullBuffer::from(present)
        });
        let ends = OffsetBuffer::new(self.ends.into());
        Ok(Arc::new(StringArray::try_new(ends, Buffer::from_vec(self.text), nulls)?))
    }
}

impl Rows for CsvRows {
    fn header(&self) -> &[Arc<str>] {
        &self.header
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn read(&self, columns: &[usize], sink: Sink<'_>) -> Result<(), Error> {
        for_each_block(&self.input, self.dialect.records(), &|block| sink(self.batch(&block, columns)?))
    }

    fn format(&self) -> &'static str {
        match self.dialect {
            Dialect::Delimited(b',') => "CSV",
            Dialect::Delimited(b';') => "CSV separated by semicolons",
            Dialect::Delimited(b'\t') => "CSV separated by tabs",
            Dialect::Delimited(b'|') => "CSV separated by bars",
            Dialect::Delimited(_) => "CSV",
            Dialect::Spaces => "text separated by runs of spaces",
        }
    }
}
