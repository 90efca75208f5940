//! The dictionary of an export: every table, file and column, for programs and for people.

use arrow::datatypes::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};
use tenure_analysis::{ATTRIBUTE, METRICS};

use crate::error::Error;
use crate::star::StarTable;
use crate::star::meanings::meaning;
use crate::text;

/// What an export is made of, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is the flag of the same name, or defined in the glossary")]
pub struct Export {
    pub tenure: String,
    /// The fingerprint of the rows it was made of.
    pub content: String,
    pub cohort: String,
    pub by: Option<String>,
    pub zone: String,
    pub partition: Option<String>,
    pub pseudonymised: bool,
    /// The end of the observation window.
    pub until: Option<String>,
    /// Columns that were left out: table, name and why.
    pub left_out: Vec<(String, String, String)>,
    pub notes: Vec<String>,
}

/// The dictionary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dictionary {
    /// The export.
    pub export: Export,
    /// Its tables.
    pub tables: Vec<TableEntry>,
}

/// A table of the dictionary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Its name.
    pub name: String,
    /// What a row is.
    pub row: String,
    /// Its rows.
    pub rows: u64,
    /// The columns by which rows are told apart.
    pub key: Vec<String>,
    /// Columns that refer to a dimension.
    pub references: Vec<ReferenceEntry>,
    /// Its columns.
    pub columns: Vec<ColumnEntry>,
    /// Its files.
    pub files: Vec<FileEntry>,
}

/// A column that refers to a dimension's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReferenceEntry {
    /// The column.
    pub column: String,
    /// The dimension.
    pub table: String,
    /// The dimension's column.
    pub to: String,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnEntry {
    /// Its name.
    pub name: String,
    /// Its type, in Arrow's words.
    #[serde(rename = "type")]
    pub data_type: String,
    /// What it means.
    pub meaning: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Where it lies in the export.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// The digest of its bytes, which depend on its rows alone.
    pub sha256: String,
}

impl TableEntry {
    /// A table with these columns in these files.
    pub fn new(table: StarTable, schema: &SchemaRef, files: Vec<FileEntry>) -> Self {
        let columns = schema.fields().iter().map(|field| ColumnEntry {
            name: field.name().clone(),
            data_type: type_name(field.data_type()),
            meaning: match field.metadata().get(ATTRIBUTE) {
                Some(name) if name != field.name() => format!("an attribute, as exports have it, where it is called \"{name}\""),
                Some(_) => "an attribute, as exports have it".to_owned(),
                None => meaning(table, field.name()).to_owned(),
            },
        });
        Self {
            name: table.name().to_owned(),
            row: table.grain().to_owned(),
            rows: files.iter().map(|file| file.rows).sum(),
            key: table.key().iter().map(|name| (*name).to_owned()).collect(),
            references: table
                .references()
                .iter()
                .map(|to| ReferenceEntry { column: to.column.to_owned(), table: to.table.to_owned(), to: to.to.to_owned() })
                .collect(),
            columns: columns.collect(),
            files,
        }
    }
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Int64 => "int64".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Utf8 => "utf8".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Date32 => "date32".to_owned(),
        DataType::Timestamp(..) => "timestamp[us, UTC]".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision}, {scale})"),
        other => other.to_string(),
    }
}

impl Dictionary {
    /// The dictionary as it is read back.
    ///
    /// # Errors
    ///
    /// Where the text is no dictionary.
    pub fn read(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| Error::unsupported(format!("it is no dictionary of an export: {error}")))
    }

    /// For programs.
    ///
    /// # Errors
    ///
    /// Where the encoder fails.
    pub fn json(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| Error::encoding("JSON", error))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// For people.
    pub fn markdown(&self) -> String {
        let Export { cohort, by, zone, partition, pseudonymised, until, left_out, notes, .. } = &self.export;
        let mut page = format!(
            "# Data dictionary\n\nA star schema made by tenure: facts refer to dimensions by the columns below. Cohorts by {cohort}; local dates in {}",
            text::markdown(zone)
        );
        if let Some(by) = by {
            page.push_str(&format!(
                "; segments by {}: at birth in dim_customer and fact_retention, in fact_mrr and fact_metric as subscriptions and activity have them at the time",
                text::markdown(by)
            ));
        }
        if let Some(until) = until {
            page.push_str(&format!("; observed until {until}"));
        }
        page.push_str(".\n");
        if *pseudonymised {
            page.push_str("\nIds of customers are replaced by keyed hashes (HMAC-SHA-256).\n");
        }
        for (table, name, why) in left_out {
            page.push_str(&format!("\nLeft out: {} of {table} ({why}).\n", text::markdown(name)));
        }
        notes.iter().for_each(|note| page.push_str(&format!("\n{}\n", text::markdown(note))));
        if partition.is_some() {
            page.push_str(
                "\nFacts are folders with a folder for each month, `year_month=2024-03`: read them as Hive partitions, for instance in DuckDB with `read_parquet('fact_activity/*/*.parquet', hive_partitioning = true)`.\n",
            );
        }
        for table in &self.tables {
            page.push_str(&format!("\n## {}\n\nA row is {}. {} rows.", table.name, table.row, table.rows));
            if !table.key.is_empty() {
                page.push_str(&format!(" Key: {}.", table.key.join(", ")));
            }
            page.push_str("\n\n| column | type | meaning |\n|---|---|---|\n");
            for column in &table.columns {
                let to = table.references.iter().find(|to| to.column == column.name);
                let to = to.map(|to| format!(" → {}.{}", to.table, to.to)).unwrap_or_default();
                let name = text::markdown(&column.name);
                page.push_str(&format!("| {name} | {} | {}{to} |\n", column.data_type, text::markdown(&column.meaning)));
            }
        }
        page.push_str(
            "\n## Metrics\n\nWhat the metrics of fact_metric mean.\n\n| metric | definition | formula |\n|---|---|---|\n",
        );
        for metric in METRICS {
            let (definition, formula) = (text::markdown(metric.definition), text::markdown(metric.formula));
            page.push_str(&format!("| {} | {definition} | {formula} |\n", metric.name));
        }
        page
    }
}
