//! Numbers to bytes: terminal tables, CSV, JSON, Markdown, Parquet, Arrow, Excel, HTML, SVG, PNG. Nothing is
//! computed here.

mod check;
mod comparison;
mod error;
mod exhibit;
mod explanation;
mod figures;
mod format;
mod html;
mod inspection;
mod json;
mod long;
mod members;
mod metrics;
mod numbers;
mod page;
mod retention;
mod sheet;
mod star;
mod survey_retention;
mod svg;
mod table;
mod text;
mod text_table;
mod wide;
mod workbook;

pub use check::{Check, GoalKind, GoalRow, RuleRow, audience_sheet, check_sheet, check_text};
pub use comparison::comparison_sheet;
pub use error::Error;
pub use explanation::{explanation_json, explanation_text};
pub use figures::{
    at_risk_sheet, cancellations_sheet, lifecycle_sheet, revenue_sheet, stickiness_sheet, surveys_sheet, worked_sheet,
};
pub use format::{Format, Layout, Show, TableStyle};
pub use inspection::{inspection_json, inspection_sheet, inspection_text};
pub use members::render_members;
pub use metrics::{catalog_sheet, catalog_text, metrics_sheet, metrics_text};
pub use numbers::{bytes_text, counted};
pub use page::{CohortTables, GoalShape, GoalShown, MOST_AGES, ReportPage, report_page};
pub use retention::{render_retention, retention_sentence};
pub use sheet::Sheet;
pub use star::{
    Dictionary, Export, FileEntry, Partition, Segments, StarTable, StarWriter, TableEntry, Written, WrittenStar, date_rows,
    metric_facts, mrr_facts, retention_facts,
};
pub use survey_retention::survey_retention_sheet;
pub use text_table::{Align, TextTable};
