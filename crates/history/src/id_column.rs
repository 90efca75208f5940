//! Ids where the reader of an export has put them.

use arrow::array::{Array, StringArray, StringArrayType, StringViewArray};

use crate::layout::id_hash;

/// A column is kept while its rows wait where it takes at most so many times the bytes of its texts: readers may let
/// columns share their memory, and holding one then holds them all.
const MOST_WASTE: usize = 3;

/// A column of texts that customers' ids are among.
#[derive(Debug, Clone)]
pub enum IdColumn {
    /// Texts one after the other.
    Texts(StringArray),
    /// Texts that lie about.
    Views(StringViewArray),
}

impl IdColumn {
    fn array(&self) -> &dyn Array {
        match self {
            IdColumn::Texts(texts) => texts,
            IdColumn::Views(texts) => texts,
        }
    }

    pub(crate) fn get(&self, place: usize) -> &[u8] {
        match self {
            IdColumn::Texts(texts) => texts.value(place).as_bytes(),
            IdColumn::Views(texts) => texts.value(place).as_bytes(),
        }
    }

    /// The memory that it keeps from being freed.
    pub(crate) fn bytes(&self) -> usize {
        self.array().get_buffer_memory_size()
    }

    /// Whether it takes little more memory than its texts do.
    pub(crate) fn is_compact(&self) -> bool {
        let texts = match self {
            IdColumn::Texts(texts) => {
                let ends = texts.value_offsets();
                (ends[texts.len()] - ends[0]) as usize + 4 * texts.len()
            }
            // Views have their texts' lengths in their lowest bits.
            IdColumn::Views(texts) => texts.views().iter().map(|&view| view as u32 as usize).sum::<usize>() + 16 * texts.len(),
        };
        self.bytes() <= MOST_WASTE * texts + (1 << 16)
    }

    /// Adds the hashes of the texts at some places, or of all. False where one of them is no id.
    pub(crate) fn hash(&self, places: Option<&[u32]>, is_id: impl Fn(&str) -> bool, hashes: &mut Vec<u128>) -> bool {
        if self.array().null_count() > 0 {
            return false;
        }
        match self {
            IdColumn::Texts(texts) => hash(texts, places, is_id, hashes),
            IdColumn::Views(texts) => hash(texts, places, is_id, hashes),
        }
    }
}

fn hash<'a, A: StringArrayType<'a>>(
    texts: A,
    places: Option<&[u32]>,
    is_id: impl Fn(&str) -> bool,
    hashes: &mut Vec<u128>,
) -> bool {
    let mut add = |place: usize| {
        let text = texts.value(place);
        is_id(text) && {
            hashes.push(id_hash(text.as_bytes()));
            true
        }
    };
    match places {
        Some(places) => places.iter().all(|&place| add(place as usize)),
        None => (0..texts.len()).all(add),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_same_hashes_wherever_they_lie() {
        let ids = ["a", "one that is too long to lie in its view", "b"];
        let columns = [IdColumn::Texts(ids.to_vec().into()), IdColumn::Views(ids.to_vec().into())];
        for column in columns {
            let mut hashes = Vec::new();
            assert!(column.is_compact() && column.hash(Some(&[1, 2]), |_| true, &mut hashes));
            assert_eq!(hashes, ids[1..].iter().map(|id| id_hash(id.as_bytes())).collect::<Vec<_>>());
            assert!(!column.hash(None, |id| id != "b", &mut hashes));
            assert_eq!(column.get(1), ids[1].as_bytes());
        }
    }

    #[test]
    fn a_part_of_a_large_column_is_not_compact() {
        let all: StringArray = (0..100_000).map(|i| Some(format!("customer-{i}"))).collect();
        assert!(IdColumn::Texts(all.clone()).is_compact());
        assert!(!IdColumn::Texts(all.slice(0, 10)).is_compact());
    }
}
