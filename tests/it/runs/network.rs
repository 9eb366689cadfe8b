//! Gateway, firewall and source ports in whole runs: the instant at which each bites, and why.

use tideover::control::Chance;
use tideover::metrics::outcome::Binding;
use tideover::model::fact::{Fact, What};
use tideover::sim::streams::unit;
use tideover::simulation::{Finished, Options};
use tideover::traffic::ledger::Reason;
use tideover::units::{Span, Time};

use super::{SMALL, facts_named, is_at, load, run, trial};

/// The whole load comes to the secondary.
const LOSE_EAST: &str =
    "faults:\n  - {name: lose-east, at: 3m, duration: 5h, regionLoss: {region: east}}\n";

/// The small scenario, with further keys of one cluster and further lines.
fn with(region: &str, keys: &str, faults: &str, sets: &[&str]) -> Finished {
    let anchor = format!("    region: {region}\n");
    let text = SMALL.replacen(&anchor, &format!("{anchor}    {keys}\n"), 1);
    run(&load(&format!("{text}{faults}"), sets), Options::default())
}

/// Users who failed for a reason, by second of their first send.
fn failed(finished: &Finished, reason: Reason) -> Vec<u32> {
    let seconds = finished.ledger.demands()[0].seconds();
    seconds.iter().map(|second| second.failed[reason as usize]).collect()
}

fn facts<T>(finished: &Finished, pick: impl Fn(&Fact) -> Option<T>) -> Vec<T> {
    finished.facts.facts().iter().filter_map(pick).collect()
}

/// When a service turned full (or sufficed again), and why.
fn fulls(finished: &Finished, name: &str) -> Vec<(Time, bool, &'static str)> {
    facts(finished, |fact| match fact.what {
        What::NetworkFull { service, full, why, .. } if service.0 == name => {
            Some((fact.at, full, why.0))
        }
        _ => None,
    })
}

/// The first look of a cluster's services after an instant: every 10 s, at a phase drawn once.
fn look_after(cluster: &str, at: Time) -> Time {
    let period = Span::from_secs(10);
    let phase = Chance::independent(7, 0).phase("network-look", cluster, period);
    (at + Span::from_nanos(1)).next_on_grid(Time::from_secs(-600) + phase, period)
}

/// One instance passes 100 of 300 requests a second. It is full from the first PoP's change of
/// mind on; the order of the first look arrives after the time drawn for it, from 3 to 5 minutes;
/// and users fail for the gateway until instances for all of them have come. With enough
/// instances from the start none does.
#[test]
fn a_gateway_at_its_minimum_drops_until_it_has_scaled_out() {
    let gateway = "gateway: {minCapacity: 1}";
    let finished = with("west", gateway, LOSE_EAST, &[]);
    let failed_for = failed(&finished, Reason::GatewayFull);
    let first_s = failed_for.iter().position(|&users| 0 < users).expect("it is full");
    assert!((180..240).contains(&first_s), "PoPs change their minds by 60 s: {first_s}");
    let first_order = facts(&finished, |fact| match fact.what {
        What::NetworkOrdered { from, to, .. } => Some((fact.at, from, to)),
        _ => None,
    })[0];
    let full = fulls(&finished, "gateway")[0];
    assert_eq!((full.1, full.2), (true, "further instances take their time"));
    // Retries may reach it up to some seconds before the first user finally fails.
    assert_eq!(full.0, look_after("secondary", full.0 - Span::from_nanos(1)), "at a look");
    assert!(first_order.0 <= full.0 && first_order.1 == 1 && 1 < first_order.2, "{first_order:?}");
    let draw = unit(Chance::independent(7, 0).draw("gateway-scale-out", "secondary", 0));
    let due = first_order.0 + Span::from_secs_f64(180.0 + 120.0 * draw);
    let scaled = facts(&finished, |fact| match fact.what {
        What::NetworkScaled { from, to, .. } => Some((fact.at, from, to)),
        _ => None,
    });
    let arrivals: Vec<Time> = scaled.iter().map(|&(at, ..)| at).collect();
    let is_due = |at: &Time| is_at(at.as_secs_f64(), due.as_secs_f64());
    // Unless an order that was given later came before and was larger.
    assert!(arrivals.iter().any(is_due) || arrivals[0] < due, "{scaled:?}, not {due}");
    let first_relief_s = arrivals[0].as_secs_f64() as usize;
    assert!(180 <= first_relief_s - first_s, "{first_relief_s} after {first_s}");
    assert!(failed_for[240..first_relief_s - 5].iter().all(|&users| 0 < users), "all the time");
    assert!(failed_for[first_relief_s + 300..].iter().all(|&users| users == 0), "then it suffices");

    let warm = with("west", "gateway: {minCapacity: 6}", LOSE_EAST, &[]);
    assert_eq!(failed(&warm, Reason::GatewayFull).iter().sum::<u32>(), 0);
    assert_eq!(fulls(&warm, "gateway"), []);
}

