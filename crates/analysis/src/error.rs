/// Why a query has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The query contradicts itself, lacks a part, or asks for what the history does not have.
    Query,
    /// The history can't be read.
    History,
}

/// A query without answer. The message says what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    query: Option<usize>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn query(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Query, message: message.into(), query: None, source: None }
    }

    /// The same, of one of several queries.
    pub(crate) fn of_query(mut self, place: usize) -> Self {
        self.query = Some(place);
        self
    }

    /// The place of the query that has no answer, where several were asked.
    pub fn query_place(&self) -> Option<usize> {
        self.query
    }

    /// Why there is no answer.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<tenure_history::Error> for Error {
    fn from(error: tenure_history::Error) -> Self {
        Self { kind: ErrorKind::History, message: error.to_string(), query: None, source: Some(Box::new(error)) }
    }
}

impl From<tenure_expression::Error> for Error {
    fn from(error: tenure_expression::Error) -> Self {
        Self { kind: ErrorKind::Query, message: error.to_string(), query: None, source: Some(Box::new(error)) }
    }
}
