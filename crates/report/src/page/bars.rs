//! Stacked bars by period: what comes above the line, what goes below it.

use serde::Serialize;
use tenure_model::grouped;

use super::labels;
use super::scale::{Axis, Canvas, Plot};
use super::svg::Svg;

/// Bars at most: the latest periods.
pub(crate) const MOST_BARS: usize = 60;

/// On which side of the line a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Up,
    Down,
}

/// A part of each bar.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) side: Side,
}

/// The bars of one segment: for each period a number, never below 0, for each series.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stack {
    #[serde(rename = "n")]
    pub(crate) name: String,
    #[serde(rename = "v")]
    pub(crate) values: Vec<Vec<f64>>,
}

/// A chart of stacked bars.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BarChart {
    #[serde(skip)]
    pub(crate) id: String,
    #[serde(skip)]
    pub(crate) label: String,
    pub(crate) series: Vec<Series>,
    pub(crate) periods: Vec<String>,
    /// Whether a period is in progress.
    pub(crate) begun: Vec<bool>,
    /// The unit behind numbers.
    pub(crate) unit: String,
    /// Whether numbers are amounts, with hundredths.
    pub(crate) cents: bool,
    /// The whole first.
    pub(crate) stacks: Vec<Stack>,
}

impl BarChart {
    /// The chart of the whole in both sizes.
    pub(crate) fn draw(&self) -> String {
        Canvas::BOTH.into_iter().map(|canvas| self.draw_on(canvas)).collect()
    }

    fn sums(&self, values: &[f64]) -> (f64, f64) {
        let sum = |side: Side| self.series.iter().zip(values).filter(|(s, _)| s.side == side).map(|(_, v)| v).sum::<f64>();
        (sum(Side::Up), sum(Side::Down))
    }

    fn draw_on(&self, canvas: Canvas) -> String {
        let none = Vec::new();
        let values = self.stacks.first().map_or(&none, |stack| &stack.values);
        let (most, least) = values
            .iter()
            .map(|values| self.sums(values))
            .fold((0.0, 0.0), |(most, least): (f64, f64), (up, down)| (most.max(up), least.min(-down)));
        let axis = Axis::new(least, most, 5.0);
        let plot = Plot::new(canvas, 58.0, 8.0).without_title();
        let mut svg = Svg::new();
        let attributes = [
            ("viewBox", plot.view_box()),
            ("class", format!("chart bars {}", canvas.class())),
            ("role", "group".to_owned()),
            ("aria-label", self.label.clone()),
            ("data-plot", plot.place()),
            ("data-bars", self.id.clone()),
        ];
        svg.open("svg", &attributes.each_ref().map(|(name, value)| (*name, value.as_str())));
        svg.open("g", &[("class", "marks")]);
        for tick in axis.ticks() {
            let y = axis.y(&plot, tick);
            svg.line(if tick == 0.0 { "zero" } else { "grid" }, (plot.left, y), (plot.right(), y));
            svg.text("tick end", (plot.left - 8.0, y + 4.0), &labels::axis(tick));
        }
        for (place, values) in values.iter().enumerate() {
            let (x, width) = plot.column(place, self.periods.len());
            let bar = width * 0.72;
            let (mut up, mut down) = (0.0, 0.0);
            for (series, &value) in self.series.iter().zip(values).filter(|(_, value)| **value > 0.0) {
                let (from, to) = match series.side {
                    Side::Up => (up, up + value),
                    Side::Down => (-down - value, -down),
                };
                match series.side {
                    Side::Up => up = to,
                    Side::Down => down = -from,
                }
                let (top, bottom) = (axis.y(&plot, to), axis.y(&plot, from));
                let class = if self.begun[place] { format!("{} begun", series.class) } else { series.class.to_owned() };
                svg.rect(&class, (x - bar / 2.0, top), (bar, bottom - top));
            }
        }
        svg.close("g");
        let widest = self.periods.iter().map(|text| text.chars().count()).max().unwrap_or_default() as f64;
        let every = plot.every(self.periods.len(), widest * 7.0 + 14.0);
        for (place, text) in self.periods.iter().enumerate().step_by(every) {
            svg.text("tick middle", (plot.column(place, self.periods.len()).0, plot.bottom() + 17.0), text);
        }
        for (place, values) in values.iter().enumerate() {
            let (x, width) = plot.column(place, self.periods.len());
            svg.place(&self.says(place, values), (x - width / 2.0, plot.top), (width, plot.inner_height), place == 0);
        }
        svg.close("svg");
        svg.into_text()
    }

    fn number(&self, value: f64) -> String {
        let cents = (value * 100.0).round() as u64;
        match self.cents {
            true => format!("{}.{:02}", grouped(cents / 100), cents % 100),
            false => grouped(value.round() as u64),
        }
    }

    /// What a bar says.
    fn says(&self, place: usize, values: &[f64]) -> String {
        let begun = if self.begun[place] { " (in progress)" } else { "" };
        let parts = self.series.iter().zip(values);
        let parts: Vec<String> =
            parts.map(|(series, value)| format!("{} {}{}", series.name, self.number(*value), self.unit)).collect();
        format!("{}{begun}: {}", self.periods[place], parts.join(", "))
    }
}
