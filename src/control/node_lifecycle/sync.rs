//! The shell of the node lifecycle controllers: silent nodes, taints, evictions, joins.
//!
//! Passes of the monitor are armed only while a node is in trouble; quiet passes change nothing.
//! A pass has an instant for each answer that it waits for, see [`monitor`](super::monitor).

use crate::control::cloud::addresses;
use crate::control::kubelet::{container, pulling};
use crate::control::memory::NodeMemory;
use crate::control::network::outbound;
use crate::control::{Cx, scheduler};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, PodId, PoolId, ZoneId};
use crate::model::labels::EXCLUDE_DISRUPTION;
use crate::model::node::{Condition, Instance, Node, Stage};
use crate::model::node_pool::{NodePool, Resources};
use crate::model::region::Outages;
use crate::model::world::World;
use crate::sim::streams::unit;
use crate::units::{Span, Time};

use super::kubelet_outage::{self, Return};
use super::lease::{RENEW_INTERVAL, Renewals};
use super::monitor::{Action, ApiServer, MonitorState, NodeReport};
use super::taint_eviction::{TaintKey, Toleration, eviction_timer, tolerations_of};
use super::{cloud, pod_gc, repair};

/// The kubelet of a node stopped renewing its lease: the monitor's passes matter from now on.
pub fn kubelet_fell_silent(cx: &mut Cx, node: NodeId) {
    let heard = heartbeat(cx, node);
    cx.memory.node_mut(node).last_heard = Some(heard);
    arm_monitor(cx, cx.world[node].cluster);
    repair::arm_checks(cx, cx.world[node].cluster);
}

/// When a node's lease was last renewed.
pub(super) fn heartbeat(cx: &mut Cx, node: NodeId) -> Time {
    if let Some(at) = cx.memory.node_mut(node).last_heard {
        return at;
    }
    let name = cx.world.node_name(node);
    let (chance, now) = (cx.chance, cx.now);
    let draw = |index| chance.draw("lease-jitter", &name, index);
    cx.memory.node_mut(node).renewals.last_before(now, draw)
}

/// A node's kubelet begins to renew its lease: first at `first`, which sets its phase.
pub fn begin_renewals(cx: &mut Cx, node: NodeId, first: Time) {
    let memory = NodeMemory {
        renewals: Renewals::starting_at(first),
        last_heard: None,
        cut_off_since: None,
    };
    cx.memory.set_node(node, memory);
}

/// The control plane of a cluster is back: nodes may have come and gone meanwhile. The first pass
/// takes the taints off all nodes that it finds and gives them back one by one, see
/// [`monitor`](super::monitor).
pub fn resume(cx: &mut Cx, cluster: ClusterId) {
    arm_monitor(cx, cluster);
    cloud::arm(cx, cluster);
    repair::arm_checks(cx, cluster);
    pod_gc::restarted(cx, cluster);
}

pub(super) fn arm_monitor(cx: &mut Cx, cluster: ClusterId) {
    let at = cx.memory.monitors[cluster.index()].pass_from(cx.now);
    cx.clock.arm_by(Event::NodeMonitorPass(cluster), at);
}

/// A pass of the monitor begins, goes on or ends.
pub fn monitor_pass(cx: &mut Cx, cluster: ClusterId) {
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    let mut actions = Vec::new();
    let (index, now) = (cluster.index(), cx.now);
    let idle = MonitorState::new(cx.settings.monitor, now);
    let mut monitor = std::mem::replace(&mut cx.memory.monitors[index], idle);
    let next = monitor.advance(now, &mut Cluster { cx, cluster }, &mut actions);
    let is_over = monitor.is_quiet() && !monitor.is_in_pass();
    cx.memory.monitors[index] = monitor;
    carry_out(cx, &actions);
    if !is_over || has_silent_node(cx, cluster) {
        cx.clock.arm(Event::NodeMonitorPass(cluster), next);
    }
    arm_queues(cx, cluster);
}

/// Whether a node of the cluster is silent, though perhaps not for the grace period yet.
fn has_silent_node(cx: &Cx, cluster: ClusterId) -> bool {
    let mut joined =
        cx.world.cluster_nodes(cluster).filter(|&node| cx.world[node].stage == Stage::Joined);
    joined.any(|node| !cx.world[node].has_kubelet())
}

