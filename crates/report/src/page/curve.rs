//! Curves with their intervals: retention by age, and scores by period.

use super::labels;
use super::scale::{Axis, Canvas, Plot};
use super::svg::{Svg, path, short};

/// A line of a chart: a point, or none, for each place of the horizontal axis.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) points: Vec<Option<Point>>,
}

/// A value and its bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) value: f64,
    pub(crate) bounds: Option<(f64, f64)>,
}

impl Point {
    pub(crate) fn bare(value: f64) -> Self {
        Self { value, bounds: None }
    }
}

/// How the intervals of curves are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bounds {
    /// As a band behind the curve.
    Band,
    /// As a line through each point.
    Whiskers,
}

/// A chart of curves.
#[derive(Debug, Clone)]
pub(crate) struct CurveChart {
    pub(crate) label: String,
    /// Behind the others, without names: many curves of one kind.
    pub(crate) behind: Vec<Curve>,
    pub(crate) curves: Vec<Curve>,
    pub(crate) columns: Vec<String>,
    pub(crate) column_title: String,
    pub(crate) axis: Axis,
    pub(crate) axis_text: fn(f64) -> String,
    pub(crate) bounds: Bounds,
    /// What each column says.
    pub(crate) says: Vec<String>,
    /// For the script that draws again: the map whose segments it follows.
    pub(crate) follows: String,
    /// Ages before the first that is drawn.
    pub(crate) skip: usize,
}

/// The height of a name, and the longest line from a curve's end to it.
const LINE: f64 = 16.0;
const MOST_LEADER: f64 = 60.0;

impl CurveChart {
    /// The chart in both sizes.
    pub(crate) fn draw(&self) -> String {
        Canvas::BOTH.into_iter().map(|canvas| self.draw_on(canvas)).collect()
    }

    fn named(&self, canvas: Canvas) -> bool {
        canvas == Canvas::Wide && self.curves.len() > 1
    }

    fn draw_on(&self, canvas: Canvas) -> String {
        let ticks = self.axis.ticks();
        let widest = ticks.iter().map(|&tick| (self.axis_text)(tick).chars().count()).max().unwrap_or_default();
        let right = if self.named(canvas) { 150.0 } else { 14.0 };
        let plot = Plot::new(canvas, widest as f64 * 7.5 + 12.0, right);
        let plot = if self.column_title.is_empty() { plot.without_title() } else { plot };
        let mut svg = Svg::new();
        let attributes = [
            ("viewBox", plot.view_box()),
            ("class", format!("chart {}", canvas.class())),
            ("role", "group".to_owned()),
            ("aria-label", self.label.clone()),
            ("data-plot", plot.place()),
            ("data-follows", self.follows.clone()),
            ("data-skip", if self.follows.is_empty() { String::new() } else { self.skip.to_string() }),
        ];
        svg.open("svg", &attributes.each_ref().map(|(name, value)| (*name, value.as_str())));
        svg.open("g", &[("class", "marks")]);
        for tick in ticks {
            let y = self.axis.y(&plot, tick);
            svg.line("grid", (plot.left, y), (plot.right(), y));
            svg.text("tick end", (plot.left - 8.0, y + 4.0), &(self.axis_text)(tick));
        }
        svg.close("g");
        self.columns_of(&plot, &mut svg);
        svg.open("g", &[("class", "behind")]);
        self.behind.iter().for_each(|curve| self.line(&plot, &mut svg, curve));
        svg.close("g").open("g", &[("class", "front")]);
        for curve in &self.curves {
            self.interval(&plot, &mut svg, curve);
        }
        for curve in &self.curves {
            self.line(&plot, &mut svg, curve);
            self.dots(&plot, &mut svg, curve);
        }
        svg.close("g");
        if self.named(canvas) {
            self.names(&plot, &mut svg);
        }
        for (place, says) in self.says.iter().enumerate() {
            let (x, width) = self.at(&plot, place);
            svg.place(says, (x - width / 2.0, plot.top), (width, plot.inner_height), place == 0);
        }
        svg.close("svg");
        svg.into_text()
    }

    /// The middle and the width of a column. The first and the last stand at the ends.
    fn at(&self, plot: &Plot, place: usize) -> (f64, f64) {
        plot.column(place, self.columns.len())
    }

    fn columns_of(&self, plot: &Plot, svg: &mut Svg) {
        let widest = self.columns.iter().map(|text| text.chars().count()).max().unwrap_or_default() as f64;
        let every = plot.every(self.columns.len(), widest * 7.0 + 14.0);
        for (place, text) in self.columns.iter().enumerate().step_by(every) {
            let (x, _) = self.at(plot, place);
            svg.text("tick middle", (x, plot.bottom() + 17.0), text);
        }
        if !self.column_title.is_empty() {
            svg.text("axis middle", (plot.left + plot.inner_width / 2.0, plot.bottom() + 33.0), &self.column_title);
        }
    }

