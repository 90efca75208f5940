use std::hash::BuildHasher;
use std::sync::Mutex;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// The code of a name in a [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u32);

impl Name {
    /// A missing name.
    pub const NONE: Name = Name(u32::MAX);

    /// Whether a name is missing.
    pub const fn is_none(self) -> bool {
        self.0 == u32::MAX
    }
}

/// Distinct names of one column, shared by threads. Codes are given in order of arrival; they are put in order of the
/// names before rows are laid out, so that nothing depends on which thread came first.
#[derive(Debug, Default)]
pub struct Names {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    table: HashTable<u32>,
    names: Vec<Box<str>>,
}

const HASHER: FixedState = FixedState::with_seed(0);

impl Names {
    /// The code of a name, given on first sight.
    pub fn code(&self, name: &str) -> Name {
        let hash = HASHER.hash_one(name);
        let mut inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Inner { table, names } = &mut *inner;
        let entry = table.entry(hash, |&code| &*names[code as usize] == name, |&code| HASHER.hash_one(&*names[code as usize]));
        match entry {
            hashbrown::hash_table::Entry::Occupied(found) => Name(*found.get()),
            hashbrown::hash_table::Entry::Vacant(free) => {
                let code = names.len() as u32;
                free.insert(code);
                names.push(name.into());
                Name(code)
            }
        }
    }

    /// The names in order, and the place of each code in that order.
    pub(crate) fn sorted(self) -> SortedNames {
        let names = self.inner.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).names;
        let mut order: Vec<u32> = (0..names.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| names[a as usize].cmp(&names[b as usize]));
        let mut place = vec![0; names.len()];
        for (rank, &code) in order.iter().enumerate() {
            place[code as usize] = rank as u32;
        }
        let names = order.iter().map(|&code| names[code as usize].clone()).collect();
        SortedNames { names, place }
    }
}

/// Names in order.
#[derive(Debug)]
pub(crate) struct SortedNames {
    pub(crate) names: Vec<Box<str>>,
    place: Vec<u32>,
}

impl SortedNames {
    /// The place of a code among the sorted names; a missing name stays missing and sorts last.
    pub(crate) fn place(&self, code: Name) -> u32 {
        if code.is_none() { u32::MAX } else { self.place[code.0 as usize] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_follow_arrival_and_places_follow_names() {
        let names = Names::default();
        let (login, buy) = (names.code("login"), names.code("buy"));
        assert_eq!(names.code("login"), login);
        assert_ne!(login, buy);
        let sorted = names.sorted();
        assert_eq!(sorted.names.iter().map(|n| &**n).collect::<Vec<_>>(), ["buy", "login"]);
        assert_eq!((sorted.place(login), sorted.place(buy), sorted.place(Name::NONE)), (1, 0, u32::MAX));
    }
}
