//! Latency of served users: quantiles overall, and by place before, during and after a fault.

use crate::sim::histogram::Histogram;

use crate::model::ids::DemandId;

use super::outcome::{Latency, LatencyPhases};
use super::record::{LATENCY_WINDOW_S, Record};

/// The quantiles of a histogram; `None` when it is empty.
#[must_use]
pub fn quantiles(histogram: &Histogram) -> Option<Latency> {
    let max_s = histogram.max_s()?;
    let at = |p: f64| histogram.quantile(p).map_or(0.0, |secs| millis(secs.min(max_s)));
    Some(Latency {
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: millis(max_s),
    })
}

/// Seconds as milliseconds with three decimals: bins are far wider than a microsecond.
#[must_use]
pub fn millis(secs: f64) -> f64 {
    (secs * 1e6).round() / 1e3
}

/// A stretch of the run that counts as "during" \[s\]: from the fault to its repair or recovery,
/// whichever is later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trouble {
    /// Instant of the fault.
    pub from_s: f64,
    /// End of the repair and of the episode.
    pub until_s: f64,
}

/// Where a window of arrivals lies in relation to times of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    During,
    After,
}

/// A window is during when it overlaps any trouble, before when it precedes them all.
fn phase(window: usize, troubles: &[Trouble]) -> Phase {
    let start_s = (window * LATENCY_WINDOW_S) as f64;
    let end_s = start_s + LATENCY_WINDOW_S as f64;
    if troubles.iter().any(|t| t.from_s < end_s && (start_s < t.until_s || start_s <= t.from_s)) {
        Phase::During
    } else if troubles.iter().all(|t| end_s <= t.from_s) {
        Phase::Before
    } else {
        Phase::After
    }
}

/// The latency of the users of some demands before, during and after times of trouble.
#[must_use]
pub fn phases(
    record: &Record<'_>,
    wanted: impl Fn(DemandId) -> bool,
    troubles: &[Trouble],
) -> LatencyPhases {
    let mut histograms = [const { Histogram::EMPTY }; 3];
    for (index, demand) in record.traffic.demands.iter().enumerate() {
        if wanted(DemandId::new(index)) {
            for (window, latency) in demand.latency.iter().enumerate() {
                histograms[phase(window, troubles) as usize].merge(latency);
            }
        }
    }
    let [before, during, after] = histograms.map(|histogram| quantiles(&histogram));
    LatencyPhases { before, during, after }
}

/// The latency of all served users.
#[must_use]
pub fn overall(record: &Record<'_>) -> Histogram {
    let mut all = Histogram::EMPTY;
    for latency in record.traffic.demands.iter().flat_map(|demand| &demand.latency) {
        all.merge(latency);
    }
    all
}
