//! The milestones of a fault: noticed, traffic moved, capacity enough, traffic back.
//!
//! Each is the time from the fault (failback: from the repair) to the first instant at which it
//! holds. A milestone that cannot apply, or is not reached within the run, is `None`. A fault owns
//! what happens until the next fault that touches one of the same clusters.

use std::collections::BTreeSet;

use crate::units::{Span, Time};

use crate::model::fact::{ClusterSet, Fact, What};
use crate::model::front_door::FrontDoor;
use crate::model::ids::{DependencyId, FaultId, PopId};

use crate::control::front_door_health::share_when_all_healthy;

use super::record::{FaultFrame, Part};
use super::recovery::HOLD_S;

/// Traffic has moved when this share of it has (`reroute_s`, `failback_s`).
const MOVED: f64 = 0.95;
/// Sums of traffic shares are exact only up to this.
const ROUNDING: f64 = 1e-9;

/// The instant from which a fault no longer owns what happens: the next fault on its clusters.
#[must_use]
pub fn owned_until(faults: &[FaultFrame], fault: &FaultFrame) -> Time {
    let later = faults.iter().filter(|other| {
        let shares = other.affected.0 & fault.affected.0 != 0;
        other.struck && other.part == Part::Alone && fault.at < other.at && shares
    });
    later.map(|other| other.at).min().unwrap_or(Time::NEVER)
}

/// Until the first PoP finds an affected origin unhealthy.
#[must_use]
pub fn detect(facts: &[Fact], fault: &FaultFrame, end: Time) -> Option<Span> {
    let notices = |fact: &&Fact| match fact.what {
        What::OriginHealth { cluster, healthy: false, .. } => fault.affected.contains(cluster),
        _ => false,
    };
    let owned = facts.iter().filter(|fact| fault.at <= fact.at && fact.at < end);
    owned.into_iter().find(notices).map(|fact| fact.at - fault.at)
}

/// When the last dependency that a fault took was promoted or back; `None` if it took none of those
/// that count, or one of them never serves again.
#[must_use]
pub fn dependencies_serve(
    facts: &[Fact],
    is_this: impl Fn(FaultId) -> bool,
    counts: impl Fn(DependencyId) -> bool,
) -> Option<Time> {
    let mut lost = BTreeSet::new();
    let mut last = None;
    for fact in facts {
        match fact.what {
            What::DependencyLost { dependency, fault, .. }
                if is_this(fault) && counts(dependency) =>
            {
                lost.insert(dependency);
            }
            What::DependencyPromoted { dependency, .. }
            | What::DependencyBack { dependency, .. }
                if lost.remove(&dependency) =>
            {
                last = Some(fact.at);
            }
            _ => {}
        }
    }
    last.filter(|_| lost.is_empty())
}

/// Where each PoP sends its traffic, as it changes over time.
#[derive(Clone, Debug)]
pub struct Routes<'a> {
    shares: Vec<f64>,
    initial: Vec<ClusterSet>,
    facts: &'a [Fact],
}

impl<'a> Routes<'a> {
    /// The routes of a run. A PoP without a fact goes where an all-healthy Front Door sends it.
    #[must_use]
    pub fn new(front_door: &FrontDoor, facts: &'a [Fact]) -> Self {
        let shares = front_door.pops.iter().map(|pop| pop.traffic_share).collect();
        let initial = (0..front_door.pops.len()).map(|i| healthy_route(front_door, i)).collect();
        Self { shares, initial, facts }
    }

    /// Routes given directly: a share and a first route for each PoP.
    #[must_use]
    pub fn from_parts(shares: Vec<f64>, initial: Vec<ClusterSet>, facts: &'a [Fact]) -> Self {
        assert_eq!(shares.len(), initial.len(), "one route for each PoP");
        Self { shares, initial, facts }
    }

