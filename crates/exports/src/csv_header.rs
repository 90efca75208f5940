//! How a delimited text is written, told by its start.

use crate::csv_fields::{Dialect, Sample};
use crate::input::Hints;
use crate::numbers::{NumberReader, NumberStyle};
use crate::times::TimeProfile;

/// The delimiters that are looked for, in the order in which they win a tie.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How many records are looked at.
const SAMPLE_RECORDS: usize = 200;

/// How a table of texts begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Head {
    /// The names of the columns.
    pub(crate) names: Vec<String>,
    /// Records up to the first that holds values.
    pub(crate) records: usize,
    /// Records above the header.
    pub(crate) above: usize,
}

/// The dialect of a text and its header.
pub(crate) fn sniff(start: &[u8], hints: &Hints) -> (Dialect, Head) {
    let first_line = start.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
    // Excel's own word for it.
    let declared = match first_line {
        [s, e, p, b'=', delimiter] if [s, e, p].map(u8::to_ascii_lowercase) == *b"sep" => Some(*delimiter),
        _ => None,
    };
    let dialect = match hints.delimiter.or(declared) {
        Some(b' ') => Dialect::Spaces,
        Some(delimiter) => Dialect::Delimited(delimiter),
        None => told(start),
    };
    let skipped = usize::from(declared.is_some());
    let sample = Sample::of(dialect, start, SAMPLE_RECORDS + skipped).records;
    // The declaration is one field, or two where the delimiter cuts its end off.
    let mut head = head(&sample[skipped.min(sample.len())..], hints.header_rows);
    head.records += skipped;
    (dialect, head)
}

/// The delimiter that cuts most records into the same number of fields, the more the surer.
fn told(start: &[u8]) -> Dialect {
    let score = |delimiter: u8| {
        let records = Sample::of(Dialect::Delimited(delimiter), start, SAMPLE_RECORDS).records;
        let (width, agreeing) = usual_width(&records);
        let share = agreeing as f64 / records.len().max(1) as f64;
        let by_header = if records.first().is_some_and(|header| header.len() == width) { 2.0 } else { 1.0 };
        if share > 0.5 { share * (width as f64 - 1.0) * by_header } else { 0.0 }
    };
    let best = DELIMITERS
        .map(|delimiter| (score(delimiter), delimiter))
        .into_iter()
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    match best {
        Some((score, delimiter)) if score > 0.0 => Dialect::Delimited(delimiter),
        _ => {
            let records = Sample::of(Dialect::Spaces, start, SAMPLE_RECORDS).records;
            let (width, agreeing) = usual_width(&records);
            let header = records.first().map_or(0, Vec::len);
            if header > 1 && width == header && agreeing * 2 > records.len() {
                return Dialect::Spaces;
            }
            // Rows of many widths: what the header has.
            let first = start.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
            let count = |delimiter: u8| memchr::memchr_iter(delimiter, first).count();
            let most = DELIMITERS.into_iter().rev().max_by_key(|&delimiter| count(delimiter));
            Dialect::Delimited(most.filter(|&delimiter| count(delimiter) > 0).unwrap_or(DELIMITERS[0]))
        }
    }
}

/// The number of fields that most records have, and how many have it.
fn usual_width(records: &[Vec<String>]) -> (usize, usize) {
    let mut counts = std::collections::BTreeMap::new();
    records.iter().for_each(|record| *counts.entry(record.len()).or_insert(0) += 1);
    counts.into_iter().max_by_key(|&(width, count)| (count, width)).unwrap_or_default()
}

/// Finds the header among the first records of a table. It is the first one, unless that clearly is none: lines of a
/// report stand above the header then.
pub(crate) fn head(records: &[Vec<String>], header_rows: usize) -> Head {
    let above = lines_above(records);
    let mut rows = records.iter().skip(above);
    let mut names = rows.next().cloned().unwrap_or_default();
    let mut taken = 1;
    for _ in 1..header_rows {
        let Some(second) = rows.next() else { break };
        names = joined(&names, second);
        taken += 1;
    }
    Head { names, records: above + taken, above }
}

/// How many records stand above the header. None, unless they are all emptier than rows are and the next one is full of
/// names over rows that hold a number or a time.
fn lines_above(records: &[Vec<String>]) -> usize {
    let filled = |record: &[String]| record.iter().filter(|field| !field.is_empty()).count();
    let (width, agreeing) = usual_width(records);
    let thin = |record: &[String]| {
        let filled = filled(record);
        filled < width && (filled <= 1 || filled * 2 <= width)
    };
    if width < 2 || agreeing < 2 || !records.first().is_some_and(|first| thin(first)) {
        return 0;
    }
    let above = records.iter().take_while(|record| thin(record)).count();
    let Some(header) = records.get(above) else { return 0 };
    let mut names = header.clone();
    names.sort_unstable();
    names.dedup();
    let are_names = header.len() == width && names.len() == width && !header.iter().any(|name| name.is_empty() || is_value(name));
    let rows = &records[above + 1..];
    if are_names && rows.iter().any(|row| row.len() == width && row.iter().any(|field| is_value(field))) { above } else { 0 }
}

