//! One pass of the HPA controller: from what it sees and remembers to a number of replicas.
//!
//! Follows `reconcileAutoscaler` and `computeReplicasForMetrics` of horizontal.go. The greatest
//! proposal of all metrics wins. A metric that fails blocks scaling down, never scaling up.

use std::fmt;

use crate::units::{Span, Time};

use super::behavior::{self, Behavior, Windows};
use super::history::History;
use super::legacy;
use super::limit::{Bounds, Limit, Limited};
use super::metric::{Failure, Metric, Proposal};
use super::pods::{CpuTiming, PodStatus};
use super::replica_calculator::{Calculation, propose};
use super::tolerance::Tolerance;

/// What does not change from pass to pass.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    /// `minReplicas` and `maxReplicas`.
    pub bounds: Bounds,
    /// `spec.behavior`; without it the older path runs.
    pub behavior: Option<Behavior>,
    /// Band around the target in which nothing changes.
    pub tolerance: Tolerance,
    /// When a starting pod's CPU counts.
    pub cpu_timing: CpuTiming,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`, for the older path.
    pub downscale_stabilization: Span,
}

/// What one pass sees.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The present instant.
    pub now: Time,
    /// Present `spec.replicas` of the target.
    pub spec_replicas: i32,
    /// Present `status.replicas` of the target.
    pub status_replicas: i32,
    /// The pods that its selector lists.
    pub pods: &'a [PodStatus],
    /// Its metrics with their samples.
    pub metrics: &'a [Metric<'a>],
}

/// What a pass decides, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// Replicas before.
    pub from: i32,
    /// Replicas from now on.
    pub replicas: i32,
    /// How it came to that.
    pub path: Path,
}

/// The branch that a pass took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Path {
    /// The target is scaled to zero by hand.
    Disabled,
    /// The present size lies outside the bounds: moved to the bound at once.
    OutOfBounds(Limit),
    /// No usable metric, or one failed and the others ask for less.
    Inactive(Failure),
    /// The metrics decided.
    Measured(Measured),
}

/// How the metrics decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Which metric asked for most.
    pub metric: usize,
    /// What it asked for.
    pub proposal: Proposal,
    /// What stabilisation made of it.
    pub stabilization: Stabilization,
    /// What bounded it.
    pub limit: Limit,
}

/// What the recommendations of recent passes did to the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stabilization {
    /// Nothing.
    None,
    /// They held the replicas down.
    ScaleUpStabilized,
    /// They held the replicas up.
    ScaleDownStabilized,
}

/// Decides on the replicas and remembers what later passes need.
#[must_use]
pub fn reconcile(hpa: &Autoscaler, seen: &Observation<'_>, history: &mut History) -> Decision {
    let from = seen.spec_replicas;
    let decided = |replicas, path| Decision { from, replicas, path };
    history.recommendations.record_initial(seen.now, from);
    if from == 0 && hpa.bounds.min != 0 {
        return decided(from, Path::Disabled);
    }
    let decision = if hpa.bounds.max < from {
        decided(hpa.bounds.max, Path::OutOfBounds(Limit::TooManyReplicas))
    } else if from < hpa.bounds.min {
        decided(hpa.bounds.min, Path::OutOfBounds(Limit::TooFewReplicas))
    } else {
        match best_proposal(hpa, seen) {
            Err(failure) => return decided(from, Path::Inactive(failure)),
            Ok((metric, proposal)) => {
                let (stabilization, limited) = normalize(hpa, seen, history, proposal.replicas);
                let limit = limited.limit;
                let measured = Measured { metric, proposal, stabilization, limit };
                decided(limited.replicas, Path::Measured(measured))
            }
        }
    };
    if let Some(behavior) = &hpa.behavior {
        behavior::store_event(behavior, history, from, decision.replicas, seen.now);
    }
    decision
}

/// The greatest proposal of all metrics, with the metric that made it.
fn best_proposal(hpa: &Autoscaler, seen: &Observation<'_>) -> Result<(usize, Proposal), Failure> {
    let cx = Calculation {
        spec_replicas: seen.spec_replicas,
        status_replicas: seen.status_replicas,
        pods: seen.pods,
        tolerance: hpa.tolerance,
        cpu_timing: hpa.cpu_timing,
        now: seen.now,
    };
    assert!(!seen.metrics.is_empty(), "an HPA without metrics gets the default CPU metric");
    let mut best: Option<(usize, Proposal)> = None;
    let mut first_failure = None;
    for (index, metric) in seen.metrics.iter().enumerate() {
        match propose(&cx, metric) {
            Ok(proposal) => {
                if best.is_none_or(|(_, best)| best.replicas < proposal.replicas) {
                    best = Some((index, proposal));
                }
            }
            Err(error) => {
                let reason = metric.failure_reason();
                first_failure.get_or_insert(Failure { reason, error });
            }
        }
    }
    match (best, first_failure) {
        (Some((_, proposal)), Some(failure)) if proposal.replicas < seen.spec_replicas => {
            Err(failure)
        }
        (Some(best), _) => Ok(best),
        (None, Some(failure)) => Err(failure),
        (None, None) => unreachable!("each metric either proposes or fails"),
    }
}

/// A recommendation after stabilisation and bounds.
fn normalize(
    hpa: &Autoscaler,
    seen: &Observation<'_>,
    history: &mut History,
    desired: i32,
) -> (Stabilization, Limited) {
    let (now, current) = (seen.now, seen.spec_replicas);
    let recommendations = &mut history.recommendations;
    let Some(behavior) = &hpa.behavior else {
        let window = hpa.downscale_stabilization;
        let stabilized = legacy::stabilize(recommendations, desired, window, now);
        let stabilization = if stabilized == desired {
            Stabilization::None
        } else {
            Stabilization::ScaleDownStabilized
        };
        return (stabilization, legacy::bound(current, stabilized, hpa.bounds));
    };
    let windows = Windows {
        up: behavior.scale_up.stabilization_window,
        down: behavior.scale_down.stabilization_window,
    };
    let stabilized = behavior::stabilize(recommendations, current, desired, windows, now);
    let stabilization = if stabilized == desired {
        Stabilization::None
    } else if current <= desired {
        Stabilization::ScaleUpStabilized
    } else {
        Stabilization::ScaleDownStabilized
    };
    let limited = behavior::bound_rate(behavior, history, current, stabilized, hpa.bounds, now);
    (stabilization, limited)
}

impl Decision {
    /// Whether the controller writes the target's scale.
    #[must_use]
    pub const fn rescales(&self) -> bool {
        self.from != self.replicas
    }

    /// Reason of the `AbleToScale` condition after the pass, in upstream's words.
    #[must_use]
    pub const fn able_to_scale(&self) -> &'static str {
        match self.path {
            _ if self.rescales() => "SucceededRescale",
            Path::Measured(Measured { stabilization, .. }) => match stabilization {
                Stabilization::None => "ReadyForNewScale",
                Stabilization::ScaleUpStabilized => "ScaleUpStabilized",
                Stabilization::ScaleDownStabilized => "ScaleDownStabilized",
            },
            Path::Disabled | Path::OutOfBounds(_) | Path::Inactive(_) => "SucceededGetScale",
        }
    }

    /// The `ScalingActive` condition, with its reason in upstream's words.
    #[must_use]
    pub const fn scaling_active(&self) -> (bool, &'static str) {
        match self.path {
            Path::Disabled => (false, "ScalingDisabled"),
            Path::Inactive(failure) => (false, failure.reason),
            Path::OutOfBounds(_) | Path::Measured(_) => (true, "ValidMetricFound"),
        }
    }

    /// The bound that shaped the decision: reason of the `ScalingLimited` condition.
    #[must_use]
    pub const fn limit(&self) -> Option<Limit> {
        match self.path {
            Path::Disabled | Path::Inactive(_) => None,
            Path::OutOfBounds(limit) | Path::Measured(Measured { limit, .. }) => Some(limit),
        }
    }

    /// In words for users: why the replicas changed as they did, or why they stood still.
    #[must_use]
    pub const fn why(&self) -> &'static str {
        let measured = match self.path {
            Path::Disabled => return "scaled to zero by hand",
            Path::Inactive(failure) => return failure.error.words(),
            Path::OutOfBounds(limit) => return limit.words(),
            Path::Measured(measured) => measured,
        };
        if !matches!(measured.limit, Limit::DesiredWithinRange) {
            return measured.limit.words();
        }
        match measured.stabilization {
            Stabilization::ScaleUpStabilized => "recent passes asked for less",
            Stabilization::ScaleDownStabilized => "recent passes asked for more",
            Stabilization::None if self.from < self.replicas => "a metric is above its target",
            Stabilization::None if self.replicas < self.from => "all metrics are below target",
            Stabilization::None => "metrics are at their targets",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} replicas: {}", self.from, self.replicas, self.why())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::behavior::RulesDraft;
    use super::super::metric::{MetricError, PodSamples, Resource};
    use super::super::pods::{ConditionStatus, Phase, Ready, Sample};
    use super::*;

    const STABILIZATION: Span = Span::from_secs(300);
    const READY: PodStatus = PodStatus {
        phase: Phase::Running,
        deleting: false,
        started: Some(Time::from_secs(-10_000)),
        ready: Some(Ready { status: ConditionStatus::True, since: Time::from_secs(-9_990) }),
    };

    fn autoscaler(min: i32, max: i32, behavior: Option<Behavior>) -> Autoscaler {
        Autoscaler {
            bounds: Bounds { min, max },
            behavior,
            tolerance: Tolerance::DEFAULT,
            cpu_timing: CpuTiming::DEFAULT,
            downscale_stabilization: STABILIZATION,
        }
    }

    fn default_behavior() -> Behavior {
        Behavior::from_drafts(RulesDraft::default(), RulesDraft::default(), STABILIZATION)
    }

    /// One pass over as many ready pods as replicas, all at `percent` of their request with a
    /// target of 50 %; None = no samples.
    fn pass(
        hpa: &Autoscaler,
        history: &mut History,
        now: Time,
        replicas: i32,
        percent: Option<i64>,
    ) -> Decision {
        let n_pods = usize::try_from(replicas).unwrap();
        let pods = vec![READY; n_pods];
        let sample = |value| Sample { at: now, window: Span::from_secs(15), value };
        let listed = vec![percent.map(sample); n_pods];
        let requests = vec![Some(100); n_pods];
        let metrics = [Metric::Utilization {
            resource: Resource::Cpu,
            target_percent: 50,
            requests: &requests,
            samples: PodSamples { listed: &listed, unlisted: &[] },
        }];
        let seen = Observation {
            now,
            spec_replicas: replicas,
            status_replicas: replicas,
            pods: &pods,
            metrics: &metrics,
        };
        reconcile(hpa, &seen, history)
    }

    /// After a load step down, replicas stay for the window and then fall. On a 15 s grid the last
    /// high recommendation drops out at 315 s without `behavior` (a recommendation exactly as old
    /// as the window still counts) and at 300 s with it (it no longer does).
    #[test]
    fn scale_down_waits_for_the_window() {
        for (behavior, falls_at_s) in [(None, 315), (Some(default_behavior()), 300)] {
            let hpa = autoscaler(1, 100, behavior);
            let mut history = History::default();
            let high = pass(&hpa, &mut history, Time::ZERO, 10, Some(50));
            assert_eq!(high.replicas, 10);
            for now_s in (15..=falls_at_s).step_by(15) {
                let now = Time::from_secs(now_s);
                let low = pass(&hpa, &mut history, now, 10, Some(25));
                let (replicas, why) = if now_s < falls_at_s {
                    (10, "recent passes asked for more")
                } else {
                    (5, "all metrics are below target")
                };
                assert_eq!((low.replicas, low.why()), (replicas, why), "at {now_s} s");
            }
        }
    }

    /// Each way to stand still or to move has its own words.
    #[test]
    fn every_decision_says_why() {
        let twice = autoscaler(2, 20, None);
        for (rule, replicas, percent, to, why) in [
            ("at the target", 10, Some(50), 10, "metrics are at their targets"),
            ("above the target", 10, Some(75), 15, "a metric is above its target"),
            ("no samples", 10, None, 10, "no metrics of its pods"),
            ("more than the maximum asked for", 10, Some(200), 20, "capped by maxReplicas"),
            ("more than double asked for", 5, Some(200), 10, "capped by the scale-up rate"),
            ("above the maximum", 30, Some(50), 20, "capped by maxReplicas"),
            ("below the minimum", 1, Some(50), 2, "held up by minReplicas"),
            ("scaled to zero", 0, None, 0, "scaled to zero by hand"),
        ] {
            let decision = pass(&twice, &mut History::default(), Time::ZERO, replicas, percent);
            assert_eq!((decision.replicas, decision.why()), (to, why), "{rule}");
        }
        let failed = pass(&twice, &mut History::default(), Time::ZERO, 10, None);
        let error = Failure { reason: "FailedGetResourceMetric", error: MetricError::NoMetrics };
        assert_eq!(failed.path, Path::Inactive(error));
    }

    proptest! {
        /// Whatever the load does, replicas stay within the bounds once they are, nothing is
        /// forgotten that is still needed, and memory stays as short as the longest window.
        #[test]
        fn replicas_stay_within_bounds(
            min in 1..10_i32,
            extra in 0..50_i32,
            with_behavior: bool,
            loads in proptest::collection::vec(proptest::option::weighted(0.9, 0..300_i64), 1..80),
        ) {
            let hpa = autoscaler(min, min + extra, with_behavior.then(default_behavior));
            let mut history = History::default();
            let mut replicas = min;
            for (tick, load) in loads.into_iter().enumerate() {
                let now = Time::from_secs(15 * tick as i64);
                let decision = pass(&hpa, &mut history, now, replicas, load);
                prop_assert!((min..=min + extra).contains(&decision.replicas));
                prop_assert_eq!(decision.from, replicas);
                replicas = decision.replicas;
            }
            // 300 s of passes 15 s apart, the edges, and the initial recommendation.
            prop_assert!(history.recommendations.slots().len() <= 300 / 15 + 3);
            prop_assert!(history.up_events.slots().len() <= 3);
        }
    }
}
