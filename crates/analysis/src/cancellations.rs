//! Why customers left: reasons with counts, shares, the recurring revenue lost and how long it had lasted.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use tenure_history::{History, Part, Rows};
use tenure_model::{DIVISION_SCALE, Day, Decimal, Instant, Table, TimePoint, Zone, column};

use crate::error::Error;
use crate::lives::SegmentPlace;
use crate::revenue::{SPAN_COLUMNS, SpanReader, Subscriber};
use crate::scope::{has_column, is_cohort};
use crate::table_segments::{TableSegments, texts};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What stands for a column where cancellations are parted by how long customers had stayed; a column of that name comes first.
pub const TENURE: &str = "tenure";

/// The bands of tenure, in days: up to how many.
const BANDS: [(i64, &str); 5] =
    [(30, "0-30 days"), (90, "31-90 days"), (180, "91-180 days"), (365, "181-365 days"), (i64::MAX, "366 days and more")];

/// A question about cancellations.
#[derive(Debug, Clone, Default)]
pub struct CancellationQuery {
    /// The column whose values part them: of cancellations, or of customers; [`crate::COHORT`] for the month in which customers began,
    /// or [`TENURE`] for how long they stayed. Default: none.
    pub by: Option<String>,
    /// Only those at or after this. Default: all.
    pub from: Option<TimePoint>,
    /// Only those before this. Default: all.
    pub as_of: Option<TimePoint>,
    /// The zone of local days. Default: the history's home zone.
    pub zone: Option<Zone>,
}

/// Cancellations by reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Cancellations {
    /// The rules they follow.
    pub definition: CancellationDefinition,
    /// By segment (the whole first), what is counted, and count, the largest first.
    pub rows: Vec<CancellationRow>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The rules of a table of reasons.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the part of the question that it is named after")]
pub struct CancellationDefinition {
    pub source: &'static str,
    pub by: Option<String>,
    pub from: Option<String>,
    pub until: Option<String>,
    pub mrr_lost: &'static str,
    pub tenure: &'static str,
    pub zone: String,
    pub content: String,
}

/// What a row of the table counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// A reason that was stated.
    Reason,
    /// A free text, as it stands.
    Comment,
}

impl Told {
    /// The name as results have it.
    pub const fn name(self) -> &'static str {
        match self {
            Told::Reason => "reason",
            Told::Comment => "comment",
        }
    }
}

/// The cancellations with one reason, or with one free text.
#[derive(Debug, Clone, PartialEq)]
pub struct CancellationRow {
    /// What is counted.
    pub told: Told,
    /// The reason or the text; none where none was stated.
    pub text: Option<String>,
    /// Nothing for the whole, else the value of the segment, which may be missing.
    pub segment: Option<Option<String>>,
    /// Cancellations.
    pub count: u64,
    /// All cancellations of the segment; of comments those with one.
    pub of: u64,
    /// Recurring revenue lost, by currency; empty where no subscription ended with them.
    pub mrr_lost: BTreeMap<Option<String>, Decimal>,
    /// Mean days from the first paid day, or else the first activity, to the cancellation.
    pub mean_tenure_days: Option<f64>,
}

#[derive(Debug, Clone, Default)]
struct Sum {
    count: u64,
    mrr: BTreeMap<Option<String>, i128>,
    lived: i128,
    lives: u64,
}

/// A cancellation and what is known of it.
#[derive(Debug, Clone)]
struct Cancelled {
    customer: i64,
    at: i64,
    reason: Option<String>,
    comment: Option<String>,
    segment: Option<SegmentPlace>,
    mrr: BTreeMap<Option<String>, i128>,
    since: Option<i64>,
}

