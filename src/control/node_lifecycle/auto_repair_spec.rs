//! The `autoRepair` section of a cluster: AKS node auto-repair, and how long its actions take.
//!
//! Follows aks-docs node-auto-repair.md for the switch; the page gives no durations.

use crate::model::duration::DurationSpec;
use crate::sim::laws::Law;
use crate::spec::section;
use crate::units::Span;

use super::auto_repair::RepairAction;

section! {
    /// AKS node auto-repair.
    pub struct AutoRepairSpec {
        /// Whether nodes that stay NotReady are repaired.
        "enabled" enabled: bool = default "false",
            source "Kubernetes itself repairs no node";
        /// Time between two checks of a cluster's nodes.
        "checkPeriod" check_period: Span = default "1m",
            source "assumed: not published; several checks fall into ten minutes",
            range "1s"..="5m";
        /// How long a reboot takes; left out, evenly from 1 to 3 minutes (assumed).
        "rebootTime" reboot_time: Option<DurationSpec> = optional;
        /// How long it takes to write a disk anew; left out, evenly from 3 to 6 minutes (assumed).
        "reimageTime" reimage_time: Option<DurationSpec> = optional;
        /// How long a move to another host takes; left out, evenly from 4 to 8 minutes (assumed).
        "redeployTime" redeploy_time: Option<DurationSpec> = optional;
    }
}

/// Auto-repair of one cluster.
#[derive(Clone, Debug)]
pub struct RepairPlan {
    /// Time between two checks.
    pub check_period: Span,
    /// How long a reboot takes \[s\].
    pub reboot: Law,
    /// How long a reimage takes \[s\].
    pub reimage: Law,
    /// How long a redeployment takes \[s\].
    pub redeploy: Law,
}

impl RepairPlan {
    /// How long an action takes \[s\].
    #[must_use]
    pub const fn duration(&self, action: RepairAction) -> &Law {
        match action {
            RepairAction::Reboot => &self.reboot,
            RepairAction::Reimage => &self.reimage,
            RepairAction::Redeploy => &self.redeploy,
        }
    }
}

impl AutoRepairSpec {
    /// The plan, or `None` if the cluster has no auto-repair; `law` builds a stated law.
    pub fn plan(&self, law: &mut dyn FnMut(&DurationSpec) -> Law) -> Option<RepairPlan> {
        let mut stated = |spec: &Option<DurationSpec>, least_s: f64, most_s: f64| match spec {
            Some(spec) => law(spec),
            None => Law::uniform(least_s, most_s),
        };
        let plan = RepairPlan {
            check_period: *self.check_period,
            reboot: stated(&self.reboot_time, 60.0, 180.0),
            reimage: stated(&self.reimage_time, 180.0, 360.0),
            redeploy: stated(&self.redeploy_time, 240.0, 480.0),
        };
        self.enabled.then_some(plan)
    }
}
