//! Controllers: each a pure heart (values in, a value and a reason out) and a thin shell around
//! it that reads the world, acts, and arms its next look.
//!
//! Shells are level-triggered: they look at what is, not at what happened. They are called from
//! the one `match` on [`Event`](crate::model::event::Event), and by each other where Kubernetes'
//! watches would call them.
//!
//! | module | upstream |
//! |---|---|
//! | [`replica_set`] | pkg/controller/replicaset |
//! | [`deployment`] | pkg/controller/deployment |
//! | [`disruption`], [`eviction`] | pkg/controller/disruption, pkg/registry/core/pod/storage |
//! | [`operations`] | kubectl |
//! | [`scheduler`] | pkg/scheduler |
//! | [`kubelet`] | pkg/kubelet |
//! | [`endpoints`] | pkg/controller/endpointslice, pkg/proxy |
//! | [`node_lifecycle`] | pkg/controller/nodelifecycle, tainteviction, podgc |
//! | [`metrics_pipeline`] | kubelet stats, kubernetes-sigs/metrics-server |
//! | [`custom_metrics`] | Prometheus, kubernetes-sigs/prometheus-adapter |
//! | [`hpa`] | pkg/controller/podautoscaler |
//! | [`cluster_autoscaler`] | kubernetes/autoscaler, cluster-autoscaler |
//! | [`dependencies`] | databases, caches, registries, vaults and alerts of Azure |
//! | [`cloud`] | Azure's quotas, API limits, addresses |
//! | [`front_door_health`] | Azure Front Door's probes and routing |
//! | [`network`] | Azure Application Gateway, Firewall, and outbound rules of a load balancer |
//! | [`traffic_manager`] | Azure Traffic Manager |

use crate::model::fact::{FactLog, What};
use crate::model::ids::ClusterId;
use crate::model::sample::Samples;
use crate::model::world::World;
use crate::sim::streams::{Stream, unit};
use crate::traffic::Traffic;
use crate::traffic::routing::CountedRouting;
use crate::units::{Span, Time};

pub mod clock;
pub mod memory;
pub mod profiles;
mod rounds;
pub mod sampling;
pub mod settings;

pub mod cloud;
pub mod cluster_autoscaler;
pub mod custom_metrics;
pub mod dependencies;
pub mod deployment;
pub mod disruption;
pub mod endpoints;
pub mod eviction;
pub mod front_door_health;
pub mod hpa;
pub mod kubelet;
pub mod metrics_pipeline;
pub mod network;
pub mod node_lifecycle;
pub mod operations;
pub mod replica_set;
pub mod scheduler;
pub mod traffic_manager;

use clock::Clock;
use memory::Memory;
use sampling::Sampler;
use settings::Settings;

/// Everything a controller's shell may read and change while it handles one event.
#[derive(Debug)]
pub struct Cx {
    /// The present instant.
    pub now: Time,
    /// Start of the warm-up.
    pub run_start: Time,
    /// What exists.
    pub world: World,
    /// What is due when.
    pub clock: Clock,
    /// The data plane, advanced to `now`.
    pub traffic: Box<dyn Traffic>,
    /// Where the data plane sends requests.
    pub routing: CountedRouting,
    /// What happened so far.
    pub facts: FactLog,
    /// The observer's samples.
    pub samples: Samples,
    /// The controllers' constants.
    pub settings: Settings,
    /// What the controllers remember from one event to the next.
    pub memory: Memory,
    /// The source of all draws.
    pub chance: Chance,
}

impl Cx {
    /// Records that something happened now.
    pub fn say(&mut self, what: What) {
        self.facts.push(self.now, what);
    }

    /// Whether the controllers of a cluster can act.
    #[must_use]
    pub fn control_plane_is_up(&self, cluster: ClusterId) -> bool {
        self.world[cluster].control_plane.is_up()
    }
}

/// The control plane of a cluster is back: its controllers start with empty memories, as after a
/// restart, and look at what they missed.
///
/// An HPA that has forgotten its recommendations records the present size first, so that it does
/// not scale down for the next stabilisation window.
pub fn control_plane_returns(cx: &mut Cx, cluster: ClusterId) {
    cx.memory.restart_controllers(&cx.world, cluster, cx.now);
    node_lifecycle::resume(cx, cluster);
    cluster_autoscaler::clean_up(cx, cluster);
    for index in 0..cx.world[cluster].deployments.len() {
        let deployment = cx.world[cluster].deployments[index];
        replica_set::enqueue(cx, deployment);
        for pod in cx.world[deployment].pods.clone() {
            endpoints::readiness_changed(cx, pod);
        }
        // Pods that went meanwhile leave the balancers now.
        endpoints::publish(cx, deployment);
    }
    scheduler::wake(cx, cluster);
}

/// The random streams of one trial.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    /// Master seed.
    pub seed: u64,
    /// Trial number.
    pub trial: u64,
    /// How structural inputs are drawn.
    pub sampler: Sampler,
}

impl Chance {
    /// The streams of an independent trial.
    #[must_use]
    pub const fn independent(seed: u64, trial: u64) -> Self {
        Self { seed, trial, sampler: Sampler::Independent }
    }

    /// Draw number `index` for a purpose and a named entity: no other entity or purpose moves it.
    #[must_use]
    pub fn draw(self, purpose: &str, entity: &str, index: u64) -> u64 {
        Stream::new(self.seed, self.trial, purpose, entity).at(index)
    }

    /// A uniform phase in `[0, period)`.
    #[must_use]
    pub fn phase(self, purpose: &str, entity: &str, period: Span) -> Span {
        period.scale(unit(self.draw(purpose, entity, 0)))
    }
}
