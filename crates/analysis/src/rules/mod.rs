//! Rules: for whom, and when, something is to be done.

mod table;
mod when;

use std::collections::{BTreeSet, HashMap, HashSet};

use tenure_expression::suggestion;
use tenure_history::History;
use tenure_model::{Decimal, Instant, Table, TimePoint};

use crate::at_risk::DEFAULT_QUANTILE;
use crate::error::Error;
use crate::goals::{Latest, MetricSettings};
use crate::lives::{LifeSegments, Tally, plan, tally};
use crate::metrics::METRICS;
use crate::plan::Plan;
use crate::profile::{Amounts, Facts, KnownAs, Paid, email_column, email_of, facts, known_as, recurring};
use crate::scope::Scope;
use crate::segments::SegmentId;
use crate::walk::{Member, Numbering, Renumbering};

use when::{Delay, When};

pub(crate) use table::{Made, MadeTable};

/// What is known of customers at the end of the window: names that conditions of rules may use, and what they mean. Beside them
/// stand the columns of the customers table.
pub const FACTS: [(&str, &str); 11] = [
    ("customer", "the customer's id"),
    ("days_since_last_activity", "local days from the last activity to the last day of the window"),
    ("days_since_first_activity", "local days from the first activity to the last day of the window"),
    ("overdue_days", "days_since_last_activity less the 0.95 quantile of the customer's own gaps, as at-risk --overdue has it"),
    ("activities", "how many activities there are"),
    ("active_days", "on how many local days"),
    ("purchases", "activities with a value above 0, in the currency"),
    ("value_total", "sum of values, in the currency"),
    ("value_last_year", "the same of the last 365 days of the window"),
    ("mrr", "what the customer pays a month at the end of the window, in the currency"),
    ("currency", "the currency; a customer with several is judged in each"),
];

/// Facts that begin anew with each activity: a condition over them may come true again.
const OF_SILENCE: [&str; 2] = ["days_since_last_activity", "overdue_days"];

/// For whom something is to be done.
#[derive(Debug, Clone)]
pub struct Rule {
    /// When, as it is written: a condition over [`FACTS`] and columns of the customers table, or over metrics (names that are both are
    /// customers' where no other says otherwise); or
    /// `event 'A' without event 'B' for '48h'`, or `after '7d' of event 'A'`, each perhaps with `and CONDITION`.
    pub when: String,
    /// Events before this are left alone. Default: none are.
    pub since: Option<TimePoint>,
    /// How metrics are made, where the condition is over metrics.
    pub settings: MetricSettings,
    /// The column of the customers table with e-mail addresses. Default: the one whose name says so.
    pub email: Option<String>,
}

/// Somebody for whom a rule holds, or the business as a whole, and what makes this time different from others.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// The customer; nobody where the condition is over metrics.
    pub customer: Option<String>,
    /// The address, where it is known.
    pub email: Option<String>,
    /// What tells it from others of the customer: the instant of the event, that of the last activity where the condition is about
    /// silence, the period's start where it is about metrics; else `once`.
    pub occurrence: String,
    /// Why, in words.
    pub reason: String,
    /// What the customer ever spent, in the currency.
    pub value: Option<Decimal>,
    /// The currency.
    pub currency: Option<String>,
}

/// For whom a rule holds at the end of the window, by customer and occurrence.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] where the rule can't be read, names what there is not, or asks about customers and metrics at once;
/// [`crate::ErrorKind::History`] where reading fails.
pub fn occurrences(history: &History, scope: &Scope, rule: &Rule) -> Result<Vec<Occurrence>, Error> {
    scope.check()?;
    let when = When::read(&rule.when)?;
    let mut found = match &when {
        When::Condition(text) => {
            let names = names_of(text)?;
            let facts = fact_names(history);
            check_names(history, text, &names)?;
            let is_metric = |name: &&String| METRICS.iter().any(|metric| metric.name == **name);
            // Some names are both; what the others are says which is meant, and where they say nothing customers are.
            let metric = names.iter().filter(is_metric).find(|name| !facts.contains(*name));
            let of_customers = names.iter().any(|name| facts.contains(name) && !is_metric(&name));
            match metric {
                Some(metric) if of_customers => {
                    return Err(Error::query(format!(
                        "when {text:?}: {metric} is a metric and other names are about customers; a rule is about either"
                    )));
                }
                Some(_) => while_metrics(history, scope, rule, text)?,
                None => while_condition(history, scope, rule, text, &names)?,
            }
        }
        When::Without { event, without, within, and } => {
            let kind = if event == without { Kind::WithoutAnother } else { Kind::Without };
            let times = Times { within: within.micros, kind };
            let reason = |at: Instant| format!("{event} at {at} without {without} for {}", within.text);
            after_events(history, scope, rule, &[event, without], times, and.as_deref(), reason)?
        }
        When::After { delay: Delay { text, micros }, event, and } => {
            let times = Times { within: *micros, kind: Kind::After };
            let reason = |at: Instant| format!("{text} after {event} at {at}");
            after_events(history, scope, rule, &[event], times, and.as_deref(), reason)?
        }
    };
    if rule.since.is_some() && matches!(when, When::Condition(_)) {
        return Err(Error::query(format!("when {:?}: since goes with rules about events", rule.when)));
    }
    found.sort_by(|a, b| (&a.customer, &a.occurrence, &a.currency).cmp(&(&b.customer, &b.occurrence, &b.currency)));
    // A customer with several currencies for whom it holds in more than one is one occurrence.
    found.dedup_by(|b, a| a.customer.is_some() && a.customer == b.customer && a.occurrence == b.occurrence);
    Ok(found)
}

