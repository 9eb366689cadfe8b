//! Protection from overload: adaptive limits at their fixed point, retry storms that end, and
//! shedding by criticality against the chain that it is.

use tideover::model::ids::{DeploymentId, PodId};
use tideover::sim::laws::Law;
use tideover::traffic::Traffic;
use tideover::traffic::calls::{
    CallGraph, CallerPlan, Calls, ConcurrencyLimitRules, Criticality, PodProtection, Protection,
    ShedRules,
};
use tideover::traffic::ledger::{Reason, UserTotals};
use tideover::traffic::plan::{Arrivals, DeploymentPlan, OnTimeout, TrafficPlan};
use tideover::units::{Ratio, Span, Time};

use super::birth_death::Chain;
use super::calls::{observed, run_tiers, tiers, totals, users};
use super::networks::{call, of, one_pod_each};
use super::storms::{RHO, THINNED, after_trigger, storm};
use super::system::{UNIT_S, demand, deployment, plan, pods_of, poisson, route_to};

fn pod() -> PodId {
    PodId::new(0)
}

/// Envoy's defaults, but the least limit is one: most pods here have fewer than three workers.
fn limit() -> ConcurrencyLimitRules {
    ConcurrencyLimitRules {
        update_interval: Span::from_millis(100),
        max_limit: 1_000,
        percentile: Ratio::new(0.5),
        min_rtt_interval: Span::from_secs(60),
        min_rtt_jitter: Ratio::new(0.15),
        min_rtt_requests: 50,
        min_rtt_buffer: Ratio::new(0.25),
        min_concurrency: 1,
    }
}

/// From half of the places on what is `SHEDDABLE`.
fn shed() -> ShedRules {
    ShedRules { thresholds: [0.5, 0.7, 0.9, 1.0].map(Ratio::new) }
}

fn protection(
    limit: Option<ConcurrencyLimitRules>,
    shed: Option<ShedRules>,
    demands: &[Criticality],
) -> Protection {
    let pods = PodProtection { name: "pods".to_owned(), limit, shed };
    Protection { deployments: vec![pods], demands: demands.to_vec() }
}

/// One user at a time, this far apart.
fn every(interval_s: f64, end_s: f64) -> Arrivals {
    let n = (end_s / interval_s) as u64;
    Arrivals::Replay {
        instants: (0..n).map(|k| Time::from_secs_f64(k as f64 * interval_s)).collect(),
    }
}

/// An engine of one deployment with one pod.
fn start(plan: &TrafficPlan, protection: &Protection) -> Calls {
    let mut engine = Calls::protected(plan, &CallGraph::default(), protection);
    engine.start_pod(pod(), deployment());
    engine
}

/// A pod of c workers that is asked for twenty times what it can settles at Envoy's fixed point
/// L = (1 + b) c + sqrt((1 + b) c), rounded down, and serves as much as it can. In these rows L is
/// a multiple of c, so that every answer takes L / c times the work, whatever the workers' order.
/// Between an answer and the next user the pod has one less, for a twentieth of the time at most.
#[test]
fn an_adaptive_limit_settles_at_its_fixed_point() {
    let work_s = 0.02;
    for (workers, buffer, fixed) in
        [(1, 0.25, 2), (1, 1.0, 3), (2, 0.25, 4), (4, 0.5, 8), (8, 0.6, 16)]
    {
        let capacity_per_s = f64::from(workers) / work_s;
        let users = demand("users", every(1.0 / (20.0 * capacity_per_s), 30.0));
        let plan = plan(users, pods_of(workers, Law::constant(work_s)), 30.0);
        let (update_interval, min_rtt_buffer) = (Span::from_secs(1), Ratio::new(buffer));
        let rules = ConcurrencyLimitRules { update_interval, min_rtt_buffer, ..limit() };
        let mut engine = start(&plan, &protection(Some(rules), None, &[Criticality::Critical]));
        engine.advance(Time::from_secs(20), &route_to(1));
        let before = totals(&engine, 0).served;
        // No multiple of what happens every 20 ms.
        let (mut n_full, n, step) = (0, 1_000, Span::from_nanos(9_973_000));
        for k in 1..=n {
            engine.advance(Time::from_secs(20) + step * k, &route_to(1));
            let in_flight = engine.in_flight(pod());
            let what = format!("{workers} workers, buffer {buffer}: {in_flight} in flight");
            assert!(in_flight == fixed || in_flight + 1 == fixed, "{what}");
            n_full += i64::from(in_flight == fixed);
        }
        assert!(n * 9 < n_full * 10, "{workers} workers, buffer {buffer}: {n_full} of {n}");
        let served = (totals(&engine, 0).served - before) as f64;
        let exact = 9.973 * capacity_per_s;
        assert!((served - exact).abs() <= f64::from(workers), "{served}, not {exact}");
    }
}

