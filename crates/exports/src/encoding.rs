//! Text in other encodings, made UTF-8.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

const UTF8_BOM: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF16_LE_BOM: &[u8] = &[0xff, 0xfe];
const UTF16_BE_BOM: &[u8] = &[0xfe, 0xff];

/// How much is decoded at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// So many sequences of bytes beyond ASCII tell what a text is; the rest of it is not looked at.
const ENOUGH_SEQUENCES: u64 = 10_000;

/// Stands in the decoded text where a text is damaged, so that its row is.
const DAMAGED: u8 = 0xff;

/// How a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without its mark.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// What Western European spreadsheets write.
    Windows1252,
}

impl Encoding {
    /// The encoding that the start of a text shows, if it does: by its mark, or by where its zeros are.
    pub fn of_start(start: &[u8]) -> Option<Self> {
        if start.starts_with(UTF8_BOM) {
            Some(Encoding::Utf8)
        } else if start.starts_with(UTF16_LE_BOM) {
            Some(Encoding::Utf16Le)
        } else if start.starts_with(UTF16_BE_BOM) {
            Some(Encoding::Utf16Be)
        } else {
            let zeros = |from: usize| start.iter().skip(from).step_by(2).filter(|&&byte| byte == 0).count();
            let (even, odd) = (zeros(0), zeros(1));
            let half = start.len() / 2;
            // Half of most texts is ASCII even where the letters are not: delimiters, digits, line ends.
            if half == 0 {
                None
            } else if odd * 3 > half && even * 20 < odd && is_text(start, u16::from_le_bytes) {
                Some(Encoding::Utf16Le)
            } else if even * 3 > half && odd * 20 < even && is_text(start, u16::from_be_bytes) {
                Some(Encoding::Utf16Be)
            } else {
                None
            }
        }
    }

    /// Whether a text is UTF-8 or Windows-1252, judged over all of it: the one that most of what is beyond ASCII is.
    ///
    /// # Errors
    ///
    /// Those of the reader.
    pub fn judge(reader: &mut dyn Read) -> io::Result<Self> {
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut kept = 0;
        let (mut good, mut bad) = (0u64, 0u64);
        loop {
            let read = reader.read(&mut buffer[kept..])?;
            let chunk = &buffer[..kept + read];
            let mut rest = chunk;
            if chunk.is_ascii() {
                kept = 0;
            } else {
                kept = loop {
                    match std::str::from_utf8(rest) {
                        Ok(text) => {
                            good += beyond_ascii(text.as_bytes());
                            break 0;
                        }
                        Err(error) => {
                            let (valid, after) = rest.split_at(error.valid_up_to());
                            good += beyond_ascii(valid);
                            match error.error_len() {
                                None if read > 0 => break after.len(),
                                None => {
                                    bad += 1;
                                    break 0;
                                }
                                Some(length) => {
                                    bad += 1;
                                    rest = &after[length..];
                                }
                            }
                        }
                    }
                };
                let end = chunk.len();
                buffer.copy_within(end - kept..end, 0);
            }
            if read == 0 || good + bad >= ENOUGH_SEQUENCES {
                return Ok(if bad > good { Encoding::Windows1252 } else { Encoding::Utf8 });
            }
        }
    }

    /// What is worth telling about it.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Encoding::Utf8 => None,
            Encoding::Utf16Le => Some("read as UTF-16 (little-endian)"),
            Encoding::Utf16Be => Some("read as UTF-16 (big-endian)"),
            Encoding::Windows1252 => Some("read as Windows-1252 (it is not UTF-8)"),
        }
    }

    /// The text as UTF-8. What is damaged in it stays no UTF-8.
    pub fn decode(self, reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let encoding = match self {
            Encoding::Utf8 => return reader,
            Encoding::Utf16Le => UTF_16LE,
            Encoding::Utf16Be => UTF_16BE,
            Encoding::Windows1252 => WINDOWS_1252,
        };
        Box::new(Decoding {
            inner: reader,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; CHUNK_BYTES],
            raw_at: 0,
            raw_end: 0,
            text: Vec::new(),
            text_at: 0,
            ended: false,
        })
    }
}

/// Whether pairs of bytes hold no control characters but those of lines.
fn is_text(start: &[u8], unit: fn([u8; 2]) -> u16) -> bool {
    start.chunks_exact(2).all(|pair| {
        let unit = unit([pair[0], pair[1]]);
        unit >= 0x20 || matches!(unit, 0x09 | 0x0a | 0x0d)
    })
}

/// Sequences, in UTF-8, of characters beyond ASCII.
fn beyond_ascii(text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte >= 0xc0).count() as u64
}

