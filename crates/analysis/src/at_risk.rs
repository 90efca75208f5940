//! Customers who are about to leave: silent for longer than they should be.

use std::cmp::Reverse;
use std::collections::HashSet;

use serde::Serialize;
use tenure_history::History;
use tenure_model::{Decimal, Instant};

use crate::error::Error;
use crate::profile::{Amounts, Facts, Paid, RhythmOf, YEAR_DAYS, email_column, email_of, facts, known_as, recurring};
use crate::scope::{Scope, ScopeDefinition};

/// The quantile of gaps that a silence is held against, where nothing is said.
pub const DEFAULT_QUANTILE: f64 = 0.95;

/// Who is at risk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Risk {
    /// Who was not active on any of the last so many local days of the window.
    InactiveFor(u32),
    /// Who is silent for more days than that quantile of their own gaps between active days; of those with fewer than four gaps
    /// than that of their cohort's.
    Overdue(f64),
}

/// A question for customers at risk.
#[derive(Debug, Clone)]
pub struct AtRiskQuery {
    /// The end of the window and the activity that counts; cohorts are those of its periods.
    pub scope: Scope,
    /// Who is at risk.
    pub risk: Risk,
    /// Who is silent for more days than this has left already and is left out. Default: nobody.
    pub lost_after: Option<u32>,
    /// At most so many, those with the most at stake of each currency. Default: all.
    pub top: Option<usize>,
    /// The column of the customers table with e-mail addresses. Default: the one whose name says so.
    pub email: Option<String>,
}

