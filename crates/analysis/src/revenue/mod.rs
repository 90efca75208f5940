//! Recurring revenue: its movements from period to period.

mod concentration;
mod movements;
mod source;
mod spans;
mod terms;

use std::collections::BTreeMap;

use serde::Serialize;
use tenure_history::History;
use tenure_model::{DIVISION_SCALE, Day, Decimal, Granularity, Instant, ObservationWindow, Table, column};

use crate::counts::WHOLE;
use crate::error::Error;
use crate::lives::{BySegment, Counter, SegmentPlace, plan};
use crate::metrics::Heads;
use crate::plan::Plan;
use crate::query::{Measure, Rates, RetentionQuery};
use crate::scope::{FigurePeriod, Frame, Scope, ScopeDefinition};
use crate::segments::SegmentId;
use crate::table_segments::TableSegments;
use crate::walk::{NO_CURRENCY, Numbering};

use movements::{Change, Movements, divide, paid_at, stay};
use source::{Account, Accounted, ByCurrency, account_charges, account_spans};
use terms::count_terms;

pub(crate) use concentration::spreads;
pub(crate) use spans::{Paid, SPAN_COLUMNS, SpanReader, Subscriber};
pub(crate) use terms::Terms;

pub use movements::CustomerCounts;
pub use source::{Charges, DEFAULT_GRACE};
pub use spans::monthly;

/// A question for the movements of recurring revenue.
#[derive(Debug, Clone, Default)]
pub struct RevenueQuery {
    /// Periods and segments; a filter is refused.
    pub scope: Scope,
    /// What amounts are converted by. Default: each currency is a block of its own.
    pub rates: Option<Rates>,
    /// The activity that is recurring revenue, where there are no subscriptions. Default: subscriptions are.
    pub charges: Option<Charges>,
}

/// The movements of recurring revenue by period.
#[derive(Debug, Clone, PartialEq)]
pub struct Revenue {
    /// The rules it follows.
    pub definition: RevenueDefinition,
    /// By currency, segment (the whole first) and period.
    pub rows: Vec<RevenueRow>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The rules of a table of movements.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the part of the question that it is named after")]
pub struct RevenueDefinition {
    pub source: &'static str,
    #[serde(flatten)]
    pub scope: ScopeDefinition,
    pub currency: Option<String>,
    pub rates: Option<String>,
    pub charges: Option<String>,
    pub interval: Option<String>,
    pub grace: Option<String>,
}

/// The movements of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct RevenueRow {
    /// The period.
    pub period: FigurePeriod,
    /// Nothing for the whole, else the value of the segment, which may be missing.
    pub segment: Option<Option<String>>,
    /// The currency; none of amounts without one.
    pub currency: Option<String>,
    /// The movements.
    pub mrr: MrrMovement,
    /// Who pays.
    pub customers: CustomerCounts,
}

/// Movements of monthly recurring revenue between the ends of two periods:
/// opening + new + reactivation + expansion − contraction − churn + fx + transfer_in − transfer_out = closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MrrMovement {
    /// At the end of the period before.
    pub opening: Decimal,
    /// Of customers who paid nothing, and never had before.
    pub new: Decimal,
    /// Of customers who paid nothing, but had before.
    pub reactivation: Decimal,
    /// Of customers who pay more than at the opening.
    pub expansion: Decimal,
    /// Of customers who pay less.
    pub contraction: Decimal,
    /// Of customers who pay nothing any more.
    pub churn: Decimal,
    /// By change of rates of exchange alone.
    pub fx: Decimal,
    /// From other segments.
    pub transfer_in: Decimal,
    /// To other segments.
    pub transfer_out: Decimal,
    /// At the end of the period; of one in progress at the end of the window.
    pub closing: Decimal,
}

impl MrrMovement {
    fn of(movements: &Movements) -> Self {
        let money = |units| Decimal::new(units, DIVISION_SCALE);
        Self {
            opening: money(movements.opening),
            new: money(movements.new),
            reactivation: money(movements.reactivation),
            expansion: money(movements.expansion),
            contraction: money(movements.contraction),
            churn: money(movements.churn),
            fx: money(movements.fx),
            transfer_in: money(movements.transfer_in),
            transfer_out: money(movements.transfer_out),
            closing: money(movements.closing),
        }
    }

