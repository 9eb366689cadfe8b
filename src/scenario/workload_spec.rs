//! The `workloads` section: a Deployment, its Service and its HPA, defined once for all clusters.
//!
//! `clusters` says what differs in single clusters: each override is laid over
//! the workload before it is decoded, so it passes the same checks.

use std::sync::LazyLock;

use crate::control::hpa::spec::HpaSpec;
use crate::model::connections::ConnectionsSpec;
use crate::model::container::{MemoryUsageSpec, SidecarSpec};
use crate::model::disruption_budget::PodDisruptionBudgetSpec;
use crate::model::duration::DurationSpec;
use crate::model::labels::LabelMap;
use crate::model::placement::{AffinitySpec, PreemptionPolicy, SpreadConstraintSpec};
use crate::model::rollout::StrategySpec;
use crate::model::taint::TolerationSpec;
use crate::model::workload::{
    AntiAffinitySpec, ImagePullPolicySpec, LimitsSpec, ProbeSpec, RequestsSpec,
};
use crate::spec::{
    Code, Decode, Decoder, Diagnostic, Field, Kind, Name, Node, Origin, Presence, Section, Set,
    Shape, Text, choice, section,
};
use crate::traffic::calls::{CallSpec, ConcurrencyLimitSpec, ShedSpec};
use crate::traffic::plan::{Balancer, OnTimeout};
use crate::units::{Bytes, MilliCpu, Rate, Span};

