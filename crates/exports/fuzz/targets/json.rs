//! Any bytes as JSON: lines, an array, objects over lines. The first byte says how the text is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenure_exports::{Hints, Input};
use tenure_exports_fuzz::{begin, read};

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some((&choice, text)) = data.split_first() else { return };
    let hints = Hints { json_strings: vec!["p".to_owned(), "a.p".to_owned()], ..Hints::default() };
    // The rest is the other targets'.
    let start: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(2).collect();
    if !matches!(start[..], [b'{', _] | [b'[', b'{' | b'[' | b']']) {
        return;
    }
    let whole = read(text, &hints, Input::BLOCK_BYTES);
    let cut = read(text, &hints, usize::from(choice) + 2);
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(whole, cut),
        (Err(whole), Err(cut)) => assert_eq!(whole.to_string(), cut.to_string()),
        (whole, cut) => panic!("{whole:?} is not {cut:?}"),
    }
});
