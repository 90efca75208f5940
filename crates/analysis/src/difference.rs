//! Whether two groups differ: differences with intervals, tests, and p-values adjusted for several comparisons.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::interval::{Interval, Wilson};

/// Below this expected count the normal approximation is not trusted, and Fisher's exact test is used.
pub const LEAST_EXPECTED: f64 = 5.0;

/// Two tables are as likely as each other when their probabilities differ by less than this share: rounding must not decide.
const SAME_PROBABILITY: f64 = 1.0 + 1e-7;

/// Some of a group: `part` of `whole`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Proportion {
    /// Those meant.
    pub part: u64,
    /// All of them.
    pub whole: u64,
}

impl Proportion {
    /// The share; nothing of nobody.
    pub fn share(self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }
}

/// The interval of the difference `b − a` of two shares of independent samples: Newcombe's hybrid score interval, made of the
/// Wilson bounds of each (R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison
/// of eleven methods", Statistics in Medicine 17, 1998, method 10). Its bounds are shares from −1 to 1. Nothing where a group is
/// empty.
pub fn newcombe(a: Proportion, b: Proportion, level: f64) -> Option<Interval> {
    let wilson = Wilson::new(level);
    let (from, to) = (wilson.interval(a.part, a.whole)?, wilson.interval(b.part, b.whole)?);
    let (share_a, share_b) = (a.share()?, b.share()?);
    let difference = share_b - share_a;
    let below = (share_b - to.low).hypot(from.high - share_a);
    let above = (to.high - share_b).hypot(share_a - from.low);
    Some(Interval { low: (difference - below).max(-1.0), high: (difference + above).min(1.0) })
}

/// How a difference was tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestName {
    /// The test of two proportions with their pooled variance, two-sided: its square is chi-square with 1 degree of freedom.
    TwoProportions,
    /// Fisher's exact test, two-sided: tables as likely as the one seen, or less.
    Fisher,
    /// Welch's t-test of two means, two-sided.
    Welch,
}

impl TestName {
    /// The name as results have it.
    pub const fn name(self) -> &'static str {
        match self {
            TestName::TwoProportions => "two-proportion z",
            TestName::Fisher => "Fisher exact",
            TestName::Welch => "Welch t",
        }
    }
}

/// The outcome of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// Which test it is.
    pub name: TestName,
    /// The statistic; none of an exact test.
    pub statistic: Option<f64>,
    /// How probable a difference at least so large is where there is none.
    pub p: f64,
}

/// Tests whether two shares of independent samples differ: by the normal approximation, and where any of the four expected
/// counts is below [`LEAST_EXPECTED`] exactly. Nothing where a group is empty, or where all or none of both are meant, since then
/// nothing could differ.
pub fn test_of_shares(a: Proportion, b: Proportion) -> Option<Test> {
    let (part, whole) = (a.part + b.part, a.whole + b.whole);
    if a.whole == 0 || b.whole == 0 || part == 0 || part == whole {
        return None;
    }
    let expected = |of: u64, meant: u64| of as f64 * meant as f64 / whole as f64;
    let least = [a.whole, b.whole].into_iter().flat_map(|of| [expected(of, part), expected(of, whole - part)]);
    if least.fold(f64::INFINITY, f64::min) < LEAST_EXPECTED {
        return Some(Test { name: TestName::Fisher, statistic: None, p: fisher(a, b) });
    }
    let pooled = part as f64 / whole as f64;
    let variance = pooled * (1.0 - pooled) * (1.0 / a.whole as f64 + 1.0 / b.whole as f64);
    let z = (b.share()? - a.share()?) / variance.sqrt();
    Some(Test { name: TestName::TwoProportions, statistic: Some(z), p: (2.0 * Normal::standard().sf(z.abs())).min(1.0) })
}

/// The two-sided p-value of Fisher's exact test. Weights relative to the likeliest table need no factorials.
fn fisher(a: Proportion, b: Proportion) -> f64 {
    let (part, whole) = (a.part + b.part, a.whole + b.whole);
    // How many of the first group are meant, with all margins fixed.
    let (least, most) = (part.saturating_sub(b.whole), part.min(a.whole));
    let mode = (((u128::from(a.whole) + 1) * (u128::from(part) + 1)) / (u128::from(whole) + 2)) as u64;
    let mode = mode.clamp(least, most);
    let up = |k: u64| {
        // From k to k + 1.
        ((a.whole - k) as f64 * (part - k) as f64) / ((k + 1) as f64 * (b.whole + k + 1 - part) as f64)
    };
    let mut weights = vec![0.0; (most - least + 1) as usize];
    let at = |k: u64| (k - least) as usize;
    weights[at(mode)] = 1.0;
    for k in mode..most {
        weights[at(k + 1)] = weights[at(k)] * up(k);
    }
    for k in (least..mode).rev() {
        weights[at(k)] = weights[at(k + 1)] / up(k);
    }
    let seen = weights[at(a.part)] * SAME_PROBABILITY;
    // From the small to the large, so that little is lost.
    weights.sort_unstable_by(f64::total_cmp);
    let sum = |weights: &[f64]| weights.iter().sum::<f64>();
    let not_likelier = weights.partition_point(|weight| *weight <= seen);
    (sum(&weights[..not_likelier]) / sum(&weights)).min(1.0)
}

