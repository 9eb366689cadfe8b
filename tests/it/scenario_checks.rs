//! What a scenario may say: a valid one, and one row for each mistake with its code and path.
//!
//! Each row edits the base scenario at a unique anchor. Syntax and single scalars are the bad
//! inputs' business; here it is what the words mean together.

use std::path::Path;

use tideover::scenario::{Rejected, Scenario, from_text, load};
use tideover::spec::{Code, Diagnostic, Severity};

pub(crate) const BASE: &str = r#"schema: tideover/v1
name: base
run: {horizon: 1h, warmUp: 10m, seed: 1}
regions:
  - {name: eastus2, zones: 3}
  - {name: centralus, zones: 3}
clusters:
  - name: primary
    region: eastus2
    pools:
      - {name: user, vmSize: D8s_v5, zones: [1, 2, 3], minCount: 3, maxCount: 20}
  - name: secondary
    region: centralus
    pools:
      - {name: user, allocatable: {cpu: "4", memory: 16Gi}, count: 5}
workloads:
  - name: web
    requests: {cpu: 500m, memory: 512Mi}
    limits: {cpu: "1"}
    service: {workers: 8, time: {exponential: {mean: 50ms}}, cpuPerWorker: 60m}
    livenessProbe: {periodSeconds: 10}
    nodePool: user
    hpa: {minReplicas: 6, maxReplicas: 60, targetCPUUtilization: 60%}
    clusters:
      primary: {hpa: {minReplicas: 12}}
      secondary: {}
frontDoor:
  probe: {interval: 30s, sampleSize: 4, successfulSamples: 3}
  origins:
    - {cluster: primary, priority: 1, weight: 50}
    - {cluster: secondary, priority: 2}
geographies:
  - {name: us-east, pops: 3, regionRtt: {eastus2: 8ms, centralus: 30ms}}
  - {name: us-west, pops: 2, regionRtt: {eastus2: 60ms, centralus: 40ms}}
demands:
  - workload: web
    geographies: {us-east: 60%, us-west: 40%}
    arrivals: {constant: 1000/s}
    attemptTimeout: 2s
    deadline: 10s
    retries: {attempts: 3, backoff: 100ms, cap: 10s, budget: 10%}
faults:
  - {name: east-down, at: 20m, duration: 30m, regionLoss: {region: eastus2}}
"#;

/// Loads the base scenario with the text at `anchor`, which occurs once, replaced.
pub(crate) fn edited(anchor: &str, replacement: &str) -> Result<Scenario, Box<Rejected>> {
    assert_eq!(BASE.matches(anchor).count(), 1, "the anchor `{anchor}` is not unique");
    from_text("base.yaml", &BASE.replacen(anchor, replacement, 1), Path::new("."), &[])
}

/// Asserts that an edit is refused with a diagnostic of this code at this path, which says
/// something and stands in a line of the text.
pub(crate) fn assert_refused(
    case: &str,
    result: Result<Scenario, Box<Rejected>>,
    code: Code,
    path: &str,
) {
    let rejected = match result {
        Ok(_) => panic!("{case}: was accepted"),
        Err(rejected) => rejected,
    };
    let found = rejected.diagnostics.sorted();
    let fits = |d: &&&Diagnostic| d.code == code && &*d.place.path == path;
    let Some(diagnostic) = found.iter().find(fits) else {
        panic!("{case}: expected {code} at `{path}`, found\n{rejected}");
    };
    assert_eq!(diagnostic.severity, Severity::Error, "{case}");
    assert!(!diagnostic.message.is_empty() && 0 < diagnostic.place.span.start.line, "{case}");
    assert!(diagnostic.allowed.is_some() || diagnostic.help.is_some(), "{case}: {rejected}");
}

/// The base scenario is valid; it has what it says, without warnings.
#[test]
fn the_base_scenario_is_valid() {
    let scenario = from_text("base.yaml", BASE, Path::new("."), &[]).unwrap();
    assert!(scenario.warnings().is_empty());
    let world = scenario.world();
    assert_eq!((world.regions.len(), world.zones.len(), world.racks.len()), (2, 6, 30));
    assert_eq!((world.clusters.len(), world.pools.len(), world.deployments.len()), (2, 2, 2));
    assert_eq!(world.front_door.pops.len(), 5);
    let shares: f64 = world.front_door.pops.iter().map(|pop| pop.traffic_share).sum();
    assert!((shares - 1.0).abs() < 1e-12, "all traffic enters somewhere");
    let bounds: Vec<_> = world.deployments.iter().map(|d| d.hpa_bounds).collect();
    assert_eq!(bounds, [Some((12, 60)), Some((6, 60))], "the override holds in one cluster only");
    let names: Vec<&str> = scenario.demands().iter().map(|demand| demand.name.as_str()).collect();
    assert_eq!(names, ["web/us-east", "web/us-west"]);
    assert_eq!(scenario.faults()[0].fault.kind(), "regionLoss");
}

