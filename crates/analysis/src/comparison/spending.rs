//! What the members of each side do and are worth at each age: exact sums, and sums of squares.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use tenure_history::History;
use tenure_model::{AgeRange, Criterion, Decimal, grouped};

use crate::comparison::arms::Arms;
use crate::difference::Sample;
use crate::error::Error;
use crate::lives::{LifeSegments, Tally, tally};
use crate::matrix::RetentionMatrix;
use crate::plan::Plan;
use crate::query::{Measure, RetentionQuery};
use crate::segments::SegmentId;
use crate::tally::last_age_to_live;
use crate::walk::{Member, NO_CURRENCY, Numbering, Renumbering};

/// Numbers added up, and their squares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    total: i128,
    squares: i128,
}

impl Sums {
    /// Adds a number; nothing where the sums would not fit.
    fn add(&mut self, number: i128) -> Option<()> {
        self.total = self.total.checked_add(number)?;
        self.squares = self.squares.checked_add(number.checked_mul(number)?)?;
        Some(())
    }

    fn join(&mut self, other: &Sums) -> Option<()> {
        self.total = self.total.checked_add(other.total)?;
        self.squares = self.squares.checked_add(other.squares)?;
        Some(())
    }
}

/// What exposed members of a side do at an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spend {
    /// At the age itself.
    pub(crate) own: Sums,
    /// Up to the age, of those who are retained there.
    pub(crate) of_retained: Sums,
    /// Up to the age, of those who are not.
    pub(crate) of_lost: Sums,
}

/// What a walk adds up: by segment and currency, a place for each age shown.
#[derive(Debug, Default)]
struct Purse {
    ages: Arc<Vec<AgeRange>>,
    found: HashMap<(SegmentId, u32), Vec<Spend>, FixedState>,
    /// Events without a value, by segment.
    missing: HashMap<SegmentId, u64, FixedState>,
    too_large: bool,
}

impl Tally for Purse {
    fn add(&mut self, plan: &Plan<'_>, _: &mut Numbering, life: &Member<'_>) {
        // Few have more than one currency.
        let mut mine: Vec<(u32, Vec<(u32, i128)>)> = Vec::new();
        for (age, event) in life.valued() {
            let (currency, amount) = match (plan.query.measure, event.value) {
                (Measure::Value, Some(value)) => (event.currency, i128::from(value)),
                (Measure::Value, None) => {
                    *self.missing.entry(life.segment).or_default() += 1;
                    continue;
                }
                _ => (NO_CURRENCY, 1),
            };
            match mine.iter_mut().find(|(known, _)| *known == currency) {
                Some((_, amounts)) => amounts.push((age, amount)),
                None => mine.push((currency, vec![(age, amount)])),
            }
        }
        let brackets = matches!(plan.rules.criterion, Criterion::Brackets(_));
        for (currency, amounts) in mine {
            let spends = self.found.entry((life.segment, currency)).or_default();
            spends.resize(self.ages.len(), Spend::default());
            for (place, (&age, spend)) in self.ages.iter().zip(spends).enumerate() {
                if life.exposure.lived <= last_age_to_live(age) {
                    continue;
                }
                let counter = if brackets { place as u32 } else { age.from.0 };
                let retained = life.ranges.iter().any(|(from, to)| *from <= counter && to.is_none_or(|to| counter <= to));
                let own = amounts.iter().filter(|(at, _)| age.contains(tenure_model::Age(*at))).map(|(_, amount)| amount).sum();
                let up_to = age.to.map_or(u32::MAX, |to| to.0);
                let so_far = amounts.iter().filter(|(at, _)| *at <= up_to).map(|(_, amount)| amount).sum();
                let of_fate = if retained { &mut spend.of_retained } else { &mut spend.of_lost };
                let fits = spend.own.add(own).and_then(|()| of_fate.add(so_far));
                self.too_large |= fits.is_none();
            }
        }
    }

    fn segments(&self) -> Vec<SegmentId> {
        let found = self.found.keys().map(|(segment, _)| segment).chain(self.missing.keys());
        found.copied().collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn join(&mut self, other: Self, numbers: &Renumbering) {
        for (segment, count) in other.missing {
            *self.missing.entry(numbers.segment(segment)).or_default() += count;
        }
        self.too_large |= other.too_large;
        for ((segment, currency), spends) in other.found {
            let mine = self.found.entry((numbers.segment(segment), numbers.currency(currency))).or_default();
            mine.resize(self.ages.len(), Spend::default());
            self.too_large |= !join(mine, &spends);
        }
    }
}

/// Adds spends up, and says whether they fit.
fn join(mine: &mut [Spend], theirs: &[Spend]) -> bool {
    mine.iter_mut().zip(theirs).all(|(mine, other)| {
        let own = mine.own.join(&other.own);
        let of_retained = mine.of_retained.join(&other.of_retained);
        own.and(of_retained).and_then(|()| mine.of_lost.join(&other.of_lost)).is_some()
    })
}

/// What the sides do and are worth.
pub(crate) struct Spent {
    scale: u8,
    /// By side and currency.
    found: BTreeMap<(usize, Option<String>), BTreeMap<AgeRange, Spend>>,
    missing: u64,
}

fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{} events", grouped(count)) }
}

