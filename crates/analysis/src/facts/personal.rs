//! Columns that tell who a customer is.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use tenure_history::{History, Part, Rows};
use tenure_model::{Table, column};

use crate::error::Error;

/// A column that tells who a customer is, or may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Personal {
    /// Its table.
    pub table: Table,
    /// Its name.
    pub name: String,
    /// How it tells.
    pub why: Tells,
}

/// How a column tells who a customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tells {
    /// By its name it holds e-mail addresses.
    EmailByName,
    /// Values in it look like e-mail addresses.
    Email,
    /// Values in it are the customer's id.
    Id,
    /// Anything may stand in a free text.
    FreeText,
}

impl fmt::Display for Tells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tells::EmailByName => "named after e-mail",
            Tells::Email => "looks like e-mail addresses",
            Tells::Id => "holds ids of customers",
            Tells::FreeText => "free text",
        })
    }
}

/// From this length on an id is no part of another text by chance.
const LONG_ID: usize = 5;

/// The tables whose rows facts have.
const TABLES: [Table; 4] = [Table::Activity, Table::Customers, Table::Surveys, Table::Cancellations];

/// The columns that tell who a customer is: e-mail addresses, by name or by values; ids of customers; free texts. Distinct
/// values are held in memory.
///
/// # Errors
///
/// Where reading fails.
pub fn personal_columns(history: &History) -> Result<Vec<Personal>, Error> {
    let mut found = BTreeSet::new();
    // Every distinct name and what may be an id in it, in small letters, and the columns it stands in.
    let mut values: HashMap<String, BTreeSet<(Table, String)>> = HashMap::new();
    for table in TABLES {
        let fixed = table.columns().iter().map(|column| column.name.to_owned());
        let mut names: Vec<String> = fixed.chain(history.attributes_of(table)).collect();
        names.retain(|name| {
            let why = match name.as_str() {
                column::COMMENT => Tells::FreeText,
                name if is_named_after_email(name) => Tells::EmailByName,
                _ => return true,
            };
            found.insert(Personal { table, name: name.clone(), why });
            false
        });
        let mut ids: HashMap<i64, String> = HashMap::new();
        let mut bucket: Option<Rows> = None;
        let mut look = |rows: &Rows, ids: &HashMap<i64, String>| {
            for name in &names {
                match tells(rows, name, ids) {
                    Some(why) => drop(found.insert(Personal { table, name: name.clone(), why })),
                    None => {
                        for value in rows.codes(name).map(|codes| codes.names()).unwrap_or_default() {
                            for part in parts(&value.to_lowercase()) {
                                let columns = match values.get_mut(part) {
                                    Some(columns) => columns,
                                    None => values.entry(part.to_owned()).or_default(),
                                };
                                columns.insert((table, name.clone()));
                            }
                        }
                    }
                }
            }
        };
        history.scan_table(table, names.iter().map(String::as_str)).in_turn(true, &mut |part| {
            match part {
                Part::Customers(rows) => {
                    let texts =
                        rows.texts(column::CUSTOMER_ID).into_iter().flatten().map(|id| id.unwrap_or_default().to_lowercase());
                    ids = rows.customers().iter().copied().zip(texts).collect();
                    bucket = Some(rows.clone());
                }
                Part::Activity(rows) => look(rows, &ids),
                Part::End => {
                    if let Some(rows) = bucket.take().filter(|_| table == Table::Customers) {
                        look(&rows, &ids);
                    }
                }
            }
            Ok::<(), Error>(())
        })?;
    }
    let named = |id: &str| {
        let columns = values.get(&id.to_lowercase()).into_iter().flatten();
        columns.map(|(table, name)| Personal { table: *table, name: name.clone(), why: Tells::Id }).collect::<Vec<_>>()
    };
    // A column may also name other customers than its row's, and ids that stand for them.
    history.alias_ids()?.iter().for_each(|id| found.extend(named(id)));
    history.scan(&[]).in_turn(true, &mut |part| {
        if let Part::Customers(rows) = part {
            for id in rows.texts(column::CUSTOMER_ID).into_iter().flatten().flatten() {
                found.extend(named(id));
            }
        }
        Ok::<(), Error>(())
    })?;
    // One reason for each column.
    let mut columns: Vec<Personal> = found.into_iter().collect();
    columns.dedup_by(|b, a| (a.table, &a.name) == (b.table, &b.name));
    Ok(columns)
}

/// Whether a column of names holds e-mail addresses or ids of the rows' own customers.
fn tells(rows: &Rows, name: &str, ids: &HashMap<i64, String>) -> Option<Tells> {
    let codes = rows.codes(name)?;
    let names = codes.names();
    if names.iter().any(|text| looks_like_email(text)) {
        return Some(Tells::Email);
    }
    let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let own = |(row, number): (usize, &i64)| {
        let id = ids.get(number)?;
        let text = names.get(codes.get(row)?)?;
        let is_inside = id.len() >= LONG_ID && text.contains(id.as_str());
        (is_inside || text == id).then_some(Tells::Id)
    };
    rows.customers().iter().enumerate().find_map(own)
}

/// A text and, where it is longer, the parts of it that are as long as ids.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '@')));
    std::iter::once(text).chain(words.filter(move |word| word.len() >= LONG_ID && word.len() < text.len()))
}

fn is_named_after_email(name: &str) -> bool {
    let name: String = name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    name.contains("email") || name == "mail"
}

/// Something, an at sign, and something with a point inside.
fn looks_like_email(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"')).any(|word| {
        word.split_once('@')
            .is_some_and(|(before, after)| !before.is_empty() && after.trim_matches('.').contains('.') && !after.contains('@'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told() {
        for text in ["ann@example.org", "Ann <ann@mail.example.org>", "x a.b+c@d.e y"] {
            assert!(looks_like_email(text), "{text}");
        }
        for text in ["", "ann", "@home", "a@b", "a@b.", "5 @ 3.20", "a@b@c.d"] {
            assert!(!looks_like_email(text), "{text}");
        }
        assert!(is_named_after_email("E-Mail") && is_named_after_email("customer_email") && is_named_after_email("mail"));
        assert!(!is_named_after_email("mailing_list"));
    }
}
