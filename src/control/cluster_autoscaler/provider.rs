//! The cloud's side of a scale-up: virtual machine scale sets that may be short of capacity.
//!
//! Follows cloudprovider/azure: an increase raises the scale set's target at once and returns;
//! the machines come, or fail to, later. What the autoscaler learns of a failure is one of three
//! regimes ([`Visibility`]): the call fails (quota); never, until the machines are overdue
//! (kubernetes/autoscaler issue 8323); or the provider reports them, so that they are deleted
//! (`enableFastDeleteOnFailedProvisioning`, PR 5548). A zone that is short counts as full: the
//! scale set balances its zones by best effort and takes another one. Left out: the caches of
//! sizes and machines (1 and 5 min), which delay the sight of machines that nobody has to delete.
//!
//! Before any machine comes the call itself may fail ([`cloud`](crate::control::cloud)): the
//! compute control plane is down or throttles, a quota is exceeded, the size is not sold here, the
//! subnet is full. A region may refuse machines by chance
//! ([`grants`](crate::control::cloud::grants)). A pool with `scaleDownMode: Deallocate` starts its
//! deallocated machines first; one that cannot be started stays as it is and backs nothing off
//! (Azure/AKS issue 5589).

use crate::control::cloud::grants::{self, Grant, Grants};
use crate::control::cloud::{addresses, api, quota};
use crate::control::{Cx, node_lifecycle};
use crate::model::allocation::Visibility;
use crate::model::fact::{What, Why};
use crate::model::ids::{FaultId, NodeId, PoolId, ZoneId};
use crate::model::node::Stage;
use crate::model::world::World;
use crate::units::{Span, Time};

/// A shortage of machines that a fault has brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The fault.
    pub fault: FaultId,
    /// Pools whose machines are short.
    pub pools: Vec<PoolId>,
    /// Zones in which they are; None = in all.
    pub zones: Option<Vec<ZoneId>>,
    /// Machines that can still be had, by all the pools together.
    pub left: u32,
    /// How the autoscaler learns of it.
    pub visibility: Visibility,
    /// From the order to the provider's report of failed machines, with fast delete.
    pub reported_after: Span,
}

impl Shortage {
    fn covers(&self, pool: PoolId, zone: ZoneId) -> bool {
        self.pools.contains(&pool) && self.zones.as_ref().is_none_or(|zones| zones.contains(&zone))
    }
}

/// What the scale sets are short of, and which machines have failed.
#[derive(Clone, Debug, Default)]
pub struct Capacity {
    shortages: Vec<Shortage>,
    /// Failed machines that are still there, and from when on the autoscaler sees the failure.
    failed: Vec<(NodeId, Time)>,
}

/// Why a scale set was not enlarged.
const REFUSED: &str = "the cloud refused the machines";
/// The same for a size that the region does not sell.
const RESTRICTED: &str = "the region does not sell this size";
/// What becomes of a deallocated machine that has no capacity to start on.
pub(in crate::control) const NO_START: &str = "no capacity: it stays deallocated";

/// One machine of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allotment {
    /// The zone that the scale set puts it into.
    pub zone: ZoneId,
    /// The shortage that keeps it from coming, by its place in the list.
    pub missing: Option<usize>,
}

/// The zone and the fate of the next machine of a pool; counts it off the shortages.
///
/// `zones` are the pool's zones in the order in which the scale set wants them.
pub fn allot(shortages: &mut [Shortage], pool: PoolId, zones: &[ZoneId]) -> Allotment {
    let exhausted = |shortages: &[Shortage], zone: ZoneId| {
        shortages.iter().position(|shortage| shortage.left == 0 && shortage.covers(pool, zone))
    };
    let open = zones.iter().copied().find(|&zone| exhausted(shortages, zone).is_none());
    let zone = open.unwrap_or(*zones.first().expect("a pool has at least one zone"));
    let missing = exhausted(shortages, zone);
    if missing.is_none() {
        for shortage in shortages.iter_mut().filter(|shortage| shortage.covers(pool, zone)) {
            shortage.left -= 1;
        }
    }
    Allotment { zone, missing }
}

