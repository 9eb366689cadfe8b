//! What a trial is judged by: a fixed list of figures with their units in their names.
//!
//! A figure is a whole number of millionths, so that rows of many trials cross threads, files and
//! machines without a rounding. Two things are no number and are kept apart: a figure that does
//! not apply (an empty cell), and one that was not reached by the end of the run, which is larger
//! than any other (`inf`).

use crate::metrics::capacity_plan::ClusterPhase;
use crate::metrics::outcome::{FaultOutcome, Outcome};

use super::row_detail::RowDetail;

/// The list: variant, name in files, which way is worse, where it comes from.
macro_rules! metrics {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $worse:ident $figure:expr;)+) => {
        /// A figure of a trial.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $($(#[doc = $doc])* $variant,)+
        }

        impl Metric {
            /// Every metric, in the order of columns.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in files and on the command line; the unit ends it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Which way is worse.
            #[must_use]
            pub const fn worse(self) -> Worse {
                match self { $(Self::$variant => Worse::$worse),+ }
            }

            /// What it means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii()),+ }
            }

            /// The figure of a trial.
            #[must_use]
            pub fn of(self, outcome: &Outcome) -> Figure {
                let figure: fn(&Outcome) -> Figure = match self { $(Self::$variant => $figure),+ };
                figure(outcome)
            }
        }

        /// How many there are.
        pub const N_METRICS: usize = [$(Metric::$variant),+].len();
    };
}

metrics! {
    /// Recovery time of the fault that took longest; inf if one was not recovered from.
    RecoveryTime "rto_s" Higher |o| longest(o, recovery_time);
    /// Until the first edge location changed its mind; of the slowest fault.
    Detect "detect_s" Higher |o| longest(o, |fault| fault.detect_s.into());
    /// Until 95 % of the traffic had moved; of the slowest fault.
    Reroute "reroute_s" Higher |o| longest(o, |fault| fault.reroute_s.into());
    /// Until ready capacity was enough and stayed so; of the slowest fault, inf if it never was.
    Capacity "capacity_s" Higher |o| longest(o, capacity_time);
    /// From the repair until the traffic was back; of the slowest fault.
    Failback "failback_s" Higher |o| longest(o, |fault| fault.failback_s.into());
    /// Seconds in which service was below its objective after faults.
    BelowObjective "below_objective_s" Higher |o| sum(o, |f| f.below_objective_s.map(u64::from));
    /// Times that service fell below its objective again.
    Relapses "relapses" Higher |o| sum(o, |fault| fault.relapses.map(u64::from));
    /// User requests that failed by faults, until users were served again.
    FailedRequests "failed_requests" Higher |o| sum(o, |fault| fault.failed_requests);
    /// Share of user requests that failed, in the whole run.
    FailedFraction "failed_fraction" Higher |o| share(o.requests.failed, o.requests.offered);
    /// User requests that failed, in the whole run.
    Failed "failed" Higher |o| Figure::count(o.requests.failed);
    /// User requests in the whole run.
    Offered "offered" Higher |o| Figure::count(o.requests.offered);
    /// Tries after the first one, in the whole run.
    Retries "retries" Higher |o| Figure::count(o.requests.retries);
    /// Writes acknowledged and lost.
    LostWrites "lost_writes" Higher |o| sum(o, |fault| fault.lost_writes);
    /// Least headroom of any cluster.
    Headroom "headroom_min_ratio" Lower |o| least(o.headroom.iter().map(|h| h.min_ratio));
    /// Least headroom of any cluster, were all of higher priority lost.
    Failover "failover_min_ratio" Lower |o| least(o.headroom.iter().map(|h| h.failover_min_ratio));
    /// 99th percentile of latency, of served requests in the whole run.
    Latency "latency_ms_p99" Higher |o| o.latency_ms.map(|latency| latency.p99).into();
    /// Most active pods at a time, summed over clusters.
    PeakPods "peak_pods" Higher |o| Figure::count(peak(o, |cluster| cluster.peak_pods));
    /// Most nodes at a time, summed over clusters.
    PeakNodes "peak_nodes" Higher |o| Figure::count(peak(o, |cluster| cluster.peak_nodes));
    /// When the first fault strikes: an input, for those that are drawn.
    FaultAt "fault_at_s" Higher |o| first_at(o);
    /// Nodes times hours of all clusters.
    NodeHours "node_hours" Higher |o| {
        Some(o.clusters.iter().map(|cluster| cluster.node_hours).sum::<f64>()).into()
    };
    /// Time in which `flow` is least exact: a deployment is asked for 95 % to 105 % of what its
    /// workers can do.
    NearSaturation "near_saturation_s" Higher |o| o.near_saturation_s.into();
}

