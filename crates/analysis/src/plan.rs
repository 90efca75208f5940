//! A query made ready for a history: every name looked up, every rule settled.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use tenure_expression::Parsed;
use tenure_history::{Fingerprint, History};
use tenure_model::{AgeRange, Alignment, Criterion, Instant, ObservationWindow, column};

use crate::clock::Clock;
use crate::columns::{Columns, Home};
use crate::dense_tables::DenseTables;
use crate::dialect::{Dialect, FirstEverRow, FirstReturns, Rules, WindowEnd};
use crate::error::Error;
use crate::matrix::Segment;
use crate::predicate::Predicate;
use crate::query::{Ages, Birth, Measure, RetentionQuery, SegmentAsOf, Source};
use crate::segments::SegmentColumns;
use crate::units::Units;

/// How many conditions a plan may have.
pub(crate) const CONDITIONS: usize = 5;

/// A query that can be walked.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) query: &'a RetentionQuery,
    pub(crate) rules: Rules,
    pub(crate) units: Units,
    pub(crate) clock: Clock,
    pub(crate) window: ObservationWindow,
    pub(crate) bounds: Bounds,
    pub(crate) columns: Columns,
    pub(crate) filter: Option<Predicate>,
    pub(crate) born: Option<Predicate>,
    pub(crate) returned: Option<Predicate>,
    /// The event that a birth without earlier life must have, where that is not any.
    pub(crate) named: Option<Predicate>,
    /// What a birth row must be for its customer to be a member, where not any.
    pub(crate) birth_row: Option<Predicate>,
    pub(crate) same_selectors: bool,
    pub(crate) segments: SegmentColumns,
    pub(crate) scale: u8,
    pub(crate) content: Fingerprint,
    /// Whether the instants of births are wanted themselves.
    instants: bool,
    /// Where it has the rules of the dense walk, the tables of that.
    pub(crate) dense: Option<DenseTables>,
}

/// The instants that rows and births are held against: bounds that hold for every row are none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    /// Rows at or after it are ignored, microseconds UTC.
    pub(crate) until: Option<i64>,
    /// Births before it are outside the range.
    pub(crate) born_from: Option<i64>,
    /// Births at or after it are outside the range.
    pub(crate) born_until: Option<i64>,
}

impl Bounds {
    fn need_time(&self) -> bool {
        self.until.is_some() || self.born_from.is_some() || self.born_until.is_some()
    }

    /// Whether no row and no birth is outside of them.
    pub(crate) fn are_none(&self) -> bool {
        !self.need_time()
    }

    #[inline]
    pub(crate) fn has_birth(&self, at: i64) -> bool {
        self.born_from.is_none_or(|from| at >= from) && self.born_until.is_none_or(|until| at < until)
    }
}

