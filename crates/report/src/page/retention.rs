//! The section of cohorts: the heat map, and curves of the same numbers.

use tenure_analysis::{RetentionMatrix, Segment, SummaryPoint, retention_stories};
use tenure_model::grouped;

use super::cohorts::{CohortTables, MOST_SHOWN};
use super::currencies::Currencies;
use super::curve::{Bounds, Curve, CurveChart, Point, percent_axis};
use super::labels::{self, cohort, percent, segment};
use super::room::Room;
use super::scale::Axis;
use super::section::{Figure, Key, Section, Table};
use crate::error::Error;
use crate::numbers;

/// Segments that have a curve.
const MOST_CURVES: usize = 4;

/// Cells of the table behind curves of value; of a larger one the latest of each row.
const MOST_CELLS: usize = 1600;

/// The section of one question of retention.
///
/// # Errors
///
/// Where the data of its switches can't be written.
pub(crate) fn section(
    tables: &CohortTables,
    id: &'static str,
    title: &str,
    room: Room,
    currencies: &Currencies,
) -> Result<Section, Error> {
    let heat = tables.heat_map(id, room, currencies)?;
    let mut figures = vec![by_cohort(tables, id, room)];
    figures.extend(by_segment(tables));
    let mut section = Section::new(id, title, &format!("{}{}", lead(&tables.whole), stories(tables)));
    section.notes = tables.whole.notes.clone();
    section.heat = Some(heat);
    section.figures = figures;
    Ok(section)
}

/// What is to be seen, in words.
fn lead(matrix: &RetentionMatrix) -> String {
    let d = &matrix.definition;
    let who = if d.source == "subscriptions" { "subscribers" } else { "customers" };
    let Some(point) = whole(matrix).find(|point| point.age.from.0 == 1) else {
        return format!("{} {who} in {} cohorts.", grouped(matrix.totals.members), d.cohort);
    };
    let bounds = point.interval.map(|interval| {
        let low = numbers::percent(interval.low, 1);
        format!(" ({} % interval {low} to {})", labels::level(d.level), percent(interval.high))
    });
    format!(
        "Of {} {who} who have lived their first {} after that of their start, {}{} were retained in it.",
        grouped(point.exposed),
        d.age,
        percent(point.rate),
        bounds.unwrap_or_default()
    )
}

/// Where heads and revenue tell different stories.
fn stories(tables: &CohortTables) -> String {
    let points = tables.value.as_ref().map(|matrix| matrix.summary.as_slice()).unwrap_or_default();
    let told = retention_stories(points).into_iter().map(|story| {
        let (first, rest) = story.split_at(1);
        format!(" {}{rest}.", first.to_uppercase())
    });
    told.collect()
}

fn whole(matrix: &RetentionMatrix) -> impl Iterator<Item = &SummaryPoint> {
    matrix.summary.iter().filter(|point| point.segment.is_none())
}

fn point(point: &SummaryPoint) -> Point {
    Point { value: point.rate, bounds: point.interval.map(|interval| (interval.low, interval.high)) }
}

/// The points of a summary, at the ages shown.
fn curve(matrix: &RetentionMatrix, of: Option<&Segment>) -> Vec<Option<Point>> {
    let ages = &matrix.ages[..matrix.ages.len().min(MOST_SHOWN)];
    let points: Vec<&SummaryPoint> = matrix.summary.iter().filter(|point| point.segment.as_ref() == of).collect();
    ages.iter().map(|age| points.iter().find(|point| point.age == *age).map(|found| point(found))).collect()
}

/// Ages before the first that is drawn: where everybody is retained at age 0, as activity that makes a birth is a return too.
fn skipped(matrix: &RetentionMatrix) -> usize {
    let first = matrix.ages.first();
    let mut points = matrix.summary.iter().filter(|point| Some(&point.age) == first);
    usize::from(matrix.ages.len() > 2 && points.all(|point| point.retained == point.exposed))
}

/// The axis that holds all points of some curves, and their intervals.
fn axis(curves: &[&[Curve]], skip: usize) -> Axis {
    let points = curves.iter().flat_map(|curves| curves.iter()).flat_map(|curve| curve.points.iter().skip(skip).flatten());
    let most = points.map(|point| point.bounds.map_or(point.value, |(_, high)| high.max(point.value)));
    Axis::new(0.0, most.fold(0.0, f64::max), 5.0)
}

