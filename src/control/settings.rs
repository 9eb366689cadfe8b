//! Constants of the controllers, as a version profile and the scenario set them.

use crate::control::endpoints::PropagationPolicy;
use crate::control::endpoints::runner::SyncPolicy;
use crate::control::hpa::pods::CpuTiming;
use crate::control::hpa::tolerance::Tolerance;
use crate::control::kubelet::image_pull::PullPolicy;
use crate::control::kubelet::restart::{BackoffLimits, RestartPolicy, SyncRetry};
use crate::control::node_lifecycle::auto_repair_spec::RepairPlan;
use crate::control::node_lifecycle::monitor::MonitorPolicy;
use crate::control::node_lifecycle::workers::ClientPolicy;
use crate::control::node_lifecycle::zones::EvictionPolicy;
use crate::control::scheduler::score::FitStrategy;
use crate::control::scheduler::snapshot::{AKS_DEFAULT_SPREAD, SYSTEM_DEFAULT_SPREAD};
use crate::model::placement::SpreadConstraint;
use crate::model::taint::{FailureTolerations, Tolerated};
use crate::spec::{Code, Decoder, Diagnostic, choice, section};
use crate::units::{Rate, Ratio, Span};

section! {
    /// Constants of the Kubernetes controllers; flags of kube-controller-manager by their names.
    pub struct KubernetesSpec {
        /// How often the kubelet refreshes the CPU counters of its pods.
        "kubeletStatsPeriod" kubelet_stats_period: Span = default "15s",
            source "metrics-server FAQ: about every 15 s",
            range "1s"..="10m";
        /// How often metrics-server scrapes the kubelets (`--metric-resolution`).
        "scrapeInterval" scrape_interval: Span = default "15s",
            source "metrics-server manifests/base/deployment.yaml",
            range "10s"..="10m";
        /// How often the monitoring behind custom and external metrics scrapes.
        "customMetricsInterval" custom_metrics_interval: Span = default "30s",
            source "kube-prometheus and Azure Monitor managed Prometheus: every 30 s",
            range "1s"..="10m";
        /// The window over which it computes rates.
        "customMetricsWindow" custom_metrics_window: Span = default "2m",
            source "prometheus-adapter docs/walkthrough.md: rate over 2m",
            range "2s"..="1h";
        /// `--horizontal-pod-autoscaler-sync-period`.
        "hpaSyncPeriod" hpa_sync_period: Span = default "15s",
            source "kubernetes podautoscaler/config/v1alpha1/defaults.go",
            range "1s"..="1h";
        /// `--horizontal-pod-autoscaler-tolerance`.
        "hpaTolerance" hpa_tolerance: Ratio = default "10%",
            source "kubernetes podautoscaler/config/v1alpha1/defaults.go",
            range "0%"..="100%";
        /// How the tolerance is compared.
        "hpaToleranceForm" hpa_tolerance_form: ToleranceForm = default "perDirection",
            source "kubernetes replica_calculator.go from v1.33 on";
        /// `--horizontal-pod-autoscaler-downscale-stabilization`.
        "hpaDownscaleStabilization" hpa_downscale_stabilization: Span = default "5m",
            source "kubernetes podautoscaler/config/v1alpha1/defaults.go",
            range "0s"..="1d";
        /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
        "hpaCpuInitializationPeriod" hpa_cpu_initialization_period: Span = default "5m",
            source "kubernetes podautoscaler/config/v1alpha1/defaults.go",
            range "0s"..="1d";
        /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
        "hpaInitialReadinessDelay" hpa_initial_readiness_delay: Span = default "30s",
            source "kubernetes podautoscaler/config/v1alpha1/defaults.go",
            range "0s"..="1d";
        /// Feature gate of API server and controllers: an HPA may state a `tolerance` of its own
        /// for each direction (KEP 4951).
        "hpaConfigurableTolerance" hpa_configurable_tolerance: bool = default "false",
            source "kubernetes kube_features.go: HPAConfigurableTolerance, alpha in 1.33";
        /// Feature gate: an HPA may have `minReplicas: 0` (KEP 2021).
        "hpaScaleToZero" hpa_scale_to_zero: bool = default "false",
            source "kubernetes kube_features.go: HPAScaleToZero, alpha, off";
        /// `--node-monitor-period`.
        "nodeMonitorPeriod" node_monitor_period: Span = default "5s",
            source "kubernetes nodelifecycle/config/v1alpha1/defaults.go",
            range "1s"..="10m";
        /// `--node-monitor-grace-period`.
        "nodeMonitorGracePeriod" node_monitor_grace_period: Span = default "50s",
            source "kubernetes nodelifecycle from v1.32 on (PR 126287)",
            range "1s"..="1h";
        /// `--node-startup-grace-period`: for nodes that have never posted their status.
        "nodeStartupGracePeriod" node_startup_grace_period: Span = default "60s",
            source "kubernetes nodelifecycle/config/v1alpha1/defaults.go",
            range "1s"..="1h";
        /// `--default-not-ready-toleration-seconds` of the API server.
        "defaultNotReadyTolerationSeconds" not_ready_toleration_s: u32 = default "300",
            source "kubernetes plugin/pkg/admission/defaulttolerationseconds/admission.go",
            range 0..=86400;
        /// `--default-unreachable-toleration-seconds` of the API server.
        "defaultUnreachableTolerationSeconds" unreachable_toleration_s: u32 = default "300",
            source "kubernetes plugin/pkg/admission/defaulttolerationseconds/admission.go",
            range 0..=86400;
        /// `--node-eviction-rate`.
        "nodeEvictionRate" node_eviction_rate: Rate = default "0.1/s",
            source "kubernetes cmd/kube-controller-manager nodelifecyclecontroller.go",
            range "0/s"..="1000/s";
        /// `--secondary-node-eviction-rate`.
        "secondaryNodeEvictionRate" secondary_node_eviction_rate: Rate = default "0.01/s",
            source "kubernetes cmd/kube-controller-manager nodelifecyclecontroller.go",
            range "0/s"..="1000/s";
        /// `--large-cluster-size-threshold`.
        "largeClusterSizeThreshold" large_cluster_size_threshold: u32 = default "50",
            source "kubernetes cmd/kube-controller-manager nodelifecyclecontroller.go",
            range 0..=5000;
        /// `--unhealthy-zone-threshold`.
        "unhealthyZoneThreshold" unhealthy_zone_threshold: Ratio = default "55%",
            source "kubernetes cmd/kube-controller-manager nodelifecyclecontroller.go",
            range "0%"..="100%";
        /// `--kube-api-qps` of the controller manager.
        "controllerQps" controller_qps: Rate = default "20/s",
            source "kubernetes controller-manager generic defaults",
            range "0.1/s"..="100000/s";
        /// `--kube-api-burst` of the controller manager.
        "controllerBurst" controller_burst: u32 = default "30",
            source "kubernetes controller-manager generic defaults",
            range 1..=100000;
        /// `serializeImagePulls` of the kubelets: one pull at a time on a node.
        "serializeImagePulls" serialize_image_pulls: bool = default "true",
            source "kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go";
        /// `maxParallelImagePulls` of the kubelets; left out, no bound.
        "maxParallelImagePulls" max_parallel_image_pulls: Option<u32> = optional,
            range 1..=1000;
        /// `registryPullQPS` of the kubelets, for parallel pulls; 0 is no bound.
        "registryPullQPS" registry_pull_qps: Rate = default "5/s",
            source "kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go",
            range "0/s"..="100000/s";
        /// `registryBurst` of the kubelets.
        "registryBurst" registry_burst: u32 = default "10",
            source "kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go",
            range 1..=100000;
        /// `crashLoopBackOff.maxContainerRestartPeriod` of the kubelets (KEP 5593).
        "maxContainerRestartPeriod" max_container_restart_period: Span = default "5m",
            source "kubernetes pkg/kubelet/kubelet.go: MaxContainerBackOff; unset by default",
            range "1s"..="5m";
        /// Feature gate of the kubelets: back-off of crashed containers 1 s to 60 s instead of
        /// 10 s to 5 min (KEP 4603).
        "reduceDefaultCrashLoopBackOffDecay" reduced_decay: bool = default "false",
            source "kubernetes kube_features.go: alpha, off";
        /// When the kubelet looks again at a container that backs off.
        "crashLoopBackOffSync" back_off_sync: BackOffSync = default "periodic",
            source "kubernetes pkg/kubelet/pod_workers.go before v1.35";
        /// From a change of a pod's readiness to the API server knowing it.
        "statusPatchDelay" status_patch_delay: Span = default "100ms",
            source "assumed: status patch and watch",
            range "0s"..="1m";
        /// `--endpointslice-updates-batch-period`: from the first change of a Service's pods to
        /// the update of its EndpointSlices.
        "endpointsliceUpdatesBatchPeriod" slice_batch_period: Span = default "0s",
            source "kubernetes endpointslice/config/v1alpha1/defaults.go: none",
            range "0s"..="1m";
        /// `iptables.minSyncPeriod` of kube-proxy: between two syncs of its rules, bursts aside.
        "proxyMinSyncPeriod" proxy_min_sync_period: Span = default "1s",
            source "kubernetes pkg/proxy/apis/config/v1alpha1/defaults.go",
            range "0s"..="1h";
        /// `iptables.syncPeriod` of kube-proxy: after a sync the next comes at the latest.
        "proxySyncPeriod" proxy_sync_period: Span = default "30s",
            source "kubernetes pkg/proxy/apis/config/v1alpha1/defaults.go",
            range "1s"..="1d";
        /// Syncs of kube-proxy that may follow each other at once after a rest.
        "proxyBurstSyncs" proxy_burst_syncs: u32 = default "2",
            source "kubernetes pkg/proxy/iptables/proxier.go: burstSyncs, up to v1.34",
            range 1..=100;
        /// Topology spread of pods without constraints of their own.
        "defaultSpread" default_spread: DefaultSpread = default "upstream",
            source "kubernetes podtopologyspread: systemDefaultConstraints";
        /// `NodeResourcesFitArgs.scoringStrategy.type` of the scheduler.
        "scoringStrategy" scoring_strategy: ScoringStrategy = default "LeastAllocated",
            source "kubernetes pkg/scheduler/apis/config/v1/defaults.go";
        /// `percentageOfNodesToScore` of the scheduler; 0: by the size of the cluster.
        "percentageOfNodesToScore" percentage_of_nodes_to_score: u32 = default "0",
            source "kubernetes pkg/scheduler/apis/config/v1/defaults.go",
            range 0..=100;
    }
    check KubernetesSpec::check_together;
}

