//! The wide form: a row for each cohort, a column for each age.

use std::borrow::Cow;

use tenure_analysis::{CohortCell, CohortRow, Measure, RetentionMatrix, ValueAverage};
use tenure_model::{CellState, Decimal};

use crate::format::Show;
use crate::long::by_column;

/// How a missing value of a segment is shown.
pub(crate) const NONE: &str = "(none)";

/// The mark of a cell in progress.
pub(crate) const IN_PROGRESS: &str = "*";

/// Header and rows; an unobserved cell is empty. A cell in progress shows what there is so far, and is marked. `word` writes
/// what comes from the data and is no number.
pub(crate) fn rows(
    matrix: &RetentionMatrix,
    show: Show,
    share: fn(f64) -> String,
    word: fn(&str) -> Cow<'_, str>,
) -> (Vec<String>, Vec<Vec<String>>) {
    let priced = matrix.measure == Measure::Value;
    let mut header = vec!["cohort".to_owned()];
    header.extend(matrix.definition.by.iter().map(|name| word(&by_column(name)).into_owned()));
    if priced {
        header.push("currency".to_owned());
    }
    header.push("size".to_owned());
    header.extend(matrix.ages.iter().map(|age| age.to_string()));
    let rows = matrix.cohorts.iter().map(|row| {
        let mut fields = vec![row.start.to_string()];
        fields.extend(row.segment.iter().map(|value| value.as_deref().map_or(NONE.to_owned(), |value| word(value).into_owned())));
        if priced {
            fields.push(word(row.currency.as_deref().unwrap_or_default()).into_owned());
        }
        fields.push(row.size.to_string());
        fields.extend((0..row.cells.len()).map(|place| {
            let mark = if row.cells[place].cell.state() == CellState::InProgress { IN_PROGRESS } else { "" };
            cell(matrix, row, place, show, share).map(|text| text + mark).unwrap_or_default()
        }));
        fields
    });
    (header, rows.collect())
}

fn cell(matrix: &RetentionMatrix, row: &CohortRow, place: usize, show: Show, share: fn(f64) -> String) -> Option<String> {
    let cell = &row.cells[place];
    match (matrix.measure, show) {
        (Measure::Events, _) => cell.events.map(|events| events.to_string()),
        (Measure::Value, Show::Counts) => cell.value.as_deref().map(|value| value.total.to_string()),
        (Measure::Value, _) => average(matrix, cell).map(|value| value.to_string()),
        (Measure::Customers, Show::Counts) => cell.cell.retained().map(|retained| retained.to_string()),
        (Measure::Customers, Show::Percent) => share_so_far(cell, row.size).map(share),
        (Measure::Customers, Show::Previous) => of_previous(row, place).map(share),
    }
}

/// The average of values that the query's rules name.
pub(crate) fn average(matrix: &RetentionMatrix, cell: &CohortCell) -> Option<Decimal> {
    match matrix.value_average {
        ValueAverage::PerMember => cell.value.as_deref()?.per_member,
        ValueAverage::PerActive => cell.value.as_deref()?.per_active,
    }
}

/// The rate; in a cell in progress the provisional rate, or the share of all members so far.
pub(crate) fn share_so_far(cell: &CohortCell, size: u64) -> Option<f64> {
    let so_far = cell.cell.retained().map(|retained| retained as f64 / size as f64);
    cell.cell.rate().or(cell.cell.provisional_rate()).or(so_far)
}

/// Retained members as a share of those of the age or bracket before, where that is shown and had any.
pub(crate) fn of_previous(row: &CohortRow, place: usize) -> Option<f64> {
    let here = row.cells[place].cell.retained()?;
    let before = &row.cells[place.checked_sub(1)?];
    let consecutive = before.age.to.is_some_and(|to| to.0 + 1 == row.cells[place].age.from.0);
    before.cell.retained().filter(|&before| consecutive && before > 0).map(|before| here as f64 / before as f64)
}
