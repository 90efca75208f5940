use std::io::ErrorKind;
use std::path::Path;

use parquet::errors::ParquetError;

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

    /// A file that can't be made, by its place.
    pub(crate) fn opening(path: &Path, error: std::io::Error) -> Self {
        const TOO_MANY: i32 = 24;
        let advice = match error.raw_os_error() {
            Some(TOO_MANY) => "; raise the number of open files (ulimit -n), or leave --partition month out",
            _ => "",
        };
        Self { message: format!("{}: cannot write: {error}{advice}", path.display()), source: Some(Box::new(error)) }
    }

    /// A file of Parquet that can't be written, by its place.
    pub(crate) fn file(path: &Path, error: ParquetError) -> Self {
        let found = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
        let message = match found {
            Some(cause) if matches!(cause.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                format!("{}: cannot write: {cause}; make room and try again", path.display())
            }
            Some(cause) => format!("{}: cannot write: {cause}", path.display()),
            None => format!("{}: cannot write Parquet: {error}", path.display()),
        };
        Self { message, source: Some(Box::new(error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_where_and_what_to_do() {
        let error =
            |kind: ErrorKind| Error::file(Path::new("x.parquet"), ParquetError::from(std::io::Error::from(kind))).to_string();
        let full = error(ErrorKind::StorageFull);
        assert!(full.starts_with("x.parquet: cannot write: ") && full.ends_with("; make room and try again"), "{full}");
        assert!(!error(ErrorKind::PermissionDenied).contains("room"));
        let other = Error::file(Path::new("x.parquet"), ParquetError::General("nothing".to_owned())).to_string();
        assert!(other.starts_with("x.parquet: cannot write Parquet: ") && other.contains("nothing"), "{other}");
    }
}
