//! The flags of figures by period, and what they mean.

use clap::Args;
use tenure_analysis::{COHORT, DEFAULT_LEVEL, Scope};
use tenure_model::{Day, FiscalStart, Period, TimePoint, WeekStart, Zone};

/// For which periods, and from which rows.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Query")]
pub(crate) struct ScopeArgs {
    /// day, week, month, quarter, half-year, year, or a block such as '28 day'
    #[arg(long, value_name = "PERIOD", default_value = "month")]
    period: Period,
    /// The date that blocks are counted from (required with them)
    #[arg(long, value_name = "DATE")]
    period_origin: Option<Day>,
    /// Part customers by the values of a column, or by cohort: the period in which they began
    #[arg(long, value_name = "COL")]
    by: Option<String>,
    /// Show periods from this date on; what happened before is known all the same
    #[arg(long, value_name = "DATE|INSTANT")]
    from: Option<TimePoint>,
    /// The end of the observation window; rows at or after it are ignored (default: the history's)
    #[arg(long, value_name = "DATE|INSTANT")]
    as_of: Option<TimePoint>,
    /// The zone of local days, an IANA name (default: the history's home zone)
    #[arg(long, value_name = "TZ", value_parser = Zone::named)]
    zone: Option<Zone>,
    /// The first day of weeks
    #[arg(long, value_name = "DAY", default_value = "monday")]
    week_start: WeekStart,
    /// The first month of fiscal years
    #[arg(long, value_name = "MONTH", default_value = "january")]
    fiscal_start: FiscalStart,
}

/// The columns that an export must keep for a condition, and the flag that asks for them.
pub(crate) fn columns_asked(condition: Option<&str>, flag: &'static str) -> Vec<(String, &'static str)> {
    let names = condition.and_then(tenure_analysis::columns_of).unwrap_or_default();
    names.into_iter().map(|name| (name, flag)).collect()
}

impl FilterArgs {
    /// The columns that an export must keep for the filter.
    pub(crate) fn asked_columns(&self) -> Vec<(String, &'static str)> {
        columns_asked(self.only.as_deref(), "--filter")
    }
}

/// Which rows exist at all.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Query")]
pub(crate) struct FilterArgs {
    /// The activity that exists at all for the query (default: all)
    #[arg(long = "filter", value_name = "EXPR")]
    pub(crate) only: Option<String>,
}

/// How wide intervals are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Query")]
pub(crate) struct LevelArgs {
    /// The level of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = DEFAULT_LEVEL)]
    pub(crate) level: f64,
}

impl ScopeArgs {
    /// What the flags mean.
    pub(crate) fn resolve(&self, filter: &FilterArgs) -> Scope {
        Scope {
            period: self.period,
            origin: self.period_origin,
            from: self.from,
            as_of: self.as_of,
            filter: filter.only.clone(),
            by: self.by.as_ref().map(|name| name.trim().to_owned()),
            zone: self.zone.clone(),
            week_start: self.week_start,
            fiscal_start: self.fiscal_start,
            ..Scope::default()
        }
    }

    /// Whether customers are parted by the period in which they began.
    pub(crate) fn by_is_cohort(&self) -> bool {
        self.by.as_deref().is_some_and(|name| name.trim() == COHORT)
    }

    /// The columns that an export must keep for the query, and the flags that ask for them.
    pub(crate) fn asked_columns(&self, filter: &FilterArgs) -> Vec<(String, &'static str)> {
        self.asked_columns_of(filter.only.as_deref(), "--filter")
    }

    /// The same with another flag's condition.
    pub(crate) fn asked_columns_of(&self, condition: Option<&str>, flag: &'static str) -> Vec<(String, &'static str)> {
        let by = self.by.iter().map(|name| name.trim());
        by.map(|name| (name.to_owned(), "--by")).chain(columns_asked(condition, flag)).collect()
    }
}

/// The longest number of days that is asked about: a hundred years.
const MOST_DAYS: u32 = 36_525;

/// Reads a number of days that may be none: `0d`, `7d`.
pub(crate) fn days_or_none(text: &str) -> Result<u32, String> {
    if ["0d", "0w"].contains(&text.trim()) { Ok(0) } else { days(text) }
}

/// Reads a number of days: `90d`, `12w`.
pub(crate) fn days(text: &str) -> Result<u32, String> {
    let wrong = || format!("cannot read \"{text}\" (expected days or weeks, such as 90d or 12w, of 100 years at most)");
    let text = text.trim();
    let (number, each) = match text.strip_suffix('w') {
        Some(weeks) => (weeks, 7),
        None => (text.strip_suffix('d').ok_or_else(wrong)?, 1),
    };
    let number: u32 = number.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(each).filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(wrong)
}
