//! The shell of the cluster autoscaler: one loop every scan interval, or as soon as it is worth it.
//!
//! Follows `RunOnce` of core/static_autoscaler.go with its early exits in their order, the pod
//! list processors of core/podlistprocessor, and loop/trigger.go.

use crate::control::Cx;
use crate::model::event::Event;
use crate::model::fact::What;
use crate::model::ids::{ClusterId, PodId};
use crate::units::Span;

use super::estimator::snapshot::Snapshot;
use super::orchestrator::{Outcome, say_helpless, scale_up};
use super::view::{self, Imagined};
use super::{planner, registry};

/// How long a loop takes at least: the pause before one that follows at once. Assumed; upstream's
/// FAQ promises a decision within 30 s for small clusters, its metrics show a fraction of a second.
const LOOP_DURATION: Span = Span::from_millis(100);

/// One loop of a cluster's autoscaler.
pub fn scan(cx: &mut Cx, cluster: ClusterId) {
    let now = cx.now;
    let state = &mut cx.memory.autoscalers[cluster.index()];
    let (interval, frequent) = (state.plan.scan_interval, state.plan.frequent_loops);
    let previous = state.last_run.replace(now);
    if !state.plan.enabled || !cx.control_plane_is_up(cluster) {
        cx.clock.arm(Event::AutoscalerScan(cluster), now + interval);
        return;
    }
    run_once(cx, cluster);
    let last = &cx.memory.autoscalers[cluster.index()].last;
    // Upstream compares with the start of the loop before, so two loops follow at once.
    let was_productive =
        [last.add, last.delete].iter().flatten().any(|&at| previous.is_some_and(|run| run <= at));
    let wait = if frequent && was_productive { LOOP_DURATION } else { interval };
    cx.clock.arm(Event::AutoscalerScan(cluster), now + wait);
}

/// The scheduler has found no place for a pod for the first time: with frequent loops the next
/// one begins at once.
pub fn pod_became_unschedulable(cx: &mut Cx, cluster: ClusterId) {
    let state = &cx.memory.autoscalers[cluster.index()];
    if state.plan.enabled && state.plan.frequent_loops {
        let free_at = state.last_run.map_or(cx.now, |last| last + LOOP_DURATION);
        cx.clock.arm_by(Event::AutoscalerScan(cluster), free_at.max(cx.now));
    }
}

fn run_once(cx: &mut Cx, cluster: ClusterId) {
    view::update_templates(cx, cluster);
    let mut views = registry::update(cx, cluster);
    registry::delete_long_unregistered(cx, cluster, &views);
    let healthy = registry::is_healthy(cx, cluster, &views);
    if halt(cx, cluster, !healthy) {
        return;
    }
    registry::delete_failed(cx, cluster, &mut views);
    let waiting = view::unschedulable(cx, cluster);
    let mut helpless = Vec::new();
    let mut imagined = None;
    if !waiting.is_empty() {
        let seen = view::imagine(cx, cluster, &views);
        let mut snapshot = seen.snapshot();
        helpless = pods_without_room(cx, cluster, &seen, &mut snapshot, waiting);
        imagined = Some(snapshot);
    }
    let plan = &cx.memory.autoscalers[cluster.index()].plan;
    let (help, total) = (plan.help, plan.max_nodes_total);
    let are_new = view::oldest(cx, &helpless).is_some_and(|at| help.waits_for_more(at, cx.now));
    if helpless.is_empty() {
        cx.memory.autoscalers[cluster.index()].failed_because = None;
    } else if 0 < total && total <= view::n_ready(cx, cluster) {
        say_helpless(cx, cluster, "the cluster is at its maximum of nodes");
    } else if !are_new {
        let existing = imagined.expect("helpless pods were looked for in it");
        match scale_up(cx, cluster, &views, existing, &helpless) {
            Outcome::Ordered => {
                let now = cx.now;
                cx.memory.autoscalers[cluster.index()].last.add = Some(now);
                return;
            }
            Outcome::Failed => return,
            Outcome::NoOption => {}
        }
    }
    planner::scale_down(cx, cluster, are_new);
}

/// Halts while too many nodes are unready; says so when that changes.
fn halt(cx: &mut Cx, cluster: ClusterId, halted: bool) -> bool {
    let state = &mut cx.memory.autoscalers[cluster.index()];
    if halted {
        state.unneeded.clear();
    }
    if state.halted != halted {
        state.halted = halted;
        cx.say(What::AutoscalerHalted { cluster, halted });
    }
    halted
}

/// Pods that fit neither on existing nodes nor on those on their way, and are old enough.
///
/// Those that fit are placed in the snapshot, where they take room from what comes after.
fn pods_without_room(
    cx: &Cx,
    cluster: ClusterId,
    seen: &Imagined,
    snapshot: &mut Snapshot,
    mut waiting: Vec<PodId>,
) -> Vec<PodId> {
    waiting.sort_by_key(|&pod| -cx.world[cx.world[pod].deployment].template.priority);
    waiting.retain(|&pod| {
        let group = view::group(cx, cx.world[pod].deployment, 1);
        seen.place(snapshot, &group, |_| true).is_none()
    });
    let help = cx.memory.autoscalers[cluster.index()].plan.help;
    waiting.retain(|&pod| {
        let priority = cx.world[cx.world[pod].deployment].template.priority;
        help.check(priority, cx.world[pod].created_at, cx.now).is_ok()
    });
    waiting
}
