//! Pictures: shapes and texts at places, written as SVG that needs nothing from elsewhere.

mod colour;
mod letters;
mod picture;
mod png;

use std::fmt::Write as _;

use crate::text::plain;

pub(crate) use colour::{Colour, heat_colour, heat_ink};
pub(crate) use letters::{text_width, wrapped};
pub(crate) use picture::picture;
pub(crate) use png::png;

/// A picture that is being drawn; lengths are pixels.
#[derive(Debug, Default)]
pub(crate) struct Svg {
    body: String,
}

/// To which side of its place a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Letters {
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) ink: Colour,
    pub(crate) anchor: Anchor,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// The hatching of what is in progress.
const HATCH: &str = "<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"#f5f6f8\"/><rect width=\"1.5\" height=\"6\" fill=\"#d5dae1\"/></pattern>";

/// Colours by which the scale of heat is told.
const HEAT_STOPS: u8 = 9;

impl Svg {
    /// A rectangle with rounded corners.
    pub(crate) fn area(&mut self, area: Area, fill: Colour) {
        self.rect(area, &fill.to_string());
    }

    /// The same, hatched.
    pub(crate) fn hatched(&mut self, area: Area) {
        self.rect(area, "url(#hatch)");
    }

    /// The same in all colours of heat, the palest first.
    pub(crate) fn heat_scale(&mut self, area: Area) {
        self.rect(area, "url(#heat)");
    }

    fn rect(&mut self, Area { x, y, width, height }: Area, fill: &str) {
        let (x, y, width, height) = (length(x), length(y), length(width), length(height));
        // Writing to a text does not fail.
        let _ = writeln!(self.body, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\" fill=\"{fill}\"/>");
    }

    /// A level line.
    pub(crate) fn rule(&mut self, x: f64, y: f64, width: f64, ink: Colour) {
        let (x, y, end) = (length(x), length(y), length(x + width));
        let _ = writeln!(self.body, "<path d=\"M{x} {y}H{end}\" stroke=\"{ink}\"/>");
    }

    /// A line of text whose foot stands at `y`.
    pub(crate) fn text(&mut self, x: f64, y: f64, letters: Letters, text: &str) {
        if text.is_empty() {
            return;
        }
        let weight = if letters.weight == Weight::Bold { " font-weight=\"700\"" } else { "" };
        let anchor = match letters.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y, size, ink) = (length(x), length(y), length(letters.size), letters.ink);
        let text = escaped(text);
        let _ =
            writeln!(self.body, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{weight}{anchor} fill=\"{ink}\">{text}</text>");
    }

    /// The whole, with a title for those who do not see it.
    pub(crate) fn finish(self, width: f64, height: f64, title: &str) -> String {
        let (width, height, title) = (length(width.ceil()), length(height.ceil()), escaped(title));
        let stops = (0..HEAT_STOPS).map(|stop| {
            let place = f64::from(stop) / f64::from(HEAT_STOPS - 1);
            format!("<stop offset=\"{place}\" stop-color=\"{}\"/>", heat_colour(place))
        });
        let heat = format!("<linearGradient id=\"heat\">{}</linearGradient>", stops.collect::<String>());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" role=\"img\">\n<title>{title}</title>\n<defs>{HATCH}{heat}</defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// A length with no more digits than the eye sees.
fn length(length: f64) -> String {
    let text = format!("{length:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A text that XML takes for nothing else.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_texts() {
        let mut svg = Svg::default();
        let letters = Letters { size: 12.0, weight: Weight::Regular, ink: Colour::BLACK, anchor: Anchor::End };
        svg.text(1.0, 2.25, letters, "<script>\"&\u{1b}[1m</script>");
        svg.text(1.0, 2.0, letters, "");
        let picture = svg.finish(10.2, 5.0, "a < b");
        assert!(picture.contains("<text x=\"1\" y=\"2.2\" font-size=\"12\" text-anchor=\"end\" fill=\"#000000\">&lt;script&gt;&quot;&amp; [1m&lt;/script&gt;</text>"), "{picture}");
        assert!(picture.contains("width=\"11\" height=\"5\"") && picture.contains("<title>a &lt; b</title>"), "{picture}");
        assert_eq!(picture.matches("<text").count(), 1);
    }
}