/// Numbers and names that are out of bounds or of another kind, one row for each rule.
#[test]
fn values_out_of_bounds_are_refused() {
    use Code::*;
    let table = [
        ("31 negative rate", "1000/s", "-1000/s", BadUnit, "demands[0].arrivals.constant"),
        (
            "32 negative replicas",
            "minReplicas: 6",
            "minReplicas: -6",
            OutOfRange,
            "workloads[0].hpa.minReplicas",
        ),
        ("33 fraction for a count", "pops: 3", "pops: 3.0", NotANumber, "geographies[0].pops"),
        (
            "40 percentage above 100",
            "us-east: 60%",
            "us-east: 160%",
            OutOfRange,
            "demands[0].geographies.us-east",
        ),
        (
            "40 share without percent",
            "us-east: 60%",
            "us-east: 0.6",
            BadUnit,
            "demands[0].geographies.us-east",
        ),
        ("41 duration without unit", "at: 20m", "at: 20", BadUnit, "faults[0].at"),
        ("41 no horizon at all", "horizon: 1h", "horizon: 0s", OutOfRange, "run.horizon"),
        ("43 weight 0", "weight: 50", "weight: 0", OutOfRange, "frontDoor.origins[0].weight"),
        ("44 weight 1001", "weight: 50", "weight: 1001", OutOfRange, "frontDoor.origins[0].weight"),
        (
            "44 priority 0",
            "priority: 1",
            "priority: 0",
            OutOfRange,
            "frontDoor.origins[0].priority",
        ),
        (
            "44 priority 6",
            "priority: 2",
            "priority: 6",
            OutOfRange,
            "frontDoor.origins[1].priority",
        ),
        (
            "46 target 0",
            "targetCPUUtilization: 60%",
            "targetCPUUtilization: 0%",
            OutOfRange,
            "workloads[0].hpa.targetCPUUtilization",
        ),
        (
            "46 target in fractions of a percent",
            "targetCPUUtilization: 60%",
            "targetCPUUtilization: 60.5%",
            OutOfRange,
            "workloads[0].hpa.targetCPUUtilization",
        ),
        (
            "47 time-out 0 with retries",
            "attemptTimeout: 2s",
            "attemptTimeout: 0s",
            OutOfRange,
            "demands[0].attemptTimeout",
        ),
        (
            "48 probe interval 0",
            "interval: 30s",
            "interval: 0s",
            OutOfRange,
            "frontDoor.probe.interval",
        ),
        (
            "48 probe interval below 5 s",
            "interval: 30s",
            "interval: 4s",
            OutOfRange,
            "frontDoor.probe.interval",
        ),
        (
            "48 probe interval above a year",
            "interval: 30s",
            "interval: 366d",
            OutOfRange,
            "frontDoor.probe.interval",
        ),
        (
            "50 no zones",
            "{name: eastus2, zones: 3}",
            "{name: eastus2, zones: 0}",
            OutOfRange,
            "regions[0].zones",
        ),
        (
            "51 a billion pods",
            "maxReplicas: 60",
            "maxReplicas: 1000000000",
            OutOfRange,
            "workloads[0].hpa.maxReplicas",
        ),
        (
            "53 a billion requests a second",
            "1000/s",
            "1000000000000/s",
            OutOfRange,
            "demands[0].arrivals.constant",
        ),
        ("54 a run of thirty years", "horizon: 1h", "horizon: 10000d", OutOfRange, "run.horizon"),
        ("63 fault in the warm-up", "at: 20m", "at: -5m", OutOfRange, "faults[0].at"),
        ("63 end before start", "duration: 30m", "duration: -5m", OutOfRange, "faults[0].duration"),
        ("68 no for a name", "name: base", "name: no", AmbiguousScalar, "name"),
        ("69 schema of the future", "tideover/v1", "tideover/v2", SchemaVersion, "schema"),
        ("69 no schema", "schema: tideover/v1\n", "", MissingKey, "schema"),
        ("70 no seed", ", seed: 1", "", MissingKey, "run.seed"),
        ("70 negative seed", "seed: 1", "seed: -1", OutOfRange, "run.seed"),
        ("70 a word for a seed", "seed: 1", "seed: lucky", NotANumber, "run.seed"),
        ("83 formula in a name", "name: base", "name: \"=cmd()\"", BadName, "name"),
        ("83 at sign in a name", "name: base", "name: \"@x\"", BadName, "name"),
        ("84 markup in a name", "name: east-down", "name: \"<script>\"", BadName, "faults[0].name"),
        ("85 path in a name", "name: base", "name: ../etc", BadName, "name"),
        ("85 device for a name", "name: base", "name: con", BadName, "name"),
        (
            "58 unknown key",
            "livenessProbe",
            "livenesProbe",
            UnknownKey,
            "workloads[0].livenesProbe",
        ),
        (
            "unknown key in an override",
            "{hpa: {minReplicas: 12}}",
            "{hpas: {minReplicas: 12}}",
            UnknownKey,
            "workloads[0].clusters.primary.hpas",
        ),
        (
            "an override may not rename",
            "secondary: {}",
            "secondary: {name: other}",
            UnknownKey,
            "workloads[0].clusters.secondary.name",
        ),
    ];
    for (case, anchor, replacement, code, path) in table {
        assert_refused(case, edited(anchor, replacement), code, path);
    }
}

