//! A small world and record for the tests of this layer: `primary` (priority 1) and `secondary`
//! (priority 2), one workload `web`, two places, 100 requests/s in all, a fault at 200 s.

use crate::sim::histogram::Histogram;
use crate::sim::laws::Law;

use crate::model::client::{Demand, Geography};
use crate::model::cluster::{Cluster, OriginState};
use crate::model::container::Containers;
use crate::model::fact::{ClusterSet, FactLog, What, Why};
use crate::model::front_door::{FrontDoor, Origin, Pop, ProbeTarget};
use crate::model::ids::{ClusterId, DeploymentId, GeographyId, PopId, RegionId, WorkloadId};
use crate::model::node_pool::Resources;
use crate::model::placement::Placement;
use crate::model::region::{Outages, Region};
use crate::model::rollout::{RolloutRules, Strategy};
use crate::model::sample::{ClusterSample, DeploymentSample, NodeLimit, Samples};
use crate::model::taint::FailureTolerations;
use crate::model::workload::{AntiAffinity, Deployment, PodTemplate, Probes, Workload};
use crate::model::world::World;

use crate::units::{Bytes, MilliCpu, Rate, Ratio, Span, Time};

use crate::traffic::ledger::{Latencies, Reason, UserCounts};

use super::record::{
    DemandSeries, DeploymentSeries, FaultFrame, Part, Record, RunFrame, TrafficRecord,
};

pub(super) const HORIZON_S: usize = 600;
pub(super) const FAULT_S: usize = 200;
pub(super) const SERVED_S: usize = 260;

/// Owns what a [`Record`] borrows.
pub(super) struct Example {
    pub(super) frame: RunFrame,
    pub(super) world: World,
    pub(super) facts: FactLog,
    pub(super) samples: Samples,
    pub(super) traffic: TrafficRecord,
}

impl Example {
    pub(super) fn record(&self) -> Record<'_> {
        Record {
            frame: &self.frame,
            world: &self.world,
            facts: &self.facts,
            samples: &self.samples,
            traffic: &self.traffic,
        }
    }
}

/// Primary lost at 200 s, noticed at 210 s, rerouted at 220 s, users served again from 260 s,
/// when the secondary has grown from 5 to 12 pods of 10 requests/s; repaired at 400 s, traffic
/// back at 430 s. 60 % of the users come from `east`.
pub(super) fn region_loss() -> Example {
    Example {
        frame: frame(),
        world: world(),
        facts: facts(),
        samples: samples(),
        traffic: traffic(),
    }
}

fn frame() -> RunFrame {
    RunFrame {
        scenario: "example".to_owned(),
        seed: 7,
        trial: 3,
        fidelity: "requests",
        near_saturation_s: None,
        horizon: Span::from_secs(HORIZON_S as i64),
        warm_up: Span::from_secs(600),
        objective: Ratio::new(0.99),
        assumptions: Vec::new(),
        failure_kind: None,
        faults: vec![region_fault(FAULT_S as i64, Some(400))],
    }
}

pub(super) fn region_fault(at_s: i64, until_s: Option<i64>) -> FaultFrame {
    FaultFrame {
        name: "lose-east".to_owned(),
        kind: "region-loss".to_owned(),
        at: Time::from_secs(at_s),
        until: until_s.map(Time::from_secs),
        affected: set(&[0]),
        struck: true,
        part: Part::Alone,
    }
}

pub(super) fn set(clusters: &[usize]) -> ClusterSet {
    let mut set = ClusterSet::default();
    for &cluster in clusters {
        set.insert(ClusterId::new(cluster));
    }
    set
}

pub(crate) fn world() -> World {
    let names = ["primary", "secondary"];
    World {
        regions: ["eastus2", "centralus"].map(region).to_vec(),
        zones: Vec::new(),
        racks: Vec::new(),
        clusters: names.iter().enumerate().map(|(i, name)| cluster(i, name)).collect(),
        pools: Vec::new(),
        nodes: Vec::new(),
        workloads: vec![Workload {
            name: "web".to_owned(),
            deployments: vec![DeploymentId::new(0), DeploymentId::new(1)],
            internal: false,
        }],
        deployments: (0..2).map(deployment).collect(),
        pods: Vec::new(),
        front_door: front_door(),
        traffic_manager: None,
        geographies: ["east", "west"].map(geography).to_vec(),
        demands: (0..2).map(demand).collect(),
        dependencies: Vec::new(),
        fault_names: vec!["lost".to_owned()],
        operation_names: Vec::new(),
        version: 0,
    }
}

