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

#[cfg(test)]
mod tests {
    use crate::metrics::outcome::Outcome;
    use crate::metrics::timeline::Timeline;
    use crate::report::example;
    use crate::report::run_folder::figures;

    use super::*;

    /// Every plot names its title, its axes and every milestone of the fault, in both formats
    /// drawn without a font of the system.
    #[test]
    fn plots_are_labelled() {
        let (outcome, timeline) = (example::outcome(), example::timeline());
        for (name, figure) in figures(&outcome, &timeline) {
            let svg = svg(&figure);
            let mut texts = vec![figure.title.clone(), "Minutes since the start".to_owned()];
            texts.extend(figure.panels.iter().map(|panel| panel.label.clone()));
            texts.extend(figure.milestones.iter().map(|milestone| milestone.label.clone()));
            for text in
                ["lose-east", "noticed", "rerouted", "served again", "repaired", "traffic back"]
            {
                let is_marked = figure.milestones.iter().any(|m| m.label.starts_with(text));
                assert!(is_marked, "{name} marks {text}");
            }
            for text in texts {
                assert!(svg.contains(&text), "{name}.svg says {text}");
            }
            assert_eq!(svg, super::svg(&figure), "the same figure is the same text");
        }
    }

    /// A PNG has its signature and the promised size.
    #[test]
    fn a_png_is_a_png() {
        let (outcome, timeline) = (example::outcome(), example::timeline());
        let [(_, figure), ..] = figures(&outcome, &timeline);
        let bytes = png(&figure);
        let reader = ::png::Decoder::new(&bytes[..]).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (1_920, 1_080));
    }

    /// Names with markup and control characters become text, never elements.
    #[test]
    fn names_are_text_not_markup() {
        let (mut outcome, mut timeline) = (example::outcome(), example::timeline());
        let evil = "</text><script>x()</script>&\"'\u{1b}\0";
        outcome.scenario = evil.to_owned();
        outcome.faults[0].name = evil.to_owned();
        timeline.clusters[0].name = evil.to_owned();
        for (name, figure) in figures(&outcome, &timeline) {
            let svg = svg(&figure);
            assert!(!svg.contains("<script"), "{name}");
            assert!(!svg.contains(['\0', '\u{1b}']), "{name} is valid XML");
        }
    }

    /// Plots of runs in which hardly anything happened, or too much, are drawn all the same.
    #[test]
    fn unusual_runs_are_drawn() {
        let draw = |outcome: &Outcome, timeline: &Timeline| {
            for (name, figure) in figures(outcome, timeline) {
                assert!(svg(&figure).ends_with("</svg>\n"), "{name}");
                assert!(!png(&figure).is_empty(), "{name}");
            }
        };
        let (mut outcome, mut timeline) = (example::outcome(), example::timeline());
        let fault = outcome.faults.remove(0);
        outcome.horizon_s = 10.0;
        timeline.clusters.truncate(1);
        timeline.clusters[0].seconds.truncate(10);
        timeline.users.truncate(1);
        (timeline.users[0].offered, timeline.users[0].served) = (0, 0);
        (timeline.users[0].failed, timeline.users[0].latency_ms) = (0, None);
        draw(&outcome, &timeline);
        timeline.clusters.clear();
        timeline.users.clear();
        draw(&outcome, &timeline);
        let many = (0..40).map(|i| {
            let mut fault = fault.clone();
            fault.at_s = f64::from(i * 90);
            fault
        });
        outcome.faults = many.collect();
        outcome.horizon_s = 3_600.0;
        draw(&outcome, &example::timeline());
    }
}
