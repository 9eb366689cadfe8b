//! The `hpa` section of a workload: a HorizontalPodAutoscaler.
//!
//! Follows staging/src/k8s.io/api/autoscaling/v2/types.go, and for what is refused
//! pkg/apis/autoscaling/validation/validation.go. Metrics stand in `metric_spec`.

use crate::control::settings::KubernetesSpec;
use crate::spec::{Code, Decoder, Diagnostic, Place, choice, section};
use crate::units::{Quantity, Ratio, Span};

use super::behavior::{Behavior, Change, Policy, RulesDraft, SelectPolicy};
use super::limit::Bounds;
use super::metric_spec::{MetricKind, MetricSpec};
use super::reconcile::Autoscaler;
use super::tolerance::Tolerance;

section! {
    /// Horizontal Pod Autoscaler (autoscaling/v2). Without `metrics` it scales on CPU.
    pub struct HpaSpec {
        /// Fewest replicas. 0 needs an Object or External metric, and the feature gate
        /// HPAScaleToZero.
        "minReplicas" min_replicas: u32 = default "1",
            source "kubernetes pkg/apis/autoscaling/v2/defaults.go",
            range 0..=100000;
        /// Most replicas.
        "maxReplicas" max_replicas: u32 = required, range 1..=100000;
        /// Short for a metric on CPU: wanted usage as a share of the request. Left out, and without
        /// `metrics`, 80 % (kubernetes pkg/apis/autoscaling/v2/defaults.go).
        "targetCPUUtilization" target_cpu: Option<Ratio> = optional, range "1%"..="1000%";
        /// What it scales on; the metric that asks for most replicas wins.
        "metrics" metrics: Vec<MetricSpec> = list 0..=20;
        /// How fast it may scale; left out, the older rules without policies hold.
        "behavior" behavior: Option<BehaviorSpec> = optional;
    }
    check HpaSpec::check_values;
}

section! {
    /// How fast an HPA may scale; what is left out has the defaults of autoscaling/v2.
    pub struct BehaviorSpec {
        /// Rules for adding replicas: left out, 4 pods or 100 % every 15 s, whichever is more.
        "scaleUp" scale_up: Option<ScalingRulesSpec> = optional;
        /// Rules for taking replicas away: left out, 100 % every 15 s after a window of 300 s.
        "scaleDown" scale_down: Option<ScalingRulesSpec> = optional;
    }
}

section! {
    /// Rules of one direction.
    pub struct ScalingRulesSpec {
        /// How long recommendations are looked back on; left out, 0 up and 300 down.
        "stabilizationWindowSeconds" stabilization_window_s: Option<u32> = optional, range 0..=3600;
        /// Which policy decides.
        "selectPolicy" select_policy: SelectPolicySpec = default "Max",
            source "kubernetes pkg/apis/autoscaling/v2/defaults.go";
        /// What may change; left out, the default policies of the direction.
        "policies" policies: Vec<PolicySpec> = list 0..=20;
        /// Width of the band around the target in which nothing changes, e.g. 0.05; left out,
        /// `hpaTolerance`. Needs the feature gate HPAConfigurableTolerance.
        "tolerance" tolerance: Option<Quantity> = optional, range "0"..="1000";
    }
    check ScalingRulesSpec::check_policies;
}

section! {
    /// How much may change within a period.
    pub struct PolicySpec {
        /// What `value` counts.
        "type" kind: PolicyKind = required;
        /// The greatest change.
        "value" value: u32 = required, range 1..=1000000;
        /// The period, in seconds.
        "periodSeconds" period_s: u32 = required, range 1..=1800;
    }
}

choice! {
    /// Which of several policies decides.
    pub enum SelectPolicySpec {
        /// The one that allows the greatest change.
        "Max" => Max,
        /// The one that allows the least change.
        "Min" => Min,
        /// None: no scaling in this direction.
        "Disabled" => Disabled,
    }
}

choice! {
    /// What a policy counts.
    pub enum PolicyKind {
        /// Pods.
        "Pods" => Pods,
        /// Percent of the replicas.
        "Percent" => Percent,
    }
}

/// CPU utilisation that an HPA without metrics aims at \[%\]
/// (kubernetes pkg/apis/autoscaling/v2/defaults.go).
pub const DEFAULT_CPU_PERCENT: i32 = 80;

