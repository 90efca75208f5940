//! A picture in pixels, drawn with a font of its own, so that it looks the same everywhere.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::error::Error;

/// Open Sans; Latin, Greek and Cyrillic.
const REGULAR: &[u8] = include_bytes!("../../fonts/OpenSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../fonts/OpenSans-Bold.ttf");
const FAMILY: &str = "Open Sans";

/// Pixels for each of the picture's, so that it is sharp on fine screens and on paper.
const SCALE: f32 = 2.0;

/// Pixels of the longer side; many programs open no more.
const MOST_PIXELS: f32 = 16_384.0;

/// SVG as PNG.
///
/// # Errors
///
/// Where it would be too large.
pub(crate) fn png(svg: &str) -> Result<Vec<u8>, Error> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    let options = Options { font_family: FAMILY.to_owned(), fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| Error::encoding("PNG", error))?;
    let (width, height) = ((tree.size().width() * SCALE).ceil(), (tree.size().height() * SCALE).ceil());
    if width.max(height) > MOST_PIXELS {
        return Err(Error::unsupported(format!(
            "the picture would have {width} × {height} pixels (at most {MOST_PIXELS} a side): ask for fewer rows or ages, or write svg, xlsx or csv"
        )));
    }
    let mut pixels = Pixmap::new(width as u32, height as u32)
        .ok_or_else(|| Error::unsupported(format!("no room for a picture of {width} × {height} pixels")))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| Error::encoding("PNG", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\"";

    #[test]
    fn texts_are_drawn_with_the_bundled_font() {
        let with =
            |text: &str| png(&format!("{HEAD} width=\"60\" height=\"20\"><text x=\"2\" y=\"15\">{text}</text></svg>")).unwrap();
        let empty = with("");
        assert_eq!(&empty[1..4], b"PNG");
        assert_eq!(empty[16..24], [0, 0, 0, 120, 0, 0, 0, 40], "twice as many pixels");
        assert_ne!(with("12,345"), empty);
        assert_eq!(with("12,345"), with("12,345"));
    }

    #[test]
    fn too_large_is_an_error_that_says_so() {
        let error = png(&format!("{HEAD} width=\"10\" height=\"9000\"></svg>")).unwrap_err().to_string();
        assert!(error.starts_with("the picture would have 20 × 18000 pixels (at most 16384 a side)"), "{error}");
    }
}