/// The zones of a pool in the order in which a scale set fills them: those that are up first, the
/// one with the fewest machines first. Zones in which its size is not sold are left out.
fn wanted_zones(world: &World, pool: PoolId, new: &[Allotment]) -> Vec<ZoneId> {
    let in_zone = |zone: ZoneId| {
        let old = world[pool].nodes.iter().filter(|&&node| world[node].zone == zone).count();
        old + new.iter().filter(|machine| machine.zone == zone).count()
    };
    let mut zones = world[pool].zones.clone();
    zones.retain(|&zone| is_sold(world, pool, zone));
    zones.sort_by_key(|&zone| (!world[zone].outages.is_up(), in_zone(zone)));
    zones
}

/// Whether the size of a pool is sold in a zone.
fn is_sold(world: &World, pool: PoolId, zone: ZoneId) -> bool {
    let Some(capacity) = &world[world[world[pool].cluster].region].capacity else { return true };
    let covers =
        |zones: &Option<Vec<ZoneId>>| zones.as_ref().is_none_or(|zones| zones.contains(&zone));
    !capacity.restricted.iter().any(|(other, zones)| *other == pool && covers(zones))
}

/// An increase that the cloud has accepted.
#[derive(Debug)]
pub(in crate::control) struct Order {
    pool: PoolId,
    /// Deallocated machines, and whether each of them can start.
    starts: Vec<(NodeId, bool)>,
    /// New machines.
    machines: Vec<Allotment>,
    /// How many of those find addresses; the others come last.
    n_with_address: usize,
    /// What the region answers for those.
    grants: Grants,
    /// The shortages after it.
    shortages: Vec<Shortage>,
}

impl Order {
    /// Whether all its machines will come.
    pub(in crate::control) fn is_complete(&self) -> bool {
        self.n_with_address == self.machines.len()
            && self.starts.iter().all(|(_, can_start)| *can_start)
            && self.machines.iter().all(|machine| machine.missing.is_none())
            && (0..self.n_with_address).all(|index| self.grants.of(index) != Grant::Refused)
    }

    /// How a new machine fails that has an address and does not come, and when fast delete
    /// reports it; None: it comes.
    fn failure(&self, world: &World, index: usize) -> Option<(Visibility, Span)> {
        if self.n_with_address <= index {
            return None;
        }
        if let Some(shortage) = self.machines[index].missing {
            let shortage = &self.shortages[shortage];
            return Some((shortage.visibility, shortage.reported_after));
        }
        let region = world[world[self.pool].cluster].region;
        let allocation = world[region].capacity.as_ref().map(|capacity| &capacity.allocation);
        let allocation = allocation.filter(|_| self.grants.of(index) == Grant::Refused)?;
        Some((allocation.visibility, allocation.reported_after))
    }

    /// How long the new machines that come wait for their turns, of those that wait.
    fn waits(&self, world: &World) -> Vec<Span> {
        let comes = |&index: &usize| self.failure(world, index).is_none();
        let wait = |index: usize| match self.grants.of(index) {
            Grant::After(wait) => wait,
            Grant::Refused => Span::ZERO,
        };
        let waits = (0..self.n_with_address).filter(comes).map(wait);
        waits.filter(|&wait| Span::ZERO < wait).collect()
    }
}

