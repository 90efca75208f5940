use std::cmp::Ordering;
use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// Decimals of a quotient: averages are rounded to this many, half-even.
pub const DIVISION_SCALE: u8 = 6;

/// Digits of an amount in a history, whole and decimal together: it is stored as a 64-bit integer.
pub const MAX_STORED_DIGITS: u8 = 18;

/// The most decimals that are read.
const MAX_SCALE: u8 = 18;

/// An exact decimal number: `units / 10^scale`.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    units: i128,
    scale: u8,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal { units: 0, scale: 0 };

    /// `units / 10^scale`.
    pub const fn new(units: i128, scale: u8) -> Self {
        Self { units, scale }
    }

    /// The integer that stands for the number at its scale.
    pub const fn units(self) -> i128 {
        self.units
    }

    /// How many digits stand after the point.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// The same number with `scale` decimals.
    ///
    /// Returns nothing where digits would be lost or the number would not fit.
    pub fn at_scale(self, scale: u8) -> Option<Decimal> {
        let units = match scale.cmp(&self.scale) {
            Ordering::Equal => self.units,
            Ordering::Greater => self.units.checked_mul(power_of_ten(scale - self.scale)?)?,
            Ordering::Less => {
                let divisor = power_of_ten(self.scale - scale)?;
                if self.units % divisor != 0 {
                    return None;
                }
                self.units / divisor
            }
        };
        Some(Decimal { units, scale })
    }

    /// The units at a scale that is not smaller.
    fn units_at(self, scale: u8) -> i128 {
        self.units * 10i128.pow(u32::from(scale - self.scale))
    }

    /// The same number without zeros at its end.
    pub fn normalized(self) -> Decimal {
        let Decimal { mut units, mut scale } = self;
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        Decimal { units, scale }
    }

    /// The number divided by a count, rounded to [`DIVISION_SCALE`] decimals, half-even. Nothing for a count of 0.
    pub fn divided_by(self, count: u64) -> Option<Decimal> {
        if count == 0 {
            return None;
        }
        let (mut numerator, mut denominator) = (self.units, i128::from(count));
        if self.scale <= DIVISION_SCALE {
            numerator = numerator.checked_mul(power_of_ten(DIVISION_SCALE - self.scale)?)?;
        } else {
            denominator = denominator.checked_mul(power_of_ten(self.scale - DIVISION_SCALE)?)?;
        }
        Some(Decimal { units: divide_half_even(numerator, denominator), scale: DIVISION_SCALE })
    }

    /// The number with at most `scale` decimals, rounded half-even.
    pub fn rounded(self, scale: u8) -> Decimal {
        match power_of_ten(self.scale.saturating_sub(scale)) {
            Some(divisor) if divisor > 1 => Decimal { units: divide_half_even(self.units, divisor), scale },
            _ => self,
        }
    }

    /// The nearest floating-point number, for drawing only.
    pub fn to_f64(self) -> f64 {
        self.units as f64 / 10f64.powi(i32::from(self.scale))
    }
}

fn divide_half_even(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let up = match (numerator.rem_euclid(denominator) * 2).cmp(&denominator) {
        Ordering::Greater => true,
        Ordering::Equal => quotient % 2 != 0,
        Ordering::Less => false,
    };
    quotient + i128::from(up)
}

fn power_of_ten(exponent: u8) -> Option<i128> {
    10i128.checked_pow(u32::from(exponent))
}

impl AddAssign for Decimal {
    /// Adds at the larger of the two scales.
    fn add_assign(&mut self, other: Decimal) {
        let scale = self.scale.max(other.scale);
        *self = Decimal { units: self.units_at(scale) + other.units_at(scale), scale };
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.normalized(), other.normalized());
        a.units == b.units && a.scale == b.scale
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    /// All decimals of the scale: `12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = self.units.unsigned_abs();
        if self.scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let one = 10u128.pow(u32::from(self.scale));
        write!(f, "{sign}{}.{:0width$}", digits / one, digits % one, width = usize::from(self.scale))
    }
}

