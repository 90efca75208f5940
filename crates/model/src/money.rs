//! Currencies.

/// Currencies without a smaller unit (ISO 4217).
const WHOLE: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];

/// Currencies of a thousand smaller units (ISO 4217).
const THOUSANDS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// How many decimals the smallest unit of a currency is (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD. Codes in capitals.
pub fn minor_digits(currency: &str) -> u8 {
    if WHOLE.contains(&currency) {
        0
    } else if THOUSANDS.contains(&currency) {
        3
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_their_own_smallest_units() {
        assert_eq!(["EUR", "JPY", "KWD"].map(minor_digits), [2, 0, 3]);
    }
}
