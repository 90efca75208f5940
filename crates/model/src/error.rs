use std::fmt;

/// What kind of thing could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A time zone name that the IANA database does not have.
    Zone,
    /// A granularity or block of periods.
    Period,
    /// Ages, brackets, or when a member is retained.
    Age,
    /// A weekday or month name.
    CalendarName,
    /// A date or an instant.
    Time,
    /// A decimal number.
    Decimal,
}

/// A text that is not the value it should be. The message says what was found and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The kind of value that could not be read.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