/// 1,000 edge locations that probe every 5 s are 200 probes a second, each with a handshake: 24
/// capacity units. The gateway of the standby, which has no users, starts with four instances for
/// them (75 % of 40 units); held at three it has 6 units left, 60 requests a second. Probes that
/// pods answer pass it like requests: four instances pass 400 of 300 users and 200 probes a second,
/// as they come.
#[test]
fn probes_take_capacity_units_of_a_gateway() {
    let probes = ["frontDoor.probe.edgeLocations=1000", "frontDoor.probe.interval=5s"];
    let target = |target: &str| format!("frontDoor.probe.target={target}");
    let finished =
        with("west", "gateway: {minCapacity: 1}", "", &[probes[0], probes[1], &target("gateway")]);
    let instances = |finished: &Finished| {
        finished.world.clusters[1].gateway.as_ref().map(|gateway| gateway.instances)
    };
    assert_eq!(instances(&finished), Some(4));
    assert_eq!(facts_named(&finished, "network-scaled"), [], "from the start on");

    let none = with("west", "gateway: {minCapacity: 1}", "", &[&target("gateway")]);
    assert_eq!(instances(&none), Some(1), "without the key probes cost nothing");

    // A bucket that is never full lets pass what it gets, but for one burst; which of users and
    // probes come in time is chance: 4 deviations of the binomial law.
    let by_chance = 4.0 * (400.0_f64 * 0.6 * 0.4 / 500.0).sqrt();
    for (of, instances, users_per_s, error) in
        [("gateway", 3, 60.0, 0.2), ("workload", 4, 400.0 * 0.6, by_chance)]
    {
        let held = format!("gateway: {{minCapacity: {instances}, maxCapacity: {instances}}}");
        let more = ["demands[0].retries.attempts=1", "workloads[web].hpa.minReplicas=8"];
        let sets = [probes[0], probes[1], more[0], more[1], &target(of)];
        let finished = with("west", &held, LOSE_EAST, &sets);
        let seconds = &finished.ledger.demands()[0].seconds()[300..800];
        let served: u32 = seconds.iter().map(|second| second.served).sum();
        let found = f64::from(served) / 500.0;
        assert!((found - users_per_s).abs() <= error, "{of}: {found} of {users_per_s}");
    }
}

/// A gateway sees no load while its region is lost, for longer than its scale-in takes: it keeps
/// its instances, and users who come back, sooner than that, meet as many as left.
#[test]
fn a_gateway_of_a_lost_region_stands_still() {
    let lost = "faults:\n  - {name: lost, at: 1m, duration: 8m, regionLoss: {region: east}}\n";
    let finished = with("east", "gateway: {minCapacity: 1, scaleInDelay: 5m}", lost, &[]);
    let scaled = facts(&finished, |fact| match fact.what {
        What::NetworkScaled { from, to, .. } => Some((fact.at, from, to)),
        _ => None,
    });
    assert!(scaled.iter().all(|&(_, from, to)| from < to), "{scaled:?}");
    let gateway = finished.world.clusters[0].gateway.as_ref().expect("it has one");
    assert!(1 < gateway.instances, "the premise: its load needs more than the minimum");
}

