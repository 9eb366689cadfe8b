//! Histograms of metrics in bins of round width, in whole millionths, so that no rounding decides
//! into which bin a value falls.

use super::metric::{Figure, Metric, Row};

/// About as many bins as a histogram has.
const N_BINS: i64 = 30;

/// A bin: values from `from` to below `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin {
    /// Least value that belongs to it.
    pub from: Figure,
    /// Least value that does not any more; never, in the bin of those not reached.
    pub to: Figure,
    /// Trials in it.
    pub n: u64,
}

/// The bins of a metric in ascending order, empty ones between others included; values that were
/// not reached have a bin of their own at the end.
#[must_use]
pub fn bins(rows: &[Row], metric: Metric) -> Vec<Bin> {
    let figures = || rows.iter().map(|row| row.figure(metric));
    let is_number = |figure: &Figure| *figure != Figure::ABSENT && *figure != Figure::NEVER;
    let numbers = || figures().filter(is_number).map(Figure::millionths);
    let mut bins = Vec::new();
    if let (Some(min), Some(max)) = (numbers().min(), numbers().max()) {
        let width = round_width(((max - min + N_BINS - 1) / N_BINS).max(1));
        let first = min.div_euclid(width);
        let mut counts = vec![0; (max.div_euclid(width) - first) as usize + 1];
        numbers().for_each(|value| counts[(value.div_euclid(width) - first) as usize] += 1);
        let edge = |index: usize| Figure::from_millionths((first + index as i64) * width);
        let counts = counts.into_iter().enumerate();
        bins.extend(counts.map(|(i, n)| Bin { from: edge(i), to: edge(i + 1), n }));
    }
    let n_never = figures().filter(|figure| *figure == Figure::NEVER).count() as u64;
    if 0 < n_never {
        bins.push(Bin { from: Figure::NEVER, to: Figure::NEVER, n: n_never });
    }
    bins
}

/// The least of 1, 2, 5, 10, 20, 50, ... that is at least `width`.
fn round_width(width: i64) -> i64 {
    let mut power = 1;
    loop {
        if let Some(round) = [1, 2, 5].map(|digit| digit * power).into_iter().find(|w| width <= *w)
        {
            return round;
        }
        power *= 10;
    }
}

#[cfg(test)]
mod tests {
    use crate::experiment::metric::N_METRICS;

    use super::*;

    fn of(values: &[Figure]) -> Vec<Bin> {
        let row = |figure| {
            let mut figures = [Figure::ABSENT; N_METRICS];
            figures[Metric::Failover as usize] = figure;
            Row::bare(0, figures)
        };
        bins(&values.iter().copied().map(row).collect::<Vec<_>>(), Metric::Failover)
    }

    fn bin(from: f64, to: f64, n: u64) -> Bin {
        Bin { from: Figure::new(from), to: Figure::new(to), n }
    }

    /// Every value lies in one bin, edges belong to the upper one, negative values too.
    #[test]
    fn every_value_has_its_bin() {
        let values: Vec<Figure> = (-3..=27).map(|value| Figure::new(f64::from(value))).collect();
        let found = of(&values);
        let expected: Vec<Bin> =
            (-3..=27).map(|value| bin(f64::from(value), f64::from(value) + 1.0, 1)).collect();
        assert_eq!(found, expected);
    }

    /// One value, none, and those that do not apply or were not reached.
    #[test]
    fn few_values_have_bins_too() {
        assert_eq!(of(&[Figure::ABSENT]), []);
        let never = Bin { from: Figure::NEVER, to: Figure::NEVER, n: 2 };
        let value = Figure::new(1.5);
        assert_eq!(of(&[Figure::NEVER, Figure::NEVER]), [never]);
        assert_eq!(
            of(&[value, Figure::NEVER, value, Figure::NEVER]),
            [bin(1.5, 1.500_001, 2), never]
        );
    }

    /// Widths are the next of 1, 2, 5 times a power of ten.
    #[test]
    fn widths_are_round() {
        for (width, round) in [(1, 1), (2, 2), (3, 5), (5, 5), (6, 10), (11, 20), (501, 1_000)] {
            assert_eq!(round_width(width), round, "{width}");
        }
    }
}
