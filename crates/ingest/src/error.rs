use std::path::Path;

/// Why an export was not ingested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The export can't be opened or is not what it seems.
    Input,
    /// A column is missing, or can't be told from others.
    Column,
    /// An expression can't be read or does not fit its columns.
    Expression,
    /// The history can't be written.
    History,
}

/// An export that can't be ingested. The message names the place, what was found, what was expected and what to do.
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

    pub(crate) fn input(name: &str, message: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Input, format!("{name}: {message}"))
    }

    pub(crate) fn io(path: &Path, doing: &str, error: std::io::Error) -> Self {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => format!("{}: no such file", path.display()),
            _ => format!("{}: cannot {doing}: {error}", path.display()),
        };
        Self { kind: ErrorKind::Input, message, source: Some(Box::new(error)) }
    }

    /// The same, with the export's name before it.
    pub(crate) fn of(mut self, name: &str) -> Self {
        self.message = format!("{name}: {}", self.message);
        self
    }

    /// Ends a reading early; nobody sees it.
    pub(crate) fn interrupted() -> Self {
        Self::new(ErrorKind::Input, "the reading was ended early")
    }

    /// What kind of thing was wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<tenure_history::Error> for Error {
    fn from(error: tenure_history::Error) -> Self {
        Self { kind: ErrorKind::History, message: error.to_string(), source: Some(Box::new(error)) }
    }
}

impl From<tenure_expression::Error> for Error {
    fn from(error: tenure_expression::Error) -> Self {
        Self { kind: ErrorKind::Expression, message: error.to_string(), source: Some(Box::new(error)) }
    }
}

impl From<tenure_exports::Error> for Error {
    fn from(error: tenure_exports::Error) -> Self {
        // A reading that was ended from here gives the reason back.
        error.into_received().unwrap_or_else(|error| Self {
            kind: ErrorKind::Input,
            message: error.to_string(),
            source: Some(Box::new(error)),
        })
    }
}

impl From<Error> for tenure_exports::Error {
    fn from(error: Error) -> Self {
        tenure_exports::Error::received(error)
    }
}
