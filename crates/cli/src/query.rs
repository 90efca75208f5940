//! The flags of a retention query, and what they mean.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use tenure_analysis::{
    Ages, Birth, CellOf, DEFAULT_LEVEL, Dialect, MOST_AGES, Measure, Rates, RetentionQuery, SegmentAsOf, Source, Summary,
    segment_value,
};
use tenure_history::{Column, History};
use tenure_model::{Age, Alignment, Brackets, Criterion, Day, Decimal, FiscalStart, Period, TimePoint, WeekStart, Zone, column};

/// The question.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Query")]
pub(crate) struct QueryArgs {
    /// hour, day, week, month, quarter, half-year, year, or a block such as '28 day'
    #[arg(long, value_name = "PERIOD", default_value = "month")]
    cohort: Period,
    /// The date that blocks are counted from (required with them)
    #[arg(long, value_name = "DATE")]
    cohort_origin: Option<Day>,
    /// The periods that ages are counted in (default: as --cohort)
    #[arg(long, value_name = "PERIOD")]
    age: Option<Period>,
    /// Whose lives are followed: activity, or subscriptions with recurring revenue (default: activity; with --dialect stripe
    /// subscriptions)
    #[arg(long, value_enum, value_name = "TABLE")]
    source: Option<SourceArg>,
    /// Where a life starts: first, first-ever, recurring, or declared:COLUMN, a date of the customers table (default: first)
    #[arg(long, value_name = "HOW")]
    birth: Option<Birth>,
    /// The activity that a birth must be: event = 'signup' (default: any)
    #[arg(long, value_name = "EXPR")]
    born: Option<String>,
    /// The activity that counts as a return: event = 'purchase' (default: any)
    #[arg(long, value_name = "EXPR")]
    returned: Option<String>,
    /// At least so many returns make a member retained
    #[arg(long, value_name = "N", default_value_t = 1)]
    min_returns: u32,
    /// The activity that exists at all for the query (default: all)
    #[arg(long = "filter", value_name = "EXPR")]
    only: Option<String>,
    /// How ages are counted: boundaries of calendar periods, or whole units since the birth (default: calendar)
    #[arg(long, value_enum, value_name = "HOW")]
    alignment: Option<AlignmentArg>,
    /// When a member is retained at an age: on, on-or-after, on-or-before, or streak: at every age up to it (default: on)
    #[arg(long, value_name = "WHEN", conflicts_with = "brackets")]
    criterion: Option<Criterion>,
    /// Retained with a return in a bracket of ages
    #[arg(long, value_name = "0,1-3,4-7,8-")]
    brackets: Option<Brackets>,
    /// Part cohorts by the values of columns
    #[arg(long, value_name = "COL", value_delimiter = ',')]
    by: Vec<String>,
    /// The row whose value is a member's segment (default: birth)
    #[arg(long, value_enum, value_name = "ROW")]
    segment_as_of: Option<SegmentArg>,
    /// Keep the N largest segments; the others are (other)
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Do not show cohorts with fewer members
    #[arg(long, value_name = "N")]
    min_size: Option<u64>,
    /// What is counted beside customers
    #[arg(long, value_enum, default_value_t = MeasureArg::Customers, value_name = "WHAT")]
    measure: MeasureArg,
    /// Convert amounts: a CSV file with date, currency, rate
    #[arg(long, value_name = "FILE")]
    rates: Option<PathBuf>,
    /// Only customers born at or after this date or instant; births are judged over the whole history
    #[arg(long, value_name = "DATE|INSTANT")]
    born_from: Option<TimePoint>,
    /// Only customers born before this date or instant
    #[arg(long, value_name = "DATE|INSTANT")]
    born_until: Option<TimePoint>,
    /// The end of the observation window; activity at or after it is ignored (default: the history's)
    #[arg(long, value_name = "DATE|INSTANT")]
    as_of: Option<TimePoint>,
    /// Show the ages 0 … N−1
    #[arg(long, value_name = "N", conflicts_with = "at", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_AGES)))]
    ages: Option<u32>,
    /// Show only these ages
    #[arg(long, value_name = "1,7,30")]
    at: Option<Ages>,
    /// The zone of local days, an IANA name (default: the history's home zone)
    #[arg(long, value_name = "TZ", value_parser = Zone::named)]
    zone: Option<Zone>,
    /// The first day of weeks
    #[arg(long, value_name = "DAY", default_value = "monday")]
    week_start: WeekStart,
    /// The first month of fiscal years
    #[arg(long, value_name = "MONTH", default_value = "january")]
    fiscal_start: FiscalStart,
    /// How cohorts are drawn together (default: pooled)
    #[arg(long, value_enum, value_name = "HOW")]
    summary: Option<SummaryArg>,
    /// The level of the intervals
    #[arg(long, value_name = "SHARE", default_value_t = DEFAULT_LEVEL)]
    level: f64,
    /// Whose arithmetic is followed: tenure, mixpanel, amplitude, posthog or stripe; explicit flags win
    #[arg(long, value_name = "WHOSE", default_value_t = Dialect::Tenure)]
    dialect: Dialect,
}

