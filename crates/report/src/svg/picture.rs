//! An exhibit as a picture.

use crate::error::Error;
use crate::exhibit::{Column, ColumnKind, Exhibit, Row, RowKind, Shown};
use crate::svg::{Anchor, Area, Colour, Letters, Svg, Weight, heat_colour, heat_ink, text_width, wrapped};
use crate::text::plain;
use crate::text_table::Align;
use crate::wide::IN_PROGRESS;

/// Cells of a picture; with more nobody would look at it.
const MOST_CELLS: usize = 20_000;

const MARGIN: f64 = 24.0;
const TITLE: f64 = 17.0;
const TEXT: f64 = 12.0;
const CAPTION: f64 = 10.5;
/// The room between the texts of two columns.
const GUTTER: f64 = 18.0;
/// The least width of a coloured cell, the room around its text, and the gap to the next.
const LEAST_CELL: f64 = 44.0;
const CELL_PADDING: f64 = 16.0;
const GAP: f64 = 2.0;
const ROW: f64 = 26.0;
const LINE: f64 = 16.0;
const CAPTION_LINE: f64 = 15.0;
/// Texts wider than this are parted into lines.
const WIDEST_TEXT: f64 = 300.0;
/// The definition below needs some room, however narrow the table.
const LEAST_WIDTH: f64 = 620.0;
const WIDEST_CAPTION: f64 = 1100.0;
const LEGEND: f64 = 96.0;

/// What a cell has to say, in lines.
struct Words {
    lines: Vec<String>,
    align: Align,
}

struct Layout<'a> {
    exhibit: &'a Exhibit,
    /// The left edges of the columns, and the right edge of the last.
    edges: Vec<f64>,
    words: Vec<Vec<Words>>,
}

/// The exhibit as SVG.
///
/// # Errors
///
/// Where it has too many cells to be looked at.
pub(crate) fn picture(exhibit: &Exhibit) -> Result<String, Error> {
    let cells = exhibit.rows.len() * exhibit.columns.len();
    if cells > MOST_CELLS {
        return Err(Error::unsupported(format!(
            "a picture of {} rows and {} columns cannot be looked at (at most {MOST_CELLS} cells): ask for fewer, or write csv, xlsx or parquet",
            exhibit.rows.len(),
            exhibit.columns.len()
        )));
    }
    Ok(Layout::new(exhibit).draw())
}

impl<'a> Layout<'a> {
    fn new(exhibit: &'a Exhibit) -> Self {
        let words: Vec<Vec<Words>> = exhibit.rows.iter().map(|row| words(exhibit, row)).collect();
        let width = |place: usize| {
            let column: &Column = &exhibit.columns[place];
            let heading = text_width(&column.heading, TEXT, Weight::Bold).min(WIDEST_TEXT);
            let texts = exhibit.rows.iter().zip(&words).map(|(row, words)| {
                let widths = words[place].lines.iter().map(|line| text_width(line, TEXT, weight(row)));
                widths.fold(0.0, f64::max)
            });
            let width = texts.fold(heading, f64::max);
            match column.kind {
                ColumnKind::Age => (width + CELL_PADDING).max(LEAST_CELL) + GAP,
                ColumnKind::Plain => width + GUTTER,
            }
        };
        let widths: Vec<f64> = (0..exhibit.columns.len()).map(width).collect();
        // Ages are as wide as the widest.
        let is_age = |place: usize| exhibit.columns[place].kind == ColumnKind::Age;
        let age = widths.iter().enumerate().filter(|(place, _)| is_age(*place)).map(|(_, width)| *width).fold(0.0, f64::max);
        let mut edges = vec![MARGIN];
        for (place, width) in widths.iter().enumerate() {
            edges.push(edges[place] + if is_age(place) { age } else { *width }.ceil());
        }
        Self { exhibit, edges, words }
    }

    /// The right edge of what is shown.
    fn right(&self) -> f64 {
        let gap = if self.is_matrix() { GAP } else { GUTTER };
        (self.edges.last().copied().unwrap_or(MARGIN) - gap).max(MARGIN)
    }

