//! Ages of activity, and how much of them each member has lived.

use tenure_model::{Alignment, Anniversaries, Granularity, Instant, Period, Rolling, Zone};

use crate::dialect::{RollingInstants, RollingMonth, Rules};
use crate::units::Units;

/// How ages are counted under a query.
#[derive(Debug)]
pub(crate) enum Clock {
    /// By the age periods that birth and activity lie in.
    Calendar(Lived),
    /// From the birth.
    Rolling { rolling: Rolling, instants: RollingInstants, zone: Zone, until: Instant },
}

/// How far time has come at the end of the window, in age periods.
#[derive(Debug)]
pub(crate) struct Lived {
    /// The period that `until` falls into, or starts: those before it are lived.
    at_until: i32,
    /// The last period that has begun before `until`.
    begun: i32,
}

/// How many ages a member has lived, and how many have begun: the first so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exposure {
    pub(crate) lived: u32,
    pub(crate) begun: u32,
}

impl Clock {
    pub(crate) fn new(rules: &Rules, age: Period, units: &Units, until: Instant) -> Self {
        match rules.alignment {
            Alignment::Calendar => {
                Clock::Calendar(Lived { at_until: units.ages.number_at(until), begun: units.ages.number_at(before(until)) })
            }
            Alignment::Rolling => {
                let zone = units.zone().clone();
                let months = age.granularity() == Granularity::Month;
                let rolling = match (rules.month, age) {
                    (RollingMonth::ThirtyDays, Period::One(_)) if months => Rolling::days_of_24_hours(30, zone.clone()),
                    (RollingMonth::ThirtyDays, Period::Block(count, _)) if months => {
                        Rolling::days_of_24_hours(30 * count.get(), zone.clone())
                    }
                    _ => Rolling::new(age, zone.clone()),
                };
                Clock::Rolling { rolling, instants: rules.instants, zone, until }
            }
        }
    }

    /// The life that starts with a birth: its instant (under calendar alignment the age period alone is looked at).
    pub(crate) fn start(&self, units: &Units, birth: Instant, unit: i64) -> Ages<'_> {
        match self {
            Clock::Calendar(lived) => {
                let period = units.age(unit);
                let count = |last: i32| u32::try_from(last - period).unwrap_or_default();
                let exposure = Exposure { lived: count(lived.at_until), begun: count(lived.begun + 1) };
                Ages { exposure, kind: Kind::Calendar { period } }
            }
            Clock::Rolling { rolling, instants, zone, until } => {
                let life = rolling.since(instants.take(zone, birth));
                let lived = life.age_at(*until);
                // An age that begins with the window's end has not begun in it.
                let begun = if life.instant(lived as i32) < *until { lived + 1 } else { lived };
                let exposure = Exposure { lived, begun };
                Ages { exposure, kind: Kind::Rolling { life, instants: *instants, zone, age: 0, next: life.instant(1) } }
            }
        }
    }
}

fn before(at: Instant) -> Instant {
    Instant(at.0.saturating_sub(1))
}

impl RollingInstants {
    fn take(self, zone: &Zone, at: Instant) -> Instant {
        match self {
            RollingInstants::Exact => at,
            RollingInstants::FlooredToHour => zone.start_of_hour(zone.hour_of(at)),
        }
    }
}

/// The ages of one life.
#[derive(Debug)]
pub(crate) struct Ages<'a> {
    pub(crate) exposure: Exposure,
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    Calendar { period: i32 },
    Rolling { life: Anniversaries<'a>, instants: RollingInstants, zone: &'a Zone, age: u32, next: Instant },
}

impl Ages<'_> {
    /// The age at an activity at or after the birth. Asked in order of time, an answer costs little.
    #[inline]
    pub(crate) fn at(&mut self, units: &Units, time: i64, unit: i64) -> u32 {
        match &mut self.kind {
            Kind::Calendar { period } => (units.age(unit) - *period) as u32,
            Kind::Rolling { life, instants, zone, age, next } => {
                let at = instants.take(zone, Instant(time));
                if at >= *next {
                    (*age, *next) = life.age_from(*age, *next, at);
                }
                *age
            }
        }
    }

    /// Whether an activity before the birth instant lies in the birth period.
    pub(crate) fn in_birth_period(&self, units: &Units, unit: i64) -> bool {
        match self.kind {
            Kind::Calendar { period } => units.age(unit) == period,
            Kind::Rolling { .. } => false,
        }
    }
}
