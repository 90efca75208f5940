//! Text cut into blocks of whole records, so that they can be parsed in parallel.

use std::io::Read;
use std::sync::mpsc::sync_channel;

use memchr::{memchr, memchr_iter, memrchr};
use rayon::prelude::*;

use crate::error::Error;
use crate::input::{Input, without_bom};

/// A quoted field that is longer than this is taken for one that is never closed.
const LONGEST_QUOTED: usize = 64 << 20;

/// Whole records.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// The line, from 1, on which the block starts.
    pub(crate) first_line: u64,
    /// The block is one record that ends inside a quoted field, since nothing closes it: the line on which it opens. What
    /// follows that line is read as rows again.
    pub(crate) unclosed_quote: Option<u64>,
}

/// Where records end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Records {
    /// Every line is a record.
    Lines,
    /// Fields may be quoted, and a quoted field may go over lines.
    Quoted {
        /// What separates fields.
        delimiter: u8,
    },
}

/// How far a text is made of whole records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Whole {
    /// The end of the last whole record.
    end: Option<usize>,
    /// The quote that opens a field in what follows, where nothing closes it yet.
    open: Option<usize>,
    /// Whether nothing can close it, since it is no quote of a field.
    stray: bool,
}

impl Records {
    /// The whole records of a text that starts with one.
    fn whole(self, text: &[u8]) -> Whole {
        match self {
            Records::Lines => Whole { end: memrchr(b'\n', text).map(|at| at + 1), ..Whole::default() },
            Records::Quoted { delimiter } => whole_quoted(text, delimiter),
        }
    }
}

/// Visits quotes only: outside them a line ends a record. A quote opens a field only where a field starts; elsewhere it is
/// a character like any other. This is how the CSV parser reads them, so that both agree on any text.
///
/// A field over several lines whose closing quote has more text behind it is none: its first quote is a stray one, and the
/// second belongs to another row.
fn whole_quoted(text: &[u8], delimiter: u8) -> Whole {
    let mut end = None;
    let mut outside = 0;
    let mut open = None;
    let mut escaped = usize::MAX;
    for at in memchr_iter(b'"', text) {
        if at == escaped {
            continue;
        }
        if let Some(quote) = open {
            if text.get(at + 1) == Some(&b'"') {
                escaped = at + 1;
            } else {
                let next = text[at + 1..].iter().copied().find(|&byte| byte != b' ');
                let closes = next.is_none_or(|next| [delimiter, b'\n', b'\r'].contains(&next));
                if !closes && memchr(b'\n', &text[quote..at]).is_some() {
                    return Whole { end, open, stray: true };
                }
                open = None;
                outside = at + 1;
            }
        } else if at == 0 || [delimiter, b'\n'].contains(&text[at - 1]) {
            open = Some(at);
            end = memrchr(b'\n', &text[outside..at]).map(|newline| outside + newline + 1).or(end);
        }
    }
    if open.is_none() {
        end = memrchr(b'\n', &text[outside..]).map(|newline| outside + newline + 1).or(end);
    }
    Whole { end, open, stray: false }
}

