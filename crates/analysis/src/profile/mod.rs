//! What is known of each customer at the end of the window.

mod gaps;

use std::collections::{BTreeMap, HashMap, HashSet};

use tenure_history::{History, Part};
use tenure_model::{DIVISION_SCALE, Decimal, Instant, Table, column};

use crate::error::Error;
use crate::lives::{LifeSegments, Tally, plan, tally};
use crate::plan::Plan;
use crate::query::Measure;
use crate::revenue::{SPAN_COLUMNS, SpanReader, window};
use crate::scope::Scope;
use crate::segments::SegmentId;
use crate::table_segments::{TableSegments, texts};
use crate::walk::{Member, Numbering, Renumbering};

pub(crate) use gaps::RhythmOf;

use gaps::{Gaps, Rhythm, own_gaps};

/// How many days before the end of the window the value at stake goes back.
pub(crate) const YEAR_DAYS: i32 = 365;

/// What is known of a customer.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) customer: i64,
    pub(crate) last: Instant,
    /// Local days from the last activity to the last day of the window.
    pub(crate) silent_days: i64,
    pub(crate) known_days: i64,
    pub(crate) activities: u64,
    pub(crate) active_days: u64,
    pub(crate) amounts: Vec<Amounts>,
    pub(crate) rhythm: Option<Rhythm>,
}

impl Facts {
    /// What was spent in a currency; where no amount names one, in any.
    pub(crate) fn amounts_in(&self, currency: Option<&str>) -> Option<&Amounts> {
        let mine = self.amounts.iter().find(|amounts| amounts.currency.as_deref() == currency);
        mine.or_else(|| self.amounts.first().filter(|amounts| self.amounts.len() == 1 && amounts.currency.is_none()))
    }

    /// A customer without activity.
    pub(crate) fn unseen(customer: i64) -> Self {
        Self {
            customer,
            last: Instant(0),
            silent_days: 0,
            known_days: 0,
            activities: 0,
            active_days: 0,
            amounts: Vec::new(),
            rhythm: None,
        }
    }
}

/// What a customer spent in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Amounts {
    pub(crate) currency: Option<String>,
    pub(crate) total: Decimal,
    /// In the last [`YEAR_DAYS`] days of the window.
    pub(crate) last_year: Decimal,
    pub(crate) purchases: u64,
}

/// All customers with activity, and the end of the window.
pub(crate) struct AllFacts {
    /// In the order of their numbers.
    pub(crate) facts: Vec<Facts>,
    pub(crate) until: Instant,
}

/// A customer as the scan meets them.
#[derive(Debug)]
struct Met {
    customer: i64,
    cohort: i32,
    last: i64,
    first_day: i32,
    last_day: i32,
    activities: u64,
    active_days: u64,
    /// Currency, total, of the last year, purchases.
    amounts: Vec<(u32, i128, i128, u64)>,
    /// The quantile of their own gaps, where they have enough, and how many they have.
    own: Option<u32>,
    gaps: u32,
}

#[derive(Debug)]
struct FactTally {
    quantile: f64,
    year_from: i64,
    met: Vec<Met>,
    gaps: Gaps,
}

impl Tally for FactTally {
    fn add(&mut self, _: &Plan<'_>, _: &mut Numbering, life: &Member<'_>) {
        let (Some(first), Some(last)) = (life.events.first(), life.events.last()) else { return };
        let mut days: Vec<i32> = life.events.iter().map(|event| event.unit as i32).collect();
        days.dedup();
        let gaps: Vec<u32> = days.windows(2).map(|pair| (pair[1] - pair[0]) as u32).collect();
        self.gaps.add(life.birth.cohort, &gaps);
        let mut amounts: Vec<(u32, i128, i128, u64)> = Vec::new();
        for event in life.events {
            let Some(value) = event.value else { continue };
            let place = match amounts.iter().position(|(currency, ..)| *currency == event.currency) {
                Some(place) => place,
                None => {
                    amounts.push((event.currency, 0, 0, 0));
                    amounts.len() - 1
                }
            };
            let (_, total, year, purchases) = &mut amounts[place];
            *total += i128::from(value);
            if event.unit >= self.year_from {
                *year += i128::from(value);
            }
            *purchases += u64::from(value > 0);
        }
        self.met.push(Met {
            customer: life.customer,
            cohort: life.birth.cohort,
            last: last.at,
            first_day: first.unit as i32,
            last_day: last.unit as i32,
            activities: life.events.len() as u64,
            active_days: days.len() as u64,
            amounts,
            own: own_gaps(&gaps, self.quantile),
            gaps: gaps.len() as u32,
        });
    }

    fn segments(&self) -> Vec<SegmentId> {
        Vec::new()
    }

    fn join(&mut self, other: Self, numbers: &Renumbering) {
        self.gaps.join(other.gaps);
        self.met.extend(other.met.into_iter().map(|mut met| {
            met.amounts.iter_mut().for_each(|(currency, ..)| *currency = numbers.currency(*currency));
            met
        }));
    }
}

