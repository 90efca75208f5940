//! Delimited text cut into fields.

use memchr::memchr3_iter;

/// How fields are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// By one character; fields may be quoted.
    Delimited(u8),
    /// By runs of spaces and tabs.
    Spaces,
}

/// A field as it stands in the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    raw: &'a [u8],
    /// How many quotes there are, if a quote opens it; otherwise quotes are characters like any other.
    quotes: usize,
}

impl Field<'_> {
    /// Adds the field's text without its quotes.
    pub(crate) fn append_to(self, text: &mut Vec<u8>) {
        match (self.quotes, self.raw) {
            (0, raw) => text.extend_from_slice(raw),
            (2, [b'"', inside @ .., b'"']) => text.extend_from_slice(inside),
            _ => self.append_unescaped(text),
        }
    }

    fn append_unescaped(self, text: &mut Vec<u8>) {
        let mut rest = &self.raw[1..];
        while let Some(at) = memchr::memchr(b'"', rest) {
            text.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            match rest.strip_prefix(b"\"") {
                Some(after) => {
                    text.push(b'"');
                    rest = after;
                }
                // What follows the closing quote belongs to the field as it is.
                None => break,
            }
        }
        text.extend_from_slice(rest);
    }

    pub(crate) fn is_blank(self) -> bool {
        self.raw.trim_ascii().is_empty()
    }
}

/// Is told the fields of records, one record after the other.
pub(crate) trait Visitor {
    /// A field and its place in its record.
    fn field(&mut self, place: usize, field: Field<'_>);
    /// The record ends: how many fields it has, and the line, from 0, on which it starts. False to stop.
    fn end(&mut self, fields: usize, line: u64) -> bool;
}

impl Dialect {
    /// Visits the records of a text. Empty lines are no records.
    pub(crate) fn visit(self, text: &[u8], visitor: &mut impl Visitor) {
        match self {
            Dialect::Delimited(delimiter) => visit_delimited(text, delimiter, visitor),
            Dialect::Spaces => {
                for (line, text) in text.split(|&byte| byte == b'\n').enumerate() {
                    let mut fields = 0;
                    for word in text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
                        visitor.field(fields, Field { raw: word, quotes: 0 });
                        fields += 1;
                    }
                    if fields > 0 && !visitor.end(fields, line as u64) {
                        return;
                    }
                }
            }
        }
    }
}

/// A quote opens a field only where a field starts; elsewhere it is a character like any other. Blocks are cut the same way.
fn visit_delimited(text: &[u8], delimiter: u8, visitor: &mut impl Visitor) {
    let (mut line, mut record_line) = (0, 0);
    let (mut fields, mut start) = (0, 0);
    let (mut inside, mut quotes, mut escaped) = (false, 0, usize::MAX);
    for at in memchr3_iter(delimiter, b'\n', b'"', text) {
        let byte = text[at];
        if byte == b'"' {
            if at == start {
                (inside, quotes) = (true, 1);
            } else if quotes > 0 {
                quotes += 1;
                if at == escaped || !inside {
                } else if text.get(at + 1) == Some(&b'"') {
                    escaped = at + 1;
                } else {
                    inside = false;
                }
            }
            continue;
        }
        if inside {
            line += u64::from(byte == b'\n');
            continue;
        }
        let mut raw = &text[start..at];
        start = at + 1;
        if byte != b'\n' {
            visitor.field(fields, Field { raw, quotes });
            (fields, quotes) = (fields + 1, 0);
            continue;
        }
        raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        line += 1;
        if fields > 0 || !raw.is_empty() {
            visitor.field(fields, Field { raw, quotes });
            if !visitor.end(fields + 1, record_line) {
                return;
            }
        }
        (fields, quotes, record_line) = (0, 0, line);
    }
    let raw = &text[start..];
    let raw = if inside { raw } else { raw.strip_suffix(b"\r").unwrap_or(raw) };
    if fields > 0 || !raw.is_empty() {
        visitor.field(fields, Field { raw, quotes });
        visitor.end(fields + 1, record_line);
    }
}

