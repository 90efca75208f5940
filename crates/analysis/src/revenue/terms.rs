//! Terms of subscriptions, which are renewed or not, and trials, which are followed by paid spans or not.

use tenure_model::{Granularity, Instant, Rolling, Zone};

use crate::counts::WHOLE;
use crate::lives::{BySegment, Counter};
use crate::revenue::spans::{Paid, Subscriber};
use crate::scope::Frame;

/// How far from its due date a span may end and still end with that term, where terms are longer than days: exports stop a moment
/// late.
const TOLERANCE: i64 = 86_400_000_000;

/// Terms due in a period, and trials started in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Terms {
    pub(crate) due: u64,
    pub(crate) renewed: u64,
    pub(crate) trials: u64,
    /// Those that have not ended before the end of the window.
    pub(crate) in_trial: u64,
    /// Of the others those with a paid span of the customer that begins at the start of the trial or later.
    pub(crate) converted: u64,
}

impl Counter for Terms {
    fn add(&mut self, other: &Self) {
        self.due += other.due;
        self.renewed += other.renewed;
        self.trials += other.trials;
        self.in_trial += other.in_trial;
        self.converted += other.converted;
    }
}

/// Counts the terms and the trials of a customer, of the whole and of each segment.
///
/// A term of a paid span is one interval of it, by anniversaries of its start. It is due at its end, if that is before the end
/// of the window, and renewed where the span goes on, or where another span of the customer pays then. A span that ends inside a
/// term is due at its end, too, unless another one pays then: that is a change of plan.
pub(crate) fn count_terms(frame: &Frame, zone: &Zone, subscriber: &Subscriber, terms: &mut BySegment<i32, Terms>) {
    let until = frame.until.0;
    let mut count = |segment, at: i64, counted: Terms| {
        let number = frame.periods.number_at(Instant(at));
        if frame.numbers().contains(&number) {
            for segment in if segment == WHOLE { vec![WHOLE] } else { vec![WHOLE, segment] } {
                terms.at(segment, number).add(&counted);
            }
        }
    };
    for span in &subscriber.paid {
        for (at, renewed) in due(span, &subscriber.paid, zone, until) {
            count(span.segment, at, Terms { due: 1, renewed: u64::from(renewed), ..Terms::default() });
        }
    }
    for trial in &subscriber.trials {
        let in_trial = trial.to >= until;
        let converted = !in_trial && subscriber.paid.iter().any(|span| span.from >= trial.from);
        let counted = Terms { trials: 1, in_trial: in_trial.into(), converted: converted.into(), ..Terms::default() };
        count(trial.segment, trial.from, counted);
    }
}

/// When the terms of a span are due, and whether they are renewed.
fn due(span: &Paid, all: &[Paid], zone: &Zone, until: i64) -> Vec<(i64, bool)> {
    let rolling = Rolling::new(span.interval, zone.clone());
    let anniversaries = rolling.since(Instant(span.from));
    let mut found = Vec::new();
    let mut ends_with_a_term = false;
    let tolerance = if span.interval.granularity() > Granularity::Day { TOLERANCE } else { 0 };
    for k in 1.. {
        let at = anniversaries.instant(k).0;
        if span.to < i64::MAX && (span.to - at).abs() <= tolerance {
            ends_with_a_term = true;
            break;
        }
        if at >= span.to.min(until) {
            break;
        }
        found.push((at, true));
    }
    if span.to < until {
        let goes_on = all.iter().any(|other| other != span && other.from <= span.to && other.to > span.to);
        if ends_with_a_term || !goes_on {
            found.push((span.to, goes_on));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_model::{Day, Period};

    fn at(date: &str) -> i64 {
        let day: Day = date.parse().unwrap();
        Zone::utc().start_of_day(day).0
    }

    fn span(from: &str, to: &str, interval: Granularity) -> Paid {
        let to = if to.is_empty() { i64::MAX } else { at(to) };
        Paid { from: at(from), to, mrr: 1, currency: 0, segment: WHOLE, interval: Period::One(interval) }
    }

    #[test]
    fn terms_are_due_at_anniversaries() {
        let until = at("2024-06-10");
        let told = |spans: &[Paid]| {
            let found = due(&spans[0], spans, &Zone::utc(), until);
            found.into_iter().map(|(at, renewed)| (Zone::utc().day_of(Instant(at)).to_string(), renewed)).collect::<Vec<_>>()
        };
        let day = |date: &str, renewed| (date.to_owned(), renewed);
        // An open monthly span from the 31st: the last day of short months.
        let open = span("2024-01-31", "", Granularity::Month);
        assert_eq!(told(&[open]), ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"].map(|date| day(date, true)));
        // One that ends with its second term; and with another that follows.
        let ended = span("2024-01-05", "2024-03-05", Granularity::Month);
        assert_eq!(told(&[ended]), [day("2024-02-05", true), day("2024-03-05", false)]);
        let next = span("2024-03-05", "", Granularity::Year);
        assert_eq!(told(&[ended, next]), [day("2024-02-05", true), day("2024-03-05", true)]);
        // A change of plan inside a term is neither due nor renewed; leaving inside one is due then.
        let changed = span("2024-01-05", "2024-02-20", Granularity::Month);
        assert_eq!(told(&[changed, span("2024-02-20", "", Granularity::Month)]), [day("2024-02-05", true)]);
        assert_eq!(told(&[changed]), [day("2024-02-05", true), day("2024-02-20", false)]);
        // A year that is not over is not due.
        assert_eq!(told(&[span("2024-01-05", "", Granularity::Year)]), []);
    }
}
