//! Dead zones: how fast their nodes are given up, when evictions stop, when the autoscaler does.

use tideover::control::hpa::reconcile::Path;
use tideover::model::fact::What;
use tideover::model::ids::NodeId;
use tideover::scenario::Scenario;
use tideover::simulation::Simulation;

use super::stage::{
    Stage, UNLIMITED, at, begin, is_created, is_deleted, is_tainted, is_unknown, millis, nodes_of,
    play, renew, scaled, times,
};

const THIRTY_NODES: Stage<'_> = Stage {
    profile: "k8s-1.31",
    zones: 3,
    pool: "count: 30, allocatable: {cpu: 8, memory: 32Gi}",
    workload: "replicas: 30",
    load: "{at: 0s, load: 1}",
    constants: UNLIMITED,
    more: "faults:\n  - {name: zone, at: 100s, zoneLoss: {region: here, zone: 1}}\n",
};

/// A run in which the nodes of zone 1 renewed last at the instants that `renewed_s` gives them by
/// number; the monitor passes at 101 s - 5.001 k s.
fn lost_zone(scenario: &Scenario, renewed_s: impl Fn(usize) -> f64) -> Simulation<'_> {
    let mut run = begin(scenario, 101.0);
    for (number, node) in nodes_of(&run, 0).into_iter().enumerate() {
        renew(&mut run, node, renewed_s(number));
    }
    play(&mut run);
    run
}

/// Instants 10 s apart.
fn every_ten_seconds(first_s: f64, n: u32) -> Vec<f64> {
    (0..n).map(|k| millis(first_s + 10.0 * f64::from(k))).collect()
}

/// The whole zone is found on the pass at 141.008 s (renewals at 97 s, seen at 101 s): eight
/// workers take 2 x 18 ms for a node and its pod, two of them as long again. The pass ends at
/// 141.081 s with the zone wholly down, at the normal rate and with its token. The next pass starts
/// at 146.081 s and queues all ten: the first is tainted at 146.1 s, then one every 10 s, and the
/// last pod is evicted at 146.1 + 90 + 300 s.
#[test]
fn a_dead_zone_found_at_once() {
    let scenario = THIRTY_NODES.scenario();
    let run = lost_zone(&scenario, |_| 97.0);
    let unknown = [[141.026; 8].as_slice(), &[141.062; 2]].concat();
    assert_eq!(times(&run, is_unknown), unknown);
    assert_eq!(times(&run, is_tainted), every_ten_seconds(146.1, 10));
    assert_eq!(times(&run, is_deleted), every_ten_seconds(446.1, 10));
}

/// Six nodes renewed at 93.5 s (seen at 95.999 s, silent on the pass at 136.007 s), four at 98.5 s
/// (seen at 101 s). The first pass takes 37 ms and leaves the zone partly down: rate 0. The second
/// starts at 141.044 s, ends at 141.081 s and finds the zone wholly down: the rate is back, the
/// bucket empty. So the first taint falls on the first tenth of a second 10 s later, not 5 s after
/// the first detection: 151.1 s, then one every 10 s.
#[test]
fn a_dead_zone_passes_through_partial_disruption() {
    let scenario = THIRTY_NODES.scenario();
    let run = lost_zone(&scenario, |number| if number < 6 { 93.5 } else { 98.5 });
    let unknown = times(&run, is_unknown);
    assert_eq!(unknown, [[136.025; 6].as_slice(), [141.062; 4].as_slice()].concat());
    assert_eq!(times(&run, is_tainted), every_ten_seconds(151.1, 10));
    assert_eq!(times(&run, is_deleted), every_ten_seconds(451.1, 10));
}

/// Six of ten nodes of a zone, found on one pass: 60 % are not ready and the zone has at most 50
/// nodes, so nothing is ever evicted. Five of ten are too few: the pass at 146.045 s queues
/// them, and one is tainted every 10 s.
#[test]
fn partial_disruption_of_a_small_zone_stops_evictions() {
    for (n_lost, expected) in [(6, vec![]), (5, every_ten_seconds(146.1, 5))] {
        let more = format!(
            "faults:\n  - {{name: some, at: 100s, nodeLoss: {{cluster: main, zone: 1, count: \
             {n_lost}}}}}\n"
        );
        let scenario = Stage { more: &more, ..THIRTY_NODES }.scenario();
        let run = lost_zone(&scenario, |_| 97.0);
        assert_eq!(times(&run, is_unknown), vec![141.026; n_lost]);
        assert_eq!(times(&run, is_tainted), expected, "{n_lost} of 10");
    }
}