/// The storm that does not end by itself (a cut of the CPU to a fifth, for 20 s): with an adaptive
/// limit nobody waits long enough to come back. While the CPU is cut the pod answers as many in
/// time as it can, 1 / (5 work) a second; without a limit everything that it does is for nobody.
#[test]
fn a_limit_ends_a_retry_storm() {
    let plan = storm(75_000 * THINNED, 200, RHO, 4, OnTimeout::Serve);
    let capacity = 0.2 / plan.deployments[0].law.mean_s();
    for limited in [true, false] {
        let rules = protection(limited.then(limit), None, &[Criticality::Critical]);
        let mut engine = start(&plan, &rules);
        engine.advance(Time::from_secs(60), &route_to(1));
        engine.set_speed(pod(), 0.2);
        engine.advance(Time::from_secs(70), &route_to(1));
        let before = totals(&engine, 0);
        engine.advance(Time::from_secs(80), &route_to(1));
        let after = totals(&engine, 0);
        let served = (after.served - before.served) as f64;
        assert!((served - 10.0 * capacity).abs() <= 1.0, "{served} in 10 s of {capacity}");
        let in_vain = (after.zombie_ns - before.zombie_ns) as f64 / 1e10;
        assert_eq!(in_vain < 0.001, limited, "{in_vain} of the work is for nobody");
        let mut engine = Calls::protected(&plan, &CallGraph::default(), &rules);
        let served = after_trigger(&mut engine, &plan, 0.2, 20);
        assert!(if limited { served == 1.0 } else { served < 0.05 }, "{limited}: {served}");
    }
}

/// A user in three is `CRITICAL_PLUS`, the others are `SHEDDABLE` and enter only while less than
/// half of the places are taken: M/M/c/K whose arrivals depend on the state, exactly. The shares
/// of both that are refused, within four standard errors.
#[test]
fn shedding_is_a_birth_death_chain() {
    let (servers, places, time) = (4, 20, 100_000.0);
    for (high, low) in [(1.5, 3.0), (3.0, 6.0)] {
        let mut users = plan(
            demand("high", poisson(high / UNIT_S)),
            DeploymentPlan {
                queue: (places - servers) as u32,
                ..pods_of(servers as u16, Law::exponential(UNIT_S))
            },
            time * UNIT_S,
        );
        users.demands.push(demand("low", poisson(low / UNIT_S)));
        let classes = [Criticality::CriticalPlus, Criticality::Sheddable];
        let mut engine = start(&users, &protection(None, Some(shed()), &classes));
        engine.advance(users.end, &route_to(1));
        let entering = |n: usize| if 2 * n < places { high + low } else { high };
        let rows =
            [("high", high, places, Reason::QueueFull), ("low", low, places / 2, Reason::Shed)];
        for (index, (class, rate, refused_from, reason)) in rows.into_iter().enumerate() {
            let totals = engine.ledger().demands()[index].totals();
            let chain = Chain::admitting(servers, rate, places, entering);
            let is_refused = |n: usize| f64::from(u8::from(refused_from <= n));
            let (exact, error) = (chain.mean(is_refused), chain.arrival_error(is_refused, time));
            let share = totals.failed[reason as usize] as f64 / (rate * time);
            let off = (share - exact) / error;
            assert!(off.abs() <= 4.0, "{class}, {high}: {share}, exactly {exact}: {off:.1} errors");
            assert_eq!(totals.failed[reason as usize], totals.failed_total(), "{class}");
        }
    }
}

