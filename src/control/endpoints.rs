//! Endpoints: how long a change of readiness takes to reach the balancers, and which pods they
//! use.
//!
//! Follows endpointslice/endpointslice_controller.go (a Service is queued when a pod of it
//! changes, after `--endpointslice-updates-batch-period`, and handled once for all changes that
//! came meanwhile), kube-proxy's [`runner`] and KEP 1669/1672 for terminating endpoints. No
//! endpoint change ends an established connection; what becomes of those to a dead pod is stated
//! in `model::connections`. Left out: watch back-pressure, client rate limits, and the second that
//! the controller waits after somebody else has changed its EndpointSlices.

use std::fmt;

pub mod runner;

mod sync;

pub use sync::{apply, connections_are_reset, connections_go_stale, publish, readiness_changed};

use crate::units::{Span, Time};

use runner::{SyncPolicy, SyncRunner};

/// The parts of the way from a pod's condition to the balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropagationPolicy {
    /// The kubelet or node monitor writes the condition, and the watch delivers it (~0.1 s,
    /// inferred).
    pub status_patch: Span,
    /// From the first change of a Service's pods to the update of its EndpointSlices
    /// (`--endpointslice-updates-batch-period`).
    pub slice_batching: Span,
    /// How often the proxies sync.
    pub proxy: SyncPolicy,
}

impl Default for PropagationPolicy {
    fn default() -> Self {
        Self {
            status_patch: Span::from_millis(100),
            slice_batching: Span::ZERO,
            proxy: SyncPolicy {
                min_period: Span::from_secs(1),
                period: Span::from_secs(30),
                burst: 2,
            },
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

/// Changes of one Service that the EndpointSlice controller handles together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// When it handles them: what is known by then belongs to it.
    in_slice_at: Time,
    /// When the proxies have them.
    in_effect_at: Time,
}

/// When a change at `changed_at` takes effect. `batch` is the last one of its Service; `proxies`
/// are those of the cluster. Calls come in the order of `changed_at`.
pub fn propagation(
    changed_at: Time,
    batch: &mut Option<Batch>,
    proxies: &mut SyncRunner,
    policy: &PropagationPolicy,
) -> Propagation {
    let known_at = changed_at + policy.status_patch;
    let open = batch.filter(|batch| known_at <= batch.in_slice_at);
    let Batch { in_slice_at, in_effect_at } = open.unwrap_or_else(|| {
        let in_slice_at = known_at + policy.slice_batching;
        Batch { in_slice_at, in_effect_at: proxies.sync_for(in_slice_at, &policy.proxy) }
    });
    *batch = Some(Batch { in_slice_at, in_effect_at });
    Propagation { known_at, in_slice_at, in_effect_at }
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

    /// One row per rule: when pods change (ms), and when that is in the slice and in effect, for
    /// proxies that have rested since 0.
    #[test]
    fn changes_are_batched_and_synced() {
        let ms = |n: i64| Time::from_nanos(n * 1_000_000);
        let default = PropagationPolicy::default();
        let batched = PropagationPolicy { slice_batching: Span::from_secs(2), ..default };
        for (rule, policy, changes) in [
            ("by default only the patch takes time", default, &[(5_000, 5_100, 5_100)][..]),
            (
                "each change has its own update, and the proxies put the third sync off",
                default,
                &[(5_000, 5_100, 5_100), (5_001, 5_101, 5_101), (5_002, 5_102, 6_101)],
            ),
            (
                "a batch takes along what is known when it ends",
                batched,
                &[(5_000, 7_100, 7_100), (6_000, 7_100, 7_100), (7_000, 7_100, 7_100)],
            ),
            ("and not what comes after", batched, &[(5_000, 7_100, 7_100), (7_001, 9_101, 9_101)]),
        ] {
            let (mut batch, mut proxies) = (None, SyncRunner::resting_since(Time::ZERO));
            for &(at, in_slice, in_effect) in changes {
                let way = propagation(ms(at), &mut batch, &mut proxies, &policy);
                let known_at = ms(at + 100);
                let expected = Propagation {
                    known_at,
                    in_slice_at: ms(in_slice),
                    in_effect_at: ms(in_effect),
                };
                assert_eq!(way, expected, "{rule}");
            }
        }
    }

    /// A change that joins the batch of its Service goes with it, though a later batch of another
    /// Service is on its way already: Services 0 and 1 by turns, batches of 5 s.
    #[test]
    fn batches_of_services_do_not_mix() {
        let at = Time::from_secs;
        let policy = PropagationPolicy {
            status_patch: Span::ZERO,
            slice_batching: Span::from_secs(5),
            ..PropagationPolicy::default()
        };
        let (mut batches, mut proxies) = ([None; 2], SyncRunner::resting_since(Time::ZERO));
        let changes = [(0, 10, 15), (1, 11, 16), (0, 12, 15), (1, 16, 16), (0, 16, 21)];
        for (service, changed, in_effect) in changes {
            let way = propagation(at(changed), &mut batches[service], &mut proxies, &policy);
            assert_eq!(way.in_effect_at, at(in_effect), "{service} at {changed}");
        }
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
