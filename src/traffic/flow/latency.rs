//! Latencies and waits of counts: histograms from the laws of wait and service.
//!
//! A cohort's latency is its way there and back, the time since its first send, its wait and its
//! service. The wait is 0 with some probability and else a gamma law of the mean and variance
//! that the state of the queue has (exponential in a queue with spare workers, narrow in one that
//! overflows). Waits are gathered in bins; once a bucket of the ledger is over, they are folded
//! with the law of service, and counts are rounded so that they add up.

use crate::sim::histogram::{BINS, bin_of, bin_start_s};
use crate::sim::laws::Law;
use crate::sim::maths;
use crate::traffic::ledger::in_bulk::LatencyProfile;
use crate::traffic::ledger::{DemandAccount, LATENCY_BUCKET_S};

/// The wait of the requests of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Wait {
    /// Share that waits.
    pub(super) share: f64,
    /// Mean of those [s].
    pub(super) mean_s: f64,
    /// Variance of those [s²].
    pub(super) variance_s2: f64,
}

/// The law of waits in cells, each by its middle as a normal quantile; closer in the tail.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    /// Weight and normal quantile.
    fine: Vec<(f64, f64)>,
    /// Fewer, for waits that do not last.
    coarse: Vec<(f64, f64)>,
}

impl Cells {
    pub(super) fn new() -> Self {
        let cells = |body: f64, part: f64, least: f64| {
            let mut cells = Vec::new();
            let mut tail: f64 = 1.0;
            while least < tail {
                let weight = body.min(part * tail);
                cells.push((weight, maths::normal_quantile(1.0 - (tail - 0.5 * weight))));
                tail -= weight;
            }
            cells.push((tail, maths::normal_quantile(1.0 - 0.4 * tail)));
            cells
        };
        Self { fine: cells(1.0 / 24.0, 0.15, 1e-4), coarse: cells(0.15, 0.4, 2e-3) }
    }

    /// Calls `each` with weight and length of every coarse cell of a gamma law.
    pub(super) fn of(&self, mean_s: f64, variance_s2: f64, each: impl FnMut(f64, f64)) {
        gamma(&self.coarse, mean_s, variance_s2, each);
    }
}

/// Calls `each` with weight and length of every cell of a gamma law, by the approximation of
/// Wilson and Hilferty (Proceedings of the National Academy of Sciences 17, 1931).
fn gamma(cells: &[(f64, f64)], mean_s: f64, variance_s2: f64, mut each: impl FnMut(f64, f64)) {
    if mean_s <= 0.0 {
        return each(1.0, 0.0);
    }
    let ninth = variance_s2 / (mean_s * mean_s) / 9.0;
    let root = ninth.sqrt();
    for &(weight, z) in cells {
        let cube = (1.0 - ninth + z * root).max(0.0);
        each(weight, mean_s * cube * cube * cube);
    }
}

/// A law of service as a list of values with weights.
#[derive(Clone, Debug)]
pub(super) struct ServiceCells {
    /// Weight and mean of each cell [s].
    fine: Vec<(f64, f64)>,
    coarse: Vec<(f64, f64)>,
    /// Nearly nothing takes longer [s].
    pub(super) longest_s: f64,
}

impl ServiceCells {
    pub(super) fn new(law: &Law) -> Self {
        let cells = |body: u32, part: f64, least: f64| {
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
            cells.collect::<Vec<_>>()
        };
        Self {
            fine: cells(192, 0.95, 1e-6),
            coarse: cells(48, 0.8, 1e-4),
            longest_s: law.quantile(1.0 - 1e-6),
        }
    }
}

/// What a lane has gathered for a bucket of the ledger.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    bucket: Option<usize>,
    /// The last wait, and how long after the first send its attempt was sent [s], told for so many
    /// users in a row.
    last: (Wait, f64),
    n_last: u64,
    /// Users whose waits are among the delays.
    n_mixed: u64,
    /// Delays before service by bin, with their weights; the first bin is none.
    delays: Vec<(u16, f64)>,
    /// The last wait that a whole bucket had, and its profile in the ledger.
    profile: Option<(Wait, usize)>,
}

