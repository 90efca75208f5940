/// A result that can't be written in a format.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    pub(crate) fn encoding(format: &str, error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { message: format!("cannot write {format}: {error}"), source: Some(Box::new(error)) }
    }
}
