//! Front Door in whole runs: shares, probes as a load, changes by hand, lost edge locations.

use tideover::model::fact::What;
use tideover::simulation::{Finished, Options};

use super::{SMALL, facts_named, load, run, small};

/// The small scenario without retries, so that every failure is a user, and attempts are drawn
/// independently.
fn once() -> String {
    SMALL.replace("    retries: {attempts: 3}\n", "")
}

/// Attempts that arrived at each cluster.
fn arrived(finished: &Finished) -> [f64; 2] {
    [0, 1].map(|index| {
        let id = tideover::model::ids::DeploymentId::new(index);
        finished.ledger.deployment(id).totals().arrived as f64
    })
}

/// Asserts the shares of two origins by the chi-square test with one degree of freedom, whose
/// 1 - 1e-4 quantile is 15.137.
fn assert_shares(found: [f64; 2], shares: [f64; 2], rule: &str) {
    let total = found[0] + found[1];
    let terms = found.iter().zip(shares).map(|(found, share)| match share * total {
        0.0 => {
            assert!(*found <= 0.0, "{rule}: {found} at an origin that gets nothing");
            0.0
        }
        expected => (found - expected).powi(2) / expected,
    });
    let statistic: f64 = terms.sum();
    assert!(statistic < 15.137, "{rule}: chi-square {statistic} of {found:?}");
}

/// Users go where priority, latency window and weights send them, each step by itself: attempts
/// that arrive at each cluster against the exact shares. The secondary is 40 ms farther.
#[test]
fn shares_are_exact() {
    let origins = |first: &str, second: &str| {
        once()
            .replace("primary, priority: 1", &format!("primary, {first}"))
            .replace("secondary, priority: 2", &format!("secondary, {second}"))
    };
    for (rule, text, sensitivity, shares) in [
        ("priority", origins("priority: 1", "priority: 2"), "1s", [1.0, 0.0]),
        ("weights 1 to 3", origins("weight: 50", "weight: 150"), "50ms", [0.25, 0.75]),
        (
            "weights 1000 to 1",
            origins("weight: 1000", "weight: 1"),
            "50ms",
            [1e3 / 1001.0, 1e-3 / 1.001],
        ),
        ("the window's edge counts", origins("weight: 50", "weight: 50"), "40ms", [0.5, 0.5]),
        (
            "below it weights have no effect",
            origins("weight: 1", "weight: 1000"),
            "39ms",
            [1.0, 0.0],
        ),
        ("disabled before priority", origins("enabled: false", "priority: 5"), "1s", [0.0, 1.0]),
    ] {
        let set = format!("frontDoor.latencySensitivity={sensitivity}");
        let finished = run(&load(&text, &[&set]), Options::default());
        assert_shares(arrived(&finished), shares, rule);
    }
}

/// A probe path that redirects: 302 is no success, so every origin is unhealthy for ever and all
/// are used in turn. Half of the users go to the standby, and a lost region is never left.
#[test]
fn a_probe_path_that_answers_302() {
    let sets = ["frontDoor.probe.status=302"];
    let finished = run(&load(&once(), &sets), Options::default());
    assert_shares(arrived(&finished), [0.5, 0.5], "fail-open");
    let routes = facts_named(&finished, "route-changed");
    let open = "routes to primary+secondary: all origins unhealthy, used in turn";
    assert!(routes.iter().all(|(_, words)| words.contains(open)), "{routes:?}");
    assert_eq!(routes.len(), 20, "each edge location decides once");
    assert!(facts_named(&finished, "origin-health").is_empty(), "nothing ever changes");

    let fault = "faults:\n  - {name: lost, at: 2m, regionLoss: {region: east}}\n";
    let finished = run(&load(&format!("{}{fault}", once()), &sets), Options::default());
    let totals = finished.ledger.demands()[0].totals();
    let lost = totals.failed_total() as f64;
    let exposed = totals.offered as f64 * (13.0 / 15.0);
    // Half of the users of 13 minutes, within 4 standard deviations of the binomial law.
    let error = 4.0 * (exposed * 0.25).sqrt() + 300.0;
    assert!((lost - exposed / 2.0).abs() < error, "{lost} of {exposed}");
}

/// Both regions lost: every edge location ends up using both in turn.
#[test]
fn front_door_fails_open() {
    let faults = "faults:\n  - {name: east, at: 1m, regionLoss: {region: east}}\n  \
                  - {name: west, at: 1m, regionLoss: {region: west}}\n";
    let finished = run(&small(faults, &[]), Options::default());
    let routes = facts_named(&finished, "route-changed");
    for pop in 0..20 {
        let words = format!("PoP {pop} routes");
        let last = routes.iter().rfind(|(_, route)| route.starts_with(&words)).unwrap();
        assert!(last.1.contains("primary+secondary: all origins unhealthy"), "{last:?}");
    }
}