/// Front Door's probes find a gateway without an instance gone, whatever the pods do.
#[test]
fn a_gateway_without_instances_is_no_origin() {
    let finished = with("west", "gateway: {minCapacity: 0}", LOSE_EAST, &[]);
    let unhealthy = facts(&finished, |fact| match fact.what {
        What::OriginHealth { cluster, healthy: false, .. } => Some((fact.at, cluster.index())),
        _ => None,
    });
    assert!(unhealthy.iter().any(|&(at, cluster)| cluster == 1 && at < Time::from_secs(180)));
}

/// 51 pods on nodes of their own: every request holds a port for a minute, 700 a second hold
/// 42,000. 50 nodes have 51,200; the 51st that joins leaves each node 512, together 26,112, and
/// from that instant on requests find no port. 1,024 ports set for each node avoid it.
#[test]
fn the_fifty_first_node_exhausts_the_source_ports() {
    let sets = [
        "workloads[web].podAntiAffinity=hostname",
        "workloads[web].service.workers=1",
        "workloads[web].service.cpuPerWorker=500m",
        "workloads[web].hpa.minReplicas=50",
        "workloads[web].hpa.maxReplicas=60",
        "workloads[web].outgoingConnections=1",
        "clusters[0].pools[0].minCount=60",
        "clusters[0].pools[0].maxCount=60",
        "clusters[1].pools[0].minCount=50",
        "clusters[1].pools[0].maxCount=60",
        "demands[0].arrivals.constant=700/s",
    ];
    let finished = with("west", "outbound: {portHold: 1m}", LOSE_EAST, &sets);
    let cliff = facts(&finished, |fact| match fact.what {
        What::OutboundPorts { nodes, from, to, .. } => Some((fact.at, nodes, from, to)),
        _ => None,
    })[0];
    assert_eq!((cliff.1, cliff.2, cliff.3), (51, 1_024, 512));
    let joined = facts(&finished, |fact| match fact.what {
        What::NodeJoined { .. } => Some(fact.at),
        _ => None,
    });
    assert_eq!(joined[0], cliff.0, "the first node that joins is the 51st");
    let without_port = failed(&finished, Reason::Dependency);
    let cliff_s = cliff.0.as_secs_f64() as usize;
    // The last attempt of a user comes seconds after the first.
    assert!(without_port[..cliff_s - 15].iter().all(|&users| users == 0));
    assert!(without_port[cliff_s + 1..cliff_s + 20].iter().all(|&users| 0 < users));
    let full = fulls(&finished, "outbound")[0];
    assert_eq!(full, (look_after("secondary", cliff.0), true, "snat-ports-exhausted"));

    let set = "outbound: {portHold: 1m, allocatedOutboundPorts: 1024}";
    let finished = with("west", set, LOSE_EAST, &sets);
    assert_eq!(failed(&finished, Reason::Dependency).iter().sum::<u32>(), 0);
}

/// A NAT gateway in the lost zone cuts the whole cluster off, from the loss to the repair, though
/// two thirds of its nodes run; one that no zone's loss takes does not.
#[test]
fn the_zone_of_a_nat_gateway_cuts_all_egress() {
    let zone_loss = "faults:\n  - {name: lose-zone, at: 3m, duration: 2m, \
                     zoneLoss: {region: east, zone: 1}}\n";
    let sets = ["workloads[web].outgoingConnections=0.1"];
    let zonal = with("east", "outbound: {type: natGateway, zone: 1}", zone_loss, &sets);
    let cut = failed(&zonal, Reason::Dependency);
    assert!(cut[..175].iter().all(|&users| users == 0) && cut[301..].iter().all(|&n| n == 0));
    assert!(cut[182..295].iter().all(|&users| 0 < users), "{cut:?}");
    let reasons: Vec<&str> = fulls(&zonal, "outbound").iter().map(|full| full.2).collect();
    assert_eq!(reasons, ["the zone of its NAT gateway is lost", "connections find ports again"]);
    let regional = with("east", "outbound: {type: natGateway}", zone_loss, &sets);
    assert_eq!(failed(&regional, Reason::Dependency).iter().sum::<u32>(), 0);
}