impl<'a> Plan<'a> {
    /// The plan of a query under some rules; nothing for a history without activity.
    pub(crate) fn new(history: &History, query: &'a RetentionQuery, rules: Rules) -> Result<Option<Self>, Error> {
        query.check(rules.alignment, &rules.criterion)?;
        if query.dialect == Dialect::Stripe && query.source == Source::Activity {
            return Err(Error::query("--dialect stripe follows subscriptions: use it with --source subscriptions"));
        }
        if query.source == Source::Subscriptions {
            return Err(Error::query("--source subscriptions: who is in a cell, and --explain, are answered of activity alone"));
        }
        let zone = query.zone.clone().unwrap_or_else(|| history.home_zone().clone());
        let instant = |point: Option<tenure_model::TimePoint>| point.map(|point| point.resolve(&zone));
        let (born_from, born_until) = (instant(query.born_from), instant(query.born_until));
        if let (Some(from), Some(until)) = (born_from, born_until)
            && from >= until
        {
            return Err(Error::query(format!(
                "nobody can be born from {from} until {until}: --born-from must be before --born-until"
            )));
        }
        let observed = history.window();
        let as_of = instant(query.as_of);
        if let (Some(as_of), Some(from)) = (as_of, observed.from)
            && as_of <= from
        {
            return Err(Error::query(format!(
                "--as-of {as_of} is before the first activity, which is at {from}: nothing could be seen; choose a later date"
            )));
        }
        let mut columns = Columns::of(history);
        let header: Vec<Arc<str>> = columns.names().map(Arc::from).collect();
        let parse = |flag, text: &Option<String>| text.as_ref().map(|text| Parsed::new(flag, text, &header)).transpose();
        let (filter, born, returned) =
            (parse("--filter", &query.filter)?, parse("--born", &query.born)?, parse("--returned", &query.returned)?);
        let birth_row = rules.birth_row.as_ref().map(|row| Parsed::new(row.flag, &row.text, &header)).transpose()?;
        // Texts are told from numbers by all values of a column, so the columns are looked up before the types are.
        columns.profile(history, [&filter, &born, &returned, &birth_row].into_iter().flatten().flat_map(Parsed::columns))?;
        let predicate = |parsed: Option<Parsed>| parsed.map(|parsed| Predicate::new(parsed.in_zone(&zone), &columns)).transpose();
        let (filter, born, returned) = (predicate(filter)?, predicate(born)?, predicate(returned)?);
        let birth_row = predicate(birth_row)?;
        let named = match (&rules.birth, rules.first_ever, &born) {
            (Birth::FirstEver, FirstEverRow::OfEventName, Some(born)) => born.of_event_name(&columns)?,
            _ => None,
        };
        let same_selectors = match (&born, &returned) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is_same_as(b),
            _ => false,
        };
        if let Birth::Declared(name) = &rules.birth {
            columns.sign_up(name)?;
            if history.rows_of(tenure_model::Table::Customers) == 0 {
                return Err(Error::query(format!(
                    "--birth declared:{name}: the history has no customers table; ingest an export of customers with --table customers"
                )));
            }
        }
        let by = query.by.iter().map(|name| Ok((name.clone(), columns.segment(name)?))).collect::<Result<Vec<_>, Error>>()?;
        // Declared customers are members without any activity, once it is said how far they are seen.
        let declared = matches!(rules.birth, Birth::Declared(_));
        let span = history.span().or(as_of.filter(|_| declared).map(|at| (at, at)));
        let (Some((first, last)), Some(until)) = (span, as_of.or(observed.until)) else { return Ok(None) };
        let units = Units::new(history, query, first, last)?;
        let until = match rules.window_end {
            WindowEnd::AsOf => until,
            WindowEnd::EndOfPeriod => {
                // What a history can vouch for ends before its end; a date that is named is itself inside.
                let inside = if as_of.is_some() { until } else { Instant(until.0.saturating_sub(1)) };
                units.cohorts.start(units.cohorts.number_at(inside) + 1)
            }
        };
        let bounds = Bounds {
            until: (until <= last).then_some(until.0),
            born_from: born_from.filter(|from| declared || *from > first).map(|at| at.0),
            born_until: born_until.filter(|until| declared || *until <= last).map(|at| at.0),
        };
        let clock = Clock::new(&rules, query.age_period(), &units, until);
        let mut plan = Self {
            window: ObservationWindow { from: observed.from, until: Some(until) },
            segments: SegmentColumns { columns: by, kept: None },
            scale: history.value_scale(),
            content: history.content(),
            query,
            rules,
            units,
            clock,
            bounds,
            columns,
            filter,
            born,
            returned,
            named,
            birth_row,
            same_selectors,
            instants: false,
            dense: None,
        };
        plan.dense = DenseTables::new(&plan);
        Ok(Some(plan))
    }

    /// The same with some segments alone, the others drawn together.
    pub(crate) fn keep(&mut self, segments: HashSet<Segment>) {
        self.segments.kept = Some(segments);
    }

    /// Reads instants also where days settle everything.
    pub(crate) fn wants_instants(&mut self) {
        self.instants = true;
    }

    /// The end of the window.
    pub(crate) fn until(&self) -> Instant {
        self.window.until.unwrap_or(Instant(i64::MAX))
    }

    /// The ages or brackets that are asked for, where the query says which.
    pub(crate) fn asked(&self) -> Option<Vec<AgeRange>> {
        match (&self.rules.criterion, &self.query.ages) {
            (Criterion::Brackets(brackets), _) => Some(brackets.ranges().to_vec()),
            (_, Ages::At(ages)) => Some(ages.iter().copied().map(AgeRange::one).collect()),
            (_, Ages::First(count)) => Some((0..*count).map(|age| AgeRange::one(tenure_model::Age(age))).collect()),
            (_, Ages::Begun) => None,
        }
    }

    /// How many ages or brackets are asked for, where the query says which.
    pub(crate) fn asked_count(&self) -> Option<u64> {
        match (&self.rules.criterion, &self.query.ages) {
            (Criterion::Brackets(brackets), _) => Some(brackets.ranges().len() as u64),
            (_, Ages::At(ages)) => Some(ages.len() as u64),
            (_, Ages::First(count)) => Some(u64::from(*count)),
            (_, Ages::Begun) => None,
        }
    }

    /// The last age that is asked for, where the query says which.
    pub(crate) fn last_age(&self) -> Option<u32> {
        match (&self.rules.criterion, &self.query.ages) {
            (Criterion::Brackets(_), _) | (_, Ages::Begun) => None,
            (_, Ages::At(ages)) => ages.last().map(|age| age.0),
            (_, Ages::First(count)) => count.checked_sub(1),
        }
    }

    /// The conditions, and what they are for.
    pub(crate) fn predicates(&self) -> [Option<&Predicate>; CONDITIONS] {
        [&self.filter, &self.born, &self.returned, &self.named, &self.birth_row].map(Option::as_ref)
    }

    /// Whether a condition asks for events by name.
    pub(crate) fn asks_for_events(&self) -> bool {
        self.predicates().into_iter().flatten().any(|predicate| predicate.events().next().is_some())
    }

    /// Whether instants must be read: where days do not settle births, ages and bounds.
    pub(crate) fn needs_time(&self) -> bool {
        self.instants
            || !self.units.by_home_day
            || self.rules.alignment == Alignment::Rolling
            || self.bounds.need_time()
            || self.born.is_some() && self.dense.is_none()
            || self.rules.first_returns != FirstReturns::FromBirth
            || matches!(self.rules.birth, Birth::Declared(_))
    }

    /// Just the columns of activity that the answer rests on.
    pub(crate) fn reads(&self) -> BTreeSet<String> {
        let mut reads: BTreeSet<String> = BTreeSet::new();
        reads.insert(if self.units.by_home_day { column::DAY } else { column::TIME }.to_owned());
        if self.needs_time() {
            reads.insert(column::TIME.to_owned());
        } else if self.born.is_some() {
            reads.insert(column::TIED.to_owned());
        }
        if self.query.measure == Measure::Value {
            reads.extend([column::VALUE, column::CURRENCY].map(str::to_owned));
        }
        let of_predicates = self.predicates().into_iter().flatten().flat_map(Predicate::columns);
        let of_segments = self.segments.columns.iter().map(|(name, _)| name.clone());
        reads.extend(of_predicates.chain(of_segments).filter(|name| self.columns.home(name) == Some(Home::Activity)));
        reads
    }

    /// Whether the customers of each bucket must be read.
    pub(crate) fn needs_customers(&self) -> bool {
        let predicates = self.predicates().into_iter().flatten().flat_map(Predicate::columns);
        matches!(self.rules.birth, Birth::Declared(_))
            || self.segments.has(Home::Customers)
            || predicates.into_iter().any(|name| self.columns.home(&name) == Some(Home::Customers))
    }

    /// Whether it matters which of several rows of one instant comes first.
    pub(crate) fn needs_full_order(&self) -> bool {
        let by_row = matches!(self.rules.segment_as_of, SegmentAsOf::Birth | SegmentAsOf::Latest);
        let of_birth = self.rules.birth == Birth::FirstEver && self.born.is_some() || self.birth_row.is_some();
        by_row && self.segments.has(Home::Activity) || of_birth
    }
}