/// Asks for `nodes` more machines of a pool.
///
/// # Errors
/// Why the call fails; then nothing has changed.
pub(in crate::control) fn ask(
    cx: &mut Cx,
    pool: PoolId,
    nodes: usize,
) -> Result<Order, &'static str> {
    api::update_scale_set(cx, pool)?;
    let mut shortages = cx.memory.capacity.shortages.clone();
    let starts = allot_starts(cx, &mut shortages, pool, nodes);
    let n_new = nodes - starts.len();
    quota::allows(&cx.world, pool, count(n_new))?;
    let n_with_address = n_new.min(addresses::room_for_machines(cx, pool) as usize);
    if n_with_address < n_new && refuses_without_addresses(&cx.world, pool) {
        let (nodes, why) = (count(n_new - n_with_address), Why(addresses::EXHAUSTED));
        cx.say(What::AddressesExhausted { pool, nodes, why });
        return Err(addresses::EXHAUSTED);
    }
    let grants = grants::ask(cx, pool, n_with_address);
    let mut machines = Vec::with_capacity(n_new);
    for index in 0..n_new {
        let zones = wanted_zones(&cx.world, pool, &machines);
        let Some(&zone) = zones.first() else { return Err(RESTRICTED) };
        machines.push(match grants.of(index) {
            Grant::After(_) => allot(&mut shortages, pool, &zones),
            Grant::Refused => Allotment { zone, missing: None },
        });
    }
    let order = Order { pool, starts, machines, n_with_address, grants, shortages };
    let regimes = (0..n_new).filter_map(|index| order.failure(&cx.world, index));
    if regimes.into_iter().any(|(visibility, _)| visibility == Visibility::Synchronous) {
        return Err(REFUSED);
    }
    Ok(order)
}

/// Deallocated machines of a pool that `nodes` more begin with, the oldest first, and whether there
/// is capacity for each to start where it is.
fn allot_starts(
    cx: &mut Cx,
    shortages: &mut [Shortage],
    pool: PoolId,
    nodes: usize,
) -> Vec<(NodeId, bool)> {
    let world = &cx.world;
    let (suspended, running): (Vec<NodeId>, Vec<NodeId>) =
        world[pool].nodes.iter().partition(|&&node| world[node].suspended);
    let n_starts = nodes.min(suspended.len());
    let reserved = (world[pool].reserved_machines as usize).saturating_sub(running.len());
    let luck = grants::luck(cx, pool, n_starts.saturating_sub(reserved));
    let start = |(place, &node): (usize, &NodeId)| {
        let beyond = place.checked_sub(reserved).and_then(|place| luck.get(place));
        let comes = beyond.is_none_or(|&comes| comes);
        let zone = cx.world[node].zone;
        (node, comes && allot(shortages, pool, &[zone]).missing.is_none())
    };
    suspended[..n_starts].iter().enumerate().map(start).collect()
}

/// Whether a request for machines that do not all find addresses fails as a whole.
fn refuses_without_addresses(world: &World, pool: PoolId) -> bool {
    world[world[pool].cluster].network.is_some_and(|network| network.refuses)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).expect("limits keep every count below 2^32")
}

/// Enlarges the scale set: its machines are on order, those that fail included.
pub(in crate::control) fn enlarge(cx: &mut Cx, order: Order) {
    let pool = order.pool;
    for &(node, can_start) in &order.starts {
        if can_start {
            node_lifecycle::start_deallocated(cx, node);
        } else {
            cx.say(What::NodeStarted { node, why: Why(NO_START) });
        }
    }
    order.grants.take(cx);
    let mut n_missing = 0;
    for (index, machine) in order.machines.iter().enumerate() {
        let failure = order.failure(&cx.world, index);
        match (order.grants.of(index), failure) {
            (Grant::After(wait), None) if index < order.n_with_address => {
                node_lifecycle::order(cx, pool, machine.zone, wait);
                continue;
            }
            _ => n_missing += u32::from(failure.is_some()),
        }
        let node = node_lifecycle::order_in_vain(cx, pool, machine.zone);
        if let Some((Visibility::FastDelete, reported_after)) = failure {
            cx.memory.capacity.failed.push((node, cx.now + reported_after));
        }
    }
    if 0 < n_missing {
        cx.say(What::AllocationFailed { pool, nodes: n_missing });
    }
    let n_without = order.machines.len() - order.n_with_address;
    if 0 < n_without {
        let why = Why(addresses::EXHAUSTED);
        cx.say(What::AddressesExhausted { pool, nodes: count(n_without), why });
    }
    let waits = order.waits(&cx.world);
    if let Some(last) = waits.iter().max() {
        let seconds = u32::try_from(last.nanos() / 1_000_000_000).unwrap_or(u32::MAX);
        cx.say(What::MachinesWait { pool, nodes: count(waits.len()), seconds });
    }
    cx.memory.capacity.shortages = order.shortages;
}

