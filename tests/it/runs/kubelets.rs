//! Nodes whose machines go on while their kubelets stop, are cut off, or report that they are not
//! ready: who notices when, and what users see of it.

use tideover::control::Chance;
use tideover::control::node_lifecycle::lease::{TRY_TIMEOUT, first_success};
use tideover::model::fact::What;
use tideover::simulation::{Finished, Options};
use tideover::units::{Span, Time};

use super::{facts_named, is_at, run, small};

const CHANCE: Chance = Chance::independent(7, 0);

/// The fault strikes two minutes after the warm-up, in the zone whose only node is `NODE`.
const STRIKE_S: f64 = 120.0;
const NODE: &str = "primary-user-0";

fn fault(mode: &str, duration: &str) -> String {
    format!(
        "faults:\n  - {{name: one, at: 2m, duration: {duration},\n     \
         nodeLoss: {{cluster: primary, zone: 1, mode: {mode}}}}}\n"
    )
}

/// The instants of the facts of one kind that name the node.
fn of_node(finished: &Finished, name: &str) -> Vec<(f64, String)> {
    let all = facts_named(finished, name).into_iter();
    all.filter(|(_, words)| words.contains(NODE)).collect()
}

/// The first instant of a grid through a drawn phase at or after `from_s`.
fn on_grid(purpose: &str, entity: &str, period: Span, from_s: f64) -> f64 {
    let phase = Time::ZERO + CHANCE.phase(purpose, entity, period);
    Time::from_secs_f64(from_s).next_on_grid(phase, period).as_secs_f64()
}

fn failed(finished: &Finished) -> u64 {
    let demands = finished.ledger.demands().iter();
    demands.flat_map(|demand| demand.seconds()).map(|second| u64::from(second.failed_total())).sum()
}

/// The pods that ran on the node when the fault struck.
fn pods_of(finished: &Finished) -> Vec<String> {
    let scheduled = |(pod, node)| (finished.world.node_name(node) == NODE).then_some(pod);
    let pods = finished.world.pods.iter().enumerate();
    let bound = pods.filter_map(|(index, pod)| Some((index, pod.node?)));
    bound
        .filter_map(scheduled)
        .map(|index| finished.world.pod_name(tideover::model::ids::PodId::new(index)))
        .collect()
}

/// A kubelet stops for four minutes: its node turns Unknown after the grace period, its pods leave
/// the endpoints at that instant and not before, go on serving until then, and are back within a
/// probe period (5 s) of the kubelet's return. No request is lost and no container restarts.
#[test]
fn pods_of_a_stopped_kubelet_go_on_serving() {
    let finished = run(&small(&fault("kubeletStopped", "4m"), &[]), Options::default());
    let silent = of_node(&finished, "kubelet-silent");
    assert!(matches!(&silent[..], [(at, _)] if *at == STRIKE_S), "{silent:?}");
    let readiness = of_node(&finished, "node-readiness");
    let [(unknown_s, unknown), (ready_s, ready)] = &readiness[..] else {
        panic!("{readiness:?}");
    };
    assert!(unknown.ends_with("Unknown") && ready.ends_with("Ready"), "{readiness:?}");
    // Grace 40 s after the last lease, which is up to 10.4 s old, seen on a pass up to 5.02 s late.
    assert!((STRIKE_S + 29.6..=STRIKE_S + 45.1).contains(unknown_s), "{unknown_s}");
    assert_eq!(*ready_s, STRIKE_S + 240.0, "a restarted kubelet posts its status at once");

    let during = |(at, _): &(f64, String)| (STRIKE_S..400.0).contains(at);
    let not_ready: Vec<_> =
        facts_named(&finished, "pod-not-ready").into_iter().filter(during).collect();
    assert!(!not_ready.is_empty(), "the premise: the node has pods");
    // One after the other, each by a call that takes 18 ms.
    for (nth, (at_s, _)) in (1..).zip(&not_ready) {
        assert!((at_s - unknown_s - 0.018 * f64::from(nth)).abs() < 1e-6, "{not_ready:?}");
    }
    let back: Vec<_> = facts_named(&finished, "pod-ready").into_iter().filter(during).collect();
    assert_eq!(back.len(), not_ready.len(), "{back:?}");
    assert!(back.iter().all(|(at, _)| (*ready_s..ready_s + 5.0).contains(at)), "{back:?}");
    let started = facts_named(&finished, "container-started");
    assert!(!started.iter().any(during), "nothing starts anew: {started:?}");
    assert_eq!(failed(&finished), 0);
}

