//! Compressing a part of a file so that the compressed parts in order are the compressed file.

use std::io::Write;

use crate::{Error, write::Compression};

// Low levels: a third of every row is a random identifier that no level makes much smaller.
const GZIP_LEVEL: u32 = 2;
const ZSTD_LEVEL: i32 = 1;

/// One gzip member or zstd frame with this content, or nothing for no content.
pub(super) fn compress(content: Vec<u8>, compression: Compression) -> Result<Vec<u8>, Error> {
    match compression {
        _ if content.is_empty() => Ok(content),
        Compression::None => Ok(content),
        Compression::Gzip => {
            let room = Vec::with_capacity(content.len() / 3);
            let mut encoder = flate2::write::GzEncoder::new(room, flate2::Compression::new(GZIP_LEVEL));
            encoder.write_all(&content)?;
            Ok(encoder.finish()?)
        }
        Compression::Zstd => Ok(zstd::bulk::compress(&content, ZSTD_LEVEL)?),
    }
}