/// The names that a condition uses.
fn names_of(text: &str) -> Result<Vec<String>, Error> {
    tenure_expression::column_names(text).map_err(|error| Error::query(format!("when {text:?}: {error}")))
}

/// The names that conditions over customers may use.
fn fact_names(history: &History) -> BTreeSet<String> {
    let facts = FACTS.iter().map(|(name, _)| (*name).to_owned());
    facts.chain(history.attributes_of(Table::Customers)).collect()
}

/// The customers of a table of facts, beside its rows.
struct Known {
    table: MadeTable,
    /// Of each row the customer's place among the facts, and the currency.
    rows: Vec<(usize, Option<String>)>,
    facts: Vec<Facts>,
    ids: KnownAs,
    has_email: bool,
}

impl Known {
    fn new(history: &History, scope: &Scope, rule: &Rule, names: &[String]) -> Result<Self, Error> {
        let mut all = facts(history, scope, DEFAULT_QUANTILE)?.map(|found| found.facts).unwrap_or_default();
        let paid = recurring(history, scope)?;
        let email = email_column(history, rule.email.as_deref())?;
        let own: Vec<String> = names.iter().filter(|name| !FACTS.iter().any(|(fact, _)| fact == name)).cloned().collect();
        let columns: Vec<String> = email.iter().chain(&own).cloned().collect();
        let ids = known_as(history, None, &columns)?;
        // Customers without activity are known all the same.
        let active: HashSet<i64> = all.iter().map(|facts| facts.customer).collect();
        all.extend(ids.keys().filter(|customer| !active.contains(customer)).map(|customer| Facts::unseen(*customer)));
        all.sort_by_key(|facts| facts.customer);
        let mut rows: Vec<(usize, Option<String>)> = Vec::new();
        for (place, customer) in all.iter().enumerate() {
            let mut currencies: BTreeSet<Option<String>> = customer.amounts.iter().map(|a| a.currency.clone()).collect();
            currencies.extend(paid.get(&customer.customer).into_iter().flat_map(|paid| paid.now.keys().cloned()));
            // Amounts that name no currency are in the one that there is.
            if currencies.len() == 2 {
                currencies.remove(&None);
            }
            let none = currencies.is_empty().then_some(None);
            rows.extend(currencies.into_iter().chain(none).map(|currency| (place, currency)));
        }
        let has_email = email.is_some();
        let mut known = Self { table: MadeTable::default(), rows, facts: all, ids, has_email };
        known.table = known.made(names, &own, &paid);
        Ok(known)
    }

