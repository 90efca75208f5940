use std::hash::BuildHasher;
use std::sync::Mutex;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// The code of a name in a [`Names`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u32);

/// Marks the code of a name that only its chunk knows.
const LOCAL: u32 = 1 << 31;

/// How many names a column of a load shares. Further ones stay with the rows that bear them, so that a column of distinct
/// texts takes no more memory than its rows do.
pub(crate) const MAX_SHARED: usize = 0xfffe;

/// How many bytes of names a column of a load shares.
const MAX_SHARED_BYTES: usize = 8 << 20;

impl Name {
    /// A missing name.
    pub const NONE: Name = Name(u32::MAX);

    /// A name that only its chunk knows.
    pub(crate) const fn local(index: usize) -> Name {
        Name(index as u32 | LOCAL)
    }

    /// The place of a name that only its chunk knows.
    pub(crate) const fn local_index(self) -> Option<usize> {
        if self.0 & LOCAL != 0 && !self.is_none() { Some((self.0 & !LOCAL) as usize) } else { None }
    }

    /// Its form of one byte, if it has one: 0 for a missing name.
    pub fn short(self) -> Option<u8> {
        u8::try_from(self.0.wrapping_add(1)).ok()
    }

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
    bytes: usize,
}

const HASHER: FixedState = FixedState::with_seed(0);

impl Names {
    /// The code of a name, given on first sight. Nothing where there is no room for one more.
    pub fn code(&self, name: &str) -> Option<Name> {
        let hash = HASHER.hash_one(name);
        let mut inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Inner { table, names, bytes } = &mut *inner;
        if let Some(&code) = table.find(hash, |&code| &*names[code as usize] == name) {
            return Some(Name(code));
        }
        if names.len() >= MAX_SHARED || *bytes + name.len() > MAX_SHARED_BYTES {
            return None;
        }
        let code = names.len() as u32;
        *bytes += name.len();
        names.push(name.into());
        table.insert_unique(hash, code, |&code| HASHER.hash_one(&*names[code as usize]));
        Some(Name(code))
    }

    /// The names by code, as they are now.
    pub(crate) fn listed(&self) -> Vec<Box<str>> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner).names.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_code() {
        let names = Names::default();
        let (login, buy) = (names.code("login").unwrap(), names.code("buy").unwrap());
        assert_eq!(names.code("login"), Some(login));
        assert_ne!(login, buy);
        assert_eq!(names.listed().iter().map(|n| &**n).collect::<Vec<_>>(), ["login", "buy"]);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let names = Names::default();
        for i in 0..MAX_SHARED {
            assert_eq!(names.code(&i.to_string()), Some(Name(i as u32)));
        }
        assert_eq!((names.code("one more"), names.code("7")), (None, Some(Name(7))));
        assert_eq!((Name::local(5).local_index(), Name(5).local_index(), Name::NONE.local_index()), (Some(5), None, None));
    }
}
