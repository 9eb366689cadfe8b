//! Clusters and their node pools.

use crate::model::cluster::{Cluster, ClusterStateSpec, OriginState};
use crate::model::gateway::BackendProbes;
use crate::model::ids::{ClusterId, PoolId, RegionId, ZoneId};
use crate::model::load_balancer::LoadBalancerSpec;
use crate::model::network::{NetworkSpec, PluginSpec};
use crate::model::node_pool::{
    NodePool, NodePoolSpec, ScaleDownModeSpec, default_provisioning, default_reboot,
};
use crate::model::region::Outages;
use crate::model::taint::TaintSpec;
use crate::model::vm_size::VmSize;
use crate::scenario::draft::ClusterSpec;
use crate::scenario::explain::derived;
use crate::spec::{Code, Diagnostic};
use crate::units::Time;

use super::{Resolved, Resolving, network};

/// Adds all clusters with their pools.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    let clusters = &cx.decoded.spec.clusters;
    for cluster in clusters.iter() {
        add_cluster(cx, made, cluster);
    }
}

fn add_cluster(cx: &mut Resolving<'_, '_>, made: &mut Resolved, spec: &ClusterSpec) {
    let id = ClusterId::new(made.world.clusters.len());
    let region = cx.region(&spec.region, &made.world);
    let mut pools = Vec::new();
    for (index, pool) in spec.pools.iter().enumerate() {
        pools.push(PoolId::new(made.world.pools.len()));
        let path = format!("clusters[{}].pools[{index}]", id.index());
        let may_grow = *spec.autoscaler.enabled;
        let plugin = spec.network.as_ref().map(|network| *network.plugin);
        let pool = node_pool(cx, made, pool, ((id, region), plugin), may_grow, &path);
        made.world.pools.push(pool);
    }
    made.autoscalers.push(spec.autoscaler.plan());
    made.auto_repair.push(spec.auto_repair.plan(&mut |law| cx.law(law)));
    let (gateway, firewall, outbound) = network::services(cx, made, spec, region);
    made.world.clusters.push(Cluster {
        name: spec.name.as_str().to_owned(),
        region,
        pools,
        deployments: Vec::new(),
        control_plane: Outages::default(),
        registry: Outages::default(),
        registry_bandwidth: *spec.registry_bandwidth,
        gateway,
        backend_probes: backend_probes(cx, spec),
        firewall,
        outbound,
        stopped_since: (*spec.state == ClusterStateSpec::Stopped)
            .then_some(Time::from_nanos(i64::MIN)),
        network: spec.network.as_ref().map(NetworkSpec::network),
        origin: OriginState::Serving,
        greys: Vec::new(),
    });
}

/// How the cluster's gateway or load balancer probes what is behind it; it has one of them.
fn backend_probes(cx: &mut Resolving<'_, '_>, spec: &ClusterSpec) -> Option<BackendProbes> {
    match (spec.gateway.as_ref(), spec.load_balancer.as_ref()) {
        (Some(_), Some(_)) => {
            let place = spec.load_balancer.place.clone();
            let message = "the gateway sends to the pods itself, past any load balancer";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.diagnostics.push(wrong.allowed("`gateway` or `loadBalancer`"));
            None
        }
        (Some(gateway), None) => Some(gateway.backend_probes()),
        (None, balancer) => balancer.and_then(LoadBalancerSpec::backend_probes),
    }
}

fn node_pool(
    cx: &mut Resolving<'_, '_>,
    made: &mut Resolved,
    spec: &NodePoolSpec,
    ((cluster, region), plugin): ((ClusterId, RegionId), Option<PluginSpec>),
    may_grow: bool,
    path: &str,
) -> NodePool {
    let max_pods = spec.pods_per_node(plugin);
    let (allocatable, capacity) = spec.resources(max_pods);
    let daemon_sets = spec.daemon_sets(max_pods);
    let span = spec.name.span();
    show_max_pods(made, spec, (plugin, max_pods), path);
    if spec.allocatable.is_none() {
        let rule = "VM size less what AKS reserves (aks-docs node-resource-reservations.md)";
        let shown = format!("{} CPU, {} memory", allocatable.cpu, allocatable.memory);
        made.derived.push(derived(span, format!("{path}.allocatable"), shown, rule));
    }
    let provisioning = match &*spec.provisioning {
        Some(law) => cx.law(law),
        None => {
            let rule = "left out: fitted to \"2 to 5 minutes\" (aks-docs concepts-scale.md)";
            let shown = "lognormal, p50 2m30s, p95 5m".to_owned();
            made.derived.push(derived(span, format!("{path}.provisioning"), shown, rule));
            default_provisioning()
        }
    };
    let reboot = match &*spec.reboot {
        Some(law) => cx.law(law),
        None => {
            let shown = "uniform, 1m to 2m".to_owned();
            made.derived.push(derived(span, format!("{path}.reboot"), shown, "left out: assumed"));
            default_reboot()
        }
    };
    let size = spec.size();
    NodePool {
        name: spec.name.as_str().to_owned(),
        cluster,
        zones: zones(cx, made, spec, region),
        vm_size: spec.vm_size.as_ref().and_then(|name| VmSize::find(name)).map(|size| size.name),
        allocatable: allocatable - daemon_sets,
        daemon_sets,
        capacity,
        machine: spec.quota_of_machine(),
        reserved_machines: *spec.capacity_reservation,
        deallocates: *spec.scale_down_mode == ScaleDownModeSpec::Deallocate,
        prepared_images: *spec.prepared_images,
        min_nodes: size.min,
        max_nodes: size.max,
        autoscaled: size.autoscaled && may_grow,
        provisioning,
        reboot,
        pull_bandwidth: *spec.pull_bandwidth,
        container_start: *spec.container_start,
        labels: spec.node_labels(),
        taints: spec.taints.iter().map(TaintSpec::taint).collect(),
        system_images: *spec.system_images,
        nodes: Vec::new(),
        ordered: 0,
        target: size.min,
        nodes_when_stopped: size.min,
    }
}

/// Says how many pods fit on a node where the pool does not.
fn show_max_pods(
    made: &mut Resolved,
    spec: &NodePoolSpec,
    (plugin, max_pods): (Option<PluginSpec>, u32),
    path: &str,
) {
    if spec.max_pods.is_some() {
        return;
    }
    let rule = match plugin {
        Some(_) => "left out: by the network (aks-docs concepts-network-ip-address-planning.md)",
        None => "left out: kubelet default; AKS has 30, 110 or 250 by network plug-in",
    };
    let path = format!("{path}.maxPods");
    made.derived.push(derived(spec.name.span(), path, max_pods.to_string(), rule));
}

/// The zones of a pool, all of the region if none is named.
fn zones(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    spec: &NodePoolSpec,
    region: RegionId,
) -> Vec<ZoneId> {
    let known = &made.world[region].zones;
    if spec.zones.is_empty() {
        return known.clone();
    }
    let mut zones = Vec::new();
    for &number in spec.zones.iter() {
        let place = || spec.zones.place.clone();
        match known.get(number as usize - 1) {
            None => {
                let message = format!("`{}` has no zone {number}", made.world[region].name);
                let wrong = Diagnostic::error(Code::UnknownReference, place(), message);
                cx.diagnostics.push(wrong.allowed(format!("1 to {}", known.len())));
            }
            Some(zone) if zones.contains(zone) => {
                let message = format!("zone {number} is named twice");
                let wrong = Diagnostic::error(Code::DuplicateName, place(), message);
                cx.diagnostics.push(wrong.allowed("each zone once"));
            }
            Some(&zone) => zones.push(zone),
        }
    }
    zones
}
