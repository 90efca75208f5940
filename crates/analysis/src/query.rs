use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use tenure_model::{Age, Alignment, Criterion, Day, Decimal, FiscalStart, Granularity, Period, TimePoint, WeekStart, Zone};

use crate::dialect::{Dialect, Rules};
use crate::error::Error;

/// The level of intervals unless another is asked for.
pub const DEFAULT_LEVEL: f64 = 0.95;

/// A question for a retention matrix: a value that can be printed back.
#[derive(Debug, Clone)]
pub struct RetentionQuery {
    /// Whose lives are followed. Default: activity.
    pub source: Source,
    /// The periods whose births form a cohort. Default: month.
    pub cohort: Period,
    /// The periods that ages are counted in. Default: those of the cohorts.
    pub age: Option<Period>,
    /// The date from which blocks of periods are counted; required with them.
    pub origin: Option<Day>,
    /// Where a customer's life starts. Default: the dialect's, which is first.
    pub birth: Option<Birth>,
    /// The activity that a birth must be: a SQL condition over columns. Default: any.
    pub born: Option<String>,
    /// The activity that counts as a return: a SQL condition over columns. Default: any.
    pub returned: Option<String>,
    /// The activity that exists at all for the query: a SQL condition over columns. Default: all.
    pub filter: Option<String>,
    /// The least number of returns that make a member retained. Default: 1.
    pub min_returns: u32,
    /// How ages are counted. Default: the dialect's, which is calendar.
    pub alignment: Option<Alignment>,
    /// When a member counts as retained. Default: the dialect's, which is on.
    pub criterion: Option<Criterion>,
    /// The columns whose values part cohorts into segments. Default: none.
    pub by: Vec<String>,
    /// The row whose value is a member's segment. Default: the dialect's, which is the birth row.
    pub segment_as_of: Option<SegmentAsOf>,
    /// How many segments are kept, by members; the others are drawn together. Default: all.
    pub top: Option<usize>,
    /// Cohorts with fewer members are not shown. Default: all are.
    pub min_size: Option<u64>,
    /// What is measured beside the retained members. Default: customers alone.
    pub measure: Measure,
    /// What amounts are converted by. Default: each currency is a block of its own.
    pub rates: Option<Rates>,
    /// The zone of local days. Default: the history's home zone.
    pub zone: Option<Zone>,
    /// The first day of weeks. Default: Monday.
    pub week_start: WeekStart,
    /// The first month of fiscal years. Default: January.
    pub fiscal_start: FiscalStart,
    /// Only customers born at or after this are members. Births are judged over the whole history all the same.
    pub born_from: Option<TimePoint>,
    /// Only customers born before this are members.
    pub born_until: Option<TimePoint>,
    /// The end of the observation window. Default: the history's own.
    pub as_of: Option<TimePoint>,
    /// The ages that are shown; not with brackets, which are the ages shown. Default: all that have begun for anybody.
    pub ages: Ages,
    /// How the summary row is made. Default: the dialect's, which is pooled.
    pub summary: Option<Summary>,
    /// The level of the intervals. Default: [`DEFAULT_LEVEL`].
    pub level: f64,
    /// Whose arithmetic is followed where the query says nothing. Default: tenure's own.
    pub dialect: Dialect,
}

impl Default for RetentionQuery {
    fn default() -> Self {
        Self {
            source: Source::default(),
            cohort: Period::One(Granularity::Month),
            age: None,
            origin: None,
            birth: None,
            born: None,
            returned: None,
            filter: None,
            min_returns: 1,
            alignment: None,
            criterion: None,
            by: Vec::new(),
            segment_as_of: None,
            top: None,
            min_size: None,
            measure: Measure::default(),
            rates: None,
            zone: None,
            week_start: WeekStart::default(),
            fiscal_start: FiscalStart::default(),
            born_from: None,
            born_until: None,
            as_of: None,
            ages: Ages::default(),
            summary: None,
            level: DEFAULT_LEVEL,
            dialect: Dialect::default(),
        }
    }
}

impl RetentionQuery {
    /// The periods that ages are counted in.
    pub fn age_period(&self) -> Period {
        self.age.unwrap_or(self.cohort)
    }

    /// Whether customers and times alone answer it: it names no column, and follows tenure's own rules.
    pub fn is_plain(&self) -> bool {
        Rules::of(self) == Rules::default_rules()
            && self.source == Source::Activity
            && self.measure == Measure::Customers
            && self.min_returns == 1
            && self.by.is_empty()
            && [&self.born, &self.returned, &self.filter].into_iter().all(Option::is_none)
    }