impl Metric {
    /// Whether it is a result of the system, and no input of a trial nor a property of how it was
    /// simulated.
    #[must_use]
    pub const fn is_result(self) -> bool {
        !matches!(self, Self::FaultAt | Self::NearSaturation)
    }

    /// The metric of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.name() == name)
    }
}

/// Which way a metric is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    /// More is worse: times, losses, cost.
    Higher,
    /// Less is worse: headroom.
    Lower,
}

/// A figure in millionths of its unit, one that does not apply, or one that was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure(i64);

impl Figure {
    /// It does not apply: there is nothing to measure.
    pub const ABSENT: Self = Self(i64::MIN);
    /// Not reached by the end of the run: larger than every number.
    pub const NEVER: Self = Self(i64::MAX);

    /// A number of its unit, rounded to a millionth.
    #[must_use]
    pub fn new(value: f64) -> Self {
        assert!(value.abs() < 9e12, "a figure is below nine million million, not {value}");
        Self((value * 1e6).round() as i64)
    }

    /// A whole number.
    #[must_use]
    pub fn count(count: u64) -> Self {
        let millionths = i64::try_from(count).ok().and_then(|count| count.checked_mul(1_000_000));
        Self(millionths.expect("counts are below nine million million"))
    }

    /// The figure of that many millionths; the two ends mean never and absent.
    #[must_use]
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// Millionths of its unit; the two ends mean never and absent.
    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// Its value, infinite if it was not reached, `None` if it does not apply.
    #[must_use]
    pub fn value(self) -> Option<f64> {
        match self {
            Self::ABSENT => None,
            Self::NEVER => Some(f64::INFINITY),
            Self(millionths) => Some(millionths as f64 / 1e6),
        }
    }
}

impl From<Option<f64>> for Figure {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::ABSENT, Self::new)
    }
}

/// The figures of one trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Number of the trial.
    pub trial: u64,
    /// Fingerprint of its run.
    pub fingerprint: u64,
    /// In the order of [`Metric::ALL`].
    pub figures: [Figure; N_METRICS],
    /// Why requests failed, and how each cluster fared.
    pub detail: RowDetail,
}

impl Row {
    /// The row of a trial with that outcome and capacity plan.
    #[must_use]
    pub fn new(outcome: &Outcome, plan: &[ClusterPhase]) -> Self {
        let fingerprint = u64::from_str_radix(&outcome.fingerprint, 16);
        Self {
            trial: outcome.trial,
            fingerprint: fingerprint.expect("a fingerprint is sixteen hexadecimal digits"),
            figures: std::array::from_fn(|index| Metric::ALL[index].of(outcome)),
            detail: RowDetail::new(outcome, plan),
        }
    }

    /// A row of which nothing but the figures is known.
    #[must_use]
    pub fn bare(trial: u64, figures: [Figure; N_METRICS]) -> Self {
        Self { trial, fingerprint: 0, figures, detail: RowDetail::default() }
    }

    /// One figure.
    #[must_use]
    pub const fn figure(&self, metric: Metric) -> Figure {
        self.figures[metric as usize]
    }
}

/// The values of a metric in all rows where it applies, in their order; infinite where it was
/// not reached.
#[must_use]
pub fn values(rows: &[Row], metric: Metric) -> Vec<f64> {
    rows.iter().filter_map(|row| row.figure(metric).value()).collect()
}

/// The figure of the fault for which it is largest.
fn longest(outcome: &Outcome, figure: fn(&FaultOutcome) -> Figure) -> Figure {
    outcome.faults.iter().map(figure).max().unwrap_or(Figure::ABSENT)
}

fn recovery_time(fault: &FaultOutcome) -> Figure {
    if fault.recovered == Some(false) { Figure::NEVER } else { fault.rto_s.into() }
}

