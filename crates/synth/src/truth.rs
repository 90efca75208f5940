//! What an analysis of the rows should find.

use crate::tiers::{self, TIERS, Tier};

/// What is known about the customers of one value of the column `plan`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanTruth {
    /// The value of the column `plan`.
    pub name: &'static str,
    /// The chance that a customer has this plan, whatever the month of signup and the country.
    pub share: f64,
    /// The chance that a row other than the signup is a purchase.
    pub purchase_share: f64,
    /// The mean `amount` of a purchase, in whole units of money (not cents), over all countries.
    pub mean_purchase: f64,
}

/// What an analysis of a business should find, up to chance.
///
/// Cohort `c` is the customers whose signup is in calendar month `c`, where 0 is January of
/// [`FIRST_YEAR`](crate::FIRST_YEAR). Age is in calendar months: a row of cohort `c` in calendar month `m` is at
/// age `m - c`. A customer is active at an age if they have at least one row at it, of any event.
///
/// Customers are independent of each other, so the number of active customers of a cohort of `n` at an age is
/// binomial, with `n` and the expected rate.
#[derive(Clone, Debug)]
pub struct Truth {
    cohort_sizes: Vec<u64>,
}

impl Truth {
    pub(crate) fn new(cohort_sizes: Vec<u64>) -> Self {
        Self { cohort_sizes }
    }

    /// The number of calendar months.
    pub fn months(&self) -> usize {
        self.cohort_sizes.len()
    }

    /// The exact number of customers of a cohort.
    ///
    /// # Panics
    ///
    /// If the business has no such month.
    pub fn cohort_size(&self, cohort: usize) -> u64 {
        self.cohort_sizes[cohort]
    }

    /// The chance that a customer of a cohort is active at an age: 1 at age 0. Also holds for ages beyond the last
    /// month of the business.
    pub fn expected_rate(&self, cohort: usize, age: usize) -> f64 {
        (0..TIERS).map(|plan| share(&tiers::ALL[plan]) * self.expected_plan_rate(plan, cohort, age)).sum()
    }

    /// The chance that a customer of a cohort with a plan (an index into [`Truth::plans`]) is active at an age.
    ///
    /// # Panics
    ///
    /// If there is no such plan.
    pub fn expected_plan_rate(&self, plan: usize, cohort: usize, age: usize) -> f64 {
        let tier = &tiers::ALL[plan];
        match age {
            0 => 1.0,
            _ => tier.survival(age as u32) * tier.activity(cohort + age),
        }
    }

    /// The plans, smallest first.
    pub fn plans(&self) -> [PlanTruth; TIERS] {
        tiers::ALL.each_ref().map(|tier| PlanTruth {
            name: tier.name,
            share: share(tier),
            purchase_share: tier.mix().purchase_share(),
            mean_purchase: tiers::mean_price(tier) / 100.0,
        })
    }
}

fn share(tier: &Tier) -> f64 {
    f64::from(tier.share) / 100.0
}
