//! Revenue retention beside that of heads, in the summary of a question about values.

use std::collections::BTreeMap;

use tenure_model::{Age, AgeRange, Decimal};

use crate::matrix::{Segment, SummaryPoint, SummaryRevenue};

/// From this many percentage points on heads and revenue are said to tell different stories.
pub const TELLING_POINTS: f64 = 5.0;

/// What cohorts that have lived an age whole add up to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Whole {
    pub(crate) members: u64,
    pub(crate) retained: u64,
    /// By currency: the value of the age, and that of age 0.
    pub(crate) values: BTreeMap<Option<String>, (i128, i128)>,
}

/// The cohorts that have lived each age whole, by segment; none is all of them.
#[derive(Debug, Default)]
pub(crate) struct Wholes(BTreeMap<(Option<Segment>, AgeRange), Whole>);

impl Wholes {
    pub(crate) fn at(&mut self, segment: Option<Segment>, age: AgeRange) -> &mut Whole {
        self.0.entry((segment, age)).or_default()
    }

    /// Adds what there is to the points of a summary.
    pub(crate) fn add_to(&self, points: &mut [SummaryPoint], scale: u8) {
        for point in points {
            let Some(whole) = self.0.get(&(point.segment.clone(), point.age)) else { continue };
            let revenue = |(currency, &(value, at_birth)): (&Option<String>, &(i128, i128))| SummaryRevenue {
                currency: currency.clone(),
                value: Decimal::new(value, scale),
                value_at_birth: Decimal::new(at_birth, scale),
                retention: (at_birth > 0).then(|| value as f64 / at_birth as f64),
                heads: (whole.members > 0).then(|| whole.retained as f64 / whole.members as f64),
            };
            point.revenue = whole.values.iter().map(revenue).collect();
        }
    }
}

/// Says in words where heads and revenue tell different stories, which is by more than [`TELLING_POINTS`]: over all, at the last
/// age with both, in each currency.
pub fn stories(points: &[SummaryPoint]) -> Vec<String> {
    let mut last: BTreeMap<&Option<String>, (AgeRange, f64, f64)> = BTreeMap::new();
    for point in points.iter().filter(|point| point.segment.is_none() && point.age.from > Age::BIRTH) {
        for revenue in &point.revenue {
            if let Some((heads, value)) = revenue.heads.zip(revenue.retention) {
                last.insert(&revenue.currency, (point.age, heads, value));
            }
        }
    }
    let telling = last.into_iter().filter(|(_, (_, heads, value))| (heads - value).abs() * 100.0 > TELLING_POINTS);
    telling
        .map(|(currency, (age, heads, value))| {
            let of = currency.as_ref().map(|currency| format!(" in {currency}")).unwrap_or_default();
            format!(
                "heads and revenue tell different stories: of the cohorts that have lived age {age}, {:.1} % of the members are retained, and {:.1} % of the value{of} of age 0",
                heads * 100.0,
                value * 100.0
            )
        })
        .collect()
}