/// Members that must be exposed for a point of a summary to be drawn: of fewer, one more or less is a leap.
const LEAST_DRAWN: u64 = 10;

/// A curve as it is drawn, and whether ages of few members are left out of it; where all are, none is.
fn drawn(matrix: &RetentionMatrix, of: Option<&Segment>) -> (Vec<Option<Point>>, bool) {
    let points = curve(matrix, of);
    let summary: Vec<&SummaryPoint> = matrix.summary.iter().filter(|point| point.segment.as_ref() == of).collect();
    let enough = |place: usize| summary.iter().any(|point| point.age == matrix.ages[place] && point.exposed >= LEAST_DRAWN);
    if !(0..points.len()).any(enough) {
        return (points, false);
    }
    let few = (0..points.len()).any(|place| points[place].is_some() && !enough(place));
    (points.into_iter().enumerate().map(|(place, point)| point.filter(|_| enough(place))).collect(), few)
}

/// What is left out of curves, in words.
fn too_few(few: bool) -> Option<String> {
    few.then(|| format!("Ages that fewer than {LEAST_DRAWN} members have lived are left out of the picture; the table has them."))
}

fn without_first(curves: Vec<Curve>, skip: usize) -> Vec<Curve> {
    curves.into_iter().map(|curve| Curve { points: curve.points.into_iter().skip(skip).collect(), ..curve }).collect()
}

/// What is left out of a picture, in words.
fn left_out(skip: usize) -> &'static str {
    if skip > 0 { " Age 0, where everybody is retained, is left out of the picture." } else { "" }
}

fn ages(matrix: &RetentionMatrix) -> Vec<String> {
    matrix.ages.iter().take(MOST_SHOWN).map(ToString::to_string).collect()
}

fn bounds_text(bounds: Option<(f64, f64)>) -> String {
    bounds.map(|(low, high)| format!("{} to {}", numbers::percent(low, 1), percent(high))).unwrap_or_default()
}

fn by_cohort(tables: &CohortTables, id: &'static str, room: Room) -> Figure {
    let matrix = &tables.whole;
    let d = &matrix.definition;
    let shown = &matrix.cohorts[matrix.cohorts.len().saturating_sub(room.curves)..];
    let count = shown.len();
    let behind = shown.iter().enumerate().map(|(place, row)| Curve {
        name: cohort(&row.start, &d.cohort),
        class: format!("c{}", if count > 1 { place * 4 / (count - 1) } else { 4 }),
        points: row.cells.iter().take(MOST_SHOWN).map(|cell| cell.cell.rate().map(Point::bare)).collect(),
    });
    let (points, few) = drawn(matrix, None);
    let pooled = Curve { name: "All cohorts".to_owned(), class: "sa strong".to_owned(), points };
    let says = |(age, found): (&String, Option<&SummaryPoint>)| match found {
        Some(point) => format!(
            "Age {age}: {} retained ({} % interval {}); {} of {} exposed, in {} cohorts",
            percent(point.rate),
            labels::level(d.level),
            bounds_text(point.interval.map(|interval| (interval.low, interval.high))),
            grouped(point.retained),
            grouped(point.exposed),
            grouped(point.cohorts)
        ),
        None => format!("Age {age}: nobody has lived it"),
    };
    let ages = ages(matrix);
    let at = |place: usize| whole(matrix).find(|point| point.age == matrix.ages[place]);
    let rows = (0..ages.len()).map(|place| match at(place) {
        Some(point) => vec![
            ages[place].clone(),
            percent(point.rate),
            bounds_text(point.interval.map(|interval| (interval.low, interval.high))),
            grouped(point.retained),
            grouped(point.exposed),
            grouped(point.cohorts),
        ],
        None => vec![ages[place].clone(), String::new(), String::new(), String::new(), String::new(), String::new()],
    });
    let (skip, behind, pooled) = (skipped(matrix), behind.collect::<Vec<_>>(), vec![pooled]);
    let chart = CurveChart {
        label: format!("Retention by age, all cohorts {} with its interval, and each cohort", d.summary),
        axis: axis(&[&behind, &pooled], skip),
        behind: without_first(behind, skip),
        curves: without_first(pooled, skip),
        says: ages.iter().enumerate().skip(skip).map(|(place, age)| says((age, at(place)))).collect(),
        columns: ages[skip..].to_vec(),
        column_title: format!("{}s since the first", d.age),
        axis_text: percent_axis,
        bounds: Bounds::Band,
        follows: id.to_owned(),
        skip,
    };
    let mut figure = Figure::new(
        "Curves by cohort",
        &format!(
            "Each line a cohort; the strong one all of them, {}, with its interval. Complete ages alone.{}",
            d.summary,
            left_out(skip)
        ),
    );
    figure.notes.extend(too_few(few));
    if matrix.cohorts.len() > shown.len() {
        let all = grouped(matrix.cohorts.len() as u64);
        figure.notes.push(format!("The latest {} of {all} cohorts have a line of their own.", shown.len()));
    }
    figure.legend = vec![
        Key::line("sa", &format!("All cohorts ({})", d.summary)),
        Key::line("c0", "oldest cohort"),
        Key::line("c4", "latest cohort"),
    ];
    figure.picture = chart.draw();
    figure.table = Table::new(&["Age", "Retained", "Interval", "Members retained", "Exposed", "Cohorts"], rows.collect());
    figure
}

