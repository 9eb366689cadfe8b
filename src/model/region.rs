//! Regions, zones and racks: the nested failure domains that nodes live in.

use crate::spec::{Name, section};

use super::ids::{RegionId, ZoneId};
use super::region_capacity::RegionCapacity;

section! {
    /// A region.
    pub struct RegionSpec {
        /// Its name, e.g. `eastus2`.
        "name" name: Name = required;
        /// Number of availability zones; they are called by number, from 1.
        "zones" zones: u32 = default "3",
            source "azure-docs availability-zones-overview.md: at least 3",
            range 1..=16;
        /// The region of its pair that is recovered first: while that is lost, no loss of
        /// this one is repaired. Left out, it waits for none.
        "recoversAfter" recovers_after: Option<Name> = optional;
        /// Racks (Azure: fault domains) that the nodes of a zone are spread over.
        "racksPerZone" racks_per_zone: u32 = default "5",
            source "assumed: as many fault domains as a scale set spreads over statically",
            range 1..=1000;
    }
}

/// A region: zones, and the clusters in them, that can be lost together.
#[derive(Clone, Debug)]
pub struct Region {
    /// Name in the scenario, e.g. `eastus2`.
    pub name: String,
    /// Its zones, in the order of the scenario.
    pub zones: Vec<ZoneId>,
    /// Faults that hold the region or the way to it down now.
    pub outages: Outages,
    /// Those of them that leave its machines without power.
    pub blackouts: Outages,
    /// Faults that keep machines from being made, started, stopped and deleted.
    pub compute_control: Outages,
    /// What it has for new machines; None: no limits.
    pub capacity: Option<RegionCapacity>,
}

/// An availability zone.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Region and zone name, e.g. `eastus2-1`, as in the label `topology.kubernetes.io/zone`.
    pub name: String,
    /// The region that contains it.
    pub region: RegionId,
    /// Faults that hold the zone down now.
    pub outages: Outages,
}

/// A rack (Azure: fault domain) of one zone.
#[derive(Clone, Debug)]
pub struct Rack {
    /// Zone and rack number, e.g. `eastus2-1-r2`.
    pub name: String,
    /// The zone that contains it.
    pub zone: ZoneId,
}

/// How many faults hold a thing down: it heals when the last one ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outages(u32);

impl Outages {
    /// Whether no fault holds the thing down.
    #[must_use]
    pub const fn is_up(self) -> bool {
        self.0 == 0
    }

    /// One more fault begins; true if the thing was up before.
    pub fn begin(&mut self) -> bool {
        self.0 += 1;
        self.0 == 1
    }

    /// One fault ends; true if the thing is up again.
    ///
    /// # Panics
    /// If no fault holds it down: capacity removed equals capacity returned plus still out.
    pub fn end(&mut self) -> bool {
        assert!(self.0 > 0, "an outage ends that never began");
        self.0 -= 1;
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Overlapping faults count: the thing is up again only when the last one ends.
    #[test]
    fn overlapping_outages_count() {
        let mut outages = Outages::default();
        assert!(outages.begin(), "the first fault takes it down");
        assert!(!outages.begin(), "the second finds it down");
        assert!(!outages.end() && !outages.is_up());
        assert!(outages.end() && outages.is_up());
    }
}