/// The fleet integral: a dead origin costs λ·((f - ½)·I + d) users, 45 s of them at 3 of 4 and
/// 30 s, and 75 s if probes hang until their time-out of 30 s. With 400 edge locations of random
/// phases, within 4 standard deviations: of the mean phase, and of the Poisson count.
#[test]
fn a_dead_origin_costs_the_fleet_integral() {
    for (mode, lost_s) in [("refused", 45.0), ("hang", 75.0)] {
        let fault = format!(
            "faults:\n  - {{name: lost, at: 2m, regionLoss: {{region: east, mode: {mode}}}}}\n"
        );
        let sets = ["geographies[0].pops=400", "workloads[web].hpa.minReplicas=8"];
        let finished = run(&load(&format!("{}{fault}", once()), &sets), Options::default());
        let failed = finished.ledger.demands()[0].totals().failed_total() as f64;
        let phase = 300.0 * 30.0 / (12.0 * 400.0_f64).sqrt();
        let error = 4.0 * (phase.powi(2) + 300.0 * lost_s).sqrt();
        // Requests and probes under way when the origin fails: a round trip of 30 ms at most.
        let error = error + 300.0 * 0.1;
        assert!((failed - 300.0 * lost_s).abs() < error, "{mode}: {failed}, error {error}");
    }
}

/// 120 edge locations at 30 s are 4 probes a second at each origin, whether it has users or not;
/// they are no users, and do not move the users' draws.
#[test]
fn probes_are_a_load() {
    let plain = run(&load(&once(), &[]), Options::default());
    let probed = run(&load(&once(), &["frontDoor.probe.edgeLocations=120"]), Options::default());
    let users = |finished: &Finished| finished.ledger.demands()[0].totals().offered;
    assert_eq!(users(&plain), users(&probed));
    assert_eq!(plain.ledger.demands().len(), 1, "without the key probes cost nothing");
    for account in &probed.ledger.demands()[1..] {
        let (found, expected) = (account.totals().offered as f64, 4.0 * 900.0);
        assert!((found - expected).abs() < 4.0 * expected.sqrt(), "{found}");
        assert_eq!(account.totals().failed_total(), 0);
    }
    let extra = arrived(&probed)[1] - arrived(&plain)[1];
    assert!((extra - 3600.0).abs() < 240.0, "the standby gets {extra} more");
}

/// Edge locations without users probe at a quarter of the rate: they notice an outage 2 to 4
/// minutes after it instead of 30 s to 1 min.
#[test]
fn idle_edge_locations_notice_late() {
    let text = once().replace(
        "demands:",
        "  - {name: nobody, pops: 50, regionRtt: {east: 20ms, west: 60ms}}\ndemands:",
    );
    let fault = "faults:\n  - {name: lost, at: 2m, regionLoss: {region: east}}\n";
    let finished = run(&load(&format!("{text}{fault}"), &[]), Options::default());
    for (at, words) in facts_named(&finished, "origin-health") {
        let pop: usize = words.split(' ').nth(1).unwrap().parse().unwrap();
        let (least, most) = if pop < 20 { (150.0, 180.1) } else { (240.0, 360.1) };
        assert!(least <= at && at <= most, "{at} {words}");
    }
}

const CHANGE: &str = "operations:
  - name: away
    at: 2m
    frontDoorChange:
      propagation: 5m
      origins: [{cluster: primary, enabled: false}, {cluster: secondary, priority: 1}]
";

/// Failing over by hand takes the propagation delay, to the nanosecond; probes take a minute. A
/// second change waits for the first, and a single origin that is left is not probed.
#[test]
fn failing_over_by_hand_is_slower_than_probes() {
    let back = "  - {name: back, at: 3m, frontDoorChange: {propagation: 3m, \
                origins: [{cluster: primary, enabled: true}]}}\n";
    let finished = run(&small(&format!("{CHANGE}{back}"), &[]), Options::default());
    let at = |name: &str| facts_named(&finished, name).iter().map(|f| f.0).collect::<Vec<_>>();
    assert_eq!(at("configuration-accepted"), [120.0, 420.0]);
    assert_eq!(at("configuration-waits"), [180.0]);
    assert_eq!(at("operation-done"), [420.0, 600.0]);
    let routes = facts_named(&finished, "route-changed");
    let moved: Vec<_> = routes.iter().filter(|(at, _)| 0.0 <= *at).collect();
    let away = moved.iter().filter(|(at, words)| {
        *at == 420.0 && words.contains("routes to secondary: the only enabled origin")
    });
    assert_eq!((away.count(), moved.len()), (20, 40), "{moved:?}");

    let fault = "faults:\n  - {name: lost, at: 2m, regionLoss: {region: east}}\n";
    let finished = run(&small(fault, &[]), Options::default());
    let routes = facts_named(&finished, "route-changed");
    assert!(routes.iter().all(|(at, _)| *at < 180.1), "probes take a minute: {routes:?}");
}

