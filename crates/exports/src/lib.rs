//! Exports: files that other programs wrote, read into batches of rows. What the rows mean is not known here.
//!
//! An export is one file, which is read more than once: first for its columns, then for its rows, column by column.
//!
//! - **Formats** are told by the first bytes, never by the name: Parquet, Arrow (file and stream), workbooks (xlsx, xlsb,
//!   xls, ods), JSON (an object a line, one array, or objects over lines), and delimited text, whose delimiter and header
//!   are told from its start. Any of them may be compressed with gzip or zstd.
//! - **Encodings** of text: UTF-8, UTF-16 of either order, Windows-1252. The text is UTF-8 from there on.
//! - **A [`Batch`]** is some rows as they came: the columns that were asked for, and where each row stands in its file (the
//!   line of a text, the row of a sheet, the row's number elsewhere). Batches come from many threads and in any order.
//! - **[`Damage`]** is a row that can't be taken apart: it costs the row, never the file. A file that is not what it seems
//!   is an [`Error`].
//! - **Texts** become instants by a [`TimeReader`] and decimals by a [`NumberReader`]. What a single text leaves open, the
//!   day before the month or a comma before decimals, a profile of the whole column tells; what stays open is a fault,
//!   never a guess.
//!
//! ```
//! use tenure_exports::{Export, Hints, Input};
//!
//! let export = Export::Bytes { name: "orders.csv".into(), bytes: b"customer,day\nu1,2024-01-31\n".as_slice().into() };
//! let mut input = Input::open(&export)?;
//! let rows = input.rows(&export, &Hints::default())?;
//! assert_eq!((rows.format(), rows.header().len()), ("CSV", 2));
//! rows.read(&[0], &|batch| {
//!     assert_eq!((batch.rows.len(), batch.rows.get(0)), (1, 2));
//!     Ok(())
//! })?;
//! # Ok::<(), tenure_exports::Error>(())
//! ```

mod arrow_lengths;
mod arrow_rows;
mod batch;
mod batch_rows;
mod blocks;
mod csv_fields;
mod csv_header;
mod csv_rows;
mod encoding;
mod error;
mod excel_rows;
mod export;
mod foreign;
mod input;
mod interval;
mod json_objects;
mod json_rows;
mod numbers;
mod ole;
mod page_column;
mod page_values;
mod parquet_pages;
mod parquet_rows;
mod sheet_size;
mod time_texts;
mod times;

pub use batch::{Batch, Damage, RowNumbers, Rows, Sink, flat_array, is_coded};
pub use batch_rows::BatchSource;
pub use encoding::Encoding;
pub use error::{Error, ErrorKind};
pub use export::Export;
pub use foreign::panic_is_caught;
pub use input::{Hints, Input};
pub use interval::normal_interval;
pub use numbers::{NumberFault, NumberProfile, NumberReader, NumberStyle};
pub use page_column::{Detour, PageValues};
pub use parquet_pages::{PageSink, PageTimes, Pages};
pub use times::{TimeFault, TimeProfile, TimeReader, TimeStyle};
