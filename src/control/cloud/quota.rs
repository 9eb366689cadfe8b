//! vCPU quotas: whether more machines of a pool may exist.
//!
//! Follows azure-docs virtual-machines/quotas.md: the regional and the family quota must both
//! hold; machines that are deallocated still count. A capacity reservation holds its vCPUs whether
//! its machines exist or not, and within it nothing is checked again.

use crate::model::ids::{PoolId, RegionId};
use crate::model::region_capacity::Quota;
use crate::model::world::World;

/// The machines of one pool as a quota sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding<'w> {
    /// Family of their size, if it is known.
    pub family: Option<&'w str>,
    /// vCPUs of one machine.
    pub n_vcpus: u32,
    /// Machines that exist, deallocated ones included.
    pub machines: u32,
    /// Machines that are reserved.
    pub reserved: u32,
}

impl Holding<'_> {
    fn vcpus(&self) -> u64 {
        u64::from(self.machines.max(self.reserved)) * u64::from(self.n_vcpus)
    }
}

/// Why a quota refuses: words of a fact.
pub const REGIONAL: &str = "quota exceeded: vCPUs of the region";
/// The same for the family of the size.
pub const FAMILY: &str = "quota exceeded: vCPUs of the VM family";

/// Whether `more` machines of the pool at `index` may exist beside what is held.
///
/// # Errors
/// Which quota is exceeded; the regional one comes first.
pub fn check(
    quota: &Quota,
    held: &[Holding<'_>],
    index: usize,
    more: u32,
) -> Result<(), &'static str> {
    let grown = Holding { machines: held[index].machines + more, ..held[index] };
    if grown.vcpus() == held[index].vcpus() {
        return Ok(());
    }
    let after = |counts: &dyn Fn(&Holding<'_>) -> bool| {
        let others = held.iter().enumerate().filter(|(other, _)| *other != index);
        let others = others.map(|(_, holding)| holding).filter(|holding| counts(holding));
        others.map(Holding::vcpus).sum::<u64>() + grown.vcpus()
    };
    if quota.regional.is_some_and(|limit| u64::from(limit) < after(&|_| true)) {
        return Err(REGIONAL);
    }
    let limit = quota.families.iter().find(|(family, _)| grown.family == Some(family));
    if limit.is_some_and(|(_, limit)| u64::from(*limit) < after(&|h| h.family == grown.family)) {
        return Err(FAMILY);
    }
    Ok(())
}

/// How many of `wanted` more machines of the pool at `index` may exist.
#[must_use]
pub fn most(quota: &Quota, held: &[Holding<'_>], index: usize, wanted: u32) -> u32 {
    let (mut fits, mut tried) = (0, wanted);
    // Whatever fits, fewer do.
    while fits < tried {
        let middle = fits + (tried - fits).div_ceil(2);
        match check(quota, held, index, middle) {
            Ok(()) => fits = middle,
            Err(_) => tried = middle - 1,
        }
    }
    fits
}

/// The pools of a region with what they hold.
#[must_use]
pub fn holdings(world: &World, region: RegionId) -> (Vec<PoolId>, Vec<Holding<'_>>) {
    let here = |&other: &PoolId| world[world[other].cluster].region == region;
    let pools: Vec<PoolId> = (0..world.pools.len()).map(PoolId::new).filter(here).collect();
    let holding = |&other: &PoolId| {
        let machine = &world[other].machine;
        Holding {
            family: machine.family.as_deref(),
            n_vcpus: machine.n_vcpus,
            machines: machines(world, other),
            reserved: world[other].reserved_machines,
        }
    };
    let held = pools.iter().map(holding).collect();
    (pools, held)
}

/// Whether `more` machines of a pool may exist in its region.
///
/// # Errors
/// Which quota is exceeded.
pub fn allows(world: &World, pool: PoolId, more: u32) -> Result<(), &'static str> {
    let region = world[world[pool].cluster].region;
    let Some(capacity) = &world[region].capacity else { return Ok(()) };
    let (pools, held) = holdings(world, region);
    let index = pools.iter().position(|&other| other == pool).expect("it is in its region");
    check(&capacity.quota, &held, index, more)
}

/// Machines of a pool that exist: deallocated ones and those on their way, too, but not those that
/// could not be allocated.
#[must_use]
pub fn machines(world: &World, pool: PoolId) -> u32 {
    let nodes = world[pool].nodes.iter();
    nodes.filter(|&&node| world[node].allocated).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn held(family: &str, n_vcpus: u32, machines: u32, reserved: u32) -> Holding<'_> {
        Holding { family: Some(family), n_vcpus, machines, reserved }
    }

    /// One row per rule; the first pool asks.
    #[test]
    fn both_quotas_must_hold() {
        let families = |limit| vec![("D".to_owned(), limit)];
        for (rule, regional, family, first, others, more, expected) in [
            ("no quota", None, None, held("D", 8, 3, 0), None, 99, Ok(())),
            ("just as many", Some(40), None, held("D", 8, 3, 0), None, 2, Ok(())),
            ("one vCPU short", Some(39), None, held("D", 8, 3, 0), None, 2, Err(REGIONAL)),
            (
                "other families count in the region",
                Some(40),
                None,
                held("D", 8, 3, 0),
                Some(held("E", 8, 1, 0)),
                2,
                Err(REGIONAL),
            ),
            (
                "but not in the family",
                None,
                Some(40),
                held("D", 8, 3, 0),
                Some(held("E", 8, 1, 0)),
                2,
                Ok(()),
            ),
            ("the family's own", None, Some(39), held("D", 8, 3, 0), None, 2, Err(FAMILY)),
            (
                "another pool of the family",
                None,
                Some(40),
                held("D", 8, 3, 0),
                Some(held("D", 4, 1, 0)),
                2,
                Err(FAMILY),
            ),
            ("within the reservation", Some(1), Some(1), held("D", 8, 3, 5), None, 2, Ok(())),
            ("one beyond it", Some(47), None, held("D", 8, 3, 5), None, 3, Err(REGIONAL)),
            ("beyond it counts in all", Some(48), None, held("D", 8, 3, 5), None, 3, Ok(())),
            (
                "others' reservations are held",
                Some(40),
                None,
                held("D", 8, 3, 0),
                Some(held("D", 8, 0, 1)),
                2,
                Err(REGIONAL),
            ),
        ] {
            let quota = Quota { regional, families: family.map(families).unwrap_or_default() };
            let all: Vec<Holding<'_>> = [Some(first), others].into_iter().flatten().collect();
            assert_eq!(check(&quota, &all, 0, more), expected, "{rule}");
            // As many as asked for fit exactly if they are allowed.
            assert_eq!(most(&quota, &all, 0, more) == more, expected.is_ok(), "{rule}");
        }
    }
}