    /// Refuses what contradicts itself.
    pub(crate) fn check(&self, alignment: Alignment, criterion: &Criterion) -> Result<(), Error> {
        let block = |period: Period| matches!(period, Period::Block(..)).then_some(period);
        // Ages that are counted from each birth need no origin.
        let age = block(self.age_period()).filter(|_| alignment == Alignment::Calendar);
        let needs_origin = block(self.cohort).or(age);
        if let (Some(block), None) = (needs_origin, self.origin) {
            return Err(Error::query(format!(
                "blocks of '{block}' need a date to be counted from: add --cohort-origin YYYY-MM-DD"
            )));
        }
        if let (None, Some(origin)) = (needs_origin, self.origin) {
            return Err(Error::query(format!("--cohort-origin {origin} goes with blocks such as --cohort '28 day'")));
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(Error::query(format!("--level {}: expected a share between 0 and 1, such as 0.95", self.level)));
        }
        if self.min_returns == 0 {
            return Err(Error::query("--min-returns 0: expected at least 1; a member without return is not retained"));
        }
        if let Ages::At(ages) = &self.ages
            && ages.is_empty()
        {
            return Err(Error::query("--at: expected ages, such as 1,7,30"));
        }
        if matches!(criterion, Criterion::Brackets(_)) && self.ages != Ages::Begun {
            return Err(Error::query("--brackets says which ages are shown; it can't be combined with --ages or --at"));
        }
        if self.top == Some(0) {
            return Err(Error::query("--top 0: expected at least 1 segment to keep"));
        }
        if self.by.is_empty() {
            let stray = [(self.top.is_some(), "--top"), (self.segment_as_of.is_some(), "--segment-as-of")];
            if let Some((_, flag)) = stray.iter().find(|(given, _)| *given) {
                return Err(Error::query(format!("{flag} is about segments: name their columns with --by")));
            }
        }
        if self.rates.is_some() && self.measure != Measure::Value {
            return Err(Error::query("--rates converts amounts: add --measure value"));
        }
        if let Some(twice) = self.by.iter().enumerate().find(|(i, name)| self.by[..*i].contains(name)) {
            return Err(Error::query(format!("--by names the column \"{}\" twice", twice.1)));
        }
        Ok(())
    }
}

/// Where the rows come from that lives are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// What customers did.
    #[default]
    Activity,
    /// What they pay for: birth is the first instant of recurring revenue, and a member is retained at an age with some just
    /// before its end. The value is that revenue.
    Subscriptions,
}

impl Source {
    /// The name as flags and results have it.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Activity => "activity",
            Source::Subscriptions => "subscriptions",
        }
    }
}

/// Where a customer's life starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Birth {
    /// The earliest activity that matches the birth selector, judged over the whole history.
    #[default]
    First,
    /// The earliest activity of any kind; there is a birth only if that row matches the selector.
    FirstEver,
    /// In each cohort period the first activity that matches the selector: a membership each.
    Recurring,
    /// The start of the local day that a date column of the customers table says.
    Declared(String),
}

impl fmt::Display for Birth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Birth::First => f.write_str("first"),
            Birth::FirstEver => f.write_str("first-ever"),
            Birth::Recurring => f.write_str("recurring"),
            Birth::Declared(column) => write!(f, "declared:{column}"),
        }
    }
}

impl FromStr for Birth {
    type Err = Error;

    /// Reads `first`, `first-ever`, `recurring` or `declared:COLUMN`.
    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "first" => Birth::First,
            "first-ever" => Birth::FirstEver,
            "recurring" => Birth::Recurring,
            _ => match text.split_once(':') {
                Some(("declared", column)) if !column.is_empty() => Birth::Declared(column.to_owned()),
                _ => {
                    return Err(Error::query(format!(
                        "no birth \"{text}\" (expected first, first-ever, recurring, or declared:COLUMN with a date column of the customers table)"
                    )));
                }
            },
        })
    }
}

/// The row whose value is a member's segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SegmentAsOf {
    /// The birth row. Segments part the members.
    #[default]
    Birth,
    /// Each return by itself: a member may be retained in several segments, and the size is the cohort's.
    Activity,
    /// The customer's latest row before the end of the window. Segments part the members.
    Latest,
    /// The same value at birth and return: each segment is analysed as if its rows were the whole log.
    BirthAndReturn,
}

