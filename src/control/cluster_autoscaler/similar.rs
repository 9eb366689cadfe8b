//! Whether two node groups are alike, so that a scale-up may be spread over both.
//!
//! Follows processors/nodegroupset/compare_nodegroups.go and azure_nodegroups.go.

use super::resources::Resources;

/// How far two groups' nodes may differ, as a share of the larger value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DifferenceRatios {
    /// Memory capacity.
    pub capacity_memory: f64,
    /// Each allocatable resource.
    pub allocatable: f64,
    /// Each resource that DaemonSets leave free.
    pub free: f64,
}

impl DifferenceRatios {
    /// Upstream's defaults (config/autoscaling_options.go).
    pub const DEFAULT: Self = Self { capacity_memory: 0.015, allocatable: 0.05, free: 0.05 };
}

/// What a node of the group looks like.
#[derive(Clone, Copy, Debug)]
pub struct NodeShape<'a> {
    /// What the machine has.
    pub capacity: Resources,
    /// What pods may request.
    pub allocatable: Resources,
    /// What DaemonSets request; `pods` is not compared.
    pub requested: Resources,
    /// GPUs of the machine; 0 = none.
    pub gpus: u32,
    /// GPUs that pods may request; 0 = none.
    pub allocatable_gpus: u32,
    /// Labels as name and value, without repetition.
    pub labels: &'a [(&'a str, &'a str)],
}

/// Whose rules of similarity apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Upstream's basic rules.
    Generic,
    /// Azure's: one pool is always similar to itself, and more labels are ignored.
    Azure,
}

/// Labels that never matter (`BasicIgnoredLabels`).
const BASIC_IGNORED: [&str; 7] = [
    "kubernetes.io/hostname",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "beta.kubernetes.io/fluentd-ds-ready",
    "kops.k8s.io/instancegroup",
];

/// The labels that name an AKS pool.
const AZURE_POOL: [&str; 2] = ["kubernetes.azure.com/agentpool", "agentpool"];

/// Labels that do not matter on Azure (azure_nodegroups.go).
const AZURE_IGNORED: [&str; 7] = [
    "topology.disk.csi.azure.com/zone",
    "aksEngineVersion",
    "creationSource",
    "poolName",
    "resourceNameSuffix",
    "kubernetes.azure.com/node-image-version",
    "kubernetes.azure.com/consolidated-additional-properties",
];

/// The rules by which groups are compared.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Whose rules.
    pub provider: Provider,
    /// How far nodes may differ.
    pub ratios: DifferenceRatios,
    /// `--balancing-ignore-label`.
    pub extra_ignored_labels: &'a [&'a str],
}

/// Whether the groups of two nodes are similar.
#[must_use]
pub fn are_similar(a: &NodeShape<'_>, b: &NodeShape<'_>, rules: &Rules<'_>) -> bool {
    if rules.provider == Provider::Azure && of_one_azure_pool(a, b) {
        return true;
    }
    have_similar_capacity(a, b, rules.ratios.capacity_memory)
        && are_within(a.allocatable, b.allocatable, rules.ratios.allocatable)
        && have_similar_gpus(a, b, rules.ratios.allocatable)
        && are_within(free(a), free(b), rules.ratios.free)
        && have_equal_labels(a, b, rules)
}

/// Memory may differ a little, everything else must be the same.
fn have_similar_capacity(a: &NodeShape<'_>, b: &NodeShape<'_>, memory_ratio: f64) -> bool {
    let bytes = (milli(a.capacity.memory.get()), milli(b.capacity.memory.get()));
    a.capacity.cpu == b.capacity.cpu
        && a.capacity.pods == b.capacity.pods
        && a.gpus == b.gpus
        && is_within(bytes, memory_ratio)
}

/// A resource that only one of the nodes offers is never similar.
fn have_similar_gpus(a: &NodeShape<'_>, b: &NodeShape<'_>, ratio: f64) -> bool {
    let gpus = (a.allocatable_gpus, b.allocatable_gpus);
    (gpus.0 == 0) == (gpus.1 == 0) && is_within((milli(gpus.0.into()), milli(gpus.1.into())), ratio)
}

fn are_within(a: Resources, b: Resources, ratio: f64) -> bool {
    is_within((a.cpu.milli(), b.cpu.milli()), ratio)
        && is_within((milli(a.memory.get()), milli(b.memory.get())), ratio)
        && is_within((milli(a.pods.into()), milli(b.pods.into())), ratio)
}

/// A whole number in thousandths.
fn milli(whole: i64) -> i64 {
    whole.saturating_mul(1_000)
}

/// Whether two values differ by at most `ratio` of the larger one.
///
/// They are thousandths, as upstream's are, which decides how an edge is rounded.
fn is_within((a, b): (i64, i64), ratio: f64) -> bool {
    let (larger, smaller) = (a.max(b) as f64, a.min(b) as f64);
    larger - smaller <= larger * ratio
}

/// What DaemonSets leave of the allocatable resources.
fn free(node: &NodeShape<'_>) -> Resources {
    Resources {
        cpu: node.allocatable.cpu - node.requested.cpu,
        memory: node.allocatable.memory - node.requested.memory,
        pods: node.allocatable.pods,
    }
}

/// Whether both nodes carry the same, not empty, pool label.
fn of_one_azure_pool(a: &NodeShape<'_>, b: &NodeShape<'_>) -> bool {
    AZURE_POOL.iter().any(|name| {
        let pool = label(a, name).unwrap_or_default();
        !pool.is_empty() && label(b, name) == Some(pool)
    })
}

fn have_equal_labels(a: &NodeShape<'_>, b: &NodeShape<'_>, rules: &Rules<'_>) -> bool {
    let on_azure = rules.provider == Provider::Azure;
    let is_ignored = |name: &str| {
        BASIC_IGNORED.contains(&name)
            || rules.extra_ignored_labels.contains(&name)
            || (on_azure && (AZURE_POOL.contains(&name) || AZURE_IGNORED.contains(&name)))
    };
    let agrees = |from: &NodeShape<'_>, with: &NodeShape<'_>| {
        let mut labels = from.labels.iter().filter(|(name, _)| !is_ignored(name));
        labels.all(|(name, value)| label(with, name) == Some(*value))
    };
    agrees(a, b) && agrees(b, a)
}

fn label<'a>(node: &NodeShape<'a>, name: &str) -> Option<&'a str> {
    node.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value)
}
