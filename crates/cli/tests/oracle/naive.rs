//! Who is born when, and what counts as a return: a loop that anyone can check, customer by customer and row by row.

use std::collections::{BTreeMap, BTreeSet};

use tenure_analysis::{Birth, Dialect, SegmentAsOf};
use tenure_model::Alignment;

use crate::calendar::{Calendar, Cut, number};
use crate::log::{Log, Row};
use crate::question::{Question, Rules};
use crate::selector::{Selector, selects};

/// The values of the `by` columns.
pub(crate) type Segment = Vec<Option<String>>;

/// A row that counts as a return: for retention, for values, or both.
#[derive(Debug, Clone)]
pub(crate) struct Return<'a> {
    pub(crate) row: &'a Row,
    pub(crate) age: usize,
    pub(crate) retains: bool,
    pub(crate) valued: bool,
    /// With segments at activity its own.
    pub(crate) segment: Segment,
}

/// A customer in a cohort.
#[derive(Debug, Clone)]
pub(crate) struct Member<'a> {
    pub(crate) customer: u8,
    pub(crate) birth: i64,
    /// The start of the cohort's period.
    pub(crate) cohort: i64,
    pub(crate) segment: Segment,
    /// The starts of its ages, up to the first that is not before the end of the window.
    pub(crate) starts: Vec<i64>,
    pub(crate) returns: Vec<Return<'a>>,
}

impl Member<'_> {
    pub(crate) fn begun(&self, age: usize, until: i64) -> bool {
        self.starts.get(age).is_some_and(|start| *start < until)
    }

    pub(crate) fn lived(&self, age: usize, until: i64) -> bool {
        self.starts.get(age + 1).is_some_and(|end| *end <= until)
    }
}

/// The members, and how the customers divide.
#[derive(Debug)]
pub(crate) struct Census<'a> {
    pub(crate) members: Vec<Member<'a>>,
    pub(crate) customers: u64,
    pub(crate) distinct: u64,
    pub(crate) outside: u64,
    pub(crate) without: u64,
}

pub(crate) struct Naive<'a> {
    pub(crate) log: &'a Log,
    pub(crate) question: &'a Question,
    pub(crate) rules: Rules,
    pub(crate) calendar: Calendar,
    pub(crate) until: i64,
    cohorts: Vec<Cut>,
    ages: Vec<Cut>,
    /// The segments that are kept, where the others are drawn together.
    kept: Option<BTreeSet<Segment>>,
}

impl<'a> Naive<'a> {
    pub(crate) fn new(log: &'a Log, question: &'a Question) -> Self {
        let (rules, calendar, until) = (question.rules(), question.calendar(log), question.until(log));
        let declared = log.customers.iter().flatten().flat_map(|(_, profile)| [profile.signed_up, profile.joined]).flatten();
        let first = declared.map(|day| calendar.start_of_day(day)).fold(log.first(), i64::min);
        let cohorts = calendar.cuts(question.cohort, first, until.max(first));
        let ages = match rules.alignment {
            Alignment::Calendar => calendar.cuts(question.age_period(), first, until.max(first)),
            Alignment::Rolling => Vec::new(),
        };
        Self { log, question, rules, calendar, until, cohorts, ages, kept: None }
    }

    /// How results write the start of a cohort.
    pub(crate) fn written(&self, cohort: i64) -> String {
        if self.question.cohort.contains("hour") {
            return self.calendar.written(cohort);
        }
        self.cohorts[number(&self.cohorts, cohort)].day.to_string()
    }

    pub(crate) fn selects(&self, selector: Option<&Selector>, row: &Row) -> bool {
        selects(selector, row, self.log, &self.calendar)
    }