impl fmt::Display for SegmentAsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SegmentAsOf::Birth => "birth",
            SegmentAsOf::Activity => "activity",
            SegmentAsOf::Latest => "latest",
            SegmentAsOf::BirthAndReturn => "birth-and-return",
        })
    }
}

/// What cells carry beside retained members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Nothing else.
    #[default]
    Customers,
    /// The number of events.
    Events,
    /// The number of events and the sum of their values, a block for each currency.
    Value,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Measure::Customers => "customers",
            Measure::Events => "events",
            Measure::Value => "value",
        })
    }
}

/// Rates below this, in units of their last decimal, times amounts of 18 digits add up exactly over a billion rows.
const LARGEST_RATE: i128 = 1_000_000_000_000;

/// Rates of exchange by local date and currency: how much of the target currency one unit is worth.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rates {
    /// Where they are from, as messages and definitions name it.
    pub source: String,
    /// The currency that amounts are converted to, where the rates tell: the only one whose rates are all 1.
    pub target: Option<String>,
    /// Decimals that hold every rate.
    scale: u8,
    /// The rates by day and currency, in units of the scale.
    by_day: BTreeMap<Day, BTreeMap<String, i128>>,
}

impl Rates {
    /// Rates from their rows; the target is found among them.
    ///
    /// # Errors
    ///
    /// Where a rate has too many digits for totals to stay exact.
    pub fn new(source: impl Into<String>, by_day: BTreeMap<(Day, String), Decimal>) -> Result<Self, Error> {
        let source = source.into();
        let scale = by_day.values().map(|rate| rate.normalized().scale()).max().unwrap_or_default();
        let one = Decimal::new(1, 0);
        let mut all_ones: BTreeMap<String, bool> = BTreeMap::new();
        let mut units: BTreeMap<Day, BTreeMap<String, i128>> = BTreeMap::new();
        for ((day, currency), rate) in by_day {
            *all_ones.entry(currency.clone()).or_insert(true) &= rate.normalized() == one;
            let at_scale = rate.normalized().at_scale(scale).map(Decimal::units).filter(|units| units.abs() < LARGEST_RATE);
            let Some(at_scale) = at_scale else {
                return Err(Error::query(format!(
                    "{source}: the rate {rate} of {currency} on {day} has too many digits for exact totals (12 are kept, counted to the last decimal of any rate): round the rates"
                )));
            };
            units.entry(day).or_default().insert(currency, at_scale);
        }
        let mut targets =
            all_ones.into_iter().filter(|(currency, ones)| *ones && !currency.is_empty()).map(|(currency, _)| currency);
        let target = targets.next().filter(|_| targets.next().is_none());
        Ok(Self { source, target, scale, by_day: units })
    }

    /// Decimals of the rates.
    pub(crate) fn scale(&self) -> u8 {
        self.scale
    }

    /// What one unit of a currency is worth on a day, in units of the scale.
    pub(crate) fn units(&self, day: Day, currency: &str) -> Option<i128> {
        self.by_day.get(&day)?.get(currency).copied()
    }
}

/// Which ages are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Ages {
    /// All that have begun for any cohort.
    #[default]
    Begun,
    /// 0 … N−1.
    First(u32),
    /// These.
    At(Vec<Age>),
}

impl FromStr for Ages {
    type Err = Error;

    /// Reads `1,7,30`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let ages: Result<Vec<Age>, _> = text.split(',').map(|age| age.trim().parse().map(Age)).collect();
        let mut ages =
            ages.map_err(|_| Error::query(format!("cannot read ages \"{text}\" (expected whole numbers, such as 1,7,30)")))?;
        ages.sort_unstable();
        ages.dedup();
        Ok(Ages::At(ages))
    }
}

/// How cohorts are drawn together into one curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summary {
    /// Σ retained_exposed / Σ exposed over the cells of an age with anybody exposed.
    #[default]
    Pooled,
    /// The same over complete cells alone.
    PooledComplete,
    /// The mean of complete cells' rates.
    Mean,
    /// The median of complete cells' rates.
    Median,
    /// Σ retained · w / Σ exposed · w with w = exposed / Σ exposed: cohorts weigh by the square of their size.
    WeightedTwice,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Summary::Pooled => "pooled",
            Summary::PooledComplete => "pooled-complete",
            Summary::Mean => "mean",
            Summary::Median => "median",
            Summary::WeightedTwice => "weighted-twice",
        })
    }
}
