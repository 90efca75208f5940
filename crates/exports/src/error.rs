use std::path::Path;

/// Why an export was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The export can't be opened or is not what it seems.
    Input,
    /// Who received the batches ended the reading; [`Error::into_received`] gives the reason back.
    Received,
}

/// An export that can't be read. The message names the place, what was found, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Ends a reading from inside a [`Sink`](crate::Sink).
    pub fn received(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { kind: ErrorKind::Received, message: error.to_string(), source: Some(Box::new(error)) }
    }

    /// What a reading was ended with.
    ///
    /// # Errors
    ///
    /// The error itself where it is not one of this type that [`Error::received`] was given.
    pub fn into_received<E: std::error::Error + 'static>(mut self) -> Result<E, Self> {
        if self.kind != ErrorKind::Received {
            return Err(self);
        }
        match self.source.take().map(|source| source.downcast()) {
            Some(Ok(error)) => Ok(*error),
            Some(Err(source)) => Err(Self { source: Some(source), ..self }),
            None => Err(self),
        }
    }

    pub(crate) fn input(name: &str, message: impl std::fmt::Display) -> Self {
        Self { kind: ErrorKind::Input, message: format!("{name}: {message}"), source: None }
    }

    pub(crate) fn io(path: &Path, doing: &str, error: std::io::Error) -> Self {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => format!("{}: no such file", path.display()),
            _ => format!("{}: cannot {doing}: {error}", path.display()),
        };
        Self { kind: ErrorKind::Input, message, source: Some(Box::new(error)) }
    }

    /// What kind of thing was wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sink_gave_comes_back() {
        let error = Error::received(std::fmt::Error);
        assert_eq!(error.kind(), ErrorKind::Received);
        let error = error.into_received::<std::num::ParseIntError>().unwrap_err();
        assert_eq!(error.into_received::<std::fmt::Error>().unwrap(), std::fmt::Error);
        assert!(Error::input("a", "b").into_received::<std::fmt::Error>().is_err());
    }
}
