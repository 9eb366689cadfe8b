//! The one renderer: draws a figure on any backend of plotters, in pixels.

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::sim::maths;

use super::super::words::count;
use super::figure::{Axis, Colour, Figure, Panel, Scale, Series, Stroke, Unit};
use super::font;
use super::layout::{self, Placed};

/// Size of a picture before scaling [px].
pub(super) const SIZE: (u32, u32) = (1_280, 720);

/// What drawing may fail with.
pub(super) type Failure<DB> = DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>;

const GREY: RGBColor = RGBColor(95, 95, 95);
const PALE: RGBColor = RGBColor(222, 222, 222);
const SHADE: RGBColor = RGBColor(253, 238, 228);

/// Margins of the panels and heights of rows of text, before scaling [px].
const LEFT: i32 = 84;
const RIGHT: i32 = 28;
const BOTTOM: i32 = 58;
const HEADER: i32 = 30;
const LABEL_ROW: i32 = 19;
const MOST_LABEL_ROWS: usize = 6;

/// What differs between the formats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Medium {
    /// How much larger everything is than [`SIZE`].
    pub(super) scale: f64,
    /// How far a text must be moved down to be centred, as a share of its size: the two backends
    /// of plotters place the base line differently.
    pub(super) text_drop: f64,
    /// Whether a line is drawn as separate segments: the bitmap backend makes steep parts of a
    /// path too thin.
    pub(super) segmented: bool,
}

/// A drawing area in pixels.
struct Canvas<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    scale: f64,
    medium: Medium,
}

/// Where a panel is [px before scaling].
#[derive(Clone, Copy)]
struct Frame {
    top: i32,
    bottom: i32,
    end_min: f64,
    axis: Axis,
}

/// Draws `figure` on an area of [`SIZE`] times the scale of the medium.
pub(super) fn draw<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    figure: &Figure,
    medium: Medium,
) -> Result<(), Failure<DB>> {
    font::register();
    let canvas = Canvas { area, scale: medium.scale, medium };
    area.fill(&WHITE)?;
    canvas.text(&figure.title, (LEFT, 27), 25, BLACK, HPos::Left)?;
    canvas.text(&figure.subtitle, (LEFT, 55), 15, GREY, HPos::Left)?;
    let labels = canvas.place_labels(figure)?;
    let n_rows = labels.iter().filter_map(|label| label.row).max().map_or(0, |row| row + 1);
    let band = LABEL_ROW * n_rows as i32;
    let top = 74;
    let n_panels = figure.panels.len() as i32;
    let height = (SIZE.1 as i32 - BOTTOM - top - band - HEADER * n_panels - 14 * (n_panels - 1))
        / n_panels.max(1);
    let mut y = top;
    for (index, panel) in figure.panels.iter().enumerate() {
        canvas.header(panel, y)?;
        y += HEADER;
        let rows_top = y;
        y += if index == 0 { band } else { 0 };
        let frame = Frame { top: y, bottom: y + height, end_min: figure.end_min, axis: panel.axis };
        canvas.panel(figure, panel, frame)?;
        canvas.milestones(figure, &labels, frame, (index == 0).then_some(rows_top))?;
        y += height + 14;
    }
    canvas.minutes(figure.end_min, SIZE.1 as i32 - BOTTOM)?;
    area.present()
}

impl Frame {
    fn x(&self, at_min: f64) -> f64 {
        let width = f64::from(SIZE.0 as i32 - LEFT - RIGHT);
        f64::from(LEFT) + width * (at_min / self.end_min).clamp(0.0, 1.0)
    }

    fn y(&self, value: f64) -> f64 {
        let Axis { min, max, scale, .. } = self.axis;
        let value = value.clamp(min, max);
        let share = match scale {
            Scale::Linear => (value - min) / (max - min),
            Scale::Logarithmic => maths::ln(value / min) / maths::ln(max / min),
        };
        f64::from(self.bottom) - share * f64::from(self.bottom - self.top)
    }
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    fn px(&self, paper: f64) -> i32 {
        (paper * self.scale).round() as i32
    }

    fn point(&self, (x, y): (i32, i32)) -> (i32, i32) {
        (self.px(f64::from(x)), self.px(f64::from(y)))
    }

