//! What a page is made of: sections with figures, and the table behind each picture.

use super::bars::{BarChart, Stack};
use super::cohorts::HeatMap;
use super::embed::json;
use super::room::Room;
use crate::error::Error;

/// A part of the page.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) lead: String,
    pub(crate) heat: Option<HeatMap>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) notes: Vec<String>,
}

impl Section {
    pub(crate) fn new(id: &'static str, title: &str, lead: &str) -> Self {
        Self {
            id,
            title: title.to_owned(),
            lead: lead.to_owned(),
            heat: None,
            figures: Vec::new(),
            reasons: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl Section {
    /// Whether the revenue lost is known of any reason.
    pub(crate) fn lost(&self) -> bool {
        self.reasons.iter().any(|reason| !reason.lost.is_empty())
    }
}

/// A picture with its words and its table.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) legend: Vec<Key>,
    pub(crate) picture: String,
    pub(crate) table: Table,
    pub(crate) notes: Vec<String>,
    pub(crate) switch: Option<Switch>,
}

impl Figure {
    pub(crate) fn new(title: &str, subtitle: &str) -> Self {
        Self {
            title: title.to_owned(),
            subtitle: subtitle.to_owned(),
            legend: Vec::new(),
            picture: String::new(),
            table: Table::default(),
            notes: Vec::new(),
            switch: None,
        }
    }

    /// The figure of stacked bars: its picture, its legend, its table, and a switch where there are segments; so many are
    /// there in all.
    ///
    /// # Errors
    ///
    /// Where the data of the switch can't be written.
    pub(crate) fn of_bars(
        title: &str,
        subtitle: &str,
        chart: &BarChart,
        table: Table,
        segments: usize,
        room: Room,
    ) -> Result<Self, Error> {
        let mut figure = Self::new(title, subtitle);
        figure.legend = chart.series.iter().map(|series| Key::area(series.class, &series.name)).collect();
        figure.picture = chart.draw();
        figure.table = table;
        if chart.stacks.len() > 1 {
            let mut chart = chart.clone();
            let mut data = json(&chart)?;
            while data.len() > room.bar_data && chart.stacks.len() > 1 {
                chart.stacks.pop();
                data = json(&chart)?;
            }
            if chart.stacks.len() - 1 < segments {
                figure.notes.push(format!("The {} largest of {segments} segments can be chosen.", chart.stacks.len() - 1));
            }
            let names = chart.stacks.iter().map(|Stack { name, .. }| name.clone()).collect();
            figure.switch = Some(Switch { id: chart.id.clone(), segments: names, data });
        }
        Ok(figure)
    }
}

/// The segments that a figure can show.
#[derive(Debug)]
pub(crate) struct Switch {
    pub(crate) id: String,
    pub(crate) segments: Vec<String>,
    pub(crate) data: String,
}

/// A name in a legend.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) class: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn line(class: &str, name: &str) -> Self {
        Self { class: format!("key-line {class}"), name: name.to_owned() }
    }

    pub(crate) fn area(class: &str, name: &str) -> Self {
        Self { class: format!("key-area {class}"), name: name.to_owned() }
    }
}

/// The table behind a picture.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str], rows: Vec<Vec<String>>) -> Self {
        Self { head: head.iter().map(|text| (*text).to_owned()).collect(), rows }
    }

    /// The table without columns that are empty everywhere.
    pub(crate) fn without_empty(self) -> Self {
        let kept: Vec<usize> =
            (0..self.head.len()).filter(|&column| self.rows.iter().any(|row| !row[column].is_empty())).collect();
        let keep = |cells: &[String]| kept.iter().map(|&column| cells[column].clone()).collect::<Vec<_>>();
        Self { head: keep(&self.head), rows: self.rows.iter().map(|row| keep(row)).collect() }
    }
}

/// A reason with its bar.
#[derive(Debug)]
pub(crate) struct Reason {
    pub(crate) text: String,
    pub(crate) count: String,
    pub(crate) share: String,
    /// The length of the bar, in tenths of a percent of the longest.
    pub(crate) length: u64,
    pub(crate) lost: String,
    pub(crate) stayed: String,
}