section! {
    /// A workload: Deployment, Service and HPA, defined once for all clusters. Give `capacity`
    /// (measured) or `service` (explicit).
    pub struct WorkloadSpec {
        /// Its name, e.g. `web`.
        "name" name: Name = required;
        /// Kubernetes manifests that state the rest, relative to the scenario's folder; `-` is
        /// the standard input. Keys of the workload go before what they say.
        "manifests" manifests: Vec<Text> = list 0..=20;
        /// What the scheduler reserves for a pod.
        "requests" requests: RequestsSpec = required;
        /// What a pod may not exceed.
        "limits" limits: Option<LimitsSpec> = optional;
        /// Further containers of each pod.
        "sidecars" sidecars: Vec<SidecarSpec> = list 0..=20, unique;
        /// Memory that a pod uses; needed only if something reads it.
        "memoryUsage" memory_usage: Option<MemoryUsageSpec> = optional;
        /// What one pod was measured to serve; workers and service times are derived from it.
        "capacity" capacity: Option<CapacitySpec> = optional;
        /// How a pod serves, stated directly.
        "service" service: Option<ServiceSpec> = optional;
        /// Requests that may wait in a pod; more are refused.
        "queue" queue: u32 = default "100",
            source "assumed; servers differ widely",
            range 0..=10000000;
        /// What a pod does with a request whose client has given up.
        "onTimeout" on_timeout: OnTimeoutSpec = default "serve",
            source "assumed: most servers do not notice";
        /// An adaptive limit of the requests that each pod has in hand; left out, there is none.
        "concurrencyLimit" concurrency_limit: Option<ConcurrencyLimitSpec> = optional;
        /// What a pod refuses as it fills up, by the `criticality` of a demand; left out, nothing
        /// before it is full.
        "shed" shed: Option<ShedSpec> = optional;
        /// How a pod is picked for a request.
        "balancer" balancer: BalancerSpec = default "random", source "kube-proxy in iptables mode";
        /// Connections that callers keep open; left out, every request opens its own.
        "connections" connections: Option<ConnectionsSpec> = optional;
        /// Bytes that one request and its answer take of a gateway's throughput.
        "transferPerRequest" transfer: Bytes = default "0",
            source "assumed: compute binds a gateway first", range "0"..="1Gi";
        /// New TLS connections that one request opens at a gateway on average.
        "tlsConnectionsPerRequest" tls_connections: f64 = default "0",
            source "assumed: Front Door keeps its connections to origins (90 s)",
            range 0.0..=100.0;
        /// Connections to the outside that one request opens on average; each takes a source port.
        "outgoingConnections" outgoing_connections: f64 = default "0",
            source "assumed: connections are kept open and used again", range 0.0..=1000.0;
        /// Bytes that one request moves to and from the outside, through the firewall; what it
        /// moves to and from dependencies that stand behind the firewall is part of it.
        "outgoingTransfer" outgoing_transfer: Bytes = default "0",
            source "assumed: what it needs is inside", range "0"..="1Gi";
        /// A request's p99 must stay below this for the capacity to count as sustained.
        "latencyObjective" latency_objective: Span = default "500ms",
            source "assumed",
            range "1ms"..="1h";
        /// Size of the image that a node pulls once.
        "image" image: Bytes = default "400Mi", source "assumed", range "0"..="100Gi";
        /// When the image is pulled.
        "imagePullPolicy" image_pull_policy: ImagePullPolicySpec = default "IfNotPresent",
            source "kubernetes pkg/apis/core/v1/defaults.go, for a tag other than latest";
        /// From the start of the container until the process can answer; left out, 5 s (assumed).
        "startUp" start_up: Option<DurationSpec> = optional, range "0s"..="1d";
        /// Gates the other probes until it has passed once; left out, there is none.
        "startupProbe" startup_probe: Option<ProbeSpec> = optional;
        /// Decides whether a pod gets traffic; left out, it is ready once it runs.
        "readinessProbe" readiness_probe: Option<ProbeSpec> = optional;
        /// Decides whether a container is restarted; left out, there is none.
        "livenessProbe" liveness_probe: Option<ProbeSpec> = optional;
        /// Seconds from a pod's deletion to its end at the latest.
        "terminationGracePeriodSeconds" termination_grace_s: u32 = default "30",
            source "kubernetes pkg/apis/core/v1/defaults.go",
            range 0..=86400;
        /// Length of a preStop sleep, during which the pod goes on serving.
        "preStopSleep" pre_stop: Span = default "0s",
            source "Kubernetes has no preStop hook unless given",
            range "0s"..="1d";
        /// Seconds for which pods stay on a node that is not ready or unreachable; left out, as
        /// `kubernetes` says. One of the `tolerations` for either taint goes before it.
        "tolerationSeconds" toleration_s: Option<u32> = optional, range 0..=86400;
        /// Whether the cluster autoscaler may evict its pods; if not, it removes no node that has
        /// one (annotation `cluster-autoscaler.kubernetes.io/safe-to-evict` of the pods).
        "safeToEvict" safe_to_evict: bool = default "true",
            source "autoscaler simulator/drainability/rules/notsafetoevict";
        /// Replicas; with an HPA, those at the start: left out, those at which it would rest. 0
        /// switches an HPA off whose `minReplicas` is not 0.
        "replicas" replicas: Option<u32> = optional, range 0..=100000;
        /// Required anti-affinity of its pods with each other.
        "podAntiAffinity" anti_affinity: AntiAffinitySpec = default "none",
            source "Kubernetes has none unless given";
        /// The only pool that its pods may run on; left out, any.
        "nodePool" node_pool: Option<Name> = optional;
        /// Scheduling priority; higher goes first.
        "priority" priority: i32 = default "0",
            source "Kubernetes, no PriorityClass",
            range -2147483648..=2000001000;
        /// Whether its pending pods may push out pods of lower priority.
        "preemptionPolicy" preemption_policy: PreemptionPolicy = default "PreemptLowerPriority",
            source "kubernetes scheduling/v1 types.go";
        /// Taints that its pods tolerate.
        "tolerations" tolerations: Vec<TolerationSpec> = list 0..=64;
        /// Labels that a node must have to take its pods.
        "nodeSelector" node_selector: LabelMap = optional;
        /// Nodes and pods that its pods must or should be near to, or away from.
        "affinity" affinity: Option<AffinitySpec> = optional;
        /// How its pods are spread; left out, as the cluster's default says.
        "topologySpreadConstraints" spread: Vec<SpreadConstraintSpec> = list 0..=16;
        /// Its Horizontal Pod Autoscaler; left out, there is none.
        "hpa" hpa: Option<HpaSpec> = optional;
        /// Further HPAs on the same pods. The API server does not refuse this mistake, and
        /// then none of them scales (`AmbiguousSelector`).
        "additionalHpas" additional_hpas: Vec<HpaSpec> = list 0..=4;
        /// How a rollout replaces its pods.
        "strategy" strategy: StrategySpec = section;
        /// Seconds for which a pod must have been Ready to count as available in a rollout.
        "minReadySeconds" min_ready_s: u32 = default "0",
            source "kubernetes pkg/apis/apps/v1/defaults.go",
            range 0..=86400;
        /// Seconds without progress after which a rollout is called stuck.
        "progressDeadlineSeconds" progress_deadline_s: u32 = default "600",
            source "kubernetes pkg/apis/apps/v1/defaults.go",
            range 1..=86400;
        /// Its PodDisruptionBudget: how many pods evictions leave; left out, there is none.
        "podDisruptionBudget" disruption_budget: Option<PodDisruptionBudgetSpec> = optional;
        /// Dependencies that its requests need.
        "needs" needs: NeedsSpec = section;
        /// Dependencies that its pods need when they start: registries, vaults.
        "startNeeds" start_needs: Vec<Name> = list 0..=20;
        /// Calls that its requests make to other workloads of their cluster, in order.
        "calls" calls: Vec<CallSpec> = list 0..=20;
        /// Whether a request keeps its worker while it waits for its calls: a thread does, an
        /// event loop does not.
        "callsHoldWorker" calls_hold_worker: bool = default "true",
            source "assumed: a thread for each request";
        /// The clusters that run it; left out, all.
        "runsOn" runs_on: Vec<Name> = list 0..=64;
        /// What differs in single clusters.
        "clusters" clusters: Overrides = optional;
    }
    check WorkloadSpec::check_together;
}

