//! Rollouts: how far they go at every step, and what a fault meets in flight.
//!
//! Ten pods, `maxSurge` 25 % (3, rounded up) and `maxUnavailable` 25 % (2, rounded down): never
//! more than 13 pods, and never fewer than 8 available by the rollout's own doing.

use tideover::model::fact::What;
use tideover::model::ids::{DeploymentId, PodId};
use tideover::simulation::{Finished, Options};
use tideover::units::Time;

use super::{facts_named, run, small};

/// Ten pods in each cluster, whatever the HPA sees.
const TEN: &str = "workloads[web].hpa.minReplicas=10";

/// A rollout of the primary's pods at 2 min.
const ROLLOUT: &str =
    "operations:\n  - {name: v2, at: 2m, rollout: {workload: web, cluster: primary}}\n";

/// A step of a rollout: second, revision, size before and after.
type Step = (f64, u32, u32, u32);

/// The steps of all rollouts.
fn steps(finished: &Finished) -> Vec<Step> {
    let step = |fact: &tideover::model::fact::Fact| match fact.what {
        What::ReplicaSetScaled { revision, from, to, .. } => {
            Some((fact.at.as_secs_f64(), revision, from, to))
        }
        _ => None,
    };
    finished.facts.facts().iter().filter_map(step).collect()
}

/// The pods of the primary after every fact: how many there are (not being deleted), and how many
/// of them are ready.
fn pods_over_time(finished: &Finished) -> Vec<(Time, usize, usize)> {
    let world = &finished.world;
    let is_its = |pod: PodId| world[pod].deployment == DeploymentId::new(0);
    let start = finished.facts.facts()[0].at;
    let mut active = vec![false; world.pods.len()];
    let mut ready = vec![false; world.pods.len()];
    let mut series = Vec::new();
    for fact in finished.facts.facts() {
        match fact.what {
            What::PodCreated { pod } if is_its(pod) => {
                active[pod.index()] = true;
                // Those of the start have been ready for long.
                ready[pod.index()] = world[pod].created_at < start;
            }
            What::PodReady { pod } if is_its(pod) => ready[pod.index()] = true,
            What::PodNotReady { pod, .. } => ready[pod.index()] = false,
            What::PodDeleted { pod, .. } | What::PodGone { pod } => active[pod.index()] = false,
            _ => continue,
        }
        let n_active = active.iter().filter(|&&is| is).count();
        let n_ready = active.iter().zip(&ready).filter(|&(&active, &ready)| active && ready);
        series.push((fact.at, n_active, n_ready.count()));
    }
    series
}

/// The instants of facts of one kind.
fn at(finished: &Finished, name: &str) -> Vec<f64> {
    facts_named(finished, name).iter().map(|fact| fact.0).collect()
}

/// Every step of a rollout of ten pods. The controller looks 30 ms after a change. It makes the
/// new ReplicaSet with 13 - 10 = 3 pods and in the same pass takes 10 - 8 = 2 old ones away; that
/// makes room for 2 new ones. The first 3 were bound 30 ms before these 2 and are ready as much
/// earlier: 11 available leave 3 old ones, the next 2 leave 2, each time with new ones following
/// up to 13. The last 5 turn ready together, 13 available, and the last 3 old ones go.
#[test]
fn a_rollout_of_ten_pods_takes_these_steps() {
    for seed in 1..=3 {
        let options = Options { seed: Some(seed), ..Options::default() };
        let finished = run(&small(ROLLOUT, &[TEN]), options);
        let found = steps(&finished);
        let sizes: Vec<(u32, u32, u32)> = found.iter().map(|&(_, r, a, b)| (r, a, b)).collect();
        let expected = [
            (1, 0, 3),
            (0, 10, 8),
            (1, 3, 5),
            (0, 8, 5),
            (1, 5, 8),
            (0, 5, 3),
            (1, 8, 10),
            (0, 3, 0),
        ];
        assert_eq!(sizes, expected, "seed {seed}");
        let instants: Vec<f64> = found[..3].iter().map(|step| step.0).collect();
        assert_eq!(instants, [120.03, 120.03, 120.06], "seed {seed}");
        for (at, n_active, n_ready) in pods_over_time(&finished) {
            assert!(n_active <= 13, "seed {seed}: {n_active} pods at {at}");
            assert!(8 <= n_ready || at < Time::ZERO, "seed {seed}: {n_ready} ready at {at}");
        }
        let complete = at(&finished, "rollout-complete");
        assert_eq!(complete.len(), 1);
        assert!(found[7].0 < complete[0] && complete[0] < found[7].0 + 0.1, "{complete:?}");
        let world = &finished.world;
        let pods = &world[DeploymentId::new(0)].pods;
        assert!(pods.len() == 10 && pods.iter().all(|&pod| world[pod].revision == 1));
        assert_eq!(world[DeploymentId::new(1)].revision(), 0, "the other cluster keeps its own");
    }
}

/// Pods must have been ready for `minReadySeconds` before old ones go for them.
#[test]
fn min_ready_seconds_hold_each_step() {
    let sets = [TEN, "workloads[web].minReadySeconds=20"];
    let finished = run(&small(ROLLOUT, &sets), Options::default());
    let ready: Vec<f64> = at(&finished, "pod-ready").into_iter().filter(|&s| 120.0 < s).collect();
    let fourth = steps(&finished)[3];
    assert_eq!((fourth.1, fourth.2, fourth.3), (0, 8, 5), "the first step that needs new pods");
    assert!((20.0..=20.1).contains(&(fourth.0 - ready[0])), "{fourth:?} after {}", ready[0]);
    assert_eq!(at(&finished, "rollout-complete").len(), 1);
}

