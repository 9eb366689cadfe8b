//! A workload, and its deployment in one cluster: what a pod is made of and what it can serve.

use crate::sim::laws::Law;
use crate::spec::{Code, Decoder, Diagnostic, choice, section};
use crate::units::{Bytes, MilliCpu, Rate, Ratio, Span};

use super::connections::Connections;
use super::container::Containers;
use super::dependency::state::Needs;
use super::disruption_budget::DisruptionBudget;
use super::ids::{ClusterId, DeploymentId, PodId, WorkloadId};
use super::node_pool::Resources;
use super::placement::Placement;
use super::rollout::{ReplicaSet, RolloutRules, RolloutStatus, TemplateChange};
use super::taint::FailureTolerations;

section! {
    /// What the scheduler reserves for a pod.
    pub struct RequestsSpec {
        /// CPU; the HPA's target is a share of it.
        "cpu" cpu: MilliCpu = required, range "1m"..="1000";
        /// Memory.
        "memory" memory: Bytes = default "128Mi", source "assumed", range "1Mi"..="32Ti";
    }
}

section! {
    /// What a pod may not exceed.
    pub struct LimitsSpec {
        /// CPU; left out, only the node limits it.
        "cpu" cpu: Option<MilliCpu> = optional, range "1m"..="1000";
        /// Memory; checked against the request, not simulated.
        "memory" memory: Option<Bytes> = optional, range "1Mi"..="32Ti";
    }
}

section! {
    /// A probe of a container, with Kubernetes' parameters.
    pub struct ProbeSpec {
        /// Seconds from the start of the container to the first probe.
        "initialDelaySeconds" initial_delay_s: u32 = default "0",
            source "kubernetes pkg/apis/core/v1/defaults.go",
            range 0..=86400;
        /// Seconds between probes.
        "periodSeconds" period_s: u32 = default "10",
            source "kubernetes pkg/apis/core/v1/defaults.go",
            range 1..=86400;
        /// Seconds to answer.
        "timeoutSeconds" timeout_s: u32 = default "1",
            source "kubernetes pkg/apis/core/v1/defaults.go",
            range 1..=86400;
        /// Successes in a row that make it pass; 1 for startup and liveness.
        "successThreshold" success_threshold: u32 = default "1",
            source "kubernetes pkg/apis/core/v1/defaults.go",
            range 1..=1000;
        /// Failures in a row that make it fail.
        "failureThreshold" failure_threshold: u32 = default "3",
            source "kubernetes pkg/apis/core/v1/defaults.go",
            range 1..=1000;
        /// Seconds from the kill of a container that failed a startup or liveness probe to its
        /// end at the latest; left out, those of the pod.
        "terminationGracePeriodSeconds" termination_grace_s: Option<u32> = optional,
            range 1..=86400;
    }
}

impl ProbeSpec {
    /// The probe.
    #[must_use]
    pub fn probe(&self) -> Probe {
        let seconds = |s: u32| Span::from_secs(i64::from(s));
        Probe {
            initial_delay: seconds(*self.initial_delay_s),
            period: seconds(*self.period_s),
            timeout: seconds(*self.timeout_s),
            success_threshold: *self.success_threshold,
            failure_threshold: *self.failure_threshold,
            termination_grace: self.termination_grace_s.map(seconds),
        }
    }

    /// Kubernetes refuses a grace period of a readiness probe, which kills nothing.
    pub fn check_kills_nothing(&self, cx: &mut Decoder<'_>) {
        if self.termination_grace_s.is_some() {
            let place = self.termination_grace_s.place.clone();
            let message = "a readiness probe kills nothing: it has no grace period";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.help("remove `terminationGracePeriodSeconds`"));
        }
    }

    /// Kubernetes refuses a success threshold other than 1 for startup and liveness probes.
    pub fn check_passes_at_once(&self, cx: &mut Decoder<'_>) {
        if *self.success_threshold != 1 {
            let place = self.success_threshold.place.clone();
            let message = format!("read `{}`", *self.success_threshold);
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed("1, for startup and liveness probes"));
        }
    }
}

choice! {
    /// When an image is pulled.
    pub enum ImagePullPolicySpec {
        /// Unless the node has it.
        "IfNotPresent" => IfNotPresent,
        /// The registry is asked before every start of a container; what is there is not pulled.
        "Always" => Always,
    }
}

choice! {
    /// Required anti-affinity of a workload's pods with each other.
    pub enum AntiAffinitySpec {
        /// Any number of pods share a node.
        "none" => None,
        /// At most one pod on a node.
        "hostname" => Hostname,
        /// At most one pod in a zone.
        "zone" => Zone,
    }
}

impl From<AntiAffinitySpec> for AntiAffinity {
    fn from(spec: AntiAffinitySpec) -> Self {
        match spec {
            AntiAffinitySpec::None => Self::None,
            AntiAffinitySpec::Hostname => Self::Hostname,
            AntiAffinitySpec::Zone => Self::Zone,
        }
    }
}

/// A workload, defined once; each cluster may override parts of its template.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Name in the scenario, e.g. `web`.
    pub name: String,
    /// Its deployments, one for each cluster that runs it.
    pub deployments: Vec<DeploymentId>,
    /// Whether only other workloads call it: it is behind no ingress.
    pub internal: bool,
}

