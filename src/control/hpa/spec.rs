//! The `hpa` section of a workload: a HorizontalPodAutoscaler on CPU.
//!
//! Follows staging/src/k8s.io/api/autoscaling/v2/types.go; metrics but CPU are left out.

use crate::control::settings::KubernetesSpec;
use crate::spec::{Code, Decoder, Diagnostic, choice, section};
use crate::units::{Ratio, Span};

use super::behavior::{Behavior, Change, Policy, RulesDraft, SelectPolicy};
use super::limit::Bounds;
use super::reconcile::Autoscaler;
use super::sync::HpaPlan;

section! {
    /// Horizontal Pod Autoscaler (autoscaling/v2) on CPU.
    pub struct HpaSpec {
        /// Fewest replicas.
        "minReplicas" min_replicas: u32 = default "1",
            source "kubernetes pkg/apis/autoscaling/v2/defaults.go",
            range 1..=100000;
        /// Most replicas.
        "maxReplicas" max_replicas: u32 = required, range 1..=100000;
        /// Wanted CPU usage as a share of the request.
        "targetCPUUtilization" target_cpu: Ratio = default "80%",
            source "kubernetes pkg/apis/autoscaling/v2/defaults.go",
            range "1%"..="1000%";
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
    }
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

impl HpaSpec {
    fn check_values(&self, cx: &mut Decoder<'_>) {
        let (min, max) = (*self.min_replicas, *self.max_replicas);
        if max < min {
            let place = self.min_replicas.place.clone();
            let message = format!("`minReplicas` {min} is above `maxReplicas` {max}");
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.allowed(format!("1 to {max}")));
        }
        let percent = self.target_cpu.percent();
        if (percent - percent.round()).abs() > 1e-6 {
            let place = self.target_cpu.place.clone();
            let message = format!("read `{}`", *self.target_cpu);
            let wrong = Diagnostic::error(Code::OutOfRange, place, message);
            cx.report(wrong.allowed("whole percent: Kubernetes stores an integer"));
        }
    }

    /// The HPA as its controller runs it.
    #[must_use]
    pub fn plan(&self, kubernetes: &KubernetesSpec) -> HpaPlan {
        let downscale_stabilization = *kubernetes.hpa_downscale_stabilization;
        let behavior = |behavior: &BehaviorSpec| {
            let draft = |rules: &Option<ScalingRulesSpec>| {
                rules.as_ref().map_or_else(RulesDraft::default, ScalingRulesSpec::draft)
            };
            let (up, down) = (draft(&behavior.scale_up), draft(&behavior.scale_down));
            Behavior::from_drafts(up, down, downscale_stabilization)
        };
        HpaPlan {
            target_cpu: *self.target_cpu,
            autoscaler: Autoscaler {
                bounds: Bounds { min: signed(*self.min_replicas), max: signed(*self.max_replicas) },
                behavior: self.behavior.as_ref().map(behavior),
                tolerance: kubernetes.tolerance(),
                cpu_timing: kubernetes.cpu_timing(),
                downscale_stabilization,
            },
        }
    }
}

fn signed(count: u32) -> i32 {
    i32::try_from(count).expect("the sections bound every count far below 2^31")
}

impl ScalingRulesSpec {
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
