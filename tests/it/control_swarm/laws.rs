//! What always holds, looked at after every event and at the end.

use tideover::control::Cx;
use tideover::model::event::Event;
use tideover::model::fact::What;
use tideover::model::ids::{ClusterId, DeploymentId, HpaId, NodeId, PodId};
use tideover::model::node::{Condition, Stage};
use tideover::model::node_pool::Resources;
use tideover::model::pod::{Container, Pod};
use tideover::model::workload::AntiAffinity;
use tideover::model::world::World;
use tideover::scenario::Scenario;
use tideover::simulation::Finished;
use tideover::units::Time;

/// More events than this in a simulated second mean that something turns on the spot.
const MOST_EVENTS_PER_S: u64 = 2_000;

/// One run under observation.
pub(super) struct Watch<'s> {
    case: u64,
    scenario: &'s Scenario,
    /// The pods as they were before the last event.
    pods: Vec<Pod>,
    n_facts: usize,
    now: Time,
    n_events: u64,
    /// The lowest class among the timers that were due at `now` after the last event.
    least_due: Option<u8>,
    /// Sums of requests on each node, reused.
    used: Vec<Resources>,
}

impl<'s> Watch<'s> {
    pub(super) fn new(case: u64, scenario: &'s Scenario) -> Self {
        let now = Time::ZERO - scenario.run().warm_up;
        Self {
            case,
            scenario,
            pods: Vec::new(),
            n_facts: 0,
            now,
            n_events: 0,
            least_due: None,
            used: Vec::new(),
        }
    }

    /// The world after `event`.
    pub(super) fn look(&mut self, cx: &Cx, event: Event) {
        let told = format!("TIDEOVER_CONTROL_SEED={} after {event:?}", self.case);
        let told = told.as_str();
        assert!(self.now <= cx.now, "{told}: time went back from {:?}", self.now);
        if self.now < cx.now {
            self.least_due = None;
        }
        self.now = cx.now;
        self.n_events += 1;
        self.equal_instants_go_by_class(told, cx, event);
        self.nodes_hold_their_pods(told, &cx.world);
        pools_are_within_bounds(told, &cx.world);
        endpoints_follow_readiness(told, cx);
        self.pods_keep_to_their_states(told, &cx.world);
        self.new_facts(told, cx);
    }

    /// The run is over.
    pub(super) fn end(&self, finished: &Finished) {
        let run = self.scenario.run();
        let simulated_s = (run.horizon + run.warm_up).as_secs_f64();
        let most = MOST_EVENTS_PER_S * (simulated_s as u64);
        assert!(finished.n_events <= most, "TIDEOVER_CONTROL_SEED={}: too many", self.case);
        assert_eq!(finished.n_events, self.n_events, "every event was shown");
    }

    /// At one instant the event of the lowest class goes first, and none is missed (I8, I9).
    fn equal_instants_go_by_class(&mut self, told: &str, cx: &Cx, event: Event) {
        let least = self.least_due.take();
        assert!(least.is_none_or(|least| event.class() <= least), "{told}: class {least:?} is due");
        let mut due = |other: Event| {
            let Some(at) = cx.clock.armed_for(other) else { return };
            assert!(cx.now <= at, "{told}: {other:?} was missed at {at:?}");
            if at == cx.now {
                let least = self.least_due.unwrap_or(u8::MAX).min(other.class());
                self.least_due = Some(least);
            }
        };
        for cluster in (0..cx.world.clusters.len()).map(ClusterId::new) {
            due(Event::NodeMonitorPass(cluster));
            due(Event::EvictionQueue(cluster));
            due(Event::Schedule(cluster));
            due(Event::MetricsScrape(cluster));
            due(Event::AutoscalerScan(cluster));
        }
        for deployment in (0..cx.world.deployments.len()).map(DeploymentId::new) {
            due(Event::ReplicaSetSync(deployment));
        }
        for hpa in (0..cx.memory.hpas.len()).map(HpaId::new) {
            due(Event::HpaSync(hpa));
        }
        for node in (0..cx.world.nodes.len()).map(NodeId::new) {
            due(Event::NodeJoins(node));
            due(Event::NodeDeletes(node));
        }
        for pod in (0..cx.world.pods.len()).map(PodId::new) {
            if !cx.world[pod].gone {
                due(Event::TolerationEnds(pod));
                due(Event::ContainerStep(pod));
                due(Event::PodGone(pod));
            }
        }
    }

    /// The requests of the pods on a node are what it reserves, and fit (I14); a pod is on one
    /// node (I16).
    fn nodes_hold_their_pods(&mut self, told: &str, world: &World) {
        self.used.clear();
        self.used.resize(world.nodes.len(), Resources::default());
        let mut bound = 0;
        for pod in world.pods.iter().filter(|pod| !pod.gone) {
            if let Some(node) = pod.node {
                self.used[node.index()] += world[pod.deployment].template.requests;
                bound += 1;
            }
        }
        let mut held = 0;
        for (index, node) in world.nodes.iter().enumerate() {
            if node.stage == Stage::Deleted {
                continue;
            }
            held += node.pods.len();
            assert_eq!(node.requested, self.used[index], "{told}: node {index} reserves");
            let allocatable = world[node.pool].allocatable;
            assert!(allocatable.fits(&node.requested), "{told}: node {index} is overbooked");
        }
        let on_deleted = |pod: &&Pod| {
            !pod.gone && pod.node.is_some_and(|node| world[node].stage == Stage::Deleted)
        };
        let stranded = world.pods.iter().filter(on_deleted).count();
        assert_eq!(held, bound - stranded, "{told}: each pod is on the node that it names");
    }

