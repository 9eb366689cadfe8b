//! Which input moves an output: shares of its variance, from outputs alone.
//!
//! The first-order index of an input is the share of the variance that it explains by itself, the
//! total-order index the share that would remain if all others were known: with the interactions
//! in which it takes part. On a complete grid both are exact averages. Elsewhere they are
//! estimated from two samples A and B and, for each input i, the sample AB_i: A with the column i
//! of B (Saltelli et al., Variance based sensitivity analysis of model output, Computer Physics
//! Communications 181, 2010): first order by their equation (b) of table 2, total order by
//! equation (f), which is Jansen's (Computer Physics Communications 117, 1999). Errors are
//! those of the jackknife over rows.

use crate::sim::statistics::mean;

/// What share of the variance of an output an input explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Index {
    /// By itself.
    pub first: f64,
    /// With all interactions in which it takes part.
    pub total: f64,
    /// Standard errors of both; `None` on a complete grid, where nothing is estimated.
    pub errors: Option<[f64; 2]>,
}

/// Outputs at the rows of both samples, and of the first with one column of the second.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// At A.
    pub a: Vec<f64>,
    /// At B.
    pub b: Vec<f64>,
    /// At AB_i, for each input i.
    pub ab: Vec<Vec<f64>>,
}

/// A variance below this share of the squared mean is rounding.
const ROUNDING: f64 = 1e-24;

/// The indices of each input, estimated; `None` if the output does not vary.
///
/// # Panics
/// If the samples have different lengths, or fewer than two rows.
#[must_use]
pub fn estimated(outputs: &Outputs) -> Option<Vec<Index>> {
    let Outputs { a, b, ab } = outputs;
    let n = a.len();
    assert!(2 <= n && b.len() == n && ab.iter().all(|it| it.len() == n), "samples are alike");
    let centre = mean(&[&a[..], b].concat()).expect("there are outputs");
    // Sums over rows: of outputs and their squares at A and B, and of what each index averages.
    let moments = |row: usize| {
        let (a, b) = (a[row] - centre, b[row] - centre);
        [a + b, a * a + b * b]
    };
    let terms = |ab: &[f64], row: usize| {
        let moved = ab[row] - a[row];
        [(b[row] - centre) * moved, 0.5 * moved * moved]
    };
    let sum = |term: &dyn Fn(usize) -> [f64; 2]| {
        (0..n).map(term).fold([0.0; 2], |sum, term| [sum[0] + term[0], sum[1] + term[1]])
    };
    let variance = |sums: [f64; 2], n: f64| {
        let mean = sums[0] / (2.0 * n);
        sums[1] / (2.0 * n) - mean * mean
    };
    let all = sum(&moments);
    let whole = variance(all, n as f64);
    if whole <= ROUNDING * centre * centre {
        return None;
    }
    let index = |ab: &Vec<f64>| {
        let of_input = sum(&|row| terms(ab, row));
        let [first, total] = of_input.map(|sum| sum / n as f64 / whole);
        let without = |row: usize| -> Option<[f64; 2]> {
            let (moments, terms, n) = (moments(row), terms(ab, row), n as f64 - 1.0);
            let rest = variance([all[0] - moments[0], all[1] - moments[1]], n);
            let shares = [0, 1].map(|it| (of_input[it] - terms[it]) / n / rest);
            (0.0 < rest).then_some(shares)
        };
        let left_out: Option<Vec<[f64; 2]>> = (0..n).map(without).collect();
        Index { first, total, errors: left_out.map(|it| [0, 1].map(|i| jackknife(&it, i))) }
    };
    Some(ab.iter().map(index).collect())
}

/// Standard error of an estimate from what it is without each row.
fn jackknife(left_out: &[[f64; 2]], which: usize) -> f64 {
    let values: Vec<f64> = left_out.iter().map(|values| values[which]).collect();
    let (n, centre) = (values.len() as f64, mean(&values).expect("there are rows"));
    let squares: f64 = values.iter().map(|value| (value - centre) * (value - centre)).sum();
    ((n - 1.0) / n * squares).sqrt()
}

