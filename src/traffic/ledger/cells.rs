//! Laws of wait and service as cells: values with weights, finer in the tail.

use std::sync::LazyLock;

use crate::sim::laws::Law;
use crate::sim::maths;

/// The wait of requests that found their station in one state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::traffic) struct Wait {
    /// Share that waits.
    pub(in crate::traffic) share: f64,
    /// Mean of those [s].
    pub(in crate::traffic) mean_s: f64,
    /// Variance of those [s²].
    pub(in crate::traffic) variance_s2: f64,
    /// Waits lie below this as others lie above zero; infinite where nothing holds them [s].
    pub(in crate::traffic) below_s: f64,
}

impl Default for Wait {
    fn default() -> Self {
        Self { share: 0.0, mean_s: 0.0, variance_s2: 0.0, below_s: f64::INFINITY }
    }
}

/// What came before the service of an attempt that was answered in time.
#[derive(Clone, Copy, Debug)]
pub(in crate::traffic) struct Delayed {
    /// From the first send of the user to that of this attempt [s].
    pub(in crate::traffic) after_s: f64,
    pub(in crate::traffic) wait: Wait,
    /// Wait and service took no longer than this together [s].
    pub(in crate::traffic) within_s: f64,
}

impl Delayed {
    /// A first attempt that could take its time.
    pub(in crate::traffic) fn by(wait: Wait) -> Self {
        Self { after_s: 0.0, wait, within_s: f64::INFINITY }
    }
}

impl Wait {
    /// Whether another one is the same, as far as anybody could see.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.share - other.share).abs() <= 1e-3
            && (self.mean_s - other.mean_s).abs() <= 5e-3 * self.mean_s
            && (self.variance_s2 - other.variance_s2).abs() <= 2e-2 * self.variance_s2
            && self.below_s == other.below_s
    }

    /// Calls `each` with weight and length of every cell of the law of those who wait: gamma, by
    /// the approximation of Wilson and Hilferty (Proceedings of the National Academy of Sciences
    /// 17, 1931).
    pub(in crate::traffic) fn cells(&self, grain: Grain, mut each: impl FnMut(f64, f64)) {
        if self.mean_s <= 0.0 {
            return each(1.0, 0.0);
        }
        let cells = match grain {
            Grain::Fine => &FINE_NORMAL,
            Grain::Coarse => &COARSE_NORMAL,
        };
        let is_held = self.below_s.is_finite();
        let mean_s = if is_held { (self.below_s - self.mean_s).max(1e-9) } else { self.mean_s };
        let ninth = self.variance_s2 / (mean_s * mean_s) / 9.0;
        let root = ninth.sqrt();
        for &(weight, z) in cells.iter() {
            let cube = (1.0 - ninth + z * root).max(0.0);
            let length_s = mean_s * cube * cube * cube;
            let wait_s = if is_held { (self.below_s - length_s).max(0.0) } else { length_s };
            each(weight, wait_s);
        }
    }
}

/// How closely a law is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::traffic) enum Grain {
    /// For a law that many requests follow.
    Fine,
    /// For one among many that are mixed.
    Coarse,
}

/// The normal law: weight and middle of each cell.
static FINE_NORMAL: LazyLock<Vec<(f64, f64)>> =
    LazyLock::new(|| normal_cells(1.0 / 24.0, 0.15, 1e-4));
static COARSE_NORMAL: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| normal_cells(0.15, 0.4, 2e-3));

/// Cells of weight `body`, in the tail of `part` of what is left, down to `least`.
fn normal_cells(body: f64, part: f64, least: f64) -> Vec<(f64, f64)> {
    let mut cells = Vec::new();
    let mut tail: f64 = 1.0;
    while least < tail {
        let weight = body.min(part * tail);
        cells.push((weight, maths::normal_quantile(1.0 - (tail - 0.5 * weight))));
        tail -= weight;
    }
    cells.push((tail, maths::normal_quantile(1.0 - 0.4 * tail)));
    cells
}

/// A law of service as weight and mean of each cell [s].
#[derive(Clone, Debug)]
pub(in crate::traffic) struct ServiceCells {
    fine: Vec<(f64, f64)>,
    coarse: Vec<(f64, f64)>,
    /// Mean of the law [s].
    pub(super) mean_s: f64,
    /// Nearly nothing takes longer [s].
    pub(in crate::traffic) longest_s: f64,
}

impl ServiceCells {
    pub(in crate::traffic) fn new(law: &Law) -> Self {
        Self {
            fine: service_cells(law, 192, 0.95, 1e-6),
            coarse: service_cells(law, 48, 0.87, 1e-5),
            mean_s: law.mean_s(),
            longest_s: law.quantile(1.0 - 1e-6),
        }
    }

    /// The share of services that take no longer than this.
    pub(super) fn within(&self, time_s: f64) -> f64 {
        if self.longest_s <= time_s {
            return 1.0;
        }
        let short = self.coarse.iter().take_while(|(_, mean_s)| *mean_s <= time_s);
        short.map(|(weight, _)| weight).sum()
    }

    /// Weight and mean of each cell [s].
    pub(in crate::traffic) fn cells(&self, grain: Grain) -> &[(f64, f64)] {
        match grain {
            Grain::Fine => &self.fine,
            Grain::Coarse => &self.coarse,
        }
    }
}

/// `body` cells of equal weight, the last of which are cut further: each leaves `part` of the
/// tail, down to `least`.
fn service_cells(law: &Law, body: u32, part: f64, least: f64) -> Vec<(f64, f64)> {
    let n = f64::from(body);
    let mut ends: Vec<f64> = (1..=body - body / 24).map(|k| f64::from(k) / n).collect();
    let mut tail: f64 = f64::from(body / 24) / n;
    while least < tail {
        tail *= part;
        ends.push(1.0 - tail);
    }
    ends.push(1.0);
    let (mut from, mut below_s) = (0.0, 0.0);
    let cells = ends.into_iter().map(|to| {
        let upto_s = law.partial_mean_s(to);
        let cell = (to - from, (upto_s - below_s) / (to - from));
        (from, below_s) = (to, upto_s);
        cell
    });
    cells.collect()
}
