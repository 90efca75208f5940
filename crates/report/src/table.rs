//! The matrix on a terminal: a heat map where colour is allowed, readable without it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use anstyle::{Ansi256Color, Color, Effects, Style};
use tenure_analysis::{CohortCell, CohortRow, CohortStart, Measure, RetentionMatrix, Segment, SummaryRevenue, ValueAverage};
use tenure_model::{Cell, CellState};
use unicode_width::UnicodeWidthStr;

use crate::format::{Show, TableStyle};
use tenure_model::grouped;

use crate::numbers::{amount, counted};
use crate::retention::retention_sentence;
use crate::text::plain;
use crate::text_table::{Align, below, pad};
use crate::wide::{IN_PROGRESS, NONE, average, of_previous, share_so_far};

/// Backgrounds from a little to much, of the 256 colours every terminal has: blues, which all eyes tell apart.
const HEAT: [u8; 7] = [195, 153, 117, 75, 32, 25, 18];

/// From this step on the text is white.
const DARK_FROM: usize = 4;

const BLACK: u8 = 16;
const WHITE: u8 = 231;

/// Segments' values are cut to so many characters.
const LONGEST_LABEL: usize = 28;

/// The least room that columns for ages get, however narrow the terminal.
const LEAST_AGES: usize = 1;

/// How many decimals shares have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Precision {
    Tenths,
    Whole,
}

struct Painted {
    text: String,
    style: Style,
}

pub(crate) fn retention(matrix: &RetentionMatrix, show: Show, style: TableStyle) -> String {
    let (what, who) = headline(matrix, show);
    let mut text = format!("{}\n", below(&format!("{what}: {who}"), style.width));
    if matrix.cohorts.is_empty() {
        let totals = &matrix.totals;
        text.push_str(if totals.hidden_cohorts > 0 {
            "\nEvery cohort is below --min-size.\n"
        } else if totals.customers == 0 {
            "\nThere is no activity: the history has none, or --filter leaves none.\n"
        } else if totals.born_outside_range == 0 {
            "\nNo customer has a birth: no activity matches.\n"
        } else {
            "\nNo customer was born in the range asked for.\n"
        });
    } else {
        text.push('\n');
        let (body, hidden) = fit(matrix, show, style);
        text.push_str(&body);
        text.push('\n');
        if body.contains(IN_PROGRESS) {
            let said =
                format!("{IN_PROGRESS} in progress: the age has begun and is not over; what there is so far, in no summary");
            text.push_str(&format!("{}\n", below(&said, style.width)));
        }
        if matrix.totals.hidden_cohorts > 0 {
            text.push_str(&format!("{} below --min-size not shown\n", counted(matrix.totals.hidden_cohorts, "cohort")));
        }
        if hidden > 0 {
            let said =
                format!("{hidden} more ages do not fit this terminal: widen it, choose --ages or --at, or write a file with -o");
            text.push_str(&format!("{}\n", below(&said, style.width)));
        }
    }
    for note in &matrix.notes {
        text.push_str(&below(note, style.width));
        text.push('\n');
    }
    let sentence = below(&retention_sentence(matrix), style.width);
    let dimmed = if style.colour { Style::new().effects(Effects::DIMMED) } else { Style::new() };
    for line in sentence.lines() {
        text.push_str(&paint(line, dimmed));
        text.push('\n');
    }
    text
}

