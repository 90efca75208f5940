//! Sections of figures by period: revenue, lifecycle, surveys, cancellations, and all metrics as a table.

use std::collections::{BTreeMap, BTreeSet};

use tenure_analysis::{
    Cancellations, Lifecycle, LifecycleRow, METRICS, MetricKind, Metrics, MrrMovement, Revenue, RevenueRow, SurveyKind,
    SurveyRow, Surveys, Told,
};
use tenure_model::{Day, Decimal, grouped};

use super::bars::{BarChart, MOST_BARS, Series, Side, Stack};
use super::currencies::Currencies;
use super::curve::{Bounds, Curve, CurveChart, Point, percent_axis};
use super::labels::{self, ALL, cut, money, percent, period, permille, value_of};
use super::room::Room;
use super::scale::Axis;
use super::section::{Figure, Key, Reason, Section, Table};
use super::tiles::{asked, kind_name, score_text, shown};
use crate::error::Error;

/// Segments that a switch has at most: the largest.
const MOST_SEGMENTS: usize = 20;

/// Reasons that are listed; the others are drawn together.
const MOST_REASONS: usize = 12;

/// Questions of surveys that have a figure.
const MOST_QUESTIONS: usize = 6;

/// Periods of the table of all metrics.
const MOST_COLUMNS: usize = 7;

fn series(name: &str, class: &'static str, side: Side) -> Series {
    Series { name: name.to_owned(), class, side }
}

fn last<T>(rows: &[T]) -> &[T] {
    &rows[rows.len().saturating_sub(MOST_BARS)..]
}

/// Rows by segment, the whole first and then the largest; and how many segments there are.
fn by_segment<R>(
    rows: &[R],
    segment: impl Fn(&R) -> &Option<Option<String>>,
    weight: impl Fn(&R) -> f64,
) -> (Vec<(String, Vec<&R>)>, usize) {
    // By what it is: names that are shown alike are several segments.
    let mut found: BTreeMap<&Option<Option<String>>, Vec<&R>> = BTreeMap::new();
    rows.iter().for_each(|row| found.entry(segment(row)).or_default().push(row));
    let whole = found.remove(&None).unwrap_or_default();
    let mut parts: Vec<(String, Vec<&R>)> = found.into_iter().filter_map(|(name, rows)| Some((value_of(name)?, rows))).collect();
    let heavy = |rows: &[&R]| rows.iter().map(|row| weight(row)).sum::<f64>();
    parts.sort_by(|a, b| heavy(&b.1).total_cmp(&heavy(&a.1)).then_with(|| a.0.cmp(&b.0)));
    let all = parts.len();
    parts.truncate(MOST_SEGMENTS);
    parts.insert(0, (ALL.to_owned(), whole));
    (parts, all)
}

/// What the paler bars are, where there are some.
fn paler(begun: &[bool]) -> &'static str {
    if begun.contains(&true) { " Paler: in progress." } else { "" }
}

/// New, returning, resurrected and dormant customers.
pub(crate) fn lifecycle(lifecycle: &Lifecycle, room: Room) -> Result<Option<Section>, Error> {
    let scope = &lifecycle.definition;
    let (parts, all) = by_segment(&lifecycle.rows, |row| &row.segment, |row| row.counts.active() as f64);
    let whole = last(&parts[0].1);
    if whole.is_empty() {
        return Ok(None);
    }
    let values = |row: &&LifecycleRow| {
        let c = row.counts;
        [c.returning, c.new, c.resurrected, c.dormant].map(|count| count as f64).to_vec()
    };
    let chart = BarChart {
        id: "lifecycle-bars".to_owned(),
        label: format!("Customers by {}: new, returning and resurrected above the line, dormant below", scope.period),
        series: vec![
            series("returning", "b0", Side::Up),
            series("new", "b1", Side::Up),
            series("resurrected", "b2", Side::Up),
            series("dormant", "b3", Side::Down),
        ],
        periods: whole.iter().map(|row| period(row.period.start, &scope.period)).collect(),
        begun: whole.iter().map(|row| row.period.in_progress).collect(),
        unit: String::new(),
        cents: false,
        stacks: parts
            .iter()
            .map(|(name, rows)| Stack { name: name.clone(), values: last(rows).iter().map(values).collect() })
            .collect(),
    };
    let rows = whole.iter().map(|row| {
        let c = row.counts;
        let begun = if row.period.in_progress { " (in progress)" } else { "" };
        let mut cells = vec![format!("{}{begun}", period(row.period.start, &scope.period))];
        cells.extend([c.active(), c.new, c.returning, c.resurrected, c.dormant].map(grouped));
        cells
    });
    let head = ["Period", "Active", "New", "Returning", "Resurrected", "Dormant"];
    let subtitle = format!(
        "Who is active in each {}: for the first time, again as in the one before, or back after a gap. Below the line who was active in the one before and is not.{}",
        scope.period,
        paler(&chart.begun)
    );
    let mut figure = Figure::of_bars("Customers by activity", &subtitle, &chart, Table::new(&head, rows.collect()), all, room)?;
    if parts[0].1.len() > whole.len() {
        figure.notes.push(format!("The last {} of {} periods are shown.", whole.len(), parts[0].1.len()));
    }
    let mut section = Section::new("lifecycle", "Lifecycle", "");
    section.figures.push(figure);
    Ok(Some(section))
}

