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
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table with these columns and no rows.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        Self { columns: columns.iter().map(|(name, align)| (plain(name).into_owned(), *align)).collect(), rows: Vec::new() }
    }

    /// Adds a row, a text for each column; what a terminal would obey is not shown.
    pub fn row(&mut self, row: Vec<String>) {
        self.rows.push(row.iter().map(|text| plain(text).into_owned()).collect());
    }

    /// The table as text, each line ended.
    pub fn render(&self) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(i, (name, _))| self.rows.iter().map(|row| row[i].width()).chain([name.width()]).max().unwrap_or(0))
            .collect();
        let header: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let mut text = self.line(&header, &widths);
        for row in &self.rows {
            text.push_str(&self.line(&row.iter().map(String::as_str).collect::<Vec<_>>(), &widths));
        }
        text
    }

    fn line(&self, row: &[&str], widths: &[usize]) -> String {
        let cells: Vec<String> =
            row.iter().zip(widths).zip(&self.columns).map(|((text, width), (_, align))| pad(text, *width, *align)).collect();
        format!("{}\n", cells.join("  ").trim_end())
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
    fn a_terminal_obeys_nothing() {
        let mut table = TextTable::new(&[("e\u{1b}[2J", Align::Left)]);
        table.row(vec!["a\u{1b}]0;x\u{7}\r\nb\u{9b}31m".into()]);
        assert_eq!(table.render(), "e [2J\na ]0;x   b 31m\n");
    }
}
