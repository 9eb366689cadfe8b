//! Where requests go in one window: what the edges, origins and balancers decided last.
//!
//! Controllers own these tables and change them only at control events; the engine reads an
//! edge's row when a user sends, an origin's mode and the endpoints when the request arrives.

use crate::model::ids::{ClusterId, PodId};
use crate::units::Ratio;

use super::gate::GateLimit;

/// The routing of one window.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// By `PopId`.
    pub pops: Vec<PopRoute>,
    /// By `ClusterId`.
    pub origins: Vec<OriginMode>,
    /// By `DeploymentId`: the pods that the balancer sends to. May hold pods that are dead, as
    /// long as nobody has told the balancer.
    pub endpoints: Vec<Vec<PodId>>,
    /// By `DeploymentId`: what requests meet at the dependencies that they need. Missing ones, and
    /// all if nothing has dependencies, meet nothing.
    pub dependencies: Vec<DependencyEffects>,
    /// By `DeploymentId`: how many pods at the end of its endpoints no balancer sends to any more,
    /// though callers still have connections to them. Missing ones are 0.
    pub n_stale: Vec<usize>,
    /// By `ClusterId`: the requests that its ingress fails. Missing ones, and all if there is no
    /// grey failure, are none.
    pub grey: Vec<GreyShare>,
    /// By `GateId`: what may pass. Missing ones are open.
    pub gates: Vec<GateLimit>,
    /// Another number with every change; 0 for a table of which nobody keeps count.
    pub version: u64,
}

/// A routing that counts its changes: whoever reads the table can see whether it is another one
/// than before without reading all of it.
#[derive(Clone, Debug)]
pub struct CountedRouting(Routing);

impl CountedRouting {
    /// The first version of a table.
    #[must_use]
    pub fn new(routing: Routing) -> Self {
        Self(Routing { version: 1, ..routing })
    }
}

impl std::ops::Deref for CountedRouting {
    type Target = Routing;

    fn deref(&self) -> &Routing {
        &self.0
    }
}

impl std::ops::DerefMut for CountedRouting {
    fn deref_mut(&mut self) -> &mut Routing {
        self.0.version += 1;
        &mut self.0
    }
}

impl Routing {
    /// The endpoints of a deployment that get new connections.
    pub(super) fn current(&self, deployment: usize) -> &[PodId] {
        let endpoints = &self.endpoints[deployment];
        let n_stale = self.n_stale.get(deployment).copied().unwrap_or(0);
        &endpoints[..endpoints.len() - n_stale]
    }

    /// The cluster to which each of `pops` sends everything, if it is the same.
    pub(super) fn sole_cluster(&self, pops: &[u32]) -> Option<ClusterId> {
        let mut soles = pops.iter().map(|pop| match self.pops[*pop as usize].shares[..] {
            [(ALL, cluster)] => Some(cluster),
            _ => None,
        });
        let first = soles.next().flatten()?;
        soles.all(|sole| sole == Some(first)).then_some(first)
    }
}

/// All of the cumulative shares of a route.
const ALL: u64 = 1 << 32;

/// Where one edge location sends its users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PopRoute {
    /// Cumulative share of 2^32, and the cluster that gets it; empty if no origin is left.
    shares: Vec<(u64, ClusterId)>,
}

impl PopRoute {
    /// Nowhere: the edge has no origin to send to.
    pub const NOWHERE: Self = Self { shares: Vec::new() };

    /// All to one cluster.
    #[must_use]
    pub fn only(cluster: ClusterId) -> Self {
        Self::weighted(&[(cluster, 1)])
    }

    /// To each cluster in proportion to its weight. No weight at all is nowhere.
    #[must_use]
    pub fn weighted(weights: &[(ClusterId, u32)]) -> Self {
        let total: u64 = weights.iter().map(|&(_, weight)| u64::from(weight)).sum();
        let mut sum = 0;
        let mut shares = Vec::with_capacity(weights.len());
        for &(cluster, weight) in weights.iter().filter(|(_, weight)| 0 < *weight) {
            sum += u64::from(weight);
            shares.push(((u128::from(sum) << 32).div_ceil(u128::from(total)) as u64, cluster));
        }
        Self { shares }
    }

    /// To clusters and nowhere (`None`, the last one) in proportion to their weights.
    #[must_use]
    pub fn parts(weights: &[(Option<ClusterId>, u32)]) -> Self {
        let total: u64 = weights.iter().map(|&(_, weight)| u64::from(weight)).sum();
        let mut sum = 0;
        let mut shares = Vec::with_capacity(weights.len());
        for &(cluster, weight) in weights.iter().filter(|(_, weight)| 0 < *weight) {
            sum += u64::from(weight);
            let Some(cluster) = cluster else { break };
            shares.push(((u128::from(sum) << 32).div_ceil(u128::from(total)) as u64, cluster));
        }
        Self { shares }
    }

