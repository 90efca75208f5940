//! The container that old Office files are in: a file system in a file.

const NO_SECTOR: u32 = 0xffff_fffa;
const HEADER_BYTES: usize = 512;
const ENTRY_BYTES: usize = 128;

/// Streams shorter than this lie in small sectors inside a stream of their own.
const SMALL_BELOW: u64 = 4096;
const SMALL_BYTES: usize = 64;

/// An opened container.
pub(crate) struct Ole<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    /// For each sector the next one of its stream.
    next: Vec<u32>,
    directory: Vec<u8>,
}

impl<'a> Ole<'a> {
    /// Reads the tables of contents; nothing where they do not hold together.
    pub(crate) fn open(bytes: &'a [u8]) -> Option<Self> {
        let sector_bytes = match half(bytes, 30)? {
            9 => 512,
            12 => 4096,
            _ => return None,
        };
        let mut this = Self { bytes, sector_bytes, next: Vec::new(), directory: Vec::new() };
        let most = bytes.len() / sector_bytes + 1;
        let mut tables: Vec<u32> = (0..109).filter_map(|i| long(bytes, 76 + 4 * i)).collect();
        let mut more = long(bytes, 68)?;
        for _ in 0..most {
            if more >= NO_SECTOR {
                break;
            }
            let sector = this.sector(more)?;
            tables.extend((0..sector_bytes / 4 - 1).filter_map(|i| long(sector, 4 * i)));
            more = long(sector, sector_bytes - 4)?;
        }
        for table in tables.into_iter().filter(|table| *table < NO_SECTOR).take(most) {
            let sector = this.sector(table)?;
            let entries: Vec<u32> = (0..sector_bytes / 4).filter_map(|i| long(sector, 4 * i)).collect();
            this.next.extend(entries);
        }
        this.directory = this.chain(long(bytes, 48)?)?;
        Some(this)
    }

    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let from = HEADER_BYTES.max(self.sector_bytes).checked_add(self.sector_bytes.checked_mul(number as usize)?)?;
        // The last one may be cut short.
        self.bytes.get(from..self.bytes.len().min(from + self.sector_bytes))
    }

    /// The sectors from one on, one after the other.
    fn chain(&self, first: u32) -> Option<Vec<u8>> {
        let (mut all, mut at) = (Vec::new(), first);
        for _ in 0..=self.next.len() {
            if at >= NO_SECTOR {
                return Some(all);
            }
            all.extend_from_slice(self.sector(at)?);
            at = *self.next.get(at as usize)?;
        }
        None
    }

    /// The bytes of a stream.
    pub(crate) fn stream(&self, name: &str) -> Option<Vec<u8>> {
        let entry = self.directory.chunks_exact(ENTRY_BYTES).find(|entry| named(entry, name))?;
        let (first, length) = (long(entry, 116)?, u64::from(long(entry, 120)?));
        let mut bytes = if length < SMALL_BELOW { self.small(first)? } else { self.chain(first)? };
        bytes.truncate(length as usize);
        Some(bytes)
    }

    fn small(&self, first: u32) -> Option<Vec<u8>> {
        let inside = self.chain(long(self.directory.get(..ENTRY_BYTES)?, 116)?)?;
        let next = self.chain(long(self.bytes, 60)?)?;
        let (mut all, mut at) = (Vec::new(), first);
        for _ in 0..=next.len() / 4 {
            if at >= NO_SECTOR {
                return Some(all);
            }
            let from = at as usize * SMALL_BYTES;
            all.extend_from_slice(inside.get(from..inside.len().min(from + SMALL_BYTES))?);
            at = long(&next, 4 * at as usize)?;
        }
        None
    }
}

fn named(entry: &[u8], name: &str) -> bool {
    let length = half(entry, 64).map_or(0, usize::from).saturating_sub(2) / 2;
    let units = (0..length.min(31)).filter_map(|i| half(entry, 2 * i));
    char::decode_utf16(units).map(|c| c.unwrap_or_default()).eq(name.chars())
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
