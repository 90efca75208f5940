//! What customers pay for: the values of the column `plan`.

use crate::chance::{UNIT, unit};
use crate::countries::{COUNTRIES, Country};
use crate::kinds::Mix;

/// Number of tiers.
pub(crate) const TIERS: usize = 4;

/// A value of the column `plan`, with how its customers behave.
pub(crate) struct Tier {
    pub(crate) name: &'static str,
    /// Customers on it, in per cent of all.
    pub(crate) share: u32,
    /// The chance of activity in a month of neutral season, while alive.
    pub(crate) visit: f64,
    /// The hazard that never fades: the chance of leaving for good in any month.
    lasting_hazard: f64,
    /// The hazard on top of it at age 1; at age k it is a k-th of this.
    early_hazard: f64,
    /// How many events its active months have, relative to the other tiers.
    pub(crate) engagement: u32,
    /// List price that every purchase is scaled from, in cents.
    list_price: u32,
    mix: [u32; 9],
}

pub(crate) const ALL: [Tier; TIERS] = [
    Tier {
        name: "free",
        share: 60,
        visit: 0.55,
        lasting_hazard: 0.020,
        early_hazard: 0.38,
        engagement: 2,
        list_price: 1_200,
        mix: [50, 30, 200, 400, 170, 80, 40, 25, 5],
    },
    Tier {
        name: "basic",
        share: 22,
        visit: 0.70,
        lasting_hazard: 0.015,
        early_hazard: 0.20,
        engagement: 3,
        list_price: 2_500,
        mix: [50, 70, 210, 350, 150, 100, 35, 25, 10],
    },
    Tier {
        name: "pro",
        share: 13,
        visit: 0.82,
        lasting_hazard: 0.010,
        early_hazard: 0.12,
        engagement: 5,
        list_price: 6_000,
        mix: [45, 100, 230, 300, 140, 110, 35, 30, 10],
    },
    Tier {
        name: "team",
        share: 5,
        visit: 0.90,
        lasting_hazard: 0.006,
        early_hazard: 0.06,
        engagement: 8,
        list_price: 18_000,
        mix: [40, 120, 250, 270, 120, 110, 30, 50, 10],
    },
];

/// Activity by month of the year, January first, relative to a neutral month.
const SEASON: [f64; 12] = [0.95, 0.96, 1.00, 1.00, 1.01, 0.98, 0.93, 0.92, 1.02, 1.04, 1.08, 1.10];

/// No month is so lively that everyone alive shows up.
const MOST_ACTIVE: f64 = 0.98;

// A price is the list price times LEAST + BODY * u + TAIL * v^4 for uniform u and v: most prices near the list
// price, a few several times it.
const LEAST: f64 = 0.4;
const BODY: f64 = 0.8;
const TAIL: f64 = 4.0;
const MEAN_SPREAD: f64 = LEAST + BODY / 2.0 + TAIL / 5.0;

impl Tier {
    /// The chance of leaving for good at age `age` (1 or more), given alive before.
    fn hazard(&self, age: u32) -> f64 {
        self.lasting_hazard + self.early_hazard / f64::from(age)
    }

    /// The chance of being alive at an age, in months.
    pub(crate) fn survival(&self, age: u32) -> f64 {
        (1..=age).map(|age| 1.0 - self.hazard(age)).product()
    }

    /// The chance of activity in a month of the business, given alive.
    pub(crate) fn activity(&self, month: usize) -> f64 {
        (self.visit * SEASON[month % 12]).min(MOST_ACTIVE)
    }

    pub(crate) fn mix(&self) -> Mix {
        Mix::new(self.mix)
    }

    /// The price of a purchase in cents, from two draws.
    pub(crate) fn price(&self, country: &Country, body: u64, tail: u64) -> i32 {
        let [u, v] = [body, tail].map(|draw| unit(draw) as f64 / UNIT as f64);
        let spread = LEAST + BODY * u + TAIL * (v * v) * (v * v);
        (self.local_price(country) * spread + 0.5) as i32
    }

    /// The mean price of a purchase in a country, in cents.
    pub(crate) fn mean_price(&self, country: &Country) -> f64 {
        self.local_price(country) * MEAN_SPREAD
    }

    fn local_price(&self, country: &Country) -> f64 {
        f64::from(self.list_price * country.price_level) / 100.0
    }
}

/// The mean price of a purchase over the countries, in cents.
pub(crate) fn mean_price(tier: &Tier) -> f64 {
    let weights = crate::countries::weights().map(f64::from);
    let total: f64 = weights.iter().sum();
    let priced = COUNTRIES.iter().zip(weights).map(|(country, weight)| weight * tier.mean_price(country));
    priced.sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_whole_and_hazards_fall() {
        assert_eq!(ALL.iter().map(|tier| tier.share).sum::<u32>(), 100);
        for tier in &ALL {
            assert_eq!(tier.mix.iter().sum::<u32>(), 1000, "{}", tier.name);
            assert_eq!(tier.survival(0), 1.0);
            for age in 1..120 {
                assert!(tier.hazard(age) > tier.hazard(age + 1));
                assert!(tier.survival(age) > tier.survival(age + 1));
            }
            for month in 0..12 {
                assert!(tier.activity(month) < 1.0);
            }
        }
    }
}