/// The indices of each input on a complete grid with `sizes` values of each, the last one varying
/// fastest: exact, each value equally likely. `None` if the output does not vary.
///
/// # Panics
/// If there is not one output for each point of the grid.
#[must_use]
pub fn on_grid(sizes: &[usize], outputs: &[f64]) -> Option<Vec<Index>> {
    assert_eq!(sizes.iter().product::<usize>(), outputs.len(), "the grid is complete");
    let centre = mean(outputs)?;
    let whole = spread(outputs, centre);
    if whole <= ROUNDING * centre * centre {
        return None;
    }
    let index = |input: usize| {
        let stride: usize = sizes[input + 1..].iter().product();
        let level = |point: usize| point / stride % sizes[input];
        let first = means(outputs, sizes[input], level);
        // The point with this input at its first value stands for all that differ in it only.
        let others = means(outputs, outputs.len(), |point| point - level(point) * stride);
        let others: Vec<f64> = others.into_iter().flatten().collect();
        let first: Vec<f64> = first.into_iter().flatten().collect();
        Index {
            first: spread(&first, centre) / whole,
            total: 1.0 - spread(&others, centre) / whole,
            errors: None,
        }
    };
    Some((0..sizes.len()).map(index).collect())
}

/// The mean output of each group; `None` for a group without a point.
#[must_use]
pub fn means(outputs: &[f64], n_groups: usize, group: impl Fn(usize) -> usize) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0_u32); n_groups];
    for (point, output) in outputs.iter().enumerate() {
        let (sum, n) = &mut sums[group(point)];
        *sum += output;
        *n += 1;
    }
    sums.into_iter().map(|(sum, n)| (0 < n).then(|| sum / f64::from(n))).collect()
}

