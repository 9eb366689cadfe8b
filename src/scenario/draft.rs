//! The scenario file as sections: what may be written, with defaults and their sources.
//!
//! Each component declares its section beside its code; here they are put together.

use crate::control::cluster_autoscaler::spec::ClusterAutoscalerSpec;
use crate::control::custom_metrics::spec::MetricSourceSpec;
use crate::control::node_lifecycle::auto_repair_spec::AutoRepairSpec;
use crate::control::operations::OperationSpec;
use crate::control::profiles::VersionProfile;
use crate::control::settings::KubernetesSpec;
use crate::faults::FaultSpec;
use crate::model::client::GeographySpec;
use crate::model::cluster::ClusterStateSpec;
use crate::model::dependency::spec::DependencySpec;
use crate::model::firewall::FirewallSpec;
use crate::model::front_door::FrontDoorSpec;
use crate::model::gateway::GatewaySpec;
use crate::model::load_balancer::LoadBalancerSpec;
use crate::model::network::NetworkSpec;
use crate::model::node_pool::NodePoolSpec;
use crate::model::outbound::OutboundSpec;
use crate::model::region::RegionSpec;
use crate::model::region_capacity::RegionCapacitySpec;
use crate::model::traffic_manager::TrafficManagerSpec;
use crate::spec::{Code, Decoder, Diagnostic, Name, Place, Text, section};
use crate::traffic::cpu_load::CpuLoadSpec;
use crate::traffic::demand::DemandSpec;
use crate::units::{Bytes, Ratio, Span};

use super::failure_model::FailureKindSpec;
use super::objectives::ObjectivesSpec;
use super::sizing::SizingSpec;
use super::workload_spec::WorkloadSpec;

/// The version of the schema that this release reads.
pub const SCHEMA: &str = "tideover/v1";

section! {
    /// A scenario: what exists, who asks for what, and what breaks.
    pub struct ScenarioSpec {
        /// Version of the schema: `tideover/v1`.
        "schema" schema: Text = required;
        /// Name of the scenario; its results go into a folder of this name.
        "name" name: Name = required;
        /// The question that the scenario answers.
        "question" question: Option<Text> = optional;
        /// Whose constants hold where the scenario says nothing.
        "profile" profile: VersionProfile = default "aks", source "the simulator's first target";
        /// Constants of the Kubernetes controllers.
        "kubernetes" kubernetes: KubernetesSpec = section;
        /// How long is simulated, and the seed of all draws.
        "run" run: RunSpec = required;
        /// The regions.
        "regions" regions: Vec<RegionSpec> = list 1..=64, unique;
        /// The clusters.
        "clusters" clusters: Vec<ClusterSpec> = list 1..=64, unique;
        /// What each region has for new machines; a region without an entry has no limits.
        "capacity" capacity: Vec<RegionCapacitySpec> = list 0..=64;
        /// The workloads, each defined once for all clusters.
        "workloads" workloads: Vec<WorkloadSpec> = list 1..=100, unique;
        /// Custom and external metrics of HPAs, and outages of metrics.
        "metricSources" metric_sources: Vec<MetricSourceSpec> = list 0..=1000, unique;
        /// Databases, caches, registries, vaults and alerts that workloads need.
        "dependencies" dependencies: Vec<DependencySpec> = list 0..=100, unique;
        /// The global entry point.
        "frontDoor" front_door: FrontDoorSpec = section;
        /// A DNS name in front of it, or of the clusters themselves.
        "trafficManager" traffic_manager: Option<TrafficManagerSpec> = optional;
        /// The places that clients are in; needed with `demands`.
        "geographies" geographies: Vec<GeographySpec> = list 0..=100, unique;
        /// What clients ask for. Give `demands` or `cpuLoads`.
        "demands" demands: Vec<DemandSpec> = list 0..=1000;
        /// CPU loads instead of requests, to study the control plane alone; a deployment without
        /// one is idle.
        "cpuLoads" cpu_loads: Vec<CpuLoadSpec> = list 0..=1000;
        /// What breaks.
        "faults" faults: Vec<FaultSpec> = list 0..=1000, unique;
        /// How often which fault happens, and what comes along: then each trial has one failure.
        /// Left out, all faults strike in every trial.
        "failureModel" failure_model: Vec<FailureKindSpec> = list 0..=1000;
        /// What people do meanwhile; no recovery is measured for it.
        "operations" operations: Vec<OperationSpec> = list 0..=1000, unique;
        /// What trials must keep to: what `gate` decides.
        "objectives" objectives: Option<ObjectivesSpec> = optional;
        /// What `size` may change, and what it must keep to.
        "sizing" sizing: Option<SizingSpec> = optional;
    }
    check ScenarioSpec::check_load;
}

