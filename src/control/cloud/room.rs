//! How many more machines a cluster may have, and what ends that first: what headroom counts with.
//! Nothing upstream computes it.

use crate::control::Cx;
use crate::model::ids::{ClusterId, PoolId};
use crate::model::network::Addresses;
use crate::model::region_capacity::Quota;
use crate::model::sample::NodeLimit;

use super::addresses;
use super::quota::{self, Holding};

/// Machines of one pool that may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// How many.
    pub machines: u32,
    /// What ends it.
    pub limit: NodeLimit,
}

/// Lets pools take machines one after the other, each as many as it wants and finds.
#[derive(Clone, Debug)]
pub struct Taking<'w> {
    /// The quota, all pools of the region, and where the cluster's are among them.
    quota: Option<(&'w Quota, Vec<Holding<'w>>, Vec<PoolId>)>,
    /// Addresses of the cluster, and what is taken of them.
    addresses: Option<(Addresses, Addresses)>,
}

impl<'w> Taking<'w> {
    /// From what is there now.
    #[must_use]
    pub fn new(cx: &'w Cx, cluster: ClusterId) -> Self {
        let region = &cx.world[cx.world[cluster].region];
        let quota = region.capacity.as_ref().map(|capacity| {
            let (pools, held) = quota::holdings(&cx.world, cx.world[cluster].region);
            (&capacity.quota, held, pools)
        });
        Self { quota, addresses: addresses::room_and_taken(cx, cluster) }
    }

    /// Machines that a pool finds of the `wanted` that its maximum allows; each needs `addresses`.
    pub fn take(&mut self, pool: PoolId, wanted: u32, each: Addresses) -> Room {
        let mut room = Room { machines: wanted, limit: NodeLimit::PoolMax };
        if let Some((quota, held, pools)) = &mut self.quota {
            let index = pools.iter().position(|&other| other == pool).expect("it is in its region");
            let most = quota::most(quota, held, index, room.machines);
            if most < room.machines {
                room = Room { machines: most, limit: NodeLimit::VcpuQuota };
            }
        }
        if let Some((all, taken)) = self.addresses {
            let most = all.room_for(taken, each);
            if most < room.machines {
                room = Room { machines: most, limit: NodeLimit::Addresses };
            }
        }
        if let Some((_, held, pools)) = &mut self.quota {
            let index = pools.iter().position(|&other| other == pool).expect("it was found above");
            held[index].machines += room.machines;
        }
        if let Some((_, taken)) = &mut self.addresses {
            *taken += each.times(room.machines);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: two pools of 4 vCPUs take one after the other; each machine takes one
    /// address.
    #[test]
    fn what_ends_the_growth_first() {
        use NodeLimit::{PoolMax, VcpuQuota};
        let each = Addresses { node_subnet: 1, pods: 0 };
        let here = [PoolId::new(3), PoolId::new(5)];
        for (rule, vcpus, addresses, wanted, expected) in [
            ("nothing is short", None, None, [4, 4], [(4, PoolMax), (4, PoolMax)]),
            ("quota for all", Some(40), None, [4, 4], [(4, PoolMax), (4, PoolMax)]),
            ("quota one short", Some(39), None, [4, 4], [(4, PoolMax), (3, VcpuQuota)]),
            ("quota spent by the first", Some(20), None, [4, 4], [(3, VcpuQuota), (0, VcpuQuota)]),
            ("addresses for all", None, Some(8), [4, 4], [(4, PoolMax), (4, PoolMax)]),
            (
                "addresses one short",
                None,
                Some(7),
                [4, 4],
                [(4, PoolMax), (3, NodeLimit::Addresses)],
            ),
            (
                "the scarcer of the two",
                Some(24),
                Some(3),
                [4, 4],
                [(3, NodeLimit::Addresses), (0, NodeLimit::Addresses)],
            ),
        ] {
            let quota = Quota { regional: vcpus, families: Vec::new() };
            let holding = Holding { family: None, n_vcpus: 4, machines: 1, reserved: 0 };
            let all = addresses.map(|n| Addresses { node_subnet: n, pods: 0 });
            let mut taking = Taking {
                quota: vcpus.map(|_| (&quota, vec![holding; 2], here.to_vec())),
                addresses: all.map(|all| (all, Addresses::default())),
            };
            let found = [0, 1].map(|i| taking.take(here[i], wanted[i], each));
            let found = found.map(|room| (room.machines, room.limit));
            assert_eq!(found, expected, "{rule}");
        }
    }
}
