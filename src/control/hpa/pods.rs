//! What an HPA knows of a pod, and which of its four groups the pod falls into.
//!
//! Follows `groupPods` of replica_calculator.go.

use crate::units::{Span, Time};

/// `status.phase` of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all containers run yet.
    Pending,
    /// Bound, and at least one container runs.
    Running,
    /// All containers ended well.
    Succeeded,
    /// A container ended badly for good.
    Failed,
    /// The node has been silent.
    Unknown,
}

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody knows; the HPA treats a pod of unknown readiness as ready.
    Unknown,
}

/// The Ready condition of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its status.
    pub status: ConditionStatus,
    /// `lastTransitionTime`.
    pub since: Time,
}

/// A pod as the HPA lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodStatus {
    /// `status.phase`.
    pub phase: Phase,
    /// Whether `deletionTimestamp` is set.
    pub deleting: bool,
    /// `status.startTime`, if the kubelet has set it.
    pub started: Option<Time>,
    /// The Ready condition, if there is one.
    pub ready: Option<Ready>,
}

impl PodStatus {
    /// Whether the pod runs and is ready; Object and External metrics scale by such pods.
    #[must_use]
    pub fn is_running_and_ready(&self) -> bool {
        let ready = self.ready.is_some_and(|ready| ready.status == ConditionStatus::True);
        self.phase == Phase::Running && ready
    }
}

/// One pod's value of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// End of the window that the value was averaged over.
    pub at: Time,
    /// Length of that window.
    pub window: Span,
    /// CPU in milli-cores, memory in bytes, or a custom metric in milli-units.
    pub value: i64,
}

/// What readiness means for a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// CPU of a starting pod is not representative: wait for readiness.
    Cpu(CpuTiming),
    /// All other metrics count from their first sample on.
    Ignored,
}

/// The two delays that keep a starting pod's CPU out of the average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuTiming {
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
    pub initialization_period: Span,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
    pub initial_readiness_delay: Span,
}

impl CpuTiming {
    /// kube-controller-manager's defaults (podautoscaler/config/v1alpha1/defaults.go).
    pub const DEFAULT: Self = Self {
        initialization_period: Span::from_secs(300),
        initial_readiness_delay: Span::from_secs(30),
    };
}

/// The group that a pod falls into for one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Its value counts.
    Counted(i64),
    /// It is starting: no usage on a scale-up, left out otherwise.
    Unready,
    /// It has no sample: assumed idle on a scale-up, and busy on a scale-down.
    Missing,
    /// It is going away or has failed.
    Ignored,
}

/// The group of one pod, given its sample of the metric.
#[must_use]
#[inline]
pub fn group(pod: &PodStatus, sample: Option<&Sample>, readiness: Readiness, now: Time) -> Group {
    if pod.deleting || pod.phase == Phase::Failed {
        return Group::Ignored;
    }
    if pod.phase == Phase::Pending {
        return Group::Unready;
    }
    let Some(sample) = sample else {
        return Group::Missing;
    };
    match readiness {
        Readiness::Cpu(timing) if is_unready(pod, sample, timing, now) => Group::Unready,
        Readiness::Cpu(_) | Readiness::Ignored => Group::Counted(sample.value),
    }
}

/// Whether a pod's CPU sample is not to be trusted yet.
#[inline]
fn is_unready(pod: &PodStatus, sample: &Sample, timing: CpuTiming, now: Time) -> bool {
    let (Some(ready), Some(started)) = (pod.ready, pod.started) else {
        return true;
    };
    let is_false = ready.status == ConditionStatus::False;
    if now < started + timing.initialization_period {
        // One whole window must lie after the last change of readiness.
        is_false || sample.at < ready.since + sample.window
    } else {
        // Only a pod that has never been ready: its condition last changed right at its start.
        is_false && ready.since < started + timing.initial_readiness_delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The groups at the edges of the two delays, one row each. Seconds before now: start of the
    /// pod, status and last change of its readiness, end of the sample's window of 30 s.
    #[test]
    fn a_starting_pod_counts_from_its_first_whole_window() {
        use ConditionStatus::{False, True, Unknown};
        let counted = Group::Counted(7);
        for (rule, start, status, since, sample, expected) in [
            ("young, a whole window since ready", 100, True, 60, 30, counted),
            ("young, a second less than a window", 100, True, 59, 30, Group::Unready),
            ("young and not ready", 100, False, 90, 10, Group::Unready),
            ("young, readiness unknown counts as ready", 100, Unknown, 60, 30, counted),
            ("a second before the end of the initialisation", 299, True, 20, 10, Group::Unready),
            ("right at its end the window is of no interest", 300, True, 20, 10, counted),
            ("old, never ready", 300, False, 271, 10, Group::Unready),
            ("old, not ready from right after the delay on", 300, False, 270, 10, counted),
            ("old, was ready, is not", 1_000, False, 20, 10, counted),
        ] {
            let ago = |seconds: i64| Time::from_secs(-seconds);
            let pod = PodStatus {
                phase: Phase::Running,
                deleting: false,
                started: Some(ago(start)),
                ready: Some(Ready { status, since: ago(since) }),
            };
            let sample = Sample { at: ago(sample), window: Span::from_secs(30), value: 7 };
            let readiness = Readiness::Cpu(CpuTiming::DEFAULT);
            assert_eq!(group(&pod, Some(&sample), readiness, Time::ZERO), expected, "{rule}");
            let memory = group(&pod, Some(&sample), Readiness::Ignored, Time::ZERO);
            assert_eq!(memory, counted, "{rule}: memory counts at once");
        }
    }
}
