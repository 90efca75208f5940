//! Subscription spans as recurring revenue: what is paid a month, from when, until when.

use tenure_history::{Part, Rows};
use tenure_model::{DIVISION_SCALE, Decimal, Granularity, Instant, Period, column};

use crate::counts::{NOBODY, WHOLE};
use crate::error::Error;
use crate::segments::SegmentId;
use crate::table_segments::{TableSegments, texts};
use crate::walk::{NO_CURRENCY, Numbering};

/// Monthly recurring revenue of a price: amount × quantity, brought to a month and rounded once, half-even, to 6 decimals.
///
/// A year is 12 months, a quarter 3, a half-year 6; a month has 52 / 12 weeks and 365 / 12 days. Nothing for hours, or where
/// the product has too many digits.
pub fn monthly(amount: Decimal, quantity: Decimal, interval: Period) -> Option<Decimal> {
    let count = match interval {
        Period::One(_) => 1,
        Period::Block(count, _) => u64::from(count.get()),
    };
    let (numerator, denominator) = match interval.granularity() {
        Granularity::Hour => return None,
        Granularity::Day => (365, 12 * count),
        Granularity::Week => (52, 12 * count),
        Granularity::Month => (1, count),
        Granularity::Quarter => (1, 3 * count),
        Granularity::HalfYear => (1, 6 * count),
        Granularity::Year => (1, 12 * count),
    };
    amount.times(quantity)?.times_ratio(numerator, denominator)
}

/// Recurring revenue of a customer, `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paid {
    pub(crate) from: i64,
    /// The first unpaid instant; the largest number of an open span.
    pub(crate) to: i64,
    /// In units of the 6th decimal, above 0.
    pub(crate) mrr: i128,
    pub(crate) currency: u32,
    pub(crate) segment: SegmentId,
    /// How long a term lasts.
    pub(crate) interval: Period,
}

/// A trial of a customer, `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trial {
    pub(crate) from: i64,
    /// Its end, or that of the span where this is earlier.
    pub(crate) to: i64,
    pub(crate) segment: SegmentId,
}

/// What one customer subscribed to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subscriber {
    pub(crate) paid: Vec<Paid>,
    pub(crate) trials: Vec<Trial>,
}

/// Spans that are no recurring revenue, by the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Left {
    pub(crate) without_amount: u64,
    pub(crate) without_interval: u64,
    pub(crate) hourly: u64,
    pub(crate) negative: u64,
    pub(crate) backwards: u64,
    pub(crate) only_trial: u64,
    pub(crate) free: u64,
    /// Those that end after the end of the window, of which nothing is seen.
    pub(crate) later: u64,
}

impl Left {
    pub(crate) fn add(&mut self, other: &Left) {
        self.without_amount += other.without_amount;
        self.without_interval += other.without_interval;
        self.hourly += other.hourly;
        self.negative += other.negative;
        self.backwards += other.backwards;
        self.only_trial += other.only_trial;
        self.free += other.free;
        self.later += other.later;
    }

    /// What a reader must know of what does not count; nothing where there is none.
    pub(crate) fn notes(&self, what: &str) -> Vec<String> {
        let told = [
            (self.without_amount, "without amount"),
            (self.without_interval, "without interval, so charged once"),
            (self.hourly, "charged by the hour"),
            (self.negative, "with an amount below 0"),
            (self.backwards, "that end before they start"),
        ];
        let parts: Vec<String> =
            told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        if parts.is_empty() { Vec::new() } else { vec![format!("{what} that are not recurring revenue: {}", parts.join(", "))] }
    }
}

/// The columns that spans are made from.
pub(crate) const SPAN_COLUMNS: [&str; 7] =
    [column::START, column::END, column::TRIAL_END, column::AMOUNT, column::CURRENCY, column::INTERVAL, column::QUANTITY];

/// Reads spans, and hands out each customer's once they are all read.
#[derive(Debug)]
pub(crate) struct SpanReader {
    pub(crate) names: Numbering,
    pub(crate) left: Left,
    customer: i64,
    spans: Subscriber,
    done: Vec<(i64, Subscriber)>,
    /// The segments of the bucket's customers by number, where they have them.
    of_customers: std::collections::HashMap<i64, SegmentId>,
}

impl Default for SpanReader {
    fn default() -> Self {
        Self {
            names: Numbering::default(),
            left: Left::default(),
            customer: NOBODY,
            spans: Subscriber::default(),
            done: Vec::new(),
            of_customers: std::collections::HashMap::new(),
        }
    }
}

impl SpanReader {
    /// Takes a part of a bucket in, and gives the customers whose spans are all read; spans that start at or after `until` are
    /// not known yet.
    pub(crate) fn step(&mut self, segments: &TableSegments, until: i64, part: Part<'_>) -> Result<Vec<(i64, Subscriber)>, Error> {
        match part {
            Part::Customers(customers) => {
                self.of_customers.clear();
                if let TableSegments::Customers(name) = segments {
                    let values = texts(customers, name);
                    for (&customer, value) in customers.customers().iter().zip(values) {
                        let id = self.names.segments.id(vec![value]);
                        self.of_customers.insert(customer, id);
                    }
                }
            }
            Part::Activity(rows) => self.rows(segments, until, rows)?,
            Part::End => self.end(segments),
        }
        Ok(std::mem::take(&mut self.done))
    }