section! {
    /// Dependencies that requests need, by class: a request is a read or a write, see `writes` of
    /// its demand.
    pub struct NeedsSpec {
        /// Requests that only read.
        "reads" reads: Vec<Name> = list 0..=20;
        /// Requests that write.
        "writes" writes: Vec<Name> = list 0..=20;
    }
}

section! {
    /// What one pod was measured to serve: a load test's row.
    pub struct CapacitySpec {
        /// Requests a second.
        "rate" rate: Rate = required, range "0.001/s"..="1000000/s";
        /// CPU that the pod used at that rate.
        "cpu" cpu: MilliCpu = required, range "1m"..="1000";
        /// Median latency at that rate.
        "p50" p50: Span = required, range "1us"..="1h";
        /// 99th percentile of latency at that rate.
        "p99" p99: Span = required, range "1us"..="1h";
    }
    check CapacitySpec::check_order;
}

section! {
    /// How a pod serves.
    pub struct ServiceSpec {
        /// Requests that it serves at the same time.
        "workers" workers: u16 = required, range 1..=64;
        /// Service time of a request on an idle pod.
        "time" time: DurationSpec = required, range "1us"..="1h";
        /// CPU that a busy worker uses.
        "cpuPerWorker" cpu_per_worker: MilliCpu = required, range "0m"..="1000";
    }
}

choice! {
    /// What a pod does with a request whose client has given up.
    pub enum OnTimeoutSpec {
        /// Serves it all the same.
        "serve" => Serve,
        /// Drops it instead of starting it.
        "drop_queued" => DropQueued,
        /// Also aborts it in service.
        "cancel" => Cancel,
    }
}

choice! {
    /// How a pod is picked for a request.
    pub enum BalancerSpec {
        /// Evenly at random: kube-proxy in iptables mode.
        "random" => Random,
        /// In turn: kube-proxy in IPVS mode, Application Gateway.
        "round_robin" => RoundRobin,
        /// The less loaded of two drawn at random.
        "power_of_two" => PowerOfTwo,
        /// The least loaded.
        "least_outstanding" => LeastOutstanding,
    }
}

/// What differs in single clusters, not decoded yet.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Overrides {
    /// Cluster and what differs, in the order of the text.
    pub entries: Vec<(Set<Name>, Node)>,
}

/// Keys of a workload that no cluster may change.
const FIXED: [&str; 3] = ["name", "runsOn", "clusters"];

/// The keys that an override may have: those of a workload, none required.
static OVERRIDE: LazyLock<Section> = LazyLock::new(|| {
    let fields = WorkloadSpec::SECTION.fields.iter();
    let fields = fields.filter(|field| !FIXED.contains(&field.key));
    let optional = |field: &Field| {
        let mut field = *field;
        field.presence = Presence::Optional;
        field
    };
    let fields: Vec<Field> = fields.map(optional).collect();
    Section {
        name: "WorkloadOverride",
        doc: &[" What differs in one cluster: any key of the workload."],
        fields: fields.leak(),
    }
});

