//! Where things go: tick marks, and labels of milestones that neither overlap nor are crossed.

/// Tick marks of a linear axis: multiples of 1, 2, 2.5 or 5 times a power of ten (from 1 up, of
/// whole numbers only), `least_step` apart or more, at most `most`.
pub(super) fn linear_marks(min: f64, max: f64, most: usize, least_step: f64) -> Vec<f64> {
    assert!(min < max && 1 < most, "an axis has two ends");
    let mut decade = 1e-6;
    loop {
        let steps = [1.0, 2.0, 2.5, 5.0].map(|step| step * decade);
        let is_fine = |step: &f64| least_step <= *step && (*step < 1.0 || step.fract() == 0.0);
        for step in steps.into_iter().filter(is_fine) {
            let (first, last) = ((min / step - 1e-9).ceil(), (max / step + 1e-9).floor());
            if last - first < most as f64 {
                let n_marks = (last - first) as usize + 1;
                return (0..n_marks).map(|i| (first + i as f64) * step).collect();
            }
        }
        decade *= 10.0;
    }
}

/// Tick marks of a logarithmic axis: 1, 2 and 5 times each power of ten from `min` to `max`.
pub(super) fn log_marks(min: f64, max: f64) -> Vec<f64> {
    let mut marks = Vec::new();
    for exponent in -3..9_i32 {
        let decade = if exponent < 0 {
            1.0 / [1.0, 10.0, 100.0, 1000.0][exponent.unsigned_abs() as usize]
        } else {
            (0..exponent).fold(1.0, |decade, _| decade * 10.0)
        };
        marks.extend([decade, 2.0 * decade, 5.0 * decade]);
    }
    marks.retain(|&mark| min * 0.999 <= mark && mark <= max * 1.001);
    marks
}

/// Tick marks of the axis of minutes: steps that people count time in, at most 13 of them.
pub(super) fn minute_marks(end_min: f64) -> Vec<f64> {
    let steps = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 1_440.0];
    let fits = steps.iter().copied().find(|step| end_min / step <= 12.5);
    let step = fits.unwrap_or_else(|| (end_min / 12.0 / 1_440.0).ceil() * 1_440.0);
    let n_steps = (end_min / step + 1e-9).floor() as usize;
    (0..=n_steps).map(|i| i as f64 * step).collect()
}

/// A label beside its vertical line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Where the line is.
    pub(super) line_x: i32,
    /// Where the text begins.
    pub(super) text_x: i32,
    /// Width of the text.
    pub(super) width: i32,
    /// Row of the text, 0 at the top; `None`: there is no room, only the line is drawn.
    pub(super) row: Option<usize>,
}

/// Distance of a text from its line, and of neighbours from each other [px].
pub(super) const GAP: i32 = 5;

/// Places labels, given as (x of the line, width of the text) in order of x, in at most `rows`
/// rows: no two texts overlap, and no line, which goes down from its own row, crosses a text.
pub(super) fn place(labels: &[(i32, i32)], right_edge: i32, rows: usize) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::new();
    for &(line_x, width) in labels {
        let fits_right = line_x + GAP + width <= right_edge;
        let text_x = if fits_right { line_x + GAP } else { line_x - GAP - width };
        let mut next = Placed { line_x, text_x, width, row: None };
        next.row = (0..rows).find(|&row| is_free(&placed, &next, row));
        placed.push(next);
    }
    placed
}

fn is_free(placed: &[Placed], next: &Placed, row: usize) -> bool {
    placed.iter().all(|other| {
        let Some(other_row) = other.row else { return true };
        let overlap = other_row == row
            && next.text_x < other.end() + 2 * GAP
            && other.text_x < next.end() + 2 * GAP;
        let crosses_other = row < other_row && other.covers(next.line_x);
        let is_crossed = other_row < row && next.covers(other.line_x);
        !overlap && !crosses_other && !is_crossed
    })
}

impl Placed {
    const fn end(&self) -> i32 {
        self.text_x + self.width
    }

    const fn covers(&self, x: i32) -> bool {
        self.text_x - GAP < x && x < self.end() + GAP
    }
}

/// Drops points that no pixel shows: of those in one column, the first, lowest, highest and last
/// are enough.
pub(super) fn thin(points: &[(i32, i32)]) -> Vec<(i32, i32)> {
    let mut kept: Vec<(i32, i32)> = Vec::new();
    for column in points.chunk_by(|a, b| a.0 == b.0) {
        let low = column.iter().min_by_key(|point| point.1);
        let high = column.iter().max_by_key(|point| point.1);
        for point in [column.first(), low, high, column.last()].into_iter().flatten() {
            if kept.last() != Some(point) {
                kept.push(*point);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marks are round, lie within the axis, and are not more than asked for.
    #[test]
    fn marks_are_round() {
        assert_eq!(linear_marks(0.0, 12_000.0, 7, 0.0), [0.0, 2e3, 4e3, 6e3, 8e3, 1e4, 12e3]);
        assert_eq!(linear_marks(-0.5, 0.5, 5, 0.0), [-0.4, -0.2, 0.0, 0.2, 0.4]);
        assert_eq!(linear_marks(0.0, 3.0, 7, 1.0), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(log_marks(20.0, 500.0), [20.0, 50.0, 100.0, 200.0, 500.0]);
        assert_eq!(minute_marks(60.0).len(), 13);
        assert_eq!(minute_marks(360.0).last(), Some(&360.0));
        assert_eq!(minute_marks(0.5), [0.0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5]);
    }

    /// Lines close together get rows below each other, so that no line crosses a text; one near
    /// the right edge writes to its left; what does not fit keeps its line only.
    #[test]
    fn labels_do_not_collide() {
        let placed = place(&[(100, 80), (110, 80), (120, 80), (300, 60), (390, 50)], 400, 2);
        let rows: Vec<_> = placed.iter().map(|label| label.row).collect();
        assert_eq!(rows, [Some(0), Some(1), None, Some(0), Some(1)]);
        assert_eq!(placed[4].text_x, 390 - GAP - 50);
    }

    /// Thinning keeps the extremes of every column.
    #[test]
    fn thinning_keeps_extremes() {
        let points = [(0, 5), (0, 9), (0, 1), (0, 6), (0, 6), (1, 6)];
        assert_eq!(thin(&points), [(0, 5), (0, 1), (0, 9), (0, 6), (1, 6)]);
    }
}