    fn rows(&mut self, segments: &TableSegments, until: i64, rows: &Rows) -> Result<(), Error> {
        let starts = times(rows, column::START);
        let (ends, trials) = (times(rows, column::END), times(rows, column::TRIAL_END));
        let (amounts, quantities) = (rows.amounts(column::AMOUNT), rows.amounts(column::QUANTITY));
        let currencies: Vec<Option<String>> = texts(rows, column::CURRENCY);
        let intervals: Vec<Option<String>> = texts(rows, column::INTERVAL);
        let of_rows = if let TableSegments::Rows(name) = segments { Some(texts(rows, name)) } else { None };
        for (row, &customer) in rows.customers().iter().enumerate() {
            if customer != self.customer {
                self.end(segments);
                self.customer = customer;
            }
            let Some(start) = starts[row].filter(|start| *start < until) else { continue };
            let end = ends[row].unwrap_or(i64::MAX);
            let amount = amounts.and_then(|amounts| Some(Decimal::new(amounts.get(row)?.into(), amounts.scale())));
            let quantity = quantities.and_then(|quantities| Some(Decimal::new(quantities.get(row)?.into(), quantities.scale())));
            let interval = intervals[row].as_deref().map(str::parse::<Period>).transpose();
            let interval = interval.map_err(|error| Error::query(format!("a subscription's interval: {error}")))?;
            let from = trials[row].map_or(start, |trial| trial.max(start));
            let left = &mut self.left;
            if end < start {
                left.backwards += 1;
                continue;
            }
            let segment = match (segments, &of_rows) {
                (TableSegments::None | TableSegments::Cohorts(_), _) => WHOLE,
                (_, Some(of_rows)) => self.names.segments.id(vec![of_rows[row].clone()]),
                _ => match self.of_customers.get(&customer) {
                    Some(id) => *id,
                    None => self.names.segments.id(vec![None]),
                },
            };
            if from > start {
                self.spans.trials.push(Trial { from: start, to: from.min(end), segment });
            }
            let (mrr, interval) = match (amount, interval) {
                (None, _) => {
                    left.without_amount += 1;
                    continue;
                }
                (_, None) => {
                    left.without_interval += 1;
                    continue;
                }
                (Some(amount), Some(interval)) => {
                    if interval.granularity() == Granularity::Hour {
                        left.hourly += 1;
                        continue;
                    }
                    let quantity = quantity.unwrap_or(Decimal::new(1, 0));
                    let mrr = monthly(amount, quantity, interval).and_then(|mrr| mrr.at_scale(DIVISION_SCALE));
                    let mrr = mrr.ok_or_else(|| {
                        Error::query(format!(
                            "a subscription of {amount} × {quantity} a {interval} has too many digits to add up"
                        ))
                    })?;
                    (mrr.units(), interval)
                }
            };
            left.later += u64::from(ends[row].is_some_and(|end| end > until));
            if mrr < 0 {
                left.negative += 1;
            } else if mrr == 0 {
                left.free += 1;
            } else if from >= end || from >= until {
                left.only_trial += 1;
            } else {
                let currency = currencies[row].as_deref().map_or(NO_CURRENCY, |name| self.names.currency(name));
                self.spans.paid.push(Paid { from, to: end, mrr, currency, segment, interval });
            }
        }
        Ok(())
    }

    fn end(&mut self, segments: &TableSegments) {
        let Subscriber { paid, trials } = &mut self.spans;
        if paid.is_empty() && trials.is_empty() {
            return;
        }
        if let TableSegments::Cohorts(periods) = segments {
            // Subscribers begin with what they pay first; trials belong to the period in which the customer tried or paid first.
            let first = paid.iter().map(|span| span.from).min();
            let tried = trials.iter().map(|trial| trial.from).min();
            let mut cohort = |at: Option<i64>| {
                let period = at.map(|at| periods.first_day(periods.number_at(Instant(at))).to_string());
                self.names.segments.id(vec![period])
            };
            if !paid.is_empty() {
                let segment = cohort(first);
                paid.iter_mut().for_each(|span| span.segment = segment);
            }
            if !trials.is_empty() {
                let segment = cohort(first.into_iter().chain(tried).min());
                trials.iter_mut().for_each(|trial| trial.segment = segment);
            }
        }
        self.done.push((self.customer, std::mem::take(&mut self.spans)));
    }
}

/// A column of instants.
fn times(rows: &Rows, name: &str) -> Vec<Option<i64>> {
    rows.instants(name).map_or_else(|| vec![None; rows.len()], Iterator::collect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_brought_to_a_month() {
        let month = |amount: &str, quantity: &str, interval: &str| {
            monthly(amount.parse().unwrap(), quantity.parse().unwrap(), interval.parse().unwrap()).map(|mrr| mrr.to_string())
        };
        assert_eq!(month("120", "1", "year").as_deref(), Some("10.000000"));
        assert_eq!(month("30", "2", "quarter").as_deref(), Some("20.000000"));
        assert_eq!(month("60", "1", "half-year").as_deref(), Some("10.000000"));
        assert_eq!(month("12", "1", "week").as_deref(), Some("52.000000"));
        assert_eq!(month("100", "1", "year").as_deref(), Some("8.333333"));
        assert_eq!(month("200", "1", "year").as_deref(), Some("16.666667"));
        assert_eq!(month("10", "1.5", "2 month").as_deref(), Some("7.500000"));
        assert_eq!(month("12", "1", "day").as_deref(), Some("365.000000"));
        assert_eq!(month("12", "1", "hour"), None);
    }
}
