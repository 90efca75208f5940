//! Cohorts for the heat map: what is seen at first, and what the switches choose among.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use tenure_analysis::{CohortRow, CohortStart, RetentionMatrix, Segment, SummaryPoint};
use tenure_model::{Cell, Decimal, grouped};

use super::currencies::Currencies;
use super::embed::json;
use super::labels::{self, ALL, cohort, cut, permille, segment, tenths};
use super::room::Room;
use crate::error::Error;
use crate::retention::retention_sentence;

/// Cohorts and ages of a heat map at most: the latest cohorts, and the first ages. One age more than these lets the page say
/// that there are more.
pub const MOST_SHOWN: usize = 60;

/// Cohorts that fit on one sheet of paper.
const MOST_ON_PAPER: usize = 38;

/// Ages that fit into the width of the text.
const MOST_IN_TEXT: usize = 18;

/// What segments that are drawn together are called.
const OTHER: &str = "(other)";

/// Classes of colour of a map: 0 is the lightest.
pub(crate) const SHADES: u64 = 9;

/// The answers to one question of retention: over all, by segment, and with values.
#[derive(Debug, Clone)]
pub struct CohortTables {
    /// Members alone.
    pub whole: RetentionMatrix,
    /// Members alone, by segment.
    pub by_segment: Option<RetentionMatrix>,
    /// With values; of the same cohorts.
    pub value: Option<RetentionMatrix>,
    /// With values, by segment.
    pub value_by_segment: Option<RetentionMatrix>,
}

/// A heat map as the page has it.
#[derive(Debug)]
pub(crate) struct HeatMap {
    pub(crate) id: &'static str,
    pub(crate) caption: String,
    pub(crate) ages: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) summary: Vec<String>,
    pub(crate) segments: Vec<String>,
    pub(crate) measures: Vec<Measure>,
    pub(crate) folded: Vec<String>,
    pub(crate) sentence: String,
    /// The most of the scale of colours, in percent.
    pub(crate) most: u64,
    /// Whether it is too long for one sheet of paper.
    pub(crate) long: bool,
    pub(crate) data: String,
}

impl HeatMap {
    /// Whether it takes more than the width of the text, where the screen has it.
    pub(crate) fn broad(&self) -> bool {
        self.ages.len() > MOST_IN_TEXT
    }
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) size: String,
    pub(crate) cells: Vec<Shown>,
}

#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) class: String,
}

/// What cells can show.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measure {
    pub(crate) name: String,
    pub(crate) kind: MeasureKind,
    /// The place of the currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MeasureKind {
    Percent,
    Counts,
    /// Value of the age per member.
    Each,
    /// Value of all ages so far per member.
    Total,
    /// Value of the age as a share of the first age's.
    Kept,
}

#[derive(Debug, Serialize)]
struct Data<'a> {
    unit: &'a str,
    level: String,
    cohorts: Vec<&'a str>,
    ages: &'a [String],
    measures: &'a [Measure],
    segments: Vec<Block>,
}

/// A segment, in few letters: it stands a thousand times in the page.
#[derive(Debug, Serialize)]
struct Block {
    /// Its name.
    n: String,
    /// Sizes of cohorts.
    s: Vec<u64>,
    /// Members retained, by cohort and age, up to the last age that has begun.
    r: Vec<Vec<Option<u64>>>,
    /// How far the bounds are below and above the rate, in tenths of a percent, by turns; of complete cells.
    i: Vec<Vec<u64>>,
    /// Cells in progress: place, exposed, retained of them.
    p: Vec<Vec<[u64; 3]>>,
    /// The summary: rate, low, high in tenths of a percent, exposed, cohorts.
    t: Vec<Option<[u64; 5]>>,
    /// Values by currency.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    v: Vec<Values>,
}

/// Values in hundredths, by cohort and age.
#[derive(Debug, Default, Serialize)]
struct Values {
    /// Per member.
    e: Vec<Vec<Option<i64>>>,
    /// Per member so far.
    t: Vec<Vec<Option<i64>>>,
    /// Share of the first age's, in tenths of a percent.
    k: Vec<Vec<Option<i64>>>,
    /// The same of all cohorts that have lived an age whole, by age.
    p: Vec<Option<i64>>,
}

type Places<'a> = BTreeMap<(&'a CohortStart, &'a Segment, Option<&'a str>), &'a CohortRow>;