/// Whether a text is a number or a time, which columns are not called.
fn is_value(text: &str) -> bool {
    let mut times = TimeProfile::default();
    times.add(text);
    times.is_time()
        || matches!(NumberReader::new(NumberStyle::Point).read(text), Ok(Some(_)))
        || matches!(NumberReader::new(NumberStyle::Comma).read(text), Ok(Some(_)))
}

/// The names of two header lines: `question / choice`. A blank cell continues the question to its left.
fn joined(questions: &[String], choices: &[String]) -> Vec<String> {
    let mut question = "";
    let pairs = (0..questions.len().max(choices.len())).map(|at| {
        let above = questions.get(at).map_or("", String::as_str);
        let choice = choices.get(at).map_or("", String::as_str);
        if !above.is_empty() {
            question = above;
        }
        match (above, choice) {
            // A column of its own, with nothing to say about it.
            ("", "") => String::new(),
            (above, "") => above.to_owned(),
            (_, choice) if question.is_empty() => choice.to_owned(),
            (_, choice) => format!("{question} / {choice}"),
        }
    });
    pairs.collect()
}

/// What is worth telling about lines above a header.
pub(crate) fn note(above: usize) -> Option<String> {
    (above > 0).then(|| format!("skipped {above} {} above the header", if above == 1 { "line" } else { "lines" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniffed(text: &str) -> (Dialect, Head) {
        sniff(text.as_bytes(), &Hints::default())
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
            ("a;b\n\"x, y, z\";1\n\"x, y\";2\n", Dialect::Delimited(b';')),
            ("a,b\n\"x; y;\nz; w\",1\n\"x; y\",2\n", Dialect::Delimited(b',')),
            ("id;customer;sum\n1;Meier, Jan;1.234,56\n2;Abt, Eva;5,00\n3;Oz, Al;7,10\n", Dialect::Delimited(b';')),
            ("sep=|\na|b,c\n1|2\n", Dialect::Delimited(b'|')),
            ("a,b,c\n1,2\n1,2,3,4\n1\n", Dialect::Delimited(b',')),
        ] {
            assert_eq!(sniffed(text).0, dialect, "{text}");
        }
    }

    #[test]
    fn the_header_is_the_first_line_or_below_a_report() {
        for (text, names, records, above) in [
            ("a,b\n1,2\n", vec!["a", "b"], 1, 0),
            ("Report;;;\nPeriod: 1/7;;;\n;;;\nday;id;who;sum\n1;2;3;4\n1;2;3;4\n", vec!["day", "id", "who", "sum"], 4, 3),
            ("Report\n\nday;id;who\n1;2;3\n1;2;3\n", vec!["day", "id", "who"], 2, 1),
            ("sep=;\na;b\n1;2\n", vec!["a", "b"], 2, 0),
            // Nothing shows that the second line would be a header.
            ("a,,\nu1,2024-01-31,x\nu2,2024-01-31,y\n", vec!["a", "", ""], 1, 0),
            ("id,,,\nx,y,z,w\nu,v,s,t\n", vec!["id", "", "", ""], 1, 0),
            ("a,b,,\n1,2,,\n3,4,,\n", vec!["a", "b", "", ""], 1, 0),
            ("a\nx\ny\n", vec!["a"], 1, 0),
        ] {
            let head = sniffed(text).1;
            assert_eq!(
                (head.names, head.records, head.above),
                (names.iter().map(ToString::to_string).collect(), records, above),
                "{text}"
            );
        }
    }

    #[test]
    fn questions_go_on_over_their_choices() {
        let hints = Hints { header_rows: 2, ..Hints::default() };
        let head = sniff(b"id,Score?,Which?,,\n,Response,App,Web,Other\n1,5,App,,\n", &hints).1;
        assert_eq!(head.names, ["id", "Score? / Response", "Which? / App", "Which? / Web", "Which? / Other"]);
        assert_eq!(head.records, 2);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: Vec<u8>, lines in "([a1;, \"]{0,6}\n){0,6}", header_rows in 0usize..4) {
            let hints = Hints { header_rows, ..Hints::default() };
            sniff(&text, &hints);
            sniff(lines.as_bytes(), &hints);
        }
    }
}