/// What a matrix shows, and of whom.
pub(crate) fn headline(matrix: &RetentionMatrix, show: Show) -> (String, String) {
    let what = match (matrix.measure, show) {
        (Measure::Customers, Show::Percent) => "Retention, % of each cohort",
        (Measure::Customers, Show::Counts) => "Retained customers",
        (Measure::Customers, Show::Previous) => "Retained customers, % of the age before",
        (Measure::Events, _) => "Events",
        (Measure::Value, Show::Counts) => "Value",
        (Measure::Value, _) => match matrix.value_average {
            ValueAverage::PerMember => "Value per member",
            ValueAverage::PerActive => "Value per active member",
        },
    };
    let cohorts = matrix.cohorts.iter().map(|row| &row.start).collect::<std::collections::BTreeSet<_>>().len();
    let (customers, cohorts) = (counted(matrix.totals.members, "customer"), counted(cohorts as u64, "cohort"));
    let since = match matrix.definition.birth.as_str() {
        _ if matrix.definition.source == "subscriptions" => "first MRR",
        "first" if matrix.definition.born.is_none() => "first activity",
        _ => "birth",
    };
    let twice = if matrix.totals.memberships > matrix.totals.members {
        format!(" ({} memberships)", grouped(matrix.totals.memberships))
    } else {
        String::new()
    };
    (format!("{what}, by {} since {since}", matrix.definition.age), format!("{customers} in {cohorts}{twice}"))
}

/// The table in the widest form that fits, and how many ages had to go.
fn fit(matrix: &RetentionMatrix, show: Show, style: TableStyle) -> (String, usize) {
    let all = matrix.ages.len();
    let limit = style.width.unwrap_or(usize::MAX);
    let tenths = Grid::new(matrix, show, Precision::Tenths);
    let grid = if tenths.width(all) <= limit { tenths } else { Grid::new(matrix, show, Precision::Whole) };
    let shown = (LEAST_AGES..=all).rev().find(|&ages| grid.width(ages) <= limit).unwrap_or(LEAST_AGES.min(all));
    (grid.draw(shown, style.colour), all - shown)
}

/// The texts of the table, before it is known how many columns fit.
struct Grid {
    labels: Vec<Vec<String>>,
    label_widths: Vec<usize>,
    ages: Vec<String>,
    cells: Vec<Vec<Painted>>,
    /// The rows from this on are the summary.
    summary_from: usize,
}

impl Grid {
    fn new(matrix: &RetentionMatrix, show: Show, precision: Precision) -> Self {
        let priced = matrix.measure == Measure::Value && matrix.cohorts.iter().any(|row| row.currency.is_some());
        let by = &matrix.definition.by;
        let mut labels =
            vec![label("cohort", by.iter().map(|name| segment_label(&Some(name.clone()))), priced.then_some("currency"), "size")];
        let heats = matrix.cohorts.iter().flat_map(|row| (0..row.cells.len()).filter_map(|place| heat(matrix, show, row, place)));
        let range = heats.fold(None, |range: Option<(f64, f64)>, heat| {
            Some(range.map_or((heat, heat), |(least, most)| (least.min(heat), most.max(heat))))
        });
        let mut cells = Vec::new();
        for row in &matrix.cohorts {
            let currency = priced.then(|| row.currency.as_deref().map_or(Cow::Borrowed(NONE), plain));
            let start = cohort_label(&matrix.definition.cohort, &row.start);
            labels.push(label(&start, row.segment.iter().map(segment_label), currency.as_deref(), &grouped(row.size)));
            cells.push((0..row.cells.len()).map(|place| painted(matrix, show, precision, row, place, range)).collect());
        }
        let summary_from = cells.len();
        if matrix.measure == Measure::Customers && show == Show::Percent && !matrix.summary.is_empty() {
            let style = Style::new().effects(Effects::BOLD);
            let mut segments: Vec<&Option<Segment>> = matrix.summary.iter().map(|point| &point.segment).collect();
            segments.dedup();
            for segment in segments {
                let of_all = vec![String::new(); by.len()];
                let values = segment.as_ref().map_or(of_all, |values| values.iter().map(segment_label).collect());
                // The members over all; those of a segment stand in its cohorts.
                let members = if segment.is_none() { grouped(matrix.totals.memberships) } else { String::new() };
                labels.push(label(&matrix.definition.summary, values.into_iter(), None, &members));
                let at = |age| matrix.summary.iter().find(|point| point.age == age && point.segment == *segment);
                let texts =
                    matrix.ages.iter().map(|&age| at(age).map(|point| percent(point.rate, precision)).unwrap_or_default());
                cells.push(texts.map(|text| Painted { text: format!("{text} "), style }).collect());
            }
        }
        if matrix.measure == Measure::Value {
            let style = Style::new().effects(Effects::BOLD);
            for RevenueRow { name, currency, shares } in revenue_rows(matrix) {
                let code = currency.map_or("", |currency| currency.as_deref().unwrap_or(NONE));
                let members = if currency.is_none() { grouped(matrix.totals.memberships) } else { String::new() };
                labels.push(label(name, vec![String::new(); by.len()].into_iter(), priced.then_some(code), &members));
                let text = |share: Option<f64>| share.map_or(" ".to_owned(), |share| format!("{}% ", percent(share, precision)));
                cells.push(shares.into_iter().map(|share| Painted { text: text(share), style }).collect());
            }
        }
        let label_widths = (0..labels[0].len()).map(|i| labels.iter().map(|row| row[i].width()).max().unwrap_or(0)).collect();
        Self { labels, label_widths, ages: matrix.ages.iter().map(|age| format!("{age} ")).collect(), cells, summary_from }
    }

