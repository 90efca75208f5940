//! The customers of a batch.

use std::borrow::Cow;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::DataType;
use tenure_exports::Batch;
use tenure_history::{Aliases, Chunk, IdColumn};
use tenure_model::Table;

use crate::batch_reader::BatchReader;
use crate::error::Error;
use crate::fields::is_trimmed;
use crate::kept::Kept;
use crate::mapper::{Fault, Mapper};
use crate::report::Reason;

/// The customers of a batch.
pub(crate) struct Customers<'a> {
    mapper: &'a Mapper,
    batch: &'a Batch,
    /// The one column that they stand in, if they are to be taken as they stand.
    column: Option<IdColumn>,
    /// The columns as texts; none where the one column has not been seen to need it.
    texts: Vec<StringArray>,
}

const ROLE: &str = "customer";

impl<'a> Customers<'a> {
    pub(crate) fn new(mapper: &'a Mapper, batch: &'a Batch) -> Result<Self, Error> {
        let mut this = Self { mapper, batch, column: None, texts: Vec::new() };
        let place = mapper.customer.places[0];
        let views = batch.columns[place].data_type() == &DataType::Utf8View;
        if mapper.customer.is_plain() && views {
            this.column = Some(IdColumn::Views(batch.columns[place].as_string_view().clone()));
        } else if mapper.customer.is_plain() {
            this.texts = mapper.all_texts(batch, ROLE, &mapper.customer)?;
            this.column = Some(IdColumn::Texts(this.texts[0].clone()));
        }
        if mapper.table == Table::Customers || this.column.is_none() {
            this.look()?;
        }
        Ok(this)
    }

    fn look(&mut self) -> Result<(), Error> {
        if self.texts.is_empty() {
            self.texts = self.mapper.all_texts(self.batch, ROLE, &self.mapper.customer)?;
        }
        Ok(())
    }

    /// Drops rows without a customer.
    pub(crate) fn sift(&mut self, kept: &mut Kept, losses: &mut Vec<(usize, Fault)>) -> Result<(), Error> {
        // Nearly every text begins with a mark that is no space.
        let begins = |text: &str| text.as_bytes().first().is_some_and(|byte| byte.is_ascii_graphic());
        let there = match &self.column {
            Some(IdColumn::Texts(texts)) => texts.null_count() == 0 && kept.all(|row| begins(texts.value(row))),
            // A view has its text's length and beginning in itself.
            Some(IdColumn::Views(texts)) => {
                let begins = |view: u128| view as u32 > 0 && ((view >> 32) as u8).is_ascii_graphic();
                texts.null_count() == 0 && kept.all(|row| begins(texts.views()[row]))
            }
            None => false,
        };
        if there {
            return Ok(());
        }
        self.look()?;
        let fields = &self.mapper.customer;
        kept.sift(losses, |row| {
            let (text, place) = fields.raw(&self.texts, row);
            if text.is_empty() || !fields.is_plain() && fields.put_right(text).is_empty() {
                let column = self.mapper.columns[place].0.to_string();
                return Err(Fault { reason: Reason::NoCustomer, column, value: String::new() });
            }
            Ok(())
        });
        Ok(())
    }

    /// The id of a row's customer, once the columns were looked at.
    fn id<'b>(&'b self, row: usize, aliases: &'b Aliases) -> Cow<'b, str> {
        let (text, _) = self.mapper.customer.raw(&self.texts, row);
        let id = if self.mapper.customer.is_plain() { Cow::Borrowed(text) } else { self.mapper.customer.put_right(text) };
        if aliases.is_empty() { id } else { Cow::Owned(aliases.resolve(&id).to_owned()) }
    }

    /// Gives a chunk the customers of the rows kept, and the rows' keys where there are `keys`.
    pub(crate) fn fill(
        mut self,
        chunk: &mut Chunk,
        kept: &Kept,
        aliases: &Aliases,
        keys: Option<&BatchReader<'_>>,
    ) -> Result<(), Error> {
        let column = self.column.take().filter(|_| aliases.is_empty());
        if !column.is_some_and(|column| chunk.set_customers(column, kept.places(), is_trimmed)) {
            self.look()?;
            chunk.reserve_ids(self.texts.iter().map(|texts| texts.value_data().len()).sum());
            kept.each(|row| chunk.push_customer(&self.id(row, aliases)));
        }
        let Some(keys) = keys else { return Ok(()) };
        kept.each(|row| {
            // Only customers' own rows have keys that the id is in, and their columns were looked at.
            let id = if self.texts.is_empty() { Cow::Borrowed("") } else { self.id(row, aliases) };
            chunk.push_key(keys.key(row, &id), self.batch.rows.get(row));
        });
        Ok(())
    }
}
