//! What the fuzz targets share: an export in memory, read to its end.

use std::sync::{Arc, Mutex};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use tenure_exports::{Damage, Error, Export, Hints, Input};

/// A row: its number, its fields as far as they are texts, and what is wrong with it.
pub type Row = (u64, Vec<Option<String>>, Option<Damage>);

/// The header, and the rows in the order of their numbers.
pub type Table = (Vec<String>, Vec<Row>);

/// Goes before a target: panics that the readers make errors of do not end the run.
pub fn begin() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !tenure_exports::panic_is_caught() {
            hook(panic);
        }
    }));
    let _ = rayon::ThreadPoolBuilder::new().num_threads(2).build_global();
}

/// Reads all columns of a file. Batches must be whole, and their row numbers must ascend.
pub fn read(bytes: &[u8], hints: &Hints, block_bytes: usize) -> Result<Table, Error> {
    let export = Export::Bytes { name: "fuzz".into(), bytes: bytes.into() };
    let mut input = Input::open(&export)?.with_block_bytes(block_bytes);
    let rows = input.rows(&export, hints)?;
    let header: Vec<Arc<str>> = rows.header().to_vec();
    let columns: Vec<usize> = (0..header.len()).collect();
    let found = Mutex::new(Vec::new());
    rows.read(&columns, &|batch| {
        assert_eq!(batch.columns.len(), columns.len());
        assert!(batch.columns.iter().all(|column| column.len() == batch.rows.len()));
        assert!((1..batch.rows.len()).all(|row| batch.rows.get(row - 1) < batch.rows.get(row)));
        assert!(batch.damaged.keys().all(|&row| row < batch.rows.len()));
        let texts: Vec<_> = batch.columns.iter().map(|column| cast(column, &DataType::Utf8).ok()).collect();
        let field = |row: usize, column: &Option<Arc<dyn Array>>| {
            column.as_ref().filter(|column| column.is_valid(row)).map(|column| column.as_string::<i32>().value(row).to_owned())
        };
        let mut found = found.lock().unwrap();
        for row in 0..batch.rows.len() {
            let fields = texts.iter().map(|column| field(row, column)).collect();
            found.push((batch.rows.get(row), fields, batch.damaged.get(&row).cloned()));
        }
        Ok(())
    })?;
    let mut found = found.into_inner().unwrap();
    found.sort_by_key(|(number, ..)| *number);
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "two rows have one number");
    Ok((header.iter().map(ToString::to_string).collect(), found))
}

/// A text and the byte before it, which chooses.
pub fn chosen(data: &[u8]) -> Option<(u8, &str)> {
    let (&choice, text) = data.split_first()?;
    Some((choice, std::str::from_utf8(text).ok()?))
}
