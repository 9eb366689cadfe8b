//! The shell of the scheduler: looks at the pending pods of a cluster and binds what fits.
//!
//! Level-triggered: new pods and pods whose back-off is over are tried in queue order. What
//! failed waits for an event that may help it (a node, a pod that goes), or five minutes.

use crate::control::Cx;
use crate::control::kubelet::container;
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, PodId, PoolId};
use crate::model::node::{Condition, Stage};
use crate::units::{Span, Time};

use super::fit::{MISFITS, Misfit};
use super::queue::{QueuePlace, active_at, leftover_at};
use super::schedule::{Scheduler, Unschedulable, schedule_one};
use super::snapshot::{NodeView, PodView, Snapshot, SpreadConstraint, Taints};

/// From a watch event to the end of a scheduling cycle; recordings show bindings within 0.1 s.
const REACTION: Span = Span::from_millis(20);

/// What the scheduler of one cluster remembers.
#[derive(Clone, Debug, Default)]
pub struct SchedulerState {
    scheduler: Scheduler,
    /// When something last happened that may help unschedulable pods.
    woken_at: Time,
    /// Decisions so far, for the draws.
    n_decisions: u64,
}

/// Something may help pending pods of a cluster: a node joined, a pod is gone or was created.
pub fn wake(cx: &mut Cx, cluster: ClusterId) {
    let at = cx.now + REACTION;
    cx.memory.schedulers[cluster.index()].woken_at = at;
    cx.clock.arm_by(Event::Schedule(cluster), at);
}

/// Tries every pending pod that is due.
pub fn cycle(cx: &mut Cx, cluster: ClusterId) {
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    let due = due_pods(cx, cluster);
    if due.is_empty() {
        return;
    }
    let mut view = View::of(cx, cluster);
    for pod in due {
        match view.place(cx, pod) {
            Ok(node) => {
                bind(cx, pod, node);
                container::bound(cx, pod, node);
            }
            Err(why) => refuse(cx, cluster, pod, &why),
        }
    }
}

/// Pending pods in queue order; those that still back off are armed for later.
fn due_pods(cx: &mut Cx, cluster: ClusterId) -> Vec<PodId> {
    let woken_at = cx.memory.schedulers[cluster.index()].woken_at;
    let mut due = Vec::new();
    for pod in pending(cx, cluster) {
        let state = &cx.world[pod];
        let at = match state.attempts {
            0 => cx.now,
            attempts if state.refused_at < woken_at => {
                active_at(state.refused_at, attempts, woken_at, Time::ZERO)
            }
            _ => leftover_at(state.refused_at, Time::ZERO),
        };
        if at <= cx.now {
            due.push(pod);
        } else {
            cx.clock.arm_by(Event::Schedule(cluster), at);
        }
    }
    due.sort_by_key(|&pod| QueuePlace {
        priority: cx.world[cx.world[pod].deployment].template.priority,
        queued_at: cx.world[pod].created_at,
        ordinal: pod.index() as u64,
    });
    due
}

fn pending(cx: &Cx, cluster: ClusterId) -> Vec<PodId> {
    let waits = |&pod: &PodId| cx.world[pod].is_active() && cx.world[pod].node.is_none();
    let deployments = cx.world[cluster].deployments.iter();
    let pods = deployments.flat_map(|&deployment| cx.world[deployment].pods.iter().copied());
    pods.filter(waits).collect()
}

fn bind(cx: &mut Cx, pod: PodId, node: NodeId) {
    let requests = cx.world[cx.world[pod].deployment].template.requests;
    cx.world[pod].node = Some(node);
    cx.world[pod].bound_at = Some(cx.now);
    cx.world[node].requested += requests;
    cx.world[node].pods.push(pod);
    cx.say(What::PodScheduled { pod, node });
}

fn refuse(cx: &mut Cx, cluster: ClusterId, pod: PodId, why: &Unschedulable) {
    cx.world[pod].attempts += 1;
    cx.world[pod].refused_at = cx.now;
    if cx.world[pod].attempts == 1 {
        cx.say(What::PodUnschedulable { pod, why: Why(most_common(why)) });
    }
    let leftover = leftover_at(cx.now, Time::ZERO);
    cx.clock.arm_by(Event::Schedule(cluster), leftover);
}

