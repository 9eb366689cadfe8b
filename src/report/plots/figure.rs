//! A figure as plain data: panels above each other that share an axis of minutes.

/// A whole picture.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it shows, in one line.
    pub title: String,
    /// Which run it shows.
    pub subtitle: String,
    /// End of the time axis \[min\].
    pub end_min: f64,
    /// Panels, from top to bottom.
    pub panels: Vec<Panel>,
    /// Instants that are marked in all panels, in order of time.
    pub milestones: Vec<Milestone>,
    /// Stretches of time that are shaded \[min\].
    pub shaded: Vec<(f64, f64)>,
}

/// One set of axes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Quantity and unit of the vertical axis.
    pub label: String,
    /// The vertical axis.
    pub axis: Axis,
    /// What is drawn, later ones on top; the legend names them in this order.
    pub series: Vec<Series>,
    /// A value that is drawn as a line across, with what it means.
    pub threshold: Option<(f64, &'static str)>,
}

/// A vertical axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Value at the bottom.
    pub min: f64,
    /// Value at the top; larger ones are drawn at the edge.
    pub max: f64,
    /// How values become heights.
    pub scale: Scale,
    /// How values are written.
    pub unit: Unit,
}

/// How values become heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// In proportion.
    Linear,
    /// In proportion to the logarithm.
    Logarithmic,
}

/// How the values of an axis are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// As numbers.
    Plain,
    /// As whole numbers: there is no half of a node.
    Count,
    /// 1 as `+100 %`.
    Percent,
}

/// A line or an area.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend; empty: it is not named there.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Its points (minutes, value), in runs with gaps between them.
    pub runs: Vec<Vec<(f64, f64)>>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// A line.
    Solid,
    /// A thinner, broken line.
    Dashed,
    /// The area from the points down to the bottom of the panel.
    Area,
}

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

/// Okabe and Ito's colours (jfly.uni-koeln.de/color), without yellow, which is too pale on white.
impl Colour {
    /// For what went well.
    pub const BLUE: Self = Self(0, 114, 178);
    /// The same, for large areas.
    pub const SKY: Self = Self(128, 196, 235);
    /// For what went wrong, only.
    pub const VERMILLION: Self = Self(213, 94, 0);
    /// For totals.
    pub const BLACK: Self = Self(30, 30, 30);
    /// For series without a meaning of their own, such as clusters, in order.
    pub const CYCLE: [Self; 5] =
        [Self::BLUE, Self(230, 159, 0), Self(0, 158, 115), Self(204, 121, 167), Self(86, 180, 233)];

    /// The colour of the series number `index`.
    #[must_use]
    pub const fn nth(index: usize) -> Self {
        Self::CYCLE[index % Self::CYCLE.len()]
    }
}

/// An instant that matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Milestone {
    /// When \[min\].
    pub at_min: f64,
    /// What happened, in a few words.
    pub label: String,
    /// Whether it is a fault, and not something that follows from one.
    pub is_fault: bool,
}

/// Splits a series with gaps into runs of known values.
#[must_use]
pub fn runs(points: impl Iterator<Item = (f64, Option<f64>)>) -> Vec<Vec<(f64, f64)>> {
    let mut runs = vec![Vec::new()];
    for (at_min, value) in points {
        match value {
            Some(value) => runs.last_mut().expect("there is always a run").push((at_min, value)),
            None if runs.last().is_some_and(|run| !run.is_empty()) => runs.push(Vec::new()),
            None => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Turns values that hold from one instant to the next into a line with steps.
#[must_use]
pub fn steps(points: &[(f64, f64)], end_min: f64) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = Vec::new();
    for &(at_min, value) in points {
        match line.last() {
            Some(&(_, last)) if last == value => {}
            Some(&(_, last)) => line.extend([(at_min, last), (at_min, value)]),
            None => line.push((at_min, value)),
        }
    }
    if let Some(&(_, last)) = line.last() {
        line.push((end_min, last));
    }
    line
}

/// The top of a linear axis that shows `max` with a little room: 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6
/// or 8 times a power of ten.
#[must_use]
pub fn round_up(max: f64) -> f64 {
    let mut decade = 1.0;
    while decade * 10.0 <= max {
        decade *= 10.0;
    }
    let steps = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0];
    let fits = steps.iter().map(|step| step * decade).find(|&top| max * 1.02 <= top);
    fits.unwrap_or(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unknown values split a series; none of them starts or ends a run.
    #[test]
    fn gaps_split_a_series() {
        let values = [None, Some(1.0), Some(2.0), None, None, Some(3.0), None];
        let series = values.into_iter().enumerate().map(|(i, value)| (i as f64, value));
        assert_eq!(runs(series), [vec![(1.0, 1.0), (2.0, 2.0)], vec![(5.0, 3.0)]]);
    }

    /// A value holds until the next one; equal neighbours add no points.
    #[test]
    fn states_become_steps() {
        let line = steps(&[(0.0, 5.0), (1.0, 5.0), (2.0, 7.0)], 3.0);
        assert_eq!(line, [(0.0, 5.0), (2.0, 5.0), (2.0, 7.0), (3.0, 7.0)]);
    }

    /// The top of an axis lies above the largest value, by at most three fifths.
    #[test]
    fn axes_end_on_round_numbers() {
        for (max, top) in [(0.0, 1.0), (60.0, 80.0), (10_050.0, 12_000.0), (97.0, 100.0)] {
            assert_eq!(round_up(max), top, "{max}");
        }
    }
}