fn places(matrix: &RetentionMatrix) -> Places<'_> {
    matrix.cohorts.iter().map(|row| ((&row.start, &row.segment, row.currency.as_deref()), row)).collect()
}

impl CohortTables {
    /// The cohorts that are shown: the latest.
    fn starts(&self) -> Vec<&CohortStart> {
        let mut starts: Vec<&CohortStart> = self.whole.cohorts.iter().map(|row| &row.start).collect();
        starts.sort_unstable();
        starts.dedup();
        starts.split_off(starts.len().saturating_sub(MOST_SHOWN))
    }

    /// The segments, the largest first.
    pub(crate) fn segments(&self) -> Vec<(&Segment, u64)> {
        let Some(matrix) = &self.by_segment else { return Vec::new() };
        let mut sizes: HashMap<&Segment, u64> = HashMap::new();
        matrix.cohorts.iter().for_each(|row| *sizes.entry(&row.segment).or_default() += row.size);
        let mut sizes: Vec<(&Segment, u64)> = sizes.into_iter().collect();
        // What is drawn together comes last, however large.
        let other = |segment: &Segment| segment.iter().all(|value| value.as_deref() == Some(OTHER));
        sizes.sort_by(|a, b| (other(a.0), b.1, a.0).cmp(&(other(b.0), a.1, b.0)));
        sizes
    }

    /// The currencies of values, none for amounts without one; empty where no event has a value.
    fn currencies(&self, ranked: &Currencies) -> Vec<Option<String>> {
        let Some(matrix) = &self.value else { return Vec::new() };
        let mut found: Vec<Option<String>> = Vec::new();
        for row in &matrix.cohorts {
            let valued = row.cells.iter().any(|cell| cell.value.as_ref().is_some_and(|value| !value.total.is_zero()));
            if valued && !found.contains(&row.currency) {
                found.push(row.currency.clone());
            }
        }
        found.sort_by_cached_key(|currency| (ranked.place(currency), currency.clone()));
        found
    }

    fn measures(&self, currencies: &[Option<String>]) -> Vec<Measure> {
        let of_members = |name: &str, kind| Measure { name: name.to_owned(), kind, currency: None };
        let mut measures = vec![of_members("Percent", MeasureKind::Percent), of_members("Customers", MeasureKind::Counts)];
        let recurring = self.whole.definition.source == "subscriptions";
        let what = if recurring { "MRR" } else { "Revenue" };
        for (place, currency) in currencies.iter().enumerate() {
            let code = currency.as_ref().map(|code| format!(", {}", cut(code))).unwrap_or_default();
            let mut add = |name: String, kind| measures.push(Measure { name, kind, currency: Some(place) });
            add(format!("{what} kept, %{code}"), MeasureKind::Kept);
            add(format!("{what} per customer{code}"), MeasureKind::Each);
            if !recurring {
                add(format!("{what} so far per customer{code}"), MeasureKind::Total);
            }
        }
        measures
    }

