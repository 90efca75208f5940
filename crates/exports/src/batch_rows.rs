use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use rayon::prelude::*;

use crate::batch::{Batch, RowNumbers, Rows, Sink};
use crate::error::Error;

/// Rows that never were a file: a generator's, say. Parts are asked for from many threads and in any order.
pub trait BatchSource: fmt::Debug + Send + Sync {
    /// What messages call it.
    fn name(&self) -> &str;
    /// The columns.
    fn schema(&self) -> SchemaRef;
    /// How many parts there are.
    fn parts(&self) -> usize;
    /// The rows of a part, with the columns of the schema.
    fn part(&self, index: usize) -> RecordBatch;
}

pub(crate) struct BatchRows {
    source: Arc<dyn BatchSource>,
    header: Vec<Arc<str>>,
}

impl BatchRows {
    pub(crate) fn new(source: Arc<dyn BatchSource>) -> Self {
        let header = source.schema().fields().iter().map(|field| field.name().as_str().into()).collect();
        Self { source, header }
    }
}

impl Rows for BatchRows {
    fn header(&self) -> &[Arc<str>] {
        &self.header
    }

    fn column_type(&self, column: usize) -> DataType {
        self.source.schema().field(column).data_type().clone()
    }

    fn read(&self, columns: &[usize], sink: Sink<'_>) -> Result<(), Error> {
        (0..self.source.parts()).into_par_iter().try_for_each(|index| {
            let part = self.source.part(index);
            let columns: Vec<ArrayRef> = columns.iter().map(|&column| part.column(column).clone()).collect();
            sink(Batch { columns, rows: RowNumbers::From(1, part.num_rows()), damaged: HashMap::new(), texts: HashMap::new() })
        })
    }

    fn format(&self) -> &'static str {
        "generated rows"
    }
}
