use tenure_model::{ColumnKind, Decimal, MAX_STORED_DIGITS, Table};
use xxhash_rust::xxh3::xxh3_128;

use crate::id_column::IdColumn;
use crate::layout::{PARTITION_BITS, id_hash};
use crate::names::{Name, Names};
use crate::stage::Codes;

pub(crate) const PARTITIONS: usize = 1 << PARTITION_BITS;

/// Stands for a missing amount, time or date while rows are staged; nothing that is stored reaches it.
pub(crate) const MISSING: i64 = i64::MIN;

/// Stands for a missing time in [`Chunk::set_times`].
pub const MISSING_TIME: i64 = MISSING;

/// Stands for a missing amount in [`Amounts::of_short`].
pub const MISSING_AMOUNT: i64 = MISSING;

/// What the rows of a load have beside their customer: the table's columns, attributes, and whether they have keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowLayout {
    /// The table.
    pub table: Table,
    /// The attributes, in order.
    pub attributes: Vec<String>,
    /// Whether a row has a key: a later row with the same key replaces it.
    pub keyed: bool,
}

impl RowLayout {
    /// The number of columns of times and dates.
    pub fn times(&self) -> usize {
        self.count(|kind| matches!(kind, ColumnKind::Time | ColumnKind::Date))
    }

    /// The number of columns of names: those of the table, then the attributes.
    pub fn names(&self) -> usize {
        self.count(|kind| kind == ColumnKind::Name) + self.attributes.len()
    }

    /// The number of columns of amounts.
    pub fn amounts(&self) -> usize {
        self.count(|kind| kind == ColumnKind::Amount)
    }

    fn count(&self, is: impl Fn(ColumnKind) -> bool) -> usize {
        self.table.columns().iter().filter(|column| is(column.kind)).count()
    }
}

/// Texts, one after the other.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ids {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<u32>,
}

impl Ids {
    pub(crate) fn push(&mut self, id: &[u8]) {
        self.bytes.extend_from_slice(id);
        self.ends.push(self.bytes.len() as u32);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        &self.bytes[start..self.ends[row] as usize]
    }
}

/// Decimals of amounts in a history, unless its rows have more.
pub(crate) const LEAST_SCALE: u8 = 2;

/// Amounts of a chunk, at one scale.
#[derive(Debug, Clone)]
pub struct Amounts {
    pub(crate) units: Vec<i64>,
    pub(crate) scale: u8,
}

impl Default for Amounts {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl Amounts {
    /// No amounts yet, with room for some.
    pub fn with_capacity(rows: usize) -> Self {
        Self { units: Vec::with_capacity(rows), scale: LEAST_SCALE }
    }

    /// Whether units at a scale can be stored as they stand in [`Amounts::of_short`].
    pub fn are_short(units: &[i64], scale: u8) -> bool {
        let most = units.iter().map(|units| units.unsigned_abs()).max().unwrap_or(0);
        LEAST_SCALE.checked_sub(scale).is_some_and(|more| most < LIMIT / POWERS[usize::from(more)] as u64)
    }

    /// Amounts of units at a scale, [`MISSING_AMOUNT`] where there is none; the others are short.
    pub fn of_short(mut units: Vec<i64>, scale: u8) -> Self {
        let factor = POWERS[usize::from(LEAST_SCALE.saturating_sub(scale))];
        if factor > 1 {
            units.iter_mut().filter(|units| **units != MISSING).for_each(|units| *units *= factor);
        }
        Self { units, scale: LEAST_SCALE }
    }

    /// Adds an amount, exactly.
    ///
    /// # Errors
    ///
    /// It is not added where it has more than 18 digits, counted with the decimals of the others, two at least.
    #[inline]
    pub fn push(&mut self, value: Option<Decimal>) -> Result<(), AmountTooLong> {
        let Some(value) = value else {
            self.units.push(MISSING);
            return Ok(());
        };
        // Nearly all amounts are short and have no more decimals than those before.
        if let (Ok(units), Some(more)) = (i64::try_from(value.units()), self.scale.checked_sub(value.scale()))
            && let Some(units) = units.checked_mul(POWERS.get(usize::from(more)).copied().unwrap_or(i64::MAX))
            && units.unsigned_abs() < LIMIT
        {
            self.units.push(units);
            return Ok(());
        }
        self.push_long(value.normalized())
    }

    #[cold]
    fn push_long(&mut self, value: Decimal) -> Result<(), AmountTooLong> {
        if value.scale() > MAX_STORED_DIGITS || value.scale() > self.scale && !self.widen(value.scale()) {
            return Err(AmountTooLong);
        }
        let units = value.at_scale(self.scale).and_then(|v| stored(v.units())).ok_or(AmountTooLong)?;
        self.units.push(units);
        Ok(())
    }

