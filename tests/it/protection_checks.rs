//! What a scenario may say about protection from overload: one row for each mistake, and what
//! becomes of what is right.

use std::fs;

use tideover::scenario::{Rejected, Scenario, from_text};
use tideover::simulation::Fidelity;
use tideover::spec::Code;
use tideover::traffic::calls::Criticality;
use tideover::units::Span;

use crate::source_tree::root;

/// The shipped warm scenario with these lines added to its workload and its demand.
fn with(workload: &str, demand: &str) -> Result<Scenario, Box<Rejected>> {
    let folder = root().join("scenarios");
    let mut text = fs::read_to_string(folder.join("region-loss-warm.yaml")).expect("a scenario");
    for (anchor, line) in [("  - name: web\n", workload), ("  - workload: web\n", demand)] {
        assert_eq!(text.matches(anchor).count(), 1, "the anchor `{anchor}` is not unique");
        if !line.is_empty() {
            text = text.replacen(anchor, &format!("{anchor}    {line}\n"), 1);
        }
    }
    from_text("edited.yaml", &text, &folder, &[])
}

/// Each mistake is refused at its place.
#[test]
fn wrong_protection_is_refused() {
    use Code::*;
    let table = [
        (
            "a higher class goes first",
            "shed: {sheddable: 80%}",
            "",
            Contradiction,
            "workloads[0].shed.sheddablePlus",
        ),
        ("more than all", "shed: {critical: 101%}", "", OutOfRange, "workloads[0].shed.critical"),
        (
            "the most is below the least",
            "concurrencyLimit: {minConcurrency: 5, maxConcurrencyLimit: 4}",
            "",
            Contradiction,
            "workloads[0].concurrencyLimit.maxConcurrencyLimit",
        ),
        (
            "no request at a time",
            "concurrencyLimit: {minConcurrency: 0}",
            "",
            OutOfRange,
            "workloads[0].concurrencyLimit.minConcurrency",
        ),
        ("no such class", "", "criticality: URGENT", UnknownChoice, "demands[0].criticality"),
    ];
    for (name, workload, demand, code, path) in table {
        let rejected = with(workload, demand).expect_err(name);
        let found = rejected.diagnostics.sorted();
        let found: Vec<_> = found.iter().map(|d| (d.code, &*d.place.path)).collect();
        assert_eq!(found, [(code, path)], "{name}: {rejected}");
    }
}

/// Limits, thresholds and classes become what was written, with the sources' defaults; a scenario
/// without them has no protection, and users whose loss is seen.
#[test]
fn protection_is_read_as_written() {
    let plain = with("", "").expect("the shipped scenario");
    assert!(!plain.protection().is_any());
    assert!(plain.protection().demands.iter().all(|class| *class == Criticality::Critical));
    let scenario = with(
        "concurrencyLimit: {minRttInterval: 30s}\n    shed: {sheddable: 40%, sheddablePlus: 50%}",
        "criticality: SHEDDABLE_PLUS",
    )
    .expect("it is valid");
    let protection = scenario.protection();
    assert!(protection.demands.iter().all(|class| *class == Criticality::SheddablePlus));
    for deployment in &protection.deployments {
        let limit = deployment.limit.expect("a limit");
        assert_eq!(limit.min_rtt_interval, Span::from_secs(30));
        assert_eq!((limit.min_concurrency, limit.max_limit), (3, 1_000));
        let thresholds = deployment.shed.expect("thresholds").thresholds;
        assert_eq!(thresholds.map(|share| share.get()), [0.4, 0.5, 0.9, 1.0]);
    }
    let names: Vec<_> = protection.deployments.iter().map(|pods| &*pods.name).collect();
    assert_eq!(names, ["web-primary", "web-secondary"]);
}

/// Counts of requests do not know what protects pods: that is said with what to type.
#[test]
fn counts_refuse_protection() {
    for protection in ["concurrencyLimit: {}", "shed: {}"] {
        let scenario = with(protection, "").expect("it is valid");
        assert_eq!(Fidelity::Requests.check(&scenario), Ok(()));
        let refused = Fidelity::Flow.check(&scenario).expect_err(protection);
        assert!(
            refused.contains("workload web") && refused.contains("--fidelity requests"),
            "{refused}"
        );
    }
}
