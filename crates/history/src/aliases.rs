//! Identity merges: ids that are other names of a customer.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;
use tenure_model::{Table, Zone, column};

use crate::chunk::{Amounts, Chunk, Key, RowLayout};
use crate::cluster::{Load, cluster};
use crate::commit::{ALIASES, Writer};
use crate::error::{Error, ErrorKind, internal};
use crate::existing::{Registry, read_rows};
use crate::fingerprint::Fingerprint;
use crate::gate::Gate;
use crate::history::History;
use crate::layout::{bucket_of, id_hash};
use crate::manifest::{Manifest, Segment};
use crate::names::Name;
use crate::parquet_read::HistoryFile;
use crate::partition::PartitionedChunk;
use crate::profiles;
use crate::rewrite::{replace, rewrite};
use crate::stage::Store;
use crate::stores::Stores;

/// Ids that are other names of a customer, each with the id that it stands for.
#[derive(Debug, Clone, Default)]
pub struct Aliases {
    edges: HashMap<Box<str>, Box<str>>,
}

/// Why two merges do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasFault {
    /// An id stands for two customers: the one it had, and another.
    Conflict {
        /// What it stood for.
        had: String,
    },
    /// Ids stand for one another in a circle.
    Cycle(Vec<String>),
}

impl Aliases {
    /// Adds that an id stands for another. Chains are followed: if that one stands for a third, so does this. True if it
    /// is news.
    ///
    /// # Errors
    ///
    /// Where the id stands for another customer already, or would stand for itself.
    pub fn add(&mut self, alias: &str, customer: &str) -> Result<bool, AliasFault> {
        if let Some(had) = self.edges.get(alias) {
            let known = &**had == customer || self.resolve(had) == self.resolve(customer);
            return if known { Ok(false) } else { Err(AliasFault::Conflict { had: had.to_string() }) };
        }
        let mut path = vec![alias.to_owned(), customer.to_owned()];
        let mut at = customer;
        while at != alias {
            let Some(next) = self.edges.get(at) else {
                self.edges.insert(alias.into(), customer.into());
                return Ok(true);
            };
            path.push(next.to_string());
            at = next;
        }
        if alias == customer { Ok(false) } else { Err(AliasFault::Cycle(path)) }
    }

    /// The customer that an id is: itself, unless it stands for another.
    pub fn resolve<'a>(&'a self, id: &'a str) -> &'a str {
        let mut id = id;
        while let Some(next) = self.edges.get(id) {
            id = next;
        }
        id
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// The number of ids that stand for others.
    pub fn len(&self) -> usize {
        self.edges.len()
    }

    /// The ids that stand for a customer.
    /// The ids that stand for other customers, in no order.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.edges.keys().map(|alias| alias.to_string()).collect()
    }

    pub(crate) fn of(&self, customer: &str) -> Vec<&str> {
        self.edges.keys().map(|alias| &**alias).filter(|alias| self.resolve(alias) == customer).collect()
    }

    pub(crate) fn forget(&mut self, ids: &HashSet<String>) {
        self.edges.retain(|alias, customer| !ids.contains(&**alias) && !ids.contains(&**customer));
    }

    fn schema() -> SchemaRef {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        Arc::new(Schema::new(vec![text(column::ALIAS), text(column::CUSTOMER_ID)]))
    }

    pub(crate) fn read(dir: &std::path::Path, manifest: &Manifest) -> Result<Self, Error> {
        let mut aliases = Self::default();
        let Some(entry) = &manifest.aliases else { return Ok(aliases) };
        let file = HistoryFile::open(dir, entry)?;
        for group in 0..file.row_groups() {
            for batch in file.read(group, &[column::ALIAS, column::CUSTOMER_ID], 64 * 1024)? {
                let batch = batch?;
                let text = |i: usize| batch.column(i).as_string::<i32>().iter().flatten();
                aliases.edges.extend(text(0).map(Into::into).zip(text(1).map(Into::into)));
            }
        }
        Ok(aliases)
    }

    /// Prepares the file of the merges.
    pub(crate) fn write(&self, writer: &Writer, manifest: &mut Manifest) -> Result<(), Error> {
        if self.is_empty() {
            manifest.aliases = None;
            return Ok(());
        }
        let sorted: BTreeMap<&Box<str>, &Box<str>> = self.edges.iter().collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(sorted.keys())),
            Arc::new(StringArray::from_iter_values(sorted.values())),
        ];
        let batch = RecordBatch::try_new(Self::schema(), columns).map_err(internal)?;
        let commit = writer.next_commit();
        let name = |number: u32| {
            format!("{ALIASES}/{commit:06}{}.parquet", if number > 1 { format!("-{number}") } else { String::new() })
        };
        manifest.aliases = Some(writer.write(name, &batch)?);
        Ok(())
    }
}

