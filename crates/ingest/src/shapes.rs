//! Exports that are read otherwise than earlier ones: their rows are never equal.

use std::collections::BTreeSet;

use tenure_history::{Earlier, RowShape};
use tenure_model::Table;

use crate::draft::DraftSource;
use crate::report::Report;
use crate::run::Opened;

/// What the rows of the exports have, each once.
pub(crate) fn all(opened: &[Opened]) -> Vec<RowShape> {
    let all: BTreeSet<RowShape> = opened.iter().map(of).collect();
    all.into_iter().collect()
}

fn of(one: &Opened) -> RowShape {
    let draft = &one.draft;
    let columns = draft.table.columns().iter().zip(&draft.sources);
    let present = columns.filter(|(_, source)| !matches!(source, DraftSource::Missing));
    RowShape {
        keyed: !draft.key.is_empty(),
        columns: present.map(|(column, _)| column.name.to_owned()).collect(),
        attributes: draft.attributes.iter().map(|attribute| attribute.stored.clone()).collect(),
    }
}

/// Warns of exports with rows that no row of the same time can equal, since those were read otherwise.
pub(crate) fn warnings(opened: &[Opened], report: &Report, earlier: &[Earlier]) -> Vec<String> {
    let Some((first, last)) = report.span else { return Vec::new() };
    if report.table == Table::Customers {
        return Vec::new();
    }
    let near = earlier.iter().filter(|earlier| earlier.span.is_some_and(|(from, to)| first <= to && from <= last));
    let known: Vec<&RowShape> = near.flat_map(|earlier| &earlier.shapes).collect();
    let Some(latest) = known.last() else { return Vec::new() };
    let mut met: Vec<(RowShape, &str, usize)> = Vec::new();
    for (one, input) in opened.iter().zip(&report.inputs).filter(|(_, input)| input.rows.kept > 0) {
        let shape = of(one);
        match met.iter_mut().find(|(known, ..)| *known == shape) {
            Some((_, _, more)) => *more += 1,
            None => met.push((shape, &input.input, 0)),
        }
    }
    let warning = |(shape, input, more): (RowShape, &str, usize)| {
        let differences = differences(&shape, latest);
        if known.contains(&&shape) || differences.is_empty() {
            return None;
        }
        let inputs = if more > 0 { format!("{input} and {more} more") } else { input.to_owned() };
        let effect = if shape.keyed && latest.keyed {
            "a row that replaces one of the same key has nothing in the place of what is missing"
        } else {
            "rows that are the same but for this are not taken for the same: both are kept"
        };
        Some(format!(
            "{inputs}: earlier exports of the same time were read otherwise ({}); {effect}. \
             If this export repeats earlier ones, ingest all of them into a new history with the same flags",
            differences.join("; ")
        ))
    };
    met.into_iter().filter_map(warning).collect()
}

/// What one has and the other has not. Rows with keys may have more than those that they replace.
fn differences(new: &RowShape, old: &RowShape) -> Vec<String> {
    let mut found = Vec::new();
    match (new.keyed, old.keyed) {
        (true, false) => found.push("these rows have keys, those have none".to_owned()),
        (false, true) => found.push("these rows have no keys, those have some (--id)".to_owned()),
        _ => {}
    }
    let both_keyed = new.keyed && old.keyed;
    let list = |what: &str, names: BTreeSet<&String>| -> String {
        let quoted = |name: &&String| format!("\"{name}\"");
        let many = if names.len() > 1 { "s" } else { "" };
        format!("{what}{many} {}", names.iter().map(quoted).collect::<Vec<_>>().join(", "))
    };
    let mut compare = |what: &str, new: &BTreeSet<String>, old: &BTreeSet<String>| {
        let (more, less): (BTreeSet<_>, BTreeSet<_>) = (new.difference(old).collect(), old.difference(new).collect());
        if !more.is_empty() && !both_keyed {
            found.push(format!("only these have the {}", list(what, more)));
        }
        if !less.is_empty() {
            found.push(format!("only those have the {}", list(what, less)));
        }
    };
    compare("column", &new.columns, &old.columns);
    compare("attribute", &new.attributes, &old.attributes);
    found
}
