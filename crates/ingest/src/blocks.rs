//! Text cut into blocks of whole records, so that they can be parsed in parallel.

use std::io::Read;
use std::sync::mpsc::sync_channel;

use memchr::{memchr_iter, memrchr};
use rayon::prelude::*;

use crate::error::Error;
use crate::input::{Input, without_bom};

/// A block is cut at the last record that ends within this many bytes; a longer record makes a longer block.
const BLOCK_BYTES: usize = 4 << 20;

/// Whole records.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// The line, from 1, on which the block starts.
    pub(crate) first_line: u64,
    /// Whether the text ended in this block before a quoted field did.
    pub(crate) unclosed_quote: bool,
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

impl Records {
    /// The end of the last whole record, and whether what comes after it is inside quotes. The text starts with a record.
    fn last_end(self, text: &[u8]) -> (Option<usize>, bool) {
        match self {
            Records::Lines => (memrchr(b'\n', text).map(|at| at + 1), false),
            Records::Quoted { delimiter } => last_end_of_quoted(text, delimiter),
        }
    }
}

/// Visits quotes only: outside them a line ends a record. A quote opens a field only where a field starts; elsewhere it is
/// a character like any other. This is how the CSV parser reads them, so that both agree on any text.
fn last_end_of_quoted(text: &[u8], delimiter: u8) -> (Option<usize>, bool) {
    let mut end = None;
    let mut outside = 0;
    let mut quoted = false;
    let mut escaped = usize::MAX;
    for at in memchr_iter(b'"', text) {
        if at == escaped {
            continue;
        }
        if quoted {
            if text.get(at + 1) == Some(&b'"') {
                escaped = at + 1;
            } else {
                quoted = false;
                outside = at + 1;
            }
        } else if at == 0 || [delimiter, b'\n', b'\r'].contains(&text[at - 1]) {
            quoted = true;
            end = memrchr(b'\n', &text[outside..at]).map(|newline| outside + newline + 1).or(end);
        }
    }
    if !quoted {
        end = memrchr(b'\n', &text[outside..]).map(|newline| outside + newline + 1).or(end);
    }
    (end, quoted)
}

/// Hands the blocks of a text to `each`, from many threads.
pub(crate) fn for_each_block(
    input: &Input,
    records: Records,
    each: &(dyn Fn(Block) -> Result<(), Error> + Sync),
) -> Result<(), Error> {
    let mut reader = input.reader()?;
    let (send, receive) = sync_channel::<Block>(rayon::current_num_threads());
    std::thread::scope(|scope| {
        let cutting = scope.spawn(move || {
            cut(&mut *reader, records, |block| send.send(block).is_ok()).map_err(|error| input.unreadable(&error))
        });
        let parsed = receive.into_iter().par_bridge().try_for_each(each);
        match cutting.join() {
            Ok(cut) => parsed.and(cut),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Cuts a text into blocks until it ends or `send` wants no more.
fn cut(reader: &mut dyn Read, records: Records, mut send: impl FnMut(Block) -> bool) -> std::io::Result<()> {
    let mut pending: Vec<u8> = Vec::new();
    let mut line = 1;
    let mut wanted = BLOCK_BYTES;
    let mut first = true;
    loop {
        let before = pending.len();
        reader.take((wanted - before) as u64).read_to_end(&mut pending)?;
        let at_end = pending.len() < wanted;
        if first {
            let text = without_bom(&pending).len();
            pending.drain(..pending.len() - text);
            first = false;
        }
        let (end, quoted) = records.last_end(&pending);
        if at_end {
            if !pending.is_empty() {
                send(Block { bytes: pending, first_line: line, unclosed_quote: quoted });
            }
            return Ok(());
        }
        let Some(end) = end else {
            // One record is longer than the block.
            wanted = pending.len() + BLOCK_BYTES;
            continue;
        };
        let rest = pending.split_off(end);
        let lines = memchr_iter(b'\n', &pending).count() as u64;
        if !send(Block { bytes: std::mem::replace(&mut pending, rest), first_line: line, unclosed_quote: false }) {
            return Ok(());
        }
        line += lines;
        wanted = pending.len().max(BLOCK_BYTES / 2) + BLOCK_BYTES / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTED: Records = Records::Quoted { delimiter: b',' };

    #[test]
    fn records_end_outside_quotes() {
        assert_eq!(QUOTED.last_end(b"a,b\nc,d"), (Some(4), false));
        assert_eq!(QUOTED.last_end(b"a,b\n\"c\n"), (Some(4), true));
        assert_eq!(QUOTED.last_end(b"\"a\nb\",c\nd"), (Some(8), false));
        assert_eq!(QUOTED.last_end(b"\"a\"\"\nb\"\nc"), (Some(8), false));
        // A quote in the middle of a field is a character like any other.
        assert_eq!(QUOTED.last_end(b"5\" pipe,b\nc"), (Some(10), false));
        assert_eq!(QUOTED.last_end(b"\"a\"b\"\nc,d"), (Some(6), false));
        assert_eq!(QUOTED.last_end(b"abc"), (None, false));
        assert_eq!(Records::Lines.last_end(b"{\"a\nb"), (Some(4), false));
    }

    proptest::proptest! {
        /// Whatever the text, cutting it where records end gives the parser the same records as the whole.
        #[test]
        fn blocks_parse_as_the_whole(text in "[a,\"\n\r]{0,40}", at in 0usize..40) {
            let parse = |text: &[u8]| {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
                reader.byte_records().map(|r| r.unwrap().iter().map(<[u8]>::to_vec).collect::<Vec<_>>()).collect::<Vec<_>>()
            };
            let text = text.as_bytes();
            let (Some(end), _) = QUOTED.last_end(&text[..at.min(text.len())]) else { return Ok(()) };
            let mut cut = parse(&text[..end]);
            cut.extend(parse(&text[end..]));
            proptest::prop_assert_eq!(cut, parse(text));
        }
    }
}
