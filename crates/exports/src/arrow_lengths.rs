//! The lengths that an Arrow file states, held against what there is.
//!
//! Arrow's reader reserves memory for what a length says before it reads so much, and a process that asks for more than
//! there is does not live on. Only lengths that the file is long enough for are let through.

use std::io::{self, Read, Seek, SeekFrom};

use arrow::ipc::{root_as_footer, root_as_message};

/// Stands before a message's length.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The length of the footer and the mark at the end of a file.
const TAIL_BYTES: u64 = 10;

const CUT_OFF: &str = "it ends too early: it was cut off";

fn unreadable(error: io::Error) -> String {
    error.to_string()
}

fn length(stated: impl TryInto<u64>) -> Result<u64, String> {
    stated.try_into().map_err(|_| "it is damaged (a length is negative)".to_owned())
}

/// Reads so many bytes, without trusting that they are there.
fn take(reader: &mut impl Read, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = reader.take(length).read_to_end(&mut bytes).map_err(unreadable)?;
    if read as u64 == length { Ok(bytes) } else { Err(CUT_OFF.to_owned()) }
}

/// Goes through a stream from message to message.
pub(crate) fn check_stream(mut reader: impl Read) -> Result<(), String> {
    loop {
        let mut word = [0; 4];
        // A stream may end without saying so.
        if reader.read(&mut word[..1]).map_err(unreadable)? == 0 {
            return Ok(());
        }
        word[1..].copy_from_slice(&take(&mut reader, 3)?);
        if word == CONTINUATION {
            word.copy_from_slice(&take(&mut reader, 4)?);
        }
        let header = length(i32::from_le_bytes(word))?;
        if header == 0 {
            return Ok(());
        }
        let message = take(&mut reader, header)?;
        let body = length(root_as_message(&message).map_err(|error| error.to_string())?.bodyLength())?;
        if io::copy(&mut reader.by_ref().take(body), &mut io::sink()).map_err(unreadable)? < body {
            return Err(CUT_OFF.to_owned());
        }
    }
}

/// Looks at the footer of a file, which says where its batches are.
pub(crate) fn check_file(mut file: impl Read + Seek) -> Result<(), String> {
    let end = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    let tail = end.checked_sub(TAIL_BYTES).ok_or(CUT_OFF)?;
    file.seek(SeekFrom::Start(tail)).map_err(unreadable)?;
    let mut word = [0; 4];
    word.copy_from_slice(&take(&mut file, 4)?);
    let footer = length(i32::from_le_bytes(word))?;
    file.seek(SeekFrom::Start(tail.checked_sub(footer).ok_or(CUT_OFF)?)).map_err(unreadable)?;
    let footer = take(&mut file, footer)?;
    let footer = root_as_footer(&footer).map_err(|error| error.to_string())?;
    for block in footer.dictionaries().iter().flatten().chain(footer.recordBatches().iter().flatten()) {
        let parts = [length(block.offset())?, length(block.metaDataLength())?, length(block.bodyLength())?];
        let sum = parts.iter().try_fold(0u64, |sum, &part| sum.checked_add(part));
        if sum.is_none_or(|sum| sum > end) {
            return Err(CUT_OFF.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_beyond_the_end_is_found() {
        assert_eq!(check_stream(&[][..]), Ok(()));
        assert_eq!(check_stream(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0][..]), Ok(()));
        assert_eq!(check_stream(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1][..]), Err(CUT_OFF.to_owned()));
        assert!(check_stream(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80][..]).unwrap_err().contains("negative"));
        assert_eq!(check_file(io::Cursor::new(b"ARROW1")), Err(CUT_OFF.to_owned()));
        assert_eq!(check_file(io::Cursor::new(b"ARROW1\0\0\xff\xff\xff\x7fARROW1")), Err(CUT_OFF.to_owned()));
    }
}
