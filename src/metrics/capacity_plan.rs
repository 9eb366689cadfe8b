//! The capacity plan of a run: what each cluster took before, during and after the trouble.
//!
//! "During" is from the first fault that struck to the last repair or recovery, as it is for
//! latency. What is given are peaks, for that much must be there: pods and nodes as the observer
//! saw them each second, and what the nodes stand for by their pools. A node counts from joining
//! until it is deleted or deallocated; one of a region without power is still paid for. Addresses
//! of a dynamic pod subnet follow the pods and not the nodes, so they are left out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::units::{Span, Time};

use crate::model::fact::{Fact, What};
use crate::model::ids::{ClusterId, NodeId, PoolId};
use crate::model::network::{Addresses, PluginSpec};
use crate::model::node::Stage;
use crate::model::sample::{ClusterSample, Samples};
use crate::model::world::World;

use super::headroom::second_of;
use super::latency::Trouble;
use super::outcome::FaultOutcome;
use super::summary::trouble;

/// What a run left behind that its plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The world at its end.
    pub world: &'a World,
    /// What happened, in order.
    pub facts: &'a [Fact],
    /// What the observer saw.
    pub samples: &'a Samples,
    /// Length of the run.
    pub horizon: Span,
    /// What its faults came to.
    pub faults: &'a [FaultOutcome],
}

/// What one cluster took in one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterPhase {
    /// The cluster.
    pub cluster: String,
    /// The region it stands in.
    pub region: String,
    /// Which phase.
    pub phase: Phase,
    /// Begin of the phase \[s\].
    pub from_s: usize,
    /// End of the phase \[s\].
    pub until_s: usize,
    /// Most active pods at a time.
    pub peak_pods: u32,
    /// Most nodes at a time.
    pub peak_nodes: u32,
    /// Most vCPUs of nodes at a time.
    pub peak_vcpus: u32,
    /// Nodes times hours.
    pub node_hours: f64,
    /// Most addresses of the nodes' subnet at a time; `None` without a network.
    pub peak_subnet_addresses: Option<u32>,
    /// Addresses that the nodes' subnet has.
    pub subnet_addresses: Option<u32>,
    /// Most of what pods take beside that: /24 ranges or blocks of 16.
    pub peak_pod_ranges: Option<u32>,
    /// How many of these there are.
    pub pod_ranges: Option<u32>,
    /// What the dearest of its moments would cost, were it kept for a month; `None` without
    /// prices.
    pub monthly_cost: Option<f64>,
    /// Currency of the cost.
    pub currency: Option<String>,
}

/// Addresses that a cluster has; `None` where it states no network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Those of the nodes' subnet.
    pub subnet_addresses: Option<u32>,
    /// What pods take beside that: /24 ranges or blocks of 16.
    pub pod_ranges: Option<u32>,
}

impl Room {
    /// The room of a cluster.
    #[must_use]
    pub fn of(world: &World, cluster: ClusterId) -> Self {
        let network = world[cluster].network;
        // A node subnet has its pods' addresses among its own; a dynamic pod subnet follows the
        // pods.
        let ranges = network.filter(|network| {
            !matches!(network.plugin, PluginSpec::NodeSubnet | PluginSpec::PodSubnetDynamic)
        });
        Self {
            subnet_addresses: network.map(|network| network.room.node_subnet),
            pod_ranges: ranges.map(|network| network.room.pods),
        }
    }
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the first fault.
    Before,
    /// Until the last one was repaired and users were served again.
    During,
    /// The rest.
    After,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Before, Self::During, Self::After];
}

