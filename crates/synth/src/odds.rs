//! The chances of a business in fixed point, ready to be compared with draws.

use crate::chance::{UNIT, cumulative, fixed};
use crate::countries::{self, COUNTRIES};
use crate::kinds::Mix;
use crate::tiers::{self, TIERS};

/// What every draw is compared with.
#[derive(Debug)]
pub(crate) struct Odds {
    /// Upper ends of the tiers.
    pub(crate) tiers: [u64; TIERS],
    /// Upper ends of the countries.
    pub(crate) countries: [u64; COUNTRIES.len()],
    /// By tier and age: the chance of being alive.
    pub(crate) survival: [Vec<u64>; TIERS],
    /// By tier and month of the business: the chance of activity, given alive.
    pub(crate) activity: [Vec<u64>; TIERS],
    /// By tier.
    pub(crate) mixes: [Mix; TIERS],
}

impl Odds {
    pub(crate) fn new(months: u32) -> Self {
        let tiers = tiers::ALL.each_ref();
        Self {
            tiers: cumulative(tiers.map(|tier| tier.share), UNIT),
            countries: cumulative(countries::weights(), UNIT),
            survival: tiers.map(|tier| (0..months).map(|age| fixed(tier.survival(age))).collect()),
            activity: tiers.map(|tier| (0..months as usize).map(|month| fixed(tier.activity(month))).collect()),
            mixes: tiers.map(|tier| tier.mix()),
        }
    }
}