/// During a freeze nothing is accepted; what waits goes out when it ends.
#[test]
fn a_freeze_blocks_failing_over_by_hand() {
    let freeze = "faults:\n  - {name: frozen, at: 1m, duration: 5m, configurationFreeze: {}}\n";
    let finished = run(&small(&format!("{CHANGE}{freeze}"), &[]), Options::default());
    let waits = facts_named(&finished, "configuration-waits");
    assert_eq!(waits[0].0, 120.0);
    assert!(waits[0].1.contains("configuration changes are blocked"), "{waits:?}");
    assert_eq!(facts_named(&finished, "configuration-accepted")[0].0, 360.0);
    assert_eq!(facts_named(&finished, "operation-done")[0].0, 660.0);
}

/// Lost edge locations that are not withdrawn, or all of them: their users find no origin until the
/// repair, all others are served.
#[test]
fn users_of_lost_edge_locations_find_no_origin() {
    for (keys, n_lost) in [
        ("share: 25%, withdrawnAfter: 5m", 5.0),
        ("geography: users", 20.0),
        ("share: 1%, withdrawnAfter: 366d", 1.0),
    ] {
        let fault = format!(
            "faults:\n  - {{name: dark, at: 2m, duration: 5m, frontDoorLoss: {{{keys}}}}}\n"
        );
        let finished = run(&load(&format!("{}{fault}", once()), &[]), Options::default());
        let seconds = finished.ledger.demands()[0].seconds();
        let failed: u32 = seconds.iter().map(|second| second.failed_total()).sum();
        let during: u32 = seconds[120..420].iter().map(|second| second.failed_total()).sum();
        assert_eq!(failed, during, "{keys}: nobody fails at other times");
        let users: u32 = seconds[120..420].iter().map(|second| second.offered).sum();
        let (users, share) = (f64::from(users), n_lost / 20.0);
        let error = 4.0 * (users * share * (1.0 - share)).sqrt();
        let found = f64::from(failed);
        assert!((found - users * share).abs() <= error, "{keys}: {found} of {users}");
        let lost = facts_named(&finished, "route-changed");
        let lost = lost.iter().filter(|(at, words)| {
            *at == 120.0 && words.contains("routes to none: the edge location is lost")
        });
        assert_eq!(lost.count() as f64, n_lost, "{keys}");
    }
}

/// An origin that is silent: Front Door gives up after its own time-out, and the user has 504 (or
/// the client's time-out, if that is shorter). It does not try the other origin by itself.
#[test]
fn front_door_gives_up_on_a_silent_origin() {
    use tideover::traffic::ledger::Reason;
    let fault = "faults:\n  - {name: lost, at: 2m, regionLoss: {region: east, mode: hang}}\n";
    for (timeout, reason) in [("20s", Reason::OriginTimeout), ("10s", Reason::Timeout)] {
        let timeout = format!("demands[0].attemptTimeout={timeout}");
        let sets = ["frontDoor.originResponseTimeout=16s", "demands[0].deadline=1m", &timeout];
        let finished = run(&load(&format!("{}{fault}", once()), &sets), Options::default());
        let totals = finished.ledger.demands()[0].totals();
        let failed = totals.failed[reason as usize];
        // Nobody else fails, but those who were in a pod when its machine stopped.
        let in_pods = totals.failed[Reason::PodLost as usize];
        assert_eq!(failed + in_pods, totals.failed_total(), "{reason:?}");
        // All users of the 60 s at least until the first edge location has left: 30 s and 30 s.
        assert!(60 * 280 < failed, "{reason:?}: {failed}");
    }
}

