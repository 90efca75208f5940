use statrs::distribution::{ContinuousCDF, Normal};

/// The bounds of a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower bound, at least 0.
    pub low: f64,
    /// The upper bound, at most 1.
    pub high: f64,
}

/// Wilson's score interval for a binomial share (E. B. Wilson, "Probable inference, the law of succession, and statistical
/// inference", JASA 22, 1927), without continuity correction.
#[derive(Debug, Clone, Copy)]
pub struct Wilson {
    z: f64,
}

impl Wilson {
    /// Intervals of a two-sided level, strictly between 0 and 1.
    pub fn new(level: f64) -> Self {
        Self { z: Normal::standard().inverse_cdf(0.5 + level / 2.0) }
    }

    /// The quantile of the standard normal distribution that the level asks for.
    pub(crate) fn z(&self) -> f64 {
        self.z
    }

    /// The interval of `successes` out of `trials`. Nothing where there are no trials.
    pub fn interval(&self, successes: u64, trials: u64) -> Option<Interval> {
        if trials == 0 {
            return None;
        }
        let (n, z2) = (trials as f64, self.z * self.z);
        let share = successes as f64 / n;
        let centre = share + z2 / (2.0 * n);
        let reach = self.z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
        let scale = 1.0 + z2 / n;
        // Exactly 0 and 1 at the ends, where rounding would miss them by an ulp.
        let low = if successes == 0 { 0.0 } else { (centre - reach) / scale };
        let high = if successes == trials { 1.0 } else { (centre + reach) / scale };
        Some(Interval { low: low.max(0.0), high: high.min(1.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples() {
        // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I,
        // method 3: the score method without continuity correction.
        let wilson = Wilson::new(0.95);
        for (r, n, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let interval = wilson.interval(r, n).unwrap();
            assert!((interval.low - low).abs() < 5e-5 && (interval.high - high).abs() < 5e-5, "{r}/{n}: {interval:?}");
        }
        assert_eq!(wilson.interval(0, 0), None);
        assert_eq!(wilson.interval(5, 5).unwrap().high, 1.0);
    }

    #[test]
    fn a_higher_level_is_wider() {
        let (a, b) = (Wilson::new(0.8).interval(3, 10).unwrap(), Wilson::new(0.99).interval(3, 10).unwrap());
        assert!(b.low < a.low && a.high < b.high);
    }
}
