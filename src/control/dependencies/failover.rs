//! From the loss of a dependency to the copy that serves: what is next, and what it waits for.
//!
//! Follows azure-docs on disaster recovery of SQL Database, Cosmos DB, PostgreSQL and Key Vault.
//! A zone: the service moves the primary to another zone by itself. A region: the service decides
//! after its grace period; or the alert fires, then a script or somebody decides; then the copy is
//! promoted. It waits for its region where there is no copy, or the copy is lost as well.

use crate::model::dependency::state::{FailoverRules, Phase, RegionFailover};
use crate::model::fact::Why;
use crate::sim::laws::Law;

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The zone of the primary.
    Zone,
    /// The region, or the dependency itself there.
    Region,
}

/// What follows next.
#[derive(Clone, Debug, PartialEq)]
pub struct Next<'r> {
    /// What is being done.
    pub phase: Phase,
    /// What it waits for.
    pub wait: Wait<'r>,
    /// The reason.
    pub why: Why,
}

/// What a phase waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wait<'r> {
    /// The alert.
    Alert,
    /// This law \[s\].
    Law(&'r Law),
    /// What was lost.
    Repair,
}

/// What follows the loss at place `serving`; `standby` is another place that is up.
#[must_use]
pub fn after_loss(
    rules: &FailoverRules,
    scope: Scope,
    serving: usize,
    standby: Option<usize>,
) -> Next<'_> {
    if scope == Scope::Zone {
        return match &rules.zone {
            Some(law) => Next {
                phase: Phase::Switching(serving),
                wait: Wait::Law(law),
                why: Why("its zone is lost, a replica in another zone takes over"),
            },
            None => stranded("its zone is lost, and no replica is in another"),
        };
    }
    if standby.is_none() {
        return stranded("its region is lost, and no copy that is up is in another");
    }
    match &rules.region {
        RegionFailover::Never => stranded("its region is lost, and it waits for it"),
        RegionFailover::Automatic { grace } => Next {
            phase: Phase::Undecided,
            wait: Wait::Law(grace),
            why: Why("its region is lost, the grace period before an automatic failover runs"),
        },
        RegionFailover::Scripted { .. } | RegionFailover::Approval { .. } => Next {
            phase: Phase::Unnoticed,
            wait: Wait::Alert,
            why: Why("its region is lost, and the alert has to fire first"),
        },
    }
}

/// What follows the alert.
#[must_use]
pub fn after_alert(rules: &FailoverRules) -> Next<'_> {
    let (law, why) = match &rules.region {
        RegionFailover::Scripted { after } => (after, "a script fails it over"),
        RegionFailover::Approval { decision } => (decision, "somebody has to decide"),
        RegionFailover::Never | RegionFailover::Automatic { .. } => {
            unreachable!("nobody waits for the alert of a failover without one")
        }
    };
    Next { phase: Phase::Undecided, wait: Wait::Law(law), why: Why(why) }
}

/// What follows the decision.
#[must_use]
pub fn after_decision(rules: &FailoverRules, standby: Option<usize>) -> Next<'_> {
    let Some(to) = standby else {
        return stranded("its copy is lost as well");
    };
    let why = match &rules.region {
        RegionFailover::Automatic { .. } => "automatic, its grace period is over",
        RegionFailover::Scripted { .. } => "a script, after the alert",
        RegionFailover::Approval { .. } => "somebody, after the alert",
        RegionFailover::Never => unreachable!("nobody decides"),
    };
    Next { phase: Phase::Switching(to), wait: Wait::Law(&rules.switch), why: Why(why) }
}

const fn stranded(why: &'static str) -> Next<'static> {
    Next { phase: Phase::Waiting, wait: Wait::Repair, why: Why(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(region: RegionFailover, zone: Option<Law>) -> FailoverRules {
        FailoverRules { zone, region, switch: Law::constant(30.0), failback: None }
    }

    /// What follows a loss, by what was lost, what the rules allow and whether a copy is up.
    #[test]
    fn a_loss_is_answered_by_the_rules() {
        let law = Law::constant(60.0);
        let never = rules(RegionFailover::Never, Some(law.clone()));
        let automatic = rules(RegionFailover::Automatic { grace: law.clone() }, None);
        let scripted = rules(RegionFailover::Scripted { after: law.clone() }, None);
        let approval = rules(RegionFailover::Approval { decision: law.clone() }, None);
        let (zone, region) = (Scope::Zone, Scope::Region);
        let (runs, repair) = (Wait::Law(&law), Wait::Repair);
        let table = [
            ("zone replica takes over", &never, zone, None, Phase::Switching(0), runs),
            ("no zone replica", &automatic, zone, Some(1), Phase::Waiting, repair),
            ("no failover of regions", &never, region, Some(1), Phase::Waiting, repair),
            ("grace period first", &automatic, region, Some(1), Phase::Undecided, runs),
            ("no copy is up", &automatic, region, None, Phase::Waiting, repair),
            ("script needs the alert", &scripted, region, Some(1), Phase::Unnoticed, Wait::Alert),
            ("people need the alert", &approval, region, Some(1), Phase::Unnoticed, Wait::Alert),
        ];
        for (rule, rules, scope, standby, phase, wait) in table {
            let next = after_loss(rules, scope, 0, standby);
            assert_eq!((next.phase, next.wait), (phase, wait), "{rule}");
        }
    }

    /// After the alert the decision takes its time; after the decision the copy is promoted,
    /// unless it has been lost meanwhile.
    #[test]
    fn decisions_follow_alerts() {
        let law = Law::constant(600.0);
        let approval = rules(RegionFailover::Approval { decision: law.clone() }, None);
        let next = after_alert(&approval);
        assert_eq!((next.phase, next.wait), (Phase::Undecided, Wait::Law(&law)));
        let next = after_decision(&approval, Some(1));
        assert_eq!(next.phase, Phase::Switching(1));
        assert_eq!(next.wait, Wait::Law(&Law::constant(30.0)));
        let next = after_decision(&approval, None);
        assert_eq!((next.phase, next.wait), (Phase::Waiting, Wait::Repair));
    }
}
