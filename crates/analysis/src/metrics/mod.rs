//! Metrics by period: whatever a history can answer.

mod activity;
mod benchmark;
mod catalog;
mod concentration;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tenure_history::History;
use tenure_model::{DIVISION_SCALE, Decimal, Granularity, Period, Table};

use crate::columns::Columns;
use crate::error::Error;
use crate::interval::{Interval, Wilson};
use crate::lives::{SegmentPlace, plan, tally};
use crate::query::Measure;
use crate::revenue::{Quotient, RevenueQuery, Terms, paying, revenue, segments_of, spreads, terms};
use crate::scope::{FigurePeriod, Frame, Scope, ScopeDefinition};

use activity::{ActivityTally, Amounts, Customers, Rules};
use concentration::Spreads;

pub(crate) use activity::Heads;
pub use benchmark::Benchmark;
pub use catalog::{METRICS, Metric, MetricKind, metric_named};
pub(crate) use concentration::Spread;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A question for metrics.
#[derive(Debug, Clone, Default)]
pub struct MetricsQuery {
    /// Periods, segments, and the activity that counts.
    pub scope: Scope,
    /// The metrics asked for. Default: all that the history can answer.
    pub metrics: Vec<&'static Metric>,
    /// For how many local days activity makes a customer. Default: customers are those with a subscription, where there are
    /// subscriptions.
    pub active_within: Option<u32>,
    /// The gross margin, a share. Default: metrics that need it are left out.
    pub margin: Option<Decimal>,
    /// What it costs to win a customer. Default: metrics that need it are left out.
    pub cac: Option<Decimal>,
    /// Reference values to stand beside metrics. Default: none.
    pub benchmarks: Vec<Benchmark>,
}

/// Metrics by period.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    /// The rules they follow.
    pub definition: MetricsDefinition,
    /// By segment (the whole first), period, metric and currency.
    pub rows: Vec<MetricRow>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The rules of metrics.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the part of the question that it is named after")]
pub struct MetricsDefinition {
    #[serde(flatten)]
    pub scope: ScopeDefinition,
    /// Who is a customer at an instant.
    pub customer: Option<String>,
    pub margin: Option<String>,
    pub cac: Option<String>,
}

/// A metric of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    /// The period.
    pub period: FigurePeriod,
    /// Nothing for the whole, else the value of the segment, which may be missing.
    pub segment: Option<Option<String>>,
    /// The metric.
    pub metric: &'static Metric,
    /// Its value; nothing where there is nothing to divide by.
    pub value: Option<MetricValue>,
    /// What is divided, where something is.
    pub numerator: Option<Decimal>,
    /// By what it is divided.
    pub denominator: Option<Decimal>,
    /// The bounds of a share of customers.
    pub interval: Option<Interval>,
    /// The currency of money; none of amounts without one, and of other metrics.
    pub currency: Option<String>,
    /// What it is in the industry that was named, where the value is about periods of the same length.
    pub benchmark: Option<Decimal>,
}

/// The value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricValue {
    /// A count.
    Count(u64),
    /// A share: 1 is 100 %.
    Rate(f64),
    /// Money, exact or rounded to 6 decimals where it is a quotient.
    Money(Decimal),
    /// A mean or a ratio.
    Number(f64),
}

/// The metrics of one segment and period, as they are made.
pub(crate) struct Rows<'a> {
    query: &'a MetricsQuery,
    wilson: Wilson,
    rows: Vec<MetricRow>,
    period: FigurePeriod,
    segment: Option<Option<String>>,
}

fn whole(number: u64) -> Decimal {
    Decimal::new(number.into(), 0)
}

