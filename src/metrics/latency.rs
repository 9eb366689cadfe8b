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
    let over = |wanted_phase: Phase| {
        let mut all = Histogram::EMPTY;
        for (index, demand) in record.traffic.demands.iter().enumerate() {
            if wanted(DemandId::new(index)) {
                all.merge(&demand.latency.over(|window| phase(window, troubles) == wanted_phase));
            }
        }
        quantiles(&all)
    };
    let [before, during, after] = [Phase::Before, Phase::During, Phase::After].map(over);
    LatencyPhases { before, during, after }
}

/// The latency of all served users.
#[must_use]
pub fn overall(record: &Record<'_>) -> Histogram {
    let mut all = Histogram::EMPTY;
    for demand in &record.traffic.demands {
        all.merge(&demand.latency.over(|_| true));
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One row for each way in which windows of ten seconds can lie around faults at 25 s to 40 s
    /// and 100 s to 110 s.
    #[test]
    fn windows_have_phases() {
        let troubles = [(25.0, 40.0), (100.0, 110.0)];
        let troubles = troubles.map(|(from_s, until_s)| Trouble { from_s, until_s });
        let table = [
            ("ends before the first fault", 1, Phase::Before),
            ("the fault strikes in it", 2, Phase::During),
            ("within the trouble", 3, Phase::During),
            ("begins when the trouble ends", 4, Phase::After),
            ("between the faults", 9, Phase::After),
            ("begins with the second fault", 10, Phase::During),
            ("after both", 11, Phase::After),
        ];
        for (rule, window, expected) in table {
            assert_eq!(phase(window, &troubles), expected, "{rule}");
        }
        assert_eq!(phase(7, &[]), Phase::Before, "without a fault everything is before it");
    }

    /// Nobody served: no quantiles. One user: all quantiles are that one's latency.
    #[test]
    fn few_users() {
        assert_eq!(quantiles(&Histogram::EMPTY), None);
        let mut one = Histogram::EMPTY;
        one.record(0.25);
        let all = quantiles(&one).unwrap();
        assert_eq!([all.p50, all.p95, all.p99, all.p999, all.max], [250.0; 5]);
    }

    proptest! {
        /// Percentiles never fall: p50 <= p95 <= p99 <= p99.9 <= max, and the maximum is exact.
        #[test]
        fn percentiles_are_monotone(
            latencies_s in proptest::collection::vec(1e-6_f64..1e4, 1..300),
        ) {
            let mut histogram = Histogram::EMPTY;
            latencies_s.iter().for_each(|&secs| histogram.record(secs));
            let q = quantiles(&histogram).unwrap();
            prop_assert!(q.p50 <= q.p95 && q.p95 <= q.p99 && q.p99 <= q.p999 && q.p999 <= q.max);
            let longest_s = latencies_s.iter().copied().fold(0.0, f64::max);
            prop_assert_eq!(q.max, millis(longest_s));
        }
    }
}
