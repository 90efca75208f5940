//! Texts to numbers.
//!
//! A decimal point and a decimal comma can't be told from one value alone: `1,234` is one of two numbers. A profile of the
//! whole column tells; where it does not, such values are faults and never guessed.

use std::collections::BTreeSet;

use tenure_model::Decimal;

/// How the numbers of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberStyle {
    /// Digits with a decimal point, or with an exponent, and nothing else: `-1234.50`.
    #[default]
    Plain,
    /// With a decimal point; marks of thousands and currencies, and parentheses, are read too: `(RM 1,234.56)`.
    Point,
    /// The same with a decimal comma: `1.234,56 €`.
    Comma,
    /// With either: only values that can be read one way are read.
    Either,
}

/// Why a text is not read as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFault {
    /// It is none.
    Unreadable,
    /// It may be one of two: `1,234`.
    Ambiguous,
}

/// Reads numbers of one style.
#[derive(Debug, Clone, Copy, Default)]
pub struct NumberReader {
    style: NumberStyle,
}

/// Digits that a 64-bit integer holds whatever they are.
const FAST_DIGITS: usize = 18;

/// Digits between two marks of thousands.
const GROUP: usize = 3;

/// How many different currency marks are remembered for a note.
const MARKS_SHOWN: usize = 5;

/// The codes of ISO 4217 that are in use.
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR \
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR \
    MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE \
    SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";

/// What currencies are called beside amounts when it is neither their sign nor their code.
const LOCAL_MARKS: [&str; 30] = [
    "RM", "kr", "kr.", "Kr", "Kr.", "zł", "Kč", "Ft", "lei", "лв", "лв.", "руб", "руб.", "р.", "TL", "Rs", "Rs.", "Rp", "R",
    "Fr", "Fr.", "fr.", "S/", "Bs", "Bs.", "KSh", "Tk", "元", "円", "원",
];

impl NumberReader {
    /// A reader of one style.
    pub fn new(style: NumberStyle) -> Self {
        Self { style }
    }

    /// The number that a text is; nothing where it is blank.
    ///
    /// # Errors
    ///
    /// [`NumberFault`] where it is none, or one of two in this style.
    pub fn read(&self, text: &str) -> Result<Option<Decimal>, NumberFault> {
        if let Some((number, dotted_group)) = fast(text.as_bytes()) {
            match self.style {
                NumberStyle::Either if dotted_group => return Err(NumberFault::Ambiguous),
                NumberStyle::Comma if number.scale() > 0 => {}
                _ => return Ok(Some(number)),
            }
        }
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if (self.style != NumberStyle::Comma || !text.contains('.'))
            && let Some(number) = plain(text)
        {
            let ambiguous = self.style == NumberStyle::Either
                && fast(text.trim_start_matches('+').as_bytes()).is_some_and(|(_, group)| group);
            return if ambiguous { Err(NumberFault::Ambiguous) } else { Ok(Some(number)) };
        }
        let parts = Parts::of(text).ok_or(NumberFault::Unreadable)?;
        let separators = parts.separators().ok_or(NumberFault::Unreadable)?;
        match (self.style, separators) {
            (NumberStyle::Plain, Separators::CommaGroup) if !parts.decorated => Err(NumberFault::Ambiguous),
            (NumberStyle::Plain, _) => Err(NumberFault::Unreadable),
            (NumberStyle::Either, Separators::CommaGroup | Separators::DotGroup) => Err(NumberFault::Ambiguous),
            (NumberStyle::Point | NumberStyle::Either, Separators::None | Separators::Point)
            | (NumberStyle::Point, Separators::CommaGroup | Separators::DotGroup) => parts.number(b'.').map(Some),
            (NumberStyle::Comma | NumberStyle::Either, Separators::None | Separators::Comma)
            | (NumberStyle::Comma, Separators::CommaGroup | Separators::DotGroup) => parts.number(b',').map(Some),
            _ => Err(NumberFault::Unreadable),
        }
    }
}

