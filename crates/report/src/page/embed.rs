//! The numbers that the page's switches choose among, as a JSON block inside it.

use std::fmt::Write;

use serde::Serialize;

use crate::error::Error;

/// JSON that may stand inside a page: nothing in it can end the block or begin markup.
///
/// # Errors
///
/// Where a value can't be written as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Error> {
    let plain = serde_json::to_string(value).map_err(|error| Error::encoding("the page's data", error))?;
    let mut text = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '<' | '>' | '&' | '\'' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_block() {
        let hostile = "</script><!--<img src=x onerror='1'>&\u{2028}";
        let text = json(&[hostile]).unwrap();
        assert!(!text.contains(['<', '>', '&', '\'', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [hostile]);
    }
}
