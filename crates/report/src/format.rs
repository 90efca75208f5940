use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The forms that results can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table for the terminal.
    Table,
    /// Comma-separated values, RFC 4180.
    Csv,
    /// One JSON object.
    Json,
    /// A Markdown table.
    Markdown,
    /// Parquet, plain types.
    Parquet,
    /// Arrow IPC file ("Feather"), plain types.
    Arrow,
    /// An Excel workbook.
    Xlsx,
    /// A page of its own.
    Html,
    /// A picture.
    Svg,
    /// The same picture in pixels.
    Png,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 10] = [
        Format::Table,
        Format::Csv,
        Format::Json,
        Format::Markdown,
        Format::Parquet,
        Format::Arrow,
        Format::Xlsx,
        Format::Html,
        Format::Svg,
        Format::Png,
    ];

    /// The name as `--format` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Markdown => "markdown",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::Xlsx => "xlsx",
            Format::Html => "html",
            Format::Svg => "svg",
            Format::Png => "png",
        }
    }

    /// The format that a file's extension asks for.
    pub fn of_path(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "txt" => Format::Table,
            "csv" => Format::Csv,
            "json" => Format::Json,
            "md" | "markdown" => Format::Markdown,
            "parquet" => Format::Parquet,
            "arrow" | "feather" => Format::Arrow,
            "xlsx" => Format::Xlsx,
            "html" | "htm" => Format::Html,
            "svg" => Format::Svg,
            "png" => Format::Png,
            _ => return None,
        })
    }

    /// Whether it is made of bytes that a terminal can't show.
    pub const fn is_binary(self) -> bool {
        matches!(self, Format::Parquet | Format::Arrow | Format::Xlsx | Format::Png)
    }

    /// Whether what the numbers mean stands beside them, where a reader sees it.
    pub const fn says_what_it_means(self) -> bool {
        !matches!(self, Format::Csv | Format::Parquet | Format::Arrow)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Format::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
            format!("no format \"{text}\" (expected {})", names.join(", "))
        })
    }
}

/// Whether a table has a row for each cell or for each cohort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// A row for each cell.
    #[default]
    Long,
    /// A row for each cohort.
    Wide,
}

/// What the cells of a table or a wide form show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// The share of the cohort; for values the value per member.
    #[default]
    Percent,
    /// Retained members; for values the total.
    Counts,
    /// The share of the age before.
    Previous,
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableStyle {
    /// Whether colours may be used.
    pub colour: bool,
    /// The columns of the terminal; none for output that is not looked at on one.
    pub width: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_name_and_by_extension() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        let of = |name: &str| Format::of_path(Path::new(name));
        assert_eq!(
            [of("a.XLSX"), of("a.htm"), of("a.svg"), of("a.png")],
            [Format::Xlsx, Format::Html, Format::Svg, Format::Png].map(Some)
        );
        assert_eq!(of("a.docx"), None);
        let binary: Vec<Format> = Format::ALL.into_iter().filter(|format| format.is_binary()).collect();
        assert_eq!(binary, [Format::Parquet, Format::Arrow, Format::Xlsx, Format::Png]);
    }
}
