//! Staged rows on disk, for as long as a load lasts.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::chunk::{Ids, Key, PARTITIONS};
use crate::error::Error;
use crate::names::Name;
use crate::stage::{Codes, IdTable, Numbers, Segment, Store, TextTable};

/// One file that holds a store for each partition. It goes when the value does.
#[derive(Debug)]
pub(crate) struct Spill {
    path: PathBuf,
    file: Mutex<File>,
    places: Vec<(u64, u64)>,
}

impl Spill {
    /// Writes stores, one for each partition, and frees each as it goes.
    pub(crate) fn write(path: PathBuf, stores: impl Iterator<Item = Store>) -> Result<Self, Error> {
        let failed = |error| {
            // Half a file is of no use, and a full disk wants the space back.
            let _ = std::fs::remove_file(&path);
            Error::io(&path, "write temporary rows to", error)
        };
        let write = || {
            let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
            let mut places = Vec::with_capacity(PARTITIONS);
            let mut at = 0;
            let mut bytes = Bytes::default();
            for store in stores {
                bytes.0.clear();
                bytes.store(&store);
                file.write_all(&bytes.0)?;
                places.push((at, bytes.0.len() as u64));
                at += bytes.0.len() as u64;
            }
            file.flush()?;
            Ok(places)
        };
        let places = write().map_err(failed)?;
        let file = File::open(&path).map_err(|error| Error::io(&path, "read temporary rows from", error))?;
        Ok(Self { path, file: Mutex::new(file), places })
    }

    /// The store of a partition.
    pub(crate) fn read(&self, partition: usize) -> Result<Store, Error> {
        let (at, length) = self.places[partition];
        let mut bytes = vec![0; length as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
        drop(file);
        read.map_err(|error| Error::io(&self.path, "read temporary rows from", error))?;
        Ok(Cursor(&bytes).store())
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        // Best effort: whatever stays is removed by the next writer.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Removes what interrupted loads have left in a folder, and the folder.
pub(crate) fn clear(dir: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(dir, "remove", error)),
        _ => Ok(()),
    }
}

/// Values as bytes, in the machine's order: nobody else reads them.
#[derive(Default)]
struct Bytes(Vec<u8>);

macro_rules! plain {
    ($put:ident, $get:ident, $type:ty) => {
        impl Bytes {
            fn $put(&mut self, values: &[$type]) {
                self.number(values.len());
                self.0.reserve(values.len() * size_of::<$type>());
                values.iter().for_each(|value| self.0.extend_from_slice(&value.to_ne_bytes()));
            }
        }

        impl Cursor<'_> {
            fn $get(&mut self) -> Vec<$type> {
                let count = self.number();
                let bytes = self.take(count * size_of::<$type>());
                bytes
                    .chunks_exact(size_of::<$type>())
                    .map(|chunk| {
                        let mut value = [0; size_of::<$type>()];
                        value.copy_from_slice(chunk);
                        <$type>::from_ne_bytes(value)
                    })
                    .collect()
            }
        }
    };
}

plain!(u8s, take_u8s, u8);
plain!(u16s, take_u16s, u16);
plain!(u32s, take_u32s, u32);
plain!(i32s, take_i32s, i32);
plain!(i64s, take_i64s, i64);
plain!(u64s, take_u64s, u64);
plain!(u128s, take_u128s, u128);

impl Bytes {
    fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&(number as u64).to_ne_bytes());
    }

    fn ids(&mut self, ids: &Ids) {
        self.u8s(&ids.bytes);
        self.u32s(&ids.ends);
    }

    fn numbers(&mut self, numbers: &Numbers) {
        match numbers {
            Numbers::Missing(rows) => {
                self.number(0);
                self.number(*rows);
            }
            Numbers::Narrow(values) => {
                self.number(1);
                self.i32s(values);
            }
            Numbers::Wide(values) => {
                self.number(2);
                self.i64s(values);
            }
        }
    }

    fn codes(&mut self, codes: &Codes) {
        match codes {
            Codes::Missing(rows) => {
                self.number(0);
                self.number(*rows);
            }
            Codes::Narrow(codes) => {
                self.number(1);
                self.u8s(codes);
            }
            Codes::Short(codes) => {
                self.number(2);
                self.u16s(codes);
            }
            Codes::Wide(codes) => {
                self.number(3);
                let codes: Vec<u32> = codes.iter().map(|code| code.0).collect();
                self.u32s(&codes);
            }
        }
    }

    fn store(&mut self, store: &Store) {
        self.ids(&store.ids.ids);
        self.u128s(&store.ids.hashes);
        self.number(store.texts.len());
        store.texts.iter().for_each(|table| self.ids(&table.texts));
        self.number(store.segments.len());
        for segment in &store.segments {
            let exports: Vec<u32> = segment.exports.iter().flat_map(|&(export, rows)| [export, rows]).collect();
            self.u32s(&exports);
            self.u32s(&segment.owners);
            self.number(segment.times.len());
            segment.times.iter().for_each(|times| self.numbers(times));
            self.number(segment.names.len());
            segment.names.iter().for_each(|codes| self.codes(codes));
            self.number(segment.amounts.len());
            for (units, scale) in &segment.amounts {
                self.number(usize::from(*scale));
                self.numbers(units);
            }
            let keys: Vec<u128> = segment.keys.iter().map(|key| key.0).collect();
            self.u128s(&keys);
            self.u64s(&segment.numbers);
        }
    }
}

/// Reads what [`Bytes`] wrote.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn number(&mut self) -> usize {
        let mut number = [0; 8];
        number.copy_from_slice(self.take(8));
        u64::from_ne_bytes(number) as usize
    }

    fn ids(&mut self) -> Ids {
        Ids { bytes: self.take_u8s(), ends: self.take_u32s() }
    }

    fn numbers(&mut self) -> Numbers {
        match self.number() {
            0 => Numbers::Missing(self.number()),
            1 => Numbers::Narrow(self.take_i32s()),
            _ => Numbers::Wide(self.take_i64s()),
        }
    }

    fn codes(&mut self) -> Codes {
        match self.number() {
            0 => Codes::Missing(self.number()),
            1 => Codes::Narrow(self.take_u8s()),
            2 => Codes::Short(self.take_u16s()),
            _ => Codes::Wide(self.take_u32s().into_iter().map(Name).collect()),
        }
    }

    fn store(&mut self) -> Store {
        let ids = self.ids();
        let hashes = self.take_u128s();
        let texts = (0..self.number()).map(|_| TextTable::of(self.ids())).collect();
        let segments = (0..self.number())
            .map(|_| Segment {
                exports: self.take_u32s().chunks_exact(2).map(|pair| (pair[0], pair[1])).collect(),
                owners: self.take_u32s(),
                times: (0..self.number()).map(|_| self.numbers()).collect(),
                names: (0..self.number()).map(|_| self.codes()).collect(),
                amounts: (0..self.number())
                    .map(|_| {
                        let scale = self.number() as u8;
                        (self.numbers(), scale)
                    })
                    .collect(),
                keys: self.take_u128s().into_iter().map(Key).collect(),
                numbers: self.take_u64s(),
            })
            .collect();
        Store { ids: IdTable::of(ids, hashes), texts, segments }
    }
}