/// Users of lost edge locations fail until the routes are withdrawn, to the second, and then go
/// where their stand-ins send them: also away from a region that is lost meanwhile, within the
/// minute of everybody else. Users of a place that is lost as a whole enter at another one, whose
/// edge locations may be lost later, too; then only those of a third are left, and then none.
#[test]
fn users_of_lost_edge_locations_enter_elsewhere() {
    let places = "  - {name: there, pops: 5, regionRtt: {east: 30ms, west: 50ms}}
  - {name: elsewhere, pops: 5, regionRtt: {east: 30ms, west: 50ms}}\ndemands:";
    let text = once().replace("demands:", places);
    let text = text.replace("{users: 100%}", "{users: 60%, there: 20%, elsewhere: 20%}");
    let fault = |name: &str, at: &str, place: &str| {
        format!(
            "  - {{name: {name}, at: {at}, duration: 10m, frontDoorLoss: {{geography: {place}, \
             withdrawnAfter: 30s}}}}\n"
        )
    };
    let failed = |faults: &str| -> Vec<u32> {
        let text = format!("{text}faults:\n{faults}");
        let finished = run(&load(&text, &[]), Options::default());
        let demands = finished.ledger.demands().iter();
        let by_demand: Vec<_> = demands.map(|demand| demand.seconds()).collect();
        let of = |second: usize| by_demand.iter().map(|d| d[second].failed_total()).sum();
        (0..by_demand[0].len()).map(of).collect()
    };
    let is_dark = |failed: &[u32], from: usize, to: usize| {
        let dark = failed[from..to].iter().all(|&users| 0 < users);
        dark && failed.iter().sum::<u32>() == failed[from..to].iter().sum::<u32>()
    };
    let one = fault("one", "2m", "there");
    assert!(is_dark(&failed(&one), 120, 150), "they enter elsewhere after 30 s");
    // Stand-ins are drawn one by one: some are among the next ones that are lost.
    let two = format!("{one}{}", fault("two", "3m", "elsewhere"));
    let found = failed(&two);
    assert!(found[150..180].iter().all(|&users| users == 0));
    assert!(found[180..210].iter().all(|&users| 0 < users));
    assert!(found[210..].iter().all(|&users| users == 0), "all enter at the third place");
    let all = format!("{two}{}", fault("three", "4m", "users"));
    let found = failed(&all);
    assert!(found[240..720].iter().all(|&users| 0 < users), "Front Door is lost");
    assert!(found[721..].iter().all(|&users| users == 0), "back with the first place");
    let lost = "  - {name: lost, at: 4m, regionLoss: {region: east}}\n";
    let found = failed(&format!("{one}{lost}"));
    let alone = failed(lost);
    let sum = |failed: &[u32], seconds: std::ops::Range<usize>| failed[seconds].iter().sum::<u32>();
    assert_eq!((sum(&found, 302..900), sum(&alone, 302..900)), (0, 0));
    // Their users meet the region's loss by the stand-ins' probes: from 45 s down to 30 to 60 s.
    let (found, alone) = (f64::from(sum(&found, 240..302)), f64::from(sum(&alone, 240..302)));
    assert!((found - alone).abs() < 300.0 * 0.2 * 30.0, "{found}, alone {alone}");
}

/// Lazy probes agree with explicit ones also while origins are disabled, enabled and lost, edge
/// locations fall out, and the only origin left is not probed.
#[test]
fn lazy_and_explicit_probes_agree_under_changes() {
    let more = "  - {name: back, at: 3m, frontDoorChange: {propagation: 4m, \
                origins: [{cluster: primary, enabled: true, weight: 7}]}}\n";
    let faults = "faults:
  - {name: lost, at: 1m, duration: 9m, regionLoss: {region: east, mode: hang}}
  - {name: dark, at: 6m, duration: 3m, frontDoorLoss: {share: 30%}}
";
    let text = format!("{CHANGE}{more}{faults}");
    for sets in [&[][..], &["frontDoor.probe.edgeLocations=300", "frontDoor.preset=afd-classic"]] {
        let scenario = small(&text, sets);
        let explicit = Options { explicit_probing: true, ..Options::default() };
        let (lazy, explicit) = (run(&scenario, Options::default()), run(&scenario, explicit));
        let (a, b) = (lazy.facts.facts(), explicit.facts.facts());
        let first = a.iter().zip(b).find(|(a, b)| a != b);
        assert_eq!(first, None, "{sets:?}: the first fact that differs");
        assert_eq!(lazy.facts.fingerprint(), explicit.facts.fingerprint(), "{sets:?}");
    }
}

/// Seconds after an outage at 2 min until each edge location's users are taken elsewhere, with
/// Traffic Manager over the clusters alone.
fn moved_by_dns(mode: &str, keys: &str, pops: usize) -> Vec<f64> {
    let manager = format!(
        "trafficManager:\n  {keys}\n  endpoints:\n    - {{name: one, cluster: primary, \
         priority: 1}}\n    - {{name: two, cluster: secondary, priority: 2}}\n"
    );
    let fault = format!(
        "faults:\n  - {{name: lost, at: 2m, regionLoss: {{region: east, mode: {mode}}}}}\n"
    );
    let set = format!("geographies[0].pops={pops}");
    let text = format!("{}{manager}{fault}", once());
    let finished =
        run(&load(&text, &[&set, "workloads[web].hpa.minReplicas=8"]), Options::default());
    let routes = facts_named(&finished, "route-changed").into_iter();
    let moved = routes.filter(|(at, words)| 0.0 <= *at && words.contains("routes to secondary"));
    moved.map(|(at, _)| at - 120.0).collect()
}