fn by_segment(tables: &CohortTables) -> Option<Figure> {
    let matrix = tables.by_segment.as_ref()?;
    let d = &matrix.definition;
    let segments = tables.segments();
    let shown = &segments[..segments.len().min(MOST_CURVES)];
    let curves: Vec<Curve> = shown
        .iter()
        .enumerate()
        .map(|(place, (of, _))| Curve { name: segment(of), class: format!("s{place}"), points: curve(matrix, Some(of)) })
        .collect();
    let ages = ages(matrix);
    let skip = skipped(matrix);
    let says = ages.iter().enumerate().skip(skip).map(|(place, age)| {
        let parts = curves.iter().filter_map(|curve| {
            let point = curve.points[place]?;
            Some(format!("{} {} ({})", curve.name, percent(point.value), bounds_text(point.bounds)))
        });
        format!("Age {age}: {}", parts.collect::<Vec<_>>().join("; "))
    });
    let says = says.collect();
    let mut head = vec!["Age"];
    head.extend(curves.iter().map(|curve| curve.name.as_str()));
    let rows = ages.iter().enumerate().map(|(place, age)| {
        let cell = |curve: &Curve| match curve.points[place] {
            Some(point) => format!("{} ({})", percent(point.value), bounds_text(point.bounds)),
            None => String::new(),
        };
        std::iter::once(age.clone()).chain(curves.iter().map(cell)).collect()
    });
    let table = Table::new(&head, rows.collect());
    let mut figure = Figure::new(
        &format!("Curves by {}", labels::cut(&d.by.join(", "))),
        &format!("All cohorts of each, {}, with intervals; taken at {}.{}", d.summary, d.segment_as_of, left_out(skip)),
    );
    figure.legend = shown
        .iter()
        .enumerate()
        .map(|(place, (of, size))| Key::line(&format!("s{place}"), &format!("{}, n = {}", segment(of), grouped(*size))))
        .collect();
    if segments.len() > shown.len() {
        figure.notes.push(format!("The {} largest of {} are drawn.", shown.len(), segments.len()));
    }
    figure.table = table;
    let mut few = false;
    let curves: Vec<Curve> = curves
        .into_iter()
        .zip(shown)
        .map(|(curve, (of, _))| {
            let (points, left_out) = drawn(matrix, Some(of));
            few |= left_out;
            Curve { points, ..curve }
        })
        .collect();
    figure.notes.extend(too_few(few));
    let chart = CurveChart {
        label: format!("Retention by age for each {}, with intervals", labels::cut(&d.by.join(", "))),
        behind: Vec::new(),
        axis: axis(&[&curves], skip),
        curves: without_first(curves, skip),
        column_title: format!("{}s since the first", d.age),
        columns: ages[skip..].to_vec(),
        axis_text: percent_axis,
        bounds: Bounds::Band,
        says,
        follows: String::new(),
        skip,
    };
    figure.picture = chart.draw();
    Some(figure)
}

/// What customers have brought so far by age, for each currency: observed lifetime value by cohort.
pub(crate) fn value_figures(tables: &CohortTables, room: Room, currencies: &Currencies) -> Vec<Figure> {
    let Some(matrix) = tables.value.as_ref().filter(|matrix| matrix.definition.source != "subscriptions") else {
        return Vec::new();
    };
    let found = currencies.in_order(matrix.cohorts.iter().map(|row| &row.currency));
    let all: Vec<Figure> = found.into_iter().filter_map(|currency| value_figure(matrix, currency.as_deref(), room)).collect();
    let count = all.len();
    let mut shown: Vec<Figure> = all.into_iter().take(room.currencies).collect();
    if let Some(last) = shown.last_mut().filter(|_| count > room.currencies) {
        last.notes.push(format!("{} of {count} currencies are shown, those of most customers.", room.currencies));
    }
    shown
}