    /// The heat map of these cohorts.
    ///
    /// # Errors
    ///
    /// Where its data can't be written.
    pub(crate) fn heat_map(&self, id: &'static str, room: Room, ranked: &Currencies) -> Result<HeatMap, Error> {
        let starts = self.starts();
        let ages_shown = self.whole.ages.len().min(MOST_SHOWN);
        let ages: Vec<String> = self.whole.ages[..ages_shown].iter().map(ToString::to_string).collect();
        let labels: Vec<String> = starts.iter().map(|start| cohort(start, &self.whole.definition.cohort)).collect();
        let mut currencies = self.currencies(ranked);
        let mut folded = Vec::new();
        let all: BTreeSet<&CohortStart> = self.whole.cohorts.iter().map(|row| &row.start).collect();
        if all.len() > starts.len() {
            folded.push(format!("The latest {} of {} cohorts are shown.", starts.len(), grouped(all.len() as u64)));
        }
        if self.whole.ages.len() > ages_shown {
            let last = ages.last().map(String::as_str).unwrap_or_default();
            folded.push(format!("Ages up to {last} are shown."));
        }
        let none = Segment::new();
        let all_currencies = currencies.len();
        currencies.truncate(room.currencies);
        let whole = loop {
            let whole = block(&self.whole, self.value.as_ref(), &starts, &none, ALL, &currencies, ages_shown);
            if json(&whole)?.len() <= room.map_data || currencies.pop().is_none() {
                break whole;
            }
        };
        if currencies.len() < all_currencies {
            folded.push(format!(
                "Amounts of {} of {all_currencies} currencies can be chosen, those of most customers.",
                currencies.len()
            ));
        }
        let measures = self.measures(&currencies);
        let rows = rows(&whole, &labels, ages_shown);
        let most = most(&whole);
        let summary = (0..ages_shown).map(|place| whole.t[place].map(|point| tenths(point[0])).unwrap_or_default()).collect();
        let segments = self.segments();
        let mut blocks = vec![whole];
        let mut left = room.map_data.saturating_sub(json(&blocks[0])?.len());
        for (values, _) in &segments {
            let Some(matrix) = &self.by_segment else { break };
            let value = self.value_by_segment.as_ref();
            let next = block(matrix, value, &starts, values, &segment(values), &currencies, ages_shown);
            let bytes = json(&next)?.len();
            if bytes > left {
                break;
            }
            left -= bytes;
            blocks.push(next);
        }
        if blocks.len() <= segments.len() {
            folded.push(format!(
                "The {} largest of {} segments can be chosen; the others are too much for one page: tenure retention --by.",
                blocks.len() - 1,
                segments.len()
            ));
        }
        let data = Data {
            unit: &self.whole.definition.age,
            level: labels::level(self.whole.definition.level),
            cohorts: labels.iter().map(String::as_str).collect(),
            ages: &ages,
            measures: &measures,
            segments: blocks,
        };
        let text = json(&data)?;
        let segments =
            if data.segments.len() > 1 { data.segments.iter().map(|block| block.n.clone()).collect() } else { Vec::new() };
        Ok(HeatMap {
            id,
            caption: self.caption(),
            rows,
            summary,
            segments,
            folded,
            sentence: retention_sentence(&self.whole),
            most: most / 10,
            long: labels.len() > MOST_ON_PAPER,
            data: text,
            ages,
            measures,
        })
    }

    fn caption(&self) -> String {
        let d = &self.whole.definition;
        let who = if d.source == "subscriptions" { "subscribers" } else { "customers" };
        format!("Share of {who} retained, by cohort and age in {}s", d.age)
    }
}

/// The highest rate after the first age, in tenths of a percent, rounded up to a whole ten percent: the darkest shade.
fn most(block: &Block) -> u64 {
    let rates = block.r.iter().enumerate().flat_map(|(row, cells)| {
        let size = block.s[row];
        cells.iter().enumerate().skip(1).filter_map(move |(place, &retained)| {
            let begun = block.p[row].iter().any(|[at, ..]| *at == place as u64);
            retained.filter(|_| !begun).map(|retained| permille(retained, size))
        })
    });
    rates.max().unwrap_or(1000).div_ceil(100).max(1) * 100
}

/// The class of a share on a scale.
pub(crate) fn shade(value: u64, most: u64) -> u64 {
    (value * SHADES).checked_div(most).map_or(0, |shade| shade.min(SHADES))
}

fn rows(block: &Block, labels: &[String], ages: usize) -> Vec<Row> {
    let most = most(block);
    let cell = |row: usize, place: usize| {
        let Some(&Some(retained)) = block.r[row].get(place) else {
            return Shown { text: String::new(), class: String::new() };
        };
        match block.p[row].iter().find(|[at, ..]| *at == place as u64) {
            // In progress: of those who have lived it; where there is nobody yet, so far.
            Some(&[_, exposed, of_exposed]) => {
                let so_far = if exposed > 0 { permille(of_exposed, exposed) } else { permille(retained, block.s[row]) };
                Shown { text: tenths(so_far), class: format!("h{} p", shade(so_far, most)) }
            }
            None => {
                let rate = permille(retained, block.s[row]);
                Shown { text: tenths(rate), class: format!("h{}", shade(rate, most)) }
            }
        }
    };
    let row = |(row, label): (usize, &String)| Row {
        label: label.clone(),
        size: grouped(block.s[row]),
        cells: (0..ages).map(|place| cell(row, place)).collect(),
    };
    labels.iter().enumerate().map(row).collect()
}