    fn made(&self, names: &[String], own: &[String], paid: &HashMap<i64, Paid>) -> MadeTable {
        let integers = |of: &dyn Fn(&Facts) -> Option<i64>| {
            Made::Integers(self.rows.iter().map(|(place, _)| of(&self.facts[*place])).collect())
        };
        let seen = |facts: &Facts| facts.activities > 0;
        let amounts = |of: &dyn Fn(&Amounts) -> Decimal| {
            // Who never spent anything spent 0.
            let value = |(place, currency): &(usize, Option<String>)| {
                Some(self.facts[*place].amounts_in(currency.as_deref()).map(of).unwrap_or_default())
            };
            Made::Decimals(self.rows.iter().map(value).collect())
        };
        let mut columns = Vec::new();
        for name in names {
            let made = match name.as_str() {
                "customer" => {
                    let id = |(place, _): &(usize, _)| self.ids.get(&self.facts[*place].customer).map(|(id, _)| id.clone());
                    Made::Texts(self.rows.iter().map(id).collect())
                }
                "days_since_last_activity" => integers(&|facts| seen(facts).then_some(facts.silent_days)),
                "days_since_first_activity" => integers(&|facts| seen(facts).then_some(facts.known_days)),
                "overdue_days" => integers(&|facts| facts.rhythm.map(|rhythm| facts.silent_days - i64::from(rhythm.days))),
                "activities" => integers(&|facts| i64::try_from(facts.activities).ok()),
                "active_days" => integers(&|facts| i64::try_from(facts.active_days).ok()),
                "purchases" => {
                    let count = |(place, currency): &(usize, Option<String>)| {
                        let mine = self.facts[*place].amounts_in(currency.as_deref());
                        i64::try_from(mine.map_or(0, |amounts| amounts.purchases)).ok()
                    };
                    Made::Integers(self.rows.iter().map(count).collect())
                }
                "value_total" => amounts(&|amounts| amounts.total),
                "value_last_year" => amounts(&|amounts| amounts.last_year),
                "mrr" => {
                    let mrr = |(place, currency): &(usize, Option<String>)| {
                        Some(
                            paid.get(&self.facts[*place].customer)
                                .and_then(|paid| paid.now.get(currency))
                                .copied()
                                .unwrap_or_default(),
                        )
                    };
                    Made::Decimals(self.rows.iter().map(mrr).collect())
                }
                "currency" => Made::Texts(self.rows.iter().map(|(_, currency)| currency.clone()).collect()),
                name => {
                    let Some(place) = own.iter().position(|own| own == name) else { continue };
                    let place = place + usize::from(self.has_email);
                    let said =
                        |(at, _): &(usize, _)| self.ids.get(&self.facts[*at].customer).and_then(|(_, said)| said[place].clone());
                    Made::Texts(self.rows.iter().map(said).collect())
                }
            };
            columns.push((name.clone(), made));
        }
        MadeTable { rows: self.rows.len(), columns }
    }

    /// A row as somebody for whom a rule holds.
    fn occurrence(&self, row: usize, occurrence: String, reason: String) -> Occurrence {
        let (place, currency) = &self.rows[row];
        let facts = &self.facts[*place];
        let (id, said) = self.ids.get(&facts.customer).cloned().unwrap_or_default();
        let email = if self.has_email { said.first().cloned().flatten() } else { None };
        Occurrence {
            email: email_of(&id, email.as_deref()),
            customer: Some(id),
            occurrence,
            reason,
            value: facts.amounts_in(currency.as_deref()).map(|amounts| amounts.total),
            currency: currency.clone(),
        }
    }
}

/// Refuses names that are nothing.
fn check_names(history: &History, text: &str, names: &[String]) -> Result<(), Error> {
    let known = fact_names(history);
    let is_metric = |name: &String| METRICS.iter().any(|metric| metric.name == *name);
    let Some(unknown) = names.iter().find(|name| !known.contains(*name) && !is_metric(name)) else { return Ok(()) };
    let all: Vec<&str> = known.iter().map(String::as_str).chain(METRICS.iter().map(|metric| metric.name)).collect();
    Err(Error::query(format!("when {text:?}: no \"{unknown}\" of customers, and no such metric; {}", suggestion(unknown, all))))
}

/// Those for whom a condition over what is known of customers holds.
fn while_condition(
    history: &History,
    scope: &Scope,
    rule: &Rule,
    text: &str,
    names: &[String],
) -> Result<Vec<Occurrence>, Error> {
    check_names(history, text, names)?;
    let known = Known::new(history, scope, rule, names)?;
    let held = known.table.holds("when", text, &scope.zone(history))?;
    let of_silence = names.iter().any(|name| OF_SILENCE.contains(&name.as_str()));
    let rows = held.iter().enumerate().filter(|(_, held)| **held).map(|(row, _)| row);
    Ok(rows
        .map(|row| {
            let last = known.facts[known.rows[row].0].last;
            let occurrence = if of_silence { last.to_string() } else { "once".to_owned() };
            known.occurrence(row, occurrence, known.table.told(row, names))
        })
        .collect())
}

/// The last complete period, where a condition over metrics holds of it.
fn while_metrics(history: &History, scope: &Scope, rule: &Rule, text: &str) -> Result<Vec<Occurrence>, Error> {
    let latest = Latest::of(history, scope, &rule.settings, &names_of(text)?, None)?;
    let Some(period) = latest.period else { return Ok(Vec::new()) };
    let held = latest.table.holds("when", text, &scope.zone(history))?;
    let rows = held.iter().enumerate().filter(|(_, held)| **held).map(|(row, _)| row);
    let occurrence = |row: usize| Occurrence {
        customer: None,
        email: None,
        occurrence: period.to_string(),
        reason: format!("{} in the {} from {period}", latest.table.told(row, &latest.names), scope.period),
        value: None,
        currency: latest.currencies[row].clone(),
    };
    Ok(rows.map(occurrence).collect())
}