    /// Gross revenue retention, at most 1: opening − contraction − churn, and opening that it is divided by.
    pub fn gross_retention(&self) -> Quotient {
        Quotient { above: self.opening - self.contraction - self.churn, below: self.opening }
    }

    /// Net revenue retention: opening − contraction − churn + expansion, and opening that it is divided by.
    pub fn net_retention(&self) -> Quotient {
        Quotient { above: self.gross_retention().above + self.expansion, below: self.opening }
    }

    /// MRR churn rate: churn, and opening that it is divided by.
    pub fn churn_rate(&self) -> Quotient {
        Quotient { above: self.churn, below: self.opening }
    }

    /// Quick ratio: new + reactivation + expansion, and contraction + churn that they are divided by.
    pub fn quick_ratio(&self) -> Quotient {
        Quotient { above: self.new + self.reactivation + self.expansion, below: self.contraction + self.churn }
    }
}

/// What is divided and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotient {
    /// What is divided.
    pub above: Decimal,
    /// By what.
    pub below: Decimal,
}

impl Quotient {
    /// The quotient; nothing where there is nothing to divide by.
    pub fn value(self) -> Option<f64> {
        (!self.below.is_zero()).then(|| self.above.to_f64() / self.below.to_f64())
    }
}

/// The question made ready.
struct Books<'a> {
    query: &'a RevenueQuery,
    frame: Frame,
    source: Source<'a>,
    /// The moments between periods: the start of the first, and the end of each.
    moments: Vec<i64>,
    /// The local days just before them.
    days: Vec<Day>,
}

/// The movements of monthly recurring revenue by period.
///
/// # Errors
///
/// [`crate::ErrorKind::Query`] for a question that contradicts itself, a history without subscriptions, a missing rate of
/// exchange, or where the movements do not add up; [`crate::ErrorKind::History`] where reading fails.
pub fn revenue(history: &History, query: &RevenueQuery) -> Result<Revenue, Error> {
    let question = query.charges.as_ref().map(|charges| charge_question(history, &query.scope, charges));
    let books = Books::new(history, query, question.as_ref())?;
    let Accounted { account, names, left } = books
        .account(history, |movements: &mut ByCurrency<Movements>, names, subscriber| {
            books.add(&subscriber.paid, names, &mut movements.0)
        })?;
    let mut by_place: BTreeMap<(Option<String>, SegmentPlace), BTreeMap<i32, Movements>> = BTreeMap::new();
    for ((segment, (currency, period)), movements) in account.0.0 {
        let place = (names.currency_name(currency).map(str::to_owned), SegmentPlace::named(&names, segment));
        by_place.entry(place).or_default().entry(period).or_default().add(&movements);
    }
    let converted = query.rates.as_ref().and_then(|rates| rates.target.clone());
    books.frame.check_size(by_place.len())?;
    let mut rows = Vec::new();
    for ((currency, segment), by_period) in by_place {
        let mut before: Option<i128> = None;
        for number in books.frame.numbers() {
            let movements = by_period.get(&number).copied().unwrap_or_default();
            check(&movements, before, books.frame.period(number), &currency)?;
            before = Some(movements.closing);
            rows.push(RevenueRow {
                period: books.frame.period(number),
                segment: segment.value(),
                currency: currency.clone().or_else(|| converted.clone()),
                mrr: MrrMovement::of(&movements),
                customers: movements.customers,
            });
        }
    }
    let zone = query.scope.zone(history);
    let definition = RevenueDefinition {
        source: if query.charges.is_some() { "charges" } else { "subscriptions" },
        scope: query.scope.definition(&zone, Some(books.frame.until), history.content()),
        currency: converted,
        rates: query.rates.as_ref().map(|rates| rates.source.clone()),
        charges: query.charges.as_ref().map(|charges| charges.condition.clone()),
        interval: query.charges.as_ref().map(|charges| charges.interval.to_string()),
        grace: query.charges.as_ref().map(|charges| format!("{} days", charges.grace)),
    };
    let what = if query.charges.is_some() { "charges" } else { "subscription spans" };
    if query.charges.is_some() && rows.is_empty() && left.without_amount > 0 {
        return Err(Error::query(format!(
            "--charges: none of {} charges has an amount; name their column with --value where the export is read",
            left.without_amount
        )));
    }
    let mut notes = left.notes(what);
    if left.later > 0 && query.scope.as_of.is_none() && history.rows() == 0 {
        notes.push(format!(
            "{} subscriptions end later than the last one starts, where the window ends: --as-of DATE says until when the export is known to hold",
            left.later
        ));
    }
    Ok(Revenue { definition, rows, notes })
}