impl Rows<'_> {
    fn wanted(&self, name: &str) -> Option<&'static Metric> {
        let asked = &self.query.metrics;
        let metric = METRICS.iter().find(|metric| metric.name == name)?;
        (asked.is_empty() || asked.iter().any(|asked| asked.name == name)).then_some(metric)
    }

    fn add(&mut self, name: &str, value: Option<MetricValue>, parts: Option<(Decimal, Decimal)>, currency: Option<&str>) {
        let Some(metric) = self.wanted(name) else { return };
        self.rows.push(MetricRow {
            period: self.period,
            segment: self.segment.clone(),
            metric,
            value,
            numerator: parts.map(|(numerator, _)| numerator),
            denominator: parts.map(|(_, denominator)| denominator),
            interval: None,
            currency: currency.map(str::to_owned),
            benchmark: self
                .query
                .benchmarks
                .iter()
                .find(|known| known.is_about(metric, self.query.scope.period))
                .map(|known| known.value),
        });
    }

    fn count(&mut self, name: &str, count: u64) {
        self.add(name, Some(MetricValue::Count(count)), None, None);
    }

    /// A share of customers, with its interval.
    fn share(&mut self, name: &str, part: u64, of: u64, currency: Option<&str>) {
        let value = (of > 0).then(|| MetricValue::Rate(part as f64 / of as f64));
        let before = self.rows.len();
        self.add(name, value, Some((whole(part), whole(of))), currency);
        let interval = self.wilson.interval(part, of);
        self.rows[before..].iter_mut().for_each(|row| row.interval = interval);
    }

    /// A quotient of amounts that is a share or a number.
    fn quotient(&mut self, name: &str, quotient: Quotient, kind: fn(f64) -> MetricValue, currency: Option<&str>) {
        self.add(name, quotient.value().map(kind), Some((quotient.above, quotient.below)), currency);
    }

    fn money(&mut self, name: &str, amount: Decimal, currency: Option<&str>) {
        self.add(name, Some(MetricValue::Money(amount)), None, currency);
    }

    /// Money divided by a count.
    fn money_per(&mut self, name: &str, amount: Decimal, count: u64, currency: Option<&str>) -> Option<Decimal> {
        let value = amount.divided_by(count);
        self.add(name, value.map(MetricValue::Money), Some((amount, whole(count))), currency);
        value
    }

    fn heads(&mut self, heads: &Heads) {
        let new = heads.first_time + heads.reactivated;
        self.count("customers_start", heads.start);
        self.count("customers_new", new);
        self.count("customers_first_time", heads.first_time);
        self.count("customers_reactivated", heads.reactivated);
        self.count("customers_lost", heads.lost);
        self.count("customers_end", heads.end);
        self.count("joined_and_left", heads.joined_and_left);
        self.share("customer_retention_rate", heads.start - heads.lost, heads.start, None);
        self.share("churn_rate", heads.lost, heads.start, None);
    }

    fn terms(&mut self, terms: &Terms, trials: bool) {
        self.count("terms_due", terms.due);
        self.count("terms_renewed", terms.renewed);
        self.share("renewal_rate", terms.renewed, terms.due, None);
        if !trials {
            return;
        }
        self.count("trials_started", terms.trials);
        self.count("trials_in_progress", terms.in_trial);
        self.share("trial_conversion_rate", terms.converted, terms.trials - terms.in_trial, None);
    }
}

/// Metrics that say who is a customer at an instant.
const OF_HEADS: [&str; 9] = [
    "customers_start",
    "customers_new",
    "customers_first_time",
    "customers_reactivated",
    "customers_lost",
    "customers_end",
    "joined_and_left",
    "customer_retention_rate",
    "churn_rate",
];

/// Metrics of the terms of subscriptions, and of trials.
const OF_TERMS: [&str; 6] =
    ["terms_due", "terms_renewed", "renewal_rate", "trials_started", "trials_in_progress", "trial_conversion_rate"];

/// Metrics of subscriptions.
const OF_REVENUE: [&str; 8] = [
    "mrr",
    "mrr_per_customer",
    "gross_revenue_retention",
    "net_revenue_retention",
    "mrr_churn_rate",
    "quick_ratio",
    "mrr_gini",
    "mrr_top_decile_share",
];

fn of_subscriptions(metric: &str) -> bool {
    OF_REVENUE.contains(&metric) || OF_TERMS.contains(&metric)
}

