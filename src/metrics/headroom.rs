//! Headroom: how much more a cluster could serve than it is asked to, and what limits it next.
//!
//! headroom = capacity / offered - 1. Capacity is the rate that the ready pods sustain within
//! their latency objective; offered is the attempts over the trailing ten seconds. The failover
//! headroom is the same against the demand that the cluster would have if every cluster of higher
//! priority were lost now: gates and sizing use that one. Both are `None` while nothing is offered
//! or the cluster is lost. With several workloads the scarcest one counts.

use crate::model::fact::ClusterSet;
use crate::model::ids::{ClusterId, DeploymentId, WorkloadId};
use crate::model::sample::{Ceiling, DeploymentSample, NodeLimit};
use crate::model::workload::Deployment;
use crate::model::world::World;

use super::outcome::{Binding, HeadroomOutcome};
use super::record::{Record, Users, trailing_rates};

/// The headroom of one cluster in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Headroom {
    /// Against what it is asked now.
    pub now: Option<f64>,
    /// Against what it would be asked after a failover.
    pub failover: Option<f64>,
    /// The deployment with the least failover headroom.
    pub scarcest: Option<DeploymentId>,
}

/// The headroom of each cluster by second, from t = 0.
#[must_use]
pub fn headroom(record: &Record<'_>) -> Vec<Vec<Headroom>> {
    let n_seconds = record.n_seconds();
    let n_clusters = record.world.clusters.len();
    let serving = serving(record);
    let users: Vec<Users> = (0..record.world.workloads.len())
        .map(|workload| record.users_of(WorkloadId::new(workload)))
        .collect();
    let asked = rates_of(&users);
    let deployments = record.traffic.deployments.iter();
    let attempts: Vec<Vec<f64>> =
        deployments.map(|series| trailing_rates(&series.attempts, n_seconds)).collect();
    let mut series = vec![vec![Headroom::default(); n_seconds]; n_clusters];
    // By deployment: they change only with the clusters that serve.
    let mut heirs: Vec<Option<Heirs>> = Vec::new();
    heirs.resize_with(record.world.deployments.len(), || None);
    for sample in &record.samples.deployments {
        let deployment = &record.world[sample.deployment];
        let Some(at_s) = second_of(sample.at, n_seconds) else { continue };
        if !serving[at_s].contains(deployment.cluster) {
            continue;
        }
        let heirs = &mut heirs[sample.deployment.index()];
        if heirs.as_ref().is_none_or(|heirs| heirs.serving != serving[at_s]) {
            *heirs = Some(Heirs::new(record.world, sample.deployment, serving[at_s]));
        }
        let heirs = heirs.as_ref().expect("they were found above");
        let rate = |deployment: DeploymentId| attempts[deployment.index()][at_s];
        let demand = demand(sample.deployment, heirs, asked_rate(deployment, &asked, at_s), rate);
        let cluster = &mut series[deployment.cluster.index()][at_s];
        cluster.lower_to(sample, demand);
    }
    series
}

/// Requests a second of the users of each workload, by second.
pub(super) fn rates_of(users: &[Users]) -> Vec<Vec<f64>> {
    users.iter().map(|users| trailing_rates(&users.offered, users.offered.len())).collect()
}

/// Requests a second that the users of all workloads, who make `rates`, would make at the workload
/// of `deployment`, directly and by calls, were it the only cluster.
pub(super) fn asked_rate(deployment: &Deployment, rates: &[Vec<f64>], at_s: usize) -> f64 {
    let rate = |&(workload, each): &(WorkloadId, f64)| each * rates[workload.index()][at_s];
    deployment.asked_by.iter().map(rate).sum()
}

/// The second that a sample of the grid belongs to, if it counts.
pub(super) fn second_of(at: crate::units::Time, n_seconds: usize) -> Option<usize> {
    usize::try_from(at.whole_secs()).ok().filter(|&at_s| at_s < n_seconds)
}

/// The clusters whose ingress answers, by second.
pub(super) fn serving(record: &Record<'_>) -> Vec<ClusterSet> {
    let mut serving = vec![ClusterSet::default(); record.n_seconds()];
    for sample in record.samples.clusters.iter().filter(|sample| sample.serving) {
        if let Some(at_s) = second_of(sample.at, serving.len()) {
            serving[at_s].insert(sample.cluster);
        }
    }
    serving
}

