//! How much of a node its pods request.
//!
//! Follows `Calculate` of simulator/utilization/info.go, and the requests of a pod with init
//! containers of utils/pod.

use crate::units::{Bytes, MilliCpu, Span, Time};

/// CPU and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// CPU.
    pub cpu: MilliCpu,
    /// Memory.
    pub memory: Bytes,
}

impl Amounts {
    fn plus(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }

    fn max(self, other: Self) -> Self {
        Self { cpu: self.cpu.max(other.cpu), memory: self.memory.max(other.memory) }
    }
}

/// An init container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitContainer {
    /// What it requests.
    pub request: Amounts,
    /// Whether it goes on running beside the others (`restartPolicy: Always`).
    pub is_sidecar: bool,
}

/// What a pod requests: its containers and sidecars together, or what its start takes if more.
///
/// Init containers run one after the other, each beside the sidecars that started before it.
#[must_use]
pub fn pod_request(containers: Amounts, init_containers: &[InitContainer]) -> Amounts {
    let mut sidecars = Amounts::default();
    let mut start = Amounts::default();
    for init in init_containers {
        if init.is_sidecar {
            sidecars = sidecars.plus(init.request);
        } else {
            start = start.max(sidecars.plus(init.request));
        }
    }
    containers.plus(sidecars).max(start)
}

/// A pod on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodUse {
    /// What it requests.
    pub request: Amounts,
    /// What it belongs to.
    pub kind: PodKind,
    /// Its deletionTimestamp and the grace period that it has.
    pub terminating: Option<(Time, Span)>,
}

/// The kinds of pods that differ for scale-down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodKind {
    /// Moves elsewhere when its node goes.
    Movable,
    /// One on each node.
    DaemonSet,
    /// Static, from a file on the node.
    Mirror,
}

/// Which pods are left out, their requests taken off the node's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// `--ignore-daemonsets-utilization`.
    pub daemonsets: bool,
    /// `--ignore-mirror-pods-utilization`.
    pub mirrors: bool,
}

/// The share of a node that its pods request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Utilization {
    /// Of CPU.
    pub cpu: f64,
    /// Of memory.
    pub memory: f64,
}

impl Utilization {
    /// The greater of both, which is compared with the threshold.
    #[must_use]
    pub const fn highest(&self) -> f64 {
        self.cpu.max(self.memory)
    }

    /// Whether the node is a candidate for scale-down; at the threshold it still is.
    #[must_use]
    pub const fn is_at_most(&self, threshold: f64) -> bool {
        self.highest() <= threshold
    }
}

/// Pods that terminate this much longer than their grace period no longer count.
const LONG_TERMINATING: Span = Span::from_secs(30);

/// Whether a pod with this deletionTimestamp and grace period should be long gone.
#[must_use]
pub fn is_long_terminating((since, grace): (Time, Span), now: Time) -> bool {
    since + grace + LONG_TERMINATING < now
}

/// The utilisation of a node, or None if CPU or memory is not known.
#[must_use]
pub fn utilization(
    allocatable: Amounts,
    pods: &[PodUse],
    ignored: Ignored,
    now: Time,
) -> Option<Utilization> {
    if allocatable.cpu == MilliCpu::ZERO || allocatable.memory == Bytes::ZERO {
        return None;
    }
    let mut used = Amounts::default();
    let mut set_aside = Amounts::default();
    for pod in pods {
        let is_ignored = match pod.kind {
            PodKind::Movable => false,
            PodKind::DaemonSet => ignored.daemonsets,
            PodKind::Mirror => ignored.mirrors,
        };
        let is_stuck = |it| is_long_terminating(it, now);
        if is_ignored {
            set_aside = set_aside.plus(pod.request);
        } else if !pod.terminating.is_some_and(is_stuck) {
            used = used.plus(pod.request);
        }
    }
    let share = |used: i64, of: i64, off: i64| used as f64 / (of - off) as f64;
    Some(Utilization {
        cpu: share(used.cpu.milli(), allocatable.cpu.milli(), set_aside.cpu.milli()),
        memory: share(used.memory.get(), allocatable.memory.get(), set_aside.memory.get()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pod is stuck 30 s beyond its deletionTimestamp and grace period, not at that instant;
    /// then it no longer counts, while DaemonSets that are ignored shrink the node.
    #[test]
    fn stuck_pods_do_not_count() {
        let it = (Time::from_secs(100), Span::from_secs(30));
        let stuck = [160, 161].map(|now_s| is_long_terminating(it, Time::from_secs(now_s)));
        assert_eq!(stuck, [false, true]);
        let request = Amounts { cpu: MilliCpu::new(500), memory: Bytes::from_mib(100) };
        let node = Amounts { cpu: MilliCpu::new(1_000), memory: Bytes::from_mib(1_000) };
        let pod = PodUse { request, kind: PodKind::Movable, terminating: Some(it) };
        let daemon = PodUse { kind: PodKind::DaemonSet, terminating: None, ..pod };
        let used = |daemonsets, now_s| {
            let ignored = Ignored { daemonsets, mirrors: false };
            utilization(node, &[pod, daemon], ignored, Time::from_secs(now_s)).unwrap().cpu
        };
        assert_eq!([used(false, 160), used(false, 161)], [1.0, 0.5]);
        assert_eq!([used(true, 160), used(true, 161)], [1.0, 0.0]);
    }
}