/// The cancellations of a history by reason.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a history without cancellations or a column that there is not,
/// [`crate::ErrorKind::History`] where reading fails.
pub fn cancellations(history: &History, query: &CancellationQuery) -> Result<Cancellations, Error> {
    if history.rows_of(Table::Cancellations) == 0 {
        return Err(Error::query(
            "the history has no cancellations: ingest an export of them with --table cancellations, or with a preset such as chargebee-cancellations",
        ));
    }
    let zone = query.zone.clone().unwrap_or_else(|| history.home_zone().clone());
    let bound = |point: Option<TimePoint>| point.map(|point| point.resolve(&zone));
    let (from, until) = (bound(query.from), bound(query.as_of));
    let by = query.by.as_deref();
    let by_cohort = is_cohort(history, by);
    let by_tenure = by == Some(TENURE) && !has_column(history, TENURE);
    let mut found = read(history, by.filter(|_| !by_cohort && !by_tenure), from, until)?;
    add_subscriptions(history, &mut found)?;
    add_first_activity(history, &mut found)?;
    for one in found.iter_mut().filter(|_| by_cohort || by_tenure) {
        let place = one.since.map(|since| if by_cohort { month_of(&zone, since) } else { band(one.at - since) });
        one.segment = Some(place.unwrap_or(SegmentPlace::Missing));
    }
    let mut sums: BTreeMap<(SegmentPlace, Told, Option<String>), Sum> = BTreeMap::new();
    let mut commented: BTreeMap<SegmentPlace, u64> = BTreeMap::new();
    let mut all: BTreeMap<SegmentPlace, u64> = BTreeMap::new();
    for one in &found {
        for place in std::iter::once(SegmentPlace::Whole).chain(one.segment.clone()) {
            *all.entry(place.clone()).or_default() += 1;
            sums.entry((place.clone(), Told::Reason, one.reason.clone())).or_default().add(one);
            if one.comment.is_some() {
                *commented.entry(place.clone()).or_default() += 1;
                sums.entry((place, Told::Comment, one.comment.clone())).or_default().add(one);
            }
        }
    }
    let mut rows: Vec<(SegmentPlace, CancellationRow)> = Vec::new();
    for ((place, told, text), sum) in sums {
        let row = CancellationRow {
            told,
            text,
            segment: place.value(),
            count: sum.count,
            of: if told == Told::Reason { &all } else { &commented }.get(&place).copied().unwrap_or_default(),
            mrr_lost: sum.mrr.into_iter().map(|(currency, mrr)| (currency, Decimal::new(mrr, DIVISION_SCALE))).collect(),
            mean_tenure_days: (sum.lives > 0).then(|| sum.lived as f64 / DAY as f64 / sum.lives as f64),
        };
        rows.push((place, row));
    }
    rows.sort_by_cached_key(|(place, row)| {
        (place.clone(), row.told, std::cmp::Reverse(row.count), row.text.is_none(), row.text.clone())
    });
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    let without = found.iter().filter(|one| one.since.is_none()).count();
    let notes = if without > 0 {
        vec![format!("of customers without earlier subscription or activity, so that their tenure is not known: {without}")]
    } else {
        Vec::new()
    };
    let definition = CancellationDefinition {
        source: "cancellations",
        by: query.by.clone(),
        from: from.map(|at| at.to_string()),
        until: until.map(|at| at.to_string()),
        mrr_lost: "MRR of the customer's subscription spans that had begun by the cancellation and end at it, within the day before it, or later; of several cancellations within a span the last counts",
        tenure: "from the first paid instant, or else the first activity, to the cancellation",
        zone: zone.name().to_owned(),
        content: history.content().to_string(),
    };
    Ok(Cancellations { definition, rows, notes })
}

/// The month in which somebody began.
fn month_of(zone: &Zone, since: i64) -> SegmentPlace {
    let month = Day::first_of_month(zone.day_of(Instant(since)).month_number());
    SegmentPlace::Value(month.to_string())
}

/// The band of a time from first payment or activity to leaving, in microseconds.
fn band(lived: i64) -> SegmentPlace {
    let days = lived.div_euclid(DAY);
    let place = BANDS.iter().position(|(most, _)| days <= *most).unwrap_or(BANDS.len() - 1);
    SegmentPlace::Band(place as u8, BANDS[place].1)
}

impl Sum {
    fn add(&mut self, one: &Cancelled) {
        self.count += 1;
        for (currency, mrr) in &one.mrr {
            *self.mrr.entry(currency.clone()).or_default() += mrr;
        }
        if let Some(since) = one.since {
            self.lived += i128::from(one.at - since);
            self.lives += 1;
        }
    }
}

fn read(history: &History, by: Option<&str>, from: Option<Instant>, until: Option<Instant>) -> Result<Vec<Cancelled>, Error> {
    let segments = TableSegments::new(history, Table::Cancellations, &[], by)?;
    let (in_rows, in_customers) = match &segments {
        TableSegments::None | TableSegments::Cohorts(_) => (None, None),
        TableSegments::Rows(name) => (Some(name.as_str()), None),
        TableSegments::Customers(name) => (None, Some(name.as_str())),
    };
    type Found = (Vec<Cancelled>, HashMap<i64, Option<String>>);
    let step = |(found, of_customers): &mut Found, part: Part<'_>| {
        match part {
            Part::Customers(customers) => {
                if let Some(name) = in_customers {
                    *of_customers = customers.customers().iter().copied().zip(texts(customers, name)).collect();
                }
            }
            Part::Activity(rows) => found.extend(cancelled(rows, in_rows, in_customers.map(|_| &*of_customers), from, until)),
            Part::End => {}
        }
        Ok::<(), Error>(())
    };
    let join = |mut a: Found, b: Found| {
        a.0.extend(b.0);
        a
    };
    let scan = segments.scan(history, Table::Cancellations, &[column::TIME, column::REASON, column::COMMENT]);
    let (mut found, _) = scan.fold_parts(segments.need_customers(), Found::default, step, join)?;
    found.sort_by_key(|one| (one.customer, one.at));
    Ok(found)
}

