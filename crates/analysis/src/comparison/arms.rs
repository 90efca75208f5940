//! Who is on which side.

use std::collections::BTreeSet;

use tenure_expression::{near, suggestion};
use tenure_history::History;
use tenure_model::{Age, Calendar, Day, Instant, Periods, TimePoint, Zone, grouped};

use crate::columns::Columns;
use crate::comparison::rows::Curve;
use crate::comparison::{ComparisonQuery, Sides};
use crate::dialect::{BirthRow, Rules};
use crate::error::Error;
use crate::matrix::{RetentionMatrix, Segment};
use crate::query::{Ages, Measure, RetentionQuery, Source};

/// What a missing value is called.
const NONE: &str = "(none)";

/// The flags that say who is treated, and who is not.
const TREATED: &str = "--treated";
const CONTROL: &str = "--control";

/// Where the questions about all members of a trial stand: behind those of the two sides.
const BOTH: usize = 2;

/// A question that a side's members are found with.
pub(crate) struct Question {
    pub(crate) query: RetentionQuery,
    pub(crate) rules: Rules,
}

/// A side: some of the members that a question finds.
pub(crate) struct Arm {
    pub(crate) name: String,
    pub(crate) question: usize,
    /// The value of the first column of segments; none where all members are meant.
    value: Option<Option<String>>,
}

impl Arm {
    /// Whether a segment is on this side.
    pub(crate) fn has(&self, segment: &Segment) -> bool {
        self.value.as_ref().is_none_or(|value| segment.first() == Some(value))
    }

    /// The value of the column that a difference is split by, if it is.
    pub(crate) fn split<'a>(&self, segment: &'a Segment) -> Option<&'a Option<String>> {
        segment.get(usize::from(self.value.is_some()))
    }
}

/// The sides and the questions that find their members.
pub(crate) struct Arms {
    pub(crate) arms: Vec<Arm>,
    pub(crate) questions: Vec<Question>,
    /// Where the question about everybody stands, sides or not.
    everybody: Option<usize>,
}

