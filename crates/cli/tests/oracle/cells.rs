//! Cells and summaries, member by member and age by age.

use std::collections::{BTreeMap, BTreeSet};

use tenure_analysis::{Ages, Dialect, Measure, SegmentAsOf, Summary};
use tenure_model::{Age, AgeRange, CellState, Criterion};

use crate::log::Row;
use crate::naive::{Census, Member, Naive, Return, Segment};
use crate::question::dollar;

pub(crate) type Currency = Option<&'static str>;

/// Events, their sum in millionths, and those without a value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) events: u64,
    pub(crate) millionths: i128,
    pub(crate) missing: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct NaiveCell {
    pub(crate) state: CellState,
    pub(crate) exposed: u64,
    pub(crate) retained: u64,
    pub(crate) retained_exposed: u64,
    pub(crate) events: u64,
    pub(crate) active: u64,
    /// Those of the cell itself, and the sum from birth to its end.
    pub(crate) sums: BTreeMap<Currency, (Sums, i128)>,
}

/// A member with the returns that count here: all, or with segments at activity those of one.
pub(crate) struct View<'a> {
    member: &'a Member<'a>,
    returns: Vec<&'a Return<'a>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NaivePoint {
    pub(crate) cohorts: u64,
    pub(crate) exposed: u64,
    pub(crate) retained: u64,
    pub(crate) rate: f64,
}

pub(crate) struct Answer {
    pub(crate) ages: Vec<AgeRange>,
    /// Size and cells by cohort and segment; those below the least size are left out and counted.
    pub(crate) rows: BTreeMap<(i64, Segment), (u64, Vec<NaiveCell>)>,
    pub(crate) hidden: u64,
    pub(crate) currencies: BTreeSet<Currency>,
    /// By segment, none for all, and the place of the age.
    pub(crate) summary: BTreeMap<(Option<Segment>, usize), NaivePoint>,
}