choice! {
    /// How an HPA compares usage over target with its tolerance.
    pub enum ToleranceForm {
        /// `1 - t <= ratio <= 1 + t`: Kubernetes 1.33 and later.
        "perDirection" => PerDirection,
        /// `|1 - ratio| <= t`: before; differs at exactly 1.1 in double precision.
        "symmetric" => Symmetric,
    }
}

choice! {
    /// When a kubelet syncs a pod whose container backs off.
    pub enum BackOffSync {
        /// 10 s after the last time, up to half more: before Kubernetes 1.35.
        "periodic" => Periodic,
        /// When the back-off ends, up to half more: from Kubernetes 1.35 on.
        "atExpiry" => AtExpiry,
    }
}

choice! {
    /// How the scheduler spreads pods that state no constraint.
    pub enum DefaultSpread {
        /// Softly over nodes (maxSkew 3) and zones (maxSkew 5).
        "upstream" => Upstream,
        /// Softly over zones (maxSkew 1).
        "aks" => Aks,
    }
}

choice! {
    /// Which nodes the scheduler's resource rule prefers.
    pub enum ScoringStrategy {
        /// Empty ones.
        "LeastAllocated" => LeastAllocated,
        /// Full ones.
        "MostAllocated" => MostAllocated,
    }
}

