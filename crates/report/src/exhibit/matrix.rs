//! An exhibit of a retention matrix: a row for each cohort, a column for each age, the summary below.

use tenure_analysis::{CohortRow, CohortStart, Measure, RetentionMatrix, Segment};
use tenure_model::CellState;

use crate::exhibit::{Column, ColumnKind, Datum, Exhibit, Meaning, Row, RowKind, Shown, ShownCell};
use crate::figures::definition;
use crate::format::Show;
use crate::long::by_column;
use crate::numbers::counted;
use crate::retention::retention_sentence;
use crate::table::{RevenueRow, headline, heat, revenue_rows};
use crate::text_table::Align;
use crate::wide::{NONE, average, of_previous, share_so_far};

/// What a matrix means.
pub(crate) fn meaning(matrix: &RetentionMatrix) -> Meaning {
    let mut notes = matrix.notes.clone();
    if matrix.totals.hidden_cohorts > 0 {
        notes.push(format!("{} below --min-size not shown", counted(matrix.totals.hidden_cohorts, "cohort")));
    }
    Meaning { sentence: retention_sentence(matrix), notes, definition: definition(&matrix.definition) }
}

/// The matrix as an exhibit.
pub(crate) fn of_matrix(matrix: &RetentionMatrix, show: Show) -> Exhibit {
    let priced = matrix.measure == Measure::Value && matrix.cohorts.iter().any(|row| row.currency.is_some());
    let mut columns = vec![Column::plain("cohort", Align::Left)];
    columns.extend(matrix.definition.by.iter().map(|name| Column::plain(&by_column(name), Align::Left)));
    if priced {
        columns.push(Column::plain("currency", Align::Left));
    }
    columns.push(Column::plain("size", Align::Right));
    let labels = columns.len();
    columns.extend(matrix.ages.iter().map(|age| Column { heading: age.to_string(), align: Align::Right, kind: ColumnKind::Age }));
    let range = range(matrix, show);
    let mut rows: Vec<Row> = matrix.cohorts.iter().map(|row| cohort(matrix, show, row, priced, range)).collect();
    if matrix.measure == Measure::Customers && show == Show::Percent {
        rows.extend(summary(matrix, labels));
    }
    if matrix.measure == Measure::Value {
        rows.extend(revenue_rows(matrix).into_iter().map(|row| revenue(matrix, row, priced)));
    }
    let (title, subtitle) = headline(matrix, show);
    let of_scale = |heat: f64| match (matrix.measure, show) {
        (Measure::Customers, Show::Percent | Show::Previous) => Datum::Share(heat),
        // The colours of counts are those of the shares that they are.
        (Measure::Customers, Show::Counts) => Datum::Share(heat),
        (Measure::Events, _) | (Measure::Value, _) => Datum::Number(heat),
    };
    Exhibit {
        name: "Retention".to_owned(),
        title,
        subtitle,
        columns,
        rows,
        scale: range.map(|(least, most)| (of_scale(least), of_scale(most))),
        meaning: meaning(matrix),
    }
}

/// The least and the most that colours stand for.
fn range(matrix: &RetentionMatrix, show: Show) -> Option<(f64, f64)> {
    let heats =
        matrix.cohorts.iter().flat_map(|row| (0..row.cells.len()).filter_map(move |place| heat(matrix, show, row, place)));
    heats.fold(None, |range: Option<(f64, f64)>, heat| {
        Some(range.map_or((heat, heat), |(least, most)| (least.min(heat), most.max(heat))))
    })
}