/// The numbers of one segment.
fn block(
    matrix: &RetentionMatrix,
    value: Option<&RetentionMatrix>,
    starts: &[&CohortStart],
    of: &Segment,
    name: &str,
    currencies: &[Option<String>],
    ages: usize,
) -> Block {
    let found = places(matrix);
    let rows: Vec<Option<&CohortRow>> = starts.iter().map(|start| found.get(&(*start, of, None)).copied()).collect();
    let mut block =
        Block { n: name.to_owned(), s: Vec::new(), r: Vec::new(), i: Vec::new(), p: Vec::new(), t: Vec::new(), v: Vec::new() };
    for row in rows {
        let cells = row.map(|row| &row.cells[..row.cells.len().min(ages)]).unwrap_or_default();
        let begun = cells.iter().rposition(|cell| cell.cell.retained().is_some()).map_or(0, |last| last + 1);
        block.s.push(row.map_or(0, |row| row.size));
        block.r.push(cells[..begun].iter().map(|cell| cell.cell.retained()).collect());
        let mut intervals = Vec::new();
        let mut progress = Vec::new();
        for (place, cell) in cells[..begun].iter().enumerate() {
            match (cell.cell, cell.interval) {
                (Cell::Complete { size, retained }, Some(interval)) => {
                    let (rate, [low, high]) = (permille(retained, size), [interval.low, interval.high].map(round));
                    intervals.extend([rate.saturating_sub(low), high.saturating_sub(rate)]);
                }
                (Cell::InProgress { exposed, retained_exposed, .. }, _) => {
                    progress.push([place as u64, exposed, retained_exposed]);
                }
                (Cell::Complete { .. } | Cell::Unobserved, _) => {}
            }
        }
        block.i.push(intervals);
        block.p.push(progress);
    }
    let is_of = |point: &&SummaryPoint| point.segment.as_ref().map_or(of.is_empty(), |segment| segment == of);
    let points: HashMap<_, _> = matrix.summary.iter().filter(is_of).map(|point| (point.age, point)).collect();
    block.t = matrix.ages[..ages]
        .iter()
        .map(|age| {
            points.get(age).map(|point| {
                let bounds = point.interval.map_or([0, 0], |interval| [interval.low, interval.high].map(round));
                [permille(point.retained, point.exposed), bounds[0], bounds[1], point.exposed, point.cohorts]
            })
        })
        .collect();
    if let Some(value) = value {
        let found = places(value);
        let points: HashMap<_, _> = value.summary.iter().filter(|point| is_of(point)).map(|point| (point.age, point)).collect();
        let kept = |currency: &Option<String>, age| {
            let revenue = points.get(age)?.revenue.iter().find(|revenue| revenue.currency == *currency)?;
            i64::try_from(crate::numbers::permille(revenue.retention?)).ok()
        };
        block.v = currencies
            .iter()
            .map(|currency| {
                let rows = starts.iter().map(|start| found.get(&(*start, of, currency.as_deref())).copied());
                let pooled = value.ages[..ages].iter().map(|age| kept(currency, age)).collect();
                Values { p: pooled, ..values(rows, ages) }
            })
            .collect();
    }
    block
}

fn values<'a>(rows: impl Iterator<Item = Option<&'a CohortRow>>, ages: usize) -> Values {
    let hundredths = |amount: Decimal| amount.rounded(2).at_scale(2).and_then(|amount| i64::try_from(amount.units()).ok());
    let mut values = Values::default();
    for row in rows {
        let cells = row.map(|row| &row.cells[..row.cells.len().min(ages)]).unwrap_or_default();
        let begun = cells.iter().rposition(|cell| cell.value.is_some()).map_or(0, |last| last + 1);
        let each = |of: &dyn Fn(usize) -> Option<i64>| (0..begun).map(of).collect::<Vec<_>>();
        let value = |place: usize| cells[place].value.as_deref();
        values.e.push(each(&|place| value(place)?.per_member.and_then(hundredths)));
        values.t.push(each(&|place| value(place)?.cumulative_per_member.and_then(hundredths)));
        values.k.push(each(&|place| {
            let kept = row?.value_kept(place)?;
            let tenths = kept.times(Decimal::new(1000, 0))?.rounded(0).at_scale(0)?;
            i64::try_from(tenths.units()).ok()
        }));
    }
    values
}

/// A share in tenths of a percent.
fn round(share: f64) -> u64 {
    u64::try_from(crate::numbers::permille(share)).unwrap_or_default()
}
