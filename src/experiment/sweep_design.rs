//! Which points of a sweep are run: a grid, a Latin hypercube, or Sobol points.

use std::collections::BTreeMap;

use crate::scenario::variation::Variation;
use crate::sim::sobol::{N_DIMENSIONS, scrambled};
use crate::sim::streams::{Cursor, Stream, unit};

/// How points are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// Every combination of the values of all knobs.
    Grid,
    /// So many points, of which each knob's values are spread evenly (McKay, Beckman and Conover,
    /// Technometrics 21, 1979).
    Latin(usize),
    /// So many rows, a power of two, of two samples of scrambled Sobol points and of each mixture
    /// of them that [`estimated`](super::sensitivity::estimated) needs.
    Sobol(usize),
}

/// The points of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Points {
    /// How they were chosen.
    pub design: Design,
    /// The values of all knobs at each point, none twice.
    pub values: Vec<Vec<String>>,
    /// For Sobol points: the point at each row of A, of B, and of AB_i for each knob i.
    pub rows: Vec<Vec<usize>>,
}

/// Points at most.
pub const MOST_POINTS: usize = 10_000;

impl Design {
    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Latin(_) => "latin",
            Self::Sobol(_) => "sobol",
        }
    }
}

/// Chooses the points; `seed` is that of all draws.
///
/// # Errors
/// If there are too many of them or too many knobs, or the rows are no power of two.
pub fn points(design: Design, knobs: &[Variation], seed: u64) -> Result<Points, String> {
    let n_points = match design {
        Design::Grid => {
            knobs.iter().map(|knob| knob.levels().len()).try_fold(1, usize::checked_mul)
        }
        Design::Latin(n) => Some(n),
        Design::Sobol(n) => n.checked_mul(knobs.len() + 2),
    };
    if n_points.is_none_or(|n| MOST_POINTS < n) {
        let n = n_points.map_or_else(|| "more".to_owned(), |n| n.to_string());
        return Err(format!("{n} points to run; allowed: at most {MOST_POINTS}"));
    }
    let rows = match design {
        Design::Grid => vec![grid(knobs)],
        Design::Latin(n) => vec![latin(n, knobs, seed)],
        Design::Sobol(n) => sobol(n, knobs, seed)?,
    };
    let mut known: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut values = Vec::new();
    let mut number = |point: Vec<String>| {
        *known.entry(point.clone()).or_insert_with(|| {
            values.push(point);
            values.len() - 1
        })
    };
    let rows: Vec<Vec<usize>> =
        rows.into_iter().map(|rows| rows.into_iter().map(&mut number).collect()).collect();
    let rows = if matches!(design, Design::Sobol(_)) { rows } else { Vec::new() };
    Ok(Points { design, values, rows })
}

/// Every combination; the last knob varies fastest.
fn grid(knobs: &[Variation]) -> Vec<Vec<String>> {
    knobs.iter().fold(vec![Vec::new()], |points, knob| {
        let levels = knob.levels();
        let with = |point: Vec<String>| {
            levels
                .iter()
                .map(move |level| [&point[..], std::slice::from_ref(level)].concat())
                .collect()
        };
        points.into_iter().flat_map::<Vec<_>, _>(with).collect()
    })
}

/// In each of `n` equal parts of a knob's range lies one point.
fn latin(n: usize, knobs: &[Variation], seed: u64) -> Vec<Vec<String>> {
    let column = |knob: &Variation| -> Vec<String> {
        let mut draws = Cursor::new(Stream::new(seed, 0, "latin-hypercube", &knob.path));
        let mut parts: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            parts.swap(last, draws.next_below(last + 1));
        }
        let place = |part: usize, draw: f64| (part as f64 + draw) / n as f64;
        parts.into_iter().map(|part| knob.at(place(part, draws.next_unit()))).collect()
    };
    let columns: Vec<Vec<String>> = knobs.iter().map(column).collect();
    (0..n).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect()
}

