//! Goals as bars, rings and thermometers.

use tenure_analysis::GoalState;

use super::svg::{Svg, short};

/// How a goal is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GoalShape {
    /// A bar that fills to the right.
    #[default]
    Bar,
    /// A ring that closes.
    Ring,
    /// A thermometer that rises.
    Thermometer,
    /// A tick where it is reached, a cross where it is not.
    Mark,
}

/// A goal as the page shows it.
#[derive(Debug, Clone)]
pub struct GoalShown {
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub owner: Option<String>,
    /// Where it stands.
    pub value_text: String,
    /// Where it should be.
    pub target_text: String,
    /// How much of it is reached: 1 is all; none where that can't be told.
    pub share_of_target: Option<f64>,
    /// How it stands.
    pub state: GoalState,
    /// Until when.
    pub deadline: Option<String>,
    /// How it is drawn.
    pub shape: GoalShape,
}

/// The length of the ring: 2 π r.
const AROUND: f64 = 2.0 * std::f64::consts::PI * 34.0;

impl GoalShown {
    /// The share that is drawn.
    fn filled(&self) -> f64 {
        self.share_of_target.filter(|share| share.is_finite()).unwrap_or(0.0).clamp(0.0, 1.0)
    }

    /// The share in words.
    pub(crate) fn share_text(&self) -> String {
        self.share_of_target
            .filter(|share| share.is_finite() && self.shape != GoalShape::Mark)
            .map(|share| format!("{:.0}\u{a0}%", (share * 100.0).floor()))
            .unwrap_or_default()
    }

    /// The picture; the words stand beside it.
    pub(crate) fn draw(&self) -> String {
        let mut svg = Svg::new();
        let class = format!("goal-picture {}", self.state.name());
        let filled = self.filled();
        match self.shape {
            GoalShape::Bar => {
                svg.open(
                    "svg",
                    &[
                        ("viewBox", "0 0 240 14"),
                        ("preserveAspectRatio", "none"),
                        ("class", &format!("{class} bar")),
                        ("aria-hidden", "true"),
                    ],
                );
                svg.rect("track", (0.0, 1.0), (240.0, 12.0)).rect("fill", (0.0, 1.0), (240.0 * filled, 12.0));
            }
            GoalShape::Ring => {
                svg.open("svg", &[("viewBox", "0 0 84 84"), ("class", &format!("{class} ring")), ("aria-hidden", "true")]);
                svg.leaf("circle", &[("class", "track"), ("cx", "42"), ("cy", "42"), ("r", "34")]);
                let dashes = format!("{} {}", short(AROUND * filled), short(AROUND));
                let ring = [
                    ("class", "fill"),
                    ("cx", "42"),
                    ("cy", "42"),
                    ("r", "34"),
                    ("stroke-dasharray", dashes.as_str()),
                    ("transform", "rotate(-90 42 42)"),
                ];
                svg.leaf("circle", &ring).text("inside middle", (42.0, 47.0), &self.share_text());
            }
            GoalShape::Mark => {
                svg.open("svg", &[("viewBox", "0 0 84 84"), ("class", &format!("{class} verdict")), ("aria-hidden", "true")]);
                svg.leaf("circle", &[("class", "track"), ("cx", "42"), ("cy", "42"), ("r", "34")]);
                let drawn = match self.share_of_target {
                    Some(share) if share >= 1.0 => "M26 43l11 11l21 -23",
                    Some(_) => "M29 29l26 26M55 29l-26 26",
                    None => "M30 42h24",
                };
                svg.leaf("path", &[("class", "sign"), ("d", drawn)]);
            }
            GoalShape::Thermometer => {
                svg.open(
                    "svg",
                    &[("viewBox", "0 0 44 110"), ("class", &format!("{class} thermometer")), ("aria-hidden", "true")],
                );
                let top = 8.0 + (1.0 - filled) * 72.0;
                svg.leaf("path", &[("class", "track"), ("d", "M14 12a8 8 0 0 1 16 0V76a16 16 0 1 1-16 0Z")]);
                svg.leaf("circle", &[("class", "fill"), ("cx", "22"), ("cy", "89"), ("r", "12")]);
                svg.rect("fill", (18.0, top), (8.0, 82.0 - top)).line("mark", (32.0, 8.0), (40.0, 8.0));
            }
        }
        svg.close("svg");
        svg.into_text()
    }
}
