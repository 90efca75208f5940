//! Where results go: a file, written whole or not at all, or stdout.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use tenure_report::{Format, Sheet};

use crate::pager::page;
use crate::term::Term;

/// The form of a result and where it goes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write to a file; its extension picks the format
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// table, csv, json, markdown, parquet, arrow, xlsx, html, svg, png (default: by the file's extension, else table)
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

impl OutputArgs {
    /// The format asked for; a table where nothing says.
    pub(crate) fn format(&self) -> anyhow::Result<Format> {
        match (self.format, &self.output) {
            (Some(format), _) => Ok(format),
            (None, None) => Ok(Format::Table),
            (None, Some(path)) => match Format::of_path(path) {
                Some(format) => Ok(format),
                None => bail!(
                    "{}: the extension names no format (expected .csv, .json, .md, .parquet, .arrow, .xlsx, .html, .svg, .png or .txt, or --format)",
                    path.display()
                ),
            },
        }
    }

    /// The file to be written; none where the result goes to stdout.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// The columns of the terminal that the result is looked at on; none where it goes elsewhere.
    pub(crate) fn width(&self, term: &Term) -> Option<usize> {
        if self.output.is_none() { term.width() } else { None }
    }

    /// Refuses to write over what is read.
    ///
    /// # Errors
    ///
    /// Where the file is the input, or lies in the history that is.
    pub(crate) fn check_input(&self, input: &Path) -> anyhow::Result<()> {
        self.output.as_deref().map_or(Ok(()), |path| check_input(path, input))
    }

    /// Writes a result.
    pub(crate) fn write(&self, bytes: &[u8], format: Format, term: &Term) -> anyhow::Result<()> {
        match &self.output {
            Some(path) => write_file(path, bytes),
            None => {
                if format.is_binary() && term.stdout_is_terminal() {
                    bail!("{format} is not text: write it to a file with -o FILE, or send it to another program");
                }
                if format == Format::Table && term.is_exceeded_by(bytes) && page(bytes) {
                    return Ok(());
                }
                write_stdout(bytes)
            }
        }
    }

    /// Writes a result made of rows, and says what it means where the format does not.
    pub(crate) fn write_sheet(&self, sheet: &Sheet, format: Format, term: &Term) -> anyhow::Result<()> {
        let bytes = if format == Format::Table { sheet.table(self.width(term)).into_bytes() } else { sheet.render(format)? };
        self.write(&bytes, format, term)?;
        if !format.says_what_it_means() {
            sheet.all_notes().iter().for_each(|note| term.note(note));
            term.note(sheet.sentence());
        }
        Ok(())
    }
}

pub(crate) fn write_stdout(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("cannot write to standard output")
}

/// Where a page goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct PageArgs {
    /// Write to a file (default: standard output, unless it is a terminal)
    #[arg(long, short, value_name = "FILE.html")]
    output: Option<PathBuf>,
}

impl PageArgs {
    /// The file to be written; none where the page goes to stdout.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// Refuses to write over what is read, and onto a terminal.
    ///
    /// # Errors
    ///
    /// Where the file is the input, or lies in the history that is; where nobody could read the page.
    pub(crate) fn check(&self, input: &Path, term: &Term) -> anyhow::Result<()> {
        match &self.output {
            Some(path) => check_input(path, input),
            None if term.stdout_is_terminal() => bail!("a page is for a browser: write it to a file with -o report.html"),
            None => Ok(()),
        }
    }

    /// Writes the page.
    pub(crate) fn write(&self, bytes: &[u8]) -> anyhow::Result<()> {
        match &self.output {
            Some(path) => write_file(path, bytes),
            None => write_stdout(bytes),
        }
    }
}

/// Refuses a file that is the input or one of those that a glob names, or lies in the history that is.
fn check_input(path: &Path, input: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    let target = path.canonicalize().unwrap_or_else(|_| folder.join(path.file_name().unwrap_or_default()));
    for input in named(input) {
        let Ok(input) = input.canonicalize() else { continue };
        if target == input || is_same_file(&target, &input) || input.is_dir() && target.starts_with(&input) {
            let what = if input.is_dir() { "it lies inside the history" } else { "it is the input" };
            bail!("{}: the result is not written there, since {what}; choose another file", path.display());
        }
    }
    Ok(())
}

/// The files that an input stands for.
fn named(input: &Path) -> Vec<PathBuf> {
    if input.exists() {
        return vec![input.to_owned()];
    }
    // What is wrong with a glob is told when it is read.
    let found = glob::glob(&input.to_string_lossy());
    found.map(|paths| paths.filter_map(Result::ok).collect()).unwrap_or_default()
}

/// Whether two names are of one file.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let id = |path: &Path| std::fs::metadata(path).ok().map(|meta| file_id(&meta));
    id(a).is_some_and(|one| Some(one) == id(b))
}

#[cfg(unix)]
fn file_id(meta: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (meta.dev(), meta.ino())
}

/// Replaces a file in one step: a reader sees the old result or the new one.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let there = std::fs::metadata(path).ok();
        // Devices and pipes are written to as they are.
        if there.as_ref().is_some_and(|meta| !meta.is_file()) {
            return std::fs::write(path, bytes);
        }
        // A link stays one: what it leads to is replaced.
        let place = if path.is_symlink() { path.canonicalize()? } else { path.to_owned() };
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".tenure-").permissions(permissions()).tempfile_in(folder)?;
        // Whoever could not read the file before can't read the new one.
        if let Some(there) = there {
            file.as_file().set_permissions(there.permissions())?;
        }
        // Not through the temporary file: its errors bear a name that nobody gave.
        file.as_file_mut().write_all(bytes)?;
        file.persist(place).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error: std::io::Error| anyhow::anyhow!("{}: cannot write: {}", path.display(), reason(&error)))
}

#[cfg(unix)]
pub(crate) fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

/// The system's words, without the temporary file's name.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such folder".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Whether the reader of stdout has gone, which is no failure.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