/// Machines of a pool whose failure the autoscaler sees now, and has not seen before.
pub(super) fn newly_failed(cx: &mut Cx, pool: PoolId) -> Vec<NodeId> {
    if cx.memory.capacity.failed.is_empty() {
        return Vec::new();
    }
    let (now, world) = (cx.now, &cx.world);
    let mut seen = Vec::new();
    cx.memory.capacity.failed.retain(|&(node, at)| {
        let gone = world[node].stage == Stage::Deleted;
        let is_seen = !gone && at <= now && world[node].pool == pool;
        if is_seen {
            seen.push(node);
        }
        !gone && !is_seen
    });
    seen
}

/// Deletes a machine of a scale set: its target sinks at once.
///
/// # Errors
/// Why the call fails; then nothing has changed.
pub(in crate::control) fn delete(
    cx: &mut Cx,
    node: NodeId,
    why: &'static str,
) -> Result<(), &'static str> {
    api::remove_machine(cx, node)?;
    node_lifecycle::remove(cx, node, Why(why));
    Ok(())
}

/// Takes an empty machine out of a scale set by the pool's `scaleDownMode`.
///
/// # Errors
/// Why the call fails; then nothing has changed.
pub(super) fn scale_in(cx: &mut Cx, node: NodeId, why: &'static str) -> Result<(), &'static str> {
    let is_kept = cx.world[cx.world[node].pool].deallocates;
    if !is_kept || cx.world[node].stage != Stage::Joined {
        return delete(cx, node, why);
    }
    api::remove_machine(cx, node)?;
    node_lifecycle::deallocate(cx, node);
    Ok(())
}

impl Capacity {
    /// A shortage begins.
    pub fn begin(&mut self, shortage: Shortage) {
        self.shortages.push(shortage);
    }

    /// The shortage of a fault is over. What failed meanwhile has failed.
    pub fn end(&mut self, fault: FaultId) {
        self.shortages.retain(|shortage| shortage.fault != fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: usize = 3;

    fn shortage(zones: Option<&[usize]>, left: u32) -> Shortage {
        Shortage {
            fault: FaultId::new(0),
            pools: vec![PoolId::new(POOL)],
            zones: zones.map(|zones| zones.iter().map(|&zone| ZoneId::new(zone)).collect()),
            left,
            visibility: Visibility::Asynchronous,
            reported_after: Span::ZERO,
        }
    }

    /// Machines are had while they last; a short zone gives way to another one; what several
    /// shortages cover is counted off each of them.
    #[test]
    fn machines_are_allotted_while_they_last() {
        let zones = [1, 2].map(ZoneId::new);
        for (rule, mut shortages, pool, zone, missing) in [
            ("no shortage", vec![], POOL, 1, None),
            ("the last one", vec![shortage(None, 1)], POOL, 1, None),
            ("none left", vec![shortage(None, 0)], POOL, 1, Some(0)),
            ("another pool's", vec![shortage(None, 0)], POOL + 1, 1, None),
            ("the first zone is short", vec![shortage(Some(&[1]), 0)], POOL, 2, None),
            ("both zones are", vec![shortage(Some(&[1, 2]), 0)], POOL, 1, Some(0)),
            (
                "each by its own",
                vec![shortage(Some(&[1]), 0), shortage(Some(&[2]), 0)],
                POOL,
                1,
                Some(0),
            ),
        ] {
            let got = allot(&mut shortages, PoolId::new(pool), &zones);
            assert_eq!(got, Allotment { zone: ZoneId::new(zone), missing }, "{rule}");
        }
        let mut both = vec![shortage(None, 2), shortage(Some(&[1]), 5)];
        for _ in 0..2 {
            assert_eq!(allot(&mut both, PoolId::new(POOL), &zones).missing, None);
        }
        assert_eq!(both.iter().map(|shortage| shortage.left).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(allot(&mut both, PoolId::new(POOL), &zones).missing, Some(0));
    }
}
