//! What a scenario may say about rollouts, drains and what they must leave: one row for each
//! mistake with its code and path.

use std::path::Path;

use tideover::model::disruption_budget::{DisruptionBudget, Limit};
use tideover::scenario::{Rejected, Scenario, from_text};
use tideover::spec::{Code, Severity};
use tideover::units::IntOrPercent::{Int, Percent};

use crate::runs::SMALL;

/// Where the small scenario's workload ends.
const HPA: &str = "    hpa: {minReplicas: 4, maxReplicas: 20, targetCPUUtilization: 60%}\n";

/// The small scenario whose workload has further lines.
fn workload(lines: &str) -> Result<Scenario, Box<Rejected>> {
    assert_eq!(SMALL.matches(HPA).count(), 1, "the anchor is unique");
    let text = SMALL.replacen(HPA, &format!("{HPA}    {lines}\n"), 1);
    from_text("test.yaml", &text, Path::new("."), &[])
}

/// Asserts that there is an error of this code at this path.
fn assert_refused(case: &str, result: Result<Scenario, Box<Rejected>>, code: Code, path: &str) {
    let rejected = match result {
        Ok(_) => panic!("{case}: was accepted"),
        Err(rejected) => rejected,
    };
    let found = rejected.diagnostics.sorted();
    let is_meant = found
        .iter()
        .any(|d| d.severity == Severity::Error && d.code == code && &*d.place.path == path);
    assert!(is_meant, "{case}: expected {code} at `{path}`, found\n{rejected}");
}

/// A budget limits one thing, by a number or a share, and holds for each deployment.
#[test]
fn budgets_are_read_as_kubernetes_reads_them() {
    for (lines, limit) in [
        ("podDisruptionBudget: {minAvailable: 2}", Limit::MinAvailable(Int(2))),
        ("podDisruptionBudget: {minAvailable: 50%}", Limit::MinAvailable(Percent(50))),
        ("podDisruptionBudget: {maxUnavailable: 0}", Limit::MaxUnavailable(Int(0))),
        ("podDisruptionBudget: {maxUnavailable: \"100%\"}", Limit::MaxUnavailable(Percent(100))),
    ] {
        let scenario = workload(lines).unwrap_or_else(|rejected| panic!("{lines}: {rejected}"));
        let budget = DisruptionBudget { limit, unhealthy_may_go: false };
        let found: Vec<_> =
            scenario.world().deployments.iter().map(|d| d.disruption_budget).collect();
        assert_eq!(found, [Some(budget); 2], "{lines}");
    }
    let budget = "workloads[0].podDisruptionBudget";
    let (least, most) = (format!("{budget}.minAvailable"), format!("{budget}.maxUnavailable"));
    let policy = format!("{budget}.unhealthyPodEvictionPolicy");
    for (case, keys, code, path) in [
        ("both limits", "{minAvailable: 1, maxUnavailable: 1}", Code::Contradiction, &least),
        ("no limit", "{unhealthyPodEvictionPolicy: AlwaysAllow}", Code::Contradiction, &least),
        ("more than all", "{maxUnavailable: 101%}", Code::OutOfRange, &most),
        ("a broken share", "{minAvailable: 2.5%}", Code::BadUnit, &least),
        ("negative", "{minAvailable: -1}", Code::BadUnit, &least),
        (
            "an unknown policy",
            "{minAvailable: 1, unhealthyPodEvictionPolicy: Never}",
            Code::UnknownChoice,
            &policy,
        ),
    ] {
        assert_refused(case, workload(&format!("podDisruptionBudget: {keys}")), code, path);
    }
}

/// A strategy must let something move; `Recreate` has no rolling update to limit.
#[test]
fn strategies_must_let_something_move() {
    for lines in [
        "strategy: {}",
        "strategy: {maxSurge: 0, maxUnavailable: 1}",
        "strategy: {maxSurge: 200%, maxUnavailable: 0%}",
        "strategy: {type: Recreate}",
        "minReadySeconds: 30",
    ] {
        workload(lines).unwrap_or_else(|rejected| panic!("{lines}: {rejected}"));
    }
    let unavailable = "workloads[0].strategy.maxUnavailable";
    let surge = "workloads[0].strategy.maxSurge";
    for (case, keys, code, path) in [
        ("nothing moves", "{maxSurge: 0, maxUnavailable: 0}", Code::Contradiction, unavailable),
        (
            "nothing moves, in percent",
            "{maxSurge: 0%, maxUnavailable: 0}",
            Code::Contradiction,
            unavailable,
        ),
        ("more than all", "{maxUnavailable: 101%}", Code::OutOfRange, unavailable),
        ("a bound of no use", "{type: Recreate, maxSurge: 1}", Code::Contradiction, surge),
    ] {
        assert_refused(case, workload(&format!("strategy: {keys}")), code, path);
    }
}

