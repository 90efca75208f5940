//! Which ids are other names of a customer: from a file, and from rows that bear two.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use arrow::array::{Array, StringArray};
use tenure_history::{AliasFault, Aliases, Target};

use crate::draft::DraftFields;
use crate::error::{Error, ErrorKind};
use crate::fields::{Fields, texts_of};
use crate::options::Options;
use crate::run::{Opened, writer};

/// The identity merges of a load, with what is to be said of each export.
pub(crate) struct Identities {
    pub(crate) all: Aliases,
    pub(crate) notes: Vec<Vec<String>>,
}

/// The merges that the history has, those of `--aliases`, and those that rows of the exports show.
pub(crate) fn aliases(opened: &[Opened], options: &Options, target: &Target) -> Result<Identities, Error> {
    let mut all = match writer(target) {
        Some(writer) => writer.aliases()?,
        None => Aliases::default(),
    };
    if let Some(path) = &options.aliases {
        read_file(path, &mut all)?;
    }
    let mut notes = Vec::new();
    for one in opened {
        let mut said = Vec::new();
        if let Some(alias) = &one.draft.alias {
            let pairs = pairs(one, alias)?;
            let (mut new, mut passed_over) = (0u64, 0u64);
            for (alias, customer) in &pairs {
                match all.add(alias, customer) {
                    Ok(true) => new += 1,
                    Ok(false) => {}
                    // Two people at one device: what it did before counts for the first of them.
                    Err(_) => passed_over += 1,
                }
            }
            if new > 0 {
                said.push(match new {
                    1 => "one id was joined to the customer that it turned out to be".to_owned(),
                    new => format!("{new} ids were joined to the customers that they turned out to be"),
                });
            }
            if passed_over > 0 {
                said.push(format!("ids of more than one customer, which stay with the first: {passed_over}"));
            }
        }
        notes.push(said);
    }
    Ok(Identities { all, notes })
}

/// Reads a CSV file of aliases: alias, customer.
fn read_file(path: &Path, aliases: &mut Aliases) -> Result<(), Error> {
    let name = path.display();
    let wrong = |message: String| Error::new(ErrorKind::Input, message);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| wrong(format!("{name}: cannot open: {error}")))?;
    let header = reader.headers().map_err(|error| wrong(format!("{name}: cannot read: {error}")))?.clone();
    let place = |wanted: &str| header.iter().position(|column| column.trim_start_matches('\u{feff}') == wanted);
    let (Some(alias), Some(customer)) = (place("alias"), place("customer")) else {
        let found: Vec<&str> = header.iter().collect();
        return Err(wrong(format!("{name}: the header is \"{}\"; expected the columns alias,customer", found.join(","))));
    };
    for record in reader.records() {
        let record = record.map_err(|error| wrong(format!("{name}: cannot read: {error}")))?;
        let line = record.position().map_or(0, csv::Position::line);
        let (from, to) = (record.get(alias).unwrap_or(""), record.get(customer).unwrap_or(""));
        if from.is_empty() || to.is_empty() {
            return Err(wrong(format!("{name}:{line}: the alias or the customer is blank; expected an id in both columns")));
        }
        aliases.add(from, to).map_err(|fault| {
            wrong(match fault {
                AliasFault::Conflict { had } => {
                    format!("{name}:{line}: \"{from}\" stands for \"{had}\" already, and here for \"{to}\"; an id is one customer's alone")
                }
                AliasFault::Cycle(path) => {
                    format!("{name}:{line}: these ids stand for one another in a circle: {}; take one line out", path.join(" > "))
                }
            })
        })?;
    }
    Ok(())
}

/// The aliases that rows of an export show, each with the customer of the first row that has both ids.
fn pairs(one: &Opened, alias: &DraftFields) -> Result<Vec<(String, String)>, Error> {
    let customer = &one.draft.customer;
    let mut places: Vec<usize> = customer.places.iter().chain(&alias.places).copied().collect();
    places.sort_unstable();
    places.dedup();
    let found: Mutex<BTreeMap<String, (u64, String)>> = Mutex::default();
    one.rows.read(&places, &|batch| {
        let texts: Vec<Option<StringArray>> = batch.columns.iter().map(|array| texts_of(array, false)).collect();
        let text = |fields: &DraftFields, row: usize| {
            let right = Fields::new(Vec::new(), &fields.field);
            let values = fields.places.iter().filter_map(|place| {
                let texts = texts[places.iter().position(|p| p == place)?].as_ref()?;
                (!texts.is_null(row) && !texts.value(row).trim().is_empty()).then(|| texts.value(row).trim())
            });
            values.into_iter().next().map(|text| right.put_right(text).into_owned())
        };
        let mut met: BTreeMap<String, (u64, String)> = BTreeMap::new();
        for row in (0..batch.rows.len()).filter(|row| !batch.damaged.contains_key(row)) {
            let (Some(id), Some(other)) = (text(customer, row), text(alias, row)) else { continue };
            if id != other {
                keep_first(&mut met, other, (batch.rows.get(row), id));
            }
        }
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        met.into_iter().for_each(|(alias, first)| keep_first(&mut found, alias, first));
        Ok(())
    })?;
    one.input.consumed.store(0, std::sync::atomic::Ordering::Relaxed);
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(found.into_iter().map(|(alias, (_, customer))| (alias, customer)).collect())
}

fn keep_first(met: &mut BTreeMap<String, (u64, String)>, alias: String, first: (u64, String)) {
    match met.get_mut(&alias) {
        Some(known) if *known <= first => {}
        Some(known) => *known = first,
        None => {
            met.insert(alias, first);
        }
    }
}