/// What a deployment is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Attempts a second at it now.
    pub now: f64,
    /// The same after every cluster of higher priority is lost.
    pub failover: f64,
}

fn demand(
    deployment: DeploymentId,
    heirs: &Heirs,
    users_rate: f64,
    rate: impl Fn(DeploymentId) -> f64,
) -> Demand {
    let higher: f64 = heirs.higher.iter().map(|&deployment| rate(deployment)).sum();
    let has_higher = !heirs.higher.is_empty();
    after_failover(rate(deployment), higher, users_rate, heirs.share, has_higher)
}

/// What a deployment is asked for once the clusters above it are gone: its own attempts and its
/// share of theirs, but no less than its share of all users, who may be failing elsewhere now.
#[must_use]
pub fn after_failover(own: f64, higher: f64, users: f64, share: f64, has_higher: bool) -> Demand {
    let inherited = if has_higher { (own + share * higher).max(share * users) } else { own };
    Demand { now: own, failover: inherited }
}

/// Who inherits whose demand while some clusters serve.
struct Heirs {
    serving: ClusterSet,
    /// Deployments of the workload in clusters of higher priority, lost ones included.
    higher: Vec<DeploymentId>,
    /// Share of their demand that the deployment gets, by weight among its equals that serve.
    share: f64,
}

impl Heirs {
    fn new(world: &World, deployment: DeploymentId, serving: ClusterSet) -> Self {
        let origins = &world.front_door.origins;
        let origin = |cluster: ClusterId| {
            origins.iter().find(|origin| origin.cluster == cluster && origin.enabled)
        };
        let own = origin(world[deployment].cluster);
        let mut higher = Vec::new();
        let mut weights = 0_u32;
        for &other in &world[world[deployment].workload].deployments {
            let cluster = world[other].cluster;
            let (Some(own), Some(theirs)) = (own, origin(cluster)) else { continue };
            if theirs.priority < own.priority {
                higher.push(other);
            } else if theirs.priority == own.priority && serving.contains(cluster) {
                weights += u32::from(theirs.weight);
            }
        }
        let own_weight = own.map_or(0, |origin| u32::from(origin.weight));
        let share = if 0 < weights { f64::from(own_weight) / f64::from(weights) } else { 0.0 };
        Self { serving, higher, share }
    }
}

impl Headroom {
    /// Takes a deployment into account: the scarcest one counts.
    fn lower_to(&mut self, sample: &DeploymentSample, demand: Demand) {
        let ratio =
            |offered: f64| (0.0 < offered).then(|| sample.sustained.per_s() / offered - 1.0);
        let (now, failover) = (ratio(demand.now), ratio(demand.failover));
        self.now = least(self.now, now);
        if failover.is_some() && least(self.failover, failover) != self.failover {
            self.scarcest = Some(sample.deployment);
        }
        self.failover = least(self.failover, failover);
    }
}