    /// Changes of route with their instants, in order.
    fn changes(&self) -> impl Iterator<Item = (Time, PopId, ClusterSet)> + '_ {
        self.facts.iter().filter_map(|fact| match fact.what {
            What::RouteChanged { pop, to, .. } => Some((fact.at, pop, to)),
            _ => None,
        })
    }

    /// The route of each PoP right before `at`.
    fn before(&self, at: Time) -> Vec<ClusterSet> {
        let mut routes = self.initial.clone();
        for (_, pop, to) in self.changes().take_while(|&(when, ..)| when < at) {
            routes[pop.index()] = to;
        }
        routes
    }

    /// Until 95 % of the traffic that went to affected clusters goes to none of them.
    ///
    /// `None` if no traffic went there, or if that share never moved before `end`.
    #[must_use]
    pub fn reroute(&self, fault: &FaultFrame, end: Time) -> Option<Span> {
        let before = self.before(fault.at);
        let hit = |route: ClusterSet| route.0 & fault.affected.0 != 0;
        let weights = self.weights(&before, hit);
        let is_moved = |_, route: ClusterSet| !hit(route);
        let moved_at = self.first(&weights, before, (fault.at, end), is_moved)?;
        Some(moved_at - fault.at)
    }

    /// From the repair until 95 % of the traffic that the fault had moved is back.
    ///
    /// `None` without a repair, if nothing had moved, or if it never came back before `end`.
    #[must_use]
    pub fn failback(&self, fault: &FaultFrame, end: Time) -> Option<Span> {
        let repair = fault.until?;
        let before = self.before(fault.at);
        let hit = |route: ClusterSet| route.0 & fault.affected.0 != 0;
        let mut weights = self.weights(&before, hit);
        let lost = |pop: usize, to: ClusterSet| before[pop].0 & fault.affected.0 & !to.0 != 0;
        let mut ever_moved = vec![false; weights.len()];
        let owned = self.changes().filter(|&(at, ..)| fault.at <= at && at < end);
        for (_, pop, to) in owned {
            // What another fault moves between other clusters is not this one's.
            ever_moved[pop.index()] |= lost(pop.index(), to);
        }
        for (weight, moved) in weights.iter_mut().zip(ever_moved) {
            *weight = if moved { *weight } else { 0.0 };
        }
        let at_repair = self.before(repair);
        let is_back = |pop: usize, route: ClusterSet| !lost(pop, route);
        let back_at = self.first(&weights, at_repair, (repair, end), is_back)?;
        Some(back_at - repair)
    }

    fn weights(&self, routes: &[ClusterSet], counts: impl Fn(ClusterSet) -> bool) -> Vec<f64> {
        let shares = self.shares.iter().zip(routes);
        shares.map(|(&share, &route)| if counts(route) { share } else { 0.0 }).collect()
    }

    /// The first instant in [from, end) at which 95 % of `weights` is `there`.
    fn first(
        &self,
        weights: &[f64],
        mut routes: Vec<ClusterSet>,
        (from, end): (Time, Time),
        there: impl Fn(usize, ClusterSet) -> bool,
    ) -> Option<Time> {
        let total: f64 = weights.iter().sum();
        let enough = |routes: &[ClusterSet]| {
            let arrived = |pop: &usize| there(*pop, routes[*pop]);
            let sum: f64 = (0..routes.len()).filter(arrived).map(|pop| weights[pop]).sum();
            MOVED * total <= sum + ROUNDING
        };
        if total <= ROUNDING {
            return None;
        }
        if enough(&routes) {
            return Some(from);
        }
        let owned = self.changes().filter(|&(at, ..)| from <= at && at < end);
        for (at, pop, to) in owned {
            routes[pop.index()] = to;
            if enough(&routes) {
                return Some(at);
            }
        }
        None
    }
}

/// Where Front Door sends a PoP's traffic while every origin is healthy.
fn healthy_route(front_door: &FrontDoor, pop: usize) -> ClusterSet {
    let mut route = ClusterSet::default();
    for origin in &front_door.origins {
        let share = share_when_all_healthy(front_door, &front_door.pops[pop], origin.cluster);
        if 0.0 < share {
            route.insert(origin.cluster);
        }
    }
    route
}