/// What numbers of a sample add up to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sample {
    /// How many there are.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their variance, divided by one less than their count.
    pub variance: f64,
}

/// Whether the means of two independent samples differ: the interval of `b − a` and Welch's test, with Satterthwaite's degrees
/// of freedom. Nothing where a sample has fewer than two numbers, or no number differs from the others.
pub fn welch(a: Sample, b: Sample, level: f64) -> Option<(Interval, Test)> {
    if a.count < 2 || b.count < 2 {
        return None;
    }
    let (va, vb) = (a.variance / a.count as f64, b.variance / b.count as f64);
    let variance = va + vb;
    if variance.is_nan() || variance <= 0.0 {
        return None;
    }
    let freedom = variance.powi(2) / (va.powi(2) / (a.count - 1) as f64 + vb.powi(2) / (b.count - 1) as f64);
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let (difference, error) = (b.mean - a.mean, variance.sqrt());
    let reach = student.inverse_cdf(0.5 + level / 2.0) * error;
    let t = difference / error;
    let test = Test { name: TestName::Welch, statistic: Some(t), p: (2.0 * student.sf(t.abs())).min(1.0) };
    Some((Interval { low: difference - reach, high: difference + reach }, test))
}

/// P-values adjusted for being several: Holm's step-down procedure (S. Holm, "A simple sequentially rejective multiple test
/// procedure", Scandinavian Journal of Statistics 6, 1979). The i-th smallest of m is multiplied by m − i + 1, is at least the
/// adjusted one before it, and at most 1.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let (mut adjusted, mut before) = (vec![1.0; p.len()], 0.0f64);
    for (rank, place) in order.into_iter().enumerate() {
        before = before.max((p[place] * (p.len() - rank) as f64).min(1.0));
        adjusted[place] = before;
    }
    adjusted
}

/// A segment on two sides of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parts {
    /// What the segment adds to the difference because its rate differs.
    pub rate: f64,
    /// What it adds because its weight differs.
    pub mix: f64,
}