fn region(name: &str) -> Region {
    Region {
        name: name.to_owned(),
        zones: Vec::new(),
        outages: Outages::default(),
        blackouts: Outages::default(),
        compute_control: Outages::default(),
        capacity: None,
    }
}

fn cluster(index: usize, name: &str) -> Cluster {
    Cluster {
        name: name.to_owned(),
        region: RegionId::new(index),
        pools: Vec::new(),
        deployments: vec![DeploymentId::new(index)],
        control_plane: Outages::default(),
        registry: Outages::default(),
        registry_bandwidth: None,
        gateway: None,
        backend_probes: None,
        firewall: None,
        outbound: None,
        stopped_since: None,
        network: None,
        origin: OriginState::default(),
        greys: Vec::new(),
    }
}

fn deployment(index: usize) -> Deployment {
    Deployment {
        workload: WorkloadId::new(0),
        cluster: ClusterId::new(index),
        template: template(),
        replicas: 12,
        hpa_bounds: Some((5, 12)),
        rules: RolloutRules {
            strategy: Strategy::Recreate,
            min_ready: Span::ZERO,
            progress_deadline: Span::from_secs(600),
        },
        replica_sets: vec![Deployment::first_replica_set()],
        rollout: None,
        disruption_budget: None,
        needs: crate::model::dependency::state::Needs::default(),
        pods: Vec::new(),
        created: 12,
        sustainable: Ratio::new(0.8),
        asked_by: vec![(WorkloadId::new(0), 1.0)],
        version: 0,
    }
}

fn template() -> PodTemplate {
    PodTemplate {
        requests: Resources::default(),
        containers: Containers::default(),
        cpu_limit: None,
        workers: 1,
        queue: 8,
        service: Law::constant(0.08),
        cpu_per_worker: MilliCpu::new(500),
        image: Bytes::from_mib(100),
        always_pull: false,
        connections: None,
        start_up: Law::constant(5.0),
        probes: Probes::default(),
        termination_grace: Span::from_secs(30),
        pre_stop: Span::ZERO,
        safe_to_evict: true,
        tolerated: FailureTolerations::both(Span::from_secs(300)),
        anti_affinity: AntiAffinity::None,
        pool: None,
        priority: 0,
        placement: Placement::default(),
    }
}

fn front_door() -> FrontDoor {
    let origin = |index: usize| Origin {
        cluster: ClusterId::new(index),
        enabled: true,
        priority: 1 + index as u8,
        weight: 1_000,
    };
    FrontDoor {
        origins: vec![origin(0), origin(1)],
        pops: vec![pop(0, 0.6), pop(1, 0.4)],
        probe_interval: Span::from_secs(30),
        probe_timeout: Span::from_secs(30),
        probe_target: ProbeTarget::Gateway,
        probe_status: 200,
        idle_factor: Ratio::new(0.25),
        probing_locations: None,
        affinity: None,
        is_in_use: true,
        sample_size: 4,
        successes_required: 3,
        latency_sensitivity: Span::from_millis(50),
        origin_response_timeout: Span::from_secs(60),
    }
}

fn pop(geography: usize, traffic_share: f64) -> Pop {
    Pop {
        geography: GeographyId::new(geography),
        traffic_share,
        origin_rtt: vec![Span::from_millis(20); 2],
        healthy: vec![true; 2],
        outages: Outages::default(),
    }
}

fn geography(name: &str) -> Geography {
    Geography {
        name: name.to_owned(),
        client_to_pop: Span::from_millis(5),
        pop_to_cluster: vec![Span::from_millis(10); 2],
    }
}

fn demand(index: usize) -> Demand {
    let name = ["web/east", "web/west"][index].to_owned();
    Demand { name, workload: WorkloadId::new(0), geography: GeographyId::new(index) }
}