    /// The clusters, and nowhere, with the share that goes there.
    pub(super) fn ways(&self) -> Vec<(Option<ClusterId>, f64)> {
        let mut below = 0;
        let mut ways = Vec::with_capacity(self.shares.len() + 1);
        for &(upto, cluster) in &self.shares {
            ways.push((Some(cluster), (upto - below) as f64 / ALL as f64));
            below = upto;
        }
        if below < ALL {
            ways.push((None, (ALL - below) as f64 / ALL as f64));
        }
        ways
    }

    /// The cluster that belongs to 32 random bits.
    #[inline]
    #[must_use]
    pub fn pick(&self, bits: u32) -> Option<ClusterId> {
        let drawn = u64::from(bits);
        self.shares.iter().find(|(below, _)| drawn < *below).map(|&(_, cluster)| cluster)
    }
}

/// What the dependencies of a deployment do to its requests, by class.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct DependencyEffects {
    /// To requests that only read.
    pub reads: DependencyEffect,
    /// To requests that write.
    pub writes: DependencyEffect,
}

impl DependencyEffects {
    /// Whether requests are served as if there were no dependencies.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What the dependencies of a request do to it: it meets them when it reaches its pod.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DependencyEffect {
    /// Whether it can be answered at all.
    pub failing: DependencyFailure,
    /// Its work takes this many times as long.
    pub slower: f64,
    /// And so much longer \[s\].
    pub added_s: f64,
}

impl Default for DependencyEffect {
    fn default() -> Self {
        Self { failing: DependencyFailure::None, slower: 1.0, added_s: 0.0 }
    }
}

/// How a request fails on its dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum DependencyFailure {
    /// It does not.
    #[default]
    None,
    /// The pod answers with an error at once; that takes no worker.
    Refused,
    /// The call hangs: a worker is held until the pod gives the call up, and nobody is answered.
    Hangs {
        /// From the call to giving it up \[s\].
        held_s: f64,
    },
}

/// A part of the attempts at an origin that it fails, drawn for each attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GreyShare {
    /// Of 2^32 draws.
    below: u64,
    /// Whether nobody answers, rather than an error at once.
    pub hangs: bool,
}

impl GreyShare {
    /// No attempt.
    pub const NONE: Self = Self { below: 0, hangs: false };

    /// This share of them.
    #[must_use]
    pub fn new(share: Ratio, hangs: bool) -> Self {
        Self { below: (share.get().clamp(0.0, 1.0) * (1_u64 << 32) as f64) as u64, hangs }
    }

    /// The share of the attempts.
    pub(super) fn size(self) -> f64 {
        self.below as f64 / (1_u64 << 32) as f64
    }

    /// Whether it is any attempt at all.
    pub(super) const fn is_any(self) -> bool {
        0 < self.below
    }

    /// Whether the attempt with this draw fails.
    #[inline]
    pub(super) const fn fails(self, draw: u64) -> bool {
        draw >> 32 < self.below
    }
}

/// What an origin (the gateway of a cluster) does with requests that reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OriginMode {
    /// Passes them on to the pods.
    #[default]
    Serving,
    /// Refuses the connection.
    Refused,
    /// Accepts and never answers: the edge's or the client's time-out decides.
    Hang,
    /// Answers 5xx at once.
    ServerError,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares follow the weights to 2^-32, a zero weight gets nothing, no weights lead nowhere.
    #[test]
    fn weights_become_shares() {
        let [a, b, c] = [0, 1, 2].map(ClusterId::new);
        let route = PopRoute::weighted(&[(a, 1), (b, 0), (c, 3)]);
        assert_eq!(route.pick(0), Some(a));
        assert_eq!(route.pick((1 << 30) - 1), Some(a));
        assert_eq!(route.pick(1 << 30), Some(c));
        assert_eq!(route.pick(u32::MAX), Some(c));
        assert_eq!(PopRoute::weighted(&[(a, 0)]), PopRoute::NOWHERE);
        assert_eq!(PopRoute::NOWHERE.pick(7), None);
        assert_eq!(PopRoute::only(b).pick(u32::MAX), Some(b));
        // A part that leads nowhere is no sole cluster.
        let half = PopRoute::parts(&[(Some(a), 1), (Some(b), 0), (None, 1)]);
        assert_eq!(
            [0, (1 << 31) - 1, 1 << 31].map(|bits| half.pick(bits)),
            [Some(a), Some(a), None]
        );
        let routing = |route| Routing { pops: vec![route], ..Routing::default() };
        assert_eq!(routing(half).sole_cluster(&[0]), None);
        assert_eq!(routing(PopRoute::parts(&[(Some(a), 9)])).sole_cluster(&[0]), Some(a));
    }
}