/// Hands the blocks of a text to `each`, from many threads.
pub(crate) fn for_each_block(
    input: &Input,
    records: Records,
    each: &(dyn Fn(Block) -> Result<(), Error> + Sync),
) -> Result<(), Error> {
    let mut reader = input.text()?;
    let (send, receive) = sync_channel::<Block>(rayon::current_num_threads());
    std::thread::scope(|scope| {
        let cutting = scope.spawn(move || {
            cut(&mut *reader, records, input.block_bytes, |block| send.send(block).is_ok())
                .map_err(|error| input.unreadable(&error))
        });
        let parsed = receive.into_iter().par_bridge().try_for_each(each);
        match cutting.join() {
            Ok(cut) => parsed.and(cut),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Cuts a text into blocks until it ends or `send` wants no more.
pub(crate) fn cut(
    reader: &mut dyn Read,
    records: Records,
    block_bytes: usize,
    mut send: impl FnMut(Block) -> bool,
) -> std::io::Result<()> {
    let mut pending: Vec<u8> = Vec::new();
    let mut line = 1;
    let mut wanted = block_bytes;
    let mut first = true;
    loop {
        let missing = wanted.saturating_sub(pending.len());
        let read = reader.take(missing as u64).read_to_end(&mut pending)?;
        let at_end = read < missing;
        if first {
            let text = without_bom(&pending).len();
            pending.drain(..pending.len() - text);
            first = false;
        }
        let mut done = 0;
        let mut whole = records.whole(&pending);
        // Rows with a stray quote are taken out one by one.
        while let Some(quote) = whole.open.filter(|open| whole.stray || at_end || pending.len() - done - open > LONGEST_QUOTED) {
            let (start, quote) = (done + whole.end.unwrap_or(0), done + quote);
            let before = pending[done..start].to_vec();
            let first_line = line;
            line += count_lines(&before);
            if !before.is_empty() && !send(Block { bytes: before, first_line, unclosed_quote: None }) {
                return Ok(());
            }
            let after = memchr(b'\n', &pending[quote..]).map_or(pending.len(), |newline| quote + newline + 1);
            let unclosed_quote = Some(line + count_lines(&pending[start..quote]));
            let broken = pending[start..after].to_vec();
            let first_line = line;
            line += count_lines(&broken);
            if !send(Block { bytes: broken, first_line, unclosed_quote }) {
                return Ok(());
            }
            done = after;
            whole = records.whole(&pending[done..]);
        }
        pending.drain(..done);
        let end = if at_end { Some(pending.len()) } else { whole.end };
        if let Some(end) = end.filter(|&end| end > 0) {
            let rest = pending.split_off(end);
            let bytes = std::mem::replace(&mut pending, rest);
            let first_line = line;
            line += count_lines(&bytes);
            if !send(Block { bytes, first_line, unclosed_quote: None }) {
                return Ok(());
            }
        }
        if at_end {
            return Ok(());
        }
        // A record may be longer than a block.
        wanted = pending.len().max(block_bytes / 2) * 2;
    }
}

fn count_lines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTED: Records = Records::Quoted { delimiter: b',' };

    #[test]
    fn records_end_outside_quotes() {
        let found = |text: &[u8]| {
            let whole = QUOTED.whole(text);
            (whole.end, whole.open, whole.stray)
        };
        assert_eq!(found(b"a,b\nc,d"), (Some(4), None, false));
        assert_eq!(found(b"a,b\n\"c\n"), (Some(4), Some(4), false));
        assert_eq!(found(b"\"a\nb\",c\nd"), (Some(8), None, false));
        assert_eq!(found(b"\"a\"\"\nb\"\nc"), (Some(8), None, false));
        // A quote in the middle of a field is a character like any other.
        assert_eq!(found(b"5\" pipe,b\nc"), (Some(10), None, false));
        assert_eq!(found(b"\"a\"b\"\nc,d"), (Some(6), None, false));
        assert_eq!(found(b"abc"), (None, None, false));
        // A field does not go over lines to end in the middle of another.
        assert_eq!(found(b"a\n\"b,c\nd,e\n\"f,g\n"), (Some(2), Some(2), true));
        assert_eq!(found(b"\"b\n\" ,c\n"), (Some(8), None, false));
        assert_eq!(Records::Lines.whole(b"{\"a\nb").end, Some(4));
    }

    fn blocks(text: &[u8]) -> Vec<(String, u64, Option<u64>)> {
        let mut blocks = Vec::new();
        cut(&mut std::io::Cursor::new(text), QUOTED, Input::BLOCK_BYTES, |block| {
            blocks.push((String::from_utf8(block.bytes).unwrap(), block.first_line, block.unclosed_quote));
            true
        })
        .unwrap();
        blocks
    }

    #[test]
    fn an_open_quote_costs_its_line() {
        let found = blocks(b"h,i\n1,2\n3,\"4\n5,6\n7,8\n");
        let block = |text: &str, line, quote| (text.to_owned(), line, quote);
        assert_eq!(found, [block("h,i\n1,2\n", 1, None), block("3,\"4\n", 3, Some(3)), block("5,6\n7,8\n", 4, None)]);
        let found = blocks(b"h,i\n\"1\n1\",\"2\n");
        assert_eq!(found, [block("h,i\n", 1, None), block("\"1\n1\",\"2\n", 2, Some(3))]);
        let found = blocks(b"a\n\"b,c\nd,e\n\"f,g\nh,i\n");
        let expected =
            [("a\n", 1, None), ("\"b,c\n", 2, Some(2)), ("d,e\n", 3, None), ("\"f,g\n", 4, Some(4)), ("h,i\n", 5, None)];
        assert_eq!(found, expected.map(|(text, line, quote)| block(text, line, quote)));
        assert_eq!(blocks(b"\""), [block("\"", 1, Some(1))]);
        assert_eq!(blocks(b"\xef\xbb\xbfa"), [block("a", 1, None)]);
        assert!(blocks(b"").is_empty());
    }

    #[test]
    fn a_quote_that_swallows_a_long_text_does_not() {
        let mut text = b"a,\"b\n".to_vec();
        text.extend(b"c,d\n".repeat((LONGEST_QUOTED + 2 * Input::BLOCK_BYTES) / 4));
        let found = blocks(&text);
        assert_eq!((found[0].0.len(), found[0].2), (5, Some(1)));
        assert_eq!(found.iter().map(|block| block.0.len()).sum::<usize>(), text.len());
        assert!(found[1..].iter().all(|block| block.2.is_none() && block.1 > 1));
    }

    proptest::proptest! {
        /// Nothing is lost and no line is counted twice.
        #[test]
        fn blocks_are_the_text(text in "[a,\"\n]{0,60}") {
            let mut line = 1;
            let mut whole = String::new();
            for (bytes, first_line, _) in blocks(text.as_bytes()) {
                proptest::prop_assert_eq!(first_line, line);
                line += bytes.matches('\n').count() as u64;
                whole += &bytes;
            }
            proptest::prop_assert_eq!(whole, text);
        }


        /// Whatever the text, cutting it where records end gives the parser the same records as the whole.
        #[test]
        fn blocks_parse_as_the_whole(text in "([a,\"\n]|\r\n){0,40}", at in 0usize..40) {
            let parse = |text: &[u8]| {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
                reader.byte_records().map(|r| r.unwrap().iter().map(<[u8]>::to_vec).collect::<Vec<_>>()).collect::<Vec<_>>()
            };
            let text = text.as_bytes();
            let Some(end) = QUOTED.whole(&text[..at.min(text.len())]).end else { return Ok(()) };
            let mut cut = parse(&text[..end]);
            cut.extend(parse(&text[end..]));
            proptest::prop_assert_eq!(cut, parse(text));
        }
    }
}
