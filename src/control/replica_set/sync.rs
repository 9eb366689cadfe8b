//! The shell of the ReplicaSet controller: makes the pods of a deployment as many as wanted.
//!
//! Creation is paced by the controller manager's client rate limit (QPS and burst), which is what
//! dominates large bursts: 500 pods take about 25 s at 20/s.

use crate::control::{Cx, kubelet, scheduler};
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

/// Makes the controller look at a deployment soon.
pub fn enqueue(cx: &mut Cx, deployment: DeploymentId) {
    let at = cx.now + REACTION;
    cx.clock.arm_by(Event::ReplicaSetSync(deployment), at);
}

/// Compares pods with replicas and creates or deletes the difference.
pub fn sync(cx: &mut Cx, deployment: DeploymentId) {
    let cluster = cx.world[deployment].cluster;
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    let is_active = |pod: &PodId| cx.world[*pod].is_active();
    let active: Vec<PodId> = cx.world[deployment].pods.iter().copied().filter(is_active).collect();
    let wanted = cx.world[deployment].replicas as usize;
    match manage(active.len(), wanted, BURST_REPLICAS) {
        Action::None => {}
        Action::Create(n) => create(cx, deployment, n),
        Action::Delete(n) => delete(cx, &active, n),
    }
}

/// Creates as many pods as the client's rate allows now; the rest follows as tokens arrive.
fn create(cx: &mut Cx, deployment: DeploymentId, n: usize) {
    let cluster = cx.world[deployment].cluster;
    for _ in 0..n {
        let next_token = cx.memory.take_api_token(cluster, cx.now, &cx.settings);
        if let Some(later) = next_token {
            cx.clock.arm_by(Event::ReplicaSetSync(deployment), later);
            break;
        }
        create_pod(cx, deployment);
    }
    scheduler::wake(cx, cluster);
}

/// One new pod, pending.
pub fn create_pod(cx: &mut Cx, deployment: DeploymentId) -> PodId {
    let pod = PodId::new(cx.world.pods.len());
    let ordinal = cx.world[deployment].created;
    cx.world.pods.push(Pod {
        deployment,
        ordinal,
        created_at: cx.now,
        node: None,
        bound_at: None,
        container: Container::Unbound,
        started_at: Time::NEVER,
        ready: false,
        ready_since: cx.now,
        deleted_at: None,
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

fn delete(cx: &mut Cx, active: &[PodId], n: usize) {
    let nodes: Vec<_> = active.iter().map(|&pod| cx.world[pod].node).collect();
    let ranks = ranks(&nodes, &nodes);
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
    let candidates: Vec<Candidate> = active.iter().zip(ranks).map(candidate).collect();
    for victim in victims(&candidates, n, Rules::at(cx.now)) {
        kubelet::container::delete(cx, active[victim], Why("scaled down"));
    }
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