/// Movements of recurring revenue and what is retained of it.
pub(crate) fn revenue(revenue: &Revenue, room: Room, ranked: &Currencies) -> Result<Vec<Figure>, Error> {
    let currencies = ranked.in_order(revenue.rows.iter().map(|row| &row.currency));
    let mut figures = Vec::new();
    for (place, &currency) in currencies.iter().take(room.currencies).enumerate() {
        let rows: Vec<&RevenueRow> = revenue.rows.iter().filter(|row| row.currency == *currency).collect();
        figures.extend(movements(revenue, &rows, currency.as_deref(), place, room)?);
    }
    if currencies.len() > room.currencies
        && let Some(figure) = figures.last_mut()
    {
        figure.notes.push(format!("{} of {} currencies are shown, those of most customers.", room.currencies, currencies.len()));
    }
    Ok(figures)
}

fn movements(
    revenue: &Revenue,
    rows: &[&RevenueRow],
    currency: Option<&str>,
    place: usize,
    room: Room,
) -> Result<Vec<Figure>, Error> {
    let scope = &revenue.definition.scope;
    let (parts, all) = by_segment(rows, |row| &row.segment, |row| row.mrr.closing.to_f64());
    let whole = last(&parts[0].1);
    if whole.is_empty() {
        return Ok(Vec::new());
    }
    let fx_up = |mrr: &MrrMovement| if mrr.fx.is_positive() { mrr.fx } else { Decimal::ZERO };
    let fx_down = |mrr: &MrrMovement| if mrr.fx.is_positive() { Decimal::ZERO } else { -mrr.fx };
    let has = |part: &dyn Fn(&MrrMovement) -> Decimal| rows.iter().any(|row| !part(&row.mrr).is_zero());
    type Part<'a> = (&'a str, &'static str, Side, &'a dyn Fn(&MrrMovement) -> Decimal);
    let parts_of: [Part<'_>; 9] = [
        ("new", "b1", Side::Up, &|mrr| mrr.new),
        ("expansion", "b0", Side::Up, &|mrr| mrr.expansion),
        ("reactivation", "b2", Side::Up, &|mrr| mrr.reactivation),
        ("from other segments", "b4", Side::Up, &|mrr| mrr.transfer_in),
        ("exchange rates, up", "b5", Side::Up, &fx_up),
        ("contraction", "b3", Side::Down, &|mrr| mrr.contraction),
        ("churn", "b6", Side::Down, &|mrr| mrr.churn),
        ("to other segments", "b4", Side::Down, &|mrr| mrr.transfer_out),
        ("exchange rates, down", "b5", Side::Down, &fx_down),
    ];
    let always = ["new", "expansion", "reactivation", "contraction", "churn"];
    let used: Vec<&Part<'_>> = parts_of.iter().filter(|(name, _, _, part)| always.contains(name) || has(part)).collect();
    let unit = currency.map(|currency| format!(" {}", cut(currency))).unwrap_or_default();
    let chart = BarChart {
        id: format!("mrr-bars-{place}"),
        label: format!("Movements of MRR by {}{unit}: gains above the line, losses below", scope.period),
        series: used.iter().map(|(name, class, side, _)| series(name, class, *side)).collect(),
        periods: whole.iter().map(|row| period(row.period.start, &scope.period)).collect(),
        begun: whole.iter().map(|row| row.period.in_progress).collect(),
        unit: unit.clone(),
        cents: true,
        stacks: parts
            .iter()
            .map(|(name, rows)| Stack {
                name: name.clone(),
                values: last(rows)
                    .iter()
                    .map(|row| used.iter().map(|(.., part)| part(&row.mrr).rounded(2).to_f64()).collect())
                    .collect(),
            })
            .collect(),
    };
    let share = |share: Option<f64>| share.map(percent).unwrap_or_default();
    let table = whole.iter().map(|row| {
        let begun = if row.period.in_progress { " (in progress)" } else { "" };
        let mut cells = vec![format!("{}{begun}", period(row.period.start, &scope.period)), money(row.mrr.opening, None)];
        cells.extend(used.iter().map(|(.., part)| money(part(&row.mrr), None)));
        cells.push(money(row.mrr.closing, None));
        cells.push(share(row.mrr.gross_retention().value()));
        cells.push(share(row.mrr.net_retention().value()));
        cells
    });
    let mut head = vec!["Period", "Opening"];
    head.extend(used.iter().map(|(name, ..)| *name));
    head.extend(["Closing", "GRR", "NRR"]);
    let latest = whole.iter().rev().find(|row| !row.period.in_progress).or(whole.last());
    let stands = latest.map(|row| {
        format!(" At the end of {}, over all: {}.", period(row.period.start, &scope.period), money(row.mrr.closing, currency))
    });
    let subtitle = format!(
        "Monthly recurring revenue won and lost in each {}.{} Transfers between segments are no gain and no loss.",
        scope.period,
        stands.unwrap_or_default()
    );
    let subtitle = if has(&|mrr| mrr.transfer_in) {
        subtitle
    } else {
        subtitle.replace(" Transfers between segments are no gain and no loss.", "")
    };
    let subtitle = format!("{subtitle}{}", paler(&chart.begun));
    let table = Table::new(&head, table.collect());
    let title = format!("Movements of MRR{}", unit.replacen(' ', ", ", 1));
    let mut figures = vec![Figure::of_bars(&title, &subtitle, &chart, table, all, room)?];
    figures.extend(retained_revenue(whole, &scope.period, &unit));
    Ok(figures)
}

