//! The fingerprint of a bucket's rows.

use tenure_model::{ColumnKind, Decimal, Table};

use crate::chunk::{Key, MISSING};
use crate::cluster::{Load, Ordered, OrderedNames};
use crate::fingerprint::{self, Fingerprint, RowParts, attribute_hash, name_hash};

/// The fingerprint of rows, with the hashes of their customers' ids.
pub(crate) fn content(load: &Load<'_>, rows: &Ordered, hash: impl Fn(u32) -> u128) -> Fingerprint {
    let own_names = load.layout.names() - load.layout.attributes.len();
    // A column without names has only the hash of a missing one, which is 0.
    let attributes: Vec<&OrderedNames> = rows.names[own_names..].iter().filter(|column| column.hashes.len() > 1).collect();
    let mut sum = Fingerprint::default();
    let mut at = 0;
    for &(c, count) in &rows.runs {
        let customer = hash(c);
        for row in at..at + count as usize {
            let mut extra = attributes.iter().fold(0u64, |sum, column| sum.wrapping_add(column.hash(row)));
            if let Some(key) = rows.keys.get(row).filter(|key| load.layout.keyed && **key != Key::NONE) {
                extra = extra.wrapping_add(attribute_hash("key", &format!("{:032x}", key.0)));
            }
            let time = rows.times[0][row];
            sum += if load.layout.table == Table::Activity {
                let units = rows.units[0][row];
                let value = (units != MISSING).then(|| normalized(units, load.scales[0]));
                let (event, currency) = (rows.names[0].hash(row), rows.names[1].hash(row));
                fingerprint::row(&RowParts { customer, time, event, value, currency, attributes: extra })
            } else {
                let event = name_hash(load.layout.table.name());
                let attributes = extra.wrapping_add(columns(load, rows, row));
                fingerprint::row(&RowParts { customer, time, event, value: None, currency: 0, attributes })
            };
        }
        at += count as usize;
    }
    sum
}

impl OrderedNames {
    fn hash(&self, row: usize) -> u64 {
        self.hashes[self.codes[row] as usize]
    }
}

/// Units and decimals of an amount, without zeros at the end.
fn normalized(mut units: i64, mut scale: u8) -> (i64, u8) {
    while scale > 0 && units % 10 == 0 {
        units /= 10;
        scale -= 1;
    }
    (units, scale)
}

/// What identifies a row of a table with columns of its own: each is as an attribute.
fn columns(load: &Load<'_>, rows: &Ordered, row: usize) -> u64 {
    let (mut times, mut names, mut amounts) = (rows.times.iter(), rows.names.iter(), rows.units.iter().zip(&load.scales));
    let mut sum = 0u64;
    for column in load.layout.table.columns() {
        let text = match column.kind {
            ColumnKind::Time | ColumnKind::Date => {
                times.next().map(|times| times[row]).filter(|time| *time != MISSING).map(|time| time.to_string())
            }
            ColumnKind::Amount => amounts
                .next()
                .filter(|(units, _)| units[row] != MISSING)
                .map(|(units, &scale)| Decimal::new(units[row].into(), scale).normalized().to_string()),
            ColumnKind::Name => names.next().filter(|names| names.is_there(row)).map(|names| names.hash(row).to_string()),
        };
        sum = sum.wrapping_add(text.map_or(0, |text| attribute_hash(column.name, &text)));
    }
    sum
}