/// Records with all their fields, where there are few of them.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) records: Vec<Vec<String>>,
    fields: Vec<String>,
    most: usize,
}

impl Sample {
    /// At most so many records from the start of a text.
    pub(crate) fn of(dialect: Dialect, text: &[u8], most: usize) -> Self {
        let mut sample = Self { most, ..Self::default() };
        dialect.visit(text, &mut sample);
        sample
    }
}

impl Visitor for Sample {
    fn field(&mut self, _place: usize, field: Field<'_>) {
        let mut text = Vec::new();
        field.append_to(&mut text);
        self.fields.push(String::from_utf8_lossy(&text).trim().to_owned());
    }

    fn end(&mut self, _fields: usize, _line: u64) -> bool {
        self.records.push(std::mem::take(&mut self.fields));
        self.records.len() < self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Lines(Vec<(Vec<Vec<u8>>, u64)>, Vec<Vec<u8>>);

    impl Visitor for Lines {
        fn field(&mut self, place: usize, field: Field<'_>) {
            assert_eq!(place, self.1.len());
            let mut text = Vec::new();
            field.append_to(&mut text);
            self.1.push(text);
        }

        fn end(&mut self, fields: usize, line: u64) -> bool {
            assert_eq!(fields, self.1.len());
            self.0.push((std::mem::take(&mut self.1), line));
            true
        }
    }

    fn visited(dialect: Dialect, text: &[u8]) -> Vec<(Vec<Vec<u8>>, u64)> {
        let mut lines = Lines::default();
        dialect.visit(text, &mut lines);
        lines.0
    }

    #[test]
    fn records_know_their_lines() {
        for (dialect, end) in [(Dialect::Delimited(b','), "\n"), (Dialect::Delimited(b','), "\r\n"), (Dialect::Spaces, "\r\n")] {
            let text = ["a 1", "b 2", "", "", "c 3", "d 4"].join(end);
            let numbers: Vec<u64> = visited(dialect, text.as_bytes()).iter().map(|(_, line)| *line).collect();
            assert_eq!(numbers, [0, 1, 4, 5], "{dialect:?} {end:?}");
        }
        let found = visited(Dialect::Delimited(b','), b"a\r\n\"b\r\nb\"\r\nc");
        assert_eq!(found[2], (vec![b"c".to_vec()], 3));
    }

    #[test]
    fn quotes_are_taken_off() {
        let fields = |text: &str| -> Vec<String> {
            let found = visited(Dialect::Delimited(b','), text.as_bytes());
            found.into_iter().flat_map(|(fields, _)| fields).map(|field| String::from_utf8(field).unwrap()).collect()
        };
        assert_eq!(fields("\"a,b\",\"c\"\"d\"\"\",\"\",e\"f"), ["a,b", "c\"d\"", "", "e\"f"]);
        assert_eq!(fields("\"a\"b\"c,d"), ["ab\"c", "d"]);
        assert_eq!(fields("\"a\"\"b,c"), ["a\"b,c"]);
        assert_eq!(fields("\"\n,\""), ["\n,"]);
    }

    proptest::proptest! {
        /// The records are those that the csv crate finds, except that a lone CR ends no line.
        #[test]
        fn records_are_those_of_the_csv_crate(text in "([a,\"\n]|\r\n){0,40}") {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let expected: Vec<Vec<Vec<u8>>> =
                reader.byte_records().map(|r| r.unwrap().iter().map(<[u8]>::to_vec).collect()).collect();
            let found: Vec<_> = visited(Dialect::Delimited(b','), text.as_bytes()).into_iter().map(|(fields, _)| fields).collect();
            proptest::prop_assert_eq!(found, expected, "{:?}", text);
        }

        #[test]
        fn never_panics(text: Vec<u8>) {
            for dialect in [Dialect::Delimited(b';'), Dialect::Spaces] {
                Sample::of(dialect, &text, 10);
            }
        }
    }
}