    fn style<'c>(&self, size: i32, colour: &'c RGBColor, side: HPos) -> TextStyle<'c> {
        let font = (font::FAMILY, f64::from(size) * self.scale).into_font();
        TextStyle::from(font).color(colour).pos(Pos::new(side, VPos::Center))
    }

    /// Writes one line, centred on `y`.
    fn text(
        &self,
        text: &str,
        at: (i32, i32),
        size: i32,
        colour: RGBColor,
        side: HPos,
    ) -> Result<(), Failure<DB>> {
        let clean = super::super::words::printable(text);
        let drop = self.px(f64::from(size) * self.medium.text_drop);
        let (x, y) = self.point(at);
        self.area.draw_text(&clean, &self.style(size, &colour, side), (x, y + drop))
    }

    /// Width of a text [px before scaling].
    fn width(&self, text: &str, size: i32) -> Result<i32, Failure<DB>> {
        let (width, _) =
            self.area.estimate_text_size(text, &self.style(size, &BLACK, HPos::Left))?;
        Ok((f64::from(width) / self.scale).ceil() as i32)
    }

    fn line(&self, from: (i32, i32), to: (i32, i32), style: ShapeStyle) -> Result<(), Failure<DB>> {
        self.area.draw(&PathElement::new(vec![self.point(from), self.point(to)], style))
    }

    fn stroke(&self, colour: RGBColor, width: f64) -> ShapeStyle {
        let width = (width * self.scale).round().max(1.0) as u32;
        ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: width }
    }

    fn place_labels(&self, figure: &Figure) -> Result<Vec<Placed>, Failure<DB>> {
        let width = f64::from(SIZE.0 as i32 - LEFT - RIGHT);
        let mut labels = Vec::new();
        for milestone in &figure.milestones {
            let share = (milestone.at_min / figure.end_min).clamp(0.0, 1.0);
            let x = LEFT + (width * share).round() as i32;
            labels.push((x, self.width(&milestone.label, 14)?));
        }
        Ok(layout::place(&labels, SIZE.0 as i32 - RIGHT, MOST_LABEL_ROWS))
    }

    /// What the vertical axis shows, and the legend beside it.
    fn header(&self, panel: &Panel, top: i32) -> Result<(), Failure<DB>> {
        let middle = top + HEADER / 2;
        self.text(&panel.label, (LEFT, middle), 16, RGBColor(40, 40, 40), HPos::Left)?;
        let mut x = LEFT + self.width(&panel.label, 16)? + 30;
        let mut entries = Vec::new();
        for series in panel.series.iter().filter(|series| !series.name.is_empty()) {
            entries.push((series, x));
            x += 34 + self.width(&series.name, 15)? + 22;
        }
        // As far right as there is room; what does not fit is left out.
        let right = SIZE.0 as i32 - RIGHT;
        let shift = (right + 22 - x).max(0);
        for (series, x) in entries {
            let text_x = x + shift + 34;
            if text_x + self.width(&series.name, 15)? <= right {
                self.swatch(series, (x + shift, middle))?;
                let dark = RGBColor(40, 40, 40);
                self.text(&series.name, (text_x, middle), 15, dark, HPos::Left)?;
            }
        }
        Ok(())
    }

    fn swatch(&self, series: &Series, (x, y): (i32, i32)) -> Result<(), Failure<DB>> {
        let colour = rgb(series.colour);
        match series.stroke {
            Stroke::Area => {
                let corners = [self.point((x + 6, y - 6)), self.point((x + 26, y + 6))];
                self.area.draw(&Rectangle::new(corners, colour.filled()))
            }
            Stroke::Solid => self.line((x, y), (x + 26, y), self.stroke(colour, 3.0)),
            Stroke::Dashed => {
                let dashes = [(0, 6), (10, 16), (20, 26)];
                dashes.iter().try_for_each(|&(from, to)| {
                    self.line((x + from, y), (x + to, y), self.stroke(colour, 1.6))
                })
            }
        }
    }

    fn panel(&self, figure: &Figure, panel: &Panel, frame: Frame) -> Result<(), Failure<DB>> {
        for &(from_min, to_min) in &figure.shaded {
            let x = |at_min| self.px(frame.x(at_min));
            let [top, bottom] = [frame.top, frame.bottom].map(|y| self.px(f64::from(y)));
            let corners = [(x(from_min), top), (x(to_min), bottom)];
            self.area.draw(&Rectangle::new(corners, SHADE.filled()))?;
        }
        // Areas hide what they cover, so the grid lies above them and below the lines.
        let (areas, lines): (Vec<_>, Vec<_>) =
            panel.series.iter().partition(|series| series.stroke == Stroke::Area);
        for (series, run) in areas.iter().flat_map(|s| s.runs.iter().map(move |run| (s, run))) {
            self.run(series, run, frame, 0.0)?;
        }
        self.grid(frame)?;
        for (index, series) in lines.iter().enumerate() {
            // Where lines lie on each other, the ones below are wider and can still be seen.
            let above = lines[index + 1..].iter().filter(|s| s.stroke == Stroke::Solid);
            let width = 2.0 + 1.5 * above.count().min(3) as f64;
            for run in &series.runs {
                self.run(series, run, frame, width)?;
            }
        }
        if let Some((value, meaning)) = panel.threshold {
            let y = frame.y(value).round() as i32;
            let right = SIZE.0 as i32 - RIGHT;
            self.line((LEFT, y), (right, y), self.stroke(BLACK, 1.4))?;
            self.text(meaning, (LEFT + 8, y + 11), 13, GREY, HPos::Left)?;
        }
        let right = SIZE.0 as i32 - RIGHT;
        self.line((LEFT, frame.bottom), (right, frame.bottom), self.stroke(GREY, 1.2))
    }

    fn grid(&self, frame: Frame) -> Result<(), Failure<DB>> {
        let Axis { min, max, scale, unit } = frame.axis;
        let n_most = if frame.bottom - frame.top < 260 { 5 } else { 7 };
        let least_step = if unit == Unit::Count { 1.0 } else { 0.0 };
        let marks = match scale {
            Scale::Linear => layout::linear_marks(min, max, n_most, least_step),
            Scale::Logarithmic => layout::log_marks(min, max),
        };
        for mark in marks {
            let y = frame.y(mark).round() as i32;
            self.line((LEFT, y), (SIZE.0 as i32 - RIGHT, y), self.stroke(PALE, 1.0))?;
            self.text(&written(mark, unit), (LEFT - 9, y), 14, GREY, HPos::Right)?;
        }
        Ok(())
    }

    fn run(
        &self,
        series: &Series,
        run: &[(f64, f64)],
        frame: Frame,
        width: f64,
    ) -> Result<(), Failure<DB>> {
        let place =
            |&(at_min, value): &(f64, f64)| (self.px(frame.x(at_min)), self.px(frame.y(value)));
        let mut points = layout::thin(&run.iter().map(place).collect::<Vec<_>>());
        let colour = rgb(series.colour);
        match series.stroke {
            Stroke::Area => {
                let bottom = self.px(f64::from(frame.bottom));
                if let (Some(first), Some(last)) = (points.first(), points.last()) {
                    let ends = [(last.0, bottom), (first.0, bottom)];
                    points.extend(ends);
                }
                self.area.draw(&Polygon::new(points, colour.filled()))
            }
            Stroke::Solid => self.path(&points, self.stroke(colour, width)),
            Stroke::Dashed => {
                let [dash, gap] = [7.0, 5.0].map(|length| self.px(length));
                let style = self.stroke(colour, 1.4);
                self.area.draw(&DashedPathElement::new(points, dash, gap, style))
            }
        }
    }

    fn path(&self, points: &[(i32, i32)], style: ShapeStyle) -> Result<(), Failure<DB>> {
        if !self.medium.segmented {
            return self.area.draw(&PathElement::new(points, style));
        }
        let half = (style.stroke_width / 2) as i32;
        points.windows(2).try_for_each(|ends| {
            self.area.draw(&PathElement::new(ends, style))?;
            let (x, y) = ends[1];
            let corner = [(x - half, y - half), (x + half, y + half)];
            self.area.draw(&Rectangle::new(corner, style.filled()))
        })
    }

    fn milestones(
        &self,
        figure: &Figure,
        labels: &[Placed],
        frame: Frame,
        rows_top: Option<i32>,
    ) -> Result<(), Failure<DB>> {
        for (milestone, label) in figure.milestones.iter().zip(labels) {
            let colour = if milestone.is_fault { BLACK } else { GREY };
            let mut top = frame.top;
            if let (Some(rows_top), Some(row)) = (rows_top, label.row) {
                top = rows_top + LABEL_ROW * row as i32;
                let at = (label.text_x, top + LABEL_ROW / 2);
                self.text(&milestone.label, at, 14, colour, HPos::Left)?;
            }
            let width = if milestone.is_fault { 1.8 } else { 1.0 };
            let bottom = (label.line_x, frame.bottom);
            self.line((label.line_x, top), bottom, self.stroke(colour, width))?;
        }
        Ok(())
    }

    fn minutes(&self, end_min: f64, bottom: i32) -> Result<(), Failure<DB>> {
        let width = f64::from(SIZE.0 as i32 - LEFT - RIGHT);
        for mark in layout::minute_marks(end_min) {
            let x = LEFT + (width * mark / end_min).round() as i32;
            self.line((x, bottom), (x, bottom + 5), self.stroke(GREY, 1.2))?;
            self.text(&written(mark, Unit::Plain), (x, bottom + 17), 14, GREY, HPos::Center)?;
        }
        let middle = (LEFT + SIZE.0 as i32 - RIGHT) / 2;
        let label = "Minutes since the start of the run";
        self.text(label, (middle, bottom + 41), 15, RGBColor(40, 40, 40), HPos::Center)
    }
}

const fn rgb(colour: Colour) -> RGBColor {
    RGBColor(colour.0, colour.1, colour.2)
}

/// A value of an axis as text.
fn written(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Percent if value.abs() < 1e-9 => "0 %".to_owned(),
        Unit::Percent => format!("{:+} %", (value * 100.0).round() as i64),
        Unit::Count | Unit::Plain if value.fract() == 0.0 && 0.0 <= value => count(value as u64),
        Unit::Count | Unit::Plain => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}