/// Values that are allowed each by itself, but not together.
#[test]
fn contradictions_are_refused() {
    let table = [
        (
            "45 least above most replicas",
            "minReplicas: 6, maxReplicas: 60",
            "minReplicas: 61, maxReplicas: 60",
            "workloads[0].hpa.minReplicas",
        ),
        (
            "45 the same by an override",
            "minReplicas: 12",
            "minReplicas: 61",
            "workloads[0].clusters.primary.hpa.minReplicas",
        ),
        (
            "45 least above most nodes",
            "minCount: 3",
            "minCount: 21",
            "clusters[0].pools[0].minCount",
        ),
        (
            "49 more successes than samples",
            "successfulSamples: 3",
            "successfulSamples: 5",
            "frontDoor.probe.successfulSamples",
        ),
        ("a pool without machines", "vmSize: D8s_v5, ", "", "clusters[0].pools[0].vmSize"),
        ("a pool of two sizes", "count: 5", "count: 5, minCount: 1", "clusters[1].pools[0].count"),
        (
            "capacity twice",
            "    nodePool: user",
            "    capacity: {rate: 9/s, cpu: 1m, p50: 1ms, p99: 2ms}\n    nodePool: user",
            "workloads[0].capacity",
        ),
        (
            "limit below request",
            "limits: {cpu: \"1\"}",
            "limits: {cpu: 100m}",
            "workloads[0].limits.cpu",
        ),
        (
            "liveness with several successes",
            "periodSeconds: 10",
            "periodSeconds: 10, successThreshold: 2",
            "workloads[0].livenessProbe.successThreshold",
        ),
        (
            "lognormal of three parameters",
            "exponential: {mean: 50ms}",
            "lognormal: {p50: 10ms, p95: 20ms, mean: 15ms}",
            "workloads[0].service.time.lognormal.p50",
        ),
        (
            "lognormal upside down",
            "exponential: {mean: 50ms}",
            "lognormal: {p50: 10ms, p99: 5ms}",
            "workloads[0].service.time.lognormal.p50",
        ),
        (
            "uniform upside down",
            "exponential: {mean: 50ms}",
            "uniform: {min: 10ms, max: 5ms}",
            "workloads[0].service.time.uniform.max",
        ),
        ("43 shares do not add up", "us-east: 60%", "us-east: 50%", "demands[0].geographies"),
        (
            "47 attempt longer than the request",
            "attemptTimeout: 2s",
            "attemptTimeout: 20s",
            "demands[0].attemptTimeout",
        ),
        ("back-off above its cap", "backoff: 100ms", "backoff: 20s", "demands[0].retries.cap"),
        (
            "first step late",
            "{constant: 1000/s}",
            "{steps: [{at: 1m, rate: 5/s}]}",
            "demands[0].arrivals.steps[0].at",
        ),
        (
            "steps out of order",
            "{constant: 1000/s}",
            "{steps: [{at: 0s, rate: 5/s}, {at: 2m, rate: 5/s}, {at: 1m, rate: 5/s}]}",
            "demands[0].arrivals.steps[2].at",
        ),
        (
            "peak below trough",
            "{constant: 1000/s}",
            "{diurnal: {trough: 9/s, peak: 5/s}}",
            "demands[0].arrivals.diurnal.peak",
        ),
        (
            "closed loop in two places",
            "{constant: 1000/s}",
            "{closedLoop: {requests: 9, pause: 1s}}",
            "demands[0].geographies",
        ),
        ("63 fault after the end", "at: 20m", "at: 61m", "faults[0].at"),
        ("63 fault too late to recover", "at: 20m", "at: 59m30s", "faults[0].at"),
        (
            "objective beyond the horizon",
            "seed: 1",
            "seed: 1, recoveryObjective: 50m",
            "run.recoveryObjective",
        ),
        (
            "a fault of two kinds",
            "regionLoss: {region: eastus2}",
            "regionLoss: {region: eastus2}, zoneLoss: {region: eastus2, zone: 1}",
            "faults[0].name",
        ),
        ("a fault of no kind", ", regionLoss: {region: eastus2}", "", "faults[0].name"),
        (
            "a crash with a duration",
            "regionLoss: {region: eastus2}",
            "podCrash: {workload: web, cluster: primary}",
            "faults[0].duration",
        ),
        (
            "a rack without its zone",
            "regionLoss: {region: eastus2}",
            "nodeLoss: {cluster: primary, rack: 1}",
            "faults[0].nodeLoss.rack",
        ),
        (
            "65 pod larger than every node",
            "cpu: 500m, memory: 512Mi",
            "cpu: 500m, memory: 20Gi",
            "workloads[0].requests",
        ),
        (
            "66 no origin is enabled",
            "- {cluster: primary, priority: 1, weight: 50}\n    \
             - {cluster: secondary, priority: 2}",
            "- {cluster: primary, enabled: false}",
            "frontDoor.origins",
        ),
        (
            "67 first replicas fit nowhere",
            "secondary: {}",
            "secondary: {podAntiAffinity: hostname}",
            "workloads[0].hpa",
        ),
    ];
    for (case, anchor, replacement, path) in table {
        assert_refused(case, edited(anchor, replacement), Code::Contradiction, path);
    }
}

