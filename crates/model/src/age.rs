use std::fmt;

use serde::Serialize;

/// Whole periods lived since birth; 0 is the birth period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Age(pub u32);

impl Age {
    /// The birth period.
    pub const BIRTH: Age = Age(0);
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How an age is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Alignment {
    /// Boundaries of the age granularity between the period that holds the birth and the one that holds the activity.
    #[default]
    Calendar,
    /// Whole units elapsed since the birth instant ([`crate::Rolling`]).
    Rolling,
}

impl fmt::Display for Alignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Alignment::Calendar => "calendar",
            Alignment::Rolling => "rolling",
        })
    }
}