/// Pods that turn not ready 18 ms after each other leave the endpoints one after the other, each
/// after the status patch; with a batch period of the controller all together, when that of the
/// first is over.
#[test]
fn endpoints_follow_batches_and_syncs() {
    for (kubernetes, after_s, apart_s) in [
        ("{}", 0.1, 0.018),
        ("{statusPatchDelay: 700ms}", 0.7, 0.018),
        ("{endpointsliceUpdatesBatchPeriod: 3s}", 3.1, 0.0),
    ] {
        let sets = [&*format!("kubernetes={kubernetes}")];
        let finished = run(&small(&fault("kubeletStopped", "4m"), &sets), Options::default());
        let unknown_s = of_node(&finished, "node-readiness")[0].0;
        let during = |(at, _): &&(f64, String)| (STRIKE_S..STRIKE_S + 200.0).contains(at);
        let not_ready = facts_named(&finished, "pod-not-ready");
        let n_pods = not_ready.iter().filter(during).count();
        let changed = facts_named(&finished, "endpoints-changed");
        let left: Vec<f64> = changed.iter().filter(during).map(|fact| fact.0).collect();
        assert_eq!(left.len(), n_pods, "{kubernetes}");
        assert!(0 < n_pods, "the premise: the node has pods");
        let first_s = unknown_s + 0.018 + after_s;
        let expected = (0..).map(|nth| first_s + apart_s * f64::from(nth));
        let as_expected = left.iter().zip(expected).all(|(&at, expected)| is_at(at, expected));
        assert!(as_expected, "{kubernetes}: {left:?}, first at {first_s}");
    }
}

/// A kubelet that stays away: pods are evicted 300 s after the taint and stay Terminating, and
/// serving, until it is back and ends them with their grace: preStop sleep 5 s, then SIGTERM.
#[test]
fn evicted_pods_end_when_their_kubelet_is_back() {
    let scenario = small(&fault("kubeletStopped", "8m"), &[]);
    let finished = run(&scenario, Options::default());
    let tainted_s = of_node(&finished, "node-tainted")[0].0;
    let pods = pods_of(&finished);
    let deleted: Vec<(f64, String)> = facts_named(&finished, "pod-deleted");
    let evicted: Vec<&(f64, String)> =
        deleted.iter().filter(|(_, words)| words.contains("unreachable")).collect();
    assert!(!evicted.is_empty());
    assert!(evicted.iter().all(|(at, _)| is_at(*at, tainted_s + 300.0)), "{evicted:?} {tainted_s}");
    let gone = facts_named(&finished, "pod-gone");
    let back_s = STRIKE_S + 480.0;
    let of_node =
        |(_, words): &&(f64, String)| pods.iter().any(|pod| words.contains(&format!("{pod} ")));
    let gone: Vec<f64> = gone.iter().filter(of_node).map(|fact| fact.0).collect();
    assert_eq!(gone.len(), evicted.len());
    assert!(gone.iter().all(|at| (back_s + 5.0..back_s + 30.0).contains(at)), "{gone:?}");
    assert_eq!(failed(&finished), 0);
}

/// A node that its kubelet calls not ready: the condition changes with the kubelet's next post
/// (every 10 s), the taint not-ready comes within one monitor pass (the condition was there before
/// it), the pods stay ready and serve until they are evicted 300 s later, with all their grace.
#[test]
fn a_node_that_is_not_ready_keeps_its_pods_ready() {
    let finished = run(&small(&fault("notReady", "7m"), &[]), Options::default());
    let post = |from_s| on_grid("node-status", NODE, Span::from_secs(10), from_s);
    let readiness = of_node(&finished, "node-readiness");
    let expected = [post(STRIKE_S), post(STRIKE_S + 420.0)];
    assert_eq!(readiness.iter().map(|fact| fact.0).collect::<Vec<_>>(), expected);
    assert!(readiness[0].1.ends_with("NotReady"), "{readiness:?}");

    let tainted = of_node(&finished, "node-tainted");
    let [(set_s, set), (taken_s, _)] = &tainted[..] else { panic!("{tainted:?}") };
    assert!(set.contains("not-ready:NoExecute"), "{set}");
    assert!((0.0..=5.2).contains(&(set_s - expected[0])), "in the next pass: {set_s}");
    assert!((0.0..=5.1).contains(&(taken_s - expected[1])), "with the next pass: {taken_s}");

    let during = |(at, _): &(f64, String)| (STRIKE_S..STRIKE_S + 420.0).contains(at);
    let evicted: Vec<_> = facts_named(&finished, "pod-deleted");
    let evicted: Vec<_> =
        evicted.iter().filter(|fact| fact.1.contains("node is not ready")).collect();
    assert!(!evicted.is_empty());
    assert!(evicted.iter().all(|(at, _)| is_at(*at, set_s + 300.0)), "{evicted:?}");
    let not_ready = facts_named(&finished, "pod-not-ready");
    assert!(!not_ready.iter().any(during), "{not_ready:?}");
    assert_eq!(failed(&finished), 0);
}

