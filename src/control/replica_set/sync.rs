//! The shell of the ReplicaSet controller: makes the pods of each ReplicaSet as many as wanted.
//!
//! Creations and deletions are paced by the client rate limit of the controller (QPS and burst),
//! which is what dominates large bursts: 500 pods take about 25 s at 20/s. As upstream, a pass
//! decides once how many pods to create or which to delete, and looks again only when all of it
//! is done and seen (its expectations are met): what changes meanwhile waits.

use crate::control::{Cx, deployment as deployments, kubelet, scheduler};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{DeploymentId, PodId};
use crate::model::pod::{Container, Pod};
use crate::units::{Span, Time};

use super::deletion_order::{Candidate, Phase, Rules, ranks, victims};
use super::manage::{Action, BURST_REPLICAS, manage};

/// From a change to the controller's reaction: a watch event and a work queue. Recordings of a
/// real control plane show replacements 10-20 ms after a deletion.
const REACTION: Span = Span::from_millis(15);

/// What a pass has decided and not done yet, for want of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// So many pods are still to be created.
    Create(usize),
    /// These are still to be deleted, the last one first.
    Delete(Vec<PodId>),
}

/// Makes the controller look at a deployment soon.
pub fn enqueue(cx: &mut Cx, deployment: DeploymentId) {
    let at = cx.now + REACTION;
    cx.clock.arm_by(Event::ReplicaSetSync(deployment), at);
    deployments::enqueue(cx, deployment);
}

/// Compares the pods of each ReplicaSet with its size, and creates or deletes the difference.
pub fn sync(cx: &mut Cx, deployment: DeploymentId) {
    let cluster = cx.world[deployment].cluster;
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    let created = cx.world[deployment].created;
    for index in 0..cx.world[deployment].replica_sets.len() {
        sync_one(cx, deployment, index);
    }
    if created != cx.world[deployment].created {
        scheduler::pods_created(cx, cluster);
    }
}

fn sync_one(cx: &mut Cx, deployment: DeploymentId, index: usize) {
    let set = &cx.world[deployment].replica_sets[index];
    let (revision, size) = (set.revision, set.replicas);
    let unfinished = cx.memory.pod_work.remove(&(deployment, revision));
    let has_waited = unfinished.is_some();
    let work = unfinished.or_else(|| decide(cx, deployment, revision, size));
    let Some(work) = work else { return };
    let (left, next_token) = carry_out(cx, deployment, revision, work);
    if let Some(later) = next_token {
        cx.clock.arm_by(Event::ReplicaSetSync(deployment), later);
        cx.memory.pod_work.insert((deployment, revision), left);
    } else if has_waited {
        // What changed meanwhile is looked at now that the expectations are met.
        enqueue(cx, deployment);
    }
}

/// What a pass over one ReplicaSet does.
fn decide(cx: &Cx, deployment: DeploymentId, revision: u32, size: u32) -> Option<Work> {
    let is_active = |pod: &PodId| cx.world[*pod].is_active();
    let active: Vec<PodId> = cx.world[deployment].pods.iter().copied().filter(is_active).collect();
    let is_its = |pod: &PodId| cx.world[*pod].revision == revision;
    let its: Vec<PodId> = active.iter().copied().filter(is_its).collect();
    let is_rolling = cx.world[deployment].rollout.is_some();
    let wanted = if is_rolling { size } else { cx.world[deployment].replicas };
    match manage(its.len(), wanted as usize, BURST_REPLICAS) {
        Action::None => None,
        Action::Create(n) => Some(Work::Create(n)),
        Action::Delete(n) => Some(Work::Delete(chosen(cx, &its, &active, n))),
    }
}

/// Does as much as the client's rate allows now; what is left and when the next token comes.
fn carry_out(
    cx: &mut Cx,
    deployment: DeploymentId,
    revision: u32,
    mut work: Work,
) -> (Work, Option<Time>) {
    let cluster = cx.world[deployment].cluster;
    loop {
        let is_done = match &work {
            Work::Create(n) => *n == 0,
            Work::Delete(pods) => pods.is_empty(),
        };
        if is_done {
            return (work, None);
        }
        if let Some(later) = cx.memory.take_api_token(cluster, cx.now, &cx.settings) {
            return (work, Some(later));
        }
        match &mut work {
            Work::Create(n) => {
                *n -= 1;
                create_pod(cx, deployment, revision);
            }
            Work::Delete(pods) => {
                let pod = pods.pop().expect("checked above");
                kubelet::container::delete(cx, pod, Why("scaled down"));
            }
        }
    }
}

/// One new pod, pending.
pub fn create_pod(cx: &mut Cx, deployment: DeploymentId, revision: u32) -> PodId {
    let pod = PodId::new(cx.world.pods.len());
    let ordinal = cx.world[deployment].created;
    cx.world.pods.push(Pod {
        deployment,
        revision,
        ordinal,
        created_at: cx.now,
        node: None,
        bound_at: None,
        container: Container::Unbound,
        started_at: Time::NEVER,
        ready: false,
        ready_since: cx.now,
        deleted_at: None,
        deletion_grace: None,
        restarts: 0,
        in_endpoints: false,
        attempts: 0,
        refused_at: Time::NEVER,
        gone: false,
    });
    cx.clock.register_pod(pod);
    cx.world[deployment].created += 1;
    cx.world[deployment].pods.push(pod);
    cx.say(What::PodCreated { pod });
    pod
}

/// The `n` of a ReplicaSet's active pods that go, the last one first; `related` are those of all
/// ReplicaSets of the deployment, by which co-located pods are counted.
fn chosen(cx: &Cx, its: &[PodId], related: &[PodId], n: usize) -> Vec<PodId> {
    let node = |pod: &PodId| cx.world[*pod].node;
    let nodes: Vec<_> = its.iter().map(node).collect();
    let related: Vec<_> = related.iter().map(node).collect();
    let ranks = ranks(&nodes, &related);
    let candidate = |(&pod, rank): (&PodId, usize)| {
        let state = &cx.world[pod];
        Candidate {
            node: state.node,
            phase: phase(state),
            ready: state.ready,
            ready_since: state.ready.then_some(state.ready_since),
            created: Some(state.created_at),
            max_restarts: state.restarts,
            deletion_cost: 0,
            rank,
            uid: cx.chance.draw("uid", &cx.world.pod_name(pod), 0),
        }
    };
    let candidates: Vec<Candidate> = its.iter().zip(ranks).map(candidate).collect();
    let victims = victims(&candidates, n, Rules::at(cx.now));
    victims.into_iter().rev().map(|victim| its[victim]).collect()
}

/// A pod is Running once its container has started, and stays so across restarts.
#[must_use]
pub fn phase(pod: &Pod) -> Phase {
    match pod.container {
        Container::Unbound | Container::Pulling | Container::Creating if pod.restarts == 0 => {
            Phase::Pending
        }
        _ => Phase::Running,
    }
}