impl Writer {
    /// The identity merges of the history.
    ///
    /// # Errors
    ///
    /// As for reading.
    pub fn aliases(&self) -> Result<Aliases, Error> {
        self.manifest().map_or_else(|| Ok(Aliases::default()), |manifest| Aliases::read(self.dir(), manifest))
    }

    /// Prepares identity merges: rows that lie under an alias move to its customer with the next commit. Buckets are laid
    /// out within `memory` bytes.
    ///
    /// # Errors
    ///
    /// As for reading and writing.
    pub fn merge_identities(&mut self, aliases: &Aliases, home_zone: &Zone, memory: u64) -> Result<(), Error> {
        let before = self.manifest().cloned().unwrap_or_else(|| Manifest::new(home_zone.name(), 1));
        let zone = History::zone_of(&before)?;
        let known = Aliases::read(self.dir(), &before)?;
        if known.edges == aliases.edges {
            return Ok(());
        }
        let mut after = before.clone();
        let merge = Merge { writer: self, before: &before, aliases, zone: &zone, gate: Gate::of(memory) };
        merge.apply(&mut after)?;
        aliases.write(self, &mut after)?;
        // A history that has nothing else yet gets its buckets from its first rows.
        if !before.segments.is_empty() || !before.customers.files.is_empty() || self.manifest().is_some() {
            self.prepare(after);
        } else {
            self.prepare_aliases(after.aliases);
        }
        Ok(())
    }
}

struct Merge<'a> {
    writer: &'a Writer,
    before: &'a Manifest,
    aliases: &'a Aliases,
    zone: &'a Zone,
    gate: Gate,
}

