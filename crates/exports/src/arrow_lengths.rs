//! The lengths that an Arrow file states, held against what there is.
//!
//! Arrow's reader reserves memory for what a length says before it reads so much, and a process that asks for more than
//! there is does not live on. Only lengths that the file is long enough for are let through.

use std::io::{self, Read, Seek, SeekFrom};

use arrow::ipc::{Message, RecordBatch, root_as_footer, root_as_message};

/// Stands before a message's length.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The length of the footer and the mark at the end of a file.
const TAIL_BYTES: u64 = 10;

/// Bytes that a batch may be unpacked to. It is taken up whole, and writers make batches of a few megabytes.
const MOST_UNPACKED: u64 = 2 << 30;

/// Rows that a batch may have, however few bytes it has.
const MOST_ROWS: u64 = 16 << 20;

/// Stands before a buffer that is packed: the length of what it is unpacked to.
const UNPACKED_LENGTH_BYTES: u64 = 8;

const DAMAGED: &str = "it is damaged (a part of a batch lies outside of it)";

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

fn skip(reader: &mut impl Read, bytes: u64) -> Result<(), String> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink()).map_err(unreadable)?;
    if skipped == bytes { Ok(()) } else { Err(CUT_OFF.to_owned()) }
}

/// Looks at the buffers of a message's body, in the order in which they lie there. `unpacked` gives what stands before
/// one that is packed.
fn check_body(message: Message<'_>, mut unpacked: impl FnMut(u64) -> Result<Vec<u8>, String>) -> Result<(), String> {
    let body = length(message.bodyLength())?;
    let batch: Option<RecordBatch<'_>> =
        message.header_as_record_batch().or_else(|| message.header_as_dictionary_batch().and_then(|batch| batch.data()));
    let Some(batch) = batch else { return Ok(()) };
    let mut buffers = Vec::new();
    for buffer in batch.buffers().iter().flatten() {
        let (offset, bytes) = (length(buffer.offset())?, length(buffer.length())?);
        if offset.checked_add(bytes).is_none_or(|end| end > body) {
            return Err(DAMAGED.to_owned());
        }
        buffers.push((offset, bytes));
    }
    buffers.sort_unstable();
    buffers.dedup();
    let mut bytes = 0u64;
    for (offset, packed) in buffers {
        bytes += packed;
        if batch.compression().is_some() && packed >= UNPACKED_LENGTH_BYTES {
            let stated = unpacked(offset)?.try_into().map_or(0, i64::from_le_bytes);
            // A buffer that would not have become smaller is not packed, and says -1.
            bytes = bytes.saturating_add(if stated == -1 { 0 } else { length(stated)? });
        }
    }
    if bytes > MOST_UNPACKED {
        return Err(format!(
            "one of its batches takes {bytes} bytes when it is unpacked, and at most {MOST_UNPACKED} are taken up at once: \
             it is damaged, or has to be written in smaller batches"
        ));
    }
    // The narrowest column has a bit for each row.
    let rows = length(batch.length())?;
    if rows > MOST_ROWS.max(bytes.saturating_mul(8)) {
        return Err(format!("one of its batches claims {rows} rows in {bytes} bytes: it is damaged"));
    }
    Ok(())
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
        let message = root_as_message(&message).map_err(|error| error.to_string())?;
        let body = length(message.bodyLength())?;
        let mut at = 0;
        check_body(message, |offset| {
            skip(&mut reader, offset.checked_sub(at).ok_or(DAMAGED)?)?;
            at = offset + UNPACKED_LENGTH_BYTES;
            take(&mut reader, UNPACKED_LENGTH_BYTES)
        })?;
        skip(&mut reader, body - at)?;
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
        let [offset, metadata, body] = parts;
        file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
        let metadata_bytes = take(&mut file, metadata)?;
        // Older files have no mark before the message's length.
        let start = if metadata_bytes.starts_with(&CONTINUATION) { 8 } else { 4 };
        let message = root_as_message(metadata_bytes.get(start..).ok_or(CUT_OFF)?).map_err(|error| error.to_string())?;
        if length(message.bodyLength())? > body {
            return Err(DAMAGED.to_owned());
        }
        check_body(message, |at| {
            file.seek(SeekFrom::Start(offset + metadata + at)).map_err(unreadable)?;
            take(&mut file, UNPACKED_LENGTH_BYTES)
        })?;
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
    /// A batch with a packed buffer that states another length for what it holds.
    #[test]
    fn a_length_inside_a_batch_is_found() {
        use std::sync::Arc;

        use arrow::array::{ArrayRef, Int64Array, RecordBatch};
        use arrow::ipc::CompressionType;
        use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

        const ROWS: usize = 1000;
        let zeros: ArrayRef = Arc::new(Int64Array::from(vec![0; ROWS]));
        let batch = RecordBatch::try_from_iter([("n", zeros)]).unwrap();
        let options = || IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD)).unwrap();
        let mut file = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options()).unwrap();
        let mut stream = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options()).unwrap();
        file.write(&batch).unwrap();
        stream.write(&batch).unwrap();
        let check = |bytes: &[u8], file: bool| if file { check_file(io::Cursor::new(bytes)) } else { check_stream(bytes) };
        for (mut bytes, is_file) in [(file.into_inner().unwrap(), true), (stream.into_inner().unwrap(), false)] {
            assert_eq!(check(&bytes, is_file), Ok(()));
            let length = (8 * ROWS as i64).to_le_bytes();
            let packed = bytes.windows(12).position(|part| part[..8] == length && part[8..] == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
            for (stated, expected) in [(1i64 << 40, "1099511627"), (i64::MIN, "negative"), (i64::MAX, "smaller batches")] {
                bytes[packed..packed + 8].copy_from_slice(&stated.to_le_bytes());
                let said = check(&bytes, is_file).unwrap_err();
                assert!(said.contains(expected), "{said}");
            }
        }
    }
}
