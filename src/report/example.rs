//! A made-up outcome and timeline for the tests of this layer: one hour at 10,000 requests/s,
//! the primary lost after 20 minutes, the secondary overloaded for 6 minutes while it grows from
//! 12 to 60 pods.

use std::collections::BTreeMap;

use crate::metrics::headroom::Headroom;
use crate::metrics::outcome::{
    Binding, ClusterOutcome, FaultOutcome, GeographyOutcome, HeadroomOutcome, Latency,
    LatencyPhases, Outcome, Requests, SCHEMA, WorkloadOutcome, WorkloadRecovery,
};
use crate::metrics::timeline::{ClusterSecond, ClusterSeries, Timeline, UserWindow};

const HORIZON_S: usize = 3_600;
const FAULT_S: usize = 1_200;
const REROUTED_S: usize = 1_252;
const SERVED_S: usize = 1_572;
const REPAIRED_S: usize = 2_700;
const BACK_S: usize = 2_793;
const RATE: f64 = 10_000.0;
const PER_POD: f64 = 190.0;

/// Noise that is the same everywhere: about -1 to 1.
fn noise(index: usize) -> f64 {
    let mixed = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 40) as f64 / f64::from(1 << 23) - 1.0
}

/// Pods of the secondary: from 12 to 60 in the steps of an HPA, then slowly down.
fn secondary_pods(at_s: usize) -> u32 {
    match at_s {
        0..1_295 => 12,
        1_295..1_330 => 24,
        1_330..1_480 => 30,
        1_480..1_560 => 48,
        1_560..3_150 => 60,
        _ => 60 - (at_s as u32 - 3_150) / 15,
    }
}

fn is_primary_used(at_s: usize) -> bool {
    at_s < FAULT_S || BACK_S <= at_s
}

fn primary(at_s: usize) -> ClusterSecond {
    let is_up = !(FAULT_S..REPAIRED_S).contains(&at_s);
    let attempts = if is_primary_used(at_s) { RATE + 100.0 * noise(at_s) } else { 0.0 };
    let ready_pods = if !is_up || (REPAIRED_S..REPAIRED_S + 40).contains(&at_s) { 0 } else { 60 };
    let now = (10 < at_s && 0.0 < attempts)
        .then(|| f64::from(ready_pods) * PER_POD / (RATE + 30.0 * noise(at_s)) - 1.0);
    ClusterSecond {
        attempts: attempts as u64,
        served: attempts as u64,
        failed: 0,
        serving: is_up,
        ready_pods,
        pods: 60,
        ready_nodes: if is_up { 10 } else { 0 },
        nodes: 10,
        headroom: Headroom { now, failover: now, scarcest: None },
    }
}

fn secondary(at_s: usize) -> ClusterSecond {
    let pods = secondary_pods(at_s);
    let ready_pods = secondary_pods(at_s.saturating_sub(22));
    let capacity = f64::from(ready_pods) * PER_POD;
    let users = if (REROUTED_S - 26..BACK_S).contains(&at_s) { RATE } else { 0.0 };
    let is_short = capacity < users;
    let attempts = users * if is_short { 1.9 } else { 1.0 } + users * 0.01 * noise(at_s);
    let served = attempts.min(capacity);
    let wanted = if 0.0 < users { attempts } else { RATE + 30.0 * noise(at_s) };
    let nodes = 2 + pods.saturating_sub(12).div_ceil(6);
    ClusterSecond {
        attempts: attempts as u64,
        served: served as u64,
        failed: (attempts - served) as u64,
        serving: true,
        ready_pods,
        pods,
        ready_nodes: 2 + secondary_pods(at_s.saturating_sub(15)).saturating_sub(12).div_ceil(6),
        nodes,
        headroom: Headroom {
            now: (0.0 < users).then(|| capacity / attempts - 1.0),
            failover: (10 < at_s).then(|| capacity / wanted - 1.0),
            scarcest: None,
        },
    }
}

