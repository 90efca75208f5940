//! Bytes in every encoding, read at once and piece by piece; and texts that are the same rows in every encoding.
#![no_main]

use std::io::{Cursor, Read};

use libfuzzer_sys::fuzz_target;
use tenure_exports::{Encoding, Hints, Input};
use tenure_exports_fuzz::{begin, chosen, read};

/// Gives a few bytes at a time.
struct Slow(Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.1);
        self.0.read(&mut buffer[..length])
    }
}

fn decoded(encoding: Encoding, bytes: &[u8], step: usize) -> Vec<u8> {
    let mut text = Vec::new();
    encoding.decode(Box::new(Slow(Cursor::new(bytes.to_vec()), step))).read_to_end(&mut text).unwrap();
    text
}

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let step = usize::from(choice % 7) + 1;
    for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Windows1252] {
        assert_eq!(decoded(encoding, bytes, step), decoded(encoding, bytes, usize::MAX), "{encoding:?}");
    }
    let _ = Encoding::of_start(bytes);
    let at_once = Encoding::judge(&mut &*bytes).unwrap();
    assert_eq!(Encoding::judge(&mut Slow(Cursor::new(bytes.to_vec()), step)).unwrap(), at_once);

    let Some((_, text)) = chosen(data) else { return };
    // Some first characters are marks, or say that the file is no text.
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || text.starts_with("PAR1") || text.contains('\u{feff}') {
        return;
    }
    // Where the start ends inside a character, or holds many zeros, it is looked at differently.
    if text.len() > 16 * 1024 || text.contains('\0') {
        return;
    }
    let marked = |mark: &[u8], text: Vec<u8>| [mark, &text].concat();
    let utf8 = marked(&[0xef, 0xbb, 0xbf], text.as_bytes().to_vec());
    let little = marked(&[0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    let big = marked(&[0xfe, 0xff], text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    let tables = [utf8, little, big].map(|bytes| read(&bytes, &Hints::default(), Input::BLOCK_BYTES).map_err(|e| e.to_string()));
    assert_eq!(tables[0], tables[1]);
    assert_eq!(tables[0], tables[2]);
});