/// A workload in one cluster: Deployment, ReplicaSet and Service in one.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The workload.
    pub workload: WorkloadId,
    /// The cluster.
    pub cluster: ClusterId,
    /// What each of its pods is.
    pub template: PodTemplate,
    /// `spec.replicas`: how many pods are wanted.
    pub replicas: u32,
    /// Bounds of its HPA, if it has one: least and most replicas.
    pub hpa_bounds: Option<(u32, u32)>,
    /// How it replaces its pods when their template changes.
    pub rules: RolloutRules,
    /// Its ReplicaSets, oldest first; only one, unless it is rolling out.
    pub replica_sets: Vec<ReplicaSet>,
    /// How far its rollout has come, while there is one.
    pub rollout: Option<RolloutStatus>,
    /// How many of its pods evictions leave, if it has a PodDisruptionBudget.
    pub disruption_budget: Option<DisruptionBudget>,
    /// What its requests and pods need besides themselves.
    pub needs: Needs,
    /// Its pods that exist, terminating ones included, in order of creation.
    pub pods: Vec<PodId>,
    /// Pods made so far, for their names.
    pub created: u32,
    /// Highest utilisation of workers at which p99 sojourn meets the latency objective.
    pub sustainable: Ratio,
    /// Whose users ask for it: how many requests one request of the users of a workload makes
    /// here on average, by calls. Users of its own make one.
    pub asked_by: Vec<(WorkloadId, f64)>,
    /// Rises whenever it or one of its pods is lent out to be changed.
    pub version: u64,
}

/// What a pod is made of and what it can serve.
#[derive(Clone, Debug)]
pub struct PodTemplate {
    /// What the scheduler reserves, sidecars included; `pods` is 1.
    pub requests: Resources,
    /// What its containers request and use besides.
    pub containers: Containers,
    /// CPU limit of the main container; usage never exceeds it. None: only the node limits it.
    pub cpu_limit: Option<MilliCpu>,
    /// Requests served at the same time.
    pub workers: u16,
    /// Requests that may wait; more are refused.
    pub queue: u32,
    /// Service time of a request on an idle pod \[s\].
    pub service: Law,
    /// Connections that callers keep open to each pod; None: every request opens its own.
    pub connections: Option<Connections>,
    /// CPU that one busy worker uses.
    pub cpu_per_worker: MilliCpu,
    /// Size of the image that a node pulls once.
    pub image: Bytes,
    /// `imagePullPolicy: Always`: the registry is asked before every start of a container.
    pub always_pull: bool,
    /// Time from container start until the process can answer \[s\].
    pub start_up: Law,
    /// The three probes.
    pub probes: Probes,
    /// `terminationGracePeriodSeconds`.
    pub termination_grace: Span,
    /// Length of the preStop sleep, during which the pod goes on serving.
    pub pre_stop: Span,
    /// Whether the cluster autoscaler may evict it (`safe-to-evict` is not "false").
    pub safe_to_evict: bool,
    /// How long it stays on a node that is not ready or unreachable.
    pub tolerated: FailureTolerations,
    /// Whether two pods of the workload may share a node (no required anti-affinity).
    pub anti_affinity: AntiAffinity,
    /// Name of the only pool that it may run on, if any.
    pub pool: Option<String>,
    /// Scheduling priority; higher goes first.
    pub priority: i32,
    /// Tolerations, selectors, affinity, spread.
    pub placement: Placement,
}

/// Required pod anti-affinity of a workload's pods with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AntiAffinity {
    /// None: any number of pods share a node.
    #[default]
    None,
    /// At most one pod on a node (`topologyKey: kubernetes.io/hostname`).
    Hostname,
    /// At most one pod in a zone (`topologyKey: topology.kubernetes.io/zone`).
    Zone,
}

/// The probes of a container; absent ones always pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probes {
    /// Gates the other two until it has passed once.
    pub startup: Option<Probe>,
    /// Decides whether the pod gets traffic.
    pub readiness: Option<Probe>,
    /// Decides whether the container is restarted.
    pub liveness: Option<Probe>,
}

/// One probe of a container, with Kubernetes' own parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// `initialDelaySeconds`.
    pub initial_delay: Span,
    /// `periodSeconds`.
    pub period: Span,
    /// `timeoutSeconds`.
    pub timeout: Span,
    /// `successThreshold`.
    pub success_threshold: u32,
    /// `failureThreshold`.
    pub failure_threshold: u32,
    /// `terminationGracePeriodSeconds` of the probe, instead of the pod's.
    pub termination_grace: Option<Span>,
}

impl Deployment {
    /// The revision of its present template.
    ///
    /// # Panics
    /// If it has no ReplicaSet: it always has one.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.replica_sets.last().expect("a deployment has a ReplicaSet").revision
    }

    /// The only ReplicaSet of a deployment that has never rolled out.
    #[must_use]
    pub fn first_replica_set() -> ReplicaSet {
        let change = TemplateChange::default();
        ReplicaSet { revision: 0, replicas: 0, desired: 0, most: 0, created: true, change }
    }

    /// The rate that `n_pods` ready pods sustain within the latency objective.
    #[must_use]
    pub fn sustained(&self, n_pods: usize) -> Rate {
        let per_worker = self.sustainable.get() / self.template.service.mean_s();
        Rate::per_second(n_pods as f64 * f64::from(self.template.workers) * per_worker)
    }
}
