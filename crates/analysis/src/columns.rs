//! The columns that a query may name: those of the activity, then those of the customers table.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, new_null_array};
use arrow::datatypes::DataType;
use tenure_expression::{ColumnKind, TextProfile, suggestion};
use tenure_history::{Column, History, Part, Rows};
use tenure_model::{Table, column};

use crate::error::Error;
use crate::predicate::{as_texts, typed_kind};

/// Where a column lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// In each row of activity.
    Activity,
    /// In the customers table, or the customer's id itself.
    Customers,
}

/// The columns that a query may name, and what their texts are.
#[derive(Debug)]
pub(crate) struct Columns {
    homes: Vec<(String, Home)>,
    profiles: HashMap<String, TextProfile>,
    value_scale: u8,
}

impl Columns {
    /// The columns of a history. What the texts of attributes are is found with [`Columns::profile`].
    pub(crate) fn of(history: &History) -> Self {
        let own = [column::TIME, column::DAY, column::EVENT, column::VALUE, column::CURRENCY];
        let activity = own.into_iter().map(str::to_owned).chain(history.attributes());
        let mut homes: Vec<(String, Home)> = activity.map(|name| (name, Home::Activity)).collect();
        let customers = [column::CUSTOMER, column::SIGNED_UP].into_iter().map(str::to_owned);
        for name in customers.chain(history.attributes_of(Table::Customers)) {
            if !homes.iter().any(|(known, _)| *known == name) {
                homes.push((name, Home::Customers));
            }
        }
        Self { homes, profiles: HashMap::new(), value_scale: history.value_scale() }
    }

    /// Their names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.homes.iter().map(|(name, _)| name.as_str())
    }

    /// Where a column lives, if there is one of that name.
    pub(crate) fn home(&self, name: &str) -> Option<Home> {
        self.homes.iter().find(|(known, _)| known == name).map(|(_, home)| *home)
    }

    /// Whether a column of the activity holds names.
    pub(crate) fn is_activity_name(&self, name: &str) -> bool {
        self.home(name) == Some(Home::Activity) && ![column::TIME, column::DAY, column::VALUE].contains(&name)
    }

    /// A column that parts cohorts: one of names, or the sign-up date.
    pub(crate) fn segment(&self, name: &str) -> Result<Home, Error> {
        match self.home(name) {
            Some(Home::Activity) if !self.is_activity_name(name) => Err(Error::query(format!(
                "--by {name}: it has a value of its own in nearly every row; expected a column of names, such as event or an attribute"
            ))),
            Some(home) => Ok(home),
            None => Err(Error::query(format!("--by {name}: no column \"{name}\"; {}", suggestion(name, self.names())))),
        }
    }

    /// A date column of the customers table.
    pub(crate) fn sign_up(&self, name: &str) -> Result<(), Error> {
        if self.home(name) == Some(Home::Customers) && name != column::CUSTOMER {
            return Ok(());
        }
        let of_customers = self.homes.iter().filter(|(name, home)| *home == Home::Customers && name != column::CUSTOMER);
        Err(Error::query(format!(
            "--birth declared:{name}: the customers table has no column \"{name}\"; {}",
            suggestion(name, of_customers.map(|(name, _)| name.as_str()).collect::<Vec<_>>())
        )))
    }

    /// Finds out what the texts of some attributes are, over the whole history.
    pub(crate) fn profile<'a>(&mut self, history: &History, names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        let own = [column::EVENT, column::CURRENCY, column::CUSTOMER];
        let open = |name: &&str| {
            self.home(name).is_some()
                && !own.contains(name)
                && typed_kind(name, 0).is_none()
                && !self.profiles.contains_key(*name)
        };
        let mut wanted: Vec<&str> = names.filter(open).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        let (of_activity, of_customers): (Vec<&str>, Vec<&str>) =
            wanted.into_iter().partition(|name| self.home(name) == Some(Home::Activity));
        let join = |mut a: Vec<TextProfile>, b: Vec<TextProfile>| {
            a.iter_mut().zip(&b).for_each(|(a, b)| a.join(b));
            a
        };
        if !of_activity.is_empty() {
            let columns: Vec<Column<'_>> = of_activity.iter().map(|name| Column::Attribute(name)).collect();
            let found = history.scan(&columns).fold_names(
                || vec![TextProfile::default(); of_activity.len()],
                |profiles, place, names| names.iter().for_each(|name| profiles[place].add(name)),
                join,
            )?;
            self.profiles.extend(of_activity.iter().map(|name| (*name).to_owned()).zip(found));
        }
        if !of_customers.is_empty() {
            let found = history.scan(&[]).fold_parts(
                true,
                || vec![TextProfile::default(); of_customers.len()],
                |profiles: &mut Vec<TextProfile>, part| {
                    let Part::Customers(rows) = part else { return Ok(()) };
                    for (profile, name) in profiles.iter_mut().zip(&of_customers) {
                        let names = rows.codes(name).map(|codes| codes.names()).unwrap_or_default();
                        names.into_iter().for_each(|name| profile.add(name));
                    }
                    Ok::<(), Error>(())
                },
                join,
            )?;
            self.profiles.extend(of_customers.iter().map(|name| (*name).to_owned()).zip(found));
        }
        Ok(())
    }

    /// What an expression may do with a column.
    pub(crate) fn kind(&self, name: &str) -> ColumnKind {
        typed_kind(name, self.value_scale)
            .unwrap_or_else(|| ColumnKind::Text(self.profiles.get(name).cloned().unwrap_or_else(TextProfile::of_text)))
    }

    /// A column of a batch of activity, for an expression.
    pub(crate) fn of_activity(&self, rows: &Rows, name: &str) -> ArrayRef {
        rows.array(name).map_or_else(|| new_null_array(&DataType::Utf8, rows.len()), as_texts)
    }

    /// A column of a bucket's customers, for an expression.
    pub(crate) fn of_customers(&self, customers: &Rows, name: &str) -> ArrayRef {
        match name {
            column::CUSTOMER => {
                let ids = customers.texts(column::CUSTOMER_ID).into_iter().flatten();
                Arc::new(ids.collect::<StringArray>())
            }
            column::SIGNED_UP => {
                customers.array(name).cloned().unwrap_or_else(|| new_null_array(&DataType::Date32, customers.len()))
            }
            _ => customers.array(name).map_or_else(|| new_null_array(&DataType::Utf8, customers.len()), as_texts),
        }
    }
}