/// Image pulls pass the firewall: 400 MiB at 2 MiB/s take 200 s at least, though the node could
/// pull faster; and it is said to be full.
#[test]
fn a_small_firewall_slows_image_pulls() {
    let tight = [
        "workloads[web].requests.cpu=1",
        "workloads[web].service.workers=2",
        "workloads[web].service.cpuPerWorker=500m",
        "workloads[web].queue=20",
    ];
    let first_pull = |keys: &str| {
        let finished = with("west", keys, LOSE_EAST, &tight);
        let joined = facts(&finished, |fact| match fact.what {
            What::NodeJoined { node } => Some((fact.at, node)),
            _ => None,
        })[0];
        let pulled = facts(&finished, |fact| match fact.what {
            What::ImagePulled { pod } if finished.world[pod].node == Some(joined.1) => {
                Some(fact.at)
            }
            _ => None,
        })[0];
        ((pulled - joined.0).as_secs_f64(), fulls(&finished, "firewall"))
    };
    let (free_s, _) = first_pull("autoRepair: {}");
    let (slow_s, fulls) = first_pull("firewall: {throughputPerUnit: 1Mi, maxCapacity: 2}");
    assert!(free_s < 200.0 && 200.0 <= slow_s, "{free_s} s, {slow_s} s behind the firewall");
    assert_eq!((fulls[0].1, fulls[0].2), (true, "it has its maximum of instances"));
    let (wide_s, _) = first_pull("firewall: {}");
    assert!(is_at(wide_s, free_s), "a firewall that is wide enough changes nothing");
}

/// What binds next is what lets less pass than the pods sustain: one gateway instance 100 requests
/// a second of the 300 that a failover would bring; 3,072 source ports of three nodes, each taken
/// for four minutes or one, 12.8 or 51.2 connections a second.
#[test]
fn headroom_names_what_stands_before_the_pods() {
    let connections = "workloads[web].outgoingConnections=1";
    for (keys, sets, binding, per_s) in [
        ("gateway: {minCapacity: 1}", &[][..], Binding::GatewayUnits, 100.0),
        ("outbound: {}", &[connections], Binding::SnatPorts, 3.0 * 1_024.0 / 240.0),
        ("outbound: {portHold: 1m}", &[connections], Binding::SnatPorts, 3.0 * 1_024.0 / 60.0),
    ] {
        let text = SMALL.replacen("region: west\n", &format!("region: west\n    {keys}\n"), 1);
        let outcome = trial(&load(&text, sets)).outcome;
        let secondary = outcome.headroom.iter().find(|h| h.cluster == "secondary");
        let secondary = secondary.expect("every cluster has its row");
        assert_eq!(secondary.binding, Some(binding), "{keys}");
        // The least is against the most attempts of any ten seconds: 300/s and a bit.
        let ratio = secondary.failover_min_ratio.expect("it would inherit");
        let most = per_s / (ratio + 1.0);
        assert!((300.0..360.0).contains(&most), "{keys}: {ratio}");
    }
}

/// A gateway starts with the instances that its load fills to 75 %: four for 27 units.
/// They stay, and no request is refused; even one that takes more than a second's worth passes.
#[test]
fn a_gateway_starts_with_what_its_load_needs() {
    let finished =
        with("east", "gateway: {minCapacity: 1}", "", &["demands[0].arrivals.constant=270/s"]);
    let instances = finished.world.clusters[0].gateway.as_ref().map(|gateway| gateway.instances);
    assert_eq!(instances, Some(4));
    assert_eq!(failed(&finished, Reason::GatewayFull).iter().sum::<u32>(), 0);
    let large = ["workloads[web].transferPerRequest=1Gi"];
    let finished = with("east", "gateway: {maxCapacity: 2}", "", &large);
    // 20 units pass an answer of 3,869 units every 193 s.
    let served = finished.ledger.demands()[0].totals().served;
    assert!((3..=6).contains(&served), "{served} in 15 minutes");
}