/// Refuses movements that do not add up, which would be a fault of the program.
fn check(movements: &Movements, before: Option<i128>, period: FigurePeriod, currency: &Option<String>) -> Result<(), Error> {
    let follows = before.is_none_or(|before| before == movements.opening);
    if movements.holds() && follows {
        return Ok(());
    }
    let money = |units| Decimal::new(units, DIVISION_SCALE);
    Err(Error::query(format!(
        "the movements of the period from {} ({}) do not lead from {} to {}: this is a fault of tenure, please report it",
        period.start,
        currency.as_deref().unwrap_or("without currency"),
        money(before.unwrap_or(movements.opening)),
        money(movements.closing)
    )))
}

/// What subscriptions can vouch for, together with the activity beside them.
pub(crate) fn window(history: &History, scope: &Scope) -> Result<ObservationWindow, Error> {
    let spans = history.window_of(Table::Subscriptions);
    let Some(from) = spans.from else {
        return Err(Error::query(
            "the history has no subscriptions: ingest an export of them with --table subscriptions, or with a preset such as stripe-subscriptions; or say which activity is charged again and again: tenure revenue HISTORY --charges \"event = 'invoice'\" --interval month",
        ));
    };
    let zone = scope.zone(history);
    let until = scope.as_of.map(|point| point.resolve(&zone)).or(spans.join(history.window()).until);
    if let Some(until) = until.filter(|until| *until <= from) {
        return Err(Error::query(format!(
            "--as-of {until} is before the first subscription, which starts at {from}: nothing could be seen; choose a later date"
        )));
    }
    Ok(ObservationWindow { from: Some(from), until })
}

/// Where the segments of spans are found.
pub(crate) fn segments_of(history: &History, scope: &Scope) -> Result<TableSegments, Error> {
    if scope.by_cohort(history) {
        return Ok(TableSegments::Cohorts(Box::new(scope.periods_of(history, scope.period))));
    }
    TableSegments::new(history, Table::Subscriptions, &[column::PLAN, column::INTERVAL], scope.by.as_deref())
}

/// The question for charges: the activity that they are.
fn charge_question(history: &History, scope: &Scope, charges: &Charges) -> RetentionQuery {
    let mut question = scope.of_activity(history, None);
    question.filter = Some(charges.condition.clone());
    question.measure = Measure::Value;
    question
}

/// Where recurring revenue is read from.
enum Source<'a> {
    Spans(TableSegments),
    Charges(Box<Plan<'a>>, &'a Charges),
}

