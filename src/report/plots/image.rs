//! Figures as files: SVG text and PNG bytes, made in memory.
//!
//! plotters' own file backends write without checking, so neither is used: an SVG goes to a
//! `String`, a bitmap to a buffer that is compressed here, and [`crate::report::writer`] writes
//! both.

use plotters::prelude::{BitMapBackend, IntoDrawingArea, SVGBackend};

use super::draw::{Medium, SIZE, draw};
use super::figure::Figure;

/// Text for a browser, which draws paths and centres text well.
const SVG: Medium = Medium { scale: 1.0, text_drop: 0.03, segmented: false };
/// Pixels, half as many again in each direction: sharp on a projector and in print.
const PNG: Medium = Medium { scale: 1.5, text_drop: 0.2, segmented: true };

/// A figure as SVG, 1280 by 720.
#[must_use]
pub fn svg(figure: &Figure) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        draw(&area, figure, SVG).expect("a string takes every element, and the font is embedded");
    }
    text
}

/// A figure as PNG, 1920 by 1080.
#[must_use]
pub fn png(figure: &Figure) -> Vec<u8> {
    let (width, height) = scaled();
    let mut pixels = vec![0; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        draw(&area, figure, PNG).expect("a buffer takes every pixel, the font is embedded");
    }
    compressed(&pixels, width, height)
}

fn scaled() -> (u32, u32) {
    let scale = |size: u32| (f64::from(size) * PNG.scale).round() as u32;
    (scale(SIZE.0), scale(SIZE.1))
}

fn compressed(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let sure = "memory takes every byte of a buffer of the right size";
    let mut writer = encoder.write_header().expect(sure);
    writer.write_image_data(pixels).expect(sure);
    writer.finish().expect(sure);
    bytes
}
