//! Stopping a cluster and starting it again (`az aks stop`, `az aks start`): the passive-cold
//! secondary, and the ways in which it does not come up.
//!
//! Follows aks-docs start-stop-cluster.md: a stopped cluster has neither control plane nor
//! machines and keeps its state; it starts with as many nodes as it had, whatever the
//! autoscaler's bounds; it gives its capacity back, so a start may find none. A start takes a
//! time that nobody publishes, then the machines are ordered like any others. A start that does
//! not find all its machines fails as a whole, and the cluster stays stopped (assumed). Left out:
//! a new address of the API server, and pods' graceful end when the cluster stops.

use crate::control::cloud::api;
use crate::control::cluster_autoscaler::provider;
use crate::control::{Cx, control_plane_returns, front_door_health, node_lifecycle};
use crate::model::cluster::OriginState;
use crate::model::duration::DurationSpec;
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{ClusterId, NodeId, OperationId, PoolId};
use crate::model::reference::find;
use crate::model::world::World;
use crate::sim::laws::Law;
use crate::sim::streams::unit;
use crate::spec::{Diagnostics, Name, section};
use crate::units::{Span, Time};

/// Nodes of the largest cluster that can be stopped (aks-docs start-stop-cluster.md).
const NODES_MAX: usize = 100;

section! {
    /// A stopped cluster starts.
    pub struct StartClusterSpec {
        /// The cluster.
        "cluster" cluster: Name = required;
        /// From the call to the order of its machines; left out, uniform from 2 min to 10 min
        /// (assumed from "a couple of minutes", passive-cold guide; low confidence).
        "duration" duration: Option<DurationSpec> = optional, range "0s"..="1d";
        /// A start is refused for so long after the stop.
        "afterStop" after_stop: Span = default "15m",
            source "aks-docs start-stop-cluster.md: wait 15 to 30 min",
            low confidence "15m"..="30m", range "0s"..="1d";
    }
}

section! {
    /// A cluster stops: its control plane, its nodes and all that runs on them.
    pub struct StopClusterSpec {
        /// The cluster.
        "cluster" cluster: Name = required;
        /// From the call to the end of the stop.
        "duration" duration: Span = default "10m",
            source "measured by Rafay, once", low confidence,
            range "0s"..="1d";
    }
}

/// A start of a cluster.
#[derive(Clone, Debug)]
pub struct StartCluster {
    cluster: ClusterId,
    duration: Law,
    after_stop: Span,
}

/// A stop of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct StopCluster {
    cluster: ClusterId,
    duration: Span,
}

impl StartClusterSpec {
    pub(super) fn resolve(
        &self,
        world: &World,
        duration: Option<Law>,
        diagnostics: &mut Diagnostics,
    ) -> Option<StartCluster> {
        let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
        let cluster = ClusterId::new(find("cluster", &self.cluster, clusters, diagnostics)?);
        let duration = duration.unwrap_or_else(|| Law::uniform(120.0, 600.0));
        Some(StartCluster { cluster, duration, after_stop: *self.after_stop })
    }
}

impl StopClusterSpec {
    pub(super) fn resolve(
        &self,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<StopCluster> {
        let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
        let cluster = ClusterId::new(find("cluster", &self.cluster, clusters, diagnostics)?);
        Some(StopCluster { cluster, duration: *self.duration })
    }
}

fn fail(cx: &mut Cx, operation: OperationId, cluster: ClusterId, why: &'static str) {
    cx.say(What::OperationFailed { operation, cluster, why: Why(why) });
}

/// What a start or stop finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Since when the cluster has been stopped.
    pub stopped_since: Option<Time>,
    /// Whether its region is there.
    pub region_is_up: bool,
    /// Its nodes.
    pub n_nodes: usize,
}

/// Whether a cluster may start now.
///
/// # Errors
/// Why not.
pub fn may_start(found: &Found, after_stop: Span, now: Time) -> Result<(), &'static str> {
    match found.stopped_since {
        None => Err("the cluster is not stopped"),
        Some(since) if now < since + after_stop => Err("it was stopped too short a while ago"),
        Some(_) if !found.region_is_up => Err("its region is lost"),
        Some(_) => Ok(()),
    }
}

/// Whether a cluster may stop now.
///
/// # Errors
/// Why not.
pub const fn may_stop(found: &Found) -> Result<(), &'static str> {
    match found.stopped_since {
        Some(_) => Err("the cluster is stopped already"),
        None if !found.region_is_up => Err("its region is lost"),
        None if NODES_MAX < found.n_nodes => Err("it has more than 100 nodes"),
        None => Ok(()),
    }
}

fn look(cx: &Cx, cluster: ClusterId) -> Found {
    let region = &cx.world[cx.world[cluster].region];
    Found {
        stopped_since: cx.world[cluster].stopped_since,
        region_is_up: region.outages.is_up(),
        n_nodes: cx.world.cluster_nodes(cluster).count(),
    }
}