impl Decode for Overrides {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            if node.kind != Kind::Refused {
                let place = cx.place(node.span);
                let message = format!("read {}", node.described());
                let wrong = Diagnostic::error(Code::WrongType, place, message);
                cx.report(wrong.allowed(Self::shape().described()));
            }
            return None;
        };
        let mut overrides = Self::default();
        for (key, value) in entries {
            cx.at_key(&key.text, |cx| {
                let place = cx.place(key.span);
                // The keys are checked here, the values once they are laid over the workload.
                cx.open(value, &OVERRIDE);
                match Name::new(&key.text) {
                    Ok(value_name) => {
                        let name = Set { value: value_name, place, origin: Origin::Given };
                        overrides.entries.push((name, value.clone()));
                    }
                    Err(reason) => {
                        let message = format!("read the name `{}`: {reason}", key.text);
                        cx.report(Diagnostic::error(Code::BadName, place, message));
                    }
                }
            });
        }
        (overrides.entries.len() == entries.len()).then_some(overrides)
    }

    fn shape() -> Shape {
        Shape::NameMap(Box::new(Shape::Section(&OVERRIDE)))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

impl WorkloadSpec {
    fn check_together(&self, cx: &mut Decoder<'_>) {
        let mut report = |place: &crate::spec::Place, message: String, allowed: &str| {
            let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message);
            cx.report(wrong.allowed(allowed));
        };
        if self.capacity.is_some() == self.service.is_some() {
            let message = "a workload needs its capacity stated once".to_owned();
            report(&self.capacity.place, message, "either `capacity` or `service`");
        }
        if let Some(limits) = &*self.limits {
            if limits.cpu.is_some_and(|limit| limit < *self.requests.cpu) {
                let message = format!("the CPU limit is below the request {}", *self.requests.cpu);
                report(&limits.cpu.place, message, "at least the request");
            }
            if limits.memory.is_some_and(|limit| limit < *self.requests.memory) {
                let message =
                    format!("the memory limit is below the request {}", *self.requests.memory);
                report(&limits.memory.place, message, "at least the request");
            }
        }
        if let (Some(replicas), Some(hpa)) = (*self.replicas, &*self.hpa)
            && replicas != 0
            && !(*hpa.min_replicas..=*hpa.max_replicas).contains(&replicas)
        {
            let place = self.replicas.place.clone();
            let message = format!("{replicas} replicas lie outside the HPA's bounds");
            let warning = Diagnostic::warning(Code::Contradiction, place, message);
            cx.report(warning.help("its first pass will move them to the bound"));
        }
        if self.hpa.is_none() && !self.additional_hpas.is_empty() {
            let place = self.additional_hpas.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, "there is no first `hpa`");
            cx.report(wrong.allowed("further HPAs beside `hpa`"));
        }
        for probe in [&self.startup_probe, &self.liveness_probe] {
            if let Some(probe) = &**probe {
                probe.check_passes_at_once(cx);
            }
        }
        if let Some(probe) = &*self.readiness_probe {
            probe.check_kills_nothing(cx);
        }
    }
}

impl CapacitySpec {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        if *self.p99 <= *self.p50 {
            let message = format!("p99 {} is not above p50 {}", *self.p99, *self.p50);
            let place = self.p99.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!("more than {}", *self.p50)));
        }
    }
}

impl From<OnTimeoutSpec> for OnTimeout {
    fn from(spec: OnTimeoutSpec) -> Self {
        match spec {
            OnTimeoutSpec::Serve => Self::Serve,
            OnTimeoutSpec::DropQueued => Self::DropQueued,
            OnTimeoutSpec::Cancel => Self::Cancel,
        }
    }
}

impl From<BalancerSpec> for Balancer {
    fn from(spec: BalancerSpec) -> Self {
        match spec {
            BalancerSpec::Random => Self::Random,
            BalancerSpec::RoundRobin => Self::RoundRobin,
            BalancerSpec::PowerOfTwo => Self::PowerOfTwo,
            BalancerSpec::LeastOutstanding => Self::LeastOutstanding,
        }
    }
}
