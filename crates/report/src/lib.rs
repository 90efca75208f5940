//! Numbers to bytes: terminal tables, CSV, JSON, Markdown, Parquet, Arrow. Nothing is computed here.

mod error;
mod explanation;
mod format;
mod inspection;
mod json;
mod long;
mod members;
mod numbers;
mod retention;
mod table;
mod text_table;
mod wide;

pub use error::Error;
pub use explanation::{explanation_json, explanation_text};
pub use format::{Format, Layout, Show, TableStyle};
pub use inspection::{inspection_json, inspection_text};
pub use members::render_members;
pub use numbers::{bytes_text, counted};
pub use retention::{render_retention, retention_sentence};
pub use text_table::{Align, TextTable};
