//! The eviction API: how drains and the cluster autoscaler ask for a pod to go.
//!
//! Follows pkg/registry/core/pod/storage/eviction.go, with the budget's status as
//! pkg/controller/disruption keeps it: a moment behind what happens, except for the evictions
//! themselves, which the API writes down at once (`status.disruptedPods`). Whoever is refused
//! comes back: kubectl after 5 s, the autoscaler after 10 s.

use crate::control::kubelet::container;
use crate::control::{Cx, replica_set};
use crate::model::fact::Why;
use crate::model::ids::{DeploymentId, PodId};
use crate::units::{Span, Time};

use super::disruption::{Denial, EvictionSubject, Grant, KnownPod, Status};
use super::disruption::{is_healthy, may_evict, status};
use super::replica_set::deletion_order::Phase;

/// From a change of a pod to the budget's status: a watch event, a work queue and a write, as for
/// the ReplicaSet controller.
const STATUS_LAG: Span = Span::from_millis(15);

/// What became of a request for eviction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The pod has its deletionTimestamp now (or had it already); it is gone when `pod.gone` says
    /// so, after its grace period at the latest.
    Evicted(Option<Grant>),
    /// Nothing happened: ask again later.
    Refused(Refusal),
}

/// Why nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The API server does not answer.
    NoControlPlane,
    /// The pod's PodDisruptionBudget says no.
    Budget(Denial),
}

impl Refusal {
    /// The reason in words for users.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoControlPlane => "the control plane does not answer",
            Self::Budget(denial) => denial.words(),
        }
    }
}

/// Asks for the eviction of a pod; `why` becomes the reason of its deletion.
///
/// For drains and the autoscaler: call it for each active pod of the node, count the refusals,
/// and come back for those that were refused (kubectl: every 5 s; the autoscaler: every 10 s
/// until `--max-pod-eviction-time`). Pods that were evicted leave `node.pods` when they are gone.
/// Nothing is taken from the controller manager's client rate: the caller is another client.
///
/// ```text
/// for pod in cx.world[node].pods.clone() {
///     if let Eviction::Refused(refusal) = eviction::evict(cx, pod, WHY) {
///         // refusal.words() for a fact; try this pod again later
///     }
/// }
/// ```
pub fn evict(cx: &mut Cx, pod: PodId, why: Why) -> Eviction {
    evict_within(cx, pod, None, why)
}

/// The same with `deleteOptions.gracePeriodSeconds`: the pod is to stop within `grace` instead of
/// its own grace period.
pub fn evict_within(cx: &mut Cx, pod: PodId, grace: Option<Span>, why: Why) -> Eviction {
    let deployment = cx.world[pod].deployment;
    if !cx.control_plane_is_up(cx.world[deployment].cluster) {
        return Eviction::Refused(Refusal::NoControlPlane);
    }
    let Some(budget) = cx.world[deployment].disruption_budget else {
        delete(cx, pod, grace, why);
        return Eviction::Evicted(None);
    };
    let state = &cx.world[pod];
    let subject = EvictionSubject {
        pending: replica_set::phase(state) == Phase::Pending,
        ready: state.ready,
        deleting: !state.is_active(),
    };
    forget_seen(cx, deployment);
    let n_unseen = unseen(cx, deployment).len();
    let status = status_of(cx, deployment).expect("the deployment has a budget");
    match may_evict(subject, &budget, &status, n_unseen) {
        Ok(grant) => {
            if grant == Grant::WithinBudget {
                let now = cx.now;
                cx.memory.disrupted.entry(deployment).or_default().push((pod, now));
            }
            delete(cx, pod, grace, why);
            Eviction::Evicted(Some(grant))
        }
        Err(denial) => Eviction::Refused(Refusal::Budget(denial)),
    }
}

/// A pod that is being deleted already keeps the grace period that it got first.
fn delete(cx: &mut Cx, pod: PodId, grace: Option<Span>, why: Why) {
    if cx.world[pod].is_active() {
        cx.world[pod].deletion_grace = grace;
    }
    container::delete(cx, pod, why);
}

/// The status of a deployment's budget, if it has one.
#[must_use]
pub fn status_of(cx: &Cx, id: DeploymentId) -> Option<Status> {
    let deployment = &cx.world[id];
    let budget = deployment.disruption_budget?;
    let healthy = |&&pod: &&PodId| is_healthy(known(cx, pod), cx.now);
    let n_healthy = deployment.pods.iter().filter(healthy).count();
    Some(status(budget.limit, deployment.pods.len(), deployment.replicas as usize, n_healthy))
}

/// A pod as the disruption controller knows it: as it was a moment ago.
fn known(cx: &Cx, pod: PodId) -> KnownPod {
    let state = &cx.world[pod];
    let seen_until = cx.now - STATUS_LAG;
    let changed_unseen = seen_until < state.ready_since && state.created_at < state.ready_since;
    let evicted = unseen(cx, state.deployment).iter().find(|(other, _)| *other == pod);
    KnownPod {
        ready: state.ready != changed_unseen,
        deleting: state.gone || state.deleted_at.is_some_and(|at| at <= seen_until),
        evicted_at: evicted.map(|&(_, at)| at),
    }
}

/// Evictions of a deployment's pods that the controller has not seen as deletions yet.
fn unseen(cx: &Cx, deployment: DeploymentId) -> &[(PodId, Time)] {
    cx.memory.disrupted.get(&deployment).map_or(&[], Vec::as_slice)
}

/// Drops what the controller has seen by now.
fn forget_seen(cx: &mut Cx, deployment: DeploymentId) {
    let now = cx.now;
    if let Some(disrupted) = cx.memory.disrupted.get_mut(&deployment) {
        disrupted.retain(|&(_, at)| now < at + STATUS_LAG);
    }
}