/// Gross and net revenue retention by period.
fn retained_revenue(whole: &[&&RevenueRow], unit: &str, currency: &str) -> Option<Figure> {
    let complete: Vec<&&&RevenueRow> = whole.iter().filter(|row| !row.period.in_progress).collect();
    let curve = |name: &str, class: &str, of: fn(&MrrMovement) -> Option<f64>| Curve {
        name: name.to_owned(),
        class: class.to_owned(),
        points: complete.iter().map(|row| of(&row.mrr).map(Point::bare)).collect(),
    };
    let curves =
        vec![curve("Net", "s0", |mrr| mrr.net_retention().value()), curve("Gross", "s1", |mrr| mrr.gross_retention().value())];
    let values: Vec<f64> = curves.iter().flat_map(|curve| curve.points.iter().flatten().map(|point| point.value)).collect();
    if values.len() < 4 {
        return None;
    }
    let (least, most) = values.iter().fold((1.0, 1.0), |(a, b): (f64, f64), &v| (a.min(v), b.max(v)));
    let span = Axis::new(0.0, most - least, 4.0);
    let axis = Axis { from: (least / span.step).floor() * span.step, to: (most / span.step).ceil() * span.step, step: span.step };
    let axis = if axis.to > axis.from { axis } else { Axis::SHARES };
    let columns: Vec<String> = complete.iter().map(|row| period(row.period.start, unit)).collect();
    let expanded = complete.iter().any(|row| row.mrr.expansion.is_positive());
    let same = if expanded { "" } else { " Nothing expanded, so that both are the same." };
    let from = if axis.from > 0.0 { " The axis does not start at 0." } else { "" };
    let text = |value: Option<f64>| value.map_or("nothing to retain".to_owned(), percent);
    let says = complete.iter().zip(&columns).map(|(row, period)| {
        format!("{period}: net {}, gross {}", text(row.mrr.net_retention().value()), text(row.mrr.gross_retention().value()))
    });
    let rows = complete.iter().zip(&columns).map(|(row, period)| {
        let share = |share: Option<f64>| share.map(percent).unwrap_or_default();
        vec![
            period.clone(),
            money(row.mrr.opening, None),
            share(row.mrr.gross_retention().value()),
            share(row.mrr.net_retention().value()),
            share(row.mrr.churn_rate().value()),
        ]
    });
    let mut figure = Figure::new(
        &format!("Revenue retention{}", currency.replacen(' ', ", ", 1)),
        &format!(
            "Of the MRR at the start of a period what is left at its end: gross without what expanded, net with it.{same}{from}"
        ),
    );
    figure.table = Table::new(&["Period", "Opening MRR", "Gross", "Net", "MRR churn"], rows.collect());
    figure.legend = vec![Key::line("s0", "net revenue retention"), Key::line("s1", "gross revenue retention")];
    let chart = CurveChart {
        label: "Net and gross revenue retention by period".to_owned(),
        behind: Vec::new(),
        curves,
        says: says.collect(),
        columns,
        column_title: String::new(),
        axis,
        axis_text: percent_axis,
        bounds: Bounds::Band,
        follows: String::new(),
        skip: 0,
    };
    figure.picture = chart.draw();
    Some(figure)
}

