//! Pictures as text: elements with escaped attributes, numbers short enough to be repeated.

use std::fmt::Write;

/// An SVG picture, or a part of one. Whatever is put in is escaped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Svg {
    text: String,
}

impl Svg {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Opens an element; [`Svg::close`] ends it.
    pub(crate) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.begin(name, attributes);
        self.text.push('>');
        self
    }

    /// Ends an element.
    pub(crate) fn close(&mut self, name: &str) -> &mut Self {
        let _ = write!(self.text, "</{name}>");
        self
    }

    /// An element without content.
    pub(crate) fn leaf(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.begin(name, attributes);
        self.text.push_str("/>");
        self
    }

    /// A line from one point to the other.
    pub(crate) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) -> &mut Self {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(short);
        self.leaf("line", &[("class", class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)])
    }

    /// A rectangle by its corner and size.
    pub(crate) fn rect(&mut self, class: &str, corner: (f64, f64), size: (f64, f64)) -> &mut Self {
        let [x, y, width, height] = [corner.0, corner.1, size.0, size.1].map(short);
        self.leaf("rect", &[("class", class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)])
    }

    /// A text at a point.
    pub(crate) fn text(&mut self, class: &str, at: (f64, f64), text: &str) -> &mut Self {
        self.open("text", &[("class", class), ("x", &short(at.0)), ("y", &short(at.1))]);
        self.text.push_str(&escaped(text));
        self.close("text")
    }

    /// A place that is pointed at or focused, and says something: a part of a chart from top to bottom.
    pub(crate) fn place(&mut self, says: &str, corner: (f64, f64), size: (f64, f64), first: bool) -> &mut Self {
        let [x, y, width, height] = [corner.0, corner.1, size.0, size.1].map(short);
        let tab = if first { "0" } else { "-1" };
        let attributes = [
            ("class", "place"),
            ("role", "img"),
            ("aria-label", says),
            ("tabindex", tab),
            ("x", &x),
            ("y", &y),
            ("width", &width),
            ("height", &height),
        ];
        self.leaf("rect", &attributes)
    }

    /// The picture as it is written.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn begin(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let _ = write!(self.text, "<{name}");
        for (name, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(self.text, " {name}=\"{}\"", escaped(value));
        }
    }
}

/// A number with one decimal at most.
pub(crate) fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A path through points; a gap where there is none.
pub(crate) fn path(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut text = String::new();
    let mut down = false;
    for point in points {
        if let Some((x, y)) = point {
            let _ = write!(text, "{}{} {}", if down { 'L' } else { 'M' }, short(x), short(y));
        }
        down = point.is_some();
    }
    text
}

/// Text as markup has it; control characters, which it can't have, as spaces.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        let mut svg = Svg::new();
        svg.text("x", (1.0, 2.25), "</text><script>alert('1')</script>");
        assert_eq!(
            svg.into_text(),
            "<text class=\"x\" x=\"1\" y=\"2.2\">&lt;/text&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;</text>"
        );
    }

    #[test]
    fn a_missing_point_is_a_gap() {
        assert_eq!(path([Some((0.0, 1.0)), Some((2.0, 3.0)), None, Some((4.0, -0.01))].into_iter()), "M0 1L2 3M4 0");
    }
}
