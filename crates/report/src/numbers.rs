use tenure_model::{Decimal, grouped};

/// A count of things, by their name for one of them: `1 row`, `2,000 rows`.
pub fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// An amount with two decimals and commas between thousands, rounded half-even: `-1,234.50`.
pub(crate) fn amount(value: Decimal) -> String {
    let cents = value.rounded(2).at_scale(2).map_or(value.units(), Decimal::units);
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", grouped(cents / 100), cents % 100)
}

/// Digits after the point within which a share of counts is told from its neighbours.
const SHARE_DIGITS: u32 = 13;

/// A share in tenths of a percent, rounded half-even as its counts would be: 23 of 80 are 288, and not 287.
pub(crate) fn permille(share: f64) -> i128 {
    in_units(share, 3)
}

/// A share in percent without the sign, with so many decimals, rounded in the same way.
pub(crate) fn percent(share: f64, decimals: u32) -> String {
    if !share.is_finite() {
        return share.to_string();
    }
    let units = in_units(share, 2 + decimals);
    let (sign, units) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    let one = 10u128.pow(decimals);
    match decimals {
        0 => format!("{sign}{units}"),
        _ => format!("{sign}{}.{:0width$}", units / one, units % one, width = decimals as usize),
    }
}

/// The level of intervals in percent: `95`, `99.9`.
pub(crate) fn level(share: f64) -> String {
    let text = percent(share, 1);
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A share with so many digits after the point, as a whole number.
fn in_units(share: f64, digits: u32) -> i128 {
    let exact = (share * 10f64.powi(SHARE_DIGITS as i32)).round_ties_even() as i128;
    let unit = 10i128.pow(SHARE_DIGITS - digits);
    let (quotient, rest) = (exact.div_euclid(unit), exact.rem_euclid(unit));
    let up = 2 * rest > unit || 2 * rest == unit && quotient % 2 != 0;
    quotient + i128::from(up)
}

/// A size in bytes for people: `12.3 MiB`.
pub fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!((counted(1, "row"), counted(2000, "row")), ("1 row".to_owned(), "2,000 rows".to_owned()));
        assert_eq!(amount("-1234.5".parse().unwrap()), "-1,234.50");
        assert_eq!(amount("0.125".parse().unwrap()), "0.12");
        assert_eq!(amount("0.135".parse().unwrap()), "0.14");
        // 23 of 80 are 28.75 %, which binary fractions are a little below.
        assert_eq!((percent(23.0 / 80.0, 1), permille(23.0 / 80.0)), ("28.8".to_owned(), 288));
        assert_eq!(
            [0.0, 1.0, 0.005, 0.0005, 0.0015, -0.0155, 12.3456].map(|share| percent(share, 1)),
            ["0.0", "100.0", "0.5", "0.0", "0.2", "-1.6", "1234.6"]
        );
        assert_eq!([0.125, 0.135, 0.999].map(|share| percent(share, 0)), ["12", "14", "100"]);
        assert_eq!(percent(f64::NAN, 1), "NaN");
        assert_eq!(bytes_text(1023), "1023 B");
        assert_eq!(bytes_text(1536), "1.5 KiB");
    }
}