/// Scores of surveys with their intervals.
pub(crate) fn surveys(surveys: &Surveys) -> Option<Section> {
    let whole: Vec<&SurveyRow> = surveys.rows.iter().filter(|row| row.segment.is_none()).collect();
    let asked_of: Vec<&[&SurveyRow]> =
        whole.chunk_by(|a, b| (a.kind, &a.question, a.scale) == (b.kind, &b.question, b.scale)).collect();
    if asked_of.is_empty() {
        return None;
    }
    let mut section = Section::new("surveys", "What customers say", "");
    section.notes = surveys.notes.clone();
    if asked_of.len() > MOST_QUESTIONS {
        section.notes.push(format!("{MOST_QUESTIONS} of {} questions are shown.", asked_of.len()));
    }
    section.figures =
        asked_of.iter().take(MOST_QUESTIONS).map(|rows| survey(last(rows), &surveys.definition.scope.period)).collect();
    Some(section)
}

fn survey(rows: &[&SurveyRow], unit: &str) -> Figure {
    let (kind, scale) = (rows[0].kind, rows[0].scale);
    let axis = match (kind, scale) {
        (SurveyKind::Nps, _) => Axis { from: -100.0, to: 100.0, step: 50.0 },
        (SurveyKind::Ces, Some(scale)) => Axis { from: scale.least as f64, to: scale.most as f64, step: 1.0 },
        (SurveyKind::Ces, None) => Axis::new(0.0, rows.iter().filter_map(|row| row.score).fold(0.0, f64::max), 5.0),
        (SurveyKind::Csat | SurveyKind::Returned, _) => Axis::SHARES,
    };
    let columns: Vec<String> = rows.iter().map(|row| period(row.period.start, unit)).collect();
    let bounds = |row: &SurveyRow| row.interval.map(|interval| (interval.low, interval.high));
    let bounds_text = |row: &SurveyRow| {
        bounds(row).map(|(low, high)| format!("{} to {}", score_text(kind, low), score_text(kind, high))).unwrap_or_default()
    };
    let says = rows.iter().zip(&columns).map(|(row, period)| {
        let score = row.score.map_or("no score".to_owned(), |score| score_text(kind, score));
        let begun = if row.period.in_progress { " (in progress)" } else { "" };
        format!("{period}{begun}: {score} (interval {}), {} answers", bounds_text(row), grouped(row.answers))
    });
    let table = rows.iter().zip(&columns).map(|(row, period)| {
        let begun = if row.period.in_progress { " (in progress)" } else { "" };
        vec![
            format!("{period}{begun}"),
            grouped(row.answers),
            row.positive.map(grouped).unwrap_or_default(),
            row.negative.map(grouped).unwrap_or_default(),
            row.score.map(|score| score_text(kind, score)).unwrap_or_default(),
            bounds_text(row),
            row.mean.map(labels::number).unwrap_or_default(),
        ]
    });
    let positive = match kind {
        SurveyKind::Nps => "Promoters",
        SurveyKind::Csat => "Satisfied",
        SurveyKind::Ces | SurveyKind::Returned => "Came back",
    };
    let head = ["Period", "Answers", positive, "Detractors", kind_name(kind), "Interval", "Mean"];
    let estimate = if kind == SurveyKind::Returned { " An estimate, from those who answered." } else { "" };
    let mut figure = Figure::new(&asked(rows[0]), &format!("Each period's score with its interval.{estimate}"));
    figure.table = Table::new(&head, table.collect()).without_empty();
    let chart = CurveChart {
        label: format!("{} by {unit}, with intervals", asked(rows[0])),
        behind: Vec::new(),
        curves: vec![Curve {
            name: kind_name(kind).to_owned(),
            class: "s0".to_owned(),
            points: rows.iter().map(|row| row.score.map(|value| Point { value, bounds: bounds(row) })).collect(),
        }],
        says: says.collect(),
        columns,
        column_title: String::new(),
        axis,
        axis_text: match kind {
            SurveyKind::Csat | SurveyKind::Returned => percent_axis,
            SurveyKind::Nps | SurveyKind::Ces => labels::axis,
        },
        bounds: Bounds::Whiskers,
        follows: String::new(),
        skip: 0,
    };
    figure.picture = chart.draw();
    figure
}