/// Traffic Manager's times, U(0, I) + k·I + time-out + residual TTL: 100 to 190 s with its
/// defaults, 5 to 15 s at best, for an endpoint that hangs. The phase of the probes is one draw of
/// a trial, so users leave within one TTL of each other; their mean lies half a TTL after the
/// first possible instant, within 4 standard errors of 400 uniform residuals.
#[test]
fn traffic_manager_takes_100_to_190_seconds() {
    let best = "interval: 10s\n  timeout: 5s\n  toleratedFailures: 0\n  ttl: 0s";
    for (keys, least, most, ttl) in
        [("method: priority", 100.0, 190.0, 60.0), (best, 5.0, 15.0, 0.0)]
    {
        let moved = moved_by_dns("hang", keys, 400);
        assert_eq!(moved.len(), 400, "{keys}");
        let first = moved.iter().copied().fold(f64::INFINITY, f64::min);
        let last = moved.iter().copied().fold(0.0, f64::max);
        assert!(least <= first && last <= most, "{keys}: {first} to {last}");
        assert!(last - first <= ttl + 1e-6, "{keys}: {first} to {last}");
        // The earliest of 400 residuals is below 10/400 of the TTL but for a chance of e^-10.
        let mean = moved.iter().sum::<f64>() / 400.0;
        let error = 4.0 * ttl / (12.0 * 400.0_f64).sqrt() + ttl * 10.0 / 400.0 + 1e-6;
        assert!((mean - first - ttl / 2.0).abs() <= error, "{keys}: mean {mean}, first {first}");
    }
}

/// Over trials the whole law holds: the first users leave U(0, 30) + 90 + 10 s after the outage
/// (with a refused connection 10 s sooner), seen through probe phases of 24 seeds, whose mean is
/// within 4 standard errors.
#[test]
fn tolerated_failures_are_counted_in_a_row() {
    for (keys, least) in [("ttl: 0s", 90.0), ("ttl: 0s\n  toleratedFailures: 1", 30.0)] {
        let manager = format!(
            "trafficManager:\n  {keys}\n  endpoints:\n    - {{name: one, cluster: primary}}\n    \
             - {{name: two, cluster: secondary, priority: 2}}\n"
        );
        let fault = "faults:\n  - {name: lost, at: 2m, regionLoss: {region: east}}\n";
        let text = format!("{}{manager}{fault}", once());
        let sets = ["demands[0].arrivals.constant=1/s", "run.horizon=5m", "geographies[0].pops=1"];
        let scenario = load(&text, &sets);
        let times = (0..24).map(|trial| {
            let finished = run(&scenario, Options { trial, ..Options::default() });
            let health = facts_named(&finished, "endpoint-health");
            assert!(health[0].1.contains("finds one degraded"), "{health:?}");
            health[0].0 - 120.0
        });
        let times: Vec<f64> = times.collect();
        assert!(times.iter().all(|t| least <= *t && *t <= least + 30.0), "{keys}: {times:?}");
        let mean = times.iter().sum::<f64>() / 24.0;
        let error = 4.0 * 30.0 / (12.0 * 24.0_f64).sqrt();
        assert!((mean - least - 15.0).abs() <= error, "{keys}: mean {mean}");
    }
}

/// All endpoints degraded: all are answers again, and one success takes an endpoint back.
#[test]
fn traffic_manager_returns_all_when_all_are_degraded() {
    let manager = "trafficManager:
  ttl: 0s
  endpoints:
    - {name: one, cluster: primary, priority: 1}
    - {name: two, cluster: secondary, priority: 2}
faults:
  - {name: east, at: 1m, duration: 5m, regionLoss: {region: east}}
  - {name: west, at: 1m, duration: 7m, regionLoss: {region: west, cause: isolation}}
";
    let finished = run(&small(manager, &["frontDoor.probe.target=gateway"]), Options::default());
    let health = facts_named(&finished, "endpoint-health");
    let back = health.iter().find(|(_, words)| words.contains("finds one healthy")).unwrap();
    assert!(360.0 <= back.0 && back.0 <= 390.0, "one success after the repair: {back:?}");
    let routes = facts_named(&finished, "route-changed");
    let all = routes.iter().filter(|(_, words)| words.contains("routes to primary+secondary"));
    assert_eq!(all.count(), 20, "{routes:?}");
    let last = &routes[routes.len() - 1];
    assert!(last.0 == back.0 && last.1.contains("routes to primary:"), "{last:?}");
}