/// Reads the commonest form, digits with at most one point inside, and tells whether it may be a dotted group of thousands.
fn fast(text: &[u8]) -> Option<(Decimal, bool)> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > FAST_DIGITS {
        return None;
    }
    let mut units = 0i64;
    let mut point = None;
    for (at, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => units = units * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && at > 0 => point = Some(at),
            _ => return None,
        }
    }
    let scale = match point {
        None => 0,
        Some(at) if at + 1 == digits.len() => return None,
        Some(at) => digits.len() - at - 1,
    };
    let grouped = scale == GROUP && digits.len() - scale <= GROUP + 1 && digits[0] != b'0';
    Some((Decimal::new(i128::from(if negative { -units } else { units }), scale as u8), grouped))
}

/// Reads what is no more than digits, a sign, a point and an exponent.
fn plain(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

/// What the commas and points of a number say about each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separators {
    /// There are none.
    None,
    /// The point stands before decimals, or commas can only be marks of thousands.
    Point,
    /// The comma stands before decimals, or points can only be marks of thousands.
    Comma,
    /// One comma before three digits.
    CommaGroup,
    /// One point before three digits.
    DotGroup,
}

/// A number without what stands around its digits.
#[derive(Debug)]
struct Parts<'a> {
    negative: bool,
    /// Digits, points, commas, and marks of thousands that are neither.
    digits: &'a str,
    mark: Option<&'a str>,
    /// Whether there is more than digits, points, commas and a leading sign.
    decorated: bool,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let mut parts = Self { negative: false, digits: text, mark: None, decorated: false };
        let mut signed = false;
        loop {
            let rest = parts.digits.trim();
            parts.digits = rest;
            let (first, last) = (rest.chars().next()?, rest.chars().next_back()?);
            if first == '(' && last == ')' && !signed {
                (signed, parts.negative, parts.decorated) = (true, true, true);
                parts.digits = &rest[1..rest.len() - 1];
            } else if matches!(first, '-' | '+' | '\u{2212}') && !signed {
                (signed, parts.negative) = (true, first != '+');
                parts.decorated |= first == '\u{2212}';
                parts.digits = &rest[first.len_utf8()..];
            } else if matches!(last, '-' | '\u{2212}') && !signed {
                (signed, parts.negative, parts.decorated) = (true, true, true);
                parts.digits = &rest[..rest.len() - last.len_utf8()];
            } else if !(first.is_ascii_digit() || matches!(first, '.' | ',') || parts.mark.is_some()) {
                let end = rest.find(|c: char| c.is_ascii_digit() || c.is_whitespace() || "-+(\u{2212}".contains(c))?;
                // "Rs." and ".5" both have a point; the longest mark that there is wins.
                let mark = &rest[..end];
                let mark = if is_mark(mark) { mark } else { mark.strip_suffix(['.', ',']).filter(|mark| is_mark(mark))? };
                (parts.mark, parts.decorated) = (Some(mark), true);
                parts.digits = &rest[mark.len()..];
            } else if !(last.is_ascii_digit() || parts.mark.is_some()) {
                let start = rest.rfind(|c: char| c.is_ascii_digit() || c.is_whitespace() || "-)\u{2212}".contains(c))?;
                let mark = &rest[start + rest[start..].chars().next().map_or(1, char::len_utf8)..];
                if !is_mark(mark) {
                    return None;
                }
                (parts.mark, parts.decorated) = (Some(mark), true);
                parts.digits = &rest[..rest.len() - mark.len()];
            } else {
                break;
            }
        }
        let whole = parts.digits.ends_with(|c: char| c.is_ascii_digit())
            && parts.digits.chars().all(|c| {
                parts.decorated |= is_space_mark(c);
                c.is_ascii_digit() || matches!(c, '.' | ',') || is_space_mark(c)
            });
        whole.then_some(parts)
    }

    fn separators(&self) -> Option<Separators> {
        let digits = self.digits.as_bytes();
        let count = |mark: u8| digits.iter().filter(|&&byte| byte == mark).count();
        let last = |mark: u8| digits.iter().rposition(|&byte| byte == mark);
        let alone = |at: usize, group: Separators, decimal: Separators| {
            let three = digits.len() - at - 1 == GROUP;
            let before = &self.digits[..at];
            let grouped = three && (1..=GROUP).contains(&before.len()) && !before.starts_with('0');
            if grouped && before.bytes().all(|b| b.is_ascii_digit()) { group } else { decimal }
        };
        Some(match (count(b'.'), count(b',')) {
            (0, 0) => Separators::None,
            (1, 0) => alone(last(b'.')?, Separators::DotGroup, Separators::Point),
            (0, 1) => alone(last(b',')?, Separators::CommaGroup, Separators::Comma),
            (_, 0) => Separators::Comma,
            (0, _) => Separators::Point,
            (_, _) if last(b'.') > last(b',') => Separators::Point,
            _ => Separators::Comma,
        })
    }

    /// The number, given what stands before its decimals. Groups of thousands have three digits.
    fn number(&self, decimal: u8) -> Result<Decimal, NumberFault> {
        let unreadable = NumberFault::Unreadable;
        let (whole, decimals) = match self.digits.bytes().filter(|&byte| byte == decimal).count() {
            0 => (self.digits, ""),
            1 => self.digits.split_once(char::from(decimal)).ok_or(unreadable)?,
            _ => return Err(unreadable),
        };
        if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unreadable);
        }
        let mut groups = whole.split(|c: char| !c.is_ascii_digit());
        let first = groups.next().unwrap_or_default();
        let marks: BTreeSet<char> = whole.chars().filter(|c| !c.is_ascii_digit()).collect();
        let grouped = marks.len() <= 1
            && (marks.is_empty() || (1..=GROUP).contains(&first.len()))
            && groups.all(|group| group.len() == GROUP);
        if !grouped {
            return Err(unreadable);
        }
        let mut digits: String = whole.chars().filter(char::is_ascii_digit).collect();
        if !decimals.is_empty() {
            digits.push('.');
            digits.push_str(decimals);
        }
        let number: Decimal = digits.parse().map_err(|_| unreadable)?;
        Ok(if self.negative { Decimal::new(-number.units(), number.scale()) } else { number })
    }
}