impl QueryArgs {
    /// What the flags mean.
    ///
    /// # Errors
    ///
    /// Where the file of rates can't be read.
    pub(crate) fn resolve(&self) -> anyhow::Result<RetentionQuery> {
        let criterion = self.brackets.clone().map(Criterion::Brackets).or_else(|| self.criterion.clone());
        Ok(RetentionQuery {
            source: match self.source {
                Some(SourceArg::Subscriptions) => Source::Subscriptions,
                None if self.dialect == Dialect::Stripe => Source::Subscriptions,
                Some(SourceArg::Activity) | None => Source::Activity,
            },
            cohort: self.cohort,
            age: self.age,
            origin: self.cohort_origin,
            birth: self.birth.clone(),
            born: self.born.clone(),
            returned: self.returned.clone(),
            filter: self.only.clone(),
            min_returns: self.min_returns,
            alignment: self.alignment.map(|alignment| match alignment {
                AlignmentArg::Calendar => Alignment::Calendar,
                AlignmentArg::Rolling => Alignment::Rolling,
            }),
            criterion,
            by: self.by.iter().map(|name| name.trim().to_owned()).collect(),
            segment_as_of: self.segment_as_of.map(|row| match row {
                SegmentArg::Birth => SegmentAsOf::Birth,
                SegmentArg::Activity => SegmentAsOf::Activity,
                SegmentArg::Latest => SegmentAsOf::Latest,
            }),
            top: self.top,
            min_size: self.min_size,
            measure: match self.measure {
                MeasureArg::Customers => Measure::Customers,
                MeasureArg::Events => Measure::Events,
                MeasureArg::Value => Measure::Value,
            },
            rates: self.rates.as_deref().map(read_rates).transpose()?,
            zone: self.zone.clone(),
            week_start: self.week_start,
            fiscal_start: self.fiscal_start,
            born_from: self.born_from,
            born_until: self.born_until,
            as_of: self.as_of,
            ages: self.at.clone().or(self.ages.map(Ages::First)).unwrap_or_default(),
            summary: self.summary.map(|summary| match summary {
                SummaryArg::Pooled => Summary::Pooled,
                SummaryArg::Mean => Summary::Mean,
                SummaryArg::Median => Summary::Median,
            }),
            level: self.level,
            dialect: self.dialect,
        })
    }