impl KubernetesSpec {
    /// What kube-proxy's validation (validateProxyIPTablesConfiguration) refuses.
    fn check_together(&self, cx: &mut Decoder<'_>) {
        if *self.proxy_sync_period < *self.proxy_min_sync_period {
            let place = self.proxy_sync_period.place.clone();
            let message = format!("read {}", *self.proxy_sync_period);
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!(
                "at least `proxyMinSyncPeriod`, {}",
                *self.proxy_min_sync_period
            )));
        }
    }

    /// The constants as the controllers read them.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            explicit_probing: false,
            kubelet_stats_period: *self.kubelet_stats_period,
            scrape_interval: *self.scrape_interval,
            custom_metrics_interval: *self.custom_metrics_interval,
            custom_metrics_window: *self.custom_metrics_window,
            hpa_sync_period: *self.hpa_sync_period,
            monitor: self.monitor(),
            controller_qps: self.controller_qps.per_s(),
            controller_burst: *self.controller_burst,
            auto_repair: Vec::new(),
            propagation: PropagationPolicy {
                status_patch: *self.status_patch_delay,
                slice_batching: *self.slice_batch_period,
                proxy: SyncPolicy {
                    min_period: *self.proxy_min_sync_period,
                    period: *self.proxy_sync_period,
                    burst: *self.proxy_burst_syncs,
                },
            },
            restarts: self.restarts(),
            pulls: PullPolicy {
                parallel: if *self.serialize_image_pulls {
                    Some(1)
                } else {
                    *self.max_parallel_image_pulls
                },
                qps: self.registry_pull_qps.per_s(),
                burst: *self.registry_burst,
            },
            default_spread: match *self.default_spread {
                DefaultSpread::Upstream => SYSTEM_DEFAULT_SPREAD.to_vec(),
                DefaultSpread::Aks => AKS_DEFAULT_SPREAD.to_vec(),
            },
            scheduler: self.scheduler(),
        }
    }

    fn scheduler(&self) -> SchedulerPolicy {
        let percentage = *self.percentage_of_nodes_to_score as usize;
        SchedulerPolicy {
            strategy: match *self.scoring_strategy {
                ScoringStrategy::LeastAllocated => FitStrategy::LeastAllocated,
                ScoringStrategy::MostAllocated => FitStrategy::MostAllocated,
            },
            percentage: (0 < percentage).then_some(percentage),
        }
    }

    fn restarts(&self) -> RestartPolicy {
        let usual = BackoffLimits::default();
        let reduced = BackoffLimits { initial: Span::from_secs(1), max: Span::from_secs(60) };
        let limits = if *self.reduced_decay { reduced } else { usual };
        let max = limits.max.min(*self.max_container_restart_period);
        let retry = match *self.back_off_sync {
            BackOffSync::Periodic => SyncRetry::Periodic,
            BackOffSync::AtExpiry => SyncRetry::AtExpiry,
        };
        RestartPolicy { limits: BackoffLimits { max, ..limits }, retry }
    }

    fn monitor(&self) -> MonitorPolicy {
        MonitorPolicy {
            period: *self.node_monitor_period,
            grace: *self.node_monitor_grace_period,
            startup_grace: *self.node_startup_grace_period,
            eviction: EvictionPolicy {
                rate: self.node_eviction_rate.per_s(),
                secondary_rate: self.secondary_node_eviction_rate.per_s(),
                large_zone_above: *self.large_cluster_size_threshold,
                unhealthy_share: self.unhealthy_zone_threshold.get() as f32,
            },
            client: ClientPolicy {
                qps: self.controller_qps.per_s(),
                burst: *self.controller_burst,
                ..MonitorPolicy::K8S_1_32.client
            },
            ..MonitorPolicy::K8S_1_32
        }
    }

    /// The tolerations that the API server adds to pods without their own.
    #[must_use]
    pub fn default_tolerations(&self) -> FailureTolerations {
        let seconds = |s: u32| Tolerated::For(Span::from_secs(i64::from(s)));
        FailureTolerations {
            not_ready: seconds(*self.not_ready_toleration_s),
            unreachable: seconds(*self.unreachable_toleration_s),
        }
    }

    /// When an HPA leaves the replicas alone.
    #[must_use]
    pub fn tolerance(&self) -> Tolerance {
        let band = self.hpa_tolerance.get();
        match *self.hpa_tolerance_form {
            ToleranceForm::PerDirection => Tolerance::PerDirection { down: band, up: band },
            ToleranceForm::Symmetric => Tolerance::Symmetric(band),
        }
    }

    /// When a starting pod's CPU counts for an HPA.
    #[must_use]
    pub fn cpu_timing(&self) -> CpuTiming {
        CpuTiming {
            initialization_period: *self.hpa_cpu_initialization_period,
            initial_readiness_delay: *self.hpa_initial_readiness_delay,
        }
    }
}

