//! The `podDisruptionBudget` section of a workload: how many of its pods evictions leave.
//!
//! Follows staging/src/k8s.io/api/policy/v1/types.go and its validation; the selector is the
//! workload's own, so that a pod has at most one budget.

use crate::spec::{Code, Decoder, Diagnostic, Set, choice, section};
use crate::units::IntOrPercent;

section! {
    /// A PodDisruptionBudget over the pods of the workload: give exactly one of both. It binds
    /// evictions (drains, the cluster autoscaler), not rollouts, failures or tainted nodes.
    pub struct PodDisruptionBudgetSpec {
        /// Evictions leave at least this many pods healthy; a percentage is rounded up.
        "minAvailable" min_available: Option<IntOrPercent> = optional;
        /// Evictions leave at most this many pods missing; a percentage is rounded up.
        "maxUnavailable" max_unavailable: Option<IntOrPercent> = optional;
        /// Which running pods that are not ready may be evicted.
        "unhealthyPodEvictionPolicy" unhealthy: UnhealthyPodEvictionSpec =
            default "IfHealthyBudget",
            source "kubernetes pkg/registry/core/pod/storage/eviction.go";
    }
    check PodDisruptionBudgetSpec::check_limit;
}

choice! {
    /// Which running pods that are not ready may be evicted.
    pub enum UnhealthyPodEvictionSpec {
        /// Only while as many pods are healthy as the budget wants, or evictions are allowed.
        "IfHealthyBudget" => IfHealthyBudget,
        /// All of them.
        "AlwaysAllow" => AlwaysAllow,
    }
}

/// The budget of a deployment's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// How many pods stay, or may be missing.
    pub limit: Limit,
    /// `unhealthyPodEvictionPolicy`: whether running pods that are not ready always may go.
    pub unhealthy_may_go: bool,
}

/// What a budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// This many stay healthy.
    MinAvailable(IntOrPercent),
    /// This many may be missing.
    MaxUnavailable(IntOrPercent),
}

impl PodDisruptionBudgetSpec {
    fn check_limit(&self, cx: &mut Decoder<'_>) {
        let place = &self.min_available.place;
        let mut report = |message: &str, allowed: &str| {
            let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message.to_owned());
            cx.report(wrong.allowed(allowed.to_owned()));
        };
        match (*self.min_available, *self.max_unavailable) {
            (Some(_), Some(_)) => report(
                "the budget has both `minAvailable` and `maxUnavailable`",
                "exactly one of them",
            ),
            (None, None) => report("the budget limits nothing", "minAvailable or maxUnavailable"),
            _ => {}
        }
        for limit in [&self.min_available, &self.max_unavailable] {
            check_share(limit, cx);
        }
    }

    /// The budget.
    ///
    /// # Panics
    /// If it has no limit, which decoding reports.
    #[must_use]
    pub fn budget(&self) -> DisruptionBudget {
        let limit = match (*self.min_available, *self.max_unavailable) {
            (Some(least), _) => Limit::MinAvailable(least),
            (None, Some(most)) => Limit::MaxUnavailable(most),
            (None, None) => unreachable!("checked when the budget was decoded"),
        };
        let unhealthy_may_go = *self.unhealthy == UnhealthyPodEvictionSpec::AlwaysAllow;
        DisruptionBudget { limit, unhealthy_may_go }
    }
}

/// Kubernetes refuses a share above 100 %.
fn check_share(limit: &Set<Option<IntOrPercent>>, cx: &mut Decoder<'_>) {
    if let Some(limit_value) = limit.value.filter(|value| value.is_more_than_all()) {
        let message = format!("read `{limit_value}`");
        let wrong = Diagnostic::error(Code::OutOfRange, limit.place.clone(), message);
        cx.report(wrong.allowed("0% to 100%, or a number of pods"));
    }
}