/// A cluster as its monitor sees it.
struct Cluster<'a> {
    cx: &'a mut Cx,
    cluster: ClusterId,
}

impl ApiServer for Cluster<'_> {
    fn nodes(&mut self) -> Vec<NodeReport> {
        reports(self.cx, self.cluster)
    }

    fn heartbeat(&mut self, listed: &NodeReport) -> Time {
        heartbeat(self.cx, listed.node)
    }

    fn ready_pods(&mut self, node: NodeId) -> Vec<PodId> {
        let world = &self.cx.world;
        world[node].pods.iter().copied().filter(|&pod| world[pod].ready).collect()
    }
}

fn reports(cx: &mut Cx, cluster: ClusterId) -> Vec<NodeReport> {
    let joined = |&node: &NodeId| cx.world[node].stage == Stage::Joined;
    let nodes: Vec<NodeId> = cx.world.cluster_nodes(cluster).filter(joined).collect();
    let region = cx.world[cluster].region;
    let mut reports: Vec<NodeReport> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let zone = cx.world[node].zone;
        let zones = &cx.world[region].zones;
        reports.push(NodeReport {
            node,
            zone: zones.iter().position(|&z| z == zone).expect("a node is in its region"),
            ready: Some(cx.world[node].ready),
            heartbeat: heartbeat(cx, node),
            taint: cx.world[node].taint,
            excluded: cx.world[cx.world[node].pool].labels.get(EXCLUDE_DISRUPTION).is_some(),
        });
    }
    reports
}

fn carry_out(cx: &mut Cx, actions: &[Action]) {
    for action in actions {
        match *action {
            // A node that is heard again or gone has another version by now: the update fails.
            Action::SetUnknown { node } if is_heard(cx, node) => {}
            Action::SetUnknown { node } => set_readiness(cx, node, Condition::Unknown),
            Action::MarkPodNotReady { pod } => {
                // Of a node that is heard again the kubelet corrects what the controller writes.
                if cx.world[pod].node.is_some_and(|node| !is_heard(cx, node)) {
                    container::set_ready(cx, pod, false, Why("its node is silent"));
                }
            }
            Action::Taint { node, key } => taint(cx, node, key),
            Action::Untaint { node } => untaint(cx, node),
            Action::SetZone { .. } | Action::StopEvictions | Action::ResumeEvictions => {}
        }
    }
}

/// Whether a node renews its lease, or does not exist any more.
fn is_heard(cx: &mut Cx, node: NodeId) -> bool {
    cx.world[node].stage != Stage::Joined || cx.memory.node_mut(node).last_heard.is_none()
}

/// Writes a node's Ready condition; the NoSchedule taint that keeps new pods away follows it at
/// once (doNoScheduleTaintingPass has a worker of its own).
pub(super) fn set_readiness(cx: &mut Cx, node: NodeId, ready: Condition) {
    if cx.world[node].ready == ready {
        return;
    }
    cx.world[node].ready = ready;
    cx.world[node].ready_since = cx.now;
    scheduler::node_changed(cx, node);
    cx.say(What::NodeReadiness { node, status: Why(ready.words()) });
    let Node { cluster, instance, shutdown_taint, .. } = cx.world[node];
    if instance != Instance::Running || shutdown_taint {
        cloud::arm(cx, cluster);
    }
    if ready != Condition::True {
        repair::arm_checks(cx, cluster);
    }
}

fn taint(cx: &mut Cx, node: NodeId, key: TaintKey) {
    if let Some(other) = cx.world[node].taint.replace(key) {
        cx.say(What::NodeTainted { node, taint: Why(other.words()), tainted: false });
    }
    cx.say(What::NodeTainted { node, taint: Why(key.words()), tainted: true });
    for pod in cx.world[node].pods.clone() {
        set_timer(cx, pod);
    }
}

fn untaint(cx: &mut Cx, node: NodeId) {
    let Some(key) = cx.world[node].taint.take() else { return };
    cx.say(What::NodeTainted { node, taint: Why(key.words()), tainted: false });
    for pod in cx.world[node].pods.clone() {
        set_timer(cx, pod);
    }
    scheduler::node_changed(cx, node);
}