/// A node that is found a pass before the others of its zone is queued before that pass sees them
/// fail, and takes the zone's token if the queue is worked before that pass ends. Renewed at
/// 93.5 s, found at 136.037 s, queued at the start of the next pass at 141.074 s and tainted at
/// 141.1 s. That pass finds five more and ends at 141.111 s: evictions stop, this node's pod is the
/// only one replaced. With passes 30 ms earlier it ends at 141.081 s, and nothing escapes.
#[test]
fn one_eviction_escapes_partial_disruption() {
    let more = "faults:\n  - {name: six, at: 100s, nodeLoss: {cluster: main, zone: 1, count: 6}}\n";
    let scenario = Stage { more, ..THIRTY_NODES }.scenario();
    for (pass_s, unknown, tainted) in
        [(101.03, [136.055, 141.092], vec![141.1]), (101.0, [136.025, 141.062], vec![])]
    {
        let mut run = begin(&scenario, pass_s);
        let zone = nodes_of(&run, 0);
        zone.iter().for_each(|&node| renew(&mut run, node, 98.0));
        // Which nodes are lost is drawn when the fault strikes.
        while run.cx.now < at(100.0) {
            run.step();
        }
        let lost = |node: &NodeId| !run.cx.world[*node].is_up();
        let lost: Vec<NodeId> = zone.into_iter().filter(lost).collect();
        assert_eq!(lost.len(), 6);
        run.cx.memory.node_mut(lost[0]).last_heard = Some(at(93.5));
        play(&mut run);
        assert_eq!(times(&run, is_unknown)[..2], unknown);
        let after = |s: f64| -> Vec<f64> { tainted.iter().map(|at_s| millis(at_s + s)).collect() };
        assert_eq!(times(&run, is_tainted), tainted);
        assert_eq!(times(&run, is_deleted), after(300.0));
        assert_eq!(times(&run, is_created), after(300.015));
    }
}

/// All three zones are found down on one pass: every zone is Full, evictions stop before any node
/// is queued, and no pod is ever deleted.
#[test]
fn all_zones_down_evicts_nothing() {
    let more = "faults:
  - {name: a, at: 100s, zoneLoss: {region: here, zone: 1}}
  - {name: b, at: 100s, zoneLoss: {region: here, zone: 2}}
  - {name: c, at: 100s, zoneLoss: {region: here, zone: 3}}
";
    let pool = "count: 9, allocatable: {cpu: 8, memory: 32Gi}";
    let scenario = Stage { more, pool, workload: "replicas: 9", ..THIRTY_NODES }.scenario();
    let mut run = begin(&scenario, 101.0);
    for zone in 0..3 {
        nodes_of(&run, zone).into_iter().for_each(|node| renew(&mut run, node, 97.0));
    }
    play(&mut run);
    assert_eq!(times(&run, is_unknown), [[141.026; 8].as_slice(), &[141.062]].concat());
    assert_eq!(times(&run, is_tainted), [0.0; 0]);
    assert_eq!(times(&run, is_deleted), [0.0; 0]);
}

/// One zone of three is 33 % of all nodes, one of two is 50 %: above 45 % (and more than 3) unready
/// nodes the autoscaler halts, at its first scan after 141.08 s, and orders nothing for the pods
/// that are evicted from 446.2 s on (each node has two, so the pass ends at 141.117 s, and the
/// queue is worked at 146.2 s). With three zones the pods of the first evicted node are pending
/// from 446.215 s; the scan at 450 s is the first after their buffer of 2 s.
#[test]
fn two_zones_lose_the_autoscaler_and_three_do_not() {
    let halts = |what: &What| matches!(what, What::AutoscalerHalted { halted: true, .. });
    let orders = |what: &What| matches!(what, What::ScaleUp { .. });
    let twenty = "minCount: 20, maxCount: 60, allocatable: {cpu: 2, memory: 8Gi}";
    let thirty = "minCount: 30, maxCount: 60, allocatable: {cpu: 2, memory: 8Gi}";
    for (zones, pool, workload, halted, ordered) in [
        (2, twenty, "replicas: 40", vec![150.0], None),
        (3, thirty, "replicas: 60", vec![], Some(450.0)),
    ] {
        let scenario = Stage { zones, pool, workload, ..THIRTY_NODES }.scenario();
        let run = lost_zone(&scenario, |_| 97.0);
        let unknown = [[141.026; 8].as_slice(), &[141.08; 2]].concat();
        assert_eq!(times(&run, is_unknown), unknown, "{zones} zones");
        assert_eq!(times(&run, is_tainted), every_ten_seconds(146.2, 10), "{zones} zones");
        assert_eq!(times(&run, is_created)[0], 446.215, "{zones} zones");
        assert_eq!(times(&run, halts), halted, "{zones} zones");
        assert_eq!(times(&run, orders).first().copied(), ordered, "{zones} zones");
    }
}

/// 30 pods at their target of 60 % in three zones lose a third. The survivors take the load and use
/// 90 %; the dead pods stay listed, without metrics, and count as idle: 20 x 90 % / 30 = 60 %. So
/// the HPA wants 30 on every pass until the evicted pods are replaced, and after.
#[test]
fn the_hpa_does_not_see_the_loss_of_a_zone() {
    let workload = "limits: {cpu: 2}
    hpa: {minReplicas: 3, maxReplicas: 100, targetCPUUtilization: 60%}";
    let scenario = Stage { workload, load: "{at: 0s, load: 18}", ..THIRTY_NODES }.scenario();
    let mut run = begin(&scenario, 101.0);
    nodes_of(&run, 0).into_iter().for_each(|node| renew(&mut run, node, 97.0));
    let mut highest_percent = 0;
    while run.step().is_some() {
        let decision = run.cx.memory.hpas[0].last;
        if let Some(Path::Measured(measured)) = decision.map(|decision| decision.path) {
            let percent = measured.proposal.utilization_percent;
            highest_percent = highest_percent.max(percent.expect("its target is a utilisation"));
        }
    }
    assert_eq!(times(&run, is_deleted).len(), 10, "the premise: pods are evicted");
    assert_eq!(highest_percent, 90, "the survivors' utilisation");
    assert_eq!(scaled(&run), []);
}
