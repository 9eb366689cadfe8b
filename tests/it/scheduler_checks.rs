//! What a scenario may say about where pods go: one row for each mistake with its code and path.

use std::path::Path;

use tideover::model::placement::TopologyKey::{Hostname, Zone};
use tideover::model::placement::WhenUnsatisfiable::{DoNotSchedule, ScheduleAnyway};
use tideover::scenario::{Rejected, Scenario, from_text};
use tideover::spec::{Code, Severity};

use crate::runs::SMALL;

/// Where the small scenario's workload ends.
const HPA: &str = "    hpa: {minReplicas: 4, maxReplicas: 20, targetCPUUtilization: 60%}\n";
/// The pool of its first cluster.
const POOL: &str = "region: east\n    pools: [{name: user, ";

fn edited(anchor: &str, replacement: &str) -> Result<Scenario, Box<Rejected>> {
    assert_eq!(SMALL.matches(anchor).count(), 1, "the anchor is unique");
    let text = SMALL.replacen(anchor, replacement, 1);
    from_text("test.yaml", &text, Path::new("."), &[])
}

/// The small scenario whose workload has a further line.
fn workload(line: &str) -> Result<Scenario, Box<Rejected>> {
    edited(HPA, &format!("{HPA}    {line}\n"))
}

/// The small scenario whose first pool has further keys.
fn pool(keys: &str) -> Result<Scenario, Box<Rejected>> {
    edited(POOL, &format!("{POOL}{keys}, "))
}

/// Asserts that there is an error of this code at this path, which says what is allowed.
fn assert_refused(case: &str, result: Result<Scenario, Box<Rejected>>, code: Code, path: &str) {
    let rejected = match result {
        Ok(_) => panic!("{case}: was accepted"),
        Err(rejected) => rejected,
    };
    let found = rejected.diagnostics.sorted();
    let is_meant = found.iter().any(|d| {
        let says_more = d.allowed.is_some() || d.help.is_some();
        d.severity == Severity::Error && d.code == code && &*d.place.path == path && says_more
    });
    assert!(is_meant, "{case}: expected {code} at `{path}`, found\n{rejected}");
}

/// One workload line for each mistake.
fn check_workload(table: &[(&str, &str, Code, &str)]) {
    for (case, line, code, path) in table {
        assert_refused(case, workload(line), *code, &format!("workloads[0].{path}"));
    }
}

/// What is meant reaches the deployments.
#[test]
fn placement_is_read_as_kubernetes_reads_it() {
    let lines = "tolerations: [{key: spot, operator: Exists, effect: NoSchedule}]
    nodeSelector: {kubernetes.azure.com/agentpool: user}
    topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: DoNotSchedule
      minDomains: 3
    - {maxSkew: 2, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway}
    affinity:
      podAntiAffinity:
        preferredDuringSchedulingIgnoredDuringExecution:
        - {weight: 10, podAffinityTerm: {topologyKey: kubernetes.io/hostname}}
    priority: -10
    preemptionPolicy: Never";
    let scenario = workload(lines).unwrap_or_else(|rejected| panic!("{rejected}"));
    let template = &scenario.world().deployments[0].template;
    let placement = &template.placement;
    let spread: Vec<_> =
        placement.spread.iter().map(|c| (c.max_skew, c.key, c.when, c.min_domains)).collect();
    assert_eq!(spread, [(1, Zone, DoNotSchedule, 3), (2, Hostname, ScheduleAnyway, 1)]);
    assert_eq!((placement.tolerations.len(), placement.nodes.selector.len()), (1, 1));
    let (weight, term) = &placement.anti_affinity.preferred[0];
    assert_eq!((*weight, term.workloads.len()), (10, 1), "the workload itself is meant");
    assert_eq!((template.priority, placement.never_preempts), (-10, true));
}