impl FromStr for Decimal {
    type Err = Error;

    /// Reads `12`, `-12.50`, `+.5`, `1.2E3`; never through floating point.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text.trim().as_bytes()).ok_or_else(|| {
            Error::new(
                ErrorKind::Decimal,
                format!("cannot read number \"{text}\" (expected digits with a decimal point, such as 1234.50)"),
            )
        })
    }
}

fn parse(text: &[u8]) -> Option<Decimal> {
    let (negative, text) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let exponent_at = text.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at(exponent_at);
    let exponent: i32 = match exponent {
        [] => 0,
        [_, digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
    };
    let mut units: i128 = 0;
    let mut decimals = 0i32;
    let mut digits = 0;
    let mut after_point = false;
    for &byte in mantissa {
        match byte {
            b'0'..=b'9' => {
                units = units.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                decimals += i32::from(after_point);
                digits += 1;
            }
            b'.' if !after_point => after_point = true,
            _ => return None,
        }
    }
    if digits == 0 {
        return None;
    }
    if negative {
        units = -units;
    }
    let mut scale = decimals.checked_sub(exponent)?;
    // Zeros at the end carry nothing beyond the digits that can be kept.
    while scale > i32::from(MAX_SCALE) && units % 10 == 0 {
        if units == 0 {
            scale = 0;
            break;
        }
        units /= 10;
        scale -= 1;
    }
    if scale < 0 {
        units = units.checked_mul(10i128.checked_pow(scale.unsigned_abs())?)?;
        scale = 0;
    }
    let scale = u8::try_from(scale).ok().filter(|scale| *scale <= MAX_SCALE)?;
    Some(Decimal { units, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn reads_and_prints_exactly() {
        for (text, printed) in [
            ("12", "12"),
            ("-12.50", "-12.50"),
            ("+.5", "0.5"),
            ("1.2E3", "1200"),
            ("1.25e-2", "0.0125"),
            ("-0.01", "-0.01"),
            (" 7. ", "7"),
            ("0.0000000000000000000", "0"),
            ("99999999999999999999999999", "99999999999999999999999999"),
        ] {
            assert_eq!(d(text).to_string(), printed);
        }
        for text in
            ["", "-", ".", "1,2", "1.2.3", "NaN", "inf", "0x1", "1e", "1e99999999999", "--1", "1 000", "0.0000000000000000001"]
        {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn adds_at_the_larger_scale() {
        let mut sum = d("0.1");
        sum += d("0.02");
        sum += d("-5");
        assert_eq!(sum.to_string(), "-4.88");
        assert_eq!(d("1.10"), d("1.1"));
    }

    #[test]
    fn divides_half_even() {
        assert_eq!(d("1").divided_by(3).unwrap().to_string(), "0.333333");
        assert_eq!(d("2").divided_by(3).unwrap().to_string(), "0.666667");
        assert_eq!(d("0.000001").divided_by(2).unwrap().to_string(), "0.000000");
        assert_eq!(d("0.000003").divided_by(2).unwrap().to_string(), "0.000002");
        assert_eq!(d("-0.000001").divided_by(2).unwrap().to_string(), "0.000000");
        assert_eq!(d("-0.000003").divided_by(2).unwrap().to_string(), "-0.000002");
        assert_eq!(d("0.00000051").divided_by(1).unwrap().to_string(), "0.000001");
        assert_eq!(d("1").divided_by(0), None);
        assert_eq!(
            ["0.125", "0.135", "-0.125", "1.2"].map(|text| d(text).rounded(2).to_string()),
            ["0.12", "0.14", "-0.12", "1.2"]
        );
    }

    #[test]
    fn scales_change_only_without_loss() {
        assert_eq!(d("1.5").at_scale(3).unwrap().units(), 1500);
        assert_eq!(d("1.50").at_scale(1).unwrap().units(), 15);
        assert_eq!(d("1.55").at_scale(1), None);
    }
}