    /// Every customer's rows that exist for the query, in the order of its life.
    fn lives(&self) -> BTreeMap<u8, Vec<&'a Row>> {
        let mut lives: BTreeMap<u8, Vec<&Row>> = BTreeMap::new();
        let exists = |row: &&Row| row.time < self.until && self.selects(self.question.filter.as_ref(), row);
        for row in self.log.rows.iter().filter(exists) {
            lives.entry(row.customer).or_default().push(row);
        }
        if let Birth::Declared(_) = self.rules.birth {
            for customer in self.log.customers.iter().flatten().map(|(customer, _)| *customer) {
                lives.entry(customer).or_default();
            }
        }
        lives.values_mut().for_each(|life| life.sort_by_key(|row| row.place()));
        lives
    }

    /// The members. Once it is known which segments are the largest, the others are drawn together, and all is done again.
    pub(crate) fn census(&mut self) -> Census<'a> {
        let census = self.count();
        let Some(top) = self.question.top else { return census };
        let ranked = self.ranked(&census.members);
        if ranked.len() <= top {
            return census;
        }
        self.kept = Some(ranked.into_iter().take(top).collect());
        self.count()
    }

    fn count(&self) -> Census<'a> {
        let lives = self.lives();
        let mut census = Census { members: Vec::new(), customers: lives.len() as u64, distinct: 0, outside: 0, without: 0 };
        for (customer, life) in lives {
            let mut born = 0;
            let mut members = Vec::new();
            for (own, life) in self.logs_of(customer, life) {
                for (birth, row) in self.births(customer, &life) {
                    born += 1;
                    if self.in_range(birth) {
                        let segment = own.clone().unwrap_or_else(|| self.segment_of_member(customer, row, &life));
                        members.push(self.member(customer, birth, segment, &life));
                    }
                }
            }
            match (born, members.len()) {
                (0, _) => census.without += 1,
                (_, 0) => census.outside += 1,
                _ => census.distinct += 1,
            }
            census.members.extend(members);
        }
        census
    }

    /// A life as a whole; where birth and return have to share a value, the rows of each value as a life of their own.
    fn logs_of(&self, customer: u8, life: Vec<&'a Row>) -> Vec<(Option<Segment>, Vec<&'a Row>)> {
        if self.question.by.is_empty() || self.rules.segment_as_of != SegmentAsOf::BirthAndReturn {
            return vec![(None, life)];
        }
        let mut logs: BTreeMap<Segment, Vec<&Row>> = BTreeMap::new();
        if let Some(Birth::Declared(_)) = &self.question.birth {
            // A declared birth has no value of activity: it is among the rows without one alone.
            let nothing = self.segment(customer, None);
            let life = life.into_iter().filter(|row| self.segment(customer, Some(row)) == nothing).collect();
            return vec![(Some(nothing), life)];
        }
        if life.is_empty() {
            logs.insert(self.segment(customer, None), Vec::new());
        }
        for row in life {
            logs.entry(self.segment(customer, Some(row))).or_default().push(row);
        }
        logs.into_iter().map(|(segment, life)| (Some(segment), life)).collect()
    }

    fn in_range(&self, birth: i64) -> bool {
        let instant = |when| self.question.instant(self.log, when);
        self.question.born_from.is_none_or(|from| birth >= instant(from))
            && self.question.born_until.is_none_or(|until| birth < instant(until))
    }

    /// The births of a life: the instant, and the row where there is one.
    fn births(&self, customer: u8, life: &[&'a Row]) -> Vec<(i64, Option<&'a Row>)> {
        let born = self.question.born.as_ref();
        let mut matching = life.iter().copied().filter(|row| self.selects(born, row));
        let rows: Vec<&Row> = match self.rules.birth {
            Birth::First => matching.next().into_iter().collect(),
            Birth::FirstEver => {
                let named = born.map(Selector::named_events).unwrap_or_default();
                let any = self.question.dialect != Dialect::Posthog;
                let among = |row: &&Row| any || named.iter().all(|names| names.contains(&row.event));
                let first = life.iter().copied().find(among);
                first.filter(|row| self.selects(born, row)).into_iter().collect()
            }
            Birth::Recurring => {
                let mut periods = BTreeSet::new();
                matching.filter(|row| periods.insert(number(&self.cohorts, row.time))).collect()
            }
            Birth::Declared(ref column) => {
                let day = self.log.profile(customer).and_then(|profile| profile.declared(column));
                let start = day.map(|day| self.calendar.start_of_day(day)).filter(|start| *start < self.until);
                return start.into_iter().map(|start| (start, None)).collect();
            }
        };
        rows.into_iter().map(|row| (row.time, Some(row))).collect()
    }

    /// The values of the `by` columns on a row; those of the customers table are the customer's.
    fn segment(&self, customer: u8, row: Option<&Row>) -> Segment {
        let profile = self.log.profile(customer);
        let value = |column: &&str| match *column {
            "event" => row.map(|row| row.event.to_owned()),
            "currency" => row.and_then(|row| row.currency).map(str::to_owned),
            "country" => row.and_then(|row| row.country).map(str::to_owned),
            "plan" => row.and_then(|row| row.plan).map(str::to_owned),
            "tier" => profile.and_then(|profile| profile.tier).map(str::to_owned),
            "signed_up" => profile.and_then(|profile| profile.signed_up).map(|day| day.to_string()),
            _ => unreachable!("{column}"),
        };
        let segment: Segment = self.question.by.iter().map(value).collect();
        match &self.kept {
            Some(kept) if !kept.contains(&segment) => vec![Some("(other)".to_owned()); segment.len()],
            _ => segment,
        }
    }

    fn segment_of_member(&self, customer: u8, birth: Option<&Row>, life: &[&Row]) -> Segment {
        match self.rules.segment_as_of {
            SegmentAsOf::Birth => self.segment(customer, birth),
            SegmentAsOf::Latest => self.segment(customer, life.last().copied()),
            SegmentAsOf::Activity | SegmentAsOf::BirthAndReturn => Segment::new(),
        }
    }

    fn member(&self, customer: u8, birth: i64, segment: Segment, life: &[&'a Row]) -> Member<'a> {
        let counted = |at: i64| if self.rules.whole_hours { self.calendar.start_of_hour(at) } else { at };
        let starts = match self.rules.alignment {
            Alignment::Calendar => self.ages[number(&self.ages, birth)..].iter().map(|cut| cut.at).collect(),
            Alignment::Rolling => {
                let thirty = self.rules.thirty_days;
                self.calendar.anniversaries(counted(birth), self.question.age_period(), thirty, self.until)
            }
        };
        let dialect = self.question.dialect;
        let later_only = dialect == Dialect::Mixpanel || dialect == Dialect::Amplitude;
        let same = self.question.born == self.question.returned;
        let mut returns = Vec::new();
        for row in life.iter().filter(|row| self.selects(self.question.returned.as_ref(), row)) {
            let after = row.time > birth;
            let (retains, valued) = match dialect {
                // In the first period at any time, for values too if both selectors are the same.
                Dialect::Posthog if row.time >= starts[0] => (true, after || same),
                Dialect::Posthog => (false, false),
                _ if later_only => (after, after),
                _ => (row.time >= birth, row.time >= birth),
            };
            if retains || valued {
                let age = starts.partition_point(|start| *start <= counted(row.time)) - 1;
                let segment = match self.rules.segment_as_of {
                    SegmentAsOf::Activity => self.segment(customer, Some(row)),
                    _ => Segment::new(),
                };
                returns.push(Return { row, age, retains, valued, segment });
            }
        }
        let cohort = self.cohorts[number(&self.cohorts, birth)].at;
        Member { customer, birth, cohort, segment, starts, returns }
    }

    /// The segments by members, at activity by those with a return there; of equally large ones in order of values.
    fn ranked(&self, members: &[Member<'a>]) -> Vec<Segment> {
        let mut customers: BTreeMap<&Segment, BTreeSet<u8>> = BTreeMap::new();
        for member in members {
            let own: BTreeSet<&Segment> = match self.rules.segment_as_of {
                SegmentAsOf::Activity => member.returns.iter().map(|row| &row.segment).collect(),
                _ => [&member.segment].into(),
            };
            own.into_iter().for_each(|segment| {
                customers.entry(segment).or_default().insert(member.customer);
            });
        }
        let mut ranked: Vec<(&Segment, usize)> = customers.into_iter().map(|(segment, of)| (segment, of.len())).collect();
        ranked.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        ranked.into_iter().map(|(segment, _)| segment.clone()).collect()
    }
}