/// Users that matter ask for half of what a pod can, others for twice as much. Shedding by
/// criticality loses none of the first, and still uses the pod wholly; without it they lose what
/// the queue refuses. With an adaptive limit, thresholds are shares of the limit.
#[test]
fn what_matters_is_not_shed() {
    let (work_s, end_s) = (0.01, 100.0);
    let pods = DeploymentPlan { queue: 8, ..pods_of(2, Law::constant(work_s)) };
    let mut plan = plan(demand("high", every(0.01, end_s)), pods, end_s);
    plan.demands.push(demand("low", every(0.0025, end_s)));
    let classes = [Criticality::CriticalPlus, Criticality::Sheddable];
    // L = 2.5 + sqrt(2.5) = 4: half of it is two.
    for (limit, shed, spared) in
        [(None, Some(shed()), true), (Some(limit()), Some(shed()), true), (None, None, false)]
    {
        let mut engine = start(&plan, &protection(limit, shed, &classes));
        engine.advance(plan.end, &route_to(1));
        let [high, low] = [0, 1].map(|k| *engine.ledger().demands()[k].totals());
        if limit.is_none() {
            let served = (high.served + low.served) as f64;
            assert!((served - 2.0 / work_s * end_s).abs() <= 10.0, "{served}");
        }
        // A measurement of the latency without a queue lets in one at a time, for 50 answers.
        let may_lose = if limit.is_some() { 2 * 50 } else { 0 };
        assert_eq!(high.failed_total() <= may_lose, spared, "{high:?}");
        assert!(2 * low.served <= low.offered, "{low:?}");
        if spared {
            assert_eq!(low.failed[Reason::Shed as usize], low.failed_total(), "{low:?}");
        }
    }
}

/// A back that sheds knows for whom its callers ask: only users of low criticality fail, with
/// `dependency`, although the front refuses nobody.
#[test]
fn criticality_goes_along_with_calls() {
    let end_s = 20.0;
    let mut plan =
        plan(demand("high", every(0.02, end_s)), pods_of(64, Law::constant(0.001)), end_s);
    plan.demands.push(demand("low", every(0.003, end_s)));
    let back = DeploymentPlan { queue: 8, ..pods_of(2, Law::constant(0.01)) };
    plan.deployments.push(of(1, back));
    let graph = CallGraph::new(vec![CallerPlan { holds_worker: false, calls: vec![call(1)] }]);
    let back = PodProtection { name: "back".to_owned(), limit: None, shed: Some(shed()) };
    let rules = Protection {
        deployments: vec![PodProtection::default(), back],
        demands: vec![Criticality::CriticalPlus, Criticality::Sheddable],
    };
    let mut engine = Calls::protected(&plan, &graph, &rules);
    for k in [0, 1] {
        engine.start_pod(PodId::new(k), DeploymentId::new(k));
    }
    engine.advance(plan.end, &one_pod_each(2));
    let [high, low]: [UserTotals; 2] = [0, 1].map(|k| *engine.ledger().demands()[k].totals());
    assert_eq!(high.failed_total(), 0);
    let failed = low.failed[Reason::Dependency as usize];
    assert!(failed == low.failed_total() && low.offered < 3 * failed, "{low:?}");
    assert_eq!(totals(&engine, 1).refused, failed);
}

/// Looking in between changes no bit, and no user is lost (the engine asserts it at every look),
/// with limits and shedding in front of every tier, through lost pods and changes of speed. A
/// limit and thresholds that refuse nobody change no bit, either.
#[test]
fn cutting_protected_windows_changes_no_bit() {
    let classes = [Criticality::Critical, Criticality::Sheddable, Criticality::SheddablePlus];
    let protect = |limit: ConcurrencyLimitRules, shed: ShedRules| Protection {
        deployments: (0..4)
            .map(|k| PodProtection {
                name: format!("pods-{k}"),
                limit: (k != 1).then_some(limit),
                shed: Some(shed),
            })
            .collect(),
        demands: classes.to_vec(),
    };
    let often = Span::from_secs(3);
    let tight = ConcurrencyLimitRules { min_rtt_requests: 5, min_rtt_interval: often, ..limit() };
    let wide = ConcurrencyLimitRules { min_concurrency: u32::MAX, max_limit: u32::MAX, ..limit() };
    let never = ShedRules { thresholds: [Ratio::new(1.0); 4] };
    for on_timeout in [OnTimeout::Serve, OnTimeout::DropQueued, OnTimeout::Cancel] {
        let (plan, graph) = tiers(on_timeout, on_timeout != OnTimeout::Serve);
        let start = |rules: &Protection| Calls::protected(&plan, &graph, rules);
        let whole = run_tiers(start(&protect(tight, shed())), 0);
        assert!(0 < users(&whole).failed[Reason::Shed as usize].min(users(&whole).served));
        for n_cuts in [1, 3, 200] {
            let cut = run_tiers(start(&protect(tight, shed())), n_cuts);
            assert!(observed(&cut) == observed(&whole), "{n_cuts} cuts a second, {on_timeout:?}");
        }
        let open = run_tiers(start(&protect(wide, never)), 0);
        let plain = run_tiers(Calls::new(&plan, &graph), 0);
        assert!(observed(&open) == observed(&plain), "{on_timeout:?}");
    }
}