/// What each segment adds to the difference `b − a` of the shares of two wholes that segments part. With weights w (the
/// segment's share of its side) and rates r: mix = (w_b − w_a) · (r_a + r_b) / 2, rate = (r_b − r_a) · (w_a + w_b) / 2. Over all
/// segments they add up to the difference. A segment that one side lacks has no rate there: it is taken to be the other side's,
/// so that all it brings is mix. Nothing where a side is empty.
pub fn rate_and_mix(segments: &[(Proportion, Proportion)]) -> Option<Vec<Parts>> {
    let whole = |of: fn(&(Proportion, Proportion)) -> u64| segments.iter().map(of).sum::<u64>();
    let (all_a, all_b) = (whole(|(a, _)| a.whole), whole(|(_, b)| b.whole));
    if all_a == 0 || all_b == 0 {
        return None;
    }
    let parts = segments.iter().map(|&(a, b)| {
        let (weight_a, weight_b) = (a.whole as f64 / all_a as f64, b.whole as f64 / all_b as f64);
        let (Some(rate_a), Some(rate_b)) = (a.share().or(b.share()), b.share().or(a.share())) else { return Parts::default() };
        Parts { rate: (rate_b - rate_a) * (weight_a + weight_b) / 2.0, mix: (weight_b - weight_a) * (rate_a + rate_b) / 2.0 }
    });
    Some(parts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(part: u64, whole: u64) -> Proportion {
        Proportion { part, whole }
    }

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0)
    }

    #[test]
    fn newcombes_table() {
        // Newcombe (1998), table II, method 10; the difference there is of the first less the second.
        for (b, a, low, high) in [
            (of(56, 70), of(48, 80), 0.0524, 0.3339),
            (of(9, 10), of(3, 10), 0.1705, 0.8090),
            (of(6, 7), of(2, 7), 0.0582, 0.8062),
            (of(5, 56), of(0, 29), -0.0381, 0.1926),
            (of(0, 10), of(0, 20), -0.1611, 0.2775),
            (of(0, 10), of(0, 10), -0.2775, 0.2775),
            (of(10, 10), of(0, 20), 0.6791, 1.0),
            (of(10, 10), of(0, 10), 0.6075, 1.0),
        ] {
            let found = newcombe(a, b, 0.95).unwrap();
            assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{b:?} − {a:?}: {found:?}");
        }
        // statsmodels 0.14, confint_proportions_2indep(1200, 5000, 1100, 5200, method="newcomb", compare="diff", alpha=0.1).
        let found = newcombe(of(1100, 5200), of(1200, 5000), 0.9).unwrap();
        assert!(near(found.low, 0.014842963110504377) && near(found.high, 0.042080036610533354), "{found:?}");
        assert_eq!(newcombe(of(0, 0), of(1, 2), 0.95), None);
    }

    #[test]
    fn shares_are_tested_as_in_statsmodels_and_scipy() {
        // proportions_ztest([x2, x1], [n2, n1]).
        for (b, a, z, p) in [
            (of(56, 70), of(48, 80), 2.6501719512585336, 0.00804508136819656),
            (of(1200, 5000), of(1100, 5200), 3.4384892267140397, 0.0005849698134079413),
        ] {
            let test = test_of_shares(a, b).unwrap();
            assert_eq!(test.name, TestName::TwoProportions);
            assert!(near(test.statistic.unwrap(), z) && near(test.p, p), "{test:?}");
        }
        // scipy.stats.fisher_exact, two-sided; the first is the lady tasting tea (R. A. Fisher 1935). Expected counts of exactly 5
        // are enough for the normal approximation.
        for (a, b, p, name) in [
            (of(3, 4), of(1, 4), 0.48571428571428565, TestName::Fisher),
            (of(1, 10), of(11, 14), 0.0027594561852200836, TestName::TwoProportions),
            (of(6, 7), of(2, 7), 0.10256410256410256, TestName::Fisher),
            (of(5, 56), of(0, 29), 0.1606214432094711, TestName::Fisher),
            (of(10, 10), of(0, 10), 1.082508822446903e-05, TestName::TwoProportions),
        ] {
            assert_eq!(test_of_shares(a, b).unwrap().name, name, "{a:?}");
            assert!(near(fisher(a, b), p), "{a:?} {b:?}: {}", fisher(a, b));
            assert!(near(fisher(b, a), p));
        }
        // Few of many, where factorials would lose digits.
        let rare = (of(2, 100_002), of(9, 100_012));
        assert!(near(fisher(rare.0, rare.1), 0.06542244069171521), "{}", fisher(rare.0, rare.1));
        assert_eq!(test_of_shares(of(0, 10), of(0, 20)), None);
        assert_eq!(test_of_shares(of(10, 10), of(20, 20)), None);
        assert_eq!(test_of_shares(of(0, 0), of(1, 20)), None);
    }

    #[test]
    fn means_are_tested_as_in_scipy() {
        // scipy.stats.ttest_ind(b, a, equal_var=False) of these.
        let sample = |numbers: &[f64]| {
            let (count, mean) = (numbers.len() as u64, numbers.iter().sum::<f64>() / numbers.len() as f64);
            let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1) as f64;
            Sample { count, mean, variance }
        };
        let (a, b) = (sample(&[10.0, 0.0, 25.0, 7.5, 0.0]), sample(&[12.0, 30.0, 0.0, 41.25, 8.0, 3.0]));
        let (interval, test) = welch(a, b, 0.95).unwrap();
        assert!(near(test.statistic.unwrap(), 0.8899737454332336), "{test:?}");
        assert!((test.p - 0.3980535084226568).abs() < 1e-8, "{test:?}");
        assert!((interval.low + 11.290341522329927).abs() < 1e-5 && (interval.high - 25.707008188996596).abs() < 1e-5);
        assert_eq!(welch(a, Sample { count: 1, ..b }, 0.95), None);
    }

    #[test]
    fn holms_procedure() {
        // statsmodels, multipletests(p, method="holm").
        let same = |p: &[f64], expected: &[f64]| holm(p).iter().zip(expected).all(|(a, b)| near(*a, *b));
        assert!(same(&[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02]));
        assert!(same(&[0.02, 0.9, 0.00001, 0.5, 0.02, 0.6], &[0.1, 1.0, 0.00006, 1.0, 0.1, 1.0]));
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn parts_add_up_to_the_difference() {
        // Of A 50 of 100 are in x at 40 %, 50 in y at 20 %: 30 %. Of B 80 are in x at 50 %, 20 in y at 20 %: 44 %.
        let parts = rate_and_mix(&[(of(20, 50), of(40, 80)), (of(10, 50), of(4, 20))]).unwrap();
        // x: rate 0.1 × 0.65, mix 0.3 × 0.45; y: rate 0, mix −0.3 × 0.2.
        assert!(near(parts[0].rate, 0.065) && near(parts[0].mix, 0.135), "{parts:?}");
        assert!(near(parts[1].rate, 0.0) && near(parts[1].mix, -0.06), "{parts:?}");
        assert!(near(parts.iter().map(|part| part.rate + part.mix).sum(), 0.44 - 0.30));
        // A segment that one side lacks is mix alone.
        let parts = rate_and_mix(&[(of(20, 50), of(0, 0)), (of(10, 50), of(30, 60))]).unwrap();
        assert!(near(parts[0].rate, 0.0) && near(parts[0].mix, -0.2), "{parts:?}");
        assert!(near(parts.iter().map(|part| part.rate + part.mix).sum(), 0.5 - 0.3));
        assert_eq!(rate_and_mix(&[(of(1, 2), of(0, 0))]), None);
    }
}
