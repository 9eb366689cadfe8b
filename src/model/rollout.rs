//! What a Deployment does when its pod template changes: strategy, ReplicaSets, revisions.
//!
//! Follows staging/src/k8s.io/api/apps/v1/types.go (DeploymentStrategy and the ReplicaSet's size
//! with its `deployment.kubernetes.io` annotations); validation and defaults are those of
//! pkg/apis/apps. Revision history and pausing are left out.

use crate::sim::laws::Law;
use crate::spec::{Code, Decoder, Diagnostic, choice, section};
use crate::units::{IntOrPercent, Span, Time};

section! {
    /// How a Deployment replaces its pods when their template changes.
    pub struct StrategySpec {
        /// Old pods go as new ones come, or before them.
        "type" kind: StrategyTypeSpec = default "RollingUpdate",
            source "kubernetes pkg/apis/apps/v1/defaults.go";
        /// Pods above the wanted number; a percentage is rounded up.
        "maxSurge" max_surge: IntOrPercent = default "25%",
            source "kubernetes pkg/apis/apps/v1/defaults.go";
        /// Pods that may be unavailable; a percentage is rounded down.
        "maxUnavailable" max_unavailable: IntOrPercent = default "25%",
            source "kubernetes pkg/apis/apps/v1/defaults.go";
    }
    check StrategySpec::check_together;
}

choice! {
    /// How a Deployment replaces its pods.
    pub enum StrategyTypeSpec {
        /// Old pods go as new ones turn available.
        "RollingUpdate" => RollingUpdate,
        /// All old pods go before the first new one comes.
        "Recreate" => Recreate,
    }
}

impl StrategySpec {
    fn check_together(&self, cx: &mut Decoder<'_>) {
        let most = &self.max_unavailable;
        if most.is_more_than_all() {
            let message = format!("read `{}`", most.value);
            let wrong = Diagnostic::error(Code::OutOfRange, most.place.clone(), message);
            cx.report(wrong.allowed("0% to 100%, or a number of pods"));
        }
        if *self.kind == StrategyTypeSpec::Recreate {
            let given = [&self.max_surge, &self.max_unavailable];
            for bound in given.into_iter().filter(|bound| bound.is_given()) {
                let message = "a Recreate strategy has no rolling update to limit";
                let place = bound.place.clone();
                let wrong = Diagnostic::error(Code::Contradiction, place, message.to_owned());
                cx.report(wrong.help("leave it out, or use `type: RollingUpdate`"));
            }
        } else if most.is_zero() && self.max_surge.is_zero() {
            let message = "nothing could move: `maxSurge` is 0, too";
            let place = most.place.clone();
            let wrong = Diagnostic::error(Code::Contradiction, place, message.to_owned());
            cx.report(wrong.allowed("at most one of both 0"));
        }
    }

    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        match *self.kind {
            StrategyTypeSpec::Recreate => Strategy::Recreate,
            StrategyTypeSpec::RollingUpdate => Strategy::RollingUpdate {
                max_surge: *self.max_surge,
                max_unavailable: *self.max_unavailable,
            },
        }
    }
}

/// How a Deployment replaces its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// All old pods go before the first new one comes.
    Recreate,
    /// Old pods go as new ones turn available.
    RollingUpdate {
        /// Pods above the wanted number; a share rounds up.
        max_surge: IntOrPercent,
        /// Pods that may be unavailable; a share rounds down.
        max_unavailable: IntOrPercent,
    },
}

/// What the deployment controller goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutRules {
    /// `spec.strategy`.
    pub strategy: Strategy,
    /// `minReadySeconds`: how long a pod must have been Ready to count as available.
    pub min_ready: Span,
    /// `progressDeadlineSeconds`: how long a rollout may stand still before it is called stuck.
    pub progress_deadline: Span,
}

/// The pods of one revision of a Deployment's template.
///
/// A Deployment has one ReplicaSet, whose size is the Deployment's, except during a rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaSet {
    /// Number of the template's revision, from 0.
    pub revision: u32,
    /// `spec.replicas`; while it is the only one, the Deployment's holds instead.
    pub replicas: u32,
    /// The Deployment's replicas when this was last resized (annotation `desired-replicas`).
    pub desired: u32,
    /// These and the surge of that time (annotation `max-replicas`).
    pub most: u32,
    /// Whether the controller has made it: a new one exists from the first look on.
    pub created: bool,
    /// What its pods have different from the Deployment's template.
    pub change: TemplateChange,
}

/// What a rollout changes in the pods.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TemplateChange {
    /// Revision that the image dates from: nodes pull it anew when it changes.
    pub image: u32,
    /// Whether the process never answers.
    pub broken: bool,
    /// Time from the start of the container until the process can answer \[s\], if changed.
    pub start_up: Option<Law>,
}

/// How far a rollout has come, as the Deployment's status and Progressing condition say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutStatus {
    /// Pods by what they are, when the controller last looked.
    pub counts: RolloutCounts,
    /// When something last moved (`lastUpdateTime` of the condition).
    pub moved_at: Time,
    /// Whether the deadline has passed since (`ProgressDeadlineExceeded`).
    pub stuck: bool,
}

/// Pods of a Deployment by what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RolloutCounts {
    /// All of them, without those that are being deleted.
    pub replicas: u32,
    /// Those of the newest revision.
    pub updated: u32,
    /// Ready ones.
    pub ready: u32,
    /// Those that have been Ready for long enough.
    pub available: u32,
}