/// The metrics of a history by period.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a question that contradicts itself, names a metric that the history can't answer, or asks
/// for what the history does not have; [`crate::ErrorKind::History`] where reading fails.
pub fn metrics(history: &History, query: &MetricsQuery) -> Result<Metrics, Error> {
    query.scope.check()?;
    let subscribed = history.rows_of(Table::Subscriptions) > 0;
    let active = history.rows() > 0;
    let mut notes = Vec::new();
    check_answerable(query, active, subscribed)?;
    let (active, subscribed) = parted(history, query, active, subscribed, &mut notes);
    if query.metrics.is_empty() {
        notes.extend(left_out(query, active, history.rows_of(Table::Subscriptions) > 0));
    }
    let asks = |names: &[&str]| query.asks(names);
    let of_activity = |metric: &&'static Metric| {
        let of_heads = OF_HEADS.contains(&metric.name);
        !of_subscriptions(metric.name) && (!of_heads || query.active_within.is_some())
    };
    let mut rows = Vec::new();
    let mut until = None;
    if active && (query.metrics.is_empty() || query.metrics.iter().any(of_activity)) {
        until = until.max(add_activity(history, query, &mut rows, &mut notes)?);
    }
    if subscribed && query.active_within.is_none() && asks(&OF_HEADS) {
        let (frame, by_place) = paying(history, &query.scope)?;
        until = until.max(Some(frame.until));
        for (segment, by_period) in by_place {
            for number in frame.numbers() {
                let mut made = query.rows(frame.period(number), segment.value());
                made.heads(&by_period.get(&number).copied().unwrap_or_default());
                rows.extend(made.rows);
            }
        }
    }
    if subscribed && asks(&OF_TERMS) {
        let (frame, by_place) = terms(history, &query.scope)?;
        // Where there never was a trial, nobody asks for them without naming them.
        let trials = !query.metrics.is_empty() || by_place.values().flat_map(|by| by.values()).any(|terms| terms.trials > 0);
        until = until.max(Some(frame.until));
        for (segment, by_period) in by_place {
            for number in frame.numbers() {
                let mut made = query.rows(frame.period(number), segment.value());
                made.terms(&by_period.get(&number).copied().unwrap_or_default(), trials);
                rows.extend(made.rows);
            }
        }
    }
    if subscribed && asks(&OF_REVENUE) {
        let found =
            revenue(history, &RevenueQuery { scope: Scope { filter: None, ..query.scope.clone() }, ..RevenueQuery::default() })?;
        notes.extend(found.notes);
        for row in &found.rows {
            let mut made = query.rows(row.period, row.segment.clone());
            let (mrr, currency) = (&row.mrr, row.currency.as_deref());
            made.money("mrr", mrr.closing, currency);
            made.money_per("mrr_per_customer", mrr.closing, row.customers.closing, currency);
            made.quotient("gross_revenue_retention", mrr.gross_retention(), MetricValue::Rate, currency);
            made.quotient("net_revenue_retention", mrr.net_retention(), MetricValue::Rate, currency);
            made.quotient("mrr_churn_rate", mrr.churn_rate(), MetricValue::Rate, currency);
            made.quotient("quick_ratio", mrr.quick_ratio(), MetricValue::Number, currency);
            rows.extend(made.rows);
        }
    }
    let observed = history.window().until.max(history.window_of(Table::Subscriptions).until);
    if let (Some(as_of), Some(observed)) = (query.scope.as_of.map(|point| point.resolve(&query.scope.zone(history))), observed)
        && as_of.0 > observed.0 + DAY
    {
        notes.push(format!("the exports say nothing after {observed}; up to --as-of {as_of} that is taken for silence"));
    }
    if query.scope.filter.is_some() && rows.iter().any(|row| of_subscriptions(row.metric.name)) {
        notes.push("--filter is about activity; metrics of subscriptions are those of all".to_owned());
    }
    notes.extend(query.benchmarks.iter().map(|known| known.note(query.scope.period)));
    if subscribed && asks(&concentration::OF_MRR) {
        let (frame, by_place) = spreads(history, &query.scope)?;
        for ((segment, currency), by_period) in by_place {
            for (number, spread) in by_period.into_iter().filter(|(number, _)| frame.numbers().contains(number)) {
                let mut made = query.rows(frame.period(number), segment.value());
                spread.add_to(&mut made, concentration::OF_MRR, DIVISION_SCALE, currency.as_deref());
                rows.extend(made.rows);
            }
        }
    }
    let place = |metric: &Metric| METRICS.iter().position(|known| known.name == metric.name);
    rows.sort_by_cached_key(|row| {
        let segment = match &row.segment {
            None => SegmentPlace::Whole,
            Some(value) => SegmentPlace::of(value.clone()),
        };
        (segment, row.period.start, place(row.metric), row.currency.clone())
    });
    let zone = query.scope.zone(history);
    let customer = match query.active_within {
        Some(days) => Some(format!("active within {days} days")),
        None => subscribed.then(|| "with a subscription".to_owned()),
    };
    let definition = MetricsDefinition {
        scope: query.scope.definition(&zone, until, history.content()),
        customer,
        margin: query.margin.map(|margin| margin.to_string()),
        cac: query.cac.map(|cac| cac.to_string()),
    };
    Ok(Metrics { definition, rows, notes })
}

