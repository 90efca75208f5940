//! From numbers to places: axes with round steps, and the part of a picture that is drawn in.

/// The size of a picture. Each chart is drawn twice: letters keep their size on a small screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Canvas {
    /// For paper and large screens.
    Wide,
    /// For a phone.
    Narrow,
}

impl Canvas {
    pub(crate) const BOTH: [Canvas; 2] = [Canvas::Wide, Canvas::Narrow];

    pub(crate) const fn class(self) -> &'static str {
        match self {
            Canvas::Wide => "wide",
            Canvas::Narrow => "narrow",
        }
    }

    const fn size(self) -> (f64, f64) {
        match self {
            Canvas::Wide => (880.0, 300.0),
            Canvas::Narrow => (348.0, 260.0),
        }
    }
}

/// The part of a picture that is drawn in, between the axes' texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plot {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) inner_width: f64,
    pub(crate) inner_height: f64,
}

const TOP: f64 = 10.0;
const BOTTOM: f64 = 36.0;

impl Plot {
    /// A plot with so much room for the texts at its left and right.
    pub(crate) fn new(canvas: Canvas, left: f64, right: f64) -> Self {
        let (width, height) = canvas.size();
        let (inner_width, inner_height) = (width - left - right, height - TOP - BOTTOM);
        Self { width, height, left, top: TOP, inner_width, inner_height }
    }

    /// The same without room for a title below.
    pub(crate) fn without_title(self) -> Self {
        Self { height: self.height - 14.0, ..self }
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.top + self.inner_height
    }

    pub(crate) fn right(&self) -> f64 {
        self.left + self.inner_width
    }

    /// The box that it is seen through.
    pub(crate) fn view_box(&self) -> String {
        format!("0 0 {} {}", self.width, self.height)
    }

    /// Where it is drawn in, for the script that draws again.
    pub(crate) fn place(&self) -> String {
        format!("{} {} {} {}", self.left, self.top, self.inner_width, self.inner_height)
    }

    /// The middle and the width of one of `count` columns.
    pub(crate) fn column(&self, place: usize, count: usize) -> (f64, f64) {
        let width = self.inner_width / count.max(1) as f64;
        (self.left + width * (place as f64 + 0.5), width)
    }

    /// Each how many columns one is named, so that texts of this width do not touch.
    pub(crate) fn every(&self, count: usize, text: f64) -> usize {
        let fit = (self.inner_width / text).floor().max(1.0) as usize;
        count.div_ceil(fit).max(1)
    }
}

/// An axis from a round number to a round number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) step: f64,
}

impl Axis {
    /// The axis that holds 0 and both numbers, in about so many steps of 1, 2 or 5 times a power of ten.
    pub(crate) fn new(least: f64, most: f64, steps: f64) -> Self {
        let (least, most) = (least.min(0.0), most.max(0.0));
        let most = if most > least { most } else { least + 1.0 };
        let span = most - least;
        let power = 10f64.powf((span / steps).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|unit| unit * power).find(|step| span / step <= steps).unwrap_or(power);
        let (from, to) = ((least / step).floor() * step, (most / step).ceil() * step);
        Self { from, to: if to > from { to } else { from + step }, step }
    }

    /// The shares from 0 to 1.
    pub(crate) const SHARES: Axis = Axis { from: 0.0, to: 1.0, step: 0.25 };

    /// The numbers that are named.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        let count = ((self.to - self.from) / self.step).round() as usize;
        (0..=count).map(|k| self.from + self.step * k as f64).collect()
    }

    /// The height of a number in a plot.
    pub(crate) fn y(&self, plot: &Plot, value: f64) -> f64 {
        plot.bottom() - (value - self.from) / (self.to - self.from) * plot.inner_height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_hold_everything() {
        assert_eq!(Axis::new(0.0, 87.0, 5.0), Axis { from: 0.0, to: 100.0, step: 20.0 });
        assert_eq!(Axis::new(-310.0, 420.0, 5.0), Axis { from: -400.0, to: 600.0, step: 200.0 });
        assert_eq!(Axis::new(0.0, 0.0, 5.0).ticks().len(), 6);
        assert_eq!(Axis::new(0.0, 87.0, 5.0).ticks(), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
    }
}