/// Traffic Manager in front of Front Door as a break-glass path: without monitoring nothing moves
/// when Front Door is lost, until somebody switches; users follow by their TTL, those with kept
/// connections and stale resolvers later.
#[test]
fn break_glass_past_front_door() {
    let manager = "trafficManager:
  monitoring: false
  ttl: 30s
  keepAlive: {share: 50%, lifetime: 60s}
  endpoints:
    - {name: door, priority: 1}
    - {name: direct, cluster: primary, priority: 2, enabled: false}
faults:
  - {name: dark, at: 1m, frontDoorLoss: {}}
operations:
  - name: switch
    at: 4m
    trafficManagerChange:
      endpoints: [{endpoint: door, enabled: false}, {endpoint: direct, enabled: true}]
";
    let text = format!("{}{manager}", once());
    let finished = run(&load(&text, &[]), Options::default());
    let seconds = finished.ledger.demands()[0].seconds();
    let failed_share = |from: usize, to: usize| {
        let failed: u32 = seconds[from..to].iter().map(|second| second.failed_total()).sum();
        let users: u32 = seconds[from..to].iter().map(|second| second.offered).sum();
        (f64::from(failed) / f64::from(users), 4.0 / f64::from(users).sqrt())
    };
    assert!(failed_share(0, 60).0 <= 0.0);
    assert!(failed_share(60, 240).0 >= 1.0, "nobody is served before the switch");
    let (kept, error) = failed_share(271, 299);
    assert!((kept - 0.5).abs() < error, "kept connections lead into the dark: {kept}");
    assert!(failed_share(331, 900).0 <= 0.0, "all are served past Front Door");
}

/// Monitored, Traffic Manager leaves a lost Front Door by itself. Lazy probes and explicit ones
/// agree.
#[test]
fn traffic_manager_leaves_a_lost_front_door() {
    let manager = "trafficManager:
  interval: 10s
  staleResolvers: {share: 20%}
  endpoints:
    - {name: door, priority: 1}
    - {name: direct, cluster: secondary, priority: 2}
faults:
  - {name: dark, at: 1m, duration: 5m, frontDoorLoss: {}}
  - {name: lost, at: 8m, duration: 2m, regionLoss: {region: west, mode: hang}}
";
    let scenario = small(manager, &[]);
    let explicit = Options { explicit_probing: true, ..Options::default() };
    let (lazy, explicit) = (run(&scenario, Options::default()), run(&scenario, explicit));
    let (a, b) = (lazy.facts.facts(), explicit.facts.facts());
    let first = a.iter().zip(b).find(|(a, b)| a != b);
    assert_eq!(first, None, "the first fact that differs");
    assert_eq!(lazy.facts.fingerprint(), explicit.facts.fingerprint());
    let health = facts_named(&lazy, "endpoint-health");
    assert!(health[0].1.contains("finds door degraded"), "{health:?}");
    // 3 failures more than the first, 10 s apart, the first within 10 s, each after 9 s.
    assert!(60.0 + 39.0 <= health[0].0 && health[0].0 <= 60.0 + 49.0, "{health:?}");
    assert!(health[1].1.contains("finds door healthy"), "{health:?}");
}

/// How deep the probe's path goes: a database that both regions need is lost for 5 minutes. A
/// probe that stops at the pods sees nothing; one that asks the database turns both origins
/// unhealthy, so that every edge location fails open and the standby gets half of the users.
#[test]
fn a_deep_probe_takes_all_regions_out() {
    let text = once()
        .replace(
            "frontDoor:\n",
            "dependencies:\n  - name: orders\n    region: east\n    secondary: west\n    \
             database: {kind: sql-zone}\nfrontDoor:\n",
        )
        .replace("    hpa: {minReplicas", "    needs: {reads: [orders]}\n    hpa: {minReplicas");
    let faults =
        "faults:\n  - {name: gone, at: 5m, duration: 5m, dependencyLoss: {dependency: orders}}\n";
    for (target, n_unhealthy) in [("gateway", 0), ("workload", 0), ("dependencies", 40)] {
        let set = format!("frontDoor.probe.target={target}");
        let finished = run(&load(&format!("{text}{faults}"), &[&set]), Options::default());
        let health = facts_named(&finished, "origin-health");
        let unhealthy = health.iter().filter(|(_, words)| words.ends_with("unhealthy"));
        assert_eq!(unhealthy.count(), n_unhealthy, "{target}");
        let routes = facts_named(&finished, "route-changed");
        let open = routes.iter().filter(|(_, words)| words.contains("all origins unhealthy"));
        assert_eq!(open.count(), n_unhealthy / 2, "{target}");
    }
}