impl HpaSpec {
    fn check_values(&self, cx: &mut Decoder<'_>) {
        let (min, max) = (*self.min_replicas, *self.max_replicas);
        if max < min {
            let place = self.min_replicas.place.clone();
            let message = format!("`minReplicas` {min} is above `maxReplicas` {max}");
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!("1 to {max}")));
        }
        let from_zero =
            |metric: &MetricSpec| matches!(*metric.kind, MetricKind::Object | MetricKind::External);
        if min == 0 && !self.metrics.iter().any(from_zero) {
            let place = self.min_replicas.place.clone();
            let message = "no metric that has a value without pods";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed("0 with an Object or External metric, else 1 or more"));
        }
        let Some(target) = *self.target_cpu else { return };
        let place = &self.target_cpu.place;
        let percent = target.percent();
        if (percent - percent.round()).abs() > 1e-6 {
            let wrong =
                Diagnostic::error(Code::OutOfRange, place.clone(), format!("read `{target}`"));
            cx.report(wrong.allowed("whole percent: Kubernetes stores an integer"));
        }
        if !self.metrics.is_empty() {
            let message = "`targetCPUUtilization` is short for a metric, but there are `metrics`";
            let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message);
            cx.report(wrong.allowed("either of the two"));
        }
    }

    /// The target of its metric on CPU, if it states no metrics \[%\].
    #[must_use]
    pub fn cpu_percent(&self) -> i32 {
        self.target_cpu.map_or(DEFAULT_CPU_PERCENT, |target| target.percent().round() as i32)
    }

    /// Where it sets a tolerance of its own, which needs a feature gate.
    pub fn own_tolerances(&self) -> impl Iterator<Item = &Place> {
        let behavior = self.behavior.as_ref();
        let rules = behavior.into_iter().flat_map(|b| [&*b.scale_up, &*b.scale_down]).flatten();
        rules.filter(|rules| rules.tolerance.is_some()).map(|rules| &rules.tolerance.place)
    }

    /// Its settings but for the metrics.
    #[must_use]
    pub fn autoscaler(&self, kubernetes: &KubernetesSpec) -> Autoscaler {
        let downscale_stabilization = *kubernetes.hpa_downscale_stabilization;
        let behavior = |behavior: &BehaviorSpec| {
            let draft = |rules: &Option<ScalingRulesSpec>| {
                rules.as_ref().map_or_else(RulesDraft::default, ScalingRulesSpec::draft)
            };
            let (up, down) = (draft(&behavior.scale_up), draft(&behavior.scale_down));
            Behavior::from_drafts(up, down, downscale_stabilization)
        };
        Autoscaler {
            bounds: Bounds { min: signed(*self.min_replicas), max: signed(*self.max_replicas) },
            behavior: self.behavior.as_ref().map(behavior),
            tolerance: self.tolerance(kubernetes.tolerance()),
            cpu_timing: kubernetes.cpu_timing(),
            downscale_stabilization,
        }
    }

    /// The controller's tolerance, with what the HPA sets itself for each direction.
    fn tolerance(&self, of_controller: Tolerance) -> Tolerance {
        let Tolerance::PerDirection { down, up } = of_controller else { return of_controller };
        let own = |rules: &Option<ScalingRulesSpec>| Some((*rules.as_ref()?.tolerance)?.get());
        let behavior = self.behavior.as_ref();
        Tolerance::PerDirection {
            down: behavior.and_then(|behavior| own(&behavior.scale_down)).unwrap_or(down),
            up: behavior.and_then(|behavior| own(&behavior.scale_up)).unwrap_or(up),
        }
    }
}

fn signed(count: u32) -> i32 {
    i32::try_from(count).expect("the sections bound every count far below 2^31")
}

impl ScalingRulesSpec {
    /// A list that is given replaces the default policies, and must not be empty.
    fn check_policies(&self, cx: &mut Decoder<'_>) {
        if self.policies.is_given() && self.policies.is_empty() {
            let place = self.policies.place.clone();
            let wrong = Diagnostic::error(Code::OutOfRange, place, "no policy in the list");
            cx.report(wrong.allowed("at least one, or leave `policies` out for the default ones"));
        }
    }

    fn draft(&self) -> RulesDraft {
        let seconds = |s: u32| Span::from_secs(i64::from(s));
        let policy = |policy: &PolicySpec| Policy {
            change: match *policy.kind {
                PolicyKind::Pods => Change::Pods(signed(*policy.value)),
                PolicyKind::Percent => Change::Percent(signed(*policy.value)),
            },
            period: seconds(*policy.period_s),
        };
        let policies: Vec<Policy> = self.policies.iter().map(policy).collect();
        RulesDraft {
            select: Some(match *self.select_policy {
                SelectPolicySpec::Max => SelectPolicy::Max,
                SelectPolicySpec::Min => SelectPolicy::Min,
                SelectPolicySpec::Disabled => SelectPolicy::Disabled,
            }),
            stabilization_window: self.stabilization_window_s.map(seconds),
            policies: (!policies.is_empty()).then_some(policies),
        }
    }
}
