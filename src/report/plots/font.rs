//! The font of all plots, embedded: no plot depends on what the system has.
//!
//! DejaVu Sans covers Latin, Greek, Cyrillic and Arabic; its licence stands beside it. An SVG
//! names `sans-serif` and is drawn by its viewer; widths are those of this font.

use std::sync::OnceLock;

use plotters::style::{FontStyle, register_font};

const DEJAVU_SANS: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans.ttf");

/// Name under which the font is known to plotters and to viewers of SVG.
pub(super) const FAMILY: &str = "sans-serif";

/// Makes the font known; any number of times.
pub(super) fn register() {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        let result = register_font(FAMILY, FontStyle::Normal, DEJAVU_SANS);
        assert!(result.is_ok(), "the embedded font is a font");
    });
}