/// Sessions leave a lost region at once and come back to it only as they end: after the failback
/// the standby keeps e^-(t/length) of them, here within 4 standard deviations and the steps in
/// which sessions are looked at.
#[test]
fn sessions_stay_behind_a_failback() {
    let fault = "faults:\n  - {name: lost, at: 1m, duration: 2m, regionLoss: {region: east, \
                 cause: isolation}}\n";
    let sets = ["frontDoor.sessionAffinity.sessionLength=200s", "workloads[web].hpa.minReplicas=8"];
    let finished = run(&load(&format!("{}{fault}", once()), &sets), Options::default());
    let standby = tideover::model::ids::DeploymentId::new(1);
    let seconds = finished.ledger.deployment(standby).seconds();
    let rate = |from: usize, to: usize| {
        let arrived: u32 = seconds[from..to].iter().map(|second| second.arrived).sum();
        f64::from(arrived) / (to - from) as f64 / 300.0
    };
    assert!((rate(130, 170) - 1.0).abs() < 0.05, "all are on the standby: {}", rate(130, 170));
    // Edge locations come back 60 to 90 s after the repair at 180 s, 255 s on average.
    for (from, to) in [(350, 380), (450, 480)] {
        let middle = (from + to) as f64 / 2.0 - 255.0;
        let expected = (-middle / 200.0).exp();
        // A look every 25 s lags by half of that on average, an eighth of the share at most.
        let lag = expected * ((25.0_f64 / 200.0).exp() - 1.0);
        let error = 4.0 * (expected / 9_000.0_f64).sqrt() + 0.01;
        let found = rate(from, to);
        assert!(
            expected - error < found && found < expected + lag + error,
            "{from} to {to} s: {found}, law {expected}"
        );
    }
}

/// The share of time for which edge locations found the first origin unhealthy, from one instant
/// to another [s].
fn unhealthy_share(finished: &Finished, n_pops: usize, (from, to): (f64, f64)) -> f64 {
    let mut since: Vec<Option<f64>> = vec![None; n_pops];
    let mut total = 0.0;
    let within = |at: f64| at.clamp(from, to);
    for fact in finished.facts.facts() {
        let What::OriginHealth { pop, cluster, healthy } = fact.what else { continue };
        assert_eq!(cluster.index(), 0, "the other origin is well");
        let at = fact.at.as_secs_f64();
        match (healthy, since[pop.index()].take()) {
            (false, None) => since[pop.index()] = Some(at),
            (true, Some(begin)) => total += within(at) - within(begin),
            (_, begin) => panic!("PoP {} turned {healthy} twice: {begin:?}", pop.index()),
        }
    }
    total += since.iter().flatten().map(|&begin| to - within(begin)).sum::<f64>();
    total / (n_pops as f64 * (to - from))
}

/// Chance that a window of 4 probes, each of which fails with chance q, has less than x successes;
/// and the covariances of the verdicts of windows 0 to 3 probes apart, summed over all outcomes of
/// the seven probes that they read.
fn window_law(q: f64, x: u32) -> (f64, [f64; 4]) {
    let unhealthy = |outcomes: u32| (outcomes & 15).count_ones() < x;
    let chance = |outcomes: u32| {
        let successes = outcomes.count_ones();
        (0..7).fold(1.0, |product, bit| product * if bit < successes { 1.0 - q } else { q })
    };
    let mean: f64 = (0..128).filter(|&o| unhealthy(o)).map(chance).sum();
    let covariance = |apart: usize| {
        let both = (0..128).filter(|&o| unhealthy(o) && unhealthy(o >> apart));
        both.map(chance).sum::<f64>() - mean * mean
    };
    (mean, [0, 1, 2, 3].map(covariance))
}