/// The plan of a run: clusters in their order, each with the phases that there were;
/// `monthly_price` says what a node of a pool costs a month.
#[must_use]
pub fn capacity_plan(
    run: &PlanInput<'_>,
    monthly_price: impl Fn(PoolId) -> Option<f64>,
) -> Vec<ClusterPhase> {
    let n_seconds = usize::try_from((Time::ZERO + run.horizon).whole_secs()).unwrap_or(0);
    let struck = during(run.faults, run.horizon.as_secs_f64());
    let mut fleet = Fleet::at_start(run.world, run.facts);
    let clusters = || (0..run.world.clusters.len()).map(ClusterId::new);
    let machines = |fleet: &Fleet| -> Vec<Machines> {
        clusters().map(|cluster| fleet.of_cluster(run.world, cluster, &monthly_price)).collect()
    };
    let mut now = machines(&fleet);
    let mut rest = run.facts;
    let mut rows: Vec<[Option<Taken>; 3]> = vec![[None; 3]; run.world.clusters.len()];
    for sample in &run.samples.clusters {
        let past = rest.iter().take_while(|fact| fact.at <= sample.at);
        let learnt = past.map(|fact| fleet.learn(run.world, fact)).collect::<Vec<bool>>();
        rest = &rest[learnt.len()..];
        if learnt.contains(&true) {
            now = machines(&fleet);
        }
        if let Some(at_s) = second_of(sample.at, n_seconds) {
            let phase = phase_of(at_s, struck);
            let taken = rows[sample.cluster.index()][phase as usize].get_or_insert_default();
            taken.add(at_s, sample, &now[sample.cluster.index()]);
        }
    }
    let there = clusters().zip(rows).flat_map(|(cluster, taken)| {
        let phases = Phase::ALL.into_iter().zip(taken);
        phases.filter_map(move |(phase, taken)| Some((cluster, phase, taken?)))
    });
    there.map(|(cluster, phase, taken)| row(run.world, cluster, phase, taken)).collect()
}

/// From the first fault that struck to the end of the last trouble, if one struck.
fn during(faults: &[FaultOutcome], horizon_s: f64) -> Option<Trouble> {
    let troubles = faults.iter().filter(|fault| fault.has_struck());
    troubles.map(|fault| trouble(fault, horizon_s)).reduce(|left, right| Trouble {
        from_s: left.from_s.min(right.from_s),
        until_s: left.until_s.max(right.until_s),
    })
}

/// The phase of a second; the one in which the trouble ends still counts as during.
fn phase_of(at_s: usize, during: Option<Trouble>) -> Phase {
    match during {
        None => Phase::Before,
        Some(trouble) if (at_s as f64) < trouble.from_s => Phase::Before,
        Some(trouble) if (at_s as f64) < trouble.until_s => Phase::During,
        Some(_) => Phase::After,
    }
}

/// The nodes that are there, by pool.
#[derive(Clone, Debug)]
struct Fleet {
    there: BTreeSet<NodeId>,
    n_nodes: Vec<u32>,
}

impl Fleet {
    /// The nodes that nobody ordered: those that stood before the warm-up.
    fn at_start(world: &World, facts: &[Fact]) -> Self {
        let ordered: BTreeSet<NodeId> = facts
            .iter()
            .filter_map(|fact| match fact.what {
                What::NodeOrdered { node } => Some(node),
                _ => None,
            })
            .collect();
        let mut fleet = Self { there: BTreeSet::new(), n_nodes: vec![0; world.pools.len()] };
        for node in (0..world.nodes.len()).map(NodeId::new) {
            if !ordered.contains(&node) && world[node].stage != Stage::Provisioning {
                fleet.come(world, node);
            }
        }
        fleet
    }

    /// Whether a fact is about a node that comes or goes.
    fn learn(&mut self, world: &World, fact: &Fact) -> bool {
        match fact.what {
            What::NodeJoined { node } => self.come(world, node),
            What::NodeStarted { node, why } if why.0 == "granted" => self.come(world, node),
            What::NodeDeallocated { node } | What::NodeDeleted { node, .. } => {
                self.go(world, node);
            }
            _ => return false,
        }
        true
    }

    fn come(&mut self, world: &World, node: NodeId) {
        if self.there.insert(node) {
            self.n_nodes[world[node].pool.index()] += 1;
        }
    }

    fn go(&mut self, world: &World, node: NodeId) {
        if self.there.remove(&node) {
            self.n_nodes[world[node].pool.index()] -= 1;
        }
    }

    fn of_cluster(
        &self,
        world: &World,
        cluster: ClusterId,
        monthly_price: impl Fn(PoolId) -> Option<f64>,
    ) -> Machines {
        let mut machines = Machines { monthly_cost: Some(0.0), ..Machines::default() };
        for &pool in &world[cluster].pools {
            let n_nodes = self.n_nodes[pool.index()];
            machines.vcpus += n_nodes * world[pool].machine.n_vcpus;
            if let Some(network) = world[cluster].network {
                let each = network.plugin.of_a_machine(world[pool].capacity.pods);
                machines.addresses += each.times(n_nodes);
            }
            if 0 < n_nodes {
                let price = monthly_price(pool).map(|price| price * f64::from(n_nodes));
                machines.monthly_cost = machines.monthly_cost.zip(price).map(|(a, b)| a + b);
            }
        }
        machines
    }
}