impl MetricsQuery {
    /// Whether any of these metrics is asked for.
    fn asks(&self, names: &[&str]) -> bool {
        self.metrics.is_empty() || self.metrics.iter().any(|metric| names.contains(&metric.name))
    }

    /// Says that amounts are too different to be kept, or refuses the metric that was asked for by name.
    fn too_many_amounts(&self) -> Result<String, Error> {
        let why = format!(
            "more than {} different amounts of customers and periods; choose longer periods, --filter, or fewer segments",
            tenure_model::grouped(concentration::MOST_AMOUNTS as u64)
        );
        let asked = self.metrics.iter().find(|metric| concentration::OF_ACTIVITY.contains(&metric.name));
        asked.map_or(Ok(format!("left out: gini and top_decile_share; {why}")), |metric| {
            Err(Error::query(format!("--metric {}: {why}", metric.name)))
        })
    }

    fn rows(&self, period: FigurePeriod, segment: Option<Option<String>>) -> Rows<'_> {
        Rows { query: self, wilson: Wilson::new(self.scope.level), rows: Vec::new(), period, segment }
    }
}

/// Refuses metrics by name that can't be answered.
fn check_answerable(query: &MetricsQuery, active: bool, subscribed: bool) -> Result<(), Error> {
    let monthly = query.scope.period == Period::One(Granularity::Month);
    for metric in &query.metrics {
        let refuse = |why: &str| Err(Error::query(format!("--metric {}: {why}", metric.name)));
        if OF_HEADS.contains(&metric.name) {
            if query.active_within.is_none() && !subscribed {
                return refuse(
                    "it asks who is a customer at an instant, and the history has no subscriptions; say with --active-within 90d for how long activity makes a customer",
                );
            }
        } else if of_subscriptions(metric.name) {
            if !subscribed {
                return refuse("the history has no subscriptions; ingest an export of them with --table subscriptions");
            }
        } else if !active {
            return refuse("the history has no activity");
        }
        match metric.name {
            "clv_margin" if query.margin.is_none() => return refuse("it needs a gross margin: add --margin 0.6"),
            "ltv_cac" if query.cac.is_none() => return refuse("it needs the cost of winning a customer: add --cac AMOUNT"),
            "mau" | "stickiness" if !monthly => return refuse("it is about months; use --period month"),
            "wau" if query.scope.period.granularity() <= Granularity::Week => {
                return refuse("it is a mean over weeks; use a longer --period");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Which of activity and subscriptions the column of segments parts: where metrics are not named, those of the other are left out.
fn parted(history: &History, query: &MetricsQuery, active: bool, subscribed: bool, notes: &mut Vec<String>) -> (bool, bool) {
    let Some(by) = query.scope.by.as_deref().filter(|_| query.metrics.is_empty() && active && subscribed) else {
        return (active, subscribed);
    };
    let of_activity = query.scope.by_cohort(history) || Columns::of(history).segment(by).is_ok();
    let of_subscriptions = segments_of(history, &query.scope).is_ok();
    if of_activity == of_subscriptions {
        return (active, subscribed);
    }
    let without = if of_activity { "subscriptions" } else { "activity" };
    notes.push(format!("left out: metrics of {without}, which have no column \"{by}\""));
    (of_activity, of_subscriptions)
}

/// What was not answered, and how it would be.
fn left_out(query: &MetricsQuery, active: bool, subscribed: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if active && !subscribed && query.active_within.is_none() {
        notes.push(
            "left out: customers at start and end, retention and churn of a period; say with --active-within 90d for how long activity makes a customer"
                .to_owned(),
        );
    }
    if !subscribed {
        notes.push("left out: MRR and its retention, renewals and trials; the history has no subscriptions".to_owned());
    }
    notes
}

/// Adds the metrics of activity, and gives the end of the window.
fn add_activity(
    history: &History,
    query: &MetricsQuery,
    rows: &mut Vec<MetricRow>,
    notes: &mut Vec<String>,
) -> Result<Option<tenure_model::Instant>, Error> {
    let scope = &query.scope;
    let mut question = scope.of_activity(history, None);
    question.measure = Measure::Value;
    let Some(plan) = plan(history, &question)? else { return Ok(None) };
    let Some(first) = plan.window.from else { return Ok(None) };
    // All periods are counted, since later ones rest on earlier ones; those asked for are shown.
    let all = Frame::new(&Scope { from: None, ..scope.clone() }, history, first, plan.window)?;
    let shown = Frame::new(scope, history, first, plan.window)?;
    let zone = scope.zone(history);
    let last_day = zone.day_of(tenure_model::Instant(all.until.0 - 1)).0 + 1;
    let mut boundaries: Vec<i32> = all.numbers().map(|number| all.periods.first_day(number).0).collect();
    boundaries.push(last_day.min(all.periods.first_day(all.end).0));
    let weeks = scope.periods_of(history, Period::One(Granularity::Week));
    let rules = Arc::new(Rules {
        active_within: query.active_within,
        weeks: weeks.clone(),
        first: all.first,
        boundaries: boundaries.clone(),
        concentration: query.asks(&concentration::OF_ACTIVITY),
    });
    let mut tallied = tally(history, &plan, scope.life_segments(history), || ActivityTally::new(rules.clone()))?;
    let customers = std::mem::take(&mut tallied.tally.customers).in_order(&tallied);
    let amounts = std::mem::take(&mut tallied.tally.amounts).in_order(&tallied);
    let spreads = match std::mem::take(&mut tallied.tally.spreads) {
        Spreads::Kept(kept, _) => kept.in_order(&tallied),
        Spreads::Unwanted => BTreeMap::new(),
        Spreads::TooMany => {
            notes.push(query.too_many_amounts()?);
            BTreeMap::new()
        }
    };
    let scale = plan.scale;
    shown.check_size(customers.len())?;
    for (segment, by_period) in customers {
        let mut by_currency: BTreeMap<Option<String>, BTreeMap<i32, Amounts>> = BTreeMap::new();
        for ((currency, period), found) in amounts.get(&segment).into_iter().flatten() {
            by_currency.entry(tallied.currency(*currency)).or_default().insert(*period, *found);
        }
        let mine = spreads.get(&segment).into_iter().flatten();
        let spread_of: BTreeMap<(Option<String>, i32), &Spread> =
            mine.map(|((currency, period), spread)| ((tallied.currency(*currency), *period), spread)).collect();
        let (mut seen, mut lived) = (0u64, 0u64);
        let mut revenue_so_far: BTreeMap<Option<String>, i128> = BTreeMap::new();
        for (place, number) in all.numbers().enumerate() {
            let found = by_period.get(&number).copied().unwrap_or_default();
            seen += found.new;
            lived += found.lived_days;
            for (currency, amounts) in &by_currency {
                *revenue_so_far.entry(currency.clone()).or_default() += amounts.get(&number).map_or(0, |amounts| amounts.revenue);
            }
            if !shown.numbers().contains(&number) {
                continue;
            }
            let mut made = query.rows(all.period(number), segment.value());
            if query.active_within.is_some() {
                made.heads(&found.heads);
            }
            let (from, to) = (boundaries[place], boundaries[place + 1]);
            add_counts(&mut made, &found, (from, to), &weeks);
            let days = u64::try_from(all.periods.first_day(number + 1).0 - from).unwrap_or_default();
            for (currency, by_period) in &by_currency {
                let amounts = by_period.get(&number).copied().unwrap_or_default();
                let so_far = Decimal::new(revenue_so_far.get(currency).copied().unwrap_or_default(), scale);
                let lives = Lives { seen, lived, days };
                add_amounts(&mut made, currency.as_deref(), &amounts, &found, so_far, lives, scale);
                if let Some(spread) = spread_of.get(&(currency.clone(), number)) {
                    spread.add_to(&mut made, concentration::OF_ACTIVITY, scale, currency.as_deref());
                }
            }
            let lifespan = whole(lived).over(whole(days));
            if let Some(lifespan) = lifespan {
                made.quotient("customer_lifespan", Quotient { above: lifespan, below: whole(seen) }, MetricValue::Number, None);
            }
            rows.extend(made.rows);
        }
    }
    Ok(plan.window.until)
}

/// Lives so far: how many, and how many days they lasted together; and the days of the period.
#[derive(Clone, Copy)]
struct Lives {
    seen: u64,
    lived: u64,
    days: u64,
}

fn add_counts(made: &mut Rows<'_>, found: &Customers, (from, to): (i32, i32), weeks: &tenure_model::Periods) {
    let granularity = made.query.scope.period.granularity();
    made.count("active_customers", found.active);
    made.count("new_customers", found.new);
    let days = whole(u64::try_from(to - from).unwrap_or_default());
    if granularity > Granularity::Day {
        made.quotient("dau", Quotient { above: whole(found.days), below: days }, MetricValue::Number, None);
    }
    if granularity > Granularity::Week {
        let begun = |day: i32| weeks.number_of_day(tenure_model::Day(day - 1));
        let count = u64::try_from(begun(to) - begun(from)).unwrap_or_default();
        made.quotient("wau", Quotient { above: whole(found.weeks), below: whole(count) }, MetricValue::Number, None);
    }
    if made.query.scope.period == Period::One(Granularity::Month) {
        made.count("mau", found.active);
        if let Some(mean) = whole(found.days).over(days) {
            made.quotient("stickiness", Quotient { above: mean, below: whole(found.active) }, MetricValue::Rate, None);
        }
    }
}

fn add_amounts(
    made: &mut Rows<'_>,
    currency: Option<&str>,
    amounts: &Amounts,
    customers: &Customers,
    so_far: Decimal,
    lives: Lives,
    scale: u8,
) {
    let revenue = Decimal::new(amounts.revenue, scale);
    made.money("revenue", revenue, currency);
    made.add("purchases", Some(MetricValue::Count(amounts.purchases)), None, currency);
    made.add("purchasing_customers", Some(MetricValue::Count(amounts.purchasers)), None, currency);
    made.money_per("average_purchase_value", revenue, amounts.purchases, currency);
    made.quotient(
        "purchase_frequency",
        Quotient { above: whole(amounts.purchases), below: whole(amounts.purchasers) },
        MetricValue::Number,
        currency,
    );
    made.share("repeat_purchase_rate", amounts.repeat_within, amounts.purchasers, currency);
    made.share("repeat_purchase_rate_ever", amounts.repeat_ever, amounts.purchasers, currency);
    made.money_per("arpc", revenue, customers.active, currency);
    made.quotient(
        "existing_revenue_share",
        Quotient { above: Decimal::new(amounts.existing, scale), below: revenue },
        MetricValue::Rate,
        currency,
    );
    let observed = made.money_per("clv_observed", so_far, lives.seen, currency);
    // APV × APF is revenue / purchasing customers; the lifespan is in periods.
    let lifespan = whole(lives.lived).over(whole(lives.days)).and_then(|periods| periods.divided_by(lives.seen));
    let each = revenue.divided_by(amounts.purchasers);
    let simple = each.zip(lifespan).and_then(|(each, lifespan)| each.times(lifespan)).map(|simple| simple.rounded(6));
    made.add("clv_simple", simple.map(MetricValue::Money), None, currency);
    if let Some(margin) = made.query.margin {
        let value = simple.and_then(|simple| simple.times(margin)).map(|value| value.rounded(6));
        made.add("clv_margin", value.map(MetricValue::Money), None, currency);
    }
    if let (Some(cac), Some(observed)) = (made.query.cac, observed) {
        made.quotient("ltv_cac", Quotient { above: observed, below: cac }, MetricValue::Number, currency);
    }
}