    fn is_matrix(&self) -> bool {
        self.exhibit.columns.iter().any(|column| column.kind == ColumnKind::Age)
    }

    fn draw(&self) -> String {
        let exhibit = self.exhibit;
        let width = (self.right() - MARGIN).max(LEAST_WIDTH);
        let mut svg = Svg::default();
        let mut y = MARGIN + TITLE;
        for line in wrapped(&plain(&exhibit.title), TITLE, Weight::Bold, width) {
            svg.text(MARGIN, y, letters(TITLE, Weight::Bold, Colour::INK, Anchor::Start), &line);
            y += TITLE + 5.0;
        }
        if !exhibit.subtitle.is_empty() {
            svg.text(MARGIN, y, letters(TEXT, Weight::Regular, Colour::DIM, Anchor::Start), &plain(&exhibit.subtitle));
            y += LINE;
        }
        y = self.legend(&mut svg, y + 4.0);
        y = self.headings(&mut svg, y + 10.0);
        let mut before = RowKind::Body;
        for (row, words) in exhibit.rows.iter().zip(&self.words) {
            if row.kind == RowKind::Summary && before == RowKind::Body {
                svg.rule(MARGIN, y + 4.5, self.right() - MARGIN, Colour::STRONG_RULE);
                y += 9.0;
            }
            before = row.kind;
            y = self.row(&mut svg, y, row, words);
        }
        if exhibit.rows.is_empty() {
            svg.text(MARGIN, y + LINE, letters(TEXT, Weight::Regular, Colour::DIM, Anchor::Start), "no rows");
            y += LINE;
        }
        y = self.caption(&mut svg, y + 22.0, width.min(WIDEST_CAPTION));
        svg.finish(width + 2.0 * MARGIN, y + MARGIN - CAPTION_LINE, &exhibit.title)
    }

    /// What the colours stand for.
    fn legend(&self, svg: &mut Svg, y: f64) -> f64 {
        let mut x = MARGIN;
        let small = letters(CAPTION, Weight::Regular, Colour::DIM, Anchor::Start);
        let foot = y + 10.0;
        let say = |svg: &mut Svg, x: &mut f64, text: &str| {
            svg.text(*x, foot, small, text);
            *x += text_width(text, CAPTION, Weight::Regular) + 6.0;
        };
        let mut is_empty = true;
        if let Some((least, most)) = &self.exhibit.scale {
            is_empty = false;
            say(svg, &mut x, &least.text());
            svg.heat_scale(Area { x, y: y + 1.0, width: LEGEND, height: 10.0 });
            x += LEGEND + 6.0;
            say(svg, &mut x, &most.text());
            x += 14.0;
        }
        if self.exhibit.has_in_progress() {
            is_empty = false;
            if self.is_matrix() {
                svg.hatched(Area { x, y: y + 1.0, width: 22.0, height: 10.0 });
                x += 28.0;
            }
            say(svg, &mut x, &format!("{IN_PROGRESS} in progress: what there is so far"));
        }
        if is_empty { y } else { y + LINE }
    }

    fn headings(&self, svg: &mut Svg, y: f64) -> f64 {
        let headings: Vec<Vec<String>> =
            self.exhibit.columns.iter().map(|column| wrapped(&column.heading, TEXT, Weight::Bold, WIDEST_TEXT)).collect();
        let lines = headings.iter().map(Vec::len).max().unwrap_or(1);
        let foot = y + LINE * lines as f64;
        for (place, (column, heading)) in self.exhibit.columns.iter().zip(&headings).enumerate() {
            let from = lines - heading.len();
            for (line, text) in heading.iter().enumerate() {
                let (x, anchor) = self.stand(place, column.align);
                let y = y + LINE * (from + line) as f64 + TEXT;
                svg.text(x, y, letters(TEXT, Weight::Bold, Colour::DIM, anchor), text);
            }
        }
        svg.rule(MARGIN, foot + 3.5, self.right() - MARGIN, Colour::RULE);
        foot + 7.0
    }

