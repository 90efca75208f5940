use serde::Serialize;
use tenure_model::{Age, AgeRange, Cell, Decimal, Instant, ObservationWindow};

use crate::dialect::ValueAverage;
use crate::interval::Interval;
use crate::query::Measure;

/// A retention matrix with everything that says what its numbers mean.
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionMatrix {
    /// The rules the numbers follow.
    pub definition: Definition,
    /// What the measure adds to cells.
    pub measure: Measure,
    /// The average of values that the query's rules name.
    pub value_average: ValueAverage,
    /// What the history could vouch for.
    pub window: ObservationWindow,
    /// How the customers divide.
    pub totals: Totals,
    /// The ages or brackets shown, ascending.
    pub ages: Vec<AgeRange>,
    /// The cohorts, by start and segment; with `value` one for each currency.
    pub cohorts: Vec<CohortRow>,
    /// The summary: an entry for each segment and one over all, for each age at which anybody is exposed.
    pub summary: Vec<SummaryPoint>,
    /// What a reader must know to read the numbers right.
    pub notes: Vec<String>,
}

/// The values of the `by` columns; none is a missing value.
pub type Segment = Vec<Option<String>>;

/// The rules that a result follows, as results print them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the flag of the same name; the glossary defines them")]
pub struct Definition {
    pub source: &'static str,
    pub birth: String,
    pub born: Option<String>,
    pub returned: Option<String>,
    pub filter: Option<String>,
    pub min_returns: u32,
    pub cohort: String,
    pub age: String,
    pub alignment: String,
    pub criterion: String,
    pub brackets: Option<String>,
    pub by: Vec<String>,
    pub segment_as_of: String,
    pub top: Option<usize>,
    pub min_size: Option<u64>,
    pub measure: String,
    pub currency: Option<String>,
    pub rates: Option<String>,
    pub zone: String,
    pub week_start: String,
    pub fiscal_start: String,
    pub cohort_origin: Option<String>,
    pub born_from: Option<String>,
    pub born_until: Option<String>,
    pub summary: String,
    pub level: f64,
    pub dialect: &'static str,
    pub content: String,
}

/// How the customers divide: customers = members + born outside the range + without birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Those with activity left by the filter and before `until`; with declared births also those that customers exports list.
    pub customers: u64,
    /// Those in a cohort.
    pub members: u64,
    /// Cohorts' sizes, added up: more than members where births recur.
    pub memberships: u64,
    /// Those born outside the birth range alone.
    pub born_outside_range: u64,
    /// Those without birth.
    pub without_birth: u64,
    /// Cohorts below a smallest size that are not shown; a cohort of each segment counts.
    pub hidden_cohorts: u64,
}

/// The start of a cohort's period.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CohortStart {
    /// A local date.
    Day(tenure_model::Day),
    /// An instant, with the offset that holds in the query's zone: RFC 3339.
    Hour(Instant, String),
}

impl std::fmt::Display for CohortStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CohortStart::Day(day) => day.fmt(f),
            CohortStart::Hour(_, text) => f.write_str(text),
        }
    }
}

/// A cohort, or a segment of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CohortRow {
    /// The start of its period.
    pub start: CohortStart,
    /// The values of the `by` columns, in their order; empty without segments.
    pub segment: Segment,
    /// The currency of its values; none for amounts without one, and for other measures.
    pub currency: Option<String>,
    /// Its members.
    pub size: u64,
    /// A cell for each age or bracket of the matrix.
    pub cells: Vec<CohortCell>,
}

impl CohortRow {
    /// The value at an age as a share of that at age 0, in complete cells: revenue kept. Nothing where age 0 is not shown first,
    /// or its value is not above 0.
    pub fn value_kept(&self, place: usize) -> Option<Decimal> {
        let total = |cell: &CohortCell| cell.cell.rate().and(cell.value.as_deref()).map(|value| value.total);
        let first = self.cells.first().filter(|cell| cell.age == AgeRange::one(Age::BIRTH))?;
        total(self.cells.get(place)?)?.over(total(first).filter(|value| value.is_positive())?)
    }
}

/// A cell and what the measure adds to it.
#[derive(Debug, Clone, PartialEq)]
pub struct CohortCell {
    /// The age or bracket.
    pub age: AgeRange,
    /// Retained and exposed members.
    pub cell: Cell,
    /// The interval of the rate; only of complete cells.
    pub interval: Option<Interval>,
    /// Events at this age; not of unobserved cells.
    pub events: Option<u64>,
    /// Values at this age; not of unobserved cells. Apart, as most cells have none.
    pub value: Option<Box<CellValue>>,
}

impl CohortCell {
    /// The first age.
    pub fn first_age(&self) -> Age {
        self.age.from
    }
}

/// The values of a cell: those of its own age or bracket, whatever the criterion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellValue {
    /// Members with a counted return at this age.
    pub active: u64,
    /// The exact sum.
    pub total: Decimal,
    /// Events without a value.
    pub missing: u64,
    /// total / size.
    pub per_member: Option<Decimal>,
    /// total / active.
    pub per_active: Option<Decimal>,
    /// The sum over ages 0..k / size: observed lifetime value.
    pub cumulative_per_member: Option<Decimal>,
}

/// One point of the summary row.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryPoint {
    /// The segment it is of; none for the point over all.
    pub segment: Option<Segment>,
    /// The age or bracket.
    pub age: AgeRange,
    /// Cohorts it rests on.
    pub cohorts: u64,
    /// Members exposed in them.
    pub exposed: u64,
    /// Exposed members who were retained.
    pub retained: u64,
    /// The summary rate.
    pub rate: f64,
    /// Its interval; only of a pooled summary.
    pub interval: Option<Interval>,
    /// Revenue beside heads, by currency: of values at single ages, and of the cohorts that have lived the age whole.
    pub revenue: Vec<SummaryRevenue>,
}

/// How much of their first value cohorts still bring at an age. All of it is of the cohorts whose members have all lived it.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryRevenue {
    /// The currency; none of amounts without one.
    pub currency: Option<String>,
    /// The value of the age.
    pub value: Decimal,
    /// The value of age 0.
    pub value_at_birth: Decimal,
    /// value / value at birth; nothing where that is not above 0.
    pub retention: Option<f64>,
    /// The share of the members who are retained.
    pub heads: Option<f64>,
}
