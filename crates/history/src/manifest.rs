use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;

pub(crate) const MANIFEST: &str = "manifest.json";

/// What the manifest of a history calls itself.
const FORMAT: &str = "tenure-history";

/// The version that this code writes and reads.
const VERSION: u32 = 1;

/// The list of a history's live files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: String,
    pub(crate) version: u32,
    /// IANA name; fixed when the history is created.
    pub(crate) home_zone: String,
    /// A power of two; fixed when the first segment is written.
    pub(crate) buckets: u32,
    pub(crate) segments: Vec<Segment>,
}

/// What one ingest added.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(crate) id: u32,
    pub(crate) rows: u64,
    pub(crate) new_customers: u64,
    pub(crate) value_scale: u8,
    pub(crate) attributes: Vec<String>,
    /// First and last activity, microseconds UTC.
    pub(crate) span: Option<(i64, i64)>,
    /// The first instant that its exports say nothing about, microseconds UTC.
    pub(crate) observed_until: Option<i64>,
    pub(crate) content: Fingerprint,
    pub(crate) sources: Vec<Source>,
    pub(crate) files: Vec<BucketFiles>,
}

/// Where a segment's rows came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file's name, without its folder.
    pub name: String,
    /// Rows kept from it.
    pub rows: u64,
}

/// A segment's files of one bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BucketFiles {
    pub(crate) bucket: u32,
    pub(crate) activity: FileEntry,
    pub(crate) customers: Option<FileEntry>,
}

/// One live file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) file: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// xxh3-64 of the Parquet footer, in hexadecimal; the footer holds the digests of the column chunks.
    pub(crate) footer: String,
}

impl Manifest {
    pub(crate) fn new(home_zone: &str, buckets: u32) -> Self {
        Self { format: FORMAT.into(), version: VERSION, home_zone: home_zone.into(), buckets, segments: Vec::new() }
    }

    pub(crate) fn parse(path: &Path, text: &[u8]) -> Result<Self, Error> {
        let stamp: Stamp = serde_json::from_slice(text).map_err(|error| Error::unreadable(path, error))?;
        if stamp.format != FORMAT {
            return Err(Error::new(
                ErrorKind::NotAHistory,
                format!(
                    "{}: not the manifest of a history (its format is \"{}\", expected \"{FORMAT}\")",
                    path.display(),
                    stamp.format
                ),
            ));
        }
        if stamp.version != VERSION {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{}: the history has version {}, this tenure reads version {VERSION}; use the tenure that wrote it",
                    path.display(),
                    stamp.version
                ),
            ));
        }
        serde_json::from_slice(text).map_err(|error| Error::unreadable(path, error))
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.segments.iter().flat_map(|s| &s.files).flat_map(|f| std::iter::once(&f.activity).chain(&f.customers))
    }
}

/// What every version of a manifest has.
#[derive(Deserialize)]
struct Stamp {
    format: String,
    version: u32,
}