/// A node that is not ready falls silent: the taints are swapped in the pass that knows the node
/// as Unknown, without waiting for the limiter, and the pods go 300 s after the first taint.
#[test]
fn swapped_taints_keep_the_timers() {
    let faults = r#"faults:
  - {name: first, at: 2m, nodeLoss: {cluster: primary, zone: 1, mode: notReady}}
  - {name: second, at: 3m, nodeLoss: {cluster: primary, zone: 1}}
"#;
    let finished = run(&small(faults, &[]), Options::default());
    let tainted = of_node(&finished, "node-tainted");
    let [(first_s, _), (taken_s, taken), (second_s, second)] = &tainted[..] else {
        panic!("{tainted:?}");
    };
    assert!(taken.contains("not-ready") && second.contains("unreachable"), "{tainted:?}");
    assert_eq!(taken_s, second_s);
    let unknown_s = of_node(&finished, "node-readiness")[1].0;
    assert!((4.9..=5.2).contains(&(second_s - unknown_s)), "{second_s}, one pass later");
    let evicted = facts_named(&finished, "pod-deleted");
    let evicted: Vec<_> = evicted.iter().filter(|fact| fact.1.contains("evicted")).collect();
    assert!(!evicted.is_empty());
    assert!(evicted.iter().all(|(at, _)| is_at(*at, first_s + 300.0)), "{evicted:?}");
}

/// Each taint is tolerated for its own time, from the workload's tolerations or the API server's
/// defaults: the taint in force decides, and a pod whose timer runs keeps it when the taints are
/// swapped.
#[test]
fn the_taint_in_force_decides_when_pods_go() {
    let not_ready = fault("notReady", "9m");
    let silent = fault("kubeletStopped", "9m");
    let swapped = r#"faults:
  - {name: first, at: 2m, nodeLoss: {cluster: primary, zone: 1, mode: notReady}}
  - {name: second, at: 3m, nodeLoss: {cluster: primary, zone: 1}}
"#;
    let defaults = "kubernetes={defaultNotReadyTolerationSeconds: 200, \
                    defaultUnreachableTolerationSeconds: 30}";
    let own = "workloads[web].tolerations=[{key: node.kubernetes.io/unreachable, operator: Exists, \
               effect: NoExecute, tolerationSeconds: 50}]";
    let shorthand = "workloads[web].tolerationSeconds=70";
    for (rule, faults, sets, after_s) in [
        ("default of not-ready", not_ready.as_str(), vec![defaults], 200.0),
        ("default of unreachable", &silent, vec![defaults], 30.0),
        ("an own toleration", &silent, vec![defaults, own], 50.0),
        ("is for its taint only", &not_ready, vec![defaults, own], 200.0),
        ("the shorthand is for both", &not_ready, vec![defaults, own, shorthand], 70.0),
        ("and gives way to an own one", &silent, vec![defaults, own, shorthand], 50.0),
        ("a swap keeps the timer", swapped, vec![defaults], 200.0),
    ] {
        let finished = run(&small(faults, &sets), Options::default());
        let tainted_s = of_node(&finished, "node-tainted")[0].0;
        let deleted = facts_named(&finished, "pod-deleted");
        let evicted: Vec<_> = deleted.iter().filter(|fact| fact.1.contains("evicted")).collect();
        assert!(!evicted.is_empty(), "{rule}");
        assert!(
            evicted.iter().all(|(at, _)| is_at(*at, tainted_s + after_s)),
            "{rule}: {evicted:?}"
        );
    }
}

/// A kubelet that was cut off is heard again with the first post that gets through: posts are due
/// every 10 s, five tries of 10 s each, then the next period. Its pods are back at that instant.
#[test]
fn a_kubelet_that_was_cut_off_is_heard_with_its_next_post() {
    let finished = run(&small(&fault("isolated", "4m"), &[]), Options::default());
    let due = on_grid("node-status", NODE, Span::from_secs(10), STRIKE_S);
    let draw = |round| CHANCE.draw("status-jitter", NODE, round);
    let healed = Time::from_secs_f64(STRIKE_S + 240.0);
    let expected = first_success(Time::from_secs_f64(due), healed, TRY_TIMEOUT, draw);
    let back: Vec<f64> = of_node(&finished, "kubelet-back").iter().map(|fact| fact.0).collect();
    assert_eq!(back, [expected.as_secs_f64()]);
    let ready = facts_named(&finished, "pod-ready");
    let again: Vec<_> = ready.iter().filter(|(at, _)| *at == back[0]).collect();
    assert!(!again.is_empty(), "{ready:?}");
    assert_eq!(failed(&finished), 0);
}

/// A container that crashes while its kubelet is stopped stays down until the kubelet is back,
/// and the API server calls it ready until the monitor decides.
#[test]
fn nobody_restarts_containers_without_a_kubelet() {
    let crash =
        "  - {name: crash, at: 150s, podCrash: {workload: web, cluster: primary, count: 99}}\n";
    let faults = fault("kubeletStopped", "3m") + crash;
    let finished = run(&small(&faults, &[]), Options::default());
    let pods = pods_of(&finished);
    assert!(!pods.is_empty());
    let mut n_started = 0;
    for fact in finished.facts.facts() {
        if let What::ContainerStarted { pod } = fact.what
            && pods.contains(&finished.world.pod_name(pod))
            && fact.at > Time::from_secs(100)
        {
            assert!(Time::from_secs(300) <= fact.at, "{pod:?} starts at {}", fact.at);
            n_started += 1;
        }
    }
    assert!(0 < n_started, "the premise: containers of the node crashed");
}