    /// Keeps the amounts at some places only.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut place = 0;
        self.units.retain(|_| {
            place += 1;
            keep(place - 1)
        });
    }

    /// Brings every amount to more decimals. False, and nothing changed, where one would not fit.
    pub(crate) fn widen(&mut self, scale: u8) -> bool {
        if scale == self.scale {
            return true;
        }
        let Some(factor) = 10i64.checked_pow(u32::from(scale - self.scale)) else { return self.units.is_empty() };
        let fits = |&units: &i64| units == MISSING || units.checked_mul(factor).is_some_and(|u| stored(u.into()).is_some());
        if !self.units.iter().all(fits) {
            return false;
        }
        for units in &mut self.units {
            if *units != MISSING {
                *units *= factor;
            }
        }
        self.scale = scale;
        true
    }
}

/// Powers of ten.
const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Amounts in units are smaller than this.
const LIMIT: u64 = POWERS[MAX_STORED_DIGITS as usize] as u64;

pub(crate) fn stored(units: i128) -> Option<i64> {
    if units.unsigned_abs() < u128::from(LIMIT) { i64::try_from(units).ok() } else { None }
}

/// An amount with more digits than a history stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AmountTooLong;

/// The identity of a row's key. Nothing stands for no key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub(crate) u128);

impl Key {
    /// No key.
    pub const NONE: Key = Key(0);

    /// The key that some texts are together.
    pub fn of<'a>(parts: impl Iterator<Item = &'a str>) -> Self {
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Key(xxh3_128(&bytes).max(1))
    }
}

/// The ids of a chunk's customers.
#[derive(Debug, Clone)]
pub(crate) enum ChunkIds {
    /// One for each row.
    Own(Ids),
    /// Where the reader of the export has put them, and the place of each row's there; the row's own where that is empty.
    Column(IdColumn, Vec<u32>),
}

impl ChunkIds {
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        match self {
            ChunkIds::Own(ids) => ids.get(row),
            ChunkIds::Column(column, places) => column.get(places.get(row).map_or(row, |&place| place as usize)),
        }
    }

    /// About how many bytes they keep from being freed.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            ChunkIds::Own(ids) => ids.bytes.len() + 4 * ids.len(),
            ChunkIds::Column(column, places) => column.bytes() + 4 * places.len(),
        }
    }
}

/// Rows of one export on their way into a history, column by column.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub(crate) export: u32,
    /// The hash of each row's customer.
    pub(crate) hashes: Vec<u128>,
    pub(crate) ids: ChunkIds,
    pub(crate) times: Vec<Vec<i64>>,
    pub(crate) names: Vec<Codes>,
    /// Names that the load's tables have no room for, by column.
    pub(crate) texts: Vec<Vec<Box<str>>>,
    pub(crate) amounts: Vec<Amounts>,
    pub(crate) keys: Vec<Key>,
    pub(crate) numbers: Vec<u64>,
}

impl Chunk {
    /// No rows yet, of an export of the load, with room for some.
    pub fn new(layout: &RowLayout, export: u32, rows: usize) -> Self {
        let keyed = if layout.keyed { rows } else { 0 };
        Self {
            export,
            hashes: Vec::with_capacity(rows),
            ids: ChunkIds::Own(Ids::default()),
            times: vec![Vec::new(); layout.times()],
            names: vec![Codes::Wide(Vec::new()); layout.names()],
            texts: vec![Vec::new(); layout.names()],
            amounts: vec![Amounts::default(); layout.amounts()],
            keys: Vec::with_capacity(keyed),
            numbers: Vec::with_capacity(keyed),
        }
    }

    /// Makes room for the customers' ids.
    pub fn reserve_ids(&mut self, bytes: usize) {
        if let ChunkIds::Own(ids) = &mut self.ids {
            ids.bytes.reserve(bytes);
        }
    }

    /// Adds a row's customer. Every other column has to get a value of the row too.
    pub fn push_customer(&mut self, id: &str) {
        if let ChunkIds::Own(ids) = &mut self.ids {
            ids.push(id.as_bytes());
            self.hashes.push(id_hash(id.as_bytes()));
        }
    }

    /// Sets the customers of all rows to texts of a column, where every one of them is an id as it stands. They are not
    /// copied; so the column stays in memory until the rows are put away. `places` are the rows' places in the column;
    /// nothing stands for all of it. False, and nothing changed, where a text is no id, or where the column holds much
    /// more memory than its texts do.
    pub fn set_customers(&mut self, column: IdColumn, places: Option<&[u32]>, is_id: impl Fn(&str) -> bool) -> bool {
        let mut hashes = std::mem::take(&mut self.hashes);
        hashes.clear();
        let whole = column.is_compact() && column.hash(places, is_id, &mut hashes);
        if whole {
            self.ids = ChunkIds::Column(column, places.map(<[u32]>::to_vec).unwrap_or_default());
        } else {
            hashes.clear();
        }
        self.hashes = hashes;
        whole
    }

