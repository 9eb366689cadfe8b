//! Endpoints: how long a change of readiness takes to reach the balancers, and which pods they
//! use.
//!
//! Follows endpointslice/endpointslice_controller.go (a Service is updated at most once a
//! second), pkg/proxy (rules are synced at most once a second) and KEP 1669/1672 for terminating
//! endpoints. No endpoint change ends an established connection; what becomes of those to a dead
//! pod is stated in `model::connections`. Left out: watch back-pressure and client rate limits.

use std::fmt;

mod sync;

pub use sync::{apply, connections_are_reset, connections_go_stale, publish, readiness_changed};

use crate::units::{Span, Time};

/// The parts of the way from a pod's condition to the balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropagationPolicy {
    /// The kubelet or node monitor writes the condition, and the watch delivers it (~0.1 s,
    /// inferred).
    pub status_patch: Span,
    /// The EndpointSlice controller updates a Service at most this often
    /// (endpointslice_controller.go: 1 s after its own update).
    pub slice_batching: Span,
    /// kube-proxy syncs its rules at most this often (iptables minSyncPeriod 1 s).
    pub proxy_sync: Span,
}

impl Default for PropagationPolicy {
    fn default() -> Self {
        Self {
            status_patch: Span::from_millis(100),
            slice_batching: Span::from_secs(1),
            proxy_sync: Span::from_secs(1),
        }
    }
}

/// When a change of readiness has got how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagation {
    /// The API server has the pod's new condition.
    pub known_at: Time,
    /// The EndpointSlice has it.
    pub in_slice_at: Time,
    /// Balancers act on it.
    pub in_effect_at: Time,
}

/// When a change at `changed_at` takes effect: the patch, and two waits, each uniform up to its
/// period by one draw (the change meets either period at a random point).
#[must_use]
pub fn propagation(changed_at: Time, draws: [u64; 2], policy: &PropagationPolicy) -> Propagation {
    let known_at = changed_at + policy.status_patch;
    let in_slice_at = known_at + part(policy.slice_batching, draws[0]);
    let in_effect_at = in_slice_at + part(policy.proxy_sync, draws[1]);
    Propagation { known_at, in_slice_at, in_effect_at }
}

/// A uniform part of a span: `draw` / 2^64 of it.
fn part(span: Span, draw: u64) -> Span {
    let nanos = (i128::from(draw) * i128::from(span.nanos())) >> 64;
    Span::from_nanos(i64::try_from(nanos).expect("a part is shorter than the whole"))
}

/// A pod of a Service as a balancer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// It passes its readiness probe.
    pub serving: bool,
    /// It has a deletionTimestamp; it is not ready then, whatever the probe says.
    pub terminating: bool,
}

/// Which pods of a Service get requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointsInUse {
    /// The ready ones.
    Ready,
    /// No ready one is left: those that terminate but still serve.
    ServingTerminating,
    /// None: connections are refused.
    Nobody,
}

impl Endpoint {
    /// Ready: serving and not being deleted.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        self.serving && !self.terminating
    }
}

/// Which endpoints a balancer uses; terminating ones only when no ready one is left.
#[must_use]
pub fn endpoints_in_use(endpoints: impl IntoIterator<Item = Endpoint>) -> EndpointsInUse {
    let mut found = EndpointsInUse::Nobody;
    for endpoint in endpoints {
        if endpoint.is_ready() {
            return EndpointsInUse::Ready;
        }
        if endpoint.serving {
            found = EndpointsInUse::ServingTerminating;
        }
    }
    found
}

impl EndpointsInUse {
    /// Does this endpoint get requests?
    #[must_use]
    pub const fn uses(self, endpoint: Endpoint) -> bool {
        match self {
            Self::Ready => endpoint.is_ready(),
            Self::ServingTerminating => endpoint.serving && endpoint.terminating,
            Self::Nobody => false,
        }
    }
}

impl fmt::Display for EndpointsInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready endpoints",
            Self::ServingTerminating => "no ready endpoint is left, terminating ones still serve",
            Self::Nobody => "no endpoint is left",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least and the longest way by default: 0.1 s, and 2 s more.
    #[test]
    fn propagation_is_between_0_1_and_2_1_seconds() {
        let policy = PropagationPolicy::default();
        let way = |draws| propagation(Time::ZERO, draws, &policy);
        let ms = |n: i64| Time::from_nanos(n * 1_000_000);
        assert_eq!(way([0, 0]).in_effect_at, ms(100));
        let half = way([1 << 63, 1 << 63]);
        assert_eq!(
            half,
            Propagation { known_at: ms(100), in_slice_at: ms(600), in_effect_at: ms(1_100) }
        );
        let longest = way([u64::MAX, u64::MAX]).in_effect_at;
        assert_eq!(longest, ms(2_100) - Span::from_nanos(2));
    }

    /// One row per rule: (serving, terminating) of each endpoint, and who gets requests.
    #[test]
    fn terminating_endpoints_serve_only_when_alone() {
        use EndpointsInUse::{Nobody, Ready, ServingTerminating};
        let table = [
            ("no endpoint", vec![], Nobody, vec![]),
            ("unready ones get nothing", vec![(false, false)], Nobody, vec![false]),
            (
                "a ready one keeps terminating ones out",
                vec![(true, true), (true, false)],
                Ready,
                vec![false, true],
            ),
            (
                "alone, a terminating one still serves",
                vec![(true, true), (false, false)],
                ServingTerminating,
                vec![true, false],
            ),
            ("terminating and not serving: gone", vec![(false, true)], Nobody, vec![false]),
        ];
        for (rule, endpoints, expected, used) in table {
            let endpoint = |&(serving, terminating)| Endpoint { serving, terminating };
            let endpoints: Vec<Endpoint> = endpoints.iter().map(endpoint).collect();
            let in_use = endpoints_in_use(endpoints.iter().copied());
            assert_eq!(in_use, expected, "{rule}");
            let uses: Vec<bool> = endpoints.iter().map(|e| in_use.uses(*e)).collect();
            assert_eq!(uses, used, "{rule}");
        }
    }
}
