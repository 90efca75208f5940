use unicode_width::UnicodeWidthStr;

use crate::text::plain;

/// On which side a column's texts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A plain table: a header, rows, two spaces between columns.
#[derive(Debug, Clone)]
pub struct TextTable {
    columns: Vec<(String, Align)>,
    whole: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table with these columns and no rows.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let columns = columns.iter().map(|(name, align)| (plain(name).into_owned(), *align)).collect();
        Self { columns, whole: Vec::new(), rows: Vec::new() }
    }

    /// The texts of a column are drawings, that are never parted.
    #[must_use]
    pub fn whole(mut self, place: usize) -> Self {
        self.whole.push(place);
        self
    }

    /// Adds a row, a text for each column; what a terminal would obey is not shown.
    pub fn row(&mut self, row: Vec<String>) {
        self.rows.push(row.iter().map(|text| plain(text).into_owned()).collect());
    }

    /// The table as text, each line ended.
    pub fn render(&self) -> String {
        self.render_within(None)
    }

    /// The table on a terminal of so many columns. What does not fit is parted between words, first the headings and then
    /// long texts; columns that do not fit even so follow below, beside those that say which row it is.
    pub fn render_within(&self, width: Option<usize>) -> String {
        let natural: Vec<usize> = (0..self.columns.len()).map(|place| self.natural(place)).collect();
        let all: Vec<usize> = (0..natural.len()).collect();
        let Some(width) = width.filter(|width| total(&natural, &all) > *width) else { return self.block(&all, &natural) };
        let least: Vec<usize> = (0..natural.len()).map(|place| self.least(place)).collect();
        let blocks: Vec<String> = self
            .parted(&least, width)
            .iter()
            .map(|places| self.block(places, &widened(&least, &natural, places, width)))
            .collect();
        blocks.join("\n")
    }

    fn texts(&self, place: usize) -> impl Iterator<Item = usize> {
        self.rows.iter().map(move |row| row[place].width())
    }

    fn natural(&self, place: usize) -> usize {
        self.texts(place).chain([self.columns[place].0.width()]).max().unwrap_or(0)
    }

    /// How narrow a column can be: numbers stay whole, and so do words, unless they are long.
    fn least(&self, place: usize) -> usize {
        let (heading, align) = &self.columns[place];
        let longest = |text: &str| text.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0);
        let widest = self.texts(place).max().unwrap_or(0);
        let texts = if *align == Align::Right || self.whole.contains(&place) {
            widest
        } else {
            let word = self.rows.iter().map(|row| longest(&row[place])).max().unwrap_or(0);
            widest.min(LEAST_TEXT).max(word.min(LONGEST_WORD))
        };
        longest(heading).max(texts)
    }

    /// The columns of each block.
    fn parted(&self, least: &[usize], width: usize) -> Vec<Vec<usize>> {
        let is_key = |(name, align): &&(String, Align)| *align == Align::Left || name == AGE;
        let mut keys: Vec<usize> = (0..self.columns.iter().take_while(is_key).count()).collect();
        while total(least, &keys) > width / 2 {
            keys.pop();
        }
        let mut blocks = vec![keys.clone()];
        for place in keys.len()..self.columns.len() {
            let Some(last) = blocks.last_mut() else { break };
            let longer: Vec<usize> = last.iter().copied().chain([place]).collect();
            if total(least, &longer) <= width || last.len() == keys.len() {
                *last = longer;
            } else {
                blocks.push(keys.iter().copied().chain([place]).collect());
            }
        }
        blocks
    }

    /// Some columns at these widths.
    fn block(&self, places: &[usize], widths: &[usize]) -> String {
        let headings: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let mut text = self.lines(&headings, places, widths, Foot::Bottom);
        for row in &self.rows {
            text.push_str(&self.lines(&row.iter().map(String::as_str).collect::<Vec<_>>(), places, widths, Foot::Top));
        }
        text
    }

    fn lines(&self, row: &[&str], places: &[usize], widths: &[usize], foot: Foot) -> String {
        let cells: Vec<Vec<String>> = places.iter().map(|&place| wrapped(row[place], widths[place])).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        let mut text = String::new();
        for line in 0..height {
            let parts = places.iter().zip(&cells).map(|(&place, cell)| {
                let above = if foot == Foot::Bottom { height - cell.len() } else { 0 };
                let part = line.checked_sub(above).and_then(|line| cell.get(line)).map_or("", String::as_str);
                pad(part, widths[place], self.columns[place].1)
            });
            text.push_str(parts.collect::<Vec<_>>().join(SPACE).trim_end());
            text.push('\n');
        }
        text
    }
}