/// Somebody calls for a start.
pub(super) fn begin_start(cx: &mut Cx, id: OperationId, start: &StartCluster) {
    let cluster = start.cluster;
    let region = cx.world[cluster].region;
    let allowed = may_start(&look(cx, cluster), start.after_stop, cx.now);
    if let Err(why) = allowed.and_then(|()| api::is_up(cx, region)) {
        fail(cx, id, cluster, why);
        return;
    }
    let draw = cx.chance.draw("start-cluster", &cx.world[cluster].name, id.index() as u64);
    let wait = Span::from_secs_f64(start.duration.quantile(unit(draw)));
    cx.clock.arm(Event::OperationStep(id), cx.now + wait);
}

/// The control plane is there, and the machines are ordered.
pub(super) fn end_start(cx: &mut Cx, id: OperationId, start: &StartCluster) {
    let cluster = start.cluster;
    let found = look(cx, cluster);
    let ordered = may_start(&found, Span::ZERO, cx.now).and_then(|()| order_all(cx, cluster));
    if let Err(why) = ordered {
        remove_all(cx, cluster, "its cluster could not start");
        fail(cx, id, cluster, why);
        return;
    }
    cx.world[cluster].stopped_since = None;
    cx.world[cluster].origin = OriginState::Serving;
    if cx.world[cluster].control_plane.end() {
        control_plane_returns(cx, cluster);
    }
    front_door_health::origin_changed(cx, cluster);
    cx.say(What::OperationDone { operation: id, why: Why("its machines are on order") });
}

/// Orders as many machines as each pool had.
fn order_all(cx: &mut Cx, cluster: ClusterId) -> Result<(), &'static str> {
    for pool in cx.world[cluster].pools.clone() {
        let nodes = cx.world[pool].nodes_when_stopped as usize;
        if nodes == 0 {
            continue;
        }
        let order = provider::ask(cx, pool, nodes)?;
        let is_complete = order.is_complete();
        provider::enlarge(cx, order);
        if !is_complete {
            return Err("its machines could not be allocated");
        }
    }
    Ok(())
}

fn remove_all(cx: &mut Cx, cluster: ClusterId, why: &'static str) {
    let nodes: Vec<NodeId> = cx.world.cluster_nodes(cluster).collect();
    for node in nodes {
        node_lifecycle::remove(cx, node, Why(why));
    }
}

/// The state of a cluster that a run begins with stopped: nothing of it is there.
pub fn begin_stopped(cx: &mut Cx, cluster: ClusterId) {
    cx.world[cluster].control_plane.begin();
    cx.world[cluster].origin = OriginState::Refused;
    for pool in cx.world[cluster].pools.clone() {
        remember_size(cx, pool);
    }
}

fn remember_size(cx: &mut Cx, pool: PoolId) {
    cx.world[pool].nodes_when_stopped = cx.world[pool].target;
    cx.world[pool].target = 0;
}

/// A cluster stops.
pub(super) fn begin_stop(cx: &mut Cx, id: OperationId, stop: &StopCluster) {
    let cluster = stop.cluster;
    let region = cx.world[cluster].region;
    let allowed = may_stop(&look(cx, cluster));
    if let Err(why) = allowed.and_then(|()| api::is_up(cx, region)) {
        fail(cx, id, cluster, why);
        return;
    }
    cx.world[cluster].stopped_since = Some(cx.now);
    begin_stopped(cx, cluster);
    remove_all(cx, cluster, "its cluster is stopped");
    for pool in cx.world[cluster].pools.clone() {
        cx.world[pool].target = 0;
    }
    front_door_health::origin_changed(cx, cluster);
    cx.clock.arm(Event::OperationStep(id), cx.now + stop.duration);
}

/// A stop is over.
pub(super) fn end_stop(cx: &mut Cx, id: OperationId, stop: &StopCluster) {
    if cx.world[stop.cluster].stopped_since.is_some() {
        cx.world[stop.cluster].stopped_since = Some(cx.now);
    }
    cx.say(What::OperationDone { operation: id, why: Why("the cluster is stopped") });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per reason to refuse, and the boundaries beside them.
    #[test]
    fn starts_and_stops_are_refused_for_a_reason() {
        let at = Time::from_secs;
        let stopped =
            |since| Found { stopped_since: Some(at(since)), region_is_up: true, n_nodes: 0 };
        let running = |n_nodes| Found { stopped_since: None, region_is_up: true, n_nodes };
        let lost = |found: Found| Found { region_is_up: false, ..found };
        let wait = Span::from_secs(900);
        for (rule, found, now, may) in [
            ("a running cluster", running(3), 0, false),
            ("a second too early", stopped(100), 999, false),
            ("just late enough", stopped(100), 1_000, true),
            ("a lost region", lost(stopped(100)), 9_999, false),
        ] {
            assert_eq!(may_start(&found, wait, at(now)).is_ok(), may, "start: {rule}");
        }
        for (rule, found, may) in [
            ("a stopped cluster", stopped(0), false),
            ("100 nodes", running(100), true),
            ("101 nodes", running(101), false),
            ("a lost region", lost(running(3)), false),
        ] {
            assert_eq!(may_stop(&found).is_ok(), may, "stop: {rule}");
        }
    }
}
