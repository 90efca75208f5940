//! How the times and numbers of an export are written.

use std::sync::{Mutex, PoisonError};

use arrow::array::Array;
use arrow::datatypes::DataType;
use tenure_exports::{NumberProfile, NumberReader, NumberStyle, TimeProfile, TimeReader, TimeStyle};
use tenure_model::ColumnKind;

use crate::draft::{DraftFields, DraftSource, Typed, source_zone};
use crate::error::Error;
use crate::fields::texts_of;
use crate::options::{Mapping, Options};
use crate::run::Opened;

/// How the times and the numbers of each of the table's columns of these are written.
#[derive(Debug, Clone)]
pub(crate) struct Styles {
    times: Vec<TimeStyle>,
    numbers: Vec<NumberStyle>,
    /// Whether this is a guess, which the first text that is written otherwise disproves.
    pub(crate) trial: bool,
    /// Whether it is known without reading that they are not plain.
    pub(crate) needs_a_look: bool,
}

/// A column of the table that is read from texts.
fn text_fields<'a>(draft: &'a Typed<'_>, kind: impl Fn(ColumnKind) -> bool) -> Vec<Option<&'a DraftFields>> {
    let columns = draft.draft.table.columns().iter().zip(&draft.draft.sources);
    columns
        .filter(|(spec, _)| kind(spec.kind))
        .map(|(_, source)| match source {
            DraftSource::Fields(fields) => Some(fields),
            _ => None,
        })
        .collect()
}

fn is_time(kind: ColumnKind) -> bool {
    matches!(kind, ColumnKind::Time | ColumnKind::Date)
}

impl Styles {
    /// Everything as plain as can be.
    pub(crate) fn plain(draft: &Typed<'_>, opened: &Opened) -> Self {
        let times = text_fields(draft, is_time);
        let numbers = text_fields(draft, |kind| kind == ColumnKind::Amount);
        let number = |fields: &&DraftFields| {
            fields.places.iter().any(|&place| {
                let data_type = opened.rows.column_type(place);
                data_type.is_integer() || data_type.is_floating()
            })
        };
        let mapping = &draft.draft.mapping;
        Self {
            needs_a_look: mapping.time_format.is_none() && times.iter().flatten().any(number) || mapping.decimal_comma,
            times: vec![TimeStyle::default(); times.len()],
            numbers: vec![NumberStyle::default(); numbers.len()],
            trial: true,
        }
    }

    pub(crate) fn times(&self, mapping: &Mapping, options: &Options) -> Vec<TimeReader> {
        let zone = source_zone(mapping, options);
        let reader = |style: &TimeStyle| TimeReader::new(mapping.time_format.clone(), zone.clone()).with_style(*style);
        self.times.iter().map(reader).collect()
    }

    pub(crate) fn numbers(&self) -> Vec<NumberReader> {
        self.numbers.iter().map(|style| NumberReader::new(*style)).collect()
    }
}

/// Looks at every row to tell how times and numbers are written.
pub(crate) fn styles(draft: &Typed<'_>, opened: &Opened, notes: &mut Vec<String>) -> Result<Styles, Error> {
    let times = text_fields(draft, is_time);
    let numbers = text_fields(draft, |kind| kind == ColumnKind::Amount);
    let mut places: Vec<usize> = times.iter().chain(&numbers).flatten().flat_map(|fields| fields.places.clone()).collect();
    places.sort_unstable();
    places.dedup();
    let text_types =
        |place: &usize| !matches!(opened.rows.column_type(*place), DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    places.retain(text_types);
    let start = (vec![TimeProfile::default(); times.len()], vec![NumberProfile::default(); numbers.len()]);
    let found = Mutex::new(start.clone());
    opened.rows.read(&places, &|batch| {
        let texts: Vec<_> = batch.columns.iter().map(|array| texts_of(array, true)).collect();
        let of = |place: usize| places.iter().position(|&p| p == place).and_then(|at| texts[at].as_ref());
        let (mut time_profiles, mut number_profiles) = start.clone();
        for row in 0..batch.rows.len() {
            if batch.damaged.contains_key(&row) {
                continue;
            }
            let first = |fields: &DraftFields| {
                let texts = fields.places.iter().filter_map(|&place| of(place));
                let values = texts.filter(|texts| !texts.is_null(row)).map(|texts| texts.value(row).trim());
                values.into_iter().find(|text| !text.is_empty()).unwrap_or("").to_owned()
            };
            for (profile, fields) in time_profiles.iter_mut().zip(&times) {
                fields.iter().for_each(|fields| profile.add(&first(fields)));
            }
            for (profile, fields) in number_profiles.iter_mut().zip(&numbers) {
                fields.iter().for_each(|fields| profile.add(&first(fields)));
            }
        }
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.0.iter_mut().zip(&time_profiles).for_each(|(all, more)| all.join(more));
        found.1.iter_mut().zip(&number_profiles).for_each(|(all, more)| all.join(more));
        Ok(())
    })?;
    opened.input.consumed.store(0, std::sync::atomic::Ordering::Relaxed);
    let (time_profiles, number_profiles) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut styles = Styles { times: Vec::new(), numbers: Vec::new(), trial: false, needs_a_look: false };
    let mut say = |fields: &Option<&DraftFields>, said: Vec<String>| {
        let name = fields.map_or("", |fields| &opened.header[fields.places[0]]);
        notes.extend(said.into_iter().map(|note| format!("\"{name}\": {note}")));
    };
    for (profile, fields) in time_profiles.iter().zip(&times) {
        let (style, said) = profile.style();
        if draft.draft.mapping.time_format.is_none() {
            say(fields, said);
        }
        styles.times.push(style);
    }
    for (profile, fields) in number_profiles.iter().zip(&numbers) {
        let (style, said) = profile.style(draft.draft.mapping.decimal_comma);
        say(fields, said);
        styles.numbers.push(style);
    }
    Ok(styles)
}