impl Merge<'_> {
    fn apply(&self, after: &mut Manifest) -> Result<(), Error> {
        let mut by_bucket: BTreeMap<u32, HashSet<u128>> = BTreeMap::new();
        for alias in self.aliases.edges.keys() {
            let hash = id_hash(alias.as_bytes());
            by_bucket.entry(bucket_of(hash, self.before.buckets)).or_default().insert(hash);
        }
        let mut touched: BTreeMap<u32, HashSet<i64>> = BTreeMap::new();
        for (bucket, hashes) in by_bucket {
            let registry = Registry::read(self.writer.dir(), self.before, bucket)?;
            let numbers = registry.numbers().filter(|number| registry.hash(*number).is_some_and(|hash| hashes.contains(&hash)));
            let numbers: HashSet<i64> = numbers.collect();
            if !numbers.is_empty() {
                touched.insert(bucket, numbers);
            }
        }
        if touched.is_empty() {
            return Ok(());
        }
        for table in Table::ALL {
            self.move_rows(table, &touched, after)?;
        }
        for (&bucket, numbers) in &touched {
            remove_customers(self.writer, after, bucket, numbers, self.zone)?;
        }
        after.customers.listed = profiles::listed(self.writer, after)?;
        Ok(())
    }

    /// Moves the rows of one table to their customers: they become a segment of their own.
    fn move_rows(&self, table: Table, touched: &BTreeMap<u32, HashSet<i64>>, after: &mut Manifest) -> Result<(), Error> {
        let layout = RowLayout {
            table,
            attributes: self.before.attributes(table),
            keyed: table == Table::Customers || self.before.table(table).any(|segment| segment.keyed),
        };
        let scales: Vec<u8> = (0..layout.amounts())
            .map(|i| self.before.table(table).filter_map(|s| s.scales.get(i).copied()).max().unwrap_or_default())
            .collect();
        let stores = Stores::new();
        let mut gone: Vec<(u32, usize)> = Vec::new();
        for (&bucket, numbers) in touched {
            let registry = Registry::read(self.writer.dir(), self.before, bucket)?;
            let store = if table == Table::Customers {
                registry.profiles(&layout)?
            } else {
                let segments = self.before.segments.iter().enumerate().filter(|(_, segment)| segment.table == table);
                let files: Vec<_> = segments
                    .flat_map(|(place, segment)| segment.files.iter().map(move |file| (place, file)))
                    .filter(|(_, file)| file.bucket == bucket)
                    .collect();
                gone.extend(files.iter().map(|(place, _)| (bucket, *place)));
                read_rows(self.writer.dir(), files.into_iter(), &registry, &layout, &scales, &|row| {
                    numbers.contains(&row.customer)
                })?
            };
            let chunk = self.chunk(&layout, &store)?;
            if !chunk.is_empty() {
                stores.absorb(&[PartitionedChunk::of(chunk)]);
            }
        }
        if stores.rows() == 0 {
            return Ok(());
        }
        let load = Load::as_is(&layout, scales.clone(), self.zone);
        let so_far = &*after;
        let done = (0..self.before.buckets).into_par_iter().map(|bucket| {
            let stores = stores.of_bucket(bucket, self.before.buckets)?;
            if stores.is_empty() {
                return Ok(None);
            }
            let _room = self.gate.enter(stores.iter().map(Store::rows).sum());
            let registry = Registry::read(self.writer.dir(), so_far, bucket)?;
            let done = cluster(&load, bucket, &stores, &registry.known)?;
            if table == Table::Customers {
                return Ok(Some((bucket, profiles::write(self.writer, &load, bucket, &registry, &done)?, None)));
            }
            let customers = if done.customers.num_rows() > 0 {
                Some(self.writer.write_bucket(Table::Customers, bucket, &done.customers, None, Fingerprint::default())?)
            } else {
                None
            };
            let file = self.writer.write_bucket(table, bucket, &done.rows, done.span, done.content)?;
            Ok(Some((bucket, customers, Some(file))))
        });
        let done = done.collect::<Result<Vec<_>, Error>>()?;
        let mut files = Vec::new();
        for (bucket, customers, file) in done.into_iter().flatten() {
            if table == Table::Customers && customers.is_some() {
                after.customers.files.retain(|file| file.bucket != bucket);
            }
            after.customers.files.extend(customers);
            files.extend(file);
        }
        for (bucket, segment) in gone {
            let numbers = &touched[&bucket];
            let file = rewrite(self.writer, self.before, bucket, segment, self.zone, &|row| !numbers.contains(&row.customer))?;
            replace(&mut after.segments[segment], bucket, file);
        }
        if table != Table::Customers {
            after.segments.push(Segment {
                id: after.segments.iter().map(|segment| segment.id).max().unwrap_or(0) + 1,
                table,
                keyed: layout.keyed,
                attributes: layout.attributes,
                scales,
                observed_until: None,
                sources: Vec::new(),
                shapes: self.before.shapes(table),
                files,
            });
        }
        Ok(())
    }

    /// The rows of a store under the ids of their customers. Of what customers exports say, a customer's own counts first.
    fn chunk(&self, layout: &RowLayout, store: &Store) -> Result<Chunk, Error> {
        let mut chunk = Chunk::new(layout, 0, store.rows());
        for (texts, table) in chunk.texts.iter_mut().zip(&store.texts) {
            let text = |i: usize| std::str::from_utf8(table.texts.get(i)).map(Into::into).map_err(internal);
            *texts = (0..table.texts.len()).map(text).collect::<Result<_, _>>()?;
        }
        for segment in &store.segments {
            let mut wanted = Vec::with_capacity(segment.owners.len());
            for &owner in &segment.owners {
                let id = std::str::from_utf8(store.ids.ids.get(owner as usize)).map_err(internal)?;
                let customer = self.aliases.resolve(id);
                let moves = layout.table != Table::Customers || (customer != id && !self.is_listed(customer)?);
                wanted.push(moves);
                if moves {
                    chunk.push_customer(customer);
                }
            }
            let rows = || wanted.iter().copied();
            for (column, times) in segment.times.iter().enumerate() {
                let mut rows = rows();
                times.each(|time| {
                    if rows.next() == Some(true) {
                        chunk.times[column].push(time)
                    }
                });
            }
            for (column, codes) in segment.names.iter().enumerate() {
                let mut rows = rows();
                codes.each(|code: Name| {
                    if rows.next() == Some(true) {
                        chunk.push_name(column, code)
                    }
                });
            }
            for (column, (units, scale)) in segment.amounts.iter().enumerate() {
                let mut rows = rows();
                let amounts: &mut Amounts = &mut chunk.amounts[column];
                amounts.scale = *scale;
                units.each(|units| {
                    if rows.next() == Some(true) {
                        amounts.units.push(units)
                    }
                });
            }
            if layout.keyed {
                for (row, _) in rows().enumerate().filter(|(_, wanted)| *wanted) {
                    chunk.push_key(segment.keys.get(row).copied().unwrap_or(Key::NONE), segment.numbers[row]);
                }
            }
        }
        Ok(chunk)
    }

    fn is_listed(&self, customer: &str) -> Result<bool, Error> {
        let hash = id_hash(customer.as_bytes());
        let registry = Registry::read(self.writer.dir(), self.before, bucket_of(hash, self.before.buckets))?;
        Ok(registry
            .known
            .hashes
            .iter()
            .position(|&known| known == hash)
            .is_some_and(|row| registry.table.column(2).as_boolean().value(row)))
    }
}