impl<'a> Books<'a> {
    fn new(history: &History, query: &'a RevenueQuery, charges: Option<&'a RetentionQuery>) -> Result<Self, Error> {
        let scope = &query.scope;
        if scope.filter.is_some() {
            return Err(Error::query(
                "--filter is about activity, and revenue is made of subscriptions; of charges: --charges says which",
            ));
        }
        scope.check()?;
        let (source, window) = match (&query.charges, charges) {
            (Some(charges), Some(question)) => {
                if charges.interval.granularity() == Granularity::Hour {
                    return Err(Error::query(format!("--interval {}: expected days or longer", charges.interval)));
                }
                let of_charges = |error: Error| Error::query(error.to_string().replace("--filter", "--charges"));
                let Some(mut plan) = plan(history, question).map_err(of_charges)? else {
                    return Err(Error::query("--charges: the history has no activity"));
                };
                plan.wants_instants();
                let window = plan.window;
                (Source::Charges(Box::new(plan), charges), window)
            }
            _ => (Source::Spans(segments_of(history, scope)?), window(history, scope)?),
        };
        let frame = Frame::new(scope, history, window.from.unwrap_or(Instant(0)), window)?;
        let mut moments = vec![frame.periods.start(frame.first).0];
        moments.extend(frame.numbers().map(|number| frame.end_of(number).min(frame.until).0));
        let zone = scope.zone(history);
        let days = moments.iter().map(|&moment| zone.day_of(Instant(moment - 1))).collect();
        Ok(Self { query, frame, source, moments, days })
    }

    /// Tells all subscribers to accounts.
    fn account<S: Account>(
        &self,
        history: &History,
        each: impl Fn(&mut S, &Numbering, &Subscriber) -> Result<(), Error> + Sync + Send,
    ) -> Result<Accounted<S>, Error> {
        match &self.source {
            Source::Spans(segments) => account_spans(history, segments, self.frame.until, each),
            Source::Charges(plan, charges) => {
                account_charges(history, plan, self.query.scope.life_segments(history), charges, each)
            }
        }
    }

    /// Adds the movements of one customer.
    fn add(&self, paid: &[Paid], names: &Numbering, movements: &mut BySegment<(u32, i32), Movements>) -> Result<(), Error> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        paid_at(paid, self.moments[0], &mut before);
        for (place, number) in self.frame.numbers().enumerate() {
            paid_at(paid, self.moments[place + 1], &mut after);
            if self.query.rates.is_none() && before == after {
                // Most customers pay what they paid.
                stay(&before, |currency, segment, part| movements.at(segment, (currency, number)).add(part));
            } else {
                for (currency, changes) in self.changes(names, place, &before, &after)? {
                    let mine = |span: &&Paid| self.query.rates.is_some() || span.currency == currency;
                    let first = paid.iter().filter(mine).map(|span| span.from).min();
                    let paid_before = first.is_some_and(|first| first < self.moments[place]);
                    divide(&changes, paid_before, |segment, part| {
                        movements.at(segment, (currency, number)).add(part);
                    });
                }
            }
            std::mem::swap(&mut before, &mut after);
        }
        Ok(())
    }

    /// What one customer paid at the start and pays at the end of a period, by currency: all in one where they are converted.
    fn changes(
        &self,
        names: &Numbering,
        place: usize,
        before: &[(u32, SegmentId, i128)],
        after: &[(u32, SegmentId, i128)],
    ) -> Result<BTreeMap<u32, Vec<Change>>, Error> {
        let mut found: BTreeMap<(u32, SegmentId), Change> = BTreeMap::new();
        let block = |currency: u32| if self.query.rates.is_some() { NO_CURRENCY } else { currency };
        let nothing = |segment| Change { segment, opening: 0, closing_at_start: 0, closing: 0 };
        for &(currency, segment, mrr) in before {
            let change = found.entry((block(currency), segment)).or_insert_with(|| nothing(segment));
            change.opening += self.convert(names, currency, mrr, self.days[place])?;
        }
        for &(currency, segment, mrr) in after {
            let change = found.entry((block(currency), segment)).or_insert_with(|| nothing(segment));
            let closing = self.convert(names, currency, mrr, self.days[place + 1])?;
            change.closing += closing;
            change.closing_at_start +=
                if before.is_empty() { closing } else { self.convert(names, currency, mrr, self.days[place])? };
        }
        let mut by_currency: BTreeMap<u32, Vec<Change>> = BTreeMap::new();
        for ((currency, _), change) in found {
            by_currency.entry(currency).or_default().push(change);
        }
        // Which segment comes first must not depend on the numbers a thread gave.
        for changes in by_currency.values_mut() {
            changes.sort_by_cached_key(|change| SegmentPlace::named(names, change.segment));
        }
        Ok(by_currency)
    }

    fn convert(&self, names: &Numbering, currency: u32, mrr: i128, day: Day) -> Result<i128, Error> {
        let Some(rates) = &self.query.rates else { return Ok(mrr) };
        let name = names.currency_name(currency).unwrap_or_default();
        let rate = rates.units(day, name).ok_or_else(|| {
            let whose = if name.is_empty() { "amounts without currency" } else { name };
            Error::query(format!(
                "{}: no rate for {whose} on {day}, the last day of a period; add a line for that date (rate 1 where it is the currency converted to)",
                rates.source
            ))
        })?;
        let product =
            mrr.checked_mul(rate).map(|units| Decimal::new(units, DIVISION_SCALE + rates.scale()).rounded(DIVISION_SCALE));
        let converted = product.and_then(|product| product.at_scale(DIVISION_SCALE));
        converted
            .map(Decimal::units)
            .ok_or_else(|| Error::query(format!("{}: the rate of {name} on {day} is too large", rates.source)))
    }
}