/// A pod was bound: on a node that is back, but still tainted, its timer starts until the taint
/// goes.
pub fn pod_bound(cx: &mut Cx, pod: PodId, node: NodeId) {
    if cx.world[node].taint.is_some() {
        set_timer(cx, pod);
    }
}

/// Starts, moves or stops a pod's toleration timer by its node's taint.
fn set_timer(cx: &mut Cx, pod: PodId) {
    let Some(node) = cx.world[pod].node.filter(|_| cx.world[pod].is_active()) else { return };
    if !cx.control_plane_is_up(cx.world.cluster_of(pod)) {
        // Nobody counts; the controller that comes back starts every timer anew.
        return;
    }
    let tolerated = cx.world[cx.world[pod].deployment].template.tolerated;
    let tolerations: Vec<Toleration> = tolerations_of(tolerated).collect();
    let taints = cx.world[node].taint;
    let running = *cx.memory.eviction_mut(pod);
    let timer = eviction_timer(running, taints.as_slice(), &tolerations, cx.now);
    *cx.memory.eviction_mut(pod) = timer;
    match timer {
        Some(timer) => cx.clock.arm(Event::TolerationEnds(pod), timer.fires),
        None => cx.clock.disarm(Event::TolerationEnds(pod)),
    }
}

fn arm_queues(cx: &mut Cx, cluster: ClusterId) {
    if let Some(at) = cx.memory.monitors[cluster.index()].queues_due(cx.now) {
        cx.clock.arm(Event::EvictionQueue(cluster), at);
    }
}

/// The eviction queues of a cluster are worked.
pub fn work_eviction_queue(cx: &mut Cx, cluster: ClusterId) {
    if !cx.control_plane_is_up(cluster) {
        return;
    }
    let mut actions = Vec::new();
    let world = &cx.world;
    // Nobody taints a node that is gone; its entry costs a token all the same.
    let ready = |node: NodeId| match world[node].stage {
        Stage::Deleted => Condition::True,
        _ => world[node].ready,
    };
    cx.memory.monitors[cluster.index()].work_queues(cx.now, ready, &mut actions);
    carry_out(cx, &actions);
    arm_queues(cx, cluster);
}

/// A pod's toleration is over: it is deleted and replaced.
pub fn toleration_ends(cx: &mut Cx, pod: PodId) {
    if !cx.control_plane_is_up(cx.world.cluster_of(pod)) {
        *cx.memory.eviction_mut(pod) = None;
        return;
    }
    let node = cx.world[pod].node.expect("only bound pods have timers");
    let why = match cx.world[node].taint {
        Some(TaintKey::NotReady) => "evicted: its node is not ready",
        _ => "evicted: its node is unreachable",
    };
    container::delete(cx, pod, Why(why));
}

fn nodes_in(world: &World, pool: PoolId, zone: ZoneId) -> usize {
    world[pool].nodes.iter().filter(|&&node| world[node].zone == zone).count()
}

/// The zone of a pool that gets its next node: the one with the fewest nodes.
///
/// A scale set balances its zones by best effort: a zone that is down gets no new machine while
/// another one of the pool is up.
#[must_use]
pub fn next_zone(world: &World, pool: PoolId) -> ZoneId {
    let is_down = |zone: ZoneId| !world[zone].outages.is_up();
    let zones = world[pool].zones.iter().copied();
    let next = zones.min_by_key(|&zone| (is_down(zone), nodes_in(world, pool, zone)));
    next.expect("a pool has at least one zone")
}

/// Makes a node of a pool: in its next zone, in the racks of that by turns.
pub fn new_node(cx: &mut Cx, pool: PoolId) -> NodeId {
    let zone = next_zone(&cx.world, pool);
    let node = new_node_in(cx, pool, zone);
    addresses::machine_ordered(cx, node);
    node
}