/// Walks over the members of all sides once for each question.
pub(crate) fn read(history: &History, arms: &Arms, matrices: &[RetentionMatrix], measure: Measure) -> Result<Spent, Error> {
    let scale = if measure == Measure::Value { history.value_scale() } else { 0 };
    let mut spent = Spent { scale, found: BTreeMap::new(), missing: 0 };
    let asked: BTreeSet<usize> = arms.arms.iter().map(|arm| arm.question).collect();
    for place in asked {
        let question = &arms.questions[place];
        let query = RetentionQuery { measure, ..question.query.clone() };
        let Some(plan) = Plan::new(history, &query, question.rules.clone())? else { continue };
        let ages = Arc::new(matrices[place].ages.clone());
        let mut tallied = tally(history, &plan, LifeSegments::Columns, || Purse { ages: ages.clone(), ..Purse::default() })?;
        let purse = std::mem::take(&mut tallied.tally);
        let mut too_large = purse.too_large;
        for ((segment, currency), spends) in purse.found {
            let segment = tallied.segment(segment);
            for (side, arm) in arms.arms.iter().enumerate().filter(|(_, arm)| arm.question == place) {
                if !arm.has(&segment) {
                    continue;
                }
                let by_age = spent.found.entry((side, tallied.currency(currency))).or_default();
                for (age, spend) in ages.iter().zip(&spends) {
                    let mine = by_age.entry(*age).or_default();
                    too_large |= !join(std::slice::from_mut(mine), std::slice::from_ref(spend));
                }
            }
        }
        let mine = |segment: SegmentId| {
            let segment = tallied.segment(segment);
            arms.arms.iter().any(|arm| arm.question == place && arm.has(&segment))
        };
        spent.missing += purse.missing.iter().filter(|(segment, _)| mine(**segment)).map(|(_, count)| count).sum::<u64>();
        if too_large {
            return Err(Error::query(
                "--measure value: the squares of amounts are too large to add up; compare customers instead",
            ));
        }
    }
    Ok(spent)
}

impl Spent {
    /// The currencies of any side.
    pub(crate) fn currencies(&self) -> BTreeSet<Option<String>> {
        self.found.keys().map(|(_, currency)| currency.clone()).collect()
    }

    pub(crate) fn at(&self, side: usize, currency: &Option<String>, age: AgeRange) -> Spend {
        let found = self.found.get(&(side, currency.clone())).and_then(|ages| ages.get(&age));
        found.copied().unwrap_or_default()
    }

    /// The mean over so many members, rounded to 6 decimals, half-even; nothing of nobody.
    pub(crate) fn mean(&self, sums: &Sums, count: u64) -> Option<Decimal> {
        Decimal::new(sums.total, self.scale).divided_by(count)
    }

    /// Sums as a sample of so many members: those without any amount are 0.
    pub(crate) fn sample(&self, sums: &Sums, count: u64) -> Sample {
        if count < 2 {
            return Sample { count, ..Sample::default() };
        }
        let (n, one) = (count as f64, 10f64.powi(i32::from(self.scale)));
        // Whole numbers until the division, as far as they go.
        let exact = i128::from(count)
            .checked_mul(sums.squares)
            .zip(sums.total.checked_mul(sums.total))
            .and_then(|(squares, total)| squares.checked_sub(total));
        let spread = exact.map_or_else(|| n * sums.squares as f64 - (sums.total as f64).powi(2), |exact| exact as f64);
        let variance = (spread / (n * (n - 1.0))).max(0.0) / (one * one);
        Sample { count, mean: sums.total as f64 / n / one, variance }
    }

    /// What a reader must know of values.
    pub(crate) fn notes(&self, measure: Measure) -> Option<String> {
        match (measure, self.missing) {
            (Measure::Value, _) if self.found.is_empty() => Some(
                "no row has a value: say which column or expression is the amount with --value, when the export is read"
                    .to_owned(),
            ),
            (Measure::Value, missing @ 1..) => {
                Some(format!("{} of members on either side have no value, and add nothing", events(missing)))
            }
            _ => None,
        }
    }
}