fn value_figure(matrix: &RetentionMatrix, currency: Option<&str>, room: Room) -> Option<Figure> {
    let d = &matrix.definition;
    let rows: Vec<_> = matrix.cohorts.iter().filter(|row| row.currency.as_deref() == currency).collect();
    let all = rows.len();
    let rows = &rows[rows.len().saturating_sub(room.curves)..];
    let amount = |row: &tenure_analysis::CohortRow, place: usize| {
        let cell = row.cells.get(place)?;
        cell.cell.rate()?;
        cell.value.as_deref()?.cumulative_per_member
    };
    let ages = ages(matrix);
    let amounts = rows.iter().flat_map(|row| (0..ages.len()).filter_map(|place| amount(row, place))).map(|v| v.to_f64());
    let (least, most) = amounts.fold((0.0, 0.0), |(least, most): (f64, f64), value| (least.min(value), most.max(value)));
    if least == most {
        return None;
    }
    let count = rows.len();
    let curves: Vec<Curve> = rows
        .iter()
        .enumerate()
        .map(|(place, row)| Curve {
            name: cohort(&row.start, &d.cohort),
            class: format!("c{}", if count > 1 { place * 4 / (count - 1) } else { 4 }),
            points: (0..ages.len()).map(|age| amount(row, age).map(|value| Point::bare(value.to_f64()))).collect(),
        })
        .collect();
    let says = ages.iter().enumerate().map(|(place, age)| {
        let known: Vec<_> = rows.iter().filter_map(|row| amount(row, place)).collect();
        match (known.iter().min(), known.iter().max()) {
            (Some(least), Some(most)) => format!(
                "Age {age}: from {} to {} per customer, in {} cohorts",
                labels::money(*least, currency),
                labels::money(*most, currency),
                known.len()
            ),
            _ => format!("Age {age}: no cohort has lived it"),
        }
    });
    let table_rows = rows.iter().map(|row| {
        let cell = |place: usize| amount(row, place).map(|value| labels::money(value, None)).unwrap_or_default();
        std::iter::once(cohort(&row.start, &d.cohort)).chain((0..ages.len()).map(cell)).collect()
    });
    let mut head = vec!["Cohort"];
    head.extend(ages.iter().map(String::as_str));
    let table = if rows.len() * ages.len() > MOST_CELLS {
        // The map has all of them; here each cohort's latest is enough.
        let latest = |row: &&tenure_analysis::CohortRow| {
            let found = (0..ages.len()).rev().find_map(|place| Some((place, amount(row, place)?)));
            let (age, value) = found.map(|(place, value)| (ages[place].clone(), labels::money(value, None))).unwrap_or_default();
            vec![cohort(&row.start, &d.cohort), age, value]
        };
        Table::new(&["Cohort", "Latest complete age", "Revenue so far per customer"], rows.iter().map(latest).collect())
    } else {
        Table::new(&head, table_rows.collect())
    };
    let code = currency.map(|currency| format!(", {}", labels::cut(currency))).unwrap_or_default();
    let mut figure = Figure::new(
        &format!("Revenue so far per customer{code}"),
        "Each line a cohort: all it has brought up to an age, for each of its members, active or not. Complete ages alone.",
    );
    figure.table = table;
    if all > rows.len() {
        figure.notes.push(format!("The latest {} of {} cohorts are drawn.", rows.len(), grouped(all as u64)));
    }
    figure.legend = vec![Key::line("c0", "oldest cohort"), Key::line("c4", "latest cohort")];
    let chart = CurveChart {
        label: format!("Revenue so far per customer by age, for each cohort{code}"),
        behind: curves,
        curves: Vec::new(),
        says: says.collect(),
        column_title: format!("{}s since the first", d.age),
        columns: ages.clone(),
        axis: Axis::new(least, most, 5.0),
        axis_text: labels::axis,
        bounds: Bounds::Band,
        follows: String::new(),
        skip: 0,
    };
    figure.picture = chart.draw();
    Some(figure)
}
