//! What requests meet at their dependencies: written into the routing of the data plane whenever a
//! dependency changes. No upstream has a rule for it: what a call does is the application's.

use crate::control::Cx;
use crate::control::front_door_health::edge;
use crate::model::dependency::state::{DatabaseRules, Kind, Limits, Phase};
use crate::model::ids::{ClusterId, DependencyId, DeploymentId};
use crate::traffic::gate::GateLimit;
use crate::traffic::routing::{DependencyEffect, DependencyEffects, DependencyFailure};

use super::shell::standby;

/// Puts what all deployments meet into the routing, at the start of a run.
pub fn publish_all(cx: &mut Cx) {
    if cx.world.dependencies.is_empty() {
        return;
    }
    for id in (0..cx.world.dependencies.len()).map(DependencyId::new) {
        set_limits(cx, id);
    }
    let deployments = (0..cx.world.deployments.len()).map(DeploymentId::new);
    cx.routing.dependencies = deployments.map(|deployment| effects(cx, deployment)).collect();
}

/// Sets the gate of a database to what it takes where it serves.
fn set_limits(cx: &mut Cx, id: DependencyId) {
    let dependency = &cx.world[id];
    let Kind::Database(DatabaseRules { bound: Some(bound), .. }) = &dependency.kind else { return };
    let Some(gate) = bound.gate else { return };
    let Limits { per_s, connections } = bound.at(dependency.serving);
    cx.routing.gates[gate.index()] = GateLimit {
        rate: per_s,
        // What comes within a second is taken at any rate.
        burst: per_s.max(1.0),
        in_progress: connections.map_or(u64::MAX, u64::from),
    };
}

/// A dependency has changed: so has what the requests meet that need it.
pub(super) fn publish(cx: &mut Cx, id: DependencyId) {
    set_limits(cx, id);
    for deployment in (0..cx.world.deployments.len()).map(DeploymentId::new) {
        if cx.world[deployment].needs.request_needs(id) {
            cx.routing.dependencies[deployment.index()] = effects(cx, deployment);
        }
    }
    edge::dependency_changed(cx);
}

/// Whether requests of a deployment fail now that only read, and those that write.
#[must_use]
pub fn class_fails(cx: &Cx, deployment: DeploymentId) -> (bool, bool) {
    let effects = effects(cx, deployment);
    let fails = |effect: &DependencyEffect| effect.failing != DependencyFailure::None;
    (fails(&effects.reads), fails(&effects.writes))
}

fn effects(cx: &Cx, deployment: DeploymentId) -> DependencyEffects {
    let needs = &cx.world[deployment].needs;
    let cluster = cx.world[deployment].cluster;
    let of = |needed: &[DependencyId], writes: bool| {
        let each = needed.iter().map(|&id| effect(cx, id, cluster, writes));
        each.fold(DependencyEffect::default(), combined)
    };
    DependencyEffects { reads: of(&needs.reads, false), writes: of(&needs.writes, true) }
}

/// A request calls one dependency after the other: the first that fails decides.
fn combined(first: DependencyEffect, second: DependencyEffect) -> DependencyEffect {
    let fails = first.failing != DependencyFailure::None;
    DependencyEffect {
        failing: if fails { first.failing } else { second.failing },
        slower: first.slower * second.slower,
        added_s: first.added_s + second.added_s,
    }
}

/// What a request of a cluster meets at one dependency.
fn effect(cx: &Cx, id: DependencyId, cluster: ClusterId, writes: bool) -> DependencyEffect {
    let dependency = &cx.world[id];
    let up = dependency.phase == Phase::Serving;
    let refused = DependencyFailure::Refused;
    let mut effect = DependencyEffect::default();
    match &dependency.kind {
        Kind::Database(rules) => {
            let from_copy = !writes && rules.read_replica;
            let place = match standby(cx, id) {
                Some(copy) if !up && from_copy => copy,
                _ => dependency.serving,
            };
            if up || (from_copy && place != dependency.serving) {
                effect.slower = if up { dependency.slower } else { 1.0 };
                if dependency.places[place].region != cx.world[cluster].region {
                    effect.added_s = rules.remote_delay.as_secs_f64();
                }
            } else {
                effect.failing = rules.hangs.map_or(refused, |timeout| DependencyFailure::Hangs {
                    held_s: timeout.as_secs_f64(),
                });
            }
        }
        Kind::Cache { bypass, cold } => {
            effect.slower = if up { dependency.slower } else { cold.slower };
            if !up && !bypass {
                effect.failing = refused;
            }
        }
        Kind::KeyVault { .. } if !up => effect.failing = refused,
        Kind::KeyVault { .. } | Kind::Registry { .. } | Kind::LogAnalytics { .. } => {}
    }
    effect
}