/// Marks of thousands that are neither a point nor a comma: spaces of every width, apostrophes.
fn is_space_mark(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\'' | '\u{2019}')
}

fn is_sign(c: char) -> bool {
    matches!(c, '$' | '¢' | '£' | '¤' | '¥' | '֏' | '؋' | '৳' | '฿' | '៛' | '\u{20a0}'..='\u{20cf}' | '﷼' | '￥')
}

/// `$`, `RM`, `USD`, `US$`, `R$`.
fn is_mark(text: &str) -> bool {
    let letters = text.trim_matches(is_sign);
    let signs = text.chars().filter(|&c| is_sign(c)).count();
    match (letters, signs) {
        ("", 1) => true,
        (letters, 1) => letters.len() <= GROUP && letters.bytes().all(|byte| byte.is_ascii_uppercase()),
        (letters, 0) => is_code(letters) || LOCAL_MARKS.contains(&letters),
        _ => false,
    }
}

fn is_code(text: &str) -> bool {
    text.len() == GROUP && text.bytes().all(|b| b.is_ascii_alphabetic()) && {
        let code = text.to_ascii_uppercase();
        (text == code || text.bytes().all(|b| b.is_ascii_lowercase()))
            && CODES.split_ascii_whitespace().any(|known| known == code)
    }
}

/// What the numbers of a column turned out to look like, over all its rows.
#[derive(Debug, Clone, Default)]
pub struct NumberProfile {
    /// Values that prove a decimal point.
    point: u64,
    /// Values that prove a decimal comma.
    comma: u64,
    /// Values such as `1,234`.
    comma_groups: u64,
    /// Values that only [`NumberStyle::Plain`] can't read.
    dressed: u64,
    /// The currency marks, the first few in their order.
    marks: BTreeSet<String>,
}

impl NumberProfile {
    /// Takes a value of the column into account.
    pub fn add(&mut self, text: &str) {
        if let Some((number, dotted_group)) = fast(text.as_bytes()) {
            self.point += u64::from(number.scale() > 0 && !dotted_group);
            return;
        }
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let Some(parts) = Parts::of(text) else { return };
        let Some(separators) = parts.separators() else { return };
        let readable = |decimal| parts.number(decimal).is_ok();
        match separators {
            Separators::Point if readable(b'.') => self.point += 1,
            Separators::Comma if readable(b',') => self.comma += 1,
            Separators::CommaGroup => self.comma_groups += 1,
            Separators::DotGroup => {}
            Separators::None if readable(b'.') => {}
            _ => return,
        }
        self.dressed += u64::from(parts.decorated || plain(text).is_none());
        if let Some(mark) = parts.mark
            && !self.marks.contains(mark)
        {
            self.marks.insert(mark.to_owned());
            self.keep_few_marks();
        }
    }

