use std::path::{Path, PathBuf};

/// What went wrong with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The path is not a history.
    NotAHistory,
    /// The history's files are not what its manifest says.
    Damaged,
    /// Another process is writing to the history.
    Busy,
    /// The history was written by a newer version, or the request does not fit it.
    Unsupported,
    /// A value does not fit the history's columns.
    Value,
    /// Reading or writing failed.
    Io,
}

/// A history that can't be read or written. The message names the place, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn io(path: &Path, doing: &str, error: std::io::Error) -> Self {
        let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        let advice = if full { "; make room and try again" } else { "" };
        let message = format!("{}: cannot {doing}: {error}{advice}", path.display());
        Self { kind: ErrorKind::Io, message, source: Some(Box::new(error)) }
    }

    pub(crate) fn damaged(path: &Path, found: impl std::fmt::Display) -> Self {
        Self::new(
            ErrorKind::Damaged,
            format!(
                "{}: this history is damaged: {found}; restore the file from a copy, or ingest the exports again",
                path.display()
            ),
        )
    }

    pub(crate) fn unreadable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Self {
        let mut damaged = Self::damaged(path, &error);
        damaged.source = Some(Box::new(error));
        damaged
    }

    /// Amounts of a column that do not fit together.
    pub(crate) fn too_long(column: &str, scale: u8) -> Self {
        Self::new(
            ErrorKind::Value,
            format!(
                "amounts of the column {column} need more than 18 digits when all have {scale} decimals; round them, as in --{column} 'round(amount, 2)'"
            ),
        )
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// A failure while rows are laid out, before any file is written.
pub(crate) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error { kind: ErrorKind::Value, message: format!("cannot lay out rows: {error}"), source: Some(Box::new(error)) }
}

pub(crate) fn in_dir(dir: &Path, relative: &str) -> PathBuf {
    dir.join(relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        let error = |kind: std::io::ErrorKind| Error::io(Path::new("h/x"), "write", kind.into()).to_string();
        assert!(error(std::io::ErrorKind::StorageFull).ends_with("; make room and try again"));
        assert!(!error(std::io::ErrorKind::PermissionDenied).contains("room"));
    }
}