impl Naive<'_> {
    pub(crate) fn answer(&self, census: &Census<'_>) -> Answer {
        let members = &census.members;
        let ages = self.shown(members);
        let currencies = self.currencies(members);
        let cells = |views: &Vec<View<'_>>| -> Vec<NaiveCell> {
            ages.iter().map(|range| self.cell(views, *range, &currencies)).collect()
        };
        let mut whole: BTreeMap<i64, Vec<View<'_>>> = BTreeMap::new();
        let mut parts: BTreeMap<(i64, Segment), Vec<View<'_>>> = BTreeMap::new();
        let at_activity = !self.question.by.is_empty() && self.rules.segment_as_of == SegmentAsOf::Activity;
        let active = members.iter().flat_map(|member| &member.returns).map(|row| &row.segment);
        let active: BTreeSet<&Segment> = if at_activity { active.collect() } else { BTreeSet::new() };
        for member in members {
            whole.entry(member.cohort).or_default().push(View { member, returns: member.returns.iter().collect() });
            let of = |segment: &Segment| member.returns.iter().filter(|row| row.segment == *segment).collect();
            if !at_activity {
                let view = View { member, returns: member.returns.iter().collect() };
                parts.entry((member.cohort, member.segment.clone())).or_default().push(view);
            }
            for segment in &active {
                let view = View { member, returns: of(segment) };
                parts.entry((member.cohort, (*segment).clone())).or_default().push(view);
            }
        }
        let whole: BTreeMap<i64, Vec<NaiveCell>> = whole.iter().map(|(cohort, views)| (*cohort, cells(views))).collect();
        let mut rows: BTreeMap<(i64, Segment), (u64, Vec<NaiveCell>)> =
            parts.iter().map(|(key, views)| (key.clone(), (views.len() as u64, cells(views)))).collect();
        let mut summary = BTreeMap::new();
        for place in 0..ages.len() {
            let mut add = |segment: Option<&Segment>, cells: Vec<&NaiveCell>| {
                summary.extend(summarize(self.rules.summary, &cells).map(|point| ((segment.cloned(), place), point)));
            };
            add(None, whole.values().map(|cells| &cells[place]).collect());
            let segments: BTreeSet<&Segment> = rows.keys().map(|(_, segment)| segment).collect();
            for segment in segments.into_iter().filter(|_| !self.question.by.is_empty()) {
                let of = rows.iter().filter(|((_, other), _)| other == segment);
                add(Some(segment), of.map(|(_, (_, cells))| &cells[place]).collect());
            }
        }
        let before = rows.len();
        rows.retain(|_, (size, _)| self.question.min_size.is_none_or(|least| *size >= least));
        Answer { ages, hidden: (before - rows.len()) as u64, rows, currencies, summary }
    }

    /// Who is in a cohort, or in a segment of it: customer, birth, whether the age is lived, and whether there is retention.
    pub(crate) fn who(&self, census: &Census<'_>, cohort: &str, segment: &Segment, age: AgeRange) -> Vec<(u8, i64, bool, bool)> {
        let at_activity = !segment.is_empty() && self.rules.segment_as_of == SegmentAsOf::Activity;
        let last = age.to.unwrap_or(age.from).0 as usize;
        let mut found = Vec::new();
        for member in census.members.iter().filter(|member| self.written(member.cohort) == cohort) {
            if at_activity || member.segment == *segment {
                let returns = member.returns.iter().filter(|row| !at_activity || row.segment == *segment).collect();
                let retained = self.retained(&View { member, returns }, age);
                found.push((member.customer, member.birth, member.lived(last, self.until), retained));
            }
        }
        found.sort_unstable();
        found
    }

    /// The ages or brackets that are shown.
    fn shown(&self, members: &[Member<'_>]) -> Vec<AgeRange> {
        let one = |age: usize| AgeRange::one(Age(age as u32));
        match (&self.rules.criterion, &self.question.ages) {
            (Criterion::Brackets(brackets), _) => brackets.ranges().to_vec(),
            (_, Ages::At(ages)) => ages.iter().map(|age| AgeRange::one(*age)).collect(),
            (_, Ages::First(count)) => (0..*count as usize).map(one).collect(),
            (_, Ages::Begun) => {
                let begun = |member: &Member<'_>| member.starts.iter().filter(|start| **start < self.until).count();
                (0..members.iter().map(begun).max().unwrap_or(0)).map(one).collect()
            }
        }
    }

    /// A block for each currency that a counted row bears; with rates the one they lead to.
    fn currencies(&self, members: &[Member<'_>]) -> BTreeSet<Currency> {
        let mut found = BTreeSet::new();
        if self.question.rates {
            found.insert(Some("EUR"));
        } else if self.question.measure == Measure::Value {
            let valued = members.iter().flat_map(|member| &member.returns).filter(|row| row.valued).map(|row| row.row);
            found.extend(valued.filter(|row| !unpriced(row)).map(|row| row.currency));
        }
        if found.is_empty() {
            found.insert(None);
        }
        found
    }

    fn retained(&self, view: &View<'_>, range: AgeRange) -> bool {
        let (from, to) = (range.from.0 as usize, range.to.map(|to| to.0 as usize));
        let ages = || view.returns.iter().filter(|row| row.retains).map(|row| row.age);
        let enough =
            |from: usize, to: usize| ages().filter(|age| (from..=to).contains(age)).count() >= self.question.min_returns as usize;
        let in_brackets = matches!(self.rules.criterion, Criterion::Brackets(_));
        if from == 0 && self.question.dialect == Dialect::Posthog {
            return true;
        }
        let in_period = matches!(self.question.dialect, Dialect::Mixpanel | Dialect::Amplitude);
        if from == 0 && in_period && !in_brackets {
            return enough(0, 0);
        }
        match (&self.rules.criterion, to) {
            (Criterion::On, _) => enough(from, from),
            (Criterion::OnOrAfter, _) | (Criterion::Brackets(_), None) => ages().any(|age| age >= from && enough(age, age)),
            (Criterion::OnOrBefore, _) => enough(0, from),
            (Criterion::Streak, _) => (0..=from).all(|age| enough(age, age)),
            (Criterion::Brackets(_), Some(to)) => enough(from, to),
        }
    }

    fn cell(&self, views: &[View<'_>], range: AgeRange, currencies: &BTreeSet<Currency>) -> NaiveCell {
        let last = range.to.unwrap_or(range.from).0 as usize;
        let mut cell = NaiveCell {
            state: CellState::Unobserved,
            exposed: 0,
            retained: 0,
            retained_exposed: 0,
            events: 0,
            active: 0,
            sums: currencies.iter().map(|currency| (*currency, (Sums::default(), 0))).collect(),
        };
        let mut begun = false;
        for view in views {
            let exposed = view.member.lived(last, self.until);
            let retained = self.retained(view, range);
            begun |= view.member.begun(range.from.0 as usize, self.until);
            cell.exposed += u64::from(exposed);
            cell.retained += u64::from(retained);
            cell.retained_exposed += u64::from(exposed && retained);
            let valued = || view.returns.iter().filter(|row| row.valued);
            let here: Vec<_> = valued().filter(|row| range.contains(Age(row.age as u32))).collect();
            cell.active += u64::from(!here.is_empty());
            cell.events += here.len() as u64;
            let end = range.to.map_or(usize::MAX, |to| to.0 as usize);
            for (currency, (sums, cumulative)) in &mut cell.sums {
                let of_block = |row: &Row| self.question.rates || unpriced(row) || row.currency == *currency;
                for row in here.iter().map(|row| row.row).filter(|row| of_block(row)) {
                    sums.events += 1;
                    sums.missing += u64::from(row.cents.is_none());
                    sums.millionths += self.millionths(row);
                }
                let so_far = valued().filter(|row| row.age <= end && of_block(row.row));
                *cumulative += so_far.map(|row| self.millionths(row.row)).sum::<i128>();
            }
        }
        cell.state = match (begun, cell.exposed == views.len() as u64) {
            (_, true) => CellState::Complete,
            (true, false) => CellState::InProgress,
            (false, false) => CellState::Unobserved,
        };
        cell
    }

    /// A row's value in millionths, of the rates' currency where there are rates.
    fn millionths(&self, row: &Row) -> i128 {
        let rate =
            if self.question.rates && row.currency == Some("USD") { dollar(self.calendar.day_of(row.time)) } else { 10_000 };
        i128::from(row.cents.unwrap_or_default()) * i128::from(rate)
    }
}

/// A row that says nothing of money belongs to every currency.
fn unpriced(row: &Row) -> bool {
    row.cents.is_none() && row.currency.is_none()
}

/// A point of the summary, where there are cells that it can rest on.
fn summarize(method: Summary, cells: &[&NaiveCell]) -> Option<NaivePoint> {
    let complete = matches!(method, Summary::PooledComplete | Summary::Mean | Summary::Median);
    let counts = |cell: &&&NaiveCell| cell.exposed > 0 && (!complete || cell.state == CellState::Complete);
    let cells: Vec<&NaiveCell> = cells.iter().filter(counts).copied().collect();
    if cells.is_empty() {
        return None;
    }
    let exposed: u64 = cells.iter().map(|cell| cell.exposed).sum();
    let retained: u64 = cells.iter().map(|cell| cell.retained_exposed).sum();
    let mut rates: Vec<f64> = cells.iter().map(|cell| cell.retained_exposed as f64 / cell.exposed as f64).collect();
    rates.sort_by(f64::total_cmp);
    let rate = match method {
        Summary::Pooled | Summary::PooledComplete => retained as f64 / exposed as f64,
        Summary::Mean => rates.iter().sum::<f64>() / rates.len() as f64,
        Summary::Median => (rates[(rates.len() - 1) / 2] + rates[rates.len() / 2]) / 2.0,
        Summary::WeightedTwice => {
            let weighted = |of: fn(&NaiveCell) -> u64| -> f64 {
                cells.iter().map(|cell| of(cell) as f64 * cell.exposed as f64 / exposed as f64).sum()
            };
            weighted(|cell| cell.retained_exposed) / weighted(|cell| cell.exposed)
        }
    };
    Some(NaivePoint { cohorts: cells.len() as u64, exposed, retained, rate })
}