/// Counters of subscribers by segment and period.
pub(crate) type ByPlace<C> = BTreeMap<SegmentPlace, BTreeMap<i32, C>>;

/// Counts the subscribers of a scope by segment and period.
fn counted<C: Counter>(
    history: &History,
    scope: &Scope,
    each: impl Fn(&Books<'_>, &Subscriber, &mut BySegment<i32, C>) + Sync + Send,
) -> Result<(Frame, ByPlace<C>), Error> {
    let query = RevenueQuery { scope: Scope { filter: None, ..scope.clone() }, ..RevenueQuery::default() };
    let books = Books::new(history, &query, None)?;
    let found = books.account(history, |counters: &mut BySegment<i32, C>, _, subscriber| {
        each(&books, subscriber, counters);
        Ok(())
    })?;
    let mut by_place: ByPlace<C> = BTreeMap::new();
    for ((segment, period), counter) in found.account.0 {
        let place = SegmentPlace::named(&found.names, segment);
        by_place.entry(place).or_default().entry(period).or_default().add(&counter);
    }
    Ok((books.frame, by_place))
}

/// Who pays at the start and the end of periods, in whatever currency, by segment and period. In a segment the new and the lost
/// include who moves between segments.
pub(crate) fn paying(history: &History, scope: &Scope) -> Result<(Frame, ByPlace<Heads>), Error> {
    counted(history, scope, |books, subscriber, heads| books.count_heads(&subscriber.paid, heads))
}

/// The terms that end in periods, and the trials that start in them, by segment and period.
pub(crate) fn terms(history: &History, scope: &Scope) -> Result<(Frame, ByPlace<Terms>), Error> {
    let zone = scope.zone(history);
    counted(history, scope, |books, subscriber, terms| count_terms(&books.frame, &zone, subscriber, terms))
}

impl Books<'_> {
    /// Counts one customer as one who pays, of the whole and of each segment.
    fn count_heads(&self, paid: &[Paid], heads: &mut BySegment<i32, Heads>) {
        let mut segments: Vec<SegmentId> = paid.iter().map(|span| span.segment).filter(|segment| *segment != WHOLE).collect();
        segments.sort_unstable();
        segments.dedup();
        if paid.is_empty() {
            return;
        }
        for segment in std::iter::once(WHOLE).chain(segments) {
            let mine = || paid.iter().filter(move |span| segment == WHOLE || span.segment == segment);
            let at = |moment: i64| mine().any(|span| span.from < moment && span.to >= moment);
            let first = mine().map(|span| span.from).min().unwrap_or(i64::MAX);
            let mut at_start = at(self.moments[0]);
            for (place, number) in self.frame.numbers().enumerate() {
                let (start, end) = (self.moments[place], self.moments[place + 1]);
                let at_end = at(end);
                let inside = mine().any(|span| span.from < end && span.to > start);
                if at_start || at_end || inside {
                    heads.at(segment, number).count(at_start, at_end, first >= start, inside);
                }
                at_start = at_end;
            }
        }
    }
}