/// The rule that refused most nodes, in words for users.
fn most_common(why: &Unschedulable) -> &'static str {
    let ranked = MISFITS.iter().zip(why.refused).max_by_key(|&(_, count)| count);
    match ranked {
        Some((_, 0)) | None => "the cluster has no nodes",
        Some((misfit, _)) => match misfit {
            Misfit::NotReady => "nodes are not ready",
            Misfit::Unreachable => "nodes are unreachable",
            Misfit::Unschedulable => "nodes are cordoned",
            Misfit::ToBeDeleted => "nodes are being scaled down",
            Misfit::Tainted => "nodes have untolerated taints",
            Misfit::OtherPool => "nodes are in other pools",
            Misfit::TooManyPods => "nodes are at their pod limit",
            Misfit::Cpu => "insufficient cpu",
            Misfit::Memory => "insufficient memory",
            Misfit::Spread => "topology spread forbids the nodes",
            Misfit::AntiAffinity => "anti-affinity forbids the nodes",
        },
    }
}

/// Places all pending pods of a cluster at once, without kubelets; returns what is left over.
pub fn place_all(cx: &mut Cx, cluster: ClusterId) -> Vec<PodId> {
    let mut view = View::of(cx, cluster);
    let mut left_over = Vec::new();
    for pod in pending(cx, cluster) {
        match view.place(cx, pod) {
            Ok(node) => bind(cx, pod, node),
            Err(_) => left_over.push(pod),
        }
    }
    left_over
}

/// The nodes of a cluster as the scheduler's rules read them.
struct View {
    cluster: ClusterId,
    nodes: Vec<NodeId>,
    snapshot: Snapshot,
    spread: Vec<SpreadConstraint>,
}

impl View {
    fn of(cx: &Cx, cluster: ClusterId) -> Self {
        let joined = |&node: &NodeId| cx.world[node].stage == Stage::Joined;
        let nodes: Vec<NodeId> = cx.world.cluster_nodes(cluster).filter(joined).collect();
        let views = nodes.iter().map(|&node| node_view(cx, cluster, node));
        let n_workloads = cx.world.workloads.len();
        let spread = cx.settings.default_spread.clone();
        let mut view = Self { cluster, snapshot: Snapshot::of(n_workloads, views), nodes, spread };
        for index in 0..view.nodes.len() {
            for &pod in &cx.world[view.nodes[index]].pods {
                let seen = pod_view(cx, cluster, pod, &view.spread);
                view.snapshot.place(&seen, index);
                if !cx.world[pod].is_active() {
                    view.snapshot.stop_counting(seen.workload, index);
                }
            }
        }
        view
    }

    fn place(&mut self, cx: &mut Cx, pod: PodId) -> Result<NodeId, Unschedulable> {
        let state = &mut cx.memory.schedulers[self.cluster.index()];
        state.n_decisions += 1;
        let draw = cx.chance.draw("scheduler", &cx.world[self.cluster].name, state.n_decisions);
        let mut scheduler = std::mem::take(&mut state.scheduler);
        let seen = pod_view(cx, self.cluster, pod, &self.spread);
        let placement = schedule_one(&mut scheduler, &self.snapshot, &seen, draw);
        if let Ok(placement) = &placement {
            self.snapshot.place(&seen, placement.node);
        }
        cx.memory.schedulers[self.cluster.index()].scheduler = scheduler;
        placement.map(|placement| self.nodes[placement.node])
    }
}

fn node_view(cx: &Cx, cluster: ClusterId, id: NodeId) -> NodeView {
    let node = &cx.world[id];
    let zones = &cx.world[cx.world[cluster].region].zones;
    let zone = zones.iter().position(|&zone| zone == node.zone).expect("a node is in its region");
    let mut taints = Taints::NONE;
    match node.ready {
        Condition::True => {}
        Condition::False => taints = taints.with(Taints::NOT_READY),
        Condition::Unknown => taints = taints.with(Taints::UNREACHABLE),
    }
    if node.shutdown_taint {
        taints = taints.with(Taints::UNSCHEDULABLE);
    }
    if node.to_be_deleted {
        taints = taints.with(Taints::TO_BE_DELETED);
    }
    if node.cordoned {
        taints = taints.with(Taints::UNSCHEDULABLE);
    }
    let zone = u32::try_from(zone).expect("a region has few zones");
    NodeView { pool: node.pool, zone, taints, allocatable: cx.world[node.pool].allocatable }
}

fn pod_view<'a>(
    cx: &Cx,
    cluster: ClusterId,
    pod: PodId,
    spread: &'a [SpreadConstraint],
) -> PodView<'a> {
    let deployment = &cx.world[cx.world[pod].deployment];
    let template = &deployment.template;
    let named = |name: &String| {
        let pools = &cx.world[cluster].pools;
        let found = pools.iter().copied().find(|&pool| cx.world[pool].name == *name);
        found.unwrap_or(PoolId::new(u32::MAX as usize))
    };
    PodView {
        workload: deployment.workload.index(),
        requests: template.requests,
        tolerates: Taints::NONE,
        pool: template.pool.as_ref().map(named),
        anti_affinity: template.anti_affinity,
        spread,
    }
}
