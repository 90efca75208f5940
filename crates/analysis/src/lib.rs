//! Numbers from a history: births, ages, retention, value, intervals. Nothing is printed, no clock is read.
//!
//! A query is data ([`RetentionQuery`]); [`retention`] runs it in one walk over each customer's run of rows and gives a
//! [`RetentionMatrix`] that carries its own [`Definition`]; [`retentions`] runs several in one pass. The words are those of
//! the glossary in `tenure-model`.
//!
//! With `value` there is a block for each currency that a row bears. An event with neither value nor currency counts as an
//! event without value in every block; an amount without currency has a block of its own.

mod active;
mod assembly;
mod at_risk;
mod bits;
mod cancellations;
mod changes;
mod clock;
mod columns;
mod comparison;
mod counts;
mod dense;
mod dense_tables;
#[cfg(test)]
mod dense_tests;
mod dialect;
mod difference;
mod error;
mod events;
mod explain;
mod facts;
mod formulas;
mod goals;
mod grid;
mod inspection;
mod interval;
mod life;
mod lifecycle;
mod lives;
mod matrix;
mod members;
mod metrics;
mod plan;
mod predicate;
mod profile;
mod query;
mod retention;
mod revenue;
mod rules;
mod scope;
mod segments;
mod shared;
mod stickiness;
mod subscriptions;
mod summary;
mod summary_revenue;
mod survey_answers;
mod survey_retention;
mod surveys;
mod table_segments;
mod tally;
mod units;
mod unordered;
mod walk;

pub use at_risk::{AtRisk, AtRiskDefinition, AtRiskQuery, AtRiskRow, DEFAULT_QUANTILE, Risk, at_risk};
pub use cancellations::{CancellationDefinition, CancellationQuery, CancellationRow, Cancellations, TENURE, Told, cancellations};
pub use comparison::{
    ComparedMetric, Comparison, ComparisonDefinition, ComparisonQuery, ComparisonRow, Difference, Reading, SideCount,
    SideFigures, Sides, compare,
};
pub use dialect::{Dialect, ValueAverage};
pub use difference::{
    LEAST_EXPECTED, Parts, Proportion, Sample, Test, TestName, holm, newcombe, rate_and_mix, test_of_shares, welch,
};
pub use error::{Error, ErrorKind};
pub use explain::{CellNumbers, Example, Explanation, Step, explain};
pub use facts::{ATTRIBUTE, EVERYBODY, Fact, FactsQuery, Numbers, Personal, Tells, facts, personal_columns, segment_key};
pub use formulas::{
    Kept, TypedMovements, Worked, WorkedUnit, complement, csat, lifetime_value, mrr_of_average, nps_of_counts, nps_of_percent,
    period_retention, repeat_purchase_rate,
};
pub use goals::{Direction, Goal, GoalState, MetricSettings, Progress, Target, progress};
pub use inspection::{AttributeSummary, Inspection, TableSummary, inspect};
pub use interval::{Interval, Wilson};
pub use lifecycle::{Lifecycle, LifecycleCounts, LifecycleRow, lifecycle};
pub use matrix::{
    CellValue, CohortCell, CohortRow, CohortStart, Definition, RetentionMatrix, Segment, SummaryPoint, SummaryRevenue, Totals,
};
pub use members::{CellOf, MemberRow, Members, members, segment_value};
pub use metrics::{
    Benchmark, METRICS, Metric, MetricKind, MetricRow, MetricValue, Metrics, MetricsDefinition, MetricsQuery, metric_named,
    metrics,
};
pub use predicate::columns_of;
pub use query::{Ages, Birth, DEFAULT_LEVEL, Measure, Rates, RetentionQuery, SegmentAsOf, Source, Summary};
pub use retention::{MOST_AGES, retention, retentions};
pub use revenue::{
    Charges, CustomerCounts, DEFAULT_GRACE, MrrMovement, Quotient, Revenue, RevenueDefinition, RevenueQuery, RevenueRow, monthly,
    revenue,
};
pub use rules::{FACTS, Occurrence, Rule, occurrences};
pub use scope::{COHORT, FigurePeriod, Scope, ScopeDefinition};
pub use stickiness::{Stickiness, StickinessDefinition, StickinessRow, stickiness};
pub use summary_revenue::{TELLING_POINTS, stories as retention_stories};
pub use survey_retention::{AnswerGroup, SurveyRetention, SurveyRetentionDefinition, SurveyRetentionRow, survey_retention};
pub use surveys::{Scale, SurveyDefinition, SurveyKind, SurveyQuery, SurveyRow, Surveys, surveys};
pub use unordered::retention_of_unordered;
