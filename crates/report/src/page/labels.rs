//! Periods, segments and numbers as the page has them.

use tenure_analysis::{CohortStart, Segment};
use tenure_model::{Day, Decimal, grouped};

pub(crate) use crate::numbers::level;
use crate::wide::NONE;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Letters of a name that are shown; names may be as long as a text.
const MOST_LETTERS: usize = 60;

/// The whole, where segments can be chosen.
pub(crate) const ALL: &str = "All customers";

/// A period by its first day: `Mar 2024`, `2024`, or the date.
pub(crate) fn period(start: Day, period: &str) -> String {
    let text = start.to_string();
    let mut parts = text.split('-');
    let (year, month) = (parts.next().unwrap_or_default(), parts.next().and_then(|month| month.parse::<usize>().ok()));
    match (period, month.and_then(|month| MONTHS.get(month.wrapping_sub(1)))) {
        ("month", Some(month)) => format!("{month} {year}"),
        ("year", Some(&"Jan")) => year.to_owned(),
        _ => text,
    }
}

/// A cohort by the start of its period.
pub(crate) fn cohort(start: &CohortStart, of: &str) -> String {
    match start {
        CohortStart::Day(day) => period(*day, of),
        CohortStart::Hour(_, text) => text.clone(),
    }
}

/// A segment by its values.
pub(crate) fn segment(segment: &Segment) -> String {
    let values: Vec<&str> = segment.iter().map(|value| value.as_deref().unwrap_or(NONE)).collect();
    cut(&values.join(" · "))
}

/// A segment of a figure by period; the whole is none.
pub(crate) fn value_of(segment: &Option<Option<String>>) -> Option<String> {
    segment.as_ref().map(|value| cut(value.as_deref().unwrap_or(NONE)))
}

/// Short names that are said letter by letter.
const SPELLED: [&str; 8] = ["dau", "wau", "mau", "arpc", "clv", "ltv", "cac", "mrr"];

/// A metric's name as people write it: `MRR per customer`.
pub(crate) fn metric(name: &str) -> String {
    let words = name.split('_').enumerate().map(|(place, word)| match word {
        word if SPELLED.contains(&word) => word.to_uppercase(),
        word if place == 0 => word.get(..1).map_or(String::new(), str::to_uppercase) + word.get(1..).unwrap_or_default(),
        word => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A name of which as much is shown as there is room for.
pub(crate) fn cut(name: &str) -> String {
    match name.char_indices().nth(MOST_LETTERS) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}

/// A share in tenths of a percent, rounded half-even, as every other form of the same number is.
pub(crate) fn permille(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    let (above, below) = (u128::from(part) * 1000, u128::from(whole));
    let (quotient, twice) = (above / below, above % below * 2);
    let up = twice > below || twice == below && quotient % 2 == 1;
    (quotient + u128::from(up)) as u64
}

/// Tenths of a percent as a percentage without its sign.
pub(crate) fn tenths(permille: u64) -> String {
    format!("{}.{}", permille / 10, permille % 10)
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", crate::numbers::percent(share, 1))
}

/// A number with few decimals: none from 100 on.
pub(crate) fn number(value: f64) -> String {
    if value.abs() >= 1000.0 {
        let sign = if value < 0.0 { "−" } else { "" };
        format!("{sign}{}", grouped(value.abs().round() as u64))
    } else if value.abs() >= 100.0 || value == value.round() {
        format!("{value:.0}").replace('-', "−")
    } else {
        format!("{value:.2}").replace('-', "−")
    }
}

/// A number as an axis names it: `1.2M`.
pub(crate) fn axis(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        v if v >= 1e9 => (value / 1e9, "B"),
        v if v >= 1e6 => (value / 1e6, "M"),
        v if v >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.').replace('-', "−");
    format!("{text}{unit}")
}

/// Money with its currency: `1,234.50 EUR`; without cents from 100,000 on.
pub(crate) fn money(value: Decimal, currency: Option<&str>) -> String {
    let text = crate::numbers::amount(value).replace('-', "−");
    let text = match text.rsplit_once('.') {
        Some((whole, _)) if value.to_f64().abs() >= 100_000.0 => {
            // Rounded, not cut.
            let rounded = crate::numbers::amount(value.rounded(0)).replace('-', "−");
            rounded.rsplit_once('.').map_or(whole.to_owned(), |(whole, _)| whole.to_owned())
        }
        _ => text,
    };
    currency.map_or(text.clone(), |currency| format!("{text} {}", cut(currency)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_as_the_table_rounds_them() {
        for whole in (1..=400).chain([2000, 99_999, 1_000_000]) {
            for part in (0..=whole).step_by(1 + whole / 400) {
                let share = part as f64 / whole as f64;
                assert_eq!(tenths(permille(part as u64, whole as u64)), crate::numbers::percent(share, 1), "{part}/{whole}");
            }
        }
    }

    #[test]
    fn numbers_for_a_page() {
        assert_eq!((axis(-1_250_000.0), axis(20_000.0), axis(0.5)), ("−1.25M".to_owned(), "20k".to_owned(), "0.5".to_owned()));
        assert_eq!(money("1234.5".parse().unwrap(), Some("EUR")), "1,234.50 EUR");
        assert_eq!(money("123456.7".parse().unwrap(), None), "123,457");
        assert_eq!(period(Day(0), "month"), "Jan 1970");
        assert_eq!(period(Day(0), "week"), "1970-01-01");
        assert_eq!((metric("ltv_cac"), metric("churn_rate")), ("LTV CAC".to_owned(), "Churn rate".to_owned()));
        assert_eq!((level(0.57), level(0.999)), ("57".to_owned(), "99.9".to_owned()));
        assert_eq!(cut(&"x".repeat(100)).chars().count(), 61);
    }
}