fn cancelled(
    rows: &Rows,
    by: Option<&str>,
    of_customers: Option<&HashMap<i64, Option<String>>>,
    from: Option<Instant>,
    until: Option<Instant>,
) -> Vec<Cancelled> {
    let (reasons, comments) = (texts(rows, column::REASON), texts(rows, column::COMMENT));
    let of_rows = by.map(|name| texts(rows, name));
    let times = rows.times().unwrap_or_default();
    let inside = |at: i64| from.is_none_or(|from| at >= from.0) && until.is_none_or(|until| at < until.0);
    let places = rows.customers().iter().zip(times).enumerate().filter(|(_, (_, at))| inside(**at));
    places
        .map(|(row, (&customer, &at))| Cancelled {
            customer,
            at,
            reason: reasons[row].clone(),
            comment: comments[row].clone(),
            segment: match (&of_rows, of_customers) {
                (Some(of_rows), _) => Some(SegmentPlace::of(of_rows[row].clone())),
                (None, Some(of_customers)) => Some(SegmentPlace::of(of_customers.get(&customer).cloned().flatten())),
                (None, None) => None,
            },
            mrr: BTreeMap::new(),
            since: None,
        })
        .collect()
}

/// The places of each customer's cancellations, which are in order of time.
fn places(found: &[Cancelled]) -> HashMap<i64, std::ops::Range<usize>> {
    let mut places = HashMap::new();
    let mut from = 0;
    for mine in found.chunk_by(|a, b| a.customer == b.customer) {
        places.insert(mine[0].customer, from..from + mine.len());
        from += mine.len();
    }
    places
}

/// What cancellations say of recurring revenue.
fn add_subscriptions(history: &History, found: &mut [Cancelled]) -> Result<(), Error> {
    if history.rows_of(Table::Subscriptions) == 0 {
        return Ok(());
    }
    let places = places(found);
    // What was lost with which cancellation; since when customers pay.
    type State = (SpanReader, Vec<(usize, Option<String>, i128)>, Vec<(i64, i64)>);
    let known = &*found;
    let step = |(reader, lost, since): &mut State, part: Part<'_>| {
        for (customer, Subscriber { paid, .. }) in reader.step(&TableSegments::None, i64::MAX, part)? {
            let Some(mine) = places.get(&customer).cloned() else { continue };
            since.extend(paid.iter().map(|span| span.from).min().map(|from| (customer, from)));
            for span in paid.iter().filter(|span| span.to < i64::MAX) {
                let within = mine
                    .clone()
                    .rev()
                    .find(|&place| known[place].at >= span.from && known[place].at <= span.to.saturating_add(DAY));
                if let Some(place) = within {
                    let currency = reader.names.currency_name(span.currency).map(str::to_owned);
                    lost.push((place, currency, span.mrr));
                }
            }
        }
        Ok::<(), Error>(())
    };
    let join = |mut a: State, b: State| {
        a.1.extend(b.1);
        a.2.extend(b.2);
        a
    };
    let scan = history.scan_table(Table::Subscriptions, SPAN_COLUMNS.into_iter());
    let (_, lost, since) = scan.fold_parts(false, State::default, step, join)?;
    for (place, currency, mrr) in lost {
        *found[place].mrr.entry(currency).or_default() += mrr;
    }
    for (customer, from) in since {
        for place in places[&customer].clone() {
            if from <= found[place].at {
                found[place].since = Some(from);
            }
        }
    }
    Ok(())
}

/// Since when customers were active of whom no subscription is known.
fn add_first_activity(history: &History, found: &mut [Cancelled]) -> Result<(), Error> {
    if history.rows() == 0 || found.iter().all(|one| one.since.is_some()) {
        return Ok(());
    }
    let places = places(found);
    let first = history.scan(&[tenure_history::Column::Time]).fold(
        HashMap::new,
        |first: &mut HashMap<i64, i64>, rows: &Rows| {
            for (customer, at) in rows.customers().iter().zip(rows.times().unwrap_or_default()) {
                if places.contains_key(customer) {
                    let known = first.entry(*customer).or_insert(*at);
                    *known = (*known).min(*at);
                }
            }
            Ok::<(), Error>(())
        },
        |mut a, b| {
            a.extend(b);
            a
        },
    )?;
    for one in found.iter_mut().filter(|one| one.since.is_none()) {
        one.since = first.get(&one.customer).copied().filter(|first| *first <= one.at);
    }
    Ok(())
}