/// The first second at or after `first_s` from which capacity is at least what is offered for
/// the hold; both are rates by second.
#[must_use]
pub fn capacity_held(capacity: &[f64], offered: &[f64], first_s: usize) -> Option<usize> {
    let n_seconds = capacity.len().min(offered.len());
    let mut held = 0;
    for at_s in first_s..n_seconds {
        held = if offered[at_s] <= capacity[at_s] { held + 1 } else { 0 };
        if held == HOLD_S {
            return Some(at_s + 1 - HOLD_S);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::metrics::example::{health, log, region_fault, route, set, world};

    use super::*;

    const ALWAYS: Time = Time::NEVER;

    fn secs(span: Option<Span>) -> Option<f64> {
        span.map(Span::as_secs_f64)
    }

    /// The last of the dependencies that the fault took decides, by its first return; one that
    /// never serves again leaves no instant, and those that do not count change nothing.
    #[test]
    fn the_last_dependency_decides() {
        let (id, region) = (DependencyId::new, crate::model::ids::RegionId::new(0));
        let why = crate::model::fact::Why("");
        let lost = |dependency, fault| What::DependencyLost {
            dependency: id(dependency),
            region,
            fault: FaultId::new(fault),
            why,
        };
        let promoted = |dependency| What::DependencyPromoted {
            dependency: id(dependency),
            region,
            fault: FaultId::new(0),
            lost_writes: 0,
            why,
        };
        let back = |dependency| What::DependencyBack { dependency: id(dependency), region, why };
        for (rule, facts, expected) in [
            ("none was lost", vec![(5, promoted(0))], None),
            ("promoted", vec![(1, lost(0, 0)), (5, promoted(0)), (9, promoted(0))], Some(5)),
            ("back", vec![(1, lost(0, 0)), (6, back(0))], Some(6)),
            (
                "the later of two",
                vec![(1, lost(0, 0)), (1, lost(1, 0)), (6, back(1)), (8, promoted(0))],
                Some(8),
            ),
            ("one is still lost", vec![(1, lost(0, 0)), (1, lost(1, 0)), (6, back(1))], None),
            ("another fault's", vec![(1, lost(0, 1)), (6, back(0))], None),
            (
                "one that does not count",
                vec![(1, lost(7, 0)), (1, lost(0, 0)), (6, back(0))],
                Some(6),
            ),
        ] {
            let facts: Vec<Fact> =
                facts.into_iter().map(|(s, what)| Fact { at: Time::from_secs(s), what }).collect();
            let is_this = |fault: FaultId| fault.index() == 0;
            let found = dependencies_serve(&facts, is_this, |id| id.index() != 7);
            assert_eq!(found, expected.map(Time::from_secs), "{rule}");
        }
    }

    /// The first PoP that finds an affected origin unhealthy, after the fault and before the next
    /// one, notices it.
    #[test]
    fn the_first_pop_notices() {
        let fault = region_fault(100, None);
        let table = [
            (
                "first of two",
                vec![(128, health(1, 0, false)), (131, health(0, 0, false))],
                Some(28.0),
            ),
            ("at the very instant", vec![(100, health(0, 0, false))], Some(0.0)),
            ("before the fault", vec![(99, health(0, 0, false))], None),
            ("another origin", vec![(110, health(0, 1, false))], None),
            ("turned healthy", vec![(110, health(0, 0, true))], None),
            ("after the next fault", vec![(300, health(0, 0, false))], None),
        ];
        for (rule, facts, expected) in table {
            let noticed = detect(log(&facts).facts(), &fault, Time::from_secs(300));
            assert_eq!(secs(noticed), expected, "{rule}");
        }
    }

    fn reroute_of<const N: usize>(
        shares: &[f64],
        initial: [&[usize]; N],
        facts: &[(i64, What)],
    ) -> Option<f64> {
        let log = log(facts);
        let initial = initial.iter().map(|clusters| set(clusters)).collect();
        let routes = Routes::from_parts(shares.to_vec(), initial, log.facts());
        secs(routes.reroute(&region_fault(100, None), ALWAYS))
    }

    /// Traffic has moved when PoPs with 95 % of the affected weight send none of it to affected
    /// clusters.
    #[test]
    fn traffic_moves_by_weight() {
        let to_both: &[usize] = &[0, 1];
        let moves = [(110, route(0, &[1])), (120, route(1, &[1])), (130, route(2, &[1]))];
        let shares = [0.5, 0.45, 0.05];
        assert_eq!(reroute_of(&shares, [&[0]; 3], &moves), Some(20.0), "95 % of the weight");
        let shares = [0.5, 0.44, 0.06];
        assert_eq!(reroute_of(&shares, [&[0]; 3], &moves), Some(30.0), "94 % are too few");
        let unaffected: [&[usize]; 3] = [&[0], &[0], &[1]];
        assert_eq!(reroute_of(&shares, unaffected, &moves), Some(20.0), "only the affected count");
        assert_eq!(reroute_of(&shares, [&[1]; 3], &moves), None, "nothing went there");
        assert_eq!(reroute_of(&shares, [&[0]; 3], &moves[..1]), None, "never moved");
        let split = [(110, route(0, to_both)), (150, route(0, &[1]))];
        assert_eq!(reroute_of(&[1.0], [to_both], &split), Some(50.0), "a share still goes there");
        let before = [(50, route(0, &[0])), (112, route(0, &[1]))];
        assert_eq!(reroute_of(&[1.0], [&[1]], &before), Some(12.0), "facts before it count");
    }

    fn failback_of(until_s: Option<i64>, facts: &[(i64, What)]) -> Option<f64> {
        let log = log(facts);
        let routes = Routes::from_parts(vec![0.9, 0.1], vec![set(&[0]), set(&[0])], log.facts());
        secs(routes.failback(&region_fault(100, until_s), ALWAYS))
    }

    /// Traffic is back when 95 % of what had moved goes where it went before the fault.
    #[test]
    fn traffic_comes_back() {
        let away = [(110, route(0, &[1])), (115, route(1, &[1]))];
        let back = [(230, route(1, &[0])), (245, route(0, &[0]))];
        let both: Vec<_> = away.iter().chain(&back).copied().collect();
        assert_eq!(failback_of(Some(200), &both), Some(45.0), "from the repair");
        assert_eq!(failback_of(None, &both), None, "no repair");
        assert_eq!(failback_of(Some(200), &away), None, "it stays away");
        assert_eq!(failback_of(Some(200), &[]), None, "it had not moved");
        let one = [away[1], back[0]];
        assert_eq!(failback_of(Some(200), &one), Some(30.0), "only one PoP had moved");
        let to_both = [(210, route(0, &[0, 1])), (220, route(0, &[0]))];
        assert_eq!(failback_of(Some(200), &to_both), None, "a move between others is not its own");
        let late = [(205, route(0, &[1])), (240, route(0, &[0]))];
        assert_eq!(failback_of(Some(200), &late), Some(0.0), "at the repair it was still there");
    }

    /// A PoP without a fact is where Front Door sends it with all origins healthy: best priority
    /// among the enabled, then all within the latency sensitivity of the fastest.
    #[test]
    fn routes_without_facts() {
        let mut front_door = world().front_door;
        assert_eq!(healthy_route(&front_door, 0), set(&[0]), "priority 1");
        front_door.origins[1].priority = 1;
        assert_eq!(healthy_route(&front_door, 0), set(&[0, 1]), "equal priority and latency");
        front_door.pops[0].origin_rtt[1] = Span::from_millis(71);
        assert_eq!(healthy_route(&front_door, 0), set(&[0]), "51 ms slower than the fastest");
        front_door.origins[0].enabled = false;
        assert_eq!(healthy_route(&front_door, 0), set(&[1]), "disabled");
    }

    /// Capacity is enough from the first second from which it covers demand for 60 s.
    #[test]
    fn capacity_must_hold() {
        let offered = vec![100.0; 200];
        let rows = |runs: &[(usize, f64)]| -> Vec<f64> {
            runs.iter().flat_map(|&(n, rate)| vec![rate; n]).collect()
        };
        let table = [
            ("from the fault on", rows(&[(200, 100.0)]), Some(20)),
            ("later", rows(&[(50, 99.0), (150, 100.0)]), Some(50)),
            (
                "59 s do not count",
                rows(&[(20, 99.0), (59, 120.0), (1, 99.0), (120, 100.0)]),
                Some(80),
            ),
            ("never", rows(&[(200, 99.0)]), None),
            ("not held within the run", rows(&[(141, 99.0), (59, 100.0)]), None),
        ];
        for (rule, capacity, expected) in table {
            assert_eq!(capacity_held(&capacity, &offered, 20), expected, "{rule}");
        }
    }

    /// A fault owns what happens until the next fault on one of its clusters.
    #[test]
    fn faults_on_other_clusters_do_not_interfere() {
        let first = region_fault(100, None);
        let mut other = region_fault(150, None);
        other.affected = set(&[1]);
        let again = region_fault(200, None);
        let mut spared = region_fault(120, None);
        spared.struck = false;
        let faults = [first.clone(), other.clone(), again, spared];
        assert_eq!(owned_until(&faults, &first), Time::from_secs(200));
        assert_eq!(owned_until(&faults, &other), Time::NEVER);
    }
}
