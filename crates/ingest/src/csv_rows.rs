use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use memchr::memchr_iter;

use crate::batch::{Batch, Damage, RowNumbers, Rows, Sink};
use crate::blocks::{Block, Records, for_each_block};
use crate::error::Error;
use crate::input::{Input, without_bom};

/// The delimiters that are looked for, in the order in which they win a tie.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How many lines are looked at to find the delimiter.
const SNIFF_LINES: usize = 100;

/// How fields are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// By one character; fields may be quoted.
    Delimited(u8),
    /// By runs of spaces and tabs.
    Spaces,
}

impl Dialect {
    /// The dialect in which the header has the most fields and the following lines agree with it.
    fn sniff(start: &[u8]) -> Self {
        let lines: Vec<&[u8]> =
            without_bom(start).split(|&b| b == b'\n').filter(|l| !l.trim_ascii().is_empty()).take(SNIFF_LINES).collect();
        let Some(header) = lines.first() else { return Dialect::Delimited(b',') };
        let best = DELIMITERS
            .into_iter()
            .map(|delimiter| {
                let fields = |line: &[u8]| memchr_iter(delimiter, line).count();
                let agreeing = lines.iter().filter(|line| fields(line) == fields(header)).count();
                (fields(header) > 0, agreeing * 2 > lines.len(), fields(header), delimiter)
            })
            .reduce(|best, next| if (next.0, next.1, next.2) > (best.0, best.1, best.2) { next } else { best });
        match best {
            Some((true, _, _, delimiter)) => Dialect::Delimited(delimiter),
            _ => {
                let words = |line: &[u8]| line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
                let agree =
                    words(header) > 1 && lines.iter().filter(|line| words(line) == words(header)).count() * 2 > lines.len();
                if agree { Dialect::Spaces } else { Dialect::Delimited(b',') }
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Dialect::Delimited(b',') => "CSV",
            Dialect::Delimited(b';') => "CSV separated by semicolons",
            Dialect::Delimited(b'\t') => "CSV separated by tabs",
            Dialect::Delimited(_) => "CSV separated by bars",
            Dialect::Spaces => "text separated by runs of spaces",
        }
    }

    fn records(self) -> Records {
        match self {
            Dialect::Delimited(delimiter) => Records::Quoted { delimiter },
            Dialect::Spaces => Records::Lines,
        }
    }

    /// Hands the records of a text to `each`: fields and the line, from 0, on which they start. Blank lines are no records.
    fn parse(self, text: &[u8], mut each: impl FnMut(&csv::ByteRecord, u64) -> bool) {
        match self {
            Dialect::Delimited(delimiter) => {
                let mut reader =
                    csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text);
                let mut record = csv::ByteRecord::new();
                // Bytes in memory cannot fail to be read, and records may have any number of fields.
                while reader.read_byte_record(&mut record).unwrap_or(false) {
                    let line = record.position().map_or(0, |position| first_line(text, position));
                    if !each(&record, line) {
                        return;
                    }
                }
            }
            Dialect::Spaces => {
                for (line, text) in text.split(|&b| b == b'\n').enumerate() {
                    let record: csv::ByteRecord = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
                    if !record.is_empty() && !each(&record, line as u64) {
                        return;
                    }
                }
            }
        }
    }
}

/// The line, from 0, of a record's first character: the parser's position is before the blank lines that it passed over,
/// and before the second half of a CRLF.
fn first_line(text: &[u8], position: &csv::Position) -> u64 {
    let passed = text.iter().skip(position.byte() as usize).take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() - 1 + passed.filter(|&&byte| byte == b'\n').count() as u64
}

/// A text of delimited fields with a header.
#[derive(Debug)]
pub(crate) struct CsvRows {
    input: Input,
    dialect: Dialect,
    header: Vec<Arc<str>>,
}