    /// Takes what another part of the column showed into account.
    pub fn join(&mut self, other: &NumberProfile) {
        self.point += other.point;
        self.comma += other.comma;
        self.comma_groups += other.comma_groups;
        self.dressed += other.dressed;
        self.marks.extend(other.marks.iter().cloned());
        self.keep_few_marks();
    }

    fn keep_few_marks(&mut self) {
        while self.marks.len() > MARKS_SHOWN {
            self.marks.pop_last();
        }
    }

    /// The style that the column has, and what is worth telling about it: each a clause that follows the column's name.
    pub fn style(&self, decimal_comma: bool) -> (NumberStyle, Vec<String>) {
        let mut notes = Vec::new();
        let style = match (self.point > 0, self.comma > 0) {
            _ if decimal_comma => NumberStyle::Comma,
            (true, true) => {
                notes.push(format!(
                    "{} numbers have a decimal point and {} a decimal comma: those that could be either are not read",
                    self.point, self.comma
                ));
                NumberStyle::Either
            }
            (false, true) => {
                notes.push("numbers are read with a decimal comma".to_owned());
                NumberStyle::Comma
            }
            (false, false) if self.comma_groups > 0 => NumberStyle::Either,
            _ if self.dressed > 0 => NumberStyle::Point,
            _ => NumberStyle::Plain,
        };
        if !self.marks.is_empty() {
            let marks: Vec<&str> = self.marks.iter().map(String::as_str).collect();
            notes.push(format!("currency marks were taken off: {}; name the currency with --currency", marks.join(", ")));
        }
        (style, notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(style: NumberStyle, text: &str) -> Result<Option<String>, NumberFault> {
        NumberReader::new(style).read(text).map(|number| number.map(|number| number.to_string()))
    }

    fn some(text: &str) -> Result<Option<String>, NumberFault> {
        Ok(Some(text.to_owned()))
    }

    #[test]
    fn plain_numbers_are_digits_and_nothing_else() {
        use NumberStyle::Plain;
        for (text, number) in
            [("-1234.50", "-1234.50"), (" 7 ", "7"), ("1.5E3", "1500"), ("007", "7"), ("+5", "5"), (".5", "0.5"), ("5.", "5")]
        {
            assert_eq!(read(Plain, text), some(number), "{text}");
        }
        assert_eq!(read(Plain, "  "), Ok(None));
        for text in ["$5", "(5)", "5-", "NaN", "inf", "many", "12%", "5 €", "1 234", "89,90", "."] {
            assert_eq!(read(Plain, text), Err(NumberFault::Unreadable), "{text}");
        }
        assert_eq!(read(Plain, "1,234"), Err(NumberFault::Ambiguous));
    }

    #[test]
    fn numbers_with_a_point() {
        use NumberStyle::Point;
        for (text, number) in [
            ("1,234.56", "1234.56"),
            ("1,234", "1234"),
            ("1,234,567", "1234567"),
            ("1.234", "1.234"),
            ("$1,000.00", "1000.00"),
            ("-$5", "-5"),
            ("$-5", "-5"),
            ("RM 89.90", "89.90"),
            ("USD 5", "5"),
            ("5 usd", "5"),
            ("5 €", "5"),
            ("€5", "5"),
            ("US$ 5", "5"),
            ("R$5.10", "5.10"),
            ("Rs.500", "500"),
            ("(50.00)", "-50.00"),
            ("(RM 50.00)", "-50.00"),
            ("RM (50.00)", "-50.00"),
            ("5-", "-5"),
            ("+5", "5"),
            ("\u{2212}5", "-5"),
            ("1 234.50", "1234.50"),
            ("1\u{a0}234", "1234"),
            ("1\u{202f}234\u{202f}567.5", "1234567.5"),
            ("1'234.50", "1234.50"),
        ] {
            assert_eq!(read(Point, text), some(number), "{text}");
        }
        for text in [
            "12,34",
            "1,2345",
            "1,23,456",
            "12345,678",
            "89,90",
            "1.234,56",
            "12%",
            "(-5)",
            "--5",
            "$ $5",
            "5 kg",
            "1 2",
            "$",
            "()",
            "-",
            "€",
            "1,234 567",
            ",",
            ".",
            "RM",
            "NaN",
            "1,,234",
            "x5",
            "5 6 7",
        ] {
            assert_eq!(read(Point, text), Err(NumberFault::Unreadable), "{text}");
        }
    }

    #[test]
    fn numbers_with_a_comma() {
        use NumberStyle::Comma;
        for (text, number) in [
            ("1.234,56", "1234.56"),
            ("89,90", "89.90"),
            ("-89,90", "-89.90"),
            ("1 234,56 €", "1234.56"),
            ("1,234", "1.234"),
            ("1.234", "1234"),
            ("12", "12"),
        ] {
            assert_eq!(read(Comma, text), some(number), "{text}");
        }
        for text in ["89.90", "1,234.56", "1.23,4", "1,2,3"] {
            assert_eq!(read(Comma, text), Err(NumberFault::Unreadable), "{text}");
        }
    }

    fn style(texts: &[&str]) -> NumberStyle {
        let mut profile = NumberProfile::default();
        texts.iter().for_each(|text| profile.add(text));
        profile.style(false).0
    }

    #[test]
    fn the_whole_column_tells_its_style() {
        assert_eq!(style(&["1", "2.50", "", "many"]), NumberStyle::Plain);
        assert_eq!(style(&["1,234", "2.50"]), NumberStyle::Point);
        assert_eq!(style(&["1,234", "1,234,567"]), NumberStyle::Point);
        assert_eq!(style(&["1,234", "89,90"]), NumberStyle::Comma);
        assert_eq!(style(&["1.234", "89,90"]), NumberStyle::Comma);
        assert_eq!(style(&["1.234", "500"]), NumberStyle::Plain);
        assert_eq!(style(&["1.234.567"]), NumberStyle::Comma);
        assert_eq!(style(&["1,234", "500"]), NumberStyle::Either);
        assert_eq!(style(&["89.90", "89,90"]), NumberStyle::Either);
        assert_eq!(style(&["RM 5", "(RM 6)"]), NumberStyle::Point);
        assert_eq!(read(NumberStyle::Either, "1,234"), Err(NumberFault::Ambiguous));
        assert_eq!(read(NumberStyle::Either, "1.234"), Err(NumberFault::Ambiguous));
        assert_eq!(read(NumberStyle::Either, "+1.234"), Err(NumberFault::Ambiguous));
        assert_eq!(read(NumberStyle::Either, "RM 89,90"), some("89.90"));
        assert_eq!(read(NumberStyle::Either, "500"), some("500"));
        let mut profile = NumberProfile::default();
        ["RM 5", "RM 6.50", "1"].iter().for_each(|text| profile.add(text));
        assert_eq!(profile.style(false).1, ["currency marks were taken off: RM; name the currency with --currency"]);
        assert_eq!(profile.style(true).0, NumberStyle::Comma);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[-+0-9.,()$€ A-Ze\u{a0}\u{2212}'%]{0,14}", any in ".{0,12}") {
            let mut profile = NumberProfile::default();
            for text in [&text, &any] {
                profile.add(text);
                for style in [NumberStyle::Plain, NumberStyle::Point, NumberStyle::Comma, NumberStyle::Either] {
                    let _ = NumberReader::new(style).read(text);
                }
            }
        }

        /// The fast way and the exact one read the same.
        #[test]
        fn plain_digits_are_read_as_decimals_are(text in "-?[0-9]{1,9}(\\.[0-9]{1,9})?") {
            proptest::prop_assert_eq!(read(NumberStyle::Plain, &text), some(&text.parse::<Decimal>().unwrap().to_string()));
        }

        /// A number written for people is the number.
        #[test]
        fn grouped_numbers_are_their_digits(units in 0i64..10_000_000_000) {
            let (whole, cents) = (units / 100, units % 100);
            let digits = whole.to_string();
            let mut grouped = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at) % 3 == 0 {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            let expected = some(&Decimal::new(i128::from(units), 2).to_string());
            proptest::prop_assert_eq!(read(NumberStyle::Point, &format!("${grouped}.{cents:02}")), expected.clone());
            let comma = grouped.replace(',', ".");
            proptest::prop_assert_eq!(read(NumberStyle::Comma, &format!("{comma},{cents:02} €")), expected);
        }
    }
}