    /// Pods are bound once, deleted once and gone once; a deleted pod's container that stops
    /// does not start again; none starts in a pod that is being deleted; restarts only grow (I16).
    fn pods_keep_to_their_states(&mut self, told: &str, world: &World) {
        for (index, (pod, before)) in world.pods.iter().zip(&self.pods).enumerate() {
            let told = || format!("{told}: pod {index} from {before:?} to {pod:?}");
            if before.gone {
                assert!(pod.gone, "{}", told());
                continue;
            }
            assert!(before.node.is_none() || pod.node == before.node, "{}", told());
            assert!(
                before.deleted_at.is_none() || pod.deleted_at == before.deleted_at,
                "{}",
                told()
            );
            assert!(before.restarts <= pod.restarts, "{}", told());
            let starts = pod.container != before.container
                && matches!(
                    pod.container,
                    Container::Pulling | Container::Creating | Container::Starting
                );
            assert!(!(starts && before.deleted_at.is_some()), "{}", told());
            let stopped = before.container == Container::Stopping && before.deleted_at.is_some();
            let may = matches!(pod.container, Container::Stopping | Container::Dead);
            assert!(!stopped || may, "{}", told());
            assert_eq!(
                pod.container == Container::Unbound && !pod.gone,
                pod.node.is_none() && !pod.gone,
                "{}",
                told()
            );
        }
        self.pods.clone_from(&world.pods);
    }

    fn new_facts(&mut self, told: &str, cx: &Cx) {
        let facts = cx.facts.facts();
        for fact in &facts[self.n_facts..] {
            match fact.what {
                // The steady state of the start is built, not scheduled.
                What::PodScheduled { pod, node } if cx.run_start < fact.at => {
                    placement_is_good(told, &cx.world, pod, node);
                }
                What::Scaled { deployment, from, to, .. } => {
                    self.step_is_allowed(told, deployment, (from, to));
                }
                _ => {}
            }
        }
        self.n_facts = facts.len();
    }

    /// Replicas stay within the bounds of the HPA (I11), and one step is never above what both
    /// growth paths allow at once: twice the size or four more (I12).
    fn step_is_allowed(&self, told: &str, deployment: DeploymentId, (from, to): (u32, u32)) {
        let bounds = self.scenario.world()[deployment].hpa_bounds;
        let (least, most) = bounds.expect("an HPA scaled it");
        assert!((least..=most).contains(&to), "{told}: {from} to {to}");
        let within = (least..=most).contains(&from);
        assert!(!within || to <= (2 * from).max(from + 4), "{told}: {from} to {to}");
    }
}

/// A pool has at most as many nodes as it may, each node stands in exactly one pool, and a fixed
/// pool has its size (I15).
fn pools_are_within_bounds(told: &str, world: &World) {
    let mut listed = 0;
    for (index, pool) in world.pools.iter().enumerate() {
        let exists = |node: &&NodeId| world[**node].stage != Stage::Deleted;
        let n_nodes = pool.nodes.iter().filter(exists).count();
        assert!(n_nodes <= pool.max_nodes as usize, "{told}: pool {index} has {n_nodes} nodes");
        listed += n_nodes;
        for &node in &pool.nodes {
            assert_eq!(world[node].pool.index(), index, "{told}: {node:?} is in another pool");
        }
    }
    let all = world.nodes.iter().filter(|node| node.stage != Stage::Deleted).count();
    assert_eq!(listed, all, "{told}: each node is in one pool");
}

/// A pod that is not ready and still gets traffic is about to lose it (I4).
fn endpoints_follow_readiness(told: &str, cx: &Cx) {
    for (index, pod) in cx.world.pods.iter().enumerate() {
        let routed = &cx.routing.endpoints[pod.deployment.index()];
        if pod.in_endpoints && !pod.is_ready() && routed.contains(&PodId::new(index)) {
            let cluster = cx.world[pod.deployment].cluster;
            let change = Event::EndpointsChange(PodId::new(index));
            let is_due = cx.clock.armed_for(change).is_some();
            let explained = is_due || !cx.control_plane_is_up(cluster);
            assert!(explained, "{told}: pod {index} stays among the endpoints");
        }
    }
}

/// The scheduler binds to a node that exists, is Ready, not cordoned, not about to go, and of the
/// right pool (I19), and keeps required anti-affinity (I18).
fn placement_is_good(told: &str, world: &World, pod: PodId, node: NodeId) {
    let (placed, target) = (&world[pod], &world[node]);
    let good = target.stage == Stage::Joined
        && target.ready == Condition::True
        && !target.cordoned
        && !target.shutdown_taint
        && !target.to_be_deleted;
    assert!(good, "{told}: {pod:?} is bound to {node:?}, which is {target:?}");
    let template = &world[placed.deployment].template;
    let in_domain = |other: &Pod| {
        other.node.is_some_and(|other| match template.anti_affinity {
            AntiAffinity::None => false,
            AntiAffinity::Hostname => other == node,
            AntiAffinity::Zone => world[other].zone == target.zone,
        })
    };
    let workload = world[placed.deployment].workload;
    let others = world.pods.iter().enumerate().filter(|(index, other)| {
        *index != pod.index()
            && !other.gone
            && world[other.deployment].workload == workload
            // The scheduler forgets a node with all its pods when its object goes.
            && other.node.is_some_and(|node| world[node].stage == Stage::Joined)
            && world[other.deployment].cluster == world[placed.deployment].cluster
    });
    for (index, other) in others {
        let together = in_domain(other) && other.bound_at <= placed.bound_at;
        assert!(!together, "{told}: {pod:?} joins pod {index} in its domain");
    }
    let bound_at = placed.bound_at.expect("it was bound");
    assert!(placed.created_at <= bound_at, "{told}: bound before it existed");
}
