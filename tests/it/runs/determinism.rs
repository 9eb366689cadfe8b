//! The same scenario and seed give the same run, whoever looks on and however probes are timed.

use tideover::simulation::Options;
use tideover::units::Span;

use super::{SMALL, Trial, facts_named, load, run, small, trial};

const FAULTS: &str = r#"faults:
  - {name: lose-east, at: 3m, duration: 4m, regionLoss: {region: east}}
  - {name: crash, at: 11m, podCrash: {workload: web, cluster: primary, count: 2}}
"#;

/// Fewer workers than the load needs on the secondary, no limit on its queues: pods turn slow.
const OVERLOAD: &[&str] = &[
    "workloads[web].queue=5000",
    "workloads[web].hpa.maxReplicas=6",
    "demands[0].attemptTimeout=10s",
    "demands[0].arrivals.constant=1200/s",
];

/// Two runs of one scenario have one fingerprint, another seed and another trial have others.
#[test]
fn runs_repeat() {
    let scenario = small(FAULTS, &[]);
    let print = |options| run(&scenario, options).facts.fingerprint();
    let first = print(Options::default());
    assert_eq!(print(Options::default()), first, "the same again");
    assert_ne!(print(Options { trial: 1, ..Options::default() }), first, "another trial");
    assert_ne!(print(Options { seed: Some(8), ..Options::default() }), first, "another seed");
}

/// An observer that stops the data plane every 70 ms besides changes no fact and no count.
#[test]
fn extra_observers_change_nothing() {
    for sets in [&[][..], OVERLOAD] {
        let scenario = small(FAULTS, sets);
        let observed =
            Options { extra_observer: Some(Span::from_millis(70)), ..Options::default() };
        let (alone, watched) = (run(&scenario, Options::default()), run(&scenario, observed));
        assert_eq!(alone.facts.fingerprint(), watched.facts.fingerprint(), "{sets:?}");
    }
}

/// Timers for probes that may change something, and timers for every probe, give the same facts:
/// with healthy pods, and with pods that are too slow for their probes.
#[test]
fn probing_lazily_and_explicitly_agree() {
    for sets in [&[][..], OVERLOAD] {
        let scenario = small(FAULTS, sets);
        let explicit = Options { explicit_probing: true, ..Options::default() };
        let (lazy, explicit) = (run(&scenario, Options::default()), run(&scenario, explicit));
        let (a, b) = (lazy.facts.facts(), explicit.facts.facts());
        let first = a.iter().zip(b).position(|(a, b)| a != b);
        let shown = first.map(|i| (a[i], a[i].words(&lazy.world), b[i].words(&explicit.world)));
        assert_eq!(shown, None, "{sets:?}: the first fact that differs");
        assert_eq!(lazy.facts.fingerprint(), explicit.facts.fingerprint(), "{sets:?}");
        assert!(lazy.n_events < explicit.n_events, "lazy probing saves events");
    }
    let slow = run(&small(FAULTS, OVERLOAD), Options::default());
    let not_ready = facts_named(&slow, "pod-not-ready");
    let by_probe = |(_, words): &&(f64, String)| words.contains("readiness probe failed");
    assert!(not_ready.iter().any(|fact| by_probe(&fact)), "the premise: pods turn slow");
}

/// A cluster that runs nothing, in a region of its own.
const SPARE: &str = "  - name: spare
    region: far
    pools: [{name: user, vmSize: D4s_v5, minCount: 1, maxCount: 1}]
workloads:
";

/// A region that nobody uses does not move a single event of the others: streams are named.
#[test]
fn unrelated_things_leave_a_run_alone() {
    let alone = trial(&small(FAULTS, &[]));
    let text = format!("{SMALL}{FAULTS}")
        .replace("  - {name: west, zones: 3}\n", "  - {name: west, zones: 3}\n  - {name: far}\n")
        .replace("west: 60ms}", "west: 60ms, far: 90ms}")
        .replace("workloads:\n", SPARE)
        .replace("    preStopSleep", "    runsOn: [primary, secondary]\n    preStopSleep");
    let beside = trial(&load(&text, &[]));
    assert_eq!(alone.outcome.requests, beside.outcome.requests);
    let times = |trial: &Trial| trial.outcome.faults.iter().map(|f| f.rto_s).collect::<Vec<_>>();
    assert_eq!(times(&alone), times(&beside));
}