/// Names that nothing has, that are taken, or that are missing.
#[test]
fn names_must_lead_somewhere() {
    use Code::*;
    let table = [
        (
            "60 region twice",
            "name: centralus, zones",
            "name: eastus2, zones",
            DuplicateName,
            "regions[1].name",
        ),
        (
            "60 cluster twice",
            "name: secondary\n",
            "name: primary\n",
            DuplicateName,
            "clusters[1].name",
        ),
        (
            "60 names equal but for case",
            "name: centralus, zones",
            "name: EastUS2, zones",
            BadName,
            "regions[1].name",
        ),
        (
            "61 region of a cluster",
            "region: centralus\n",
            "region: centralu\n",
            UnknownReference,
            "clusters[1].region",
        ),
        (
            "61 cluster of an override",
            "secondary: {}",
            "secondery: {}",
            UnknownReference,
            "workloads[0].clusters.secondery",
        ),
        (
            "61 cluster of an origin",
            "{cluster: secondary, priority: 2}",
            "{cluster: tertiary, priority: 2}",
            UnknownReference,
            "frontDoor.origins[1].cluster",
        ),
        (
            "61 origin twice",
            "{cluster: secondary, priority: 2}",
            "{cluster: primary, priority: 2}",
            DuplicateName,
            "frontDoor.origins[1].cluster",
        ),
        ("61 pool", "nodePool: user", "nodePool: usr", UnknownReference, "workloads[0].nodePool"),
        (
            "61 workload of a demand",
            "- workload: web",
            "- workload: wbe",
            UnknownReference,
            "demands[0].workload",
        ),
        (
            "61 geography of a demand",
            "us-west: 40%",
            "us-wast: 40%",
            UnknownReference,
            "demands[0].geographies.us-wast",
        ),
        (
            "61 region of a fault",
            "regionLoss: {region: eastus2}",
            "regionLoss: {region: eastus}",
            UnknownReference,
            "faults[0].regionLoss.region",
        ),
        (
            "61 zone of a fault",
            "regionLoss: {region: eastus2}",
            "zoneLoss: {region: eastus2, zone: 4}",
            UnknownReference,
            "faults[0].zoneLoss.zone",
        ),
        (
            "61 pool of a fault",
            "regionLoss: {region: eastus2}",
            "nodeLoss: {cluster: primary, pool: gpu}",
            UnknownReference,
            "faults[0].nodeLoss.pool",
        ),
        (
            "61 rack of a fault",
            "regionLoss: {region: eastus2}",
            "nodeLoss: {cluster: primary, zone: 1, rack: 6}",
            UnknownReference,
            "faults[0].nodeLoss.rack",
        ),
        ("61 VM size", "D8s_v5", "D8_v5", UnknownReference, "clusters[0].pools[0].vmSize"),
        (
            "61 zone of a pool",
            "zones: [1, 2, 3]",
            "zones: [1, 2, 4]",
            UnknownReference,
            "clusters[0].pools[0].zones",
        ),
        (
            "60 zone of a pool twice",
            "zones: [1, 2, 3]",
            "zones: [1, 2, 2]",
            DuplicateName,
            "clusters[0].pools[0].zones",
        ),
        (
            "latency matrix incomplete",
            "{eastus2: 60ms, centralus: 40ms}",
            "{eastus2: 60ms}",
            MissingKey,
            "geographies[1].regionRtt",
        ),
        (
            "two demands of one name",
            "faults:\n",
            "  - {workload: web, geographies: {us-east: 100%}, arrivals: {constant: 1/s}}\n\
             faults:\n",
            DuplicateName,
            "demands[1].workload",
        ),
        (
            "unknown word",
            "hpa: {minReplicas: 6",
            "balancer: rondom\n    hpa: {minReplicas: 6",
            UnknownChoice,
            "workloads[0].balancer",
        ),
    ];
    for (case, anchor, replacement, code, path) in table {
        assert_refused(case, edited(anchor, replacement), code, path);
    }
}

