use std::fmt;

/// A colour: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl Colour {
    pub(crate) const BLACK: Colour = Colour(0, 0, 0);
    pub(crate) const WHITE: Colour = Colour(255, 255, 255);
    /// What is read first.
    pub(crate) const INK: Colour = Colour(0x1a, 0x20, 0x2c);
    /// What is read second.
    pub(crate) const DIM: Colour = Colour(0x55, 0x5f, 0x6e);
    /// Lines between rows.
    pub(crate) const RULE: Colour = Colour(0xe3, 0xe6, 0xeb);
    /// The line above a summary.
    pub(crate) const STRONG_RULE: Colour = Colour(0x8a, 0x93, 0xa0);
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// From a little to much: blues that darken all the way, so that eyes without colours read them too.
const HEAT: [Colour; 5] = [
    Colour(0xea, 0xf3, 0xfb),
    Colour(0xb5, 0xd5, 0xed),
    Colour(0x6b, 0xae, 0xd9),
    Colour(0x2a, 0x75, 0xb3),
    Colour(0x0b, 0x3c, 0x6f),
];

/// The colour of a cell, from 0 for the least to 1 for the most.
pub(crate) fn heat_colour(heat: f64) -> Colour {
    let place = heat.clamp(0.0, 1.0) * (HEAT.len() - 1) as f64;
    let below = (place as usize).min(HEAT.len() - 2);
    let part = place - below as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
    let (a, b) = (HEAT[below], HEAT[below + 1]);
    Colour(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// The ink that is read best on a colour: black or white.
pub(crate) fn heat_ink(background: Colour) -> Colour {
    if contrast(background, Colour::WHITE) >= contrast(background, Colour::BLACK) { Colour::WHITE } else { Colour::BLACK }
}

/// The contrast of two colours by the Web Content Accessibility Guidelines: 1 to 21.
fn contrast(a: Colour, b: Colour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(colour: Colour) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_can_be_read_and_is_darker_than_the_one_before() {
        let steps: Vec<Colour> = (0..=1000).map(|step| heat_colour(f64::from(step) / 1000.0)).collect();
        assert_eq!((steps[0], steps[1000]), (HEAT[0], HEAT[4]));
        assert!(steps.iter().all(|&colour| contrast(colour, heat_ink(colour)) >= 4.5));
        assert!(steps.windows(2).all(|pair| luminance(pair[0]) >= luminance(pair[1])));
        assert!(luminance(HEAT[0]) > luminance(HEAT[1]) && luminance(HEAT[3]) > luminance(HEAT[4]));
        assert!(contrast(Colour::DIM, Colour::WHITE) >= 4.5);
        assert!((contrast(Colour::BLACK, Colour::WHITE) - 21.0).abs() < 1e-9);
    }
}
