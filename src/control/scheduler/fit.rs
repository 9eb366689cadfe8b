//! Filters: may a pod go on a node at all, and if not, which rule forbids it?
//!
//! Follows the filter plugins of pkg/scheduler/framework/plugins in their order: tainttoleration,
//! nodeaffinity (by pool), noderesources/fit, podtopologyspread, interpodaffinity. Spread counts
//! every node that the pod selects as a domain, tainted or not (nodeTaintsPolicy: Ignore), so a
//! dead zone with no pods left in it blocks a hard constraint.

use std::fmt;

use crate::model::workload::AntiAffinity;

use super::snapshot::{
    PodView, Snapshot, SpreadConstraint, Taints, TopologyKey, WhenUnsatisfiable,
};

/// Why a pod may not go on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// The node is not ready.
    NotReady,
    /// The node is silent.
    Unreachable,
    /// The node is cordoned.
    Unschedulable,
    /// The cluster autoscaler is removing the node.
    ToBeDeleted,
    /// Another taint that the pod does not tolerate.
    Tainted,
    /// The node is in another pool than the pod asks for.
    OtherPool,
    /// The node has as many pods as it may have.
    TooManyPods,
    /// Too little CPU is left.
    Cpu,
    /// Too little memory is left.
    Memory,
    /// A hard spread constraint.
    Spread,
    /// Required anti-affinity with a pod of the same workload.
    AntiAffinity,
}

/// Every reason, in the order of its discriminant.
pub const MISFITS: [Misfit; 11] = [
    Misfit::NotReady,
    Misfit::Unreachable,
    Misfit::Unschedulable,
    Misfit::ToBeDeleted,
    Misfit::Tainted,
    Misfit::OtherPool,
    Misfit::TooManyPods,
    Misfit::Cpu,
    Misfit::Memory,
    Misfit::Spread,
    Misfit::AntiAffinity,
];

/// The fewest pods that any domain of each key has: what skew is measured from. Computed once per
/// pod ([`fewest`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fewest {
    hostname: Option<Domains>,
    zone: Option<Domains>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Domains {
    fewest: u32,
    n_domains: u32,
}

impl Fewest {
    fn of(&self, constraint: &SpreadConstraint) -> u32 {
        let domains = match constraint.key {
            TopologyKey::Hostname => self.hostname,
            TopologyKey::Zone => self.zone,
        };
        match domains {
            Some(domains) if constraint.min_domains <= domains.n_domains => domains.fewest,
            _ => 0,
        }
    }
}

/// What hard spread constraints of this pod are measured from; empty if it has none.
#[must_use]
pub fn fewest(snapshot: &Snapshot, pod: &PodView<'_>) -> Fewest {
    let hard = |key| {
        let is_hard = |c: &SpreadConstraint| c.when == WhenUnsatisfiable::DoNotSchedule;
        pod.spread.iter().any(|c| c.key == key && is_hard(c))
    };
    let (by_hostname, by_zone) = (hard(TopologyKey::Hostname), hard(TopologyKey::Zone));
    if !by_hostname && !by_zone {
        return Fewest::default();
    }
    let (mut on_node, mut n_nodes, mut zones) = (u32::MAX, 0, 0_u64);
    for &node in &snapshot.order {
        let view = &snapshot.nodes[node as usize].view;
        if pod.pool.is_none_or(|pool| pool == view.pool) {
            on_node = on_node.min(snapshot.on_node(pod.workload, node as usize));
            n_nodes += 1;
            zones |= 1 << view.zone;
        }
    }
    let in_zones = (0..64).filter(|zone| zones & (1 << zone) != 0);
    let in_zone = in_zones.map(|zone| snapshot.in_zone(pod.workload, zone)).min();
    let zone = in_zone.map(|fewest| Domains { fewest, n_domains: zones.count_ones() });
    let hostname = (0 < n_nodes).then_some(Domains { fewest: on_node, n_domains: n_nodes });
    Fewest { hostname: hostname.filter(|_| by_hostname), zone: zone.filter(|_| by_zone) }
}

/// May the pod go on the node? The first rule that forbids it, in upstream's order.
///
/// # Errors
/// The rule that forbids it.
pub fn fits(
    snapshot: &Snapshot,
    pod: &PodView<'_>,
    node: usize,
    fewest: &Fewest,
) -> Result<(), Misfit> {
    let state = &snapshot.nodes[node];
    let untolerated = state.view.taints.without(pod.tolerates);
    if untolerated != Taints::NONE {
        return Err(taint_misfit(untolerated));
    }
    if pod.pool.is_some_and(|pool| pool != state.view.pool) {
        return Err(Misfit::OtherPool);
    }
    let (has, used) = (&state.view.allocatable, &state.requested);
    if has.pods < used.pods + pod.requests.pods {
        return Err(Misfit::TooManyPods);
    }
    // A pod that requests nothing of a resource fits even where it is overcommitted.
    let short = |request: i64, left: i64| 0 < request && left < request;
    if short(pod.requests.cpu.milli(), has.cpu.milli() - used.cpu.milli()) {
        return Err(Misfit::Cpu);
    }
    if short(pod.requests.memory.get(), has.memory.get() - used.memory.get()) {
        return Err(Misfit::Memory);
    }
    for constraint in pod.spread {
        let matching = snapshot.in_domain(constraint.key, pod.workload, node);
        if constraint.when == WhenUnsatisfiable::DoNotSchedule
            && fewest.of(constraint) + constraint.max_skew < matching + 1
        {
            return Err(Misfit::Spread);
        }
    }
    let occupied = match pod.anti_affinity {
        AntiAffinity::None => 0,
        AntiAffinity::Hostname => snapshot.in_domain(TopologyKey::Hostname, pod.workload, node),
        AntiAffinity::Zone => snapshot.in_domain(TopologyKey::Zone, pod.workload, node),
    };
    if 0 < occupied { Err(Misfit::AntiAffinity) } else { Ok(()) }
}

fn taint_misfit(taints: Taints) -> Misfit {
    let named = [
        (Taints::UNSCHEDULABLE, Misfit::Unschedulable),
        (Taints::UNREACHABLE, Misfit::Unreachable),
        (Taints::NOT_READY, Misfit::NotReady),
        (Taints::TO_BE_DELETED, Misfit::ToBeDeleted),
    ];
    let found = named.iter().find(|(taint, _)| taints.without(*taint) != taints);
    found.map_or(Misfit::Tainted, |(_, misfit)| *misfit)
}

impl fmt::Display for Misfit {
    /// The words of kubectl, so that users find them again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "node(s) had untolerated taint {node.kubernetes.io/not-ready: }",
            Self::Unreachable => "node(s) had untolerated taint {node.kubernetes.io/unreachable: }",
            Self::Unschedulable => "node(s) were unschedulable",
            Self::ToBeDeleted => "node(s) had untolerated taint {ToBeDeletedByClusterAutoscaler: }",
            Self::Tainted => "node(s) had untolerated taints",
            Self::OtherPool => "node(s) didn't match Pod's node affinity/selector",
            Self::TooManyPods => "Too many pods",
            Self::Cpu => "Insufficient cpu",
            Self::Memory => "Insufficient memory",
            Self::Spread => "node(s) didn't match pod topology spread constraints",
            Self::AntiAffinity => "node(s) didn't match pod anti-affinity rules",
        })
    }
}