pub(crate) fn health(pop: usize, cluster: usize, healthy: bool) -> What {
    What::OriginHealth { pop: PopId::new(pop), cluster: ClusterId::new(cluster), healthy }
}

pub(super) fn route(pop: usize, to: &[usize]) -> What {
    What::RouteChanged { pop: PopId::new(pop), to: set(to), why: Why("priority") }
}

pub(crate) fn log(facts: &[(i64, What)]) -> FactLog {
    let mut log = FactLog::default();
    for &(at_s, what) in facts {
        log.push(Time::from_secs(at_s), what);
    }
    log
}

fn facts() -> FactLog {
    log(&[
        (210, health(0, 0, false)),
        (210, route(0, &[1])),
        (220, health(1, 0, false)),
        (220, route(1, &[1])),
        (425, route(0, &[0])),
        (430, route(1, &[0])),
    ])
}

fn samples() -> Samples {
    let mut samples = Samples::default();
    for at_s in 0..HORIZON_S {
        let at = Time::from_secs(at_s as i64);
        let is_up = [!(FAULT_S..400).contains(&at_s), true];
        let ready = [if is_up[0] { 12 } else { 0 }, if at_s < 240 { 5 } else { 12 }];
        for index in 0..2 {
            samples.clusters.push(ClusterSample {
                at,
                cluster: ClusterId::new(index),
                serving: is_up[index],
                nodes: [4, if at_s < 230 { 2 } else { 4 }][index],
                ready_nodes: if is_up[index] { 4 } else { 0 },
                ordered_nodes: 0,
                pods: ready[index].max(5),
                ready_pods: ready[index],
            });
            samples.deployments.push(DeploymentSample {
                at,
                deployment: DeploymentId::new(index),
                replicas: 12,
                pods: 12,
                ready_pods: ready[index],
                sustained: Rate::per_second(f64::from(ready[index]) * 10.0),
                ceiling: None,
                hpa_room: 12 - ready[index],
                node_room: if index == 1 { 3 } else { 20 },
                node_limit: NodeLimit::PoolMax,
            });
        }
    }
    samples
}

fn traffic() -> TrafficRecord {
    let attempts = |index: usize| {
        let used = |at_s: usize| [at_s < FAULT_S || 430 <= at_s, (220..430).contains(&at_s)][index];
        let attempts: Vec<u64> =
            (0..HORIZON_S).map(|at_s| if used(at_s) { 100 } else { 0 }).collect();
        let served = attempts.iter().map(|&n| if index == 1 { n.min(50) } else { n }).collect();
        let failed = attempts.iter().map(|&n| if index == 1 { n - n.min(50) } else { 0 }).collect();
        DeploymentSeries { attempts, served, failed }
    };
    TrafficRecord {
        demands: [60, 40].map(users).to_vec(),
        deployments: vec![attempts(0), attempts(1)],
    }
}

/// All are served but those of [200, 260): half of them fail.
fn users(per_second: u32) -> DemandSeries {
    let seconds: Vec<UserCounts> = (0..HORIZON_S)
        .map(|at_s| {
            let mut users =
                UserCounts { offered: per_second, served: per_second, ..UserCounts::default() };
            if (FAULT_S..SERVED_S).contains(&at_s) {
                users.served -= per_second / 2;
                users.failed[Reason::NoOrigin as usize] = 1;
                users.failed[Reason::Timeout as usize] = per_second / 2 - 1;
            }
            users
        })
        .collect();
    let latency = |window: usize| {
        let mut histogram = Histogram::EMPTY;
        let served: u32 = seconds[window * 10..window * 10 + 10].iter().map(|s| s.served).sum();
        let slow = if (20..26).contains(&window) { 2.0 } else { 0.05 };
        histogram.record_many(slow, u64::from(served));
        histogram
    };
    let latency = Latencies::counted((0..HORIZON_S / 10).map(latency).collect());
    let offered = u64::from(per_second) * HORIZON_S as u64;
    DemandSeries { seconds, latency, attempts: offered + 500, retries: 500 }
}