/// Makes a node of a pool in a zone, in the racks of that by turns.
fn new_node_in(cx: &mut Cx, pool: PoolId, zone: ZoneId) -> NodeId {
    let node = NodeId::new(cx.world.nodes.len());
    let racks: Vec<_> = cx.world.racks_of(zone).collect();
    let rack = racks[nodes_in(&cx.world, pool, zone) % racks.len()];
    let NodePool { cluster, ordered: ordinal, .. } = cx.world[pool];
    cx.world.nodes.push(Node {
        cluster,
        pool,
        ordinal,
        zone,
        rack,
        stage: Stage::Provisioning,
        allocated: true,
        power: Outages::default(),
        running: false,
        kubelet: Outages::default(),
        fitness: Outages::default(),
        ready: Condition::False,
        ready_since: cx.now,
        instance: Instance::Running,
        suspended: false,
        shutdown_taint: false,
        taint: None,
        to_be_deleted: false,
        cordoned: false,
        ordered_at: cx.now,
        joined_at: Time::NEVER,
        kubelet_since: Time::NEVER,
        requested: Resources::default(),
        pods: Vec::new(),
        images: Vec::new(),
    });
    cx.clock.register_node(node);
    cx.world[pool].ordered += 1;
    cx.world[pool].nodes.push(node);
    let suspended = cx.world[pool].nodes.iter().filter(|&&node| cx.world[node].suspended).count();
    let meant_to_run = (cx.world[pool].nodes.len() - suspended) as u32;
    cx.world[pool].target = cx.world[pool].target.max(meant_to_run);
    node
}

/// Orders the virtual machine of a new node, for which there is no capacity: it never comes.
pub fn order_in_vain(cx: &mut Cx, pool: PoolId, zone: ZoneId) -> NodeId {
    let node = new_node_in(cx, pool, zone);
    cx.world[node].allocated = false;
    cx.say(What::NodeOrdered { node });
    node
}

/// Orders the virtual machine of a new node in a zone; it is granted after `wait`.
pub fn order(cx: &mut Cx, pool: PoolId, zone: ZoneId, wait: Span) -> NodeId {
    let node = new_node_in(cx, pool, zone);
    addresses::machine_ordered(cx, node);
    cx.say(What::NodeOrdered { node });
    let name = cx.world.node_name(node);
    let draw = cx.chance.draw("provisioning", &name, 0);
    let delay = cx.world[pool].provisioning.quantile(unit(draw));
    cx.clock.arm(Event::NodeJoins(node), cx.now + wait + Span::from_secs_f64(delay));
    node
}

/// The machine of an empty node is deallocated: the node stays, NotReady, with its images.
pub fn deallocate(cx: &mut Cx, node: NodeId) {
    cx.world[node].suspended = true;
    cx.world[node].to_be_deleted = false;
    let pool = cx.world[node].pool;
    cx.world[pool].target = cx.world[pool].target.saturating_sub(1);
    cx.say(What::NodeDeallocated { node });
    take_down(cx, node);
    cloud::instance_changes(cx, node, Instance::Stopped);
    scheduler::node_changed(cx, node);
}

/// A deallocated machine starts again. It boots as after a power cut; the autoscaler waits for
/// it as for a new one.
pub fn start_deallocated(cx: &mut Cx, node: NodeId) {
    cx.world[node].suspended = false;
    cx.world[node].joined_at = cx.now;
    cx.world[node].instance = Instance::Running;
    let pool = cx.world[node].pool;
    cx.world[pool].target += 1;
    cx.say(What::NodeStarted { node, why: Why("granted") });
    let name = cx.world.node_name(node);
    cx.memory.cloud.starting.insert(node);
    let draw = cx.chance.draw("start-deallocated", &name, cx.now.nanos().cast_unsigned());
    let boot = cx.world[pool].reboot.quantile(unit(draw));
    cx.clock.arm(Event::NodeJoins(node), cx.now + Span::from_secs_f64(boot));
}

/// A node that has been up since an instant before the run.
pub fn settle(cx: &mut Cx, node: NodeId, since: Time) {
    let name = cx.world.node_name(node);
    let phase = cx.chance.phase("lease", &name, RENEW_INTERVAL);
    begin_renewals(cx, node, cx.now - RENEW_INTERVAL + phase);
    let machine = &mut cx.world[node];
    machine.stage = Stage::Joined;
    machine.running = true;
    machine.ready = Condition::True;
    machine.ready_since = since;
    machine.ordered_at = since;
    machine.joined_at = since;
    machine.kubelet_since = since;
}

