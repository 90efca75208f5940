//! What the columns of expressions hold, over all exports of a load: an expression means the same in each of them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use arrow::datatypes::DataType;

use crate::error::Error;
use crate::fields::texts_of;
use crate::run::Opened;
use tenure_expression::{ColumnKind, Elsewhere, Meant, Operand, TextProfile};

/// The columns that the expressions of an export read, by name.
pub(crate) type Operands = BTreeMap<String, Operand>;

/// Looks at the columns of the expressions of all exports.
pub(crate) fn operands(opened: &[Opened]) -> Result<Vec<Operands>, Error> {
    let kinds = opened.iter().map(kinds).collect::<Result<Vec<_>, Error>>()?;
    let mut known: BTreeMap<&str, Known<'_>> = BTreeMap::new();
    for (one, kinds) in opened.iter().zip(&kinds) {
        for (name, kind) in kinds {
            known.entry(name).or_default().add(kind, one);
        }
    }
    let with_others = |(one, kinds): (&Opened, &BTreeMap<String, ColumnKind>)| {
        let operand = |(name, kind): (&String, &ColumnKind)| {
            let elsewhere = known[name.as_str()].elsewhere(kind, one.mends);
            (name.clone(), Operand { kind: kind.clone(), elsewhere })
        };
        kinds.iter().map(operand).collect()
    };
    Ok(opened.iter().zip(&kinds).map(with_others).collect())
}

/// What all exports say of a column.
#[derive(Default)]
struct Known<'a> {
    typed_numbers: bool,
    texts: bool,
    meant: Vec<Meant>,
    /// What it holds, and the first export in which it does.
    words: BTreeMap<String, &'a str>,
}

impl<'a> Known<'a> {
    fn add(&mut self, kind: &ColumnKind, of: &'a Opened) {
        let meant = kind.meant();
        self.typed_numbers |= matches!(kind, ColumnKind::Typed(_)) && meant == Some(Meant::Numbers);
        self.texts |= kind.is_plain_text();
        self.meant.extend(meant.filter(|meant| !self.meant.contains(meant)));
        if !kind.is_blank() {
            self.words.entry(kind.in_words()).or_insert(&of.input.name);
        }
    }

    /// For a column of one of them. A file of rejected rows may hold what is bad alone: its columns may be anything.
    fn elsewhere(&self, kind: &ColumnKind, mends: bool) -> Elsewhere {
        let words = kind.in_words();
        let other = self.words.iter().find(|(other, _)| **other != words);
        Elsewhere {
            typed_numbers: self.typed_numbers,
            texts: self.texts,
            meant: if mends { vec![Meant::Numbers, Meant::Truths] } else { self.meant.clone() },
            otherwise: other.map(|(words, input)| format!("{words} in {input}")),
        }
    }
}

/// What the columns that an export's expressions read hold. Texts are looked at over all rows; other types are known.
fn kinds(opened: &Opened) -> Result<BTreeMap<String, ColumnKind>, Error> {
    let rows = &*opened.rows;
    let columns = opened.draft.operands(&opened.header);
    let is_text = |(_, place): &&(String, usize)| rows.column_type(*place) == DataType::Utf8;
    let texts: Vec<usize> = columns.iter().filter(is_text).map(|(_, place)| *place).collect();
    let start: Vec<TextProfile> =
        texts.iter().map(|&column| if rows.is_text(column) { TextProfile::of_text() } else { TextProfile::default() }).collect();
    let profiles = Mutex::new(start.clone());
    if !texts.is_empty() {
        rows.read(&texts, &|batch| {
            let mut found = start.clone();
            for (profile, array) in found.iter_mut().zip(&batch.columns) {
                texts_of(array, true).iter().flat_map(|texts| texts.iter().flatten()).for_each(|text| profile.add(text));
            }
            let mut profiles = profiles.lock().unwrap_or_else(PoisonError::into_inner);
            profiles.iter_mut().zip(&found).for_each(|(all, more)| all.join(more));
            Ok(())
        })?;
        opened.input.consumed.store(0, Ordering::Relaxed);
    }
    let mut profiles = profiles.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
    let kind = |(name, place): (String, usize)| {
        let kind = match rows.column_type(place) {
            DataType::Utf8 => ColumnKind::Text(profiles.next().unwrap_or_default()),
            other => ColumnKind::Typed(other),
        };
        (name, kind)
    };
    Ok(columns.into_iter().map(kind).collect())
}