/// A name that is nearly right is suggested.
#[test]
fn the_nearest_name_is_suggested() {
    let rejected = edited("region: centralus\n", "region: centralu\n").unwrap_err();
    assert!(rejected.to_string().contains("did you mean `centralus`?"), "{rejected}");
}

/// What cannot be afforded is refused before the run, with the estimate.
#[test]
fn costly_scenarios_are_refused() {
    let requests = edited("{constant: 1000/s}", "{constant: 10000000/s}");
    assert!(requests.is_ok(), "36 G requests: slow, but allowed");
    let long = BASE.replacen("horizon: 1h", "horizon: 300d", 1);
    let busy = long.replacen("constant: 1000/s", "constant: 10000000/s", 1);
    let refused = |text: &str| from_text("base.yaml", text, Path::new("."), &[]);
    assert_refused("53 too many requests", refused(&busy), Code::TooCostly, "demands");
    assert_refused("56 too much memory", refused(&long), Code::TooCostly, "run.horizon");
    let region = |i: u32| format!("  - {{name: r{i}}}\n");
    let many: String = (0..65).map(region).collect();
    let many = BASE.replacen("regions:\n", &format!("regions:\n{many}"), 1);
    assert_refused("52 too many regions", refused(&many), Code::OutOfRange, "regions");
    let cluster = |i: u32| {
        format!(
            "  - {{name: c{i}, region: eastus2, pools: [{{name: p, vmSize: D8s_v5, count: 1}}]}}\n"
        )
    };
    let many: String = (0..63).map(cluster).collect();
    let many = BASE.replacen("clusters:\n  -", &format!("clusters:\n{many}  -"), 1);
    assert_refused("more than 64 clusters", refused(&many), Code::OutOfRange, "clusters");
}

/// All mistakes of a stage show at once: three contradictions, three unknown names.
#[test]
fn all_mistakes_show_at_once() {
    let text = BASE
        .replacen("minReplicas: 6", "minReplicas: 61", 1)
        .replacen("successfulSamples: 3", "successfulSamples: 5", 1)
        .replacen("us-east: 60%", "us-east: 50%", 1);
    let rejected = from_text("base.yaml", &text, Path::new("."), &[]).unwrap_err();
    assert_eq!(rejected.diagnostics.len(), 3, "{rejected}");
    let text = BASE
        .replacen("region: centralus\n", "region: nowhere\n", 1)
        .replacen("- workload: web", "- workload: nothing", 1)
        .replacen("regionLoss: {region: eastus2}", "regionLoss: {region: nowhere}", 1);
    let rejected = from_text("base.yaml", &text, Path::new("."), &[]).unwrap_err();
    assert_eq!(rejected.diagnostics.len(), 3, "{rejected}");
}