fn cohort(matrix: &RetentionMatrix, show: Show, row: &CohortRow, priced: bool, range: Option<(f64, f64)>) -> Row {
    let label = |text: String| ShownCell::plain(Datum::Text(text));
    let mut cells = vec![match &row.start {
        CohortStart::Day(day) if matrix.definition.cohort == "month" => ShownCell::plain(Datum::Month(*day)),
        CohortStart::Day(day) => ShownCell::plain(Datum::Date(*day)),
        CohortStart::Hour(_, text) => label(text.clone()),
    }];
    cells.extend(row.segment.iter().map(|value| label(value.clone().unwrap_or_else(|| NONE.to_owned()))));
    if priced {
        cells.push(label(row.currency.clone().unwrap_or_else(|| NONE.to_owned())));
    }
    cells.push(ShownCell::plain(Datum::Count(row.size)));
    cells.extend((0..row.cells.len()).map(|place| {
        let datum = datum(matrix, show, row, place);
        let state = match (row.cells[place].cell.state(), heat(matrix, show, row, place), range) {
            (CellState::InProgress, ..) => Shown::InProgress,
            (CellState::Complete, Some(heat), Some((least, most))) if most > least => {
                Shown::Heat((heat - least) / (most - least))
            }
            // The birth period, full by definition, or the same share everywhere. Amounts of the birth period are no part
            // of a scale.
            (CellState::Complete, ..) if datum != Datum::Nothing && matrix.measure == Measure::Customers => Shown::Heat(1.0),
            _ => Shown::Plain,
        };
        ShownCell { datum, state }
    }));
    Row { kind: RowKind::Body, cells }
}

fn datum(matrix: &RetentionMatrix, show: Show, row: &CohortRow, place: usize) -> Datum {
    let cell = &row.cells[place];
    match (matrix.measure, show) {
        (Measure::Events, _) => Datum::of(cell.events, Datum::Count),
        (Measure::Value, Show::Counts) => Datum::of(cell.value.as_deref(), |value| Datum::Amount(value.total)),
        (Measure::Value, _) => Datum::of(average(matrix, cell), Datum::Amount),
        (Measure::Customers, Show::Counts) => Datum::of(cell.cell.retained(), Datum::Count),
        (Measure::Customers, Show::Percent) => Datum::of(share_so_far(cell, row.size), Datum::Share),
        (Measure::Customers, Show::Previous) => Datum::of(of_previous(row, place), Datum::Share),
    }
}

/// What is left of members, or of the value of age 0.
fn revenue(matrix: &RetentionMatrix, row: RevenueRow<'_>, priced: bool) -> Row {
    let text = |text: &str| ShownCell::plain(Datum::Text(text.to_owned()));
    let mut cells = vec![text(row.name)];
    cells.extend(matrix.definition.by.iter().map(|_| ShownCell::plain(Datum::Nothing)));
    if priced {
        cells.push(text(row.currency.map_or("", |currency| currency.as_deref().unwrap_or(NONE))));
    }
    let members = row.currency.is_none().then_some(matrix.totals.memberships);
    cells.push(ShownCell::plain(Datum::of(members, Datum::Count)));
    cells.extend(row.shares.into_iter().map(|of| ShownCell::plain(Datum::of(of, Datum::Share))));
    Row { kind: RowKind::Summary, cells }
}

/// The summary of each segment and the one over all.
fn summary(matrix: &RetentionMatrix, labels: usize) -> Vec<Row> {
    let mut segments: Vec<&Option<Segment>> = matrix.summary.iter().map(|point| &point.segment).collect();
    segments.dedup();
    let rows = segments.into_iter().map(|segment| {
        let mut cells = vec![ShownCell::plain(Datum::Text(matrix.definition.summary.clone()))];
        let values = segment.iter().flatten();
        cells.extend(values.map(|value| ShownCell::plain(Datum::Text(value.clone().unwrap_or_else(|| NONE.to_owned())))));
        cells.resize(labels - 1, ShownCell::plain(Datum::Nothing));
        // The members over all; those of a segment stand in its cohorts.
        let members = segment.is_none().then_some(matrix.totals.memberships);
        cells.push(ShownCell::plain(Datum::of(members, Datum::Count)));
        cells.extend(matrix.ages.iter().map(|&age| {
            let point = matrix.summary.iter().find(|point| point.age == age && point.segment == *segment);
            ShownCell::plain(Datum::of(point, |point| Datum::Share(point.rate)))
        }));
        Row { kind: RowKind::Summary, cells }
    });
    rows.collect()
}
