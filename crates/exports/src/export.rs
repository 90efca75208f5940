use std::path::PathBuf;
use std::sync::Arc;

use crate::batch_rows::BatchSource;

/// Where an export's rows are.
#[derive(Debug, Clone)]
pub enum Export {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// A file that is in memory.
    Bytes {
        /// What messages call it.
        name: Arc<str>,
        /// What it holds.
        bytes: Arc<[u8]>,
    },
    /// Rows that are no file.
    Rows(Arc<dyn BatchSource>),
}
