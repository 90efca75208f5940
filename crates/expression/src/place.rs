//! Where in an expression something stands.

/// The expression with a mark below the place, as further lines of a message.
pub fn pointed(text: &str, at: usize) -> String {
    // A mark needs one line; columns are counted in characters, as terminals show them.
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let before = text[line_start..at].chars().count();
    format!("\n  {line}\n  {}^", " ".repeat(before))
}

/// The place of a line and a column of a text, both counted from 1.
pub(crate) fn offset(text: &str, line: u64, column: u64) -> Option<usize> {
    // The end of the text has no line of its own.
    let (Some(line), Some(column)) = (line.checked_sub(1), column.checked_sub(1)) else { return Some(text.len()) };
    let start = text.split_inclusive('\n').take(usize::try_from(line).ok()?).map(str::len).sum::<usize>();
    let rest = text.get(start..)?;
    let within = rest.char_indices().nth(usize::try_from(column).ok()?).map_or(rest.len(), |(at, _)| at);
    Some(start + within)
}

/// The parser's words about a text, and the place they name.
pub(crate) fn split_message(text: &str, message: &str) -> (String, Option<usize>) {
    let (reason, at) = match message.rsplit_once(" at Line: ") {
        Some((reason, place)) => {
            let mut numbers = place.split(", Column: ").map(|number| number.trim().parse::<u64>().ok());
            let at = numbers.next().flatten().zip(numbers.next().flatten());
            (reason, at.and_then(|(line, column)| offset(text, line, column)))
        }
        None => (message, message.ends_with("found: EOF").then_some(text.len())),
    };
    let reason = reason.replace("Expected: ", "expected ").replace("found: EOF", "found the end").replace("found: ", "found ");
    let mut letters = reason.chars();
    let lower = letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>()).unwrap_or_default();
    (lower, at)
}

/// Where a column is named first: as a bare word or in double quotes, outside of quoted literals.
pub(crate) fn of_column(text: &str, name: &str) -> Option<usize> {
    let mut rest = text.char_indices().peekable();
    while let Some((start, c)) = rest.next() {
        if c == '\'' || c == '"' {
            let mut word = String::new();
            while let Some((_, next)) = rest.next() {
                if next == c {
                    if rest.peek().is_some_and(|(_, after)| *after == c) {
                        rest.next();
                    } else {
                        break;
                    }
                }
                word.push(next);
            }
            if c == '"' && word == name {
                return Some(start);
            }
        } else if c.is_alphanumeric() || c == '_' || c == '$' {
            let mut end = start + c.len_utf8();
            while let Some((at, next)) = rest.peek().copied()
                && (next.is_alphanumeric() || next == '_' || next == '$')
            {
                end = at + next.len_utf8();
                rest.next();
            }
            if &text[start..end] == name {
                return Some(start);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_outside_of_literals() {
        assert_eq!(of_column("x = 'plan' and plan = 1", "plan"), Some(15));
        assert_eq!(of_column("\"odd name\" > 1", "odd name"), Some(0));
        assert_eq!(of_column("plans > 1 or plan > 2", "plan"), Some(13));
        assert_eq!(of_column("x = 'it''s plan'", "plan"), None);
    }

    #[test]
    fn a_place_is_shown_below_its_line() {
        assert_eq!(pointed("a = 1 bnd c", 6), "\n  a = 1 bnd c\n        ^");
        assert_eq!(offset("a\nbc = ", 2, 2), Some(3));
        assert_eq!(offset("ä = x", 1, 3), Some(3));
        assert_eq!(pointed("a\nbc = ", 3), "\n  bc = \n   ^");
    }
}