    /// Adds a row's time, in microseconds UTC, or its date, in days since 1970-01-01, to a column of these.
    pub fn push_time(&mut self, column: usize, time: Option<i64>) {
        self.times[column].push(time.unwrap_or(MISSING));
    }

    /// Adds a row's name to a column of these.
    pub fn push_name(&mut self, column: usize, name: Name) {
        if let Codes::Wide(names) = &mut self.names[column] {
            names.push(name);
        }
    }

    /// Sets a column of times or dates, [`MISSING_TIME`] where there is none.
    pub fn set_times(&mut self, column: usize, times: Vec<i64>) {
        self.times[column] = times;
    }

    /// Sets a column of names.
    pub fn set_names(&mut self, column: usize, names: Vec<Name>) {
        self.names[column] = Codes::Wide(names);
    }

    /// Sets a column of names in their short form.
    pub fn set_short_names(&mut self, column: usize, names: Vec<u8>) {
        self.names[column] = Codes::Narrow(names);
    }

    /// Sets a column of names that every row is without.
    pub fn set_no_names(&mut self, column: usize) {
        self.names[column] = Codes::Missing(self.len());
    }

    /// The code of a text in a column of names: that of the load's names if they have room for it, else one that counts in
    /// this chunk alone. The caller remembers it, so that a text is asked for once.
    pub fn code(&mut self, column: usize, names: &Names, text: &str) -> Name {
        names.code(text).unwrap_or_else(|| {
            self.texts[column].push(text.into());
            Name::local(self.texts[column].len() - 1)
        })
    }

    /// Sets a column of amounts.
    pub fn set_amounts(&mut self, column: usize, amounts: Amounts) {
        self.amounts[column] = amounts;
    }

    /// Adds a row's key and its number in the export, which decides which of two rows with the same key is later.
    pub fn push_key(&mut self, key: Key, number: u64) {
        self.keys.push(key);
        self.numbers.push(number);
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(values: &[Option<&str>]) -> Amounts {
        let mut amounts = Amounts::default();
        for value in values {
            amounts.push(value.map(|v| v.parse().unwrap())).unwrap();
        }
        amounts
    }

    #[test]
    fn amounts_share_the_largest_scale() {
        let short = amounts(&[Some("1.50"), None, Some("2"), Some("-3.1")]);
        assert_eq!((short.units, short.scale), (vec![150, MISSING, 200, -310], 2));
        let long = amounts(&[Some("1.50"), None, Some("2.125"), Some("-3")]);
        assert_eq!((long.units, long.scale), (vec![1500, MISSING, 2125, -3000], 3));
        // Zeros at the end are no decimals.
        assert_eq!(amounts(&[Some("1.5000000000")]).scale, 2);
    }

    #[test]
    fn an_amount_that_does_not_fit_is_refused_and_changes_nothing() {
        let mut amounts = amounts(&[Some("9999999999999999.99")]);
        assert_eq!(amounts.push(Some("0.125".parse().unwrap())), Err(AmountTooLong));
        assert_eq!(amounts.push(Some("10000000000000000".parse().unwrap())), Err(AmountTooLong));
        assert_eq!(amounts.push(Some(Decimal::new(1, 19))), Err(AmountTooLong));
        amounts.push(Some("7".parse().unwrap())).unwrap();
        assert_eq!((amounts.units.len(), amounts.scale), (2, 2));
    }

    #[test]
    fn short_amounts_are_those_pushed_one_by_one() {
        let short = |units: &[i64], scale| Amounts::are_short(units, scale).then(|| Amounts::of_short(units.to_vec(), scale));
        let cents = short(&[150, -310, 0], 2).unwrap();
        assert_eq!((cents.units, cents.scale), (amounts(&[Some("1.50"), Some("-3.1"), Some("0")]).units, 2));
        let whole = short(&[3, -7], 0).unwrap();
        assert_eq!((whole.units, whole.scale), (amounts(&[Some("3"), Some("-7")]).units, 2));
        assert_eq!(Amounts::of_short(vec![MISSING_AMOUNT, 4], 1).units, [MISSING, 40]);
        let most = 999_999_999_999_999_999;
        assert!(short(&[most, -most], 2).is_some());
        // More digits than are stored, or more decimals than there are places for: these want a closer look.
        assert!(short(&[most + 1], 2).is_none() && short(&[most], 1).is_none() && short(&[i64::MIN], 2).is_none());
        assert!(short(&[1], 3).is_none());
    }

    #[test]
    fn keys_tell_their_parts_apart() {
        let key = |parts: &[&str]| Key::of(parts.iter().copied());
        assert_ne!(key(&["a", "bc"]), key(&["ab", "c"]));
        assert_eq!(key(&["a"]), key(&["a"]));
        assert_ne!(key(&[""]), Key::NONE);
    }
}
