//! The shell of the HPA controller: lists pods and samples, asks the heart, writes the scale.

use crate::control::{Cx, replica_set};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{DeploymentId, HpaId, PodId};
use crate::model::pod::{Container, Pod};
use crate::model::workload::Deployment;

use super::cadence::Cadence;
use super::conditions::Conditions;
use super::history::History;
use super::metric::Metric;
use super::plan::HpaPlan;
use super::pods::{ConditionStatus, Phase, PodStatus, Ready};
use super::reading::{self, Found};
use super::reconcile::{Decision, Observation, Path, reconcile};

/// What an HPA remembers between passes, with its settings.
#[derive(Clone, Debug)]
pub struct HpaState {
    /// Its settings.
    pub plan: HpaPlan,
    /// What its last pass decided: the status that users see.
    pub last: Option<Decision>,
    /// When its passes come.
    pub cadence: Cadence,
    history: History,
    conditions: Conditions,
    /// Whether the controller knows which pods it selects: since its first pass that asked.
    knows_pods: bool,
    listed: Listed,
}

/// The pods that an HPA selects as it listed them last.
#[derive(Clone, Debug, Default)]
struct Listed {
    /// The version of the deployment that was listed.
    version: Option<u64>,
    pods: Vec<PodStatus>,
    n_active: usize,
}

impl HpaState {
    /// An HPA that has not run yet.
    #[must_use]
    pub fn new(plan: HpaPlan) -> Self {
        let (history, conditions) = (History::default(), Conditions::default());
        let (cadence, listed) = (Cadence::IMMEDIATE, Listed::default());
        Self { plan, last: None, cadence, history, conditions, knows_pods: false, listed }
    }

    /// Its controller restarts: what it kept in memory is gone, its status is not.
    pub fn restart(&mut self) {
        self.history = History::default();
        self.knows_pods = false;
    }
}

/// One pass of an HPA; the next one follows a sync period later, see [`cadence`](super::cadence).
pub fn sync(cx: &mut Cx, id: HpaId) {
    let next = cx.memory.hpas[id.index()].cadence.next(cx.now, cx.settings.hpa_sync_period);
    cx.clock.arm(Event::HpaSync(id), next);
    let deployment = cx.memory.hpas[id.index()].plan.deployment;
    if !cx.control_plane_is_up(cx.world[deployment].cluster) {
        return;
    }
    list_pods(cx, id, deployment);
    let found = found(cx, id, &cx.world[deployment].pods);
    let inner: Vec<Metric<'_>> = found.iter().map(Found::metric).collect();
    let metrics: Vec<Metric<'_>> =
        inner.iter().zip(&found).map(|(metric, found)| found.wrapped(metric)).collect();
    let hpa = &mut cx.memory.hpas[id.index()];
    let seen = Observation {
        now: cx.now,
        spec_replicas: replicas_i32(cx.world[deployment].replicas),
        status_replicas: i32::try_from(hpa.listed.n_active).unwrap_or(i32::MAX),
        pods: &hpa.listed.pods,
        metrics: &metrics,
    };
    let decision = reconcile(&hpa.plan.autoscaler, &seen, &mut hpa.history);
    hpa.knows_pods |= matches!(decision.path, Path::Inactive(_) | Path::Measured(_));
    hpa.last = Some(decision);
    if decision.rescales() {
        rescale(cx, deployment, decision.replicas, decision.why());
    }
    tell_conditions(cx, id, &decision);
}

/// Lists the pods of a deployment anew if anything has happened to them.
fn list_pods(cx: &mut Cx, id: HpaId, deployment: DeploymentId) {
    let Deployment { version, pods, .. } = &cx.world[deployment];
    let listed = &mut cx.memory.hpas[id.index()].listed;
    if listed.version.replace(*version) == Some(*version) {
        return;
    }
    listed.pods.clear();
    listed.pods.extend(pods.iter().map(|&pod| status(&cx.world[pod])));
    listed.n_active = pods.iter().filter(|&&pod| cx.world[pod].is_active()).count();
}

/// What the HPA finds as its metrics: nothing while another one is known to select its pods
/// (`hpasControllingPodsUnderSelector`). Only a pass that asks for metrics looks at this, so the
/// first HPA of two acts until the second has asked once.
fn found(cx: &Cx, id: HpaId, pods: &[PodId]) -> Vec<Found> {
    let HpaPlan { deployment, rivals, metrics, .. } = &cx.memory.hpas[id.index()].plan;
    let knows_pods = |rival: &HpaId| cx.memory.hpas[rival.index()].knows_pods;
    if !pods.is_empty() && rivals.iter().any(knows_pods) {
        return vec![Found::Ambiguous];
    }
    metrics.iter().map(|metric| reading::find(cx, metric, *deployment, pods)).collect()
}

/// Says which conditions of the HPA's status the pass changed.
fn tell_conditions(cx: &mut Cx, id: HpaId, decision: &Decision) {
    let hpa = &mut cx.memory.hpas[id.index()];
    let (deployment, number) = (hpa.plan.deployment, hpa.plan.number);
    for condition in hpa.conditions.update(decision) {
        cx.say(What::HpaCondition {
            deployment,
            hpa: number,
            condition: Why(condition.kind),
            holds: condition.holds,
            reason: Why(condition.reason),
            why: Why(condition.words),
        });
    }
}

fn rescale(cx: &mut Cx, deployment: DeploymentId, replicas: i32, why: &'static str) {
    let from = cx.world[deployment].replicas;
    let to = u32::try_from(replicas).expect("the HPA never asks for less than 0 replicas");
    cx.world[deployment].replicas = to;
    cx.memory.scaled_at[deployment.index()] = Some(cx.now);
    cx.say(What::Scaled { deployment, from, to, why: Why(why) });
    replica_set::enqueue(cx, deployment);
}

fn replicas_i32(replicas: u32) -> i32 {
    i32::try_from(replicas).unwrap_or(i32::MAX)
}

/// A pod as the API server lists it to the HPA.
fn status(pod: &Pod) -> PodStatus {
    let is_starting = matches!(
        pod.container,
        Container::Unbound | Container::Pulling | Container::Creating if pod.restarts == 0
    );
    let status = if pod.ready { ConditionStatus::True } else { ConditionStatus::False };
    PodStatus {
        phase: if is_starting { Phase::Pending } else { Phase::Running },
        deleting: pod.deleted_at.is_some(),
        started: pod.bound_at,
        ready: pod.bound_at.map(|_| Ready { status, since: pod.ready_since }),
    }
}
