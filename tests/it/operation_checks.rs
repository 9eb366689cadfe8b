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