/// What the nodes of a cluster stand for at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Machines {
    vcpus: u32,
    addresses: Addresses,
    monthly_cost: Option<f64>,
}

/// What a cluster took in a phase.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    from_s: usize,
    n_seconds: usize,
    pods: u32,
    nodes: u32,
    node_seconds: u64,
    most: Machines,
}

impl Taken {
    fn add(&mut self, at_s: usize, sample: &ClusterSample, now: &Machines) {
        if self.n_seconds == 0 {
            self.from_s = at_s;
            self.most.monthly_cost = now.monthly_cost;
        }
        self.n_seconds = at_s + 1 - self.from_s;
        self.pods = self.pods.max(sample.pods);
        self.nodes = self.nodes.max(sample.nodes);
        self.node_seconds += u64::from(sample.nodes);
        let (most, addresses) = (&mut self.most, now.addresses);
        most.vcpus = most.vcpus.max(now.vcpus);
        most.addresses.node_subnet = most.addresses.node_subnet.max(addresses.node_subnet);
        most.addresses.pods = most.addresses.pods.max(addresses.pods);
        most.monthly_cost = most.monthly_cost.zip(now.monthly_cost).map(|(a, b)| a.max(b));
    }
}

fn row(world: &World, cluster: ClusterId, phase: Phase, taken: Taken) -> ClusterPhase {
    let Room { subnet_addresses, pod_ranges } = Room::of(world, cluster);
    ClusterPhase {
        cluster: world[cluster].name.clone(),
        region: world[world[cluster].region].name.clone(),
        phase,
        from_s: taken.from_s,
        until_s: taken.from_s + taken.n_seconds,
        peak_pods: taken.pods,
        peak_nodes: taken.nodes,
        peak_vcpus: taken.most.vcpus,
        node_hours: taken.node_seconds as f64 / 3_600.0,
        peak_subnet_addresses: subnet_addresses.map(|_| taken.most.addresses.node_subnet),
        subnet_addresses,
        peak_pod_ranges: pod_ranges.map(|_| taken.most.addresses.pods),
        pod_ranges,
        monthly_cost: taken.most.monthly_cost,
        currency: None,
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::example::region_loss;
    use crate::metrics::headroom::headroom;
    use crate::metrics::summary::outcome;

    use super::*;

    /// A second is during from the fault's instant on, and no longer at the end of the trouble;
    /// without a fault all is before.
    #[test]
    fn phases_meet_at_their_boundaries() {
        let trouble = Some(Trouble { from_s: 200.0, until_s: 400.5 });
        for (rule, at_s, trouble, phase) in [
            ("no fault", 500, None, Phase::Before),
            ("the second before", 199, trouble, Phase::Before),
            ("at the fault", 200, trouble, Phase::During),
            ("within its last second", 400, trouble, Phase::During),
            ("after it", 401, trouble, Phase::After),
            (
                "at the end to the instant",
                400,
                Some(Trouble { from_s: 200.0, until_s: 400.0 }),
                Phase::After,
            ),
        ] {
            assert_eq!(phase_of(at_s, trouble), phase, "{rule}");
        }
    }

    /// Peaks are those of the phase: the secondary has two nodes before the loss at 200 s and
    /// grows to four at 230 s; the phases add up to all node hours.
    #[test]
    fn peaks_are_those_of_their_phase() {
        let example = region_loss();
        let record = example.record();
        let outcome = outcome(&record, &headroom(&record));
        let input = PlanInput {
            world: &example.world,
            facts: example.facts.facts(),
            samples: &example.samples,
            horizon: example.frame.horizon,
            faults: &outcome.faults,
        };
        let plan = capacity_plan(&input, |_| None);
        let found: Vec<_> = plan
            .iter()
            .filter(|row| row.cluster == "secondary")
            .map(|row| (row.phase, row.from_s, row.until_s, row.peak_nodes))
            .collect();
        let expected =
            [(Phase::Before, 0, 200, 2), (Phase::During, 200, 400, 4), (Phase::After, 400, 600, 4)];
        assert_eq!(found, expected);
        let hours: f64 = plan.iter().map(|row| row.node_hours).sum();
        let whole: f64 = outcome.clusters.iter().map(|cluster| cluster.node_hours).sum();
        assert!((hours - whole).abs() < 1e-9, "{hours} and {whole}");
    }
}