/// What is known of all customers with activity; nothing of a history without. Their rhythm is that quantile of the gaps
/// between their active days.
pub(crate) fn facts(history: &History, scope: &Scope, quantile: f64) -> Result<Option<AllFacts>, Error> {
    let scope = Scope { by: None, ..scope.clone() };
    let mut question = scope.of_activity(history, None);
    question.measure = Measure::Value;
    let Some(mut plan) = plan(history, &question)? else { return Ok(None) };
    plan.wants_instants();
    let until = plan.until();
    let last_day = plan.units.zone().day_of(Instant(until.0 - 1)).0;
    let start = || FactTally { quantile, year_from: i64::from(last_day - YEAR_DAYS + 1), met: Vec::new(), gaps: Gaps::default() };
    let tallied = tally(history, &plan, LifeSegments::Columns, start)?;
    let FactTally { met, gaps, .. } = &tallied.tally;
    let priors = gaps.priors(quantile);
    let money = |units: i128| Decimal::new(units, plan.scale);
    let mut facts: Vec<Facts> = met
        .iter()
        .map(|met| {
            let mut amounts: Vec<Amounts> = met
                .amounts
                .iter()
                .map(|&(currency, total, year, purchases)| Amounts {
                    currency: tallied.currency(currency),
                    total: money(total),
                    last_year: money(year),
                    purchases,
                })
                .collect();
            amounts.sort_by(|a, b| a.currency.cmp(&b.currency));
            Facts {
                customer: met.customer,
                last: Instant(met.last),
                silent_days: i64::from(last_day - met.last_day),
                known_days: i64::from(last_day - met.first_day),
                activities: met.activities,
                active_days: met.active_days,
                amounts,
                rhythm: priors.rhythm(met.own, met.gaps, met.cohort),
            }
        })
        .collect();
    facts.sort_by_key(|facts| facts.customer);
    Ok(Some(AllFacts { facts, until }))
}

/// What a customer with paid subscriptions pays a month.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paid {
    /// Just before the end of the window, by currency; nothing where all have ended.
    pub(crate) now: BTreeMap<Option<String>, Decimal>,
    /// The end of the last, where all have ended.
    pub(crate) ended: Option<Instant>,
}

/// What customers with paid subscriptions pay.
pub(crate) fn recurring(history: &History, scope: &Scope) -> Result<HashMap<i64, Paid>, Error> {
    if history.rows_of(Table::Subscriptions) == 0 {
        return Ok(HashMap::new());
    }
    let Some(until) = window(history, &Scope { by: None, ..scope.clone() })?.until else { return Ok(HashMap::new()) };
    // Of each span the customer, the end, the currency and the amount.
    type State = (SpanReader, Vec<(i64, i64, Option<String>, i128)>);
    let scan = history.scan_table(Table::Subscriptions, SPAN_COLUMNS.into_iter());
    let (_, paid) = scan.fold_parts(
        false,
        State::default,
        |(reader, found): &mut State, part: Part<'_>| {
            for (customer, subscriber) in reader.step(&TableSegments::None, until.0, part)? {
                for span in &subscriber.paid {
                    found.push((customer, span.to, reader.names.currency_name(span.currency).map(str::to_owned), span.mrr));
                }
            }
            Ok::<(), Error>(())
        },
        |mut a, b| {
            a.1.extend(b.1);
            a
        },
    )?;
    let mut by_customer: HashMap<i64, Paid> = HashMap::new();
    for (customer, to, currency, mrr) in paid {
        let known = by_customer.entry(customer).or_default();
        if to >= until.0 {
            *known.now.entry(currency).or_default() += Decimal::new(mrr, DIVISION_SCALE);
        } else {
            known.ended = known.ended.max(Some(Instant(to)));
        }
    }
    by_customer.values_mut().filter(|known| !known.now.is_empty()).for_each(|known| known.ended = None);
    Ok(by_customer)
}

/// Ids of customers by their numbers, and what some columns say of them.
pub(crate) type KnownAs = HashMap<i64, (String, Vec<Option<String>>)>;

/// The ids of some customers, or of all, and what columns of the customers table say of them.
pub(crate) fn known_as(history: &History, wanted: Option<&HashSet<i64>>, columns: &[String]) -> Result<KnownAs, Error> {
    history.scan(&[]).fold_parts(
        true,
        KnownAs::new,
        |found: &mut KnownAs, part: Part<'_>| {
            let Part::Customers(rows) = part else { return Ok(()) };
            let ids: Vec<Option<&str>> = rows.texts(column::CUSTOMER_ID).into_iter().flatten().collect();
            let values: Vec<Vec<Option<String>>> = columns.iter().map(|name| texts(rows, name)).collect();
            for (row, customer) in
                rows.customers().iter().enumerate().filter(|(_, customer)| wanted.is_none_or(|wanted| wanted.contains(customer)))
            {
                let said = values.iter().map(|column| column[row].clone()).collect();
                found.insert(*customer, (ids[row].unwrap_or_default().to_owned(), said));
            }
            Ok::<(), Error>(())
        },
        |mut a, b| {
            a.extend(b);
            a
        },
    )
}

/// The column of the customers table that has e-mail addresses: the one named, or one whose name says so.
pub(crate) fn email_column(history: &History, named: Option<&str>) -> Result<Option<String>, Error> {
    let columns = history.attributes_of(Table::Customers);
    if let Some(named) = named {
        if columns.iter().any(|column| column == named) {
            return Ok(Some(named.to_owned()));
        }
        return Err(Error::query(format!(
            "--email {named}: the customers table has no column \"{named}\"; {}",
            tenure_expression::suggestion(named, columns.iter().map(String::as_str))
        )));
    }
    let says_so = |name: &str| {
        let plain: String = name.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        ["email", "emailaddress", "customeremail", "useremail", "mail"].contains(&plain.as_str())
    };
    Ok(columns.into_iter().find(|name| says_so(name)))
}

/// An e-mail address: that of the column, else the id where it is one.
pub(crate) fn email_of(id: &str, said: Option<&str>) -> Option<String> {
    said.map(str::to_owned).or_else(|| {
        let (name, host) = id.split_once('@')?;
        (!name.is_empty() && host.contains('.') && !id.contains(char::is_whitespace)).then(|| id.to_owned())
    })
}