/// How events are waited for.
#[derive(Debug, Clone, Copy)]
struct Times {
    within: i64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No answer may come within the time.
    Without,
    /// No other event of the kind may.
    WithoutAnother,
    /// The time alone must be over.
    After,
}

/// Events after which the time is over, by customer.
#[derive(Debug)]
struct Waiting {
    times: Times,
    since: i64,
    found: Vec<(i64, i64)>,
}

impl Tally for Waiting {
    fn add(&mut self, plan: &Plan<'_>, _: &mut Numbering, life: &Member<'_>) {
        let until = plan.until().0;
        // Answers in order of time, with their places: an event is no answer to itself.
        let answers: Vec<(usize, i64)> =
            life.events.iter().enumerate().filter(|(_, event)| event.marks.returned).map(|(at, event)| (at, event.at)).collect();
        let mut before = None;
        for (place, event) in life.events.iter().enumerate().filter(|(_, event)| event.marks.born && event.at >= self.since) {
            let end = event.at.saturating_add(self.times.within);
            let later = match self.times.kind {
                Kind::After => &[],
                // Of one kind of event the next one answers, not another of the same instant.
                Kind::WithoutAnother => &answers[answers.partition_point(|(_, at)| *at <= event.at)..],
                Kind::Without => &answers[answers.partition_point(|(_, at)| *at < event.at)..],
            };
            let answered = later.iter().find(|(other, _)| *other != place).is_some_and(|(_, at)| *at < end);
            // Several of one instant are one.
            if end <= until && !answered && before != Some(event.at) {
                self.found.push((life.customer, event.at));
                before = Some(event.at);
            }
        }
    }

    fn segments(&self) -> Vec<SegmentId> {
        Vec::new()
    }

    fn join(&mut self, other: Self, _: &Renumbering) {
        self.found.extend(other.found);
    }
}

/// An error about a condition that was made of a rule, told of the rule.
fn of_rule(when: &str, error: Error) -> Error {
    let text = error.to_string();
    match text.split_once("\n  in --") {
        Some((first, _)) => Error::query(format!("when {when:?}: {first}")),
        None => error,
    }
}

/// Those with an event after which the time is over; `events` are that and the one that must not follow.
fn after_events(
    history: &History,
    scope: &Scope,
    rule: &Rule,
    events: &[&String],
    times: Times,
    and: Option<&str>,
    reason: impl Fn(Instant) -> String,
) -> Result<Vec<Occurrence>, Error> {
    let condition = |event: &String| format!("event = '{}'", event.replace('\'', "''"));
    let scope = Scope { by: None, ..scope.clone() };
    let mut question = scope.of_activity(history, None);
    question.born = events.first().map(|event| condition(event));
    question.returned = events.get(1).map(|event| condition(event));
    let Some(mut plan) = plan(history, &question)? else { return Ok(Vec::new()) };
    plan.wants_instants();
    let since = rule.since.map_or(i64::MIN, |since| since.resolve(plan.units.zone()).0);
    let waiting = || Waiting { times, since, found: Vec::new() };
    let found = tally(history, &plan, LifeSegments::Columns, waiting).map_err(|error| of_rule(&rule.when, error))?.tally.found;
    let names = and.map(names_of).transpose()?.unwrap_or_default();
    if let Some(text) = and {
        check_names(history, text, &names)?;
        let known = fact_names(history);
        if let Some(metric) = names.iter().find(|name| !known.contains(*name)) {
            return Err(Error::query(format!(
                "when {text:?}: {metric} is a metric, and what follows an event is about customers"
            )));
        }
    }
    let known = Known::new(history, &scope, rule, &names)?;
    let held = match and {
        Some(text) => known.table.holds("when", text, &scope.zone(history))?,
        None => vec![true; known.rows.len()],
    };
    let mut row_of: HashMap<i64, usize> = HashMap::new();
    for (row, (place, _)) in known.rows.iter().enumerate().filter(|(row, _)| held[*row]) {
        row_of.entry(known.facts[*place].customer).or_insert(row);
    }
    let told = |row: usize, at: i64| {
        let facts = known.table.told(row, &names);
        let facts = if facts.is_empty() { facts } else { format!("; {facts}") };
        known.occurrence(row, Instant(at).to_string(), format!("{}{facts}", reason(Instant(at))))
    };
    Ok(found.into_iter().filter_map(|(customer, at)| row_of.get(&customer).map(|row| told(*row, at))).collect())
}
