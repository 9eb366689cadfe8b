//! The shell of the HPA controller: lists pods and samples, asks the heart, writes the scale.

use crate::control::{Cx, metrics_pipeline, replica_set};
use crate::model::event::Event;
use crate::model::fact::{What, Why};
use crate::model::ids::{DeploymentId, PodId};
use crate::model::pod::Container;
use crate::units::Ratio;

use super::history::History;
use super::metric::{Metric, PodSamples, Resource};
use super::pods::{ConditionStatus, Phase, PodStatus, Ready, Sample};
use super::reconcile::{Autoscaler, Observation, reconcile};

/// The HPA of one deployment, as the scenario sets it up.
#[derive(Clone, Debug)]
pub struct HpaPlan {
    /// Bounds, behavior and tolerances.
    pub autoscaler: Autoscaler,
    /// Target CPU usage as a share of the request.
    pub target_cpu: Ratio,
}

/// What an HPA remembers between passes.
#[derive(Clone, Debug)]
pub struct HpaState {
    /// Its settings.
    pub plan: HpaPlan,
    history: History,
    /// Why it left the replicas alone, said once.
    held: Option<&'static str>,
}

impl HpaState {
    /// An HPA that has not run yet.
    #[must_use]
    pub fn new(plan: HpaPlan) -> Self {
        Self { plan, history: History::default(), held: None }
    }
}

/// One pass of the HPA of a deployment.
pub fn sync(cx: &mut Cx, deployment: DeploymentId) {
    cx.clock.arm(Event::HpaSync(deployment), cx.now + cx.settings.hpa_sync_period);
    if !cx.control_plane_is_up(cx.world[deployment].cluster) {
        return;
    }
    let pods = &cx.world[deployment].pods;
    let listed: Vec<PodStatus> = pods.iter().map(|&pod| status(cx, pod)).collect();
    let samples: Vec<Option<Sample>> = pods.iter().map(|&pod| sample(cx, pod)).collect();
    let request = cx.world[deployment].template.requests.cpu.milli();
    let requests = vec![(request > 0).then_some(request); pods.len()];
    let current = replicas_i32(cx.world[deployment].replicas);
    let hpa = cx.memory.hpas[deployment.index()].as_mut().expect("only deployments with an HPA");
    let metric = Metric::Utilization {
        resource: Resource::Cpu,
        target_percent: hpa.plan.target_cpu.percent().round() as i32,
        requests: &requests,
        samples: PodSamples { listed: &samples, unlisted: &[] },
    };
    let seen = Observation {
        now: cx.now,
        spec_replicas: current,
        status_replicas: replicas_i32(u32::try_from(listed.len()).unwrap_or(u32::MAX)),
        pods: &listed,
        metrics: &[metric],
    };
    let decision = reconcile(&hpa.plan.autoscaler, &seen, &mut hpa.history);
    let why = decision.why();
    if decision.rescales() {
        hpa.held = None;
        rescale(cx, deployment, decision.replicas, why);
    } else if hpa.held != Some(why) {
        hpa.held = Some(why);
        cx.say(What::ScalingHeld { deployment, why: Why(why) });
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
fn status(cx: &Cx, pod: PodId) -> PodStatus {
    let pod = &cx.world[pod];
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

fn sample(cx: &Cx, pod: PodId) -> Option<Sample> {
    let usage = metrics_pipeline::usage(cx, pod)?;
    Some(Sample { at: usage.timestamp, window: usage.window, value: usage.cpu_milli })
}
