use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tenure_model::Table;

use crate::chunk::RowLayout;
use crate::cluster::ClusteredBucket;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;

pub(crate) const MANIFEST: &str = "manifest.json";

/// What the manifest of a history calls itself.
const FORMAT: &str = "tenure-history";

/// The version that this code writes and reads.
const VERSION: u32 = 2;

/// The list of a history's live files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: String,
    pub(crate) version: u32,
    /// How many commits there were. Files are named after the one that wrote them.
    pub(crate) commits: u32,
    /// IANA name; fixed when the history is created.
    pub(crate) home_zone: String,
    /// A power of two.
    pub(crate) buckets: u32,
    pub(crate) customers: Customers,
    pub(crate) segments: Vec<Segment>,
    /// The file of identity merges.
    pub(crate) aliases: Option<FileEntry>,
}

/// Every customer once: number, id, and what customers exports say of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Customers {
    /// Those that a customers export lists.
    pub(crate) listed: u64,
    pub(crate) attributes: Vec<String>,
    pub(crate) sources: Vec<Source>,
    pub(crate) files: Vec<BucketFile>,
}

impl Customers {
    /// All customers.
    pub(crate) fn count(&self) -> u64 {
        self.files.iter().map(|file| file.file.rows).sum()
    }

    pub(crate) fn content(&self) -> Fingerprint {
        sum(self.files.iter().map(|file| file.content))
    }
}

/// What one ingest added to a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// The commit that added it.
    pub(crate) id: u32,
    #[serde(with = "table_name")]
    pub(crate) table: Table,
    pub(crate) keyed: bool,
    pub(crate) attributes: Vec<String>,
    /// Decimals of the table's amounts.
    pub(crate) scales: Vec<u8>,
    /// The first instant that its exports say nothing about, microseconds UTC.
    pub(crate) observed_until: Option<i64>,
    pub(crate) sources: Vec<Source>,
    /// What its exports' rows had, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) shapes: Vec<RowShape>,
    pub(crate) files: Vec<BucketFile>,
}

/// What the rows of an export have. Two rows can only be equal where they have the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowShape {
    /// Whether they have keys.
    pub keyed: bool,
    /// Those of the table's columns that they have.
    pub columns: BTreeSet<String>,
    /// Their attributes.
    pub attributes: BTreeSet<String>,
}

impl Segment {
    pub(crate) fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.file.rows).sum()
    }

    pub(crate) fn content(&self) -> Fingerprint {
        sum(self.files.iter().map(|file| file.content))
    }

    /// First and last time, microseconds UTC.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        self.files.iter().filter_map(|file| file.span).reduce(join_spans)
    }

    pub(crate) fn layout(&self) -> RowLayout {
        RowLayout { table: self.table, attributes: self.attributes.clone(), keyed: self.keyed }
    }
}

pub(crate) fn join_spans(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0.min(b.0), a.1.max(b.1))
}

pub(crate) fn sum(parts: impl Iterator<Item = Fingerprint>) -> Fingerprint {
    let mut sum = Fingerprint::default();
    parts.for_each(|part| sum += part);
    sum
}

/// Where rows came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file's name, without its folder.
    pub name: String,
    /// Rows kept from it.
    pub rows: u64,
    /// For a survey how many were asked, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
}

/// A file with the rows of one bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BucketFile {
    pub(crate) bucket: u32,
    #[serde(flatten)]
    pub(crate) file: FileEntry,
    /// First and last time of its rows, microseconds UTC.
    pub(crate) span: Option<(i64, i64)>,
    pub(crate) content: Fingerprint,
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

impl BucketFile {
    /// Rows that are in no file.
    pub(crate) fn in_memory(bucket: u32, done: &ClusteredBucket) -> Self {
        let file = FileEntry { file: String::new(), rows: done.rows.num_rows() as u64, bytes: 0, footer: String::new() };
        Self { bucket, file, span: done.span, content: done.content }
    }
}

impl Manifest {
    pub(crate) fn new(home_zone: &str, buckets: u32) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            commits: 0,
            home_zone: home_zone.into(),
            buckets,
            customers: Customers::default(),
            segments: Vec::new(),
            aliases: None,
        }
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
                    "{}: the history has version {}, this tenure reads version {VERSION}; use the tenure that wrote it, or ingest the exports into a new history",
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
        let rows = self.segments.iter().flat_map(|s| &s.files);
        self.customers.files.iter().chain(rows).map(|file| &file.file).chain(&self.aliases)
    }

    /// The segments of a table.
    pub(crate) fn table(&self, table: Table) -> impl Iterator<Item = &Segment> + Clone {
        self.segments.iter().filter(move |segment| segment.table == table)
    }

    /// What the rows of a table had, each once.
    pub(crate) fn shapes(&self, table: Table) -> Vec<RowShape> {
        let shapes: BTreeSet<&RowShape> = self.table(table).flat_map(|segment| &segment.shapes).collect();
        shapes.into_iter().cloned().collect()
    }

    /// The attributes of a table, in order.
    pub(crate) fn attributes(&self, table: Table) -> Vec<String> {
        let own = if table == Table::Customers { &self.customers.attributes[..] } else { &[] };
        let all: BTreeSet<&String> = self.table(table).flat_map(|s| &s.attributes).chain(own).collect();
        all.into_iter().cloned().collect()
    }
}

/// What every version of a manifest has.
#[derive(Deserialize)]
struct Stamp {
    format: String,
    version: u32,
}

/// A table by its name.
mod table_name {
    use serde::{Deserialize, Deserializer, Serializer};
    use tenure_model::Table;

    pub(super) fn serialize<S: Serializer>(table: &Table, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(table.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Table, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