/// A machine stops: its processes and its kubelet with it.
pub fn take_down(cx: &mut Cx, node: NodeId) {
    cx.world[node].running = false;
    for event in [Event::NodeJoins(node), Event::KubeletStats(node), Event::NodeStatus(node)] {
        cx.clock.disarm(event);
    }
    pulling::node_lost(cx, node);
    for pod in cx.world[node].pods.clone() {
        container::power_lost(cx, pod);
    }
    kubelet_fell_silent(cx, node);
}

/// A machine is up: a new node joins, or a repaired one is back.
pub fn joins(cx: &mut Cx, node: NodeId) {
    let zone = cx.world[node].zone;
    let place_is_up = cx.world[zone].outages.is_up()
        && cx.world[cx.world[zone].region].blackouts.is_up()
        && cx.world[node].power.is_up();
    let Node { stage, allocated, suspended, .. } = cx.world[node];
    let is_gone = stage == Stage::Deleted || !allocated || suspended;
    if cx.memory.cloud.frozen.contains_key(&node) {
        // It goes on when the compute control plane is back, see `cloud::under_way`.
        return;
    }
    if !place_is_up || is_gone {
        // It comes up after the repair, see `faults::power::release_orders`.
        return;
    }
    cx.memory.cloud.starting.remove(&node);
    let is_new = cx.world[node].stage == Stage::Provisioning;
    cx.world[node].running = true;
    cx.world[node].kubelet_since = cx.now;
    if is_new {
        begin_renewals(cx, node, cx.now);
        cx.world[node].stage = Stage::Joined;
        cx.world[node].joined_at = cx.now;
        cx.world[node].ready = Condition::True;
        cx.world[node].ready_since = cx.now;
        cx.say(What::NodeJoined { node });
        arm_kubelet_stats(cx, node);
        prepare_images(cx, node);
        pulling::node_joined(cx, node);
        outbound::nodes_changed(cx, cx.world[node].cluster);
    } else {
        cx.say(What::NodeBack { node });
        if cx.world[node].has_kubelet() {
            kubelet_outage::starts(cx, node, Return::Restarted);
        }
    }
    scheduler::node_changed(cx, node);
}

/// A node of a prepared image has the images that its workloads had when it was made.
fn prepare_images(cx: &mut Cx, node: NodeId) {
    let Node { cluster, pool, .. } = cx.world[node];
    if !cx.world[pool].prepared_images {
        return;
    }
    let workloads = cx.world[cluster].deployments.iter().map(|&of| cx.world[of].workload);
    let images = workloads.map(|workload| ((workload, 0), cx.now)).collect();
    cx.world[node].images = images;
}

/// The kubelet reads the CPU counters of its pods from now on, at its own phase.
pub(super) fn arm_kubelet_stats(cx: &mut Cx, node: NodeId) {
    let name = cx.world.node_name(node);
    let period = cx.settings.kubelet_stats_period;
    let phase = cx.chance.phase("kubelet-stats-phase", &name, period);
    cx.clock
        .arm(Event::KubeletStats(node), (cx.now + period).next_on_grid(Time::ZERO + phase, period));
}

/// A node and its machine are gone; what ran on it is lost.
pub fn remove(cx: &mut Cx, node: NodeId, why: Why) {
    pulling::node_lost(cx, node);
    for pod in cx.world[node].pods.clone() {
        container::gone(cx, pod);
    }
    cx.world[node].stage = Stage::Deleted;
    scheduler::node_changed(cx, node);
    cx.world[node].running = false;
    cx.say(What::NodeDeleted { node, why });
    leave_pool(cx, node);
    cx.clock.retire_node(node);
    outbound::nodes_changed(cx, cx.world[node].cluster);
}

/// The scale set is smaller by a node's machine, and its addresses are free.
pub(super) fn leave_pool(cx: &mut Cx, node: NodeId) {
    let Node { pool, suspended, .. } = cx.world[node];
    cx.world[pool].nodes.retain(|&other| other != node);
    if !suspended {
        cx.world[pool].target = cx.world[pool].target.saturating_sub(1);
    }
    addresses::node_gone(cx, node);
}
