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
        assert_eq!(bytes_text(1023), "1023 B");
        assert_eq!(bytes_text(1536), "1.5 KiB");
    }
}