/// The rows of A, B and each AB_i.
fn sobol(n: usize, knobs: &[Variation], seed: u64) -> Result<Vec<Vec<Vec<String>>>, String> {
    let most = N_DIMENSIONS / 2;
    if most < knobs.len() {
        return Err(format!("{} knobs; allowed with Sobol points: at most {most}", knobs.len()));
    }
    if n < 2 || !n.is_power_of_two() {
        return Err(format!("{n} rows of Sobol points; allowed: a power of two, from 2 on"));
    }
    let value = |side: usize, row: usize, knob: usize| {
        let dimension = side * knobs.len() + knob;
        let scramble = Stream::new(seed, side as u64, "sobol-rows", &knobs[knob].path);
        knobs[knob].at(unit(scrambled(row as u64, dimension, &scramble)))
    };
    let sample = |side: usize| -> Vec<Vec<String>> {
        (0..n).map(|row| (0..knobs.len()).map(|knob| value(side, row, knob)).collect()).collect()
    };
    let (a, b) = (sample(0), sample(1));
    let mixed = |knob: usize| -> Vec<Vec<String>> {
        let mixed = |(a, b): (&Vec<String>, &Vec<String>)| {
            let mut point = a.clone();
            point[knob].clone_from(&b[knob]);
            point
        };
        a.iter().zip(&b).map(mixed).collect()
    };
    let mixtures: Vec<_> = (0..knobs.len()).map(mixed).collect();
    Ok([a, b].into_iter().chain(mixtures).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knobs(texts: &[&str]) -> Vec<Variation> {
        texts.iter().map(|text| Variation::parse(text).unwrap()).collect()
    }

    fn numbers(points: &Points, knob: usize) -> Vec<f64> {
        points.values.iter().map(|values| values[knob].parse().unwrap()).collect()
    }

    /// A grid has every combination, the last knob fastest.
    #[test]
    fn a_grid_is_complete() {
        let found = points(Design::Grid, &knobs(&["a=1..2", "b=x,y,z"]), 1).unwrap();
        let joined: Vec<String> = found.values.iter().map(|values| values.concat()).collect();
        assert_eq!(joined, ["1x", "1y", "1z", "2x", "2y", "2z"]);
    }

    /// A Latin hypercube has one point in each part of each knob, in another order for each; all
    /// of it depends on the seed, and a knob does not on those beside it.
    #[test]
    fn a_latin_hypercube_spreads_each_knob() {
        let of = |texts: &[&str], seed| points(Design::Latin(40), &knobs(texts), seed).unwrap();
        let found = of(&["a=0.0..40.0", "b=0.0..80.0"], 1);
        for (knob, width) in [(0, 1.0), (1, 2.0)] {
            let mut parts: Vec<f64> =
                numbers(&found, knob).into_iter().map(|value| (value / width).floor()).collect();
            parts.sort_by(f64::total_cmp);
            assert!(parts.into_iter().eq((0..40).map(f64::from)), "{knob}");
        }
        assert_ne!(numbers(&found, 0), numbers(&of(&["a=0.0..40.0"], 2), 0));
        assert_eq!(numbers(&found, 0), numbers(&of(&["a=0.0..40.0"], 1), 0));
    }

    /// Sobol rows spread both samples of each knob evenly; a mixture is A but for one column of
    /// B; points that are equal are run once.
    #[test]
    fn sobol_rows_are_two_samples_and_their_mixtures() {
        let found = points(Design::Sobol(16), &knobs(&["a=0.0..16.0", "b=0.0..1.0"]), 1).unwrap();
        assert_eq!((found.rows.len(), found.values.len()), (4, 64));
        let at = |sample: usize, row: usize| &found.values[found.rows[sample][row]];
        for sample in [0, 1] {
            let value = |row| at(sample, row)[0].parse::<f64>().unwrap().floor();
            let mut parts: Vec<f64> = (0..16).map(value).collect();
            parts.sort_by(f64::total_cmp);
            assert!(parts.into_iter().eq((0..16).map(f64::from)), "{sample}");
        }
        for row in 0..16 {
            let (a, b) = (at(0, row), at(1, row));
            assert_eq!(
                (at(2, row), at(3, row)),
                (&vec![b[0].clone(), a[1].clone()], &vec![a[0].clone(), b[1].clone()],)
            );
        }
        let few = points(Design::Sobol(16), &knobs(&["a=1..2", "b=1..2"]), 1).unwrap();
        assert_eq!(few.values.len(), 4);
    }

    /// What cannot be run is refused with what can.
    #[test]
    fn limits_are_named() {
        let many: Vec<String> = (0..17).map(|i| format!("k{i}=1..2")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (design, texts, says) in [
            (Design::Grid, &["a=1..101:101", "b=1..100:100"][..], "10100 points to run"),
            (Design::Latin(10_001), &["a=1..2"], "at most 10000"),
            (Design::Sobol(12), &["a=1..2"], "12 rows of Sobol points; allowed: a power of two"),
            (Design::Sobol(1), &["a=1..2"], "from 2 on"),
            (Design::Sobol(2), &many, "17 knobs; allowed with Sobol points: at most 16"),
        ] {
            let said = points(design, &knobs(texts), 1).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }
}