/// Why customers left.
pub(crate) fn cancellations(cancellations: &Cancellations) -> Option<Section> {
    let whole = |told: Told| cancellations.rows.iter().filter(move |row| row.segment.is_none() && row.told == told);
    let rows: Vec<_> = whole(Told::Reason).collect();
    let all = rows.first()?.of;
    let longest = rows.iter().map(|row| row.count).max().unwrap_or(1);
    let lost = |row: &tenure_analysis::CancellationRow| {
        let parts: Vec<String> = row.mrr_lost.iter().map(|(currency, mrr)| money(*mrr, currency.as_deref())).collect();
        parts.join(", ")
    };
    let mut section = Section::new(
        "cancellations",
        "Why customers left",
        &format!("{} cancellations, by reason as it was stated.", grouped(all)),
    );
    section.notes = cancellations.notes.clone();
    section.reasons = rows
        .iter()
        .take(MOST_REASONS)
        .map(|row| Reason {
            text: row.text.as_deref().map_or("(none stated)".to_owned(), cut),
            count: grouped(row.count),
            share: percent(row.count as f64 / row.of as f64),
            length: permille(row.count, longest),
            lost: lost(row),
            stayed: row.mean_tenure_days.map(|days| format!("{days:.0}")).unwrap_or_default(),
        })
        .collect();
    let rest = &rows[rows.len().min(MOST_REASONS)..];
    if !rest.is_empty() {
        let count: u64 = rest.iter().map(|row| row.count).sum();
        section.notes.push(format!("{} more reasons, of {} cancellations together, are not listed.", rest.len(), grouped(count)));
    }
    let comments: Vec<Vec<String>> = whole(Told::Comment)
        .filter_map(|row| Some(vec![cut(row.text.as_deref()?), grouped(row.count)]))
        .take(MOST_REASONS)
        .collect();
    if !comments.is_empty() {
        let mut figure = Figure::new("In their own words", "");
        figure.table = Table::new(&["Comment", "Count"], comments);
        section.figures.push(figure);
    }
    Some(section)
}

/// All metrics of the last periods.
pub(crate) fn metrics(metrics: &Metrics, room: Room, ranked: &Currencies) -> Option<(Table, Option<String>)> {
    let whole: Vec<_> = metrics.rows.iter().filter(|row| row.segment.is_none() && row.value.is_some()).collect();
    // Money of some currencies alone, where there are many.
    let money = whole.iter().filter(|row| row.metric.kind == MetricKind::Money).map(|row| &row.currency);
    let mut codes = ranked.in_order(money);
    let all = codes.len();
    codes.truncate(room.currencies.max(1));
    let note = (codes.len() < all)
        .then(|| format!("All figures: amounts of {} of {all} currencies, those of most customers.", codes.len()));
    let whole: Vec<_> = whole.into_iter().filter(|row| row.currency.is_none() || codes.contains(&&row.currency)).collect();
    let unit = &metrics.definition.scope.period;
    let periods: BTreeSet<Day> = whole.iter().map(|row| row.period.start).collect();
    let periods: Vec<Day> = periods.into_iter().collect();
    let periods = &periods[periods.len().saturating_sub(MOST_COLUMNS)..];
    if periods.is_empty() {
        return None;
    }
    let begun: BTreeSet<Day> = whole.iter().filter(|row| row.period.in_progress).map(|row| row.period.start).collect();
    let mut by_metric: BTreeMap<(usize, usize, Option<&str>), BTreeMap<Day, String>> = BTreeMap::new();
    for row in &whole {
        let place = METRICS.iter().position(|known| known.name == row.metric.name).unwrap_or_default();
        let text = row.value.map(|value| shown(value, None)).unwrap_or_default();
        let rank = ranked.place(&row.currency);
        by_metric.entry((place, rank, row.currency.as_deref())).or_default().insert(row.period.start, text);
    }
    let head: Vec<String> =
        periods.iter().map(|day| format!("{}{}", period(*day, unit), if begun.contains(day) { " *" } else { "" })).collect();
    let rows = by_metric.iter().map(|((place, _, currency), by_period)| {
        let code = currency.map(|currency| format!(", {}", cut(currency))).unwrap_or_default();
        let name = format!("{}{code}", labels::metric(METRICS[*place].name));
        std::iter::once(name).chain(periods.iter().map(|day| by_period.get(day).cloned().unwrap_or_default())).collect()
    });
    let rows = rows.collect();
    Some((Table { head: std::iter::once("Metric".to_owned()).chain(head).collect(), rows }, note))
}