/// A new process that never answers: the rollout stops at 5 new and 8 old pods, users are served
/// by these, and after 600 s without progress (looked at one second later) it is called stuck. A
/// second rollout puts it right: it rolls over the first.
#[test]
fn a_broken_rollout_stops_and_can_be_rolled_over() {
    let operations = "operations:
  - {name: bad, at: 2m, rollout: {workload: web, cluster: primary, broken: true}}
  - {name: good, at: 14m, rollout: {workload: web, cluster: primary}}
";
    let finished = run(&small(operations, &[TEN, "run.horizon=20m"]), Options::default());
    let (bad, good): (Vec<Step>, Vec<Step>) =
        steps(&finished).into_iter().partition(|step| step.0 < 840.0);
    let sizes: Vec<(u32, u32, u32)> = bad.iter().map(|&(_, r, a, b)| (r, a, b)).collect();
    assert_eq!(sizes, [(1, 0, 3), (0, 10, 8), (1, 3, 5)]);
    let stuck = at(&finished, "rollout-stuck");
    // The fifth new pod was the last thing that moved: made 15 ms after the last step.
    assert!(matches!(&stuck[..], [s] if (721.0..=721.2).contains(s)), "{stuck:?}");
    assert_eq!(good.last().map(|step| step.3), Some(0), "{good:?}");
    assert_eq!(at(&finished, "rollout-complete").len(), 1, "only the good one");
    for (at, n_active, n_ready) in pods_over_time(&finished) {
        assert!(
            n_active <= 13 && (8 <= n_ready || at < Time::ZERO),
            "{n_ready}/{n_active} at {at}"
        );
    }
    let seconds = finished.ledger.demands().iter().flat_map(|demand| demand.seconds());
    let failed: u32 = seconds.map(|second| second.failed_total()).sum();
    assert_eq!(failed, 0, "a broken rollout costs no request");
}

/// `Recreate`: no new pod is made before the last old one is gone.
#[test]
fn recreate_empties_first() {
    let sets = [TEN, "workloads[web].strategy.type=Recreate"];
    let finished = run(&small(ROLLOUT, &sets), Options::default());
    let gone = at(&finished, "pod-gone");
    let made: Vec<f64> = at(&finished, "pod-created").into_iter().filter(|&s| 120.0 < s).collect();
    assert_eq!((gone.len(), made.len()), (10, 10));
    assert!(gone.iter().all(|&gone| gone < made[0]), "{gone:?} {made:?}");
    assert_eq!(at(&finished, "rollout-complete").len(), 1);
}

/// A zone dies while the rollout is in flight, 8 s after it began. Its pods are lost for as long
/// as nobody evicts them: the new ones among them hold the rollout up until they are replaced,
/// 300 s after the taint, and never does it make more than 13 pods.
#[test]
fn a_rollout_in_flight_meets_the_loss_of_a_zone() {
    let text = format!(
        "{ROLLOUT}faults:\n  - {{name: zone, at: 128s, zoneLoss: {{region: east, zone: 1}}}}\n"
    );
    for seed in 1..=3 {
        let options = Options { seed: Some(seed), ..Options::default() };
        let finished = run(&small(&text, &[TEN]), options);
        let struck = at(&finished, "fault-struck")[0];
        let before: Vec<Step> =
            steps(&finished).into_iter().filter(|step| step.0 < struck).collect();
        assert_eq!(before.len(), 3, "seed {seed}: the rollout is in flight");
        let tainted = at(&finished, "node-tainted")[0];
        let complete = at(&finished, "rollout-complete");
        assert!(complete.len() == 1, "seed {seed}: it ends: {complete:?}");
        assert!(tainted + 300.0 < complete[0], "seed {seed}: {complete:?} after {tainted}");
        for (at, n_active, _) in pods_over_time(&finished) {
            assert!(n_active <= 13, "seed {seed}: {n_active} pods at {at}");
        }
    }
}

/// The controller's client has 30 tokens and gets 20 a second: of 100 pods to be deleted 30 go at
/// once, then one every 50 ms, and so do their replacements.
#[test]
fn a_hundred_pods_are_deleted_at_the_clients_rate() {
    let sets = [
        "workloads[web].hpa.minReplicas=100",
        "workloads[web].hpa.maxReplicas=100",
        "workloads[web].strategy.type=Recreate",
        "clusters[primary].pools[user].minCount=20",
        "clusters[primary].pools[user].maxCount=20",
        "clusters[secondary].pools[user].minCount=20",
        "clusters[secondary].pools[user].maxCount=20",
    ];
    let finished = run(&small(ROLLOUT, &sets), Options::default());
    let deleted = at(&finished, "pod-deleted");
    let first = deleted[0];
    assert_eq!(deleted.len(), 100);
    for (index, at) in deleted.iter().enumerate() {
        let expected = index.saturating_sub(29) as f64 * 0.05;
        assert!((at - first - expected).abs() < 1e-6, "pod {index} after {}", at - first);
    }
    let made: Vec<f64> = at(&finished, "pod-created").into_iter().filter(|&s| 120.0 < s).collect();
    assert_eq!(made.len(), 100);
    let in_a_second = |from: usize| made[from + 30] - made[from];
    assert!((0..70).all(|from| 0.05 < in_a_second(from)), "never more than 30 at once");
    assert_eq!(at(&finished, "rollout-complete").len(), 1);
}