/// Overlapping faults of one target are defined, so they are allowed and explained.
#[test]
fn overlapping_faults_are_explained() {
    let more = "faults:\n  - {name: again, at: 30m, duration: 5m, regionLoss: {region: eastus2}}\n";
    let scenario = edited("faults:\n", more).unwrap();
    let told = |leaf: &&tideover::spec::Leaf| &*leaf.place.path == "faults[1].overlap";
    assert!(
        scenario.explained().iter().find(told).is_some_and(|leaf| leaf.shown.contains("again"))
    );
}

/// Classic has its own defaults, which the sample size must suit.
#[test]
fn presets_bring_their_defaults() {
    let scenario = edited(
        "probe: {interval: 30s, sampleSize: 4, successfulSamples: 3}",
        "preset: afd-classic\n  probe: {sampleSize: 2}",
    )
    .unwrap();
    let door = &scenario.world().front_door;
    assert_eq!((door.sample_size, door.successes_required), (2, 2));
    assert_eq!(door.latency_sensitivity.to_string(), "0s");
}

/// The hash tells texts and assignments apart, and nothing else.
#[test]
fn the_hash_covers_text_and_assignments() {
    let hash = |text: &str, sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        from_text("any name.yaml", text, Path::new("."), &sets).unwrap().hash()
    };
    let base = hash(BASE, &[]);
    assert_eq!(base, hash(BASE, &[]));
    assert_ne!(base, hash(BASE, &["run.seed=2"]));
    assert_ne!(base, hash(&BASE.replacen("seed: 1", "seed: 2", 1), &[]));
}

/// Loads the base scenario with a trace of this text and these settings.
fn traced(csv: &str, settings: &str) -> Result<Scenario, Box<Rejected>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), csv).unwrap();
    let trace = "{trace: {csv: t.csv, time: time, count: calls, step: 1m, SETTINGS}}";
    let trace = trace.replace("SETTINGS", settings);
    let text = BASE.replacen("{constant: 1000/s}", &trace, 1);
    from_text("base.yaml", &text, folder.path(), &[])
}

/// Each defect of a trace is named with its line in the trace.
#[test]
fn defects_of_traces_are_named() {
    let hold = "afterEnd: hold";
    let table: [(&str, &str, u32, &str); 14] = [
        ("71 no header", "2014-07-01 00:00,5\n2014-07-01 00:01,6\n", 1, "time"),
        ("72 columns swapped", "time,calls\n5,2014-07-01 00:00\n6,2014-07-01 00:01\n", 2, "count"),
        ("73 not ascending", "time,calls\n120,5\n60,5\n", 3, "time"),
        ("74 the same instant", "time,calls\n60,5\n60,5\n", 3, "time"),
        ("75 a gap", "time,calls\n0,5\n60,5\n240,5\n", 4, "time"),
        ("75 off the grid", "time,calls\n0,5\n90,5\n", 3, "time"),
        ("77 mixed time zones", "time,calls\n2014-07-01 00:00Z,5\n2014-07-01 00:01,6\n", 3, "time"),
        ("78 negative count", "time,calls\n0,5\n60,-5\n", 3, "count"),
        ("78 fractional count", "time,calls\n0,5\n60,5.5\n", 3, "count"),
        ("26 not a number", "time,calls\n0,5\n60,NaN\n", 3, "count"),
        ("79 semicolons", "time;calls\n0;5\n60;5\n", 1, "time"),
        ("79 a row too short", "time,calls\n0,5\n60\n", 3, "time"),
        ("81 one row", "time,calls\n0,5\n", 2, "time"),
        ("no rows", "time,calls\n", 1, "time"),
    ];
    for (case, csv, line, key) in table {
        let rejected = traced(csv, hold).expect_err(case);
        let path = format!("demands[0].arrivals.trace.{key}");
        let found = rejected.diagnostics.sorted();
        let fits = |d: &&&Diagnostic| {
            let (place, sources) = (&d.place, &rejected.sources);
            let file = sources.get(place.span.source).name();
            d.code == Code::BadTable
                && *place.path == *path
                && place.span.start.line == line
                && file.ends_with("t.csv")
        };
        assert!(found.iter().any(|d| fits(&d)), "{case}\n{rejected}");
    }
}