    fn column_width(&self, age: usize) -> usize {
        self.cells.iter().map(|row| row[age].text.chars().count()).chain([self.ages[age].len()]).max().unwrap_or(0) + 1
    }

    fn width(&self, ages: usize) -> usize {
        self.label_widths.iter().map(|width| width + 2).sum::<usize>()
            + (0..ages).map(|age| self.column_width(age)).sum::<usize>()
    }

    fn draw(&self, ages: usize, colour: bool) -> String {
        let mut text = String::new();
        for (i, labels) in self.labels.iter().enumerate() {
            let mut line = String::new();
            for (place, (label, width)) in labels.iter().zip(&self.label_widths).enumerate() {
                let last = place + 1 == labels.len();
                line.push_str(&pad(label, *width, if last { Align::Right } else { Align::Left }));
                line.push_str("  ");
            }
            for age in 0..ages {
                let width = self.column_width(age);
                match i.checked_sub(1) {
                    None => line.push_str(&pad(&self.ages[age], width, Align::Right)),
                    Some(row) => {
                        let cell = &self.cells[row][age];
                        let padded = pad(&cell.text, width, Align::Right);
                        line.push_str(&if colour { paint(&padded, cell.style) } else { padded });
                    }
                }
            }
            if i == self.summary_from + 1 {
                text.push('\n');
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A row below a matrix of values: of what shares are left, in which currency, and the shares by age.
pub(crate) struct RevenueRow<'a> {
    pub(crate) name: &'static str,
    /// None of heads, which have no currency.
    pub(crate) currency: Option<&'a Option<String>>,
    pub(crate) shares: Vec<Option<f64>>,
}

/// How much of their members and of their first value the cohorts that have lived an age whole have left, over all segments.
pub(crate) fn revenue_rows(matrix: &RetentionMatrix) -> Vec<RevenueRow<'_>> {
    let points = || matrix.summary.iter().filter(|point| point.segment.is_none());
    let currencies: BTreeSet<&Option<String>> =
        points().flat_map(|point| &point.revenue).map(|revenue| &revenue.currency).collect();
    let shares = |currency: &Option<String>, of: fn(&SummaryRevenue) -> Option<f64>| -> Vec<Option<f64>> {
        let at = |age| points().find(|point| point.age == age)?.revenue.iter().find(|revenue| revenue.currency == *currency);
        matrix.ages.iter().map(|&age| at(age).and_then(of)).collect()
    };
    let Some(&first) = currencies.first() else { return Vec::new() };
    let mut rows = vec![RevenueRow { name: "retained", currency: None, shares: shares(first, |revenue| revenue.heads) }];
    rows.extend(currencies.into_iter().map(|currency| RevenueRow {
        name: "revenue",
        currency: Some(currency),
        shares: shares(currency, |revenue| revenue.retention),
    }));
    rows
}

fn label(cohort: &str, segment: impl Iterator<Item = String>, currency: Option<&str>, size: &str) -> Vec<String> {
    let rest = [currency, Some(size)].into_iter().flatten().map(str::to_owned);
    std::iter::once(cohort.to_owned()).chain(segment).chain(rest).collect()
}

/// A segment's value as tables show it.
pub(crate) fn segment_label(value: &Option<String>) -> String {
    let Some(value) = value else { return NONE.to_owned() };
    // What a terminal would obey is not shown, and long values leave room for the numbers.
    let mut shown: String = plain(value).chars().take(LONGEST_LABEL).collect();
    if value.chars().count() > LONGEST_LABEL {
        shown.pop();
        shown.push('…');
    }
    shown
}

fn painted(
    matrix: &RetentionMatrix,
    show: Show,
    precision: Precision,
    row: &CohortRow,
    place: usize,
    range: Option<(f64, f64)>,
) -> Painted {
    let cell = &row.cells[place];
    let Some(text) = cell_text(matrix, show, precision, row, place) else {
        return Painted { text: " ".to_owned(), style: Style::new() };
    };
    if let Cell::InProgress { .. } = cell.cell {
        return Painted { text: format!("{text}{IN_PROGRESS}"), style: Style::new().effects(Effects::DIMMED) };
    }
    let step = match (heat(matrix, show, row, place), range) {
        (Some(heat), Some((least, most))) if most > least => {
            (((heat - least) / (most - least) * HEAT.len() as f64) as usize).min(HEAT.len() - 1)
        }
        // The birth period, or the same share everywhere.
        _ => HEAT.len() - 1,
    };
    let ink = if step >= DARK_FROM { WHITE } else { BLACK };
    let style =
        Style::new().bg_color(Some(Color::Ansi256(Ansi256Color(HEAT[step])))).fg_color(Some(Color::Ansi256(Ansi256Color(ink))));
    Painted { text: format!("{text} "), style }
}

/// What a cell's colour stands for; the birth period does not count, being full by definition.
pub(crate) fn heat(matrix: &RetentionMatrix, show: Show, row: &CohortRow, place: usize) -> Option<f64> {
    let cell = &row.cells[place];
    if show == Show::Previous {
        return of_previous(row, place);
    }
    if cell.age.from.0 == 0 || cell.cell.state() != CellState::Complete {
        return None;
    }
    match matrix.measure {
        Measure::Customers => cell.cell.rate(),
        Measure::Events => cell.events.map(|events| events as f64 / row.size as f64),
        Measure::Value => average(matrix, cell).map(tenure_model::Decimal::to_f64),
    }
}

fn cell_text(matrix: &RetentionMatrix, show: Show, precision: Precision, row: &CohortRow, place: usize) -> Option<String> {
    let cell: &CohortCell = &row.cells[place];
    match (matrix.measure, show) {
        (Measure::Events, _) => cell.events.map(grouped),
        (Measure::Value, Show::Counts) => cell.value.as_deref().map(|value| amount(value.total)),
        (Measure::Value, _) => average(matrix, cell).map(amount),
        (Measure::Customers, Show::Counts) => cell.cell.retained().map(grouped),
        (Measure::Customers, Show::Percent) => share_so_far(cell, row.size).map(|share| percent(share, precision)),
        (Measure::Customers, Show::Previous) => of_previous(row, place).map(|share| percent(share, precision)),
    }
}

fn percent(share: f64, precision: Precision) -> String {
    match precision {
        Precision::Tenths => crate::numbers::percent(share, 1),
        Precision::Whole => crate::numbers::percent(share, 0),
    }
}

fn cohort_label(period: &str, start: &CohortStart) -> String {
    let text = start.to_string();
    match period {
        "month" => text.get(..7).unwrap_or(&text).to_owned(),
        _ => text,
    }
}

fn paint(text: &str, style: Style) -> String {
    format!("{}{text}{}", style.render(), style.render_reset())
}
