//! One page that holds everything it shows: no fonts, scripts or pictures from elsewhere.
//!
//! Pictures and tables are made here, of results; the page's one script only chooses among numbers that are embedded in it.

mod bars;
mod cohorts;
mod currencies;
mod curve;
mod definitions;
mod embed;
mod figures;
mod goals;
mod labels;
mod retention;
mod room;
mod scale;
mod section;
mod svg;
#[cfg(test)]
mod tests;
mod tiles;

use askama::Template;
use tenure_analysis::{Cancellations, Lifecycle, Metrics, Revenue, Surveys};
use tenure_model::{Instant, Zone, grouped};

use crate::error::Error;
use crate::retention::short_content;
use crate::text::is_unshown;

use currencies::Currencies;
use definitions::Term;
use room::Room;
use section::{Section, Table};
use tiles::Tile;

pub use cohorts::{CohortTables, MOST_SHOWN as MOST_AGES};
pub use goals::{GoalShape, GoalShown};

/// What a page shows: whatever is there.
#[derive(Debug, Clone, Default)]
pub struct ReportPage {
    /// Its heading.
    pub title: String,
    /// Cohorts by activity.
    pub activity: Option<CohortTables>,
    /// Cohorts of subscribers.
    pub subscribers: Option<CohortTables>,
    /// Metrics by period.
    pub metrics: Option<Metrics>,
    /// Movements of recurring revenue.
    pub revenue: Option<Revenue>,
    /// Customers by activity and period.
    pub lifecycle: Option<Lifecycle>,
    /// Scores of surveys.
    pub surveys: Option<Surveys>,
    /// Why customers left.
    pub cancellations: Option<Cancellations>,
    /// Goals and how they stand.
    pub goals: Vec<GoalShown>,
    /// What a reader must know of the page as a whole.
    pub notes: Vec<String>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Html<'a> {
    title: &'a str,
    facts: Vec<String>,
    tiles: Vec<Tile>,
    goals: &'a [GoalShown],
    sections: Vec<Section>,
    metrics: Option<Table>,
    terms: Vec<Term>,
    scope: Option<String>,
    notes: Vec<String>,
    content: String,
    style: &'static str,
    script: &'static str,
}

const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");

/// A page as the bytes of one HTML file.
///
/// # Errors
///
/// Where the numbers can't be written.
pub fn report_page(page: &ReportPage) -> Result<Vec<u8>, Error> {
    let [roomy, tight] = Room::ALL;
    let text = draw(page, roomy)?;
    if Room::fits(&text) {
        return Ok(text.into_bytes());
    }
    draw(page, tight).map(String::into_bytes)
}

fn draw(page: &ReportPage, room: Room) -> Result<String, Error> {
    let mut notes = page.notes.clone();
    notes.extend(page.metrics.iter().flat_map(|metrics| metrics.notes.iter().cloned()));
    notes.dedup();
    let currencies = Currencies::of(page);
    let (metrics, note) = page.metrics.as_ref().and_then(|metrics| figures::metrics(metrics, room, &currencies)).unzip();
    notes.extend(note.flatten());
    let html = Html {
        title: &page.title,
        facts: facts(page)?,
        tiles: tiles::tiles(page.metrics.as_ref(), page.surveys.as_ref(), &currencies),
        goals: &page.goals,
        sections: sections(page, room, &currencies)?,
        metrics,
        terms: definitions::terms(page),
        scope: definitions::scope(page),
        notes,
        content: content(page).map(short_content).unwrap_or_default().to_owned(),
        style: STYLE,
        script: SCRIPT,
    };
    let text = html.render().map_err(|error| Error::encoding("html", error))?;
    // Control characters, which markup can't have, are in names at most.
    let unshown = |c: char| is_unshown(c) && c != '\n';
    Ok(if text.contains(unshown) { text.replace(unshown, " ") } else { text })
}

fn sections(page: &ReportPage, room: Room, currencies: &Currencies) -> Result<Vec<Section>, Error> {
    let mut sections = Vec::new();
    if let Some(tables) = page.activity.as_ref().filter(|tables| !tables.whole.cohorts.is_empty()) {
        sections.push(retention::section(tables, "retention", "Who stays", room, currencies)?);
    }
    let mut money = Section::new("revenue", "Revenue", "");
    if let Some(revenue) = &page.revenue {
        money.figures.extend(figures::revenue(revenue, room, currencies)?);
        money.notes.extend(revenue.notes.iter().cloned());
    }
    money
        .figures
        .extend(page.activity.as_ref().map(|tables| retention::value_figures(tables, room, currencies)).unwrap_or_default());
    if !money.figures.is_empty() {
        sections.push(money);
    }
    if let Some(tables) = page.subscribers.as_ref().filter(|tables| !tables.whole.cohorts.is_empty()) {
        sections.push(retention::section(tables, "subscribers", "Which subscribers stay", room, currencies)?);
    }
    if let Some(lifecycle) = &page.lifecycle {
        sections.extend(figures::lifecycle(lifecycle, room)?);
    }
    sections.extend(page.surveys.as_ref().and_then(figures::surveys));
    sections.extend(page.cancellations.as_ref().and_then(figures::cancellations));
    Ok(sections)
}

/// The fingerprint of the content that the page rests on.
fn content(page: &ReportPage) -> Option<&str> {
    let tables = page.activity.as_ref().or(page.subscribers.as_ref()).map(|tables| tables.whole.definition.content.as_str());
    let figures = page.metrics.as_ref().map(|metrics| metrics.definition.scope.content.as_str());
    tables.or(figures).or(page.surveys.as_ref().map(|surveys| surveys.definition.scope.content.as_str()))
}

/// What the page rests on, in a line.
fn facts(page: &ReportPage) -> Result<Vec<String>, Error> {
    let mut facts = Vec::new();
    if let Some(tables) = page.activity.as_ref().or(page.subscribers.as_ref()) {
        let totals = tables.whole.totals;
        let zone = Zone::named(&tables.whole.definition.zone).map_err(|error| Error::encoding("html", error))?;
        let day = |at: Instant| zone.day_of(at).to_string();
        facts.push(format!("{} customers", grouped(totals.customers)));
        if let (Some(from), Some(until)) = (tables.whole.window.from, tables.whole.window.until) {
            facts.push(format!("observed from {} until {}", day(from), day(until)));
        }
        facts.push(format!("days in {}", tables.whole.definition.zone));
    }
    Ok(facts)
}
