use std::fmt;
use std::str::FromStr;

use tenure_model::{Alignment, Criterion};

use crate::error::Error;
use crate::query::{Birth, RetentionQuery, SegmentAsOf, Summary};

/// Whose arithmetic a query follows where it says nothing itself.
///
/// The rules are those that the peers' documentation describes; everything that a dialect does not list is tenure's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// tenure's own rules.
    #[default]
    Tenure,
    /// Mixpanel's retention report.
    Mixpanel,
    /// Amplitude's retention analysis.
    Amplitude,
    /// PostHog's retention insight.
    Posthog,
    /// Stripe's subscriber retention by cohort; its source is subscriptions.
    Stripe,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 5] = [Dialect::Tenure, Dialect::Mixpanel, Dialect::Amplitude, Dialect::Posthog, Dialect::Stripe];

    /// The name as `--dialect` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Dialect::Tenure => "tenure",
            Dialect::Mixpanel => "mixpanel",
            Dialect::Amplitude => "amplitude",
            Dialect::Posthog => "posthog",
            Dialect::Stripe => "stripe",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Dialect::ALL.into_iter().find(|dialect| dialect.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Dialect::ALL.iter().map(|dialect| dialect.name()).collect();
            Error::query(format!("no dialect \"{text}\" (expected {})", names.join(", ")))
        })
    }
}

/// Who is retained at age 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgeZero {
    /// As the criterion has it.
    Criterion,
    /// Members with a return in the first period, whatever the criterion.
    InPeriod,
    /// Every member.
    Everyone,
}

/// Which activity around the birth instant is a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstReturns {
    /// At or after the birth instant.
    FromBirth,
    /// Later than the birth instant.
    AfterBirth,
    /// Any time in the birth period; for values later than the birth instant, unless both selectors are the same.
    InPeriod,
}

/// How long a month is when ages are counted from the birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RollingMonth {
    /// To the same day of the next month.
    Calendar,
    /// 30 days of 24 hours.
    ThirtyDays,
}

/// How exactly instants are taken when ages are counted from the birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RollingInstants {
    /// As they are.
    Exact,
    /// Put back to the start of their local hour.
    FlooredToHour,
}

/// Where the window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WindowEnd {
    /// At as-of.
    AsOf,
    /// At the end of the cohort period that holds it.
    EndOfPeriod,
}

/// Which row a birth without earlier life must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstEverRow {
    /// The earliest of any kind.
    OfAnyKind,
    /// The earliest with the birth selector's event name.
    OfEventName,
}

/// What the average of values divides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueAverage {
    /// All members.
    PerMember,
    /// Members who were active.
    PerActive,
}

/// A condition on the birth row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BirthRow {
    /// The flag that it is given with.
    pub(crate) flag: &'static str,
    /// The condition.
    pub(crate) text: String,
}

/// The rules that a query follows: the dialect's, where the query says nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    pub(crate) birth: Birth,
    pub(crate) first_ever: FirstEverRow,
    pub(crate) alignment: Alignment,
    pub(crate) month: RollingMonth,
    pub(crate) instants: RollingInstants,
    pub(crate) criterion: Criterion,
    pub(crate) first_returns: FirstReturns,
    pub(crate) age_zero: AgeZero,
    pub(crate) segment_as_of: SegmentAsOf,
    pub(crate) value_average: ValueAverage,
    pub(crate) summary: Summary,
    pub(crate) window_end: WindowEnd,
    /// What the birth row must be for the customer to be a member; it has no say in which row that is. None: any.
    pub(crate) birth_row: Option<BirthRow>,
}

impl Rules {
    /// tenure's own rules, where a query says nothing.
    pub(crate) fn default_rules() -> Self {
        Self::under(&RetentionQuery::default(), Dialect::Tenure)
    }

    /// The rules of a query under its dialect.
    pub(crate) fn of(query: &RetentionQuery) -> Self {
        Self::under(query, query.dialect)
    }

    /// The rules of a query under a dialect.
    pub(crate) fn under(query: &RetentionQuery, dialect: Dialect) -> Self {
        let alignment = query.alignment.unwrap_or(match dialect {
            Dialect::Mixpanel | Dialect::Amplitude => Alignment::Rolling,
            Dialect::Tenure | Dialect::Posthog | Dialect::Stripe => Alignment::Calendar,
        });
        let rolling = alignment == Alignment::Rolling;
        let peer_rolls = matches!(dialect, Dialect::Mixpanel | Dialect::Amplitude | Dialect::Posthog);
        Self {
            birth: query.birth.clone().unwrap_or(match dialect {
                Dialect::Amplitude => Birth::Recurring,
                Dialect::Posthog if !rolling => Birth::Recurring,
                _ => Birth::First,
            }),
            first_ever: if dialect == Dialect::Posthog { FirstEverRow::OfEventName } else { FirstEverRow::OfAnyKind },
            alignment,
            month: if peer_rolls && rolling { RollingMonth::ThirtyDays } else { RollingMonth::Calendar },
            instants: if dialect == Dialect::Amplitude && rolling {
                RollingInstants::FlooredToHour
            } else {
                RollingInstants::Exact
            },
            criterion: query.criterion.clone().unwrap_or(match dialect {
                Dialect::Mixpanel | Dialect::Amplitude => Criterion::OnOrAfter,
                Dialect::Tenure | Dialect::Posthog | Dialect::Stripe => Criterion::On,
            }),
            first_returns: match dialect {
                Dialect::Mixpanel | Dialect::Amplitude => FirstReturns::AfterBirth,
                Dialect::Posthog => FirstReturns::InPeriod,
                Dialect::Tenure | Dialect::Stripe => FirstReturns::FromBirth,
            },
            age_zero: match dialect {
                Dialect::Mixpanel | Dialect::Amplitude => AgeZero::InPeriod,
                Dialect::Posthog | Dialect::Stripe => AgeZero::Everyone,
                Dialect::Tenure => AgeZero::Criterion,
            },
            segment_as_of: query.segment_as_of.unwrap_or(match dialect {
                Dialect::Posthog => SegmentAsOf::BirthAndReturn,
                _ => SegmentAsOf::Birth,
            }),
            value_average: if dialect == Dialect::Posthog { ValueAverage::PerActive } else { ValueAverage::PerMember },
            summary: query.summary.unwrap_or(match dialect {
                Dialect::Mixpanel => Summary::WeightedTwice,
                Dialect::Amplitude => Summary::PooledComplete,
                Dialect::Posthog => Summary::Mean,
                Dialect::Tenure | Dialect::Stripe => Summary::Pooled,
            }),
            window_end: if dialect == Dialect::Posthog { WindowEnd::EndOfPeriod } else { WindowEnd::AsOf },
            birth_row: None,
        }
    }
}