/// Whose latency it is: the account, the law of service, and the way there and back.
#[derive(Debug)]
pub(super) struct Whose<'a> {
    pub(super) account: &'a mut DemandAccount,
    pub(super) service: &'a ServiceCells,
    /// Times as long as the law says.
    pub(super) slower: f64,
    pub(super) ways_s: f64,
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self {
            bucket: None,
            last: (Wait::default(), 0.0),
            n_last: 0,
            n_mixed: 0,
            delays: Vec::new(),
            profile: None,
        }
    }

    /// `n` users of the open bucket were served in an attempt sent `after_s` after the first, after
    /// `wait`.
    pub(super) fn add(&mut self, n: u64, wait: Wait, after_s: f64, cells: &Cells) {
        if 0 < self.n_last && !(self.last.1 == after_s && self.last.0.is_like(&wait)) {
            self.spill(cells);
        }
        if self.n_last == 0 {
            self.last = (wait, after_s);
        }
        self.n_last += n;
    }

    /// Whether what is told next belongs to another bucket than what was told before.
    pub(super) fn changes(&self, bucket: usize) -> bool {
        self.bucket.is_some_and(|open| open != bucket)
    }

    pub(super) fn open(&mut self, bucket: usize) {
        self.bucket = Some(bucket);
    }

    fn spill(&mut self, cells: &Cells) {
        let n_last = std::mem::take(&mut self.n_last);
        let n = n_last as f64;
        self.n_mixed += n_last;
        let (wait, after_s) = self.last;
        if wait.share < 1.0 {
            self.delay(after_s, n * (1.0 - wait.share));
        }
        if 0.0 < wait.share {
            let Wait { share, mean_s, variance_s2 } = wait;
            cells.of(mean_s, variance_s2, |weight, wait_s| {
                self.delay(after_s + wait_s, n * share * weight);
            });
        }
    }

    fn delay(&mut self, delay_s: f64, weight: f64) {
        let bin = bin_of(delay_s) as u16;
        match self.delays.binary_search_by_key(&bin, |(known, _)| *known) {
            Ok(at) => self.delays[at].1 += weight,
            Err(at) => self.delays.insert(at, (bin, weight)),
        }
    }

    /// Writes what was gathered into an account.
    pub(super) fn flush(&mut self, cells: &Cells, whose: Whose<'_>) {
        let Some(bucket) = self.bucket.take() else { return };
        if self.n_mixed == 0 && self.last.1 == 0.0 {
            self.flush_alike(bucket, cells, whose);
            return;
        }
        if 0 < self.n_last {
            self.spill(cells);
        }
        let n = std::mem::take(&mut self.n_mixed);
        let mut weights = vec![0.0; BINS];
        for (bin, weight) in self.delays.drain(..) {
            let bin = usize::from(bin);
            let delay_s =
                if bin == 0 { 0.0 } else { 0.5 * (bin_start_s(bin) + bin_start_s(bin + 1)) };
            for (share, service_s) in &whose.service.coarse {
                let latency_s = whose.ways_s + delay_s + service_s * whose.slower;
                weights[bin_of(latency_s)] += weight * share;
            }
        }
        rounded(&weights, n, |bin, n| whose.account.latency_many(bucket, bin, n));
    }

    /// All users of a bucket had the same wait.
    fn flush_alike(&mut self, bucket: usize, cells: &Cells, whose: Whose<'_>) {
        let n = std::mem::take(&mut self.n_last);
        let wait = self.last.0;
        let profile = match self.profile {
            Some((known, profile)) if known.is_like(&wait) => profile,
            _ => {
                let profile = LatencyProfile::new(&law_of(wait, cells, &whose));
                let profile = whose.account.add_profile(profile);
                self.profile = Some((wait, profile));
                profile
            }
        };
        whose.account.latency_like(profile, bucket, n);
    }
}

/// The law of latencies after `wait`, as weights of bins.
fn law_of(wait: Wait, cells: &Cells, whose: &Whose<'_>) -> Vec<f64> {
    let mut weights = vec![0.0; BINS];
    let mut add = |delay_s: f64, weight: f64| {
        for (share, service_s) in &whose.service.fine {
            let latency_s = whose.ways_s + delay_s + service_s * whose.slower;
            weights[bin_of(latency_s)] += weight * share;
        }
    };
    add(0.0, 1.0 - wait.share);
    if 0.0 < wait.share {
        gamma(&cells.fine, wait.mean_s, wait.variance_s2, |weight, wait_s| {
            add(wait_s, wait.share * weight);
        });
    }
    weights
}

impl Wait {
    /// Whether another one is the same, as far as anybody could see.
    fn is_like(&self, other: &Self) -> bool {
        (self.share - other.share).abs() <= 1e-3
            && (self.mean_s - other.mean_s).abs() <= 5e-3 * self.mean_s
            && (self.variance_s2 - other.variance_s2).abs() <= 2e-2 * self.variance_s2
    }
}

/// The bucket of users who first sent at `first_s`, if it is counted.
pub(super) fn bucket_of(first_s: f64) -> Option<usize> {
    if 0.0 <= first_s { Some(first_s as usize / LATENCY_BUCKET_S) } else { None }
}

/// Makes whole counts of weights: they add up to `n`, and every partial sum is to the nearest.
pub(super) fn rounded(weights: &[f64], n: u64, mut each: impl FnMut(usize, u64)) {
    let total: f64 = weights.iter().sum();
    let (mut sum, mut counted) = (0.0, 0);
    let last = weights.iter().rposition(|weight| 0.0 < *weight).unwrap_or(0);
    for (bin, weight) in weights.iter().enumerate().filter(|(_, weight)| 0.0 < **weight) {
        sum += weight;
        let upto = if bin == last { n } else { (n as f64 * (sum / total)).round() as u64 };
        each(bin, upto - counted);
        counted = upto;
    }
}

/// Waits of all attempts that started, for studies of queues alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits {
    n: f64,
    last: Wait,
    weights: Vec<f64>,
    total: u64,
}

impl Waits {
    pub(super) fn add(&mut self, n: u64, wait: Wait) {
        if self.last != wait {
            self.spill();
            self.last = wait;
        }
        self.n += n as f64;
        self.total += n;
    }

    fn spill(&mut self) {
        let n = std::mem::take(&mut self.n);
        if n == 0.0 {
            return;
        }
        self.weights.resize(BINS, 0.0);
        let Wait { share, mean_s, variance_s2 } = self.last;
        self.weights[0] += n * (1.0 - share);
        if share <= 0.0 || mean_s <= 0.0 {
            self.weights[0] += n * share;
            return;
        }
        let shape = (mean_s * mean_s / variance_s2).min(1e4);
        let mut below = 0.0;
        for bin in 0..BINS {
            let upto = maths::gamma_cdf(shape, bin_start_s(bin + 1) * shape / mean_s);
            self.weights[bin] += n * share * (upto - below);
            below = upto;
        }
    }

    pub(super) fn flush(&mut self, mut each: impl FnMut(usize, u64)) {
        self.spill();
        rounded(&self.weights, self.total, &mut each);
        self.weights.clear();
        self.total = 0;
    }
}
