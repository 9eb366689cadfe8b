//! What a pod sustains: by the same recursion as the engine, on one fixed stream.
//!
//! The draws are the same for every rate tried, and only the gaps between arrivals are scaled,
//! so a wait can only grow with the rate: quantiles are monotone and bisection is safe. Nothing
//! here depends on the seed of a run.

use crate::sim::exponential::exponential;
use crate::sim::laws::Law;
use crate::sim::memo::Memo;
use crate::sim::sampler::Sampler;
use crate::sim::streams::Stream;
use crate::units::{MilliCpu, Rate, Ratio, Span};

use super::kiefer_wolfowitz::{WORKERS_MAX, places, replace_earliest};

/// Customers that are counted; the 99th percentile of an M/M/8 at 80 % is then good to 2 %.
const COUNTED: usize = 200_000;
/// Customers before those, from an empty pod.
const WARM_UP: usize = 20_000;
/// Halvings of the utilisation: to 0.0001.
const STEPS: usize = 14;

/// The highest utilisation of a pod's workers at which the 99th percentile of sojourn (wait plus
/// service) of Poisson arrivals without retries meets `objective`; 0 if service alone does not.
///
/// Deterministic; takes some ten milliseconds the first time that it is asked.
#[must_use]
pub fn sustainable_utilisation(workers: u16, law: &Law, objective: Span) -> Ratio {
    static SOLVED: Memo<(u16, Law, Span), Ratio> = Memo::new();
    SOLVED.answer((workers, law.clone(), objective), || solve(workers, law, objective))
}

fn solve(workers: u16, law: &Law, objective: Span) -> Ratio {
    let objective_s = objective.as_secs_f64();
    let customers = Customers::drawn(law);
    if objective_s < law.quantile(0.99) {
        return Ratio::new(0.0);
    }
    let full_rate = f64::from(workers) / law.mean_s();
    let (mut met, mut missed) = (0.0, 1.0);
    for _ in 0..STEPS {
        let utilisation = 0.5 * (met + missed);
        let late = customers.later_than(objective_s, workers, utilisation * full_rate);
        if late * 100 <= COUNTED {
            met = utilisation;
        } else {
            missed = utilisation;
        }
    }
    Ratio::new(met)
}

/// What a measured capacity means for a pod.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// Requests that the pod serves at once.
    pub workers: u16,
    /// Service time of a request.
    pub law: Law,
    /// CPU that a busy worker uses [milli-cores].
    pub milli_cpu_per_worker: f64,
    /// Share of the workers that are busy at the measured rate.
    pub utilisation: Ratio,
    /// Median sojourn of the derived pod at the measured rate, relative to the measured one, -1.
    pub p50_error: Ratio,
    /// The same for the 99th percentile.
    pub p99_error: Ratio,
}

/// Largest relative error of a percentile that too few workers may add by queueing.
const FIT_TOLERANCE: f64 = 0.05;

/// Derives workers and service law from what users measure: one pod at its highest good `rate`
/// uses `cpu` and answers within `p50` in the median and `p99` at the 99th percentile.
///
/// The rule: a pod at a rate that it sustains hardly queues, so its sojourn is its service, and
/// a lognormal law through both percentiles is the service law. Workers are the fewest at which
/// queueing at that rate adds at most 5 % to either percentile; so the rate is what the pod
/// sustains, and not much more. CPU is spread over the workers that are busy at that rate. The
/// two errors say how well the derived pod, simulated at the rate, reproduces the measurement.
///
/// `None` if p99 is not above p50, the rate is zero, or 64 workers are too few.
#[must_use]
pub fn fit_capacity(rate: Rate, cpu: MilliCpu, p50: Span, p99: Span) -> Option<Capacity> {
    static FITTED: Memo<(Rate, MilliCpu, Span, Span), Option<Capacity>> = Memo::new();
    FITTED.answer((rate, cpu, p50, p99), || fit(rate, cpu, p50, p99))
}

fn fit(rate: Rate, cpu: MilliCpu, p50: Span, p99: Span) -> Option<Capacity> {
    let (p50_s, p99_s) = (p50.as_secs_f64(), p99.as_secs_f64());
    if p50_s <= 0.0 || p99_s <= p50_s || rate.per_s() <= 0.0 {
        return None;
    }
    let law = Law::lognormal_p50_p99(p50_s, p99_s);
    let busy = rate.per_s() * law.mean_s();
    if f64::from(WORKERS_MAX) <= busy {
        return None;
    }
    let customers = Customers::drawn(&law);
    for workers in (busy as u16 + 1)..=WORKERS_MAX {
        let [p50_fit_s, p99_fit_s] = customers.quantiles(workers, rate.per_s());
        let (p50_error, p99_error) = (p50_fit_s / p50_s - 1.0, p99_fit_s / p99_s - 1.0);
        if p50_error.max(p99_error) <= FIT_TOLERANCE {
            return Some(Capacity {
                workers,
                milli_cpu_per_worker: cpu.milli() as f64 / busy,
                utilisation: Ratio::new(busy / f64::from(workers)),
                p50_error: Ratio::new(p50_error),
                p99_error: Ratio::new(p99_error),
                law,
            });
        }
    }
    None
}

/// Fixed draws: gaps between arrivals at rate 1, and service times.
struct Customers {
    gaps_s: Vec<f64>,
    services_s: Vec<f64>,
}

impl Customers {
    fn drawn(law: &Law) -> Self {
        let [gaps, services] =
            ["gap", "service"].map(|purpose| Stream::new(0, 0, purpose, "capacity"));
        let sampler = Sampler::new(law);
        let draws = 0..(WARM_UP + COUNTED) as u64;
        Self {
            gaps_s: draws.clone().map(|i| exponential(gaps.at(i))).collect(),
            services_s: draws.map(|i| sampler.draw(services.at(i))).collect(),
        }
    }

    /// Calls `count` with the sojourn of each counted customer.
    fn sojourns(&self, workers: u16, rate: f64, mut count: impl FnMut(f64)) {
        let mut free_s = vec![f64::INFINITY; places(workers)];
        free_s[..usize::from(workers)].fill(0.0);
        let gap_s = 1.0 / rate;
        let mut arrival_s = 0.0;
        for (customer, (gap, service_s)) in self.gaps_s.iter().zip(&self.services_s).enumerate() {
            arrival_s += gap * gap_s;
            let finish_s = free_s[0].max(arrival_s) + service_s;
            replace_earliest(&mut free_s, finish_s);
            if WARM_UP <= customer {
                count(finish_s - arrival_s);
            }
        }
    }

    fn later_than(&self, objective_s: f64, workers: u16, rate: f64) -> usize {
        let mut late = 0;
        self.sojourns(workers, rate, |sojourn_s| late += usize::from(objective_s < sojourn_s));
        late
    }

    /// Median and 99th percentile of sojourn.
    fn quantiles(&self, workers: u16, rate: f64) -> [f64; 2] {
        let mut sojourns_s = Vec::with_capacity(COUNTED);
        self.sojourns(workers, rate, |sojourn_s| sojourns_s.push(sojourn_s));
        [COUNTED / 2, COUNTED - COUNTED / 100]
            .map(|rank| *sojourns_s.select_nth_unstable_by(rank, f64::total_cmp).1)
    }
}