/// Harmless peculiarities of real files are accepted: CRLF, quotes, a byte order mark, a last
/// line without end, stated gaps.
#[test]
fn peculiar_traces_are_accepted() {
    for (case, csv, settings) in [
        ("80 no last line end", "time,calls\n0,5\n60,5", "afterEnd: hold"),
        ("79 CRLF", "time,calls\r\n0,5\r\n60,5\r\n", "afterEnd: repeat"),
        ("79 quotes", "\"time\",\"calls\"\n\"0\",\"5\"\n\"60\",\"5\"\n", "afterEnd: stop"),
        ("byte order mark", "\u{feff}time,calls\n0,5\n60,5\n", "afterEnd: hold"),
        ("75 a stated gap", "time,calls\n0,5\n300,5\n", "afterEnd: hold, gaps: zero"),
    ] {
        let loaded = traced(csv, settings);
        assert!(loaded.is_ok(), "{case}\n{}", loaded.unwrap_err());
    }
}

/// A trace says what follows its end; the doubled hour at a clock change is a warning.
#[test]
fn traces_say_what_follows_and_warn_of_doubled_hours() {
    let missing = traced("time,calls\n0,5\n60,5\n", "interpolation: step");
    let path = "demands[0].arrivals.trace.afterEnd";
    assert_refused("82 what follows the end", missing, Code::MissingKey, path);
    let hours = ["00", "01", "02", "03"].map(|hour| {
        let count = if hour == "01" { 20 } else { 10 };
        let row = |minute: u32| format!("2014-11-02 {hour}:{minute:02},{count}\n");
        (0..60).map(row).collect::<String>()
    });
    let csv = format!("time,calls\n{}", hours.concat());
    let doubled = traced(&csv, "afterEnd: hold").unwrap();
    assert!(doubled.warnings().is_empty(), "the hour before is not in the run");
    let doubled = traced(&csv, "afterEnd: hold, from: \"2014-11-02 01:00\"").unwrap();
    assert_eq!(doubled.warnings().len(), 60, "76: each row of the doubled hour");
}

/// Paths stay inside the scenario's folder, and what is not there is said.
#[test]
fn files_stay_inside_the_folder() {
    let path = "demands[0].arrivals.trace.csv";
    for (csv, code) in [
        ("../t.csv", Code::BadName),
        ("/etc/passwd", Code::BadName),
        ("a/../../t.csv", Code::BadName),
        ("C:t.csv", Code::BadName),
        ("missing.csv", Code::Unreadable),
    ] {
        let trace = format!(
            "{{trace: {{csv: \"{csv}\", time: time, count: calls, step: 1m, afterEnd: hold}}}}"
        );
        assert_refused(csv, edited("{constant: 1000/s}", &trace), code, path);
    }
}

/// Measured durations: the unit is stated or ends the column's name; bad cells are named.
#[test]
fn measured_durations_need_a_unit() {
    let with = |law: &str, csv: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("d.csv"), csv).unwrap();
        let text = BASE.replacen("exponential: {mean: 50ms}", &format!("empirical: {law}"), 1);
        from_text("base.yaml", &text, folder.path(), &[])
    };
    let scenario = with("{csv: d.csv, column: time_ms}", "time_ms\n10\n30\n").unwrap();
    let mean_s = scenario.world().deployments[0].template.service.mean_s();
    assert!((mean_s - 0.02).abs() < 1e-12, "{mean_s}");
    assert!(with("{csv: d.csv, column: time, unit: s}", "time\n1\n").is_ok());
    let path = "workloads[0].clusters.primary.service.time.empirical.column";
    let refused = with("{csv: d.csv, column: time}", "time\n1\n");
    assert_refused("no unit", refused, Code::BadUnit, path);
}

/// Every shipped scenario is valid and says nothing that was not meant.
#[test]
fn shipped_scenarios_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut n_scenarios = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let scenario = load(&path, &[]).unwrap_or_else(|rejected| panic!("{rejected}"));
            assert!(scenario.warnings().is_empty(), "{}", path.display());
            assert_eq!(path.file_stem().unwrap().to_str(), Some(scenario.name()));
            assert!(!scenario.question().is_empty());
            n_scenarios += 1;
        }
    }
    assert!(6 <= n_scenarios);
}