/// An operation is one thing, at an instant of the run, on things that exist.
#[test]
fn operations_are_checked() {
    let operation = |keys: &str| {
        let text = format!("{SMALL}operations:\n  - {{name: one, {keys}}}\n");
        from_text("test.yaml", &text, Path::new("."), &[])
    };
    for keys in [
        "at: 0s, rollout: {workload: web}",
        "at: 14m, rollout: {workload: web, cluster: secondary, startUp: {constant: 30s}}",
        "at: 2m, drain: {cluster: primary}",
        "at: 2m, frontDoorChange: {origins: [{cluster: primary, enabled: false}]}",
        "at: 2m, frontDoorChange: {propagation: 45m, origins: [{cluster: primary, weight: 1}]}",
        "at: 2m, drain: {cluster: primary, pool: user, zone: 3, nodes: 2, timeout: 5m}",
    ] {
        operation(keys).unwrap_or_else(|rejected| panic!("{keys}: {rejected}"));
    }
    let (is, the) = ("operations[0].rollout.", "operations[0].drain.");
    for (keys, code, path) in [
        ("at: 2m", Code::Contradiction, "operations[0].name"),
        (
            "at: 2m, rollout: {workload: web}, drain: {cluster: primary}",
            Code::Contradiction,
            "operations[0].name",
        ),
        ("rollout: {workload: web}", Code::Contradiction, "operations[0].name"),
        (
            "at: 2m, after: {fault: x, decision: {constant: 1m}}, rollout: {workload: web}",
            Code::Contradiction,
            "operations[0].name",
        ),
        (
            "after: {fault: lose-east, decision: {constant: 1m}}, rollout: {workload: web}",
            Code::UnknownReference,
            "operations[0].after.fault",
        ),
        (
            "after: {operation: two, wait: {constant: 1m}}, rollout: {workload: web}",
            Code::UnknownReference,
            "operations[0].after.operation",
        ),
        (
            "after: {operation: one, decision: {constant: 1m}}, rollout: {workload: web}",
            Code::Contradiction,
            "operations[0].after.operation",
        ),
        ("at: -1s, rollout: {workload: web}", Code::OutOfRange, "operations[0].at"),
        ("at: 15m, rollout: {workload: web}", Code::Contradiction, "operations[0].at"),
        ("at: 2m, rollout: {workload: wbe}", Code::UnknownReference, &format!("{is}workload")),
        (
            "at: 2m, rollout: {workload: web, cluster: third}",
            Code::UnknownReference,
            &format!("{is}cluster"),
        ),
        (
            "at: 2m, frontDoorChange: {origins: [{cluster: third, priority: 1}]}",
            Code::UnknownReference,
            "operations[0].frontDoorChange.origins[0].cluster",
        ),
        (
            "at: 2m, frontDoorChange: {origins: [{cluster: primary}]}",
            Code::Contradiction,
            "operations[0].frontDoorChange.origins[0].cluster",
        ),
        (
            "at: 2m, frontDoorChange: {propagation: 2m, origins: [{cluster: primary, weight: 1}]}",
            Code::OutOfRange,
            "operations[0].frontDoorChange.propagation",
        ),
        (
            "at: 2m, trafficManagerChange: {endpoints: [{endpoint: door, enabled: false}]}",
            Code::UnknownReference,
            "operations[0].trafficManagerChange.endpoints[0].endpoint",
        ),
        ("at: 2m, drain: {cluster: third}", Code::UnknownReference, &format!("{the}cluster")),
        (
            "at: 2m, drain: {cluster: primary, pool: system}",
            Code::UnknownReference,
            &format!("{the}pool"),
        ),
        (
            "at: 2m, drain: {cluster: primary, zone: 4}",
            Code::UnknownReference,
            &format!("{the}zone"),
        ),
        ("at: 2m, drain: {cluster: primary, nodes: 0}", Code::OutOfRange, &format!("{the}nodes")),
    ] {
        assert_refused(keys, operation(keys), code, path);
    }
}
