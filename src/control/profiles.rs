//! Version profiles: the constants that differ between releases, and those of AKS.
//!
//! Follows each upstream file that a value names. The sections' own defaults are those of
//! Kubernetes 1.33; a profile lists what differs. Every value can be overridden in the scenario,
//! and `check --explain` shows where it came from. Left out: gates that nothing here depends on.

use crate::spec::{Profile, ProfileValue, choice};

choice! {
    /// Whose constants hold where the scenario says nothing.
    pub enum VersionProfile {
        /// Azure Kubernetes Service.
        "aks" => Aks,
        /// Azure Kubernetes Service with Kubernetes 1.28: its rule of reserved memory; where
        /// controllers differ from 1.31, they are those of 1.31.
        "aks-1.28" => Aks128,
        /// Kubernetes 1.31 as released.
        "k8s-1.31" => Kubernetes131,
        /// Kubernetes 1.33 as released.
        "k8s-1.33" => Kubernetes133,
        /// Kubernetes 1.35 as released.
        "k8s-1.35" => Kubernetes135,
    }
}

const fn value(
    section: &'static str,
    key: &'static str,
    value: &'static str,
    source: &'static str,
) -> ProfileValue {
    ProfileValue { section, key, value, source }
}

/// The sections' own defaults are those of Kubernetes 1.33.
static KUBERNETES_133: Profile = Profile { name: "k8s-1.33", values: &[] };

static KUBERNETES_131: Profile = Profile {
    name: "k8s-1.31",
    values: &[
        value(
            "KubernetesSpec",
            "nodeMonitorGracePeriod",
            "40s",
            "kubernetes nodelifecycle up to v1.31",
        ),
        value(
            "KubernetesSpec",
            "hpaToleranceForm",
            "symmetric",
            "kubernetes replica_calculator.go before v1.33",
        ),
        value("ClusterAutoscalerSpec", "expander", "random", "cluster-autoscaler up to 1.32"),
    ],
};

/// What does not change from 1.33 to 1.35: KubeletCrashLoopBackOffMax (KEP 5593) turns on, which
/// only lets a node lower its 300 s; ReduceDefaultCrashLoopBackOffDecay (KEP 4603) and
/// HPAScaleToZero stay off (pkg/features/kube_features.go); --max-node-startup-time becomes a flag
/// with the value of the constant before, 15 min.
static KUBERNETES_135: Profile = Profile {
    name: "k8s-1.35",
    values: &[
        value(
            "ClusterAutoscalerSpec",
            "frequentLoopsEnabled",
            "true",
            "cluster-autoscaler config/flags/flags.go from 1.35 on",
        ),
        value(
            "KubernetesSpec",
            "crashLoopBackOffSync",
            "atExpiry",
            "kubernetes pkg/kubelet/pod_workers.go from v1.35 on (PR 133066)",
        ),
        value(
            "KubernetesSpec",
            "hpaConfigurableTolerance",
            "true",
            "kubernetes kube_features.go: HPAConfigurableTolerance, beta in 1.35",
        ),
        value(
            "KubernetesSpec",
            "proxyBurstSyncs",
            "1",
            "kubernetes pkg/proxy/runner from v1.35 on (PR 131615): no bursts",
        ),
    ],
};

static AKS: Profile = Profile {
    name: "aks",
    values: &[
        value("KubernetesSpec", "scrapeInterval", "60s", "aks-docs optimize-aks-costs.md"),
        value("AutoRepairSpec", "enabled", "true", "aks-docs node-auto-repair.md"),
        value("KubernetesSpec", "defaultSpread", "aks", "aks-docs zone resiliency, from 1.33 on"),
        value("ClusterAutoscalerSpec", "expander", "random", "aks-docs cluster-autoscaler.md"),
        value(
            "ClusterAutoscalerSpec",
            "scaleDownDelayAfterDelete",
            "10s",
            "aks-docs cluster-autoscaler.md: the scan interval",
        ),
    ],
};

/// The last release of AKS with the old rule of reserved memory.
static AKS_128: Profile = Profile {
    name: "aks-1.28",
    values: &[
        value(
            "NodePoolSpec",
            "memoryReservation",
            "brackets",
            "aks-docs node-resource-reservations.md: before Kubernetes 1.29",
        ),
        value(
            "KubernetesSpec",
            "nodeMonitorGracePeriod",
            "40s",
            "kubernetes nodelifecycle up to v1.31",
        ),
        value(
            "KubernetesSpec",
            "hpaToleranceForm",
            "symmetric",
            "kubernetes replica_calculator.go before v1.33",
        ),
        value("KubernetesSpec", "scrapeInterval", "60s", "aks-docs optimize-aks-costs.md"),
        value("AutoRepairSpec", "enabled", "true", "aks-docs node-auto-repair.md"),
        value("ClusterAutoscalerSpec", "expander", "random", "aks-docs cluster-autoscaler.md"),
        value(
            "ClusterAutoscalerSpec",
            "scaleDownDelayAfterDelete",
            "10s",
            "aks-docs cluster-autoscaler.md: the scan interval",
        ),
    ],
};

impl VersionProfile {
    /// The defaults that differ from those of the sections.
    #[must_use]
    pub fn profile(self) -> &'static Profile {
        match self {
            Self::Aks => &AKS,
            Self::Aks128 => &AKS_128,
            Self::Kubernetes131 => &KUBERNETES_131,
            Self::Kubernetes133 => &KUBERNETES_133,
            Self::Kubernetes135 => &KUBERNETES_135,
        }
    }
}