/// Customers at risk.
#[derive(Debug, Clone, PartialEq)]
pub struct AtRisk {
    /// The rules they follow.
    pub definition: AtRiskDefinition,
    /// By currency, and what is at stake, the most first.
    pub rows: Vec<AtRiskRow>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The rules of a list of customers at risk.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the part of the question that it is named after")]
pub struct AtRiskDefinition {
    #[serde(flatten)]
    pub scope: ScopeDefinition,
    pub risk: String,
    pub lost_after: Option<u32>,
    pub value: String,
    pub customers: u64,
    pub at_risk: u64,
}

/// A customer at risk.
#[derive(Debug, Clone, PartialEq)]
pub struct AtRiskRow {
    /// The customer's id.
    pub customer: String,
    /// The address, where it is known.
    pub email: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// What the customer spent in the last year of the window: what is at stake.
    pub value: Option<Decimal>,
    /// What the customer ever spent.
    pub value_total: Option<Decimal>,
    /// The currency of both; of a customer with several that of most purchases.
    pub currency: Option<String>,
    /// What the customer pays a month at the end of the window, in that currency.
    pub mrr: Option<Decimal>,
    /// The instant of the last activity.
    pub last_activity: Instant,
    /// Local days since.
    pub silent_days: i64,
    /// The days that are held against it.
    pub threshold_days: u32,
}

/// The customers of a history who are at risk.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a history without activity, a scope that contradicts itself, or a column that there is not;
/// [`crate::ErrorKind::History`] where reading fails.
pub fn at_risk(history: &History, query: &AtRiskQuery) -> Result<AtRisk, Error> {
    query.scope.check()?;
    let quantile = match query.risk {
        Risk::Overdue(quantile) if !(quantile > 0.0 && quantile <= 1.0) => {
            return Err(Error::query(format!("--quantile {quantile}: expected a share above 0 and at most 1, such as 0.95")));
        }
        Risk::Overdue(quantile) => quantile,
        Risk::InactiveFor(_) => DEFAULT_QUANTILE,
    };
    let email = email_column(history, query.email.as_deref())?;
    let found = facts(history, &query.scope, quantile)?
        .ok_or_else(|| Error::query("the history has no activity, so nobody is silent"))?;
    let (mut without_rhythm, mut lost) = (0u64, 0u64);
    let mut chosen: Vec<(&Facts, u32, String)> = Vec::new();
    for customer in &found.facts {
        let Some((threshold, reason)) = judged(customer, query.risk) else {
            without_rhythm += u64::from(customer.rhythm.is_none());
            continue;
        };
        if query.lost_after.is_some_and(|days| customer.silent_days > i64::from(days)) {
            lost += 1;
        } else {
            chosen.push((customer, threshold, reason));
        }
    }
    let recurring = recurring(history, &query.scope)?;
    let wanted: HashSet<i64> = chosen.iter().map(|(customer, ..)| customer.customer).collect();
    let columns: Vec<String> = email.iter().cloned().collect();
    let known = known_as(history, Some(&wanted), &columns)?;
    let zone = query.scope.zone(history);
    let (mut several, mut ended, mut elsewhere) = (0u64, 0u64, 0u64);
    let mut rows: Vec<AtRiskRow> = Vec::new();
    for (customer, threshold_days, mut reason) in chosen {
        let (id, said) = known.get(&customer.customer).cloned().unwrap_or_default();
        several += u64::from(customer.amounts.len() > 1);
        let spent = main_currency(&customer.amounts);
        let paid = recurring.get(&customer.customer);
        // Amounts that name no currency are in the one that is paid in.
        let named = spent.and_then(|spent| spent.currency.clone());
        let currency = named.or_else(|| paid.and_then(first_currency));
        let mrr = paid.and_then(|paid| paid.now.get(&currency).copied());
        elsewhere += u64::from(mrr.is_none() && paid.is_some_and(|paid| !paid.now.is_empty()));
        if let Some(at) = paid.and_then(|paid| paid.ended) {
            ended += 1;
            reason.push_str(&format!("; their subscription ended on {}", zone.day_of(at)));
        }
        rows.push(AtRiskRow {
            email: email_of(&id, said.first().and_then(Option::as_deref)),
            customer: id,
            reason,
            value: spent.map(|spent| spent.last_year),
            value_total: spent.map(|spent| spent.total),
            mrr,
            currency,
            last_activity: customer.last,
            silent_days: customer.silent_days,
            threshold_days,
        });
    }
    rows.sort_by_cached_key(|row| {
        let at_stake = Reverse((row.value, row.mrr));
        (row.currency.is_none(), row.currency.clone(), at_stake, Reverse(row.silent_days), row.customer.clone())
    });
    let all = rows.len();
    if let Some(top) = query.top {
        let of_each = rows.chunk_by(|a, b| a.currency == b.currency).flat_map(|rows| rows.iter().take(top));
        rows = of_each.cloned().collect();
    }
    let mut notes = Vec::new();
    if all > rows.len() {
        notes.push(format!("the first {} of them, by what is at stake; all without --top", rows.len()));
    }
    if without_rhythm > 0 && matches!(query.risk, Risk::Overdue(_)) {
        notes.push(format!("not judged, since nobody has come back yet and there is no rhythm: customers {without_rhythm}"));
    }
    if lost > 0 {
        notes.push(format!("left out as lost already, by --lost-after: {lost} customers"));
    }
    if ended > 0 {
        notes.push(format!("{ended} of them had a subscription that has ended, and may have left already: the reason says when"));
    }
    if elsewhere > 0 {
        notes.push(format!(
            "of {elsewhere} customers the mrr is left out, since they pay it in another currency than they buy in"
        ));
    }
    if several > 0 {
        notes.push(format!("of {several} customers with several currencies the value is that of the currency of most purchases"));
    }
    let definition = AtRiskDefinition {
        scope: query.scope.definition(&zone, Some(found.until), history.content()),
        risk: match query.risk {
            Risk::InactiveFor(days) => format!("no activity on the last {days} days"),
            Risk::Overdue(quantile) => format!(
                "silent for more days than the {quantile} quantile of their own gaps between active days; with fewer than 4 gaps, of their cohort's; with fewer than 20 in it, of all customers'"
            ),
        },
        lost_after: query.lost_after,
        value: format!("spent in the last {YEAR_DAYS} days"),
        customers: found.facts.len() as u64,
        at_risk: all as u64,
    };
    Ok(AtRisk { definition, rows, notes })
}

/// Whether a customer is at risk: the days held against the silence, and the reason in words.
fn judged(customer: &Facts, risk: Risk) -> Option<(u32, String)> {
    let silent = customer.silent_days;
    match risk {
        Risk::InactiveFor(days) => {
            (silent >= i64::from(days)).then(|| (days, format!("not active for {silent} days, which is {days} or more")))
        }
        Risk::Overdue(quantile) => {
            let rhythm = customer.rhythm?;
            let share = format!("{} %", (quantile * 1000.0).round() / 10.0);
            let whose = match rhythm.of {
                RhythmOf::Own => format!("{share} of their own {} gaps are", rhythm.own),
                RhythmOf::Cohort => format!("{share} of their cohort's gaps are"),
                RhythmOf::All => format!("{share} of all customers' gaps are"),
            };
            let days = rhythm.days;
            (silent > i64::from(days)).then(|| (days, format!("silent for {silent} days; {whose} {days} days or less")))
        }
    }
}

/// The amounts in the currency of most purchases; of several the first by name.
fn main_currency(amounts: &[Amounts]) -> Option<&Amounts> {
    amounts.iter().max_by_key(|amounts| (amounts.purchases, Reverse(amounts.currency.clone())))
}

fn first_currency(paid: &Paid) -> Option<String> {
    paid.now.keys().next().cloned().flatten()
}
