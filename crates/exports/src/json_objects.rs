//! JSON whose objects are not a line each, made JSON Lines: one array of them, or objects that go over lines.

use std::io::{self, Read};

const CHUNK_BYTES: usize = 256 * 1024;

/// Writes each object on a line of its own. What is no object stays as it is, to be found damaged.
pub(crate) struct JsonObjects {
    inner: Box<dyn Read + Send>,
    chunk: Vec<u8>,
    lines: Vec<u8>,
    lines_at: usize,
    /// Brackets and braces that are open, without the array around all.
    depth: usize,
    /// Whether the array around all has begun.
    begun: bool,
    in_array: bool,
    in_string: bool,
    escaped: bool,
    /// Whether something stands on the line that is being written.
    on_line: bool,
    ended: bool,
}

impl JsonObjects {
    pub(crate) fn new(inner: Box<dyn Read + Send>) -> Self {
        Self {
            inner,
            chunk: vec![0; CHUNK_BYTES],
            lines: Vec::new(),
            lines_at: 0,
            depth: 0,
            begun: false,
            in_array: false,
            in_string: false,
            escaped: false,
            on_line: false,
            ended: false,
        }
    }

    fn put(&mut self, byte: u8) {
        self.lines.push(byte);
        self.on_line = true;
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.on_line) {
            self.lines.push(b'\n');
        }
    }

    fn take(&mut self, byte: u8) {
        if self.in_string {
            self.put(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            // The mark at the start of the text.
            0xef | 0xbb | 0xbf if !self.begun => {}
            b'[' if !self.begun => (self.begun, self.in_array) = (true, true),
            b']' if self.depth == 0 && self.in_array => {
                self.end_line();
                self.in_array = false;
            }
            b',' if self.depth == 0 => self.end_line(),
            b'{' | b'[' => {
                self.begun = true;
                self.depth += 1;
                self.put(byte);
            }
            b'}' | b']' => {
                self.put(byte);
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.end_line();
                }
            }
            _ => {
                self.begun = true;
                self.in_string = byte == b'"';
                self.put(byte);
            }
        }
    }
}

impl Read for JsonObjects {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.lines_at == self.lines.len() {
            if self.ended {
                return Ok(0);
            }
            self.lines.clear();
            self.lines_at = 0;
            let mut chunk = std::mem::take(&mut self.chunk);
            let read = self.inner.read(&mut chunk);
            if let Ok(read) = read {
                self.ended = read == 0;
                chunk[..read].iter().for_each(|&byte| self.take(byte));
            }
            self.chunk = chunk;
            read?;
        }
        let length = buffer.len().min(self.lines.len() - self.lines_at);
        buffer[..length].copy_from_slice(&self.lines[self.lines_at..self.lines_at + length]);
        self.lines_at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> String {
        let mut lines = String::new();
        JsonObjects::new(Box::new(io::Cursor::new(text.as_bytes().to_vec()))).read_to_string(&mut lines).unwrap();
        lines
    }

    #[test]
    fn an_object_is_a_line() {
        assert_eq!(lines("[{\"a\": 1},\n {\"a\":\n [2, {}]}]\n"), "{\"a\":1}\n{\"a\":[2,{}]}\n");
        assert_eq!(lines("{\n \"a\": \"}\\\"] ,\"\n}\n{}\n"), "{\"a\":\"}\\\"] ,\"}\n{}\n");
        assert_eq!(lines("[]"), "");
        assert_eq!(lines("\u{feff}[{}]"), "{}\n");
        // What is cut off stays to be found damaged.
        assert_eq!(lines("[{\"a\": 1}, {\"a\""), "{\"a\":1}\n{\"a\"");
        assert_eq!(lines("[1, {}]"), "1\n{}\n");
    }

    proptest::proptest! {
        #[test]
        fn values_stay_what_they_are(keys in proptest::collection::vec(".{0,6}", 0..5), pretty: bool) {
            let values: Vec<serde_json::Value> = keys.iter().map(|key| serde_json::json!({ key: [key, 1, {key: null}] })).collect();
            let text = if pretty { serde_json::to_string_pretty(&values) } else { serde_json::to_string(&values) }.unwrap();
            let found: Vec<serde_json::Value> = lines(&text).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            proptest::prop_assert_eq!(found, values);
        }

        #[test]
        fn never_panics(text in "[\\[\\]{},:\"a1 \n\\\\]{0,40}") {
            lines(&text);
        }
    }
}