    /// The conditions, and the flags that they are given with.
    fn conditions(&self) -> [(&'static str, &Option<String>); 3] {
        [("--filter", &self.only), ("--born", &self.born), ("--returned", &self.returned)]
    }

    /// Refuses conditions and segments on amounts or currencies that no row has: an export's own column of that name is not
    /// what is meant by it.
    pub(crate) fn check_amounts(&self, history: &History) -> anyhow::Result<()> {
        let texts = self.conditions();
        let named = |wanted: &str| {
            let in_text = |text: &Option<String>| {
                text.as_deref().and_then(tenure_analysis::columns_of).is_some_and(|names| names.iter().any(|name| name == wanted))
            };
            let by = self.by.iter().any(|name| name.trim() == wanted).then_some("--by");
            texts.iter().find(|(_, text)| in_text(text)).map(|(flag, _)| *flag).or(by)
        };
        for (wanted, column) in [(column::VALUE, Column::Value), (column::CURRENCY, Column::Currency)] {
            let Some(flag) = named(wanted) else { continue };
            let present = history.scan(&[column]).fold(
                || false,
                |any: &mut bool, rows| {
                    *any |= rows.missing(wanted).is_some_and(|missing| missing < rows.len());
                    Ok::<(), tenure_history::Error>(())
                },
                |a, b| a | b,
            )?;
            if !present && history.rows() > 0 {
                bail!(
                    "{flag} names \"{wanted}\", and no row has one: say which column it is with --{wanted}, when the export is read"
                );
            }
        }
        Ok(())
    }

    /// The columns that an export must keep for the query, and the flags that ask for them.
    pub(crate) fn asked_columns(&self) -> Vec<(String, &'static str)> {
        let mut asked: Vec<_> = self.by.iter().map(|name| (name.trim().to_owned(), "--by")).collect();
        for (flag, text) in self.conditions() {
            // What can't be read is told when the query is.
            let names = text.as_deref().and_then(tenure_analysis::columns_of).unwrap_or_default();
            asked.extend(names.into_iter().map(|name| (name, flag)));
        }
        asked
    }
}

/// A cell of the matrix.
#[derive(Debug, Clone, Args)]
pub(crate) struct CellArgs {
    /// The cohort: the date its period starts on, or any other in it (for hours an instant)
    #[arg(long, value_name = "DATE|INSTANT")]
    pub(crate) in_cohort: TimePoint,
    /// The age, or an age of the bracket
    #[arg(long, value_name = "N")]
    pub(crate) in_age: u32,
    /// Only this segment; (none) is a missing value, (other) those drawn together
    #[arg(long, value_name = "COL=VALUE")]
    in_segment: Vec<String>,
}

impl CellArgs {
    /// The cell meant.
    pub(crate) fn resolve(&self) -> anyhow::Result<CellOf> {
        let segment = self.in_segment.iter().map(|text| match text.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_owned(), segment_value(value.trim()))),
            None => bail!("--in-segment {text}: expected COL=VALUE, such as plan=pro"),
        });
        Ok(CellOf { cohort: self.in_cohort, age: Age(self.in_age), segment: segment.collect::<anyhow::Result<Vec<_>>>()? })
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SourceArg {
    /// What customers did
    Activity,
    /// What they pay for
    Subscriptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AlignmentArg {
    Calendar,
    Rolling,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SegmentArg {
    /// The birth row
    Birth,
    /// Each return by itself
    Activity,
    /// The customer's latest row
    Latest,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MeasureArg {
    Customers,
    Events,
    Value,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SummaryArg {
    Pooled,
    Mean,
    Median,
}

/// The columns of a file of rates.
const RATE_COLUMNS: [&str; 3] = ["date", "currency", "rate"];

/// Reads a CSV file with date, currency and rate.
pub(crate) fn read_rates(path: &Path) -> anyhow::Result<Rates> {
    let name = path.display();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .with_context(|| format!("--rates {name}: cannot read it"))
        .map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let header = reader.headers().map_err(|error| anyhow::anyhow!("--rates {name}: {error}"))?.clone();
    let mut places = [0; RATE_COLUMNS.len()];
    for (place, wanted) in places.iter_mut().zip(RATE_COLUMNS) {
        let found = header.iter().position(|column| column.trim_start_matches('\u{feff}').eq_ignore_ascii_case(wanted));
        let Some(found) = found else {
            let header: Vec<&str> = header.iter().collect();
            bail!("--rates {name}: no column \"{wanted}\" (expected {}; found {})", RATE_COLUMNS.join(", "), header.join(", "));
        };
        *place = found;
    }
    let mut rates = std::collections::BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| anyhow::anyhow!("--rates {name}: {error}"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let [date, currency, rate] = places.map(|place| record.get(place).unwrap_or_default());
        let day: Day = date.parse().map_err(|error| anyhow::anyhow!("{name}:{line}: {error}"))?;
        let rate: Decimal =
            rate.parse().ok().filter(|rate: &Decimal| rate.units() > 0).with_context(|| {
                format!("{name}:{line}: cannot read rate \"{rate}\" (expected a number above 0, such as 0.92)")
            })?;
        let before = rates.insert((day, currency.to_owned()), rate);
        if before.is_some_and(|before| before.normalized() != rate.normalized()) {
            bail!("{name}:{line}: {currency} has two rates on {day}; keep one");
        }
    }
    if rates.is_empty() {
        bail!("--rates {name}: it has no rate");
    }
    Ok(Rates::new(name.to_string(), rates)?)
}