impl Arms {
    pub(crate) fn new(history: &History, query: &ComparisonQuery, rules: &Rules) -> Result<Self, Error> {
        let retention = RetentionQuery { measure: Measure::Customers, ..query.retention.clone() };
        let zone = retention.zone.clone().unwrap_or_else(|| history.home_zone().clone());
        let question = |query: RetentionQuery| Question { query, rules: rules.clone() };
        let of_row = |query: RetentionQuery, flag: &'static str, text: String| Question {
            query,
            rules: Rules { birth_row: Some(BirthRow { flag, text }), ..rules.clone() },
        };
        let arm = |name: &str, question: usize| Arm { name: name.to_owned(), question, value: None };
        // Who is there at all needs no curve.
        let heads = RetentionQuery { by: Vec::new(), segment_as_of: None, ages: Ages::At(vec![Age::BIRTH]), ..retention.clone() };
        let heads = match rules.criterion {
            tenure_model::Criterion::Brackets(_) => RetentionQuery { ages: Ages::Begun, ..heads },
            _ => heads,
        };
        let made = match &query.sides {
            Sides::Between { column, values } => {
                if retention.by.contains(column) {
                    return Err(Error::query(format!(
                        "--by {column}: the sides are values of that column already; split by another"
                    )));
                }
                let columns = Columns::of(history);
                if retention.source == Source::Activity && history.rows() > 0 && columns.home(column).is_none() {
                    return Err(Error::query(format!(
                        "--between {column}: no column \"{column}\"; {}",
                        suggestion(column, columns.names())
                    )));
                }
                let by = std::iter::once(column.clone()).chain(retention.by.iter().cloned()).collect();
                let distinct: BTreeSet<&Option<String>> = values.iter().collect();
                if values.len() < 2 || distinct.len() < values.len() {
                    return Err(Error::query(format!(
                        "--between {column}: expected two values or more, each once, such as --between {column}=a,b"
                    )));
                }
                let name = |value: &Option<String>| value.clone().unwrap_or_else(|| NONE.to_owned());
                let arms = values.iter().map(|value| Arm { name: name(value), question: 0, value: Some(value.clone()) });
                Self { arms: arms.collect(), questions: vec![question(RetentionQuery { by, ..retention })], everybody: Some(0) }
            }
            Sides::Cohorts(starts) => {
                let calendar =
                    Calendar { zone: zone.clone(), week_start: retention.week_start, fiscal_start: retention.fiscal_start };
                retention.check(rules.alignment, &rules.criterion)?;
                let periods = Periods::new(calendar, retention.cohort, retention.origin.unwrap_or(Day(0)));
                let mut made = Self { arms: Vec::new(), questions: Vec::new(), everybody: None };
                for start in starts {
                    let (name, from, until) = cohort(&periods, *start, &zone)?;
                    if made.arms.iter().any(|known| known.name == name) {
                        return Err(Error::query(format!("--cohorts names {name} twice; expected two or more, each once")));
                    }
                    let within = between(&retention, Some(from), Some(until), &zone);
                    made.arms.push(arm(&name, made.questions.len()));
                    made.questions.push(question(within));
                }
                if made.arms.len() < 2 {
                    return Err(Error::query(
                        "--cohorts: expected two or more, such as --cohorts 2024-01-01,2024-02-01; the first is the one the others are held against",
                    ));
                }
                made
            }
            Sides::Trial { treated, control } => Self {
                arms: vec![arm("control", 0), arm("treated", 1)],
                questions: vec![
                    of_row(retention.clone(), CONTROL, control.clone()),
                    of_row(retention, TREATED, treated.clone()),
                    of_row(heads.clone(), TREATED, format!("({treated}) and ({control})")),
                    question(heads),
                ],
                everybody: Some(BOTH + 1),
            },
            Sides::BeforeAfter { treated, since } => {
                let moment = since.resolve(&zone);
                let sides = [between(&retention, None, Some(moment), &zone), between(&retention, Some(moment), None, &zone)];
                let shown = match since {
                    TimePoint::Day(day) => day.to_string(),
                    TimePoint::Instant(at) => at.to_string(),
                };
                let mut questions: Vec<Question> = sides
                    .into_iter()
                    .map(|side| match treated {
                        Some(text) => of_row(side, TREATED, text.clone()),
                        None => question(side),
                    })
                    .collect();
                questions.push(question(heads));
                Self {
                    arms: vec![arm(&format!("before {shown}"), 0), arm(&format!("since {shown}"), 1)],
                    questions,
                    everybody: Some(2),
                }
            }
        };
        Ok(made)
    }

    /// Refuses sides that are nobody or share a customer, and says who is on no side.
    pub(crate) fn check(
        &self,
        query: &ComparisonQuery,
        matrices: &[RetentionMatrix],
        curves: &[Curve],
    ) -> Result<Vec<String>, Error> {
        if let Some(place) = curves.iter().position(|curve| curve.members == 0) {
            return Err(Error::query(self.nobody(query, &matrices[self.arms[place].question], place)));
        }
        if let Sides::Trial { .. } = query.sides {
            let both = matrices[BOTH].totals.members;
            if both > 0 {
                let who = if both == 1 { "1 customer is".to_owned() } else { format!("{} customers are", grouped(both)) };
                return Err(Error::query(format!(
                    "{who} on both sides by the birth row, {TREATED} and {CONTROL}: let the conditions exclude each other"
                )));
            }
        }
        let on_sides: u64 = curves.iter().map(|curve| curve.members).sum();
        let everybody = self.everybody.map_or(on_sides, |place| matrices[place].totals.members);
        let others = everybody.saturating_sub(on_sides);
        Ok((others > 0)
            .then(|| format!("{} of {} members are on no side, and left out", grouped(others), grouped(everybody)))
            .into_iter()
            .collect())
    }

    /// Why a side has no members.
    fn nobody(&self, query: &ComparisonQuery, matrix: &RetentionMatrix, place: usize) -> String {
        let name = &self.arms[place].name;
        match &query.sides {
            Sides::Between { column, .. } => {
                let known: BTreeSet<&str> =
                    matrix.cohorts.iter().filter_map(|row| row.segment.first()).map(|v| v.as_deref().unwrap_or(NONE)).collect();
                let close = near(name, known.iter().copied());
                let hint = if known.is_empty() {
                    "there are no members at all".to_owned()
                } else if close.is_empty() {
                    let shown: Vec<&str> = known.iter().copied().take(8).collect();
                    let more = if known.len() > shown.len() { ", …" } else { "" };
                    format!("it has {}{more}", shown.join(", "))
                } else {
                    format!("did you mean {}?", close.join(" or "))
                };
                format!("--between {column}: nobody has \"{name}\"; {hint}")
            }
            Sides::Cohorts(_) => format!("--cohorts {name}: nobody was born in that {}", query.retention.cohort),
            Sides::Trial { treated, control } => {
                let (flag, text) = if place == 0 { (CONTROL, control) } else { (TREATED, treated) };
                format!("{flag} {text:?}: it holds for nobody's birth row, so that there is nothing to compare")
            }
            Sides::BeforeAfter { .. } => format!("--since: nobody was born {name}, so that there is nothing to compare"),
        }
    }
}

/// The period that starts then: its name, its start and its end.
fn cohort(periods: &Periods, start: TimePoint, zone: &Zone) -> Result<(String, Instant, Instant), Error> {
    let at = start.resolve(zone);
    let number = match start {
        TimePoint::Day(day) if periods.by_day() => periods.number_of_day(day),
        _ => periods.number_at(at),
    };
    let (from, until) = (periods.start(number), periods.start(number + 1));
    let name = if periods.by_day() { periods.first_day(number).to_string() } else { from.in_zone(zone) };
    if from != at {
        let shown = match start {
            TimePoint::Day(day) => day.to_string(),
            TimePoint::Instant(at) => at.to_string(),
        };
        return Err(Error::query(format!(
            "--cohorts {shown}: no cohort starts then; the {} that holds it starts on {name}",
            periods.period()
        )));
    }
    Ok((name, from, until))
}

/// The question about those born between two moments, within the range that it asks for itself.
fn between(query: &RetentionQuery, from: Option<Instant>, until: Option<Instant>, zone: &Zone) -> RetentionQuery {
    let own = |point: Option<TimePoint>| point.map(|point| point.resolve(zone));
    let (own_from, own_until) = (own(query.born_from), own(query.born_until));
    RetentionQuery {
        born_from: own_from.max(from).map(TimePoint::Instant),
        born_until: [own_until, until].into_iter().flatten().min().map(TimePoint::Instant),
        ..query.clone()
    }
}