/// Writes the customers of a bucket anew without some.
pub(crate) fn remove_customers(
    writer: &Writer,
    manifest: &mut Manifest,
    bucket: u32,
    numbers: &HashSet<i64>,
    zone: &Zone,
) -> Result<(), Error> {
    let registry = Registry::read(writer.dir(), manifest, bucket)?;
    let gone: BooleanArray = registry.numbers().map(|number| Some(numbers.contains(&number))).collect();
    let table = filter_record_batch(&registry.table, &not(&gone).map_err(internal)?).map_err(internal)?;
    manifest.customers.files.retain(|file| file.bucket != bucket);
    if table.num_rows() > 0 {
        manifest.customers.files.push(profiles::write_registry(writer, bucket, table, zone)?);
    }
    Ok(())
}

/// Erases customers everywhere in a history. Returns the ids that were found, and whether every file with their rows is
/// gone from the disk: while somebody reads the history some stay, until the next writer comes.
///
/// # Errors
///
/// [`ErrorKind::NotAHistory`] where there is none; as for writing: then the history is as it was.
pub fn forget(mut writer: Writer, ids: &[String]) -> Result<(Vec<String>, bool), Error> {
    let Some(before) = writer.manifest().cloned() else {
        return Err(Error::new(ErrorKind::NotAHistory, format!("{}: there is no history here", writer.dir().display())));
    };
    let zone = History::zone_of(&before)?;
    let mut aliases = Aliases::read(writer.dir(), &before)?;
    let mut all: BTreeSet<String> = BTreeSet::new();
    for id in ids {
        let customer = aliases.resolve(id).to_owned();
        all.extend(aliases.of(&customer).into_iter().map(str::to_owned));
        all.extend([customer, id.clone()]);
    }
    let mut by_bucket: BTreeMap<u32, Vec<&String>> = BTreeMap::new();
    for id in &all {
        by_bucket.entry(bucket_of(id_hash(id.as_bytes()), before.buckets)).or_default().push(id);
    }
    let mut after = before.clone();
    let mut found: BTreeSet<String> = all.iter().filter(|id| aliases.edges.contains_key(id.as_str())).cloned().collect();
    for (bucket, ids) in by_bucket {
        let registry = Registry::read(writer.dir(), &before, bucket)?;
        let mut numbers = HashSet::new();
        for id in ids {
            let hash = id_hash(id.as_bytes());
            if let Some(number) = registry.numbers().find(|number| registry.hash(*number) == Some(hash)) {
                numbers.insert(number);
                found.insert(id.clone());
            }
        }
        if numbers.is_empty() {
            continue;
        }
        for (place, segment) in before.segments.iter().enumerate() {
            if segment.files.iter().any(|file| file.bucket == bucket) {
                let file = rewrite(&writer, &before, bucket, place, &zone, &|row| !numbers.contains(&row.customer))?;
                replace(&mut after.segments[place], bucket, file);
            }
        }
        remove_customers(&writer, &mut after, bucket, &numbers, &zone)?;
    }
    if found.is_empty() {
        return Ok((Vec::new(), true));
    }
    aliases.forget(&all.iter().cloned().collect());
    aliases.write(&writer, &mut after)?;
    after.customers.listed = profiles::listed(&writer, &after)?;
    writer.prepare(after);
    writer.commit()?;
    let erased = writer.remove_orphans()?;
    Ok((found.into_iter().collect(), erased))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_followed_and_circles_are_refused() {
        let mut aliases = Aliases::default();
        assert_eq!(aliases.add("a", "b"), Ok(true));
        assert_eq!(aliases.add("b", "c"), Ok(true));
        assert_eq!((aliases.resolve("a"), aliases.resolve("c"), aliases.resolve("x")), ("c", "c", "x"));
        assert_eq!(aliases.add("a", "c"), Ok(false));
        assert_eq!(aliases.add("a", "d"), Err(AliasFault::Conflict { had: "b".to_owned() }));
        assert_eq!(aliases.add("c", "a"), Err(AliasFault::Cycle(["c", "a", "b", "c"].map(str::to_owned).to_vec())));
        assert_eq!(aliases.add("d", "d"), Ok(false));
        let mut of = aliases.of("c");
        of.sort_unstable();
        assert_eq!(of, ["a", "b"]);
    }
}