impl ScenarioSpec {
    /// Pods get requests or a CPU load, and requests come from somewhere.
    fn check_load(&self, cx: &mut Decoder<'_>) {
        let mut missing = |place: &Place, key: &str, help: &str| {
            let message = format!("`{key}` is missing");
            let wrong = Diagnostic::error(Code::MissingKey, place.clone(), message);
            cx.report(wrong.allowed("a list of mappings").help(help));
        };
        if self.demands.is_empty() && self.cpu_loads.is_empty() {
            let help = "add `demands: ..` (What clients ask for), or `cpuLoads` for a study of \
                        the control plane alone";
            missing(&self.demands.place, "demands", help);
        }
        if self.geographies.is_empty() && self.cpu_loads.is_empty() {
            let help = "add `geographies: ..` (The places that clients are in)";
            missing(&self.geographies.place, "geographies", help);
        }
        if let (Some(first), false) = (self.demands.first(), self.cpu_loads.is_empty()) {
            let place = first.workload.place.clone();
            let message = "pods have requests and a CPU load";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed("either `demands` or `cpuLoads`"));
        }
    }
}

section! {
    /// How long is simulated, and the seed of all draws.
    pub struct RunSpec {
        /// Simulated time after the warm-up.
        "horizon" horizon: Span = required, range "1s"..="366d";
        /// Simulated time before, in which nothing is counted.
        "warmUp" warm_up: Span = default "10m",
            source "assumed: twice the HPA's stabilisation window",
            range "0s"..="1d";
        /// Share of requests that must be served in time for a service to count as recovered.
        "objective" objective: Ratio = default "99%", source "assumed", range "1%"..="100%";
        /// Recovery time objective of every fault: what a gate compares with; left out, none.
        "recoveryObjective" recovery_objective: Option<Span> = optional, range "0s"..="366d";
        /// All demand of users is so many times what is written.
        "demandFactor" demand_factor: f64 = default "1", source "as written",
            range 0.001..=1000.0;
        /// Seed of all draws: the same seed gives the same run.
        "seed" seed: u64 = required;
    }
}

section! {
    /// A cluster with its node pools.
    pub struct ClusterSpec {
        /// Its name, e.g. `primary`.
        "name" name: Name = required;
        /// The region that it stands in.
        "region" region: Name = required;
        /// Whether it runs when the simulation begins.
        "state" state: ClusterStateSpec = default "running", source "most clusters do";
        /// Its node pools.
        "pools" pools: Vec<NodePoolSpec> = list 1..=100, unique;
        /// Its cluster autoscaler.
        "autoscaler" autoscaler: ClusterAutoscalerSpec = section;
        /// Its node auto-repair (AKS).
        "autoRepair" auto_repair: AutoRepairSpec = section;
        /// Bytes a second that its registry serves to all nodes together; left out, no bound.
        "registryBandwidth" registry_bandwidth: Option<Bytes> = optional, range "64Ki"..="1Ti";
        /// The Application Gateway in front of its workloads; left out, nothing limits requests.
        "gateway" gateway: Option<GatewaySpec> = optional;
        /// The load balancer in front of its workloads, if no gateway is; left out, pods leave with
        /// their Service alone.
        "loadBalancer" load_balancer: Option<LoadBalancerSpec> = optional;
        /// The firewall that its image pulls and its workloads' traffic to the outside pass.
        "firewall" firewall: Option<FirewallSpec> = optional;
        /// How connections to the outside get a source port; left out, there are always enough.
        "outbound" outbound: Option<OutboundSpec> = optional;
        /// Where its nodes and pods get their addresses; left out, there are enough.
        "network" network: Option<NetworkSpec> = optional;
    }
}