/// Mean square distance from `centre`.
fn spread(values: &[f64], centre: f64) -> f64 {
    let squares: f64 = values.iter().map(|value| (value - centre) * (value - centre)).sum();
    squares / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::sim::maths;
    use crate::sim::sobol::scrambled;
    use crate::sim::streams::{Stream, unit};

    /// The outputs of a function of `k` uniform inputs at scrambled Sobol points.
    fn outputs(k: usize, n: u64, seed: u64, function: impl Fn(&[f64]) -> f64) -> Outputs {
        let draw = |row, d: usize| {
            let scramble = Stream::new(seed, 0, "sensitivity-test", &d.to_string());
            unit(scrambled(row, d, &scramble))
        };
        let rows = |side: usize| -> Vec<Vec<f64>> {
            (0..n).map(|row| (0..k).map(|i| draw(row, side * k + i)).collect()).collect()
        };
        let (a, b) = (rows(0), rows(1));
        let mixed = |input: usize| {
            let row = |(a, b): (&Vec<f64>, &Vec<f64>)| {
                let mut row = a.clone();
                row[input] = b[input];
                function(&row)
            };
            a.iter().zip(&b).map(row).collect()
        };
        Outputs {
            ab: (0..k).map(mixed).collect(),
            a: a.iter().map(|row| function(row)).collect(),
            b: b.iter().map(|row| function(row)).collect(),
        }
    }

    fn assert_near(found: &[Index], expected: &[[f64; 2]], tolerance: f64) {
        for (input, (found, expected)) in found.iter().zip(expected).enumerate() {
            let off = [found.first - expected[0], found.total - expected[1]];
            assert!(
                off.iter().all(|off| off.abs() <= tolerance),
                "{input}: {found:?} {expected:?}"
            );
        }
        assert_eq!(found.len(), expected.len());
    }

    /// Ishigami's function sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1 of uniform inputs in (-pi, pi)
    /// (Ishigami and Homma, 1990): V = 49/8 + pi^4/50 + pi^8/1800 + 1/2, and shares of
    /// (1 + pi^4/50)^2 / 2 for x1, 49/8 for x2, none for x3, 8 pi^8/22500 for x1 with x3. At 1,024
    /// rows each index is within 0.02, and within four of its own standard errors.
    #[test]
    fn ishigami_is_found() {
        const PI: f64 = std::f64::consts::PI;
        let power = |exponent: f64| maths::pow(PI, exponent);
        let whole = 49.0 / 8.0 + power(4.0) / 50.0 + power(8.0) / 1_800.0 + 0.5;
        let first = [0.5 * (1.0 + power(4.0) / 50.0) * (1.0 + power(4.0) / 50.0), 49.0 / 8.0, 0.0];
        let joint = 8.0 * power(8.0) / 22_500.0;
        let expected = [0, 1, 2].map(|input| {
            let with = if input == 1 { 0.0 } else { joint };
            [first[input] / whole, (first[input] + with) / whole]
        });
        let function = |row: &[f64]| {
            let x: Vec<f64> = row.iter().map(|u| (2.0 * u - 1.0) * PI).collect();
            let (one, two) = (maths::sin(x[0]), maths::sin(x[1]));
            one + 7.0 * two * two + 0.1 * x[2] * x[2] * x[2] * x[2] * one
        };
        let found = estimated(&outputs(3, 1_024, 1, function)).unwrap();
        assert_near(&found, &expected, 0.02);
        for (found, expected) in found.iter().zip(expected) {
            let [first, total] = found.errors.unwrap();
            assert!((found.first - expected[0]).abs() <= 4.0 * first + 1e-9, "{found:?}");
            assert!((found.total - expected[1]).abs() <= 4.0 * total + 1e-9, "{found:?}");
        }
    }

    /// A sum 3 x + 2 y + z: shares 9, 4 and 1 of 14, first and total; a knob without effect has
    /// none; a constant has no shares at all, and the errors say how wrong few rows are: of 200
    /// repeats of 32 independent rows the truth is within two errors in at least 180.
    #[test]
    fn a_sum_has_its_shares() {
        let function = |x: &[f64]| 1e6 + 3.0 * x[0] + 2.0 * x[1] + x[2];
        let expected = [9.0, 4.0, 1.0, 0.0].map(|share| [share / 14.0; 2]);
        let found = estimated(&outputs(4, 512, 2, function)).unwrap();
        assert_near(&found, &expected, 0.02);
        assert_eq!((found[3].first, found[3].total), (0.0, 0.0));
        assert_eq!(estimated(&outputs(2, 8, 1, |_| 7.0)), None);
        let is_within = |seed: u64| {
            let stream = |side| Stream::new(seed, 0, "rows", side);
            let row = |side, row: u64| -> Vec<f64> {
                (0..3).map(|i| unit(stream(side).at(3 * row + i))).collect()
            };
            let mixed = |input: usize, index| {
                let mut mixed = row("a", index);
                mixed[input] = row("b", index)[input];
                function(&mixed)
            };
            let found = estimated(&Outputs {
                a: (0..32).map(|index| function(&row("a", index))).collect(),
                b: (0..32).map(|index| function(&row("b", index))).collect(),
                ab: (0..3).map(|input| (0..32).map(|i| mixed(input, i)).collect()).collect(),
            });
            let found = found.unwrap()[0];
            (found.total - 9.0 / 14.0).abs() <= 2.0 * found.errors.unwrap()[1]
        };
        let n_within = (0..200).filter(|&seed| is_within(seed)).count();
        assert!(180 <= n_within, "{n_within}");
    }

    /// On a grid by hand: x + 10 y with x in 0..3 and y in 0..2 has variance 2/3 + 25; x y has
    /// variance 7/12, of which its mean given x has 1/6, given y 1/4, and the rest of 1/6 belongs
    /// to both.
    #[test]
    fn a_grid_is_exact() {
        let grid = |function: fn(f64, f64) -> f64| -> Vec<f64> {
            let points = (0..3).flat_map(|x| (0..2).map(move |y| (x, y)));
            points.map(|(x, y)| function(f64::from(x), f64::from(y))).collect()
        };
        let sum = on_grid(&[3, 2], &grid(|x, y| x + 10.0 * y)).unwrap();
        let whole = 2.0 / 3.0 + 25.0;
        assert_near(&sum, &[[2.0 / 3.0 / whole; 2], [25.0 / whole; 2]], 1e-12);
        let product = on_grid(&[3, 2], &grid(|x, y| x * y)).unwrap();
        let share = |part: f64| part / (7.0 / 12.0);
        let expected = [[share(1.0 / 6.0), share(1.0 / 3.0)], [share(0.25), share(5.0 / 12.0)]];
        assert_near(&product, &expected, 1e-12);
        assert_eq!(on_grid(&[2, 2], &[3.0; 4]), None);
        assert_eq!(means(&[1.0, 2.0, 6.0], 3, |point| point / 2), [Some(1.5), Some(6.0), None]);
    }
}