/// A scored fault after which capacity was never enough and stayed so has none until the end.
fn capacity_time(fault: &FaultOutcome) -> Figure {
    match (fault.capacity_s, fault.recovered) {
        (None, Some(_)) => Figure::NEVER,
        (figure, _) => figure.into(),
    }
}

/// The sum over the faults to which it applies.
fn sum(outcome: &Outcome, count: fn(&FaultOutcome) -> Option<u64>) -> Figure {
    let counts: Vec<u64> = outcome.faults.iter().filter_map(count).collect();
    if counts.is_empty() { Figure::ABSENT } else { Figure::count(counts.iter().sum()) }
}

fn first_at(outcome: &Outcome) -> Figure {
    outcome.faults.iter().map(|fault| fault.at_s).min_by(f64::total_cmp).into()
}

fn share(part: u64, whole: u64) -> Figure {
    if whole == 0 { Figure::ABSENT } else { Figure::new(part as f64 / whole as f64) }
}

fn least(ratios: impl Iterator<Item = Option<f64>>) -> Figure {
    ratios.flatten().min_by(f64::total_cmp).into()
}

fn peak(outcome: &Outcome, figure: fn(&crate::metrics::outcome::ClusterOutcome) -> u32) -> u64 {
    outcome.clusters.iter().map(|cluster| u64::from(figure(cluster))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(recovered: Option<bool>, rto_s: Option<f64>) -> FaultOutcome {
        let text = r#"{"name": "f", "kind": "regionLoss", "at_s": 60.0, "workloads": []}"#;
        let bare: FaultOutcome = serde_json::from_str(text).unwrap();
        FaultOutcome { recovered, rto_s, ..bare }
    }

    fn outcome(faults: Vec<FaultOutcome>) -> Outcome {
        let text = r#"{"schema": "", "scenario": "x", "seed": 1, "trial": 7,
            "fidelity": "requests", "horizon_s": 600.0, "fingerprint": "00000000000000ff",
            "requests": {"offered": 1000, "served": 990, "failed": 7, "in_flight": 3,
                "attempts": 1005, "retries": 5, "failed_by_reason": {"timeout": 7}},
            "workloads": [], "geographies": [], "faults": [], "headroom": [], "clusters": []}"#;
        let bare: Outcome = serde_json::from_str(text).unwrap();
        Outcome { faults, ..bare }
    }

    /// The slowest fault counts; one without recovery is slower than any; one that is not scored
    /// says nothing, and without any the figure does not apply.
    #[test]
    fn the_slowest_fault_counts() {
        let (scored, lost) = (fault(Some(true), Some(80.0)), fault(Some(false), None));
        let unscored = fault(None, None);
        for (faults, value) in [
            (vec![], None),
            (vec![unscored.clone()], None),
            (vec![fault(Some(true), Some(0.0)), unscored.clone()], Some(0.0)),
            (vec![scored.clone(), fault(Some(true), Some(20.0)), unscored], Some(80.0)),
            (vec![lost, scored], Some(f64::INFINITY)),
        ] {
            assert_eq!(Metric::RecoveryTime.of(&outcome(faults)).value(), value);
        }
    }

    /// Counts, shares and fingerprint of a row, and null figures that stay apart from zero.
    #[test]
    fn a_row_holds_what_the_outcome_says() {
        let row = Row::new(&outcome(vec![fault(Some(true), Some(1.5))]), &[]);
        assert_eq!((row.trial, row.fingerprint), (7, 255));
        let value = |metric| row.figure(metric).value();
        assert_eq!((value(Metric::Failed), value(Metric::FailedRequests)), (Some(7.0), None));
        assert_eq!(value(Metric::FailedFraction), Some(0.007));
        assert_eq!(value(Metric::RecoveryTime), Some(1.5));
        assert_eq!(value(Metric::Capacity), Some(f64::INFINITY));
        assert_eq!((value(Metric::LostWrites), value(Metric::Failover)), (None, None));
        assert_eq!(value(Metric::NodeHours), Some(0.0));
    }

    /// Names are unique, lead back to their metric, and stand in the order of the columns.
    #[test]
    fn names_lead_back() {
        for (index, &metric) in Metric::ALL.iter().enumerate() {
            assert_eq!((metric as usize, Metric::named(metric.name())), (index, Some(metric)));
            assert!(metric.meaning().ends_with('.'), "{}", metric.name());
        }
        assert_eq!(Metric::named("rto"), None);
    }
}