    /// Where a text of a column stands: ages in the middle of their cells.
    fn stand(&self, place: usize, align: Align) -> (f64, Anchor) {
        let (left, right) = (self.edges[place], self.edges[place + 1]);
        match (self.exhibit.columns[place].kind, align) {
            (ColumnKind::Age, _) => ((left + right - GAP) / 2.0, Anchor::Middle),
            (ColumnKind::Plain, Align::Left) => (left, Anchor::Start),
            (ColumnKind::Plain, Align::Right) => (right - GUTTER, Anchor::End),
        }
    }

    fn row(&self, svg: &mut Svg, y: f64, row: &Row, words: &[Words]) -> f64 {
        let lines = words.iter().map(|words| words.lines.len()).max().unwrap_or(1);
        let height = ROW + LINE * (lines - 1) as f64;
        for (place, (cell, words)) in row.cells.iter().zip(words).enumerate() {
            let (left, right) = (self.edges[place], self.edges[place + 1]);
            let area = Area { x: left, y, width: right - left - GAP, height: height - GAP };
            let coloured = self.exhibit.columns[place].kind == ColumnKind::Age;
            let ink = match cell.state {
                Shown::Heat(heat) => {
                    let colour = heat_colour(heat);
                    svg.area(area, colour);
                    heat_ink(colour)
                }
                Shown::InProgress if coloured => {
                    svg.hatched(area);
                    Colour::DIM
                }
                Shown::InProgress => Colour::DIM,
                Shown::Plain => Colour::INK,
            };
            let (x, anchor) = self.stand(place, words.align);
            for (line, text) in words.lines.iter().enumerate() {
                let y = y + 16.5 + LINE * line as f64;
                svg.text(x, y, letters(TEXT, weight(row), ink, anchor), text);
            }
        }
        if !self.is_matrix() {
            svg.rule(MARGIN, y + height - 1.5, self.right() - MARGIN, Colour::RULE);
        }
        y + height
    }

    /// What the numbers mean.
    fn caption(&self, svg: &mut Svg, mut y: f64, width: f64) -> f64 {
        let meaning = &self.exhibit.meaning;
        for text in std::iter::once(&meaning.sentence).chain(&meaning.notes).filter(|text| !text.is_empty()) {
            for line in wrapped(&plain(text), CAPTION, Weight::Regular, width) {
                svg.text(MARGIN, y, letters(CAPTION, Weight::Regular, Colour::DIM, Anchor::Start), &line);
                y += CAPTION_LINE;
            }
            y += 3.0;
        }
        y
    }
}

fn letters(size: f64, weight: Weight, ink: Colour, anchor: Anchor) -> Letters {
    Letters { size, weight, ink, anchor }
}

fn weight(row: &Row) -> Weight {
    if row.kind == RowKind::Summary { Weight::Bold } else { Weight::Regular }
}

fn words(exhibit: &Exhibit, row: &Row) -> Vec<Words> {
    let lines = |place: usize| wrapped(&exhibit.text(row, place), TEXT, weight(row), WIDEST_TEXT);
    exhibit.columns.iter().enumerate().map(|(place, column)| Words { lines: lines(place), align: column.align }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exhibit::{Datum, ShownCell};

    fn exhibit(rows: usize) -> Exhibit {
        let row = Row { kind: RowKind::Body, cells: vec![ShownCell::plain(Datum::Text("a <b> & c".to_owned())); 4] };
        let columns = vec![Column::plain("x", Align::Left); 4];
        Exhibit { title: "T".to_owned(), columns, rows: vec![row; rows], ..Exhibit::default() }
    }

    #[test]
    fn a_picture_that_nobody_would_look_at_is_refused() {
        let svg = picture(&exhibit(2)).unwrap();
        assert_eq!(svg.matches(">a &lt;b&gt; &amp; c</text>").count(), 8);
        assert!(picture(&exhibit(0)).unwrap().contains(">no rows</text>"));
        let error = picture(&exhibit(MOST_CELLS / 4 + 1)).unwrap_err().to_string();
        assert!(error.starts_with("a picture of 5001 rows and 4 columns cannot be looked at (at most 20000 cells)"), "{error}");
    }
}
