//! A star schema for other tools: dimensions and facts in Parquet, and a dictionary of them.

mod aggregates;
mod columns;
mod dates;
mod dictionary;
mod meanings;
mod parallel;
mod writer;

pub use aggregates::{Segments, metric_facts, mrr_facts, retention_facts};
pub use dates::date_rows;
pub use dictionary::{Dictionary, Export, FileEntry, TableEntry};
pub use writer::{Partition, StarWriter, Written, WrittenStar};

/// A table of the star.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StarTable {
    /// Customers.
    DimCustomer,
    /// Days.
    DimDate,
    /// Segments.
    DimSegment,
    /// What customers did.
    FactActivity,
    /// Cells of the retention matrix.
    FactRetention,
    /// Movements of recurring revenue.
    FactMrr,
    /// Metrics by period.
    FactMetric,
    /// Survey answers.
    FactSurvey,
    /// Cancellations.
    FactCancellation,
}

/// A column that refers to a row of a dimension.
pub(crate) struct Reference {
    pub(crate) column: &'static str,
    pub(crate) table: &'static str,
    pub(crate) to: &'static str,
}

impl StarTable {
    /// All of them.
    pub const ALL: [StarTable; 9] = [
        StarTable::DimCustomer,
        StarTable::DimDate,
        StarTable::DimSegment,
        StarTable::FactActivity,
        StarTable::FactRetention,
        StarTable::FactMrr,
        StarTable::FactMetric,
        StarTable::FactSurvey,
        StarTable::FactCancellation,
    ];

    /// The name of its file or folder.
    pub const fn name(self) -> &'static str {
        match self {
            StarTable::DimCustomer => "dim_customer",
            StarTable::DimDate => "dim_date",
            StarTable::DimSegment => "dim_segment",
            StarTable::FactActivity => "fact_activity",
            StarTable::FactRetention => "fact_retention",
            StarTable::FactMrr => "fact_mrr",
            StarTable::FactMetric => "fact_metric",
            StarTable::FactSurvey => "fact_survey",
            StarTable::FactCancellation => "fact_cancellation",
        }
    }

    /// What a row is.
    pub(crate) const fn grain(self) -> &'static str {
        match self {
            StarTable::DimCustomer => "a customer",
            StarTable::DimDate => "a day of the calendar",
            StarTable::DimSegment => "a segment; (all) is everybody",
            StarTable::FactActivity => "an activity of a customer",
            StarTable::FactRetention => {
                "an age of a cohort in a segment; where amounts have several currencies, in each of them, with the same customers: filter on one. Segment (all) is not to be added to the others"
            }
            StarTable::FactMrr => {
                "a period in a segment and a currency: opening + new + reactivation + expansion - contraction - churn + fx + transfer_in - transfer_out = closing. Segment (all) is not to be added to the others"
            }
            StarTable::FactMetric => {
                "a metric of a period in a segment, for money in a currency. Segment (all) is not to be added to the others"
            }
            StarTable::FactSurvey => "an answer to a survey's question",
            StarTable::FactCancellation => "a cancellation",
        }
    }

    /// The columns by which its rows are told apart; none where rows may be equal.
    pub(crate) const fn key(self) -> &'static [&'static str] {
        match self {
            StarTable::DimCustomer => &["customer_key"],
            StarTable::DimDate => &["date"],
            StarTable::DimSegment => &["segment"],
            StarTable::FactRetention => &["cohort", "segment", "currency", "age"],
            StarTable::FactMrr => &["date", "segment", "currency"],
            StarTable::FactMetric => &["date", "segment", "metric", "currency"],
            StarTable::FactActivity | StarTable::FactSurvey | StarTable::FactCancellation => &[],
        }
    }

    pub(crate) const fn references(self) -> &'static [Reference] {
        const fn to(column: &'static str, table: &'static str, to: &'static str) -> Reference {
            Reference { column, table, to }
        }
        const CUSTOMER: &[Reference] = &[to("segment", "dim_segment", "segment"), to("cohort", "dim_date", "date")];
        const ROWS: &[Reference] = &[to("customer_key", "dim_customer", "customer_key"), to("date", "dim_date", "date")];
        const RETENTION: &[Reference] = &[to("cohort", "dim_date", "date"), to("segment", "dim_segment", "segment")];
        const FIGURES: &[Reference] = &[to("date", "dim_date", "date"), to("segment", "dim_segment", "segment")];
        match self {
            StarTable::DimCustomer => CUSTOMER,
            StarTable::DimDate | StarTable::DimSegment => &[],
            StarTable::FactActivity | StarTable::FactSurvey | StarTable::FactCancellation => ROWS,
            StarTable::FactRetention => RETENTION,
            StarTable::FactMrr | StarTable::FactMetric => FIGURES,
        }
    }

    /// The column by whose month its rows are partitioned; none of dimensions.
    pub(crate) const fn date(self) -> Option<&'static str> {
        match self {
            StarTable::DimCustomer | StarTable::DimDate | StarTable::DimSegment => None,
            StarTable::FactRetention => Some("cohort"),
            _ => Some("date"),
        }
    }
}
