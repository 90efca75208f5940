//! Which preset an export's header is that of.

use std::sync::Arc;

use tenure_model::{Table, column};

use super::{Mark, Preset, PresetChoice, built_in};
use crate::error::{Error, ErrorKind};
use crate::options::Mapping;

/// Columns that settle what a row is. Where one is named by hand, no preset is guessed.
const TELLING: [&str; 4] = [column::TIME, column::START, column::SIGNED_UP, column::VALUE];

/// The preset that an export is read with; none where its columns are told by their names.
pub(crate) fn recognise(choice: &PresetChoice, header: &[Arc<str>], flags: &Mapping) -> Result<Option<Arc<Preset>>, Error> {
    let table = match choice {
        PresetChoice::Generic => return Ok(None),
        PresetChoice::Named(preset) => return Ok(Some(preset.clone())),
        PresetChoice::AutoFor(table) => Some(*table),
        PresetChoice::Auto => Some(flags.table).filter(|table| *table != Table::Activity),
    };
    let told = flags.customer.is_some() || !flags.key.is_empty() || TELLING.iter().any(|role| flags.columns.contains_key(role));
    if told {
        return Ok(None);
    }
    let fitting = built_in::all()?.iter().filter(|preset| table.is_none_or(|table| preset.table == table));
    let mut fitting: Vec<(usize, &Arc<Preset>)> = fitting.filter_map(|preset| Some((preset.marks_in(header)?, preset))).collect();
    fitting.sort_by_key(|(marks, _)| std::cmp::Reverse(*marks));
    match fitting.as_slice() {
        [] => Ok(None),
        [(most, first), (next, second), ..] if most == next => {
            Err(Error::new(ErrorKind::Column, format!("this may be {} or {}; say which with --preset", first.name, second.name)))
        }
        [(_, preset), ..] => Ok(Some((*preset).clone())),
    }
}

impl Preset {
    /// How many marks the header has by which the export is recognised; none where it is not.
    pub(super) fn marks_in(&self, header: &[Arc<str>]) -> Option<usize> {
        let fits = |marks: &&Vec<Mark>| !marks.is_empty() && marks.iter().all(|mark| mark.is_in(header));
        self.detect.iter().filter(fits).map(Vec::len).max()
    }
}

impl Mark {
    fn is_in(&self, header: &[Arc<str>]) -> bool {
        match self {
            Mark::Named(names) => names.iter().any(|name| header.iter().any(|column| **column == **name)),
            Mark::Contains(parts) => containing(header, parts).is_some(),
        }
    }
}

/// The first column whose name contains one of some parts, in whatever case.
pub(super) fn containing(header: &[Arc<str>], parts: &[String]) -> Option<usize> {
    let contains = |name: &str| {
        let name = name.to_lowercase();
        parts.iter().any(|part| name.contains(&part.to_lowercase()))
    };
    header.iter().position(|name| contains(name))
}