/// `tolerations`, `priority` and `preemptionPolicy`.
#[test]
fn tolerations_and_priorities_are_validated() {
    use Code::*;
    check_workload(&[
        (
            "no key and no Exists",
            "tolerations: [{effect: NoSchedule}]",
            Contradiction,
            "tolerations[0].key",
        ),
        (
            "a value with Exists",
            "tolerations: [{key: spot, operator: Exists, value: \"true\"}]",
            Contradiction,
            "tolerations[0].value",
        ),
        (
            "an operator of labels",
            "tolerations: [{key: spot, operator: In}]",
            UnknownChoice,
            "tolerations[0].operator",
        ),
        (
            "an effect that does not exist",
            "tolerations: [{key: spot, operator: Exists, effect: NoRun}]",
            UnknownChoice,
            "tolerations[0].effect",
        ),
        (
            "seconds with another effect",
            "tolerations: [{key: a, operator: Exists, effect: NoSchedule, tolerationSeconds: 30}]",
            Contradiction,
            "tolerations[0].tolerationSeconds",
        ),
        (
            "a key that is no label",
            "tolerations: [{key: \"a b\", operator: Exists}]",
            BadName,
            "tolerations[0].key",
        ),
        ("a mapping for the list", "tolerations: {key: spot}", WrongType, "tolerations"),
        ("a word for a priority", "priority: high", NotANumber, "priority"),
        ("above every class", "priority: 2000001001", OutOfRange, "priority"),
        ("another policy", "preemptionPolicy: PreemptAlways", UnknownChoice, "preemptionPolicy"),
    ]);
}

/// `nodeSelector` and `affinity.nodeAffinity`.
#[test]
fn selectors_of_nodes_are_validated() {
    use Code::*;
    const NODES: &str = "affinity.nodeAffinity.";
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    check_workload(&[
        ("a list for the labels", "nodeSelector: [disk]", WrongType, "nodeSelector"),
        ("a key that is none", "nodeSelector: {-disk: ssd}", BadName, "nodeSelector.-disk"),
        ("a value that is none", "nodeSelector: {disk: a b}", BadName, "nodeSelector.disk"),
        ("no pool has the label", "nodeSelector: {disk: ssd}", Contradiction, "name"),
    ]);
    let required = |expression: &str| {
        let terms = format!("nodeSelectorTerms: [{{matchExpressions: [{expression}]}}]");
        workload(&format!("affinity: {{nodeAffinity: {{{REQUIRED}: {{{terms}}}}}}}"))
    };
    let at = format!("workloads[0].{NODES}{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0]");
    for (case, expression, code, key) in [
        ("In without values", "{key: disk, operator: In}", Contradiction, "values"),
        (
            "Exists with values",
            "{key: disk, operator: Exists, values: [a]}",
            Contradiction,
            "values",
        ),
        ("Gt with a word", "{key: disk, operator: Gt, values: [a]}", Contradiction, "values"),
        ("an operator of tolerations", "{key: disk, operator: Equal}", UnknownChoice, "operator"),
        ("no key", "{operator: Exists}", MissingKey, "key"),
    ] {
        assert_refused(case, required(expression), code, &format!("{at}.{key}"));
    }
    let empty = format!("affinity: {{nodeAffinity: {{{REQUIRED}: {{nodeSelectorTerms: []}}}}}}");
    let terms = format!("workloads[0].{NODES}{REQUIRED}.nodeSelectorTerms");
    assert_refused("no term", workload(&empty), OutOfRange, &terms);
    let weight = |weight: u32| {
        let expression = "{matchExpressions: [{key: disk, operator: Exists}]}";
        let preferred = format!("[{{weight: {weight}, preference: {expression}}}]");
        workload(&format!("affinity: {{nodeAffinity: {{{PREFERRED}: {preferred}}}}}"))
    };
    let at = format!("workloads[0].{NODES}{PREFERRED}[0].weight");
    for wrong in [0, 101] {
        assert_refused("a weight out of bounds", weight(wrong), OutOfRange, &at);
    }
    for right in [1, 100] {
        assert!(weight(right).is_ok(), "a weight of {right}");
    }
}