impl CsvRows {
    pub(crate) fn open(input: Input, start: &[u8]) -> Result<Self, Error> {
        let dialect = Dialect::sniff(start);
        let mut header: Vec<Arc<str>> = Vec::new();
        let mut not_text = false;
        dialect.parse(without_bom(start), |record, _| {
            for field in record {
                match std::str::from_utf8(field) {
                    Ok(name) => header.push(name.trim().into()),
                    Err(_) => not_text = true,
                }
            }
            false
        });
        if not_text {
            return Err(Error::input(
                &input.name,
                "the header is not UTF-8 text; convert the file, for example with: iconv -f CP1252 -t UTF-8",
            ));
        }
        if header.is_empty() {
            return Err(Error::input(&input.name, "the file has only blank lines; expected a header and rows"));
        }
        Ok(Self { input, dialect, header })
    }

    fn batch(&self, block: &Block, columns: &[usize]) -> Batch {
        let mut builders: Vec<StringBuilder> = columns.iter().map(|_| StringBuilder::new()).collect();
        let mut rows = Vec::new();
        let mut damaged = HashMap::new();
        // The first record of the text is the header.
        let mut header = block.first_line == 1;
        self.dialect.parse(&block.bytes, |record, line| {
            if std::mem::take(&mut header) {
                return true;
            }
            if record.len() != self.header.len() {
                damaged.insert(rows.len(), Damage::FieldCount { found: record.len(), expected: self.header.len() });
            }
            for (builder, &column) in builders.iter_mut().zip(columns) {
                match record.get(column).map(std::str::from_utf8) {
                    Some(Ok(field)) => builder.append_value(field),
                    Some(Err(_)) => {
                        damaged.insert(rows.len(), Damage::NotUtf8);
                        builder.append_null();
                    }
                    None => builder.append_null(),
                }
            }
            rows.push(block.first_line + line);
            true
        });
        if block.unclosed_quote && !rows.is_empty() {
            damaged.insert(rows.len() - 1, Damage::UnclosedQuote);
        }
        let columns = builders.into_iter().map(|mut builder| Arc::new(builder.finish()) as ArrayRef).collect();
        Batch { columns, rows: RowNumbers::Listed(rows), damaged }
    }
}

impl Rows for CsvRows {
    fn header(&self) -> &[Arc<str>] {
        &self.header
    }

    fn read(&self, columns: &[usize], sink: Sink<'_>) -> Result<(), Error> {
        for_each_block(&self.input, self.dialect.records(), &|block| sink(self.batch(&block, columns)))
    }

    fn format(&self) -> &'static str {
        self.dialect.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_know_their_lines() {
        let lines = |text: &str, dialect: Dialect| {
            let mut lines = Vec::new();
            dialect.parse(text.as_bytes(), |record, line| {
                lines.push((String::from_utf8_lossy(&record[0]).into_owned(), line));
                true
            });
            lines
        };
        for (dialect, end) in [(Dialect::Delimited(b','), "\n"), (Dialect::Delimited(b','), "\r\n"), (Dialect::Spaces, "\r\n")] {
            let text = ["a 1", "b 2", "", "", "c 3", "d 4"].join(end);
            let found = lines(&text, dialect);
            let numbers: Vec<u64> = found.iter().map(|(_, line)| *line).collect();
            assert_eq!(numbers, [0, 1, 4, 5], "{dialect:?} {end:?}");
        }
        assert_eq!(lines("a\r\n\"b\r\nb\"\r\nc", Dialect::Delimited(b','))[2], ("c".to_owned(), 3));
    }

    #[test]
    fn dialects_are_told_by_the_header_and_what_follows() {
        for (text, dialect) in [
            ("a,b\n1,2\n", Dialect::Delimited(b',')),
            ("a;b\n1,5;2\n", Dialect::Delimited(b';')),
            ("a\tb c\n1\t2\n", Dialect::Delimited(b'\t')),
            ("a|b|c\n1|2|3\n", Dialect::Delimited(b'|')),
            (" customer_id  date dollars\n 00001 19970101   11.77\n", Dialect::Spaces),
            ("customer\nx\n", Dialect::Delimited(b',')),
            ("order total,b\n1,2\n", Dialect::Delimited(b',')),
        ] {
            assert_eq!(Dialect::sniff(text.as_bytes()), dialect, "{text}");
        }
    }
}