fn least(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// The least headroom of each cluster, when it was, and what bound then.
#[must_use]
pub fn minima(record: &Record<'_>, series: &[Vec<Headroom>]) -> Vec<HeadroomOutcome> {
    let clusters = record.world.clusters.iter().zip(series);
    clusters
        .map(|(cluster, seconds)| {
            let min = lowest(seconds.iter().map(|headroom| headroom.now));
            let failover = lowest(seconds.iter().map(|headroom| headroom.failover));
            let scarcest = failover.and_then(|(at_s, _)| Some((at_s, seconds[at_s].scarcest?)));
            HeadroomOutcome {
                cluster: cluster.name.clone(),
                min_ratio: min.map(|(_, ratio)| ratio),
                min_at_s: min.map(|(at_s, _)| at_s as f64),
                failover_min_ratio: failover.map(|(_, ratio)| ratio),
                at_s: failover.map(|(at_s, _)| at_s as f64),
                binding: scarcest.and_then(|(at_s, id)| binding_at(record, id, at_s)),
                workload: scarcest
                    .map(|(_, id)| record.world[record.world[id].workload].name.clone()),
            }
        })
        .collect()
}

/// The first of the lowest values with its index.
fn lowest(values: impl Iterator<Item = Option<f64>>) -> Option<(usize, f64)> {
    let known = values.enumerate().filter_map(|(index, value)| Some((index, value?)));
    known.fold(None, |best: Option<(usize, f64)>, next| match best {
        Some(best) if best.1 <= next.1 => Some(best),
        _ => Some(next),
    })
}

fn binding_at(record: &Record<'_>, deployment: DeploymentId, at_s: usize) -> Option<Binding> {
    let at = crate::units::Time::from_secs(i64::try_from(at_s).ok()?);
    let samples = &record.samples.deployments;
    let from = samples.partition_point(|sample| sample.at < at);
    let sample = samples[from..].iter().find(|sample| sample.deployment == deployment)?;
    Some(binding(record.world[deployment].hpa_bounds.is_some(), sample))
}

/// What limits a deployment next: the pods that its HPA may still add, or those that nodes may
/// still take; the HPA when both end together. What stands before the pods and lets less pass than
/// they sustain goes before both.
#[must_use]
pub fn binding(has_hpa: bool, sample: &DeploymentSample) -> Binding {
    if let Some(ceiling) = sample.ceiling {
        match ceiling {
            Ceiling::GatewayUnits => Binding::GatewayUnits,
            Ceiling::FirewallThroughput => Binding::FirewallThroughput,
            Ceiling::SourcePorts => Binding::SnatPorts,
            Ceiling::DependencyLimits => Binding::DependencyLimits,
        }
    } else if !has_hpa {
        Binding::FixedReplicas
    } else if sample.hpa_room <= sample.node_room {
        Binding::HpaMaxReplicas
    } else {
        match sample.node_limit {
            NodeLimit::PoolMax => Binding::NodePoolMax,
            NodeLimit::VcpuQuota => Binding::VcpuQuota,
            NodeLimit::Addresses => Binding::Addresses,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::metrics::example::region_loss;
    use crate::units::{Rate, Time};

    use super::*;

    /// What a cluster is asked for after a failover, by rule.
    #[test]
    fn demand_after_a_failover() {
        let table = [
            ("nothing above: what it has now", (60.0, 0.0, 100.0, 1.0, false), 60.0),
            ("an idle heir takes all", (0.0, 100.0, 100.0, 1.0, true), 100.0),
            ("equals share by weight", (10.0, 100.0, 100.0, 0.25, true), 35.0),
            ("retries count", (0.0, 250.0, 100.0, 1.0, true), 250.0),
            ("users who fail elsewhere count", (0.0, 0.0, 100.0, 1.0, true), 100.0),
            ("the heir in office has its own", (120.0, 0.0, 100.0, 1.0, true), 120.0),
        ];
        for (rule, (own, higher, users, share, has_higher), expected) in table {
            let demand = after_failover(own, higher, users, share, has_higher);
            assert_eq!(demand, Demand { now: own, failover: expected }, "{rule}");
        }
    }

    /// A workload that is called is asked for what its callers' users cause, besides its own.
    #[test]
    fn users_ask_by_calls() {
        let mut deployment = region_loss().world.deployments.remove(0);
        let users = |per_second| Users { offered: vec![per_second; 20], ..Users::default() };
        let users = [users(100), users(50)];
        let [web, cart] = [0, 1].map(WorkloadId::new);
        for (rule, asked_by, expected) in [
            ("its own users", vec![(web, 1.0)], 100.0),
            ("nobody but callers", vec![(cart, 0.0), (web, 0.3)], 30.0),
            ("both", vec![(cart, 1.0), (web, 2.0)], 250.0),
        ] {
            deployment.asked_by = asked_by;
            assert_eq!(asked_rate(&deployment, &rates_of(&users), 15), expected, "{rule}");
        }
        assert_eq!(
            asked_rate(&deployment, &rates_of(&users), 9),
            0.0,
            "before ten seconds have passed"
        );
    }

    /// The example by hand: 120/s against 100/s before the fault; the idle secondary has 50/s
    /// against 100/s after a failover; a lost cluster has no headroom, neither has an idle one.
    #[test]
    fn headroom_by_hand() {
        let example = region_loss();
        let series = headroom(&example.record());
        let at = |cluster: usize, at_s: usize| {
            let Headroom { now, failover, .. } = series[cluster][at_s];
            (now, failover)
        };
        let close = |found: Option<f64>, expected: f64| {
            found.is_some_and(|found| (found - expected).abs() < 1e-12)
        };
        assert_eq!(at(0, 9).0, None, "ten seconds have not passed");
        assert!(close(at(0, 100).0, 0.2) && close(at(0, 100).1, 0.2));
        assert_eq!(at(1, 100).0, None, "nothing is offered");
        assert!(close(at(1, 100).1, -0.5));
        assert_eq!(at(0, 300), (None, None), "lost");
        assert!(close(at(1, 230).0, -0.5) && close(at(1, 230).1, -0.5));
        assert!(close(at(1, 300).0, 0.2));
        assert!(close(at(1, 205).1, -0.5), "users fail elsewhere, but will come");
    }

    /// The least headroom, when it was first, and what bound then.
    #[test]
    fn minima_by_hand() {
        let example = region_loss();
        let record = example.record();
        let minima = minima(&record, &headroom(&record));
        let secondary = &minima[1];
        assert_eq!(secondary.cluster, "secondary");
        // Attempts over the trailing 10 s grow from 0 at 220 s to 100/s at 230 s; 50/s of
        // capacity are least against the full rate.
        assert_eq!((secondary.min_ratio, secondary.min_at_s), (Some(-0.5), Some(230.0)));
        assert_eq!((secondary.failover_min_ratio, secondary.at_s), (Some(-0.5), Some(10.0)));
        assert_eq!(secondary.binding, Some(Binding::NodePoolMax), "3 pods fit, 7 are allowed");
        assert_eq!(secondary.workload.as_deref(), Some("web"));
        // The attempts of the primary are 0 while it is lost, and it is asked for nothing until
        // 430 s: its least is the steady state.
        let primary = &minima[0];
        assert!((primary.min_ratio.unwrap() - 0.2).abs() < 1e-12);
        assert_eq!(primary.binding, Some(Binding::HpaMaxReplicas), "it is at maxReplicas");
    }

    /// Whatever ends first binds next; the HPA when both end together.
    #[test]
    fn what_binds_next() {
        let sample = |hpa_room, node_room| DeploymentSample {
            at: Time::ZERO,
            deployment: DeploymentId::new(0),
            replicas: 1,
            pods: 1,
            ready_pods: 1,
            sustained: Rate::per_second(1.0),
            ceiling: None,
            hpa_room,
            node_room,
            node_limit: NodeLimit::PoolMax,
        };
        assert_eq!(binding(true, &sample(3, 5)), Binding::HpaMaxReplicas);
        assert_eq!(binding(true, &sample(5, 3)), Binding::NodePoolMax);
        assert_eq!(binding(true, &sample(0, 0)), Binding::HpaMaxReplicas);
        assert_eq!(binding(false, &sample(0, 9)), Binding::FixedReplicas);
        for (ceiling, expected) in [
            (Ceiling::GatewayUnits, Binding::GatewayUnits),
            (Ceiling::FirewallThroughput, Binding::FirewallThroughput),
            (Ceiling::SourcePorts, Binding::SnatPorts),
            (Ceiling::DependencyLimits, Binding::DependencyLimits),
        ] {
            let bound = DeploymentSample { ceiling: Some(ceiling), ..sample(3, 5) };
            assert_eq!(binding(true, &bound), expected, "what stands before the pods");
        }
        for (node_limit, expected) in
            [(NodeLimit::VcpuQuota, Binding::VcpuQuota), (NodeLimit::Addresses, Binding::Addresses)]
        {
            let short = |hpa_room, node_room| DeploymentSample {
                node_limit,
                ..sample(hpa_room, node_room)
            };
            assert_eq!(binding(true, &short(5, 3)), expected, "no more nodes");
            assert_eq!(binding(true, &short(3, 3)), Binding::HpaMaxReplicas, "no more wanted");
        }
    }

    proptest! {
        /// A failover never asks for less than now, so its headroom is never larger.
        #[test]
        fn a_failover_never_helps(
            (own, higher, users) in (0.0_f64..1e5, 0.0_f64..1e5, 0.0_f64..1e5),
            share in 0.0_f64..=1.0,
            has_higher: bool,
        ) {
            let demand = after_failover(own, higher, users, share, has_higher);
            prop_assert!(demand.now <= demand.failover);
        }
    }
}