fn window(at_s: usize) -> UserWindow {
    let offered = (10.0 * RATE + 300.0 * noise(at_s)) as u64;
    let share = match at_s {
        FAULT_S..1_226 => 0.0,
        1_226..REROUTED_S => (at_s - 1_226) as f64 / 26.0 * 0.2,
        REROUTED_S..SERVED_S => f64::from(secondary_pods(at_s - 22)) * PER_POD / RATE * 0.8,
        _ => 1.0,
    };
    let served = (offered as f64 * share.min(1.0)) as u64;
    let slow = if (FAULT_S..SERVED_S + 10).contains(&at_s) { 40.0 } else { 1.0 };
    let far = if is_primary_used(at_s) { 0.0 } else { 34.0 };
    let ms = |base: f64| far + base * slow * (1.0 + 0.02 * noise(at_s));
    let latency =
        Latency { p50: ms(46.0), p95: ms(90.0), p99: ms(128.0), p999: ms(180.0), max: ms(260.0) };
    UserWindow {
        at_s,
        length_s: 10,
        offered,
        served,
        failed: offered - served,
        latency_ms: (0 < served).then_some(latency),
    }
}

pub(super) fn timeline() -> Timeline {
    let series = |name: &str, second: fn(usize) -> ClusterSecond| ClusterSeries {
        name: name.to_owned(),
        seconds: (0..HORIZON_S).map(second).collect(),
    };
    Timeline {
        clusters: vec![series("primary", primary), series("secondary", secondary)],
        users: (0..HORIZON_S).step_by(10).map(window).collect(),
    }
}

pub(super) fn outcome() -> Outcome {
    let sum = |count: fn(&UserWindow) -> u64| timeline().users.iter().map(count).sum::<u64>();
    let failed = sum(|window| window.failed);
    let requests = Requests {
        offered: sum(|window| window.offered),
        served: sum(|window| window.served),
        failed,
        in_flight: 0,
        attempts: 38_000_000,
        retries: 2_000_000,
        failed_by_reason: BTreeMap::from([
            ("timeout".to_owned(), failed - 300_000),
            ("origin-refused".to_owned(), 300_000),
        ]),
    };
    let latency = Latency { p50: 47.0, p95: 110.0, p99: 1_900.0, p999: 4_800.0, max: 9_900.0 };
    Outcome {
        schema: SCHEMA.to_owned(),
        scenario: "region-loss-warm".to_owned(),
        seed: 1,
        trial: 0,
        fidelity: "requests".to_owned(),
        near_saturation_s: None,
        horizon_s: HORIZON_S as f64,
        failure_kind: None,
        fingerprint: "00c0ffee00c0ffee".to_owned(),
        assumptions: BTreeMap::new(),
        requests: requests.clone(),
        latency_ms: Some(latency),
        workloads: vec![WorkloadOutcome { name: "web".to_owned(), requests }],
        geographies: vec![GeographyOutcome {
            name: "us-east".to_owned(),
            latency_ms: LatencyPhases { before: Some(latency), ..LatencyPhases::default() },
            faults: vec![LatencyPhases::default()],
        }],
        faults: vec![fault(failed)],
        headroom: headroom(),
        clusters: vec![ClusterOutcome {
            name: "primary".to_owned(),
            region: "eastus2".to_owned(),
            peak_pods: 60,
            peak_nodes: 10,
            node_hours: 10.0,
        }],
    }
}

fn fault(failed: u64) -> FaultOutcome {
    let after = |at_s: usize| Some((at_s - FAULT_S) as f64);
    FaultOutcome {
        name: "lose-east".to_owned(),
        kind: "region-loss".to_owned(),
        came_with: None,
        at_s: FAULT_S as f64,
        repaired_at_s: Some(REPAIRED_S as f64),
        detect_s: Some(24.3),
        reroute_s: after(REROUTED_S),
        capacity_s: after(1_560),
        rto_s: after(SERVED_S),
        relapses: Some(0),
        below_objective_s: Some(368),
        failback_s: Some((BACK_S - REPAIRED_S) as f64),
        recovered: Some(true),
        failed_requests: Some(failed),
        lost_writes: None,
        dependencies_s: None,
        slowest_workload: Some("web".to_owned()),
        workloads: vec![WorkloadRecovery {
            name: "web".to_owned(),
            below_before: false,
            rto_s: after(SERVED_S),
            recovered: Some(true),
            relapses: 0,
            below_objective_s: 368,
        }],
    }
}

fn headroom() -> Vec<HeadroomOutcome> {
    let least = |cluster: &str, ratio: f64, failover: f64, at_s: f64| HeadroomOutcome {
        cluster: cluster.to_owned(),
        min_ratio: Some(ratio),
        min_at_s: Some(at_s),
        failover_min_ratio: Some(failover),
        at_s: Some(at_s),
        binding: Some(Binding::HpaMaxReplicas),
        workload: Some("web".to_owned()),
    };
    vec![least("primary", 0.137, 0.137, 14.0), least("secondary", -0.88, -0.88, 1_253.0)]
}