/// A grey origin fails each probe with chance q: edge locations find it unhealthy for the share
/// P(Binomial(4, 1 - q) < x) of the time, the published columns for 3 of 4 and for 2 of 4. Over 100
/// of them and 168 probes each, within 4 standard errors of the mean of verdicts of which each
/// shares probes with the next three.
#[test]
fn a_grey_origin_is_away_by_the_binomial_law() {
    let n_pops = 100;
    for (x, q, printed) in [
        (3, 0.05, 0.014),
        (3, 0.10, 0.052),
        (3, 0.25, 0.26),
        (3, 0.50, 0.69),
        (3, 0.75, 0.95),
        (2, 0.05, 0.0005),
        (2, 0.10, 0.0037),
        (2, 0.25, 0.05),
        (2, 0.50, 0.31),
        (2, 0.75, 0.738),
    ] {
        let (law, covariances) = window_law(q, x);
        assert!((law - printed).abs() <= 0.005, "{x} of 4 at {q}: {law}");
        // Probes of 5 s, from 1 min on; windows are full 20 s later.
        let (from, to, n_probes) = (60.0, 900.0, 168.0);
        let fault = format!(
            "faults:\n  - {{name: grey, at: 30s, greyFailure: {{cluster: primary, probes: {:.0}%, \
             requests: 0%}}}}\n",
            q * 100.0
        );
        let sets = [
            "frontDoor.probe.interval=5s".to_owned(),
            format!("frontDoor.probe.successfulSamples={x}"),
            format!("geographies[0].pops={n_pops}"),
            "demands[0].arrivals.constant=5/s".to_owned(),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let finished = run(&small(&fault, &sets), Options::default());
        let found = unhealthy_share(&finished, n_pops, (from, to));
        let [own, others @ ..] = covariances;
        let variance = (own + 2.0 * others.iter().sum::<f64>()) / (n_probes * n_pops as f64);
        let error = 4.0 * variance.sqrt();
        assert!((found - law).abs() <= error, "{x} of 4 at {q}: {found}, law {law} ± {error}");
    }
}

/// Requests fail by their own share, whatever probes do: at once with an error, or at the client's
/// time-out. 30 % of 300 users a second for 5 min, within 4 deviations of the binomial law; a
/// fault that fails probes alone costs no user anything.
#[test]
fn a_grey_origin_fails_its_share_of_requests() {
    use tideover::traffic::ledger::Reason;
    for (keys, share, reason) in [
        ("probes: 0%, requests: 30%", 0.3, Reason::OriginRefused),
        ("probes: 0%, requests: 30%, mode: hang", 0.3, Reason::Timeout),
        ("probes: 5%, requests: 0%", 0.0, Reason::OriginRefused),
        ("probes: 0%, requests: 100%", 1.0, Reason::OriginRefused),
    ] {
        let fault = format!(
            "faults:\n  - {{name: grey, at: 2m, duration: 5m, greyFailure: {{cluster: primary, \
             {keys}}}}}\n"
        );
        let finished = run(&load(&format!("{}{fault}", once()), &[]), Options::default());
        let seconds = finished.ledger.demands()[0].seconds();
        let sum = |of: &dyn Fn(usize) -> u32, seconds: std::ops::Range<usize>| {
            seconds.map(|second| f64::from(of(second))).sum::<f64>()
        };
        let failed = sum(&|second| seconds[second].failed[reason as usize], 120..420);
        let offered = sum(&|second| seconds[second].offered, 120..420);
        let others = sum(&|second| seconds[second].failed_total(), 0..900) - failed;
        // Those under way at the strike and the repair are 20 ms of 300 a second.
        let error = 4.0 * (offered * share * (1.0 - share)).sqrt() + 300.0 * 0.05 * share;
        assert!((failed - offered * share).abs() <= error, "{keys}: {failed} of {offered}");
        assert!(others <= 300.0 * 0.05, "{keys}: {others} fail otherwise");
    }
}

/// A timer for each probe, or one for each change of mind: the same facts while origins are grey,
/// with errors and with silence, one after the other and both at once.
#[test]
fn lazy_and_explicit_probes_agree_on_grey_origins() {
    let faults = "faults:
  - {name: a, at: 1m, duration: 6m, greyFailure: {cluster: primary, probes: 40%, mode: hang}}
  - {name: b, at: 3m, duration: 6m, greyFailure: {cluster: primary, probes: 60%}}
  - {name: c, at: 4m, duration: 30s, regionLoss: {region: east, mode: hang, cause: isolation}}
  - {name: d, at: 10m, greyFailure: {cluster: secondary, probes: 30%, mode: hang}}
";
    let manager = "trafficManager: {endpoints: [{name: door}, {name: past, cluster: secondary}]}\n";
    for (more, sets) in [
        ("", &["frontDoor.probe.interval=5s"][..]),
        (manager, &["frontDoor.preset=afd-classic", "frontDoor.probe.timeout=45s"]),
    ] {
        let scenario = small(&format!("{more}{faults}"), sets);
        let explicit = Options { explicit_probing: true, ..Options::default() };
        let (lazy, explicit) = (run(&scenario, Options::default()), run(&scenario, explicit));
        let (a, b) = (lazy.facts.facts(), explicit.facts.facts());
        assert_eq!(a.iter().zip(b).find(|(a, b)| a != b), None, "{sets:?}");
        assert_eq!(lazy.facts.fingerprint(), explicit.facts.fingerprint(), "{sets:?}");
        assert!(20 < facts_named(&lazy, "origin-health").len(), "{sets:?}");
    }
}
