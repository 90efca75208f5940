//! Events that a condition asks for and the history does not have.

use std::collections::BTreeMap;

use tenure_expression::{near, pointed};
use tenure_history::{Column, History};
use tenure_model::{column, grouped};

use crate::error::Error;
use crate::predicate::Predicate;

/// The most events that a message lists where none is near.
const MOST_LISTED: usize = 8;

/// The error of a condition that asks for an event nobody did.
pub(crate) fn no_such_event(history: &History, predicate: &Predicate, event: &str) -> Result<Error, Error> {
    let events = history.scan(&[Column::Event]).fold(
        BTreeMap::new,
        |counts: &mut BTreeMap<String, u64>, rows| {
            let Some(codes) = rows.codes(column::EVENT) else { return Ok(()) };
            let names = codes.names();
            let mut here = vec![0u64; names.len()];
            (0..rows.len()).filter_map(|row| codes.get(row)).for_each(|code| here[code] += 1);
            for (name, count) in names.into_iter().zip(here).filter(|(_, count)| *count > 0) {
                *counts.entry(name.to_owned()).or_default() += count;
            }
            Ok::<(), Error>(())
        },
        |mut a, b| {
            b.into_iter().for_each(|(name, count)| *a.entry(name).or_default() += count);
            a
        },
    )?;
    let close = near(event, events.keys().map(String::as_str));
    let told = |name: &str| format!("\"{name}\" ({} rows)", grouped(events[name]));
    let hint = if close.is_empty() {
        let mut largest: Vec<(&String, &u64)> = events.iter().collect();
        largest.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let listed: Vec<String> = largest.iter().take(MOST_LISTED).map(|(name, _)| told(name)).collect();
        let more = events.len().saturating_sub(MOST_LISTED);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("its events are {}{rest}", listed.join(", "))
    } else {
        format!("did you mean {}?", close.iter().map(|name| told(name)).collect::<Vec<_>>().join(" or "))
    };
    let (flag, text) = predicate.source();
    let quoted = format!("'{}'", event.replace('\'', "''"));
    let place = text.find(&quoted).map(|at| pointed(text, at));
    Ok(Error::query(format!("no event \"{event}\" in this history; {hint}\n  in {flag}:{}", place.unwrap_or_default())))
}
