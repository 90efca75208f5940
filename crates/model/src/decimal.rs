use std::cmp::Ordering;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// Decimals of a quotient: averages are rounded to this many, half-even.
pub const DIVISION_SCALE: u8 = 6;

/// Digits of an amount in a history, whole and decimal together: it is stored as a 64-bit integer.
pub const MAX_STORED_DIGITS: u8 = 18;

/// The most decimals that are read.
const MAX_SCALE: u8 = 18;

/// An exact decimal number: `units / 10^scale`.
#[derive(Debug, Clone, Copy, Default)]
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

    /// The product, exact. Nothing where it would not fit.
    pub fn times(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.checked_add(other.scale)?;
        Some(Decimal { units: self.units.checked_mul(other.units)?, scale }.normalized())
    }

    /// The number times `numerator / denominator`, rounded once to [`DIVISION_SCALE`] decimals, half-even. Nothing where it
    /// would not fit, or for a denominator of 0.
    pub fn times_ratio(self, numerator: u64, denominator: u64) -> Option<Decimal> {
        self.times(Decimal::new(i128::from(numerator), 0))?.over(Decimal::new(i128::from(denominator), 0))
    }

    /// The quotient, rounded to [`DIVISION_SCALE`] decimals, half-even. Nothing for a divisor of 0, or where it would not fit.
    pub fn over(self, divisor: Decimal) -> Option<Decimal> {
        let (numerator, divisor) = (self.normalized(), divisor.normalized());
        if divisor.units == 0 {
            return None;
        }
        // units / 10^scale ÷ units / 10^scale, in units of the scale of quotients.
        let exponent = i16::from(divisor.scale) + i16::from(DIVISION_SCALE) - i16::from(numerator.scale);
        let power = power_of_ten(u8::try_from(exponent.unsigned_abs()).ok()?)?;
        let (above, below) = if exponent >= 0 {
            (numerator.units.checked_mul(power)?, divisor.units)
        } else {
            (numerator.units, divisor.units.checked_mul(power)?)
        };
        let (above, below) = if below < 0 { (above.checked_neg()?, below.checked_neg()?) } else { (above, below) };
        Some(Decimal { units: divide_half_even(above, below), scale: DIVISION_SCALE })
    }

    /// Whether it is above 0.
    pub fn is_positive(self) -> bool {
        self.units > 0
    }

    /// Whether it is 0.
    pub fn is_zero(self) -> bool {
        self.units == 0
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

impl Neg for Decimal {
    type Output = Decimal;

    fn neg(self) -> Decimal {
        Decimal { units: -self.units, scale: self.scale }
    }
}

impl Add for Decimal {
    type Output = Decimal;

    /// Adds at the larger of the two scales.
    fn add(mut self, other: Decimal) -> Decimal {
        self += other;
        self
    }
}

impl Sub for Decimal {
    type Output = Decimal;

    /// Subtracts at the larger of the two scales.
    fn sub(self, other: Decimal) -> Decimal {
        self + -other
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Decimal>>(numbers: I) -> Decimal {
        numbers.fold(Decimal::ZERO, Add::add)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.normalized(), other.normalized());
        let scale = a.scale.max(b.scale);
        match (a.at_scale(scale), b.at_scale(scale)) {
            (Some(a), Some(b)) => a.units.cmp(&b.units),
            // One of them does not fit at the other's scale, so it is the larger by far.
            (None, _) => {
                if a.units < 0 {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (_, None) => {
                if b.units < 0 {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
        }
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