struct Decoding {
    inner: Box<dyn Read + Send>,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_at: usize,
    raw_end: usize,
    text: Vec<u8>,
    text_at: usize,
    ended: bool,
}

impl Decoding {
    fn fill(&mut self) -> io::Result<()> {
        if self.raw_at == self.raw_end {
            self.raw_at = 0;
            self.raw_end = self.inner.read(&mut self.raw)?;
            self.ended = self.raw_end == 0;
        }
        let raw = &self.raw[self.raw_at..self.raw_end];
        // Enough for what can be decoded without a look at how full it is.
        let room = self.decoder.max_utf8_buffer_length_without_replacement(raw.len()).unwrap_or(CHUNK_BYTES) + 4;
        self.text.clear();
        self.text.resize(room, 0);
        self.text_at = 0;
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.ended);
        self.raw_at += read;
        self.text.truncate(written);
        if let DecoderResult::Malformed(..) = result {
            self.text.push(DAMAGED);
            // The damage may have been the last thing that the decoder was told of.
            self.ended &= self.raw_at < self.raw_end;
        }
        Ok(())
    }
}

impl Read for Decoding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.text_at == self.text.len() {
            if self.ended && self.raw_at == self.raw_end {
                return Ok(0);
            }
            self.fill()?;
        }
        let length = buffer.len().min(self.text.len() - self.text_at);
        buffer[..length].copy_from_slice(&self.text[self.text_at..self.text_at + length]);
        self.text_at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn decoded(encoding: Encoding, bytes: Vec<u8>) -> Vec<u8> {
        let mut text = Vec::new();
        encoding.decode(Box::new(Cursor::new(bytes))).read_to_end(&mut text).unwrap();
        text
    }

    fn judged(bytes: &[u8]) -> Encoding {
        Encoding::judge(&mut Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn most_of_a_text_says_what_it_is() {
        assert_eq!(judged(b"plain"), Encoding::Utf8);
        assert_eq!(judged("Größe".as_bytes()), Encoding::Utf8);
        assert_eq!(judged(b"Gr\xf6\xdfe"), Encoding::Windows1252);
        assert_eq!(judged("Größe Größe \u{fffd}".replace('\u{fffd}', "").as_bytes()), Encoding::Utf8);
        assert_eq!(judged(&["Größe ".as_bytes(), b"\xff"].concat()), Encoding::Utf8);
        // The last byte begins a sequence that never ends.
        assert_eq!(judged(b"M\xfc"), Encoding::Windows1252);
        let mut late = vec![b'x'; CHUNK_BYTES * 2 - 1];
        late.extend("ü".as_bytes());
        assert_eq!(judged(&late), Encoding::Utf8);
        late.extend(b"\xfc \xfc");
        assert_eq!(judged(&late), Encoding::Windows1252);
    }

    #[test]
    fn damage_stays_damage() {
        // A lone surrogate, and a last byte without its second.
        assert_eq!(decoded(Encoding::Utf16Le, vec![0x61, 0, 0, 0xd8, 0x62, 0, 0x63]), b"a\xffb\xff");
        assert_eq!(decoded(Encoding::Windows1252, b"\x80\x81\xfc".to_vec()), "€\u{81}ü".as_bytes());
    }

    #[test]
    fn zeros_show_where_bytes_are_pairs() {
        let pairs = |text: &str, big: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        assert_eq!(Encoding::of_start(&pairs("user_id,day\nu1,2024-01-31\n", false)), Some(Encoding::Utf16Le));
        assert_eq!(Encoding::of_start(&pairs("user_id,day\nu1,2024-01-31\n", true)), Some(Encoding::Utf16Be));
        assert_eq!(Encoding::of_start(b"user_id,day\n"), None);
        assert_eq!(Encoding::of_start(b"a\0"), Some(Encoding::Utf16Le));
        assert_eq!(Encoding::of_start(&[0, 159, 146, 150, 0, 7]), None);
        assert_eq!(Encoding::of_start(b""), None);
    }

    proptest::proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text in "\\PC{0,60}", repeat in 1usize..3) {
            let text = text.repeat(repeat).trim_start_matches('\u{feff}').to_owned();
            let little = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            proptest::prop_assert_eq!(decoded(Encoding::Utf16Le, little), text.as_bytes());
            let big = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            proptest::prop_assert_eq!(decoded(Encoding::Utf16Be, big), text.as_bytes());
            let (western, _, lost) = WINDOWS_1252.encode(&text);
            if !lost {
                proptest::prop_assert_eq!(decoded(Encoding::Windows1252, western.to_vec()), text.as_bytes());
            }
        }
    }
}