/// `affinity.podAffinity` and `affinity.podAntiAffinity`.
#[test]
fn terms_of_pods_are_validated() {
    use Code::*;
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    for kind in ["podAffinity", "podAntiAffinity"] {
        let required =
            |term: &str| workload(&format!("affinity: {{{kind}: {{{REQUIRED}: [{term}]}}}}"));
        let at = format!("workloads[0].affinity.{kind}.{REQUIRED}[0]");
        for (case, term, code, path) in [
            ("no topology", "{workloads: [web]}", MissingKey, format!("{at}.topologyKey")),
            (
                "a topology of its own",
                "{topologyKey: rack}",
                UnknownChoice,
                format!("{at}.topologyKey"),
            ),
            (
                "nobody has the name",
                "{topologyKey: kubernetes.io/hostname, workloads: [wep]}",
                UnknownReference,
                format!("{at}.workloads"),
            ),
            (
                "a selector of labels",
                "{topologyKey: kubernetes.io/hostname, labelSelector: {}}",
                UnknownKey,
                format!("{at}.labelSelector"),
            ),
        ] {
            assert_refused(case, required(term), code, &path);
        }
    }
    assert_refused(
        "the shorthand",
        workload("podAntiAffinity: rack"),
        UnknownChoice,
        "workloads[0].podAntiAffinity",
    );
}

/// `topologySpreadConstraints`.
#[test]
fn spread_constraints_are_validated() {
    use Code::*;
    const SPREAD: &str = "topologySpreadConstraints: [{";
    const HOST: &str = "topologyKey: kubernetes.io/hostname";
    let at = |key: &str| format!("workloads[0].topologySpreadConstraints[0].{key}");
    for (case, keys, code, key) in [
        ("no skew", format!("{HOST}, whenUnsatisfiable: DoNotSchedule"), MissingKey, "maxSkew"),
        (
            "a skew of nothing",
            format!("maxSkew: 0, {HOST}, whenUnsatisfiable: DoNotSchedule"),
            OutOfRange,
            "maxSkew",
        ),
        (
            "a topology of its own",
            "maxSkew: 1, topologyKey: rack, whenUnsatisfiable: DoNotSchedule".to_owned(),
            UnknownChoice,
            "topologyKey",
        ),
        ("neither hard nor soft", format!("maxSkew: 1, {HOST}"), MissingKey, "whenUnsatisfiable"),
        (
            "minDomains of nothing",
            format!("maxSkew: 1, {HOST}, whenUnsatisfiable: DoNotSchedule, minDomains: 0"),
            OutOfRange,
            "minDomains",
        ),
        (
            "minDomains of a soft one",
            format!("maxSkew: 1, {HOST}, whenUnsatisfiable: ScheduleAnyway, minDomains: 2"),
            Contradiction,
            "minDomains",
        ),
    ] {
        assert_refused(case, workload(&format!("{SPREAD}{keys}}}]")), code, &at(key));
    }
    let soft = format!("{{maxSkew: 1, {HOST}, whenUnsatisfiable: ScheduleAnyway}}");
    let hard = format!("{{maxSkew: 1, {HOST}, whenUnsatisfiable: DoNotSchedule}}");
    let both = |other: &str| workload(&format!("topologySpreadConstraints: [{soft}, {other}]"));
    let second = "workloads[0].topologySpreadConstraints[1].topologyKey";
    assert_refused("the same twice", both(&soft), Contradiction, second);
    assert!(both(&hard).is_ok(), "a hard and a soft one over hosts");
}

/// `taints` and `labels` of a pool.
#[test]
fn taints_and_labels_of_pools_are_validated() {
    use Code::*;
    let at = |path: &str| format!("clusters[0].pools[0].{path}");
    for (case, keys, code, path) in [
        ("no effect", "taints: [{key: spot}]", MissingKey, "taints[0].effect"),
        (
            "another effect",
            "taints: [{key: spot, effect: Never}]",
            UnknownChoice,
            "taints[0].effect",
        ),
        ("no key", "taints: [{effect: NoSchedule}]", MissingKey, "taints[0].key"),
        (
            "a key that is none",
            "taints: [{key: a/b/c, effect: NoSchedule}]",
            BadName,
            "taints[0].key",
        ),
        ("a list for the labels", "labels: [disk]", WrongType, "labels"),
        ("a value that is none", "labels: {disk: -ssd}", BadName, "labels.disk"),
    ] {
        assert_refused(case, pool(keys), code, &at(path));
    }
    let tainted = pool("taints: [{key: spot, effect: NoSchedule}]");
    assert_refused("no pod tolerates the only pool", tainted, Contradiction, "workloads[0].name");
    assert!(pool("labels: {disk: ssd}, taints: [{key: spot, effect: PreferNoSchedule}]").is_ok());
}
