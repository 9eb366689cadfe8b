//! The milestones of a fault: noticed, traffic moved, capacity enough, traffic back.
//!
//! Each is the time from the fault (failback: from the repair) to the first instant at which it
//! holds. A milestone that cannot apply, or is not reached within the run, is `None`. A fault owns
//! what happens until the next fault that touches one of the same clusters.

use crate::units::{Span, Time};

use crate::model::fact::{ClusterSet, Fact, What};
use crate::model::front_door::FrontDoor;
use crate::model::ids::{ClusterId, PopId};

use super::record::FaultFrame;
use super::recovery::HOLD_S;

/// Traffic has moved when this share of it has (DESIGN: `reroute_s`, `failback_s`).
const MOVED: f64 = 0.95;
/// Sums of traffic shares are exact only up to this.
const ROUNDING: f64 = 1e-9;

/// The instant from which a fault no longer owns what happens: the next fault on its clusters.
#[must_use]
pub fn owned_until(faults: &[FaultFrame], fault: &FaultFrame) -> Time {
    let later = faults.iter().filter(|other| {
        other.struck && fault.at < other.at && other.affected.0 & fault.affected.0 != 0
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
        let mut ever_moved = vec![false; weights.len()];
        let owned = self.changes().filter(|&(at, ..)| fault.at <= at && at < end);
        for (_, pop, to) in owned {
            ever_moved[pop.index()] |= to != before[pop.index()];
        }
        for (weight, moved) in weights.iter_mut().zip(ever_moved) {
            *weight = if moved { *weight } else { 0.0 };
        }
        let at_repair = self.before(repair);
        let is_back = |pop: usize, route: ClusterSet| route == before[pop];
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

/// Where Front Door sends a PoP's traffic while every origin is healthy: enabled, then best
/// priority, then within the latency sensitivity of the fastest.
fn healthy_route(front_door: &FrontDoor, pop: usize) -> ClusterSet {
    let rtt = |cluster: ClusterId| front_door.pops[pop].origin_rtt[cluster.index()];
    let enabled = || front_door.origins.iter().filter(|origin| origin.enabled);
    let best = enabled().map(|origin| origin.priority).min();
    let first = || enabled().filter(|origin| Some(origin.priority) == best);
    let fastest = first().map(|origin| rtt(origin.cluster)).min().unwrap_or_default();
    let limit = fastest + front_door.latency_sensitivity;
    let mut route = ClusterSet::default();
    for origin in first().filter(|origin| rtt(origin.cluster) <= limit) {
        route.insert(origin.cluster);
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