    fn line(&self, plot: &Plot, svg: &mut Svg, curve: &Curve) {
        let points = curve.points.iter().enumerate().map(|(place, point)| {
            let (x, _) = self.at(plot, place);
            point.map(|point| (x, self.axis.y(plot, point.value)))
        });
        svg.leaf("path", &[("class", &format!("line {}", curve.class)), ("d", &path(points))]);
    }

    fn dots(&self, plot: &Plot, svg: &mut Svg, curve: &Curve) {
        // Points without neighbours would not be seen; whiskers have a middle.
        let seen = |place: usize| curve.points.get(place).is_some_and(Option::is_some);
        for (place, point) in curve.points.iter().enumerate() {
            let alone = !(seen(place + 1) || place > 0 && seen(place - 1));
            if let Some(point) = point.filter(|_| alone || self.bounds == Bounds::Whiskers) {
                let (x, y) = (self.at(plot, place).0, self.axis.y(plot, point.value));
                svg.leaf(
                    "circle",
                    &[("class", &format!("dot {}", curve.class)), ("cx", &short(x)), ("cy", &short(y)), ("r", "3.5")],
                );
            }
        }
    }

    fn interval(&self, plot: &Plot, svg: &mut Svg, curve: &Curve) {
        let bounded: Vec<(f64, f64, f64)> = curve
            .points
            .iter()
            .enumerate()
            .filter_map(|(place, point)| {
                let (low, high) = (*point)?.bounds?;
                let [low, high] = [low, high].map(|bound| self.axis.y(plot, bound.clamp(self.axis.from, self.axis.to)));
                Some((self.at(plot, place).0, low, high))
            })
            .collect();
        match self.bounds {
            Bounds::Whiskers => bounded.iter().for_each(|&(x, low, high)| {
                svg.line(&format!("whisker {}", curve.class), (x, low), (x, high));
            }),
            Bounds::Band => {
                let above = bounded.iter().map(|&(x, _, high)| Some((x, high)));
                let below = bounded.iter().rev().map(|&(x, low, _)| Some((x, low)));
                let d = path(above.chain(below));
                svg.leaf("path", &[("class", &format!("band {}", curve.class)), ("d", &d)]);
            }
        }
    }

    /// The curves' names at their ends, moved apart.
    fn names(&self, plot: &Plot, svg: &mut Svg) {
        let mut ends: Vec<(f64, f64, &Curve)> = Vec::new();
        for curve in &self.curves {
            let last = curve.points.iter().enumerate().rev().find_map(|(place, point)| point.map(|point| (place, point)));
            if let Some((place, point)) = last {
                ends.push((self.at(plot, place).0, self.axis.y(plot, point.value), curve));
            }
        }
        ends.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut places: Vec<f64> = ends.iter().map(|(_, y, _)| *y).collect();
        for place in 1..places.len() {
            places[place] = places[place].max(places[place - 1] + LINE);
        }
        let over = places.last().map_or(0.0, |last| (last - plot.bottom()).max(0.0));
        if over > 0.0
            && let Some(last) = places.last_mut()
        {
            *last -= over;
        }
        for place in (1..places.len()).rev() {
            places[place - 1] = places[place - 1].min(places[place] - LINE);
        }
        for ((x, y, curve), place) in ends.into_iter().zip(places) {
            let from = (x + 4.0, y);
            // A curve that ends early is told by its stroke: a long line to its name would look like one of its own.
            if plot.right() - x < MOST_LEADER {
                svg.line(&format!("leader {}", curve.class), from, (plot.right() + 6.0, place));
            }
            let name: String = if curve.name.chars().count() > 17 {
                curve.name.chars().take(16).chain(['…']).collect()
            } else {
                curve.name.clone()
            };
            svg.text(&format!("name {}", curve.class), (plot.right() + 10.0, place + 4.0), &name);
        }
    }
}

/// A small line without axes, for a tile.
pub(crate) fn spark(values: &[Option<f64>]) -> String {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    if known.len() < 3 {
        return String::new();
    }
    let (least, most) = known.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    let span = if most > least { most - least } else { 1.0 };
    let (width, height) = (110.0, 30.0);
    let at = |place: usize, value: f64| {
        (3.0 + place as f64 / (values.len() - 1) as f64 * (width - 6.0), 26.0 - (value - least) / span * 22.0)
    };
    let mut svg = Svg::new();
    let view = format!("0 0 {width} {height}");
    svg.open("svg", &[("viewBox", &view), ("class", "spark"), ("preserveAspectRatio", "xMinYMid"), ("aria-hidden", "true")]);
    let points = values.iter().enumerate().map(|(place, value)| value.map(|value| at(place, value)));
    svg.leaf("path", &[("d", &path(points))]);
    if let Some((place, Some(value))) = values.iter().enumerate().rev().find(|(_, value)| value.is_some()) {
        let (x, y) = at(place, *value);
        svg.leaf("circle", &[("cx", &short(x)), ("cy", &short(y)), ("r", "2.5")]);
    }
    svg.close("svg");
    svg.into_text()
}

/// Shares on an axis.
pub(crate) fn percent_axis(value: f64) -> String {
    format!("{} %", labels::axis(value * 100.0))
}