/// What stands between columns.
const SPACE: &str = "  ";

/// Texts of so many letters are not parted, and neither are words of so many.
const LEAST_TEXT: usize = 16;
const LONGEST_WORD: usize = 30;

/// A column of numbers that say which row it is.
const AGE: &str = "age";

/// Where the lines of a cell stand, if others have more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Foot {
    Top,
    Bottom,
}

/// The width of some columns and the spaces between them.
fn total(widths: &[usize], places: &[usize]) -> usize {
    places.iter().map(|&place| widths[place] + SPACE.len()).sum::<usize>().saturating_sub(SPACE.len())
}

/// The widths of a block's columns: what is left goes first to those that want the least of it.
fn widened(least: &[usize], natural: &[usize], places: &[usize], width: usize) -> Vec<usize> {
    let mut widths = least.to_vec();
    let mut left = width.saturating_sub(total(least, places));
    let mut wanting = places.to_vec();
    wanting.sort_by_key(|&place| natural[place] - least[place]);
    for place in wanting {
        let more = (natural[place] - least[place]).min(left);
        widths[place] += more;
        left -= more;
    }
    widths
}

/// A text in lines no wider than `width`, parted between words, or within a word that is wider by itself.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    if text.width() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if longer.width() <= width {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            line.push(c);
            if line.width() > width && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.to_string()));
            }
        }
    }
    lines.push(line);
    lines
}

/// A line below a table, on a terminal of so many columns.
pub(crate) fn below(text: &str, width: Option<usize>) -> String {
    let text = plain(text);
    match width {
        Some(width) if width >= LONGEST_WORD => wrapped(&text, width).join("\n"),
        _ => text.into_owned(),
    }
}

/// A text brought to a width on the terminal.
pub(crate) fn pad(text: &str, width: usize, align: Align) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    match align {
        Align::Left => format!("{text}{space}"),
        Align::Right => format!("{space}{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_text() {
        let mut table = TextTable::new(&[("event", Align::Left), ("rows", Align::Right)]);
        table.row(vec!["größe".into(), "5".into()]);
        table.row(vec!["x".into(), "12,345".into()]);
        assert_eq!(table.render(), "event    rows\ngröße       5\nx      12,345\n");
    }

    #[test]
    fn a_narrow_terminal_parts_words_and_then_columns() {
        let mut table =
            TextTable::new(&[("who", Align::Left), ("why they are here", Align::Left), ("days since then", Align::Right)]);
        table.row(vec!["ann".into(), "silent for 45 days, longer than ever before".into(), "1,234".into()]);
        table.row(vec!["bob".into(), "new".into(), "5".into()]);
        assert_eq!(table.render_within(Some(80)), table.render());
        // Headings first, then long texts.
        assert_eq!(
            table.render_within(Some(50)),
            "who  why they are here             days since then
ann  silent for 45 days, longer              1,234
     than ever before
bob  new                                         5
"
        );
        assert_eq!(
            table.render_within(Some(30)),
            "                          days
     why they are        since
who  here                 then
ann  silent for 45       1,234
     days, longer
     than ever before
bob  new                     5
"
        );
        assert_eq!(
            table.render_within(Some(26)),
            "who  why they are here
ann  silent for 45 days,
     longer than ever
     before
bob  new

who  days since then
ann            1,234
bob                5
"
        );
        // However narrow, nothing is left out.
        let narrow: String = table.render_within(Some(1)).split_whitespace().collect();
        assert!(["ann", "bob", "1,234", "longer"].iter().all(|text| narrow.contains(text)), "{narrow}");
    }

    #[test]
    fn lines_below_are_parted_between_words() {
        assert_eq!(below("one two three four five six seven", Some(30)), "one two three four five six\nseven");
        assert_eq!(below("one two three four five six", None), "one two three four five six");
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
    }

    #[test]
    fn a_terminal_obeys_nothing() {
        let mut table = TextTable::new(&[("e\u{1b}[2J", Align::Left)]);
        table.row(vec!["a\u{1b}]0;x\u{7}\r\nb\u{9b}31m".into()]);
        assert_eq!(table.render(), "e [2J\na ]0;x   b 31m\n");
    }
}