/// The constants that all clusters of a scenario share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Every Front Door and kubelet probe has its timer, instead of only those that may change
    /// something. Slower, and must give the same bits.
    pub explicit_probing: bool,
    /// How often the kubelet refreshes the CPU counters of its pods.
    pub kubelet_stats_period: Span,
    /// How often metrics-server scrapes the kubelets.
    pub scrape_interval: Span,
    /// How often the monitoring behind custom and external metrics scrapes.
    pub custom_metrics_interval: Span,
    /// The window over which it computes rates.
    pub custom_metrics_window: Span,
    /// `--horizontal-pod-autoscaler-sync-period`.
    pub hpa_sync_period: Span,
    /// Node monitor and evictions, see `MonitorPolicy`.
    pub monitor: MonitorPolicy,
    /// Client rate of the controller manager \[1/s\].
    pub controller_qps: f64,
    /// Burst of the controller manager's client.
    pub controller_burst: u32,
    /// Auto-repair of each cluster, if it has it.
    pub auto_repair: Vec<Option<RepairPlan>>,
    /// How kubelets pull images.
    pub pulls: PullPolicy,
    /// How kubelets restart containers.
    pub restarts: RestartPolicy,
    /// How long readiness takes to reach the balancers.
    pub propagation: PropagationPolicy,
    /// Topology spread of pods without own constraints.
    pub default_spread: Vec<SpreadConstraint>,
    /// How the scheduler scores.
    pub scheduler: SchedulerPolicy,
}

/// How schedulers score nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchedulerPolicy {
    /// Which nodes the resource rule prefers.
    pub strategy: FitStrategy,
    /// `percentageOfNodesToScore`; None: by the number of nodes.
    pub percentage: Option<usize>,
}
