//! The conditions in an HPA's status, as `kubectl describe hpa` shows them.
//!
//! Follows the calls of `setCondition` in horizontal.go. A pass touches only the conditions that
//! its path reaches: an HPA whose metrics fail keeps the `ScalingLimited` of its last good pass.
//! Left out: failures of the API server (`FailedGetScale`, `FailedUpdateScale`): without it the
//! controller does not run at all.

use super::reconcile::{Decision, Path};

/// A condition after a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `type`: `AbleToScale`, `ScalingActive` or `ScalingLimited`.
    pub kind: &'static str,
    /// `status`.
    pub holds: bool,
    /// `reason`, in upstream's words.
    pub reason: &'static str,
    /// The reason in words for users.
    pub words: &'static str,
}

/// The conditions of one HPA; none before its first pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions([Option<Condition>; 3]);

impl Conditions {
    /// What a pass makes of the conditions: those whose status or reason changed.
    pub fn update(&mut self, decision: &Decision) -> impl Iterator<Item = Condition> + use<> {
        let mut changed = set_by(decision);
        for (known, new) in self.0.iter_mut().zip(&mut changed) {
            let same = |old: &Condition, new: &Condition| {
                (old.holds, old.reason) == (new.holds, new.reason)
            };
            match (*known, *new) {
                (Some(old), Some(fresh)) if same(&old, &fresh) => *new = None,
                (_, Some(fresh)) => *known = Some(fresh),
                (_, None) => {}
            }
        }
        changed.into_iter().flatten()
    }
}

/// The conditions that the path of a pass sets.
fn set_by(decision: &Decision) -> [Option<Condition>; 3] {
    let reason = decision.able_to_scale();
    let words = able_words(reason);
    let able = Condition { kind: "AbleToScale", holds: true, reason, words };
    let (holds, reason) = decision.scaling_active();
    let active = Condition { kind: "ScalingActive", holds, reason, words: active_words(decision) };
    match decision.path {
        Path::OutOfBounds(_) => [Some(able), None, None],
        Path::Disabled | Path::Inactive(_) => [Some(able), Some(active), None],
        Path::Measured(measured) => {
            let limit = measured.limit;
            let limited = Condition {
                kind: "ScalingLimited",
                holds: limit.limits(),
                reason: limit.name(),
                words: limit.words(),
            };
            [Some(able), Some(active), Some(limited)]
        }
    }
}

fn able_words(reason: &str) -> &'static str {
    match reason {
        "SucceededRescale" => "it has just changed the replicas",
        "ScaleUpStabilized" => "recent passes asked for less",
        "ScaleDownStabilized" => "recent passes asked for more",
        "SucceededGetScale" => "it decides nothing",
        _ => "recent passes do not hold it back",
    }
}

fn active_words(decision: &Decision) -> &'static str {
    match decision.path {
        Path::Disabled => "scaled to zero by hand",
        Path::Inactive(failure) => failure.error.words(),
        Path::OutOfBounds(_) | Path::Measured(_) => "a metric was read",
    }
}

#[cfg(test)]
mod tests {
    use super::super::limit::Limit;
    use super::super::metric::{Failure, MetricError, Proposal};
    use super::super::reconcile::{Measured, Stabilization};
    use super::*;

    fn measured(stabilization: Stabilization, limit: Limit) -> Path {
        let proposal = Proposal { replicas: 5, utilization_percent: None, usage: 0 };
        Path::Measured(Measured { metric: 0, proposal, stabilization, limit })
    }

    /// One row per path, all rows one after the other on one HPA: what the pass changes. Each
    /// condition is told once, and kept over passes that do not reach it.
    #[test]
    fn a_pass_tells_the_conditions_that_change() {
        let failed = Failure { reason: "FailedGetPodsMetric", error: MetricError::NoMetrics };
        let rested = measured(Stabilization::None, Limit::DesiredWithinRange);
        let able = |reason| ("AbleToScale", true, reason);
        let active = |holds, reason| ("ScalingActive", holds, reason);
        let limited = |holds, reason| ("ScalingLimited", holds, reason);
        let mut conditions = Conditions::default();
        for (rule, from, replicas, path, expected) in [
            (
                "the first pass sets all three",
                5,
                5,
                rested,
                vec![
                    able("ReadyForNewScale"),
                    active(true, "ValidMetricFound"),
                    limited(false, "DesiredWithinRange"),
                ],
            ),
            ("the same again is not told", 5, 5, rested, vec![]),
            (
                "a change of the replicas, capped",
                5,
                10,
                measured(Stabilization::None, Limit::ScaleUpLimit),
                vec![able("SucceededRescale"), limited(true, "ScaleUpLimit")],
            ),
            (
                "held by recent passes",
                10,
                10,
                measured(Stabilization::ScaleDownStabilized, Limit::DesiredWithinRange),
                vec![able("ScaleDownStabilized"), limited(false, "DesiredWithinRange")],
            ),
            (
                "no metric: ScalingLimited stays",
                10,
                10,
                Path::Inactive(failed),
                vec![able("SucceededGetScale"), active(false, "FailedGetPodsMetric")],
            ),
            (
                "scaled to zero by hand",
                0,
                0,
                Path::Disabled,
                vec![active(false, "ScalingDisabled")],
            ),
            (
                "beyond the bounds: no metric is read",
                20,
                10,
                Path::OutOfBounds(Limit::TooManyReplicas),
                vec![able("SucceededRescale")],
            ),
            (
                "back at work",
                10,
                10,
                rested,
                vec![able("ReadyForNewScale"), active(true, "ValidMetricFound")],
            ),
        ] {
            let told = conditions.update(&Decision { from, replicas, path });
            let told: Vec<_> = told.map(|told| (told.kind, told.holds, told.reason)).collect();
            assert_eq!(told, expected, "{rule}");
        }
    }
}
