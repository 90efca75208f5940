//! Rows of a chunk, brought to the partitions of their customers.

use crate::chunk::{Chunk, ChunkIds, Key, PARTITIONS};
use crate::layout::partition_of;
use crate::stage::{Codes, Numbers};

/// A chunk whose rows lie partition by partition, in columns as narrow as their values.
#[derive(Debug)]
pub(crate) struct PartitionedChunk {
    pub(crate) export: u32,
    starts: Vec<u32>,
    /// The hash of each row's customer.
    pub(crate) hashes: Vec<u128>,
    /// The place of each row's customer in the ids, which stay where they are: most ids are known to their partition.
    places: Vec<u32>,
    ids: ChunkIds,
    pub(crate) times: Vec<Numbers>,
    pub(crate) names: Vec<Codes>,
    /// Names that the load's tables have no room for, by column.
    pub(crate) texts: Vec<Vec<Box<str>>>,
    pub(crate) amounts: Vec<(Numbers, u8)>,
    pub(crate) keys: Vec<Key>,
    pub(crate) numbers: Vec<u64>,
}

impl PartitionedChunk {
    /// Puts rows of the same partition side by side, in their order.
    pub(crate) fn of(chunk: Chunk) -> Self {
        let rows = chunk.len();
        debug_assert!(chunk.times.iter().all(|c| c.len() == rows) && chunk.names.iter().all(|c| c.len() == rows));
        debug_assert!(chunk.amounts.iter().all(|c| c.units.len() == rows));
        let Chunk { export, hashes, ids, times, names, texts, amounts, keys, numbers } = chunk;
        let mut starts = vec![0u32; PARTITIONS + 1];
        for &hash in &hashes {
            starts[partition_of(hash) + 1] += 1;
        }
        for i in 0..PARTITIONS {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; rows];
        for (row, &hash) in hashes.iter().enumerate() {
            let slot = &mut next[partition_of(hash)];
            order[*slot as usize] = row as u32;
            *slot += 1;
        }
        // A chunk's columns are made narrow first: then they stay in the caches while they are read here and there.
        Self {
            export,
            starts,
            hashes: gather(&hashes, &order),
            ids,
            times: times.into_iter().map(|column| Numbers::of(column).gathered(&order)).collect(),
            names: names.into_iter().map(|column| column.narrowed().gathered(&order)).collect(),
            texts,
            amounts: amounts.into_iter().map(|a| (Numbers::of(a.units).gathered(&order), a.scale)).collect(),
            keys: if keys.is_empty() { keys } else { gather(&keys, &order) },
            numbers: if numbers.is_empty() { numbers } else { gather(&numbers, &order) },
            places: order,
        }
    }

    /// The rows of a partition.
    pub(crate) fn rows_of(&self, partition: usize) -> std::ops::Range<usize> {
        self.starts[partition] as usize..self.starts[partition + 1] as usize
    }

    /// The id of a row's customer.
    pub(crate) fn id(&self, row: usize) -> &[u8] {
        self.ids.get(self.places[row] as usize)
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.texts.iter().flatten().map(|text| text.len() + 16).sum::<usize>();
        let columns = self.times.iter().chain(self.amounts.iter().map(|(units, _)| units)).map(Numbers::bytes).sum::<usize>()
            + self.names.iter().map(Codes::bytes).sum::<usize>();
        self.ids.bytes() + texts + columns + self.hashes.len() * (16 + 4) + self.keys.len() * 24
    }
}

/// The values at these places.
pub(crate) fn gather<T: Copy>(values: &[T], places: &[u32]) -> Vec<T> {
    places.iter().map(|&place| values[place as usize]).collect()
}

#[cfg(test)]
mod tests {
    use tenure_model::Table;

    use super::*;
    use crate::chunk::{Amounts, RowLayout};
    use crate::layout::id_hash;
    use crate::names::Name;

    #[test]
    fn partitions_hold_every_row_once() {
        let layout = RowLayout { table: Table::Activity, attributes: Vec::new(), keyed: false };
        let mut chunk = Chunk::new(&layout, 0, 1000);
        let mut amounts = Amounts::default();
        for i in 0..1000 {
            chunk.push_customer(&format!("customer-{}", i % 300));
            chunk.push_time(0, Some(i));
            chunk.push_name(0, Name(0));
            chunk.push_name(1, Name::NONE);
            amounts.push(None).unwrap();
        }
        chunk.set_amounts(0, amounts);
        let chunk = PartitionedChunk::of(chunk);
        let mut rows = 0;
        for partition in 0..PARTITIONS {
            let range = chunk.rows_of(partition);
            rows += range.len();
            for row in range {
                assert_eq!(id_hash(chunk.id(row)), chunk.hashes[row]);
                assert_eq!(partition_of(chunk.hashes[row]), partition);
            }
        }
        assert_eq!(rows, 1000);
    }
}
