//! Any bytes as a file, mostly read as delimited text. The first byte says how the text is cut and how high the header is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tenure_exports::{Hints, Input};
use tenure_exports_fuzz::{begin, read};

fuzz_target!(init: begin(), |data: &[u8]| {
    let Some((&choice, text)) = data.split_first() else { return };
    let hints = Hints { header_rows: usize::from(choice >> 6), ..Hints::default() };
    let whole = read(text, &hints, Input::BLOCK_BYTES);
    let cut = read(text, &hints, usize::from(choice & 63) + 2);
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(whole, cut),
        (Err(whole), Err(cut)) => assert_eq!(whole.to_string(), cut.to_string()),
        (whole, cut) => panic!("{whole:?} is not {cut:?}"),
    }
});
