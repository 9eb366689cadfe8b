//! A cloud that runs out of machines: new ones cannot be had, those that run go on running.
//!
//! `available` machines are left, for all pools that match together. `visibility` says how the
//! cluster autoscaler learns of it, see
//! [`Visibility`]: most real shortages
//! are seen only when the machines are 15 minutes overdue. Machines that failed do not come when
//! the shortage ends; the autoscaler has to order others.

use crate::control::Cx;
use crate::control::cluster_autoscaler::provider::Shortage;
use crate::model::allocation::Visibility;
use crate::model::fact::ClusterSet;
use crate::model::ids::{ClusterId, FaultId, PoolId, RegionId, ZoneId};
use crate::model::reference::{find, find_zone, given};
use crate::model::vm_size::{VM_SIZES, VmSize};
use crate::model::world::World;
use crate::spec::{Code, Decoder, Diagnostic, Diagnostics, Name, Set, Text, nearest, section};
use crate::units::Span;

use super::{Fault, FaultSection};

section! {
    /// The cloud has no capacity for new machines. Give `region` or `cluster`.
    pub struct AllocationFailureSpec {
        /// Only machines in this region.
        "region" region: Option<Name> = optional;
        /// Only machines of this cluster.
        "cluster" cluster: Option<Name> = optional;
        /// Only machines of this pool of the cluster.
        "pool" pool: Option<Name> = optional;
        /// Only machines of this size, e.g. `D8s_v5`.
        "vmSize" vm_size: Option<Text> = optional;
        /// Only machines in these zones of the region, by number; left out, in all of them.
        "zones" zones: Vec<u32> = list 0..=16, range 1..=16;
        /// Machines that can still be had.
        "available" available: u32 = default "0", source "none", range 0..=100000;
        /// How the autoscaler learns that machines do not come.
        "visibility" visibility: Visibility = default "asynchronous",
            source "kubernetes/autoscaler issue 8323: seen on AKS with autoscaler 1.31";
        /// With `fastDelete`: from the order to the report that machines failed.
        "reportedAfter" reported_after: Span = default "15s",
            source "assumed; about 20 s to the back-off, author's log in autoscaler PR 5548",
            range "0s"..="1h";
    }
    check AllocationFailureSpec::check_place;
}

impl AllocationFailureSpec {
    fn check_place(&self, cx: &mut Decoder<'_>) {
        let mut report = |place: &crate::spec::Place, message: &str, allowed: &str| {
            let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message);
            cx.report(wrong.allowed(allowed));
        };
        if self.region.is_some() == self.cluster.is_some() {
            let message = "the shortage needs its place stated once";
            report(&self.region.place, message, "either `region` or `cluster`");
        }
        if self.pool.is_some() && self.cluster.is_none() {
            report(&self.pool.place, "a pool needs its cluster", "`pool` with `cluster`");
        }
    }

    /// The region and the clusters in it that are short of machines.
    fn clusters(
        &self,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<(RegionId, Vec<ClusterId>)> {
        let all = (0..world.clusters.len()).map(ClusterId::new);
        if let Some(region) = given(&self.region) {
            let regions = world.regions.iter().map(|region| region.name.as_str());
            let region = RegionId::new(find("region", &region, regions, diagnostics)?);
            return Some((region, all.filter(|&c| world[c].region == region).collect()));
        }
        let cluster = given(&self.cluster)?;
        let clusters = world.clusters.iter().map(|cluster| cluster.name.as_str());
        let cluster = ClusterId::new(find("cluster", &cluster, clusters, diagnostics)?);
        Some((world[cluster].region, vec![cluster]))
    }

    /// The name of the VM size that is short; None after a report.
    fn size(&self, diagnostics: &mut Diagnostics) -> Option<Option<&'static str>> {
        let Some(text) = given(&self.vm_size) else { return Some(None) };
        if let Some(size) = VmSize::find(&text) {
            return Some(Some(size.name));
        }
        let known = VM_SIZES.iter().map(|size| size.name);
        let message = format!("unknown VM size `{}`", text.as_str());
        let wrong = Diagnostic::error(Code::UnknownReference, text.place.clone(), message)
            .allowed(known.clone().collect::<Vec<_>>().join(", "));
        diagnostics.push(match nearest(&text, known) {
            Some(meant) => wrong.help(format!("did you mean `{meant}`?")),
            None => wrong,
        });
        None
    }

    fn zones(
        &self,
        region: RegionId,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Option<Vec<ZoneId>>> {
        if self.zones.is_empty() {
            return Some(None);
        }
        let mut zones = Vec::new();
        for &value in self.zones.iter() {
            let number = Set { value, place: self.zones.place.clone(), origin: self.zones.origin };
            zones.push(find_zone(&number, region, world, diagnostics)?);
        }
        Some(Some(zones))
    }
}

impl FaultSection for AllocationFailureSpec {
    const HEALS: bool = true;

    fn resolve(
        &self,
        _name: &str,
        world: &World,
        diagnostics: &mut Diagnostics,
    ) -> Option<Box<dyn Fault>> {
        let (region, clusters) = self.clusters(world, diagnostics)?;
        let size = self.size(diagnostics)?;
        let zones = self.zones(region, world, diagnostics)?;
        let mut pools: Vec<PoolId> =
            clusters.iter().flat_map(|&cluster| world[cluster].pools.iter().copied()).collect();
        if let Some(pool) = given(&self.pool) {
            let names = pools.iter().map(|&pool| world[pool].name.as_str());
            pools = vec![pools[find("pool", &pool, names, diagnostics)?]];
        }
        if size.is_some() {
            pools.retain(|&pool| world[pool].vm_size == size);
        }
        Some(Box::new(AllocationFailure {
            pools,
            zones,
            available: *self.available,
            visibility: *self.visibility,
            reported_after: *self.reported_after,
        }))
    }

    fn target(&self) -> String {
        let name = |name: &Option<Name>| name.as_ref().map_or("any", |n| n.as_str()).to_owned();
        let size = self.vm_size.as_ref().map_or("any", |text| text.as_str()).to_owned();
        let [region, cluster, pool] =
            [&self.region, &self.cluster, &self.pool].map(|field| name(&field.value));
        format!("machines of size {size} in {region}/{cluster}/{pool}, zones {:?}", *self.zones)
    }
}

/// A shortage of new machines.
#[derive(Clone, Debug)]
pub struct AllocationFailure {
    /// The pools whose machines are short.
    pub pools: Vec<PoolId>,
    /// Zones in which they are; None = in all.
    pub zones: Option<Vec<ZoneId>>,
    /// Machines that can still be had.
    pub available: u32,
    /// How the autoscaler learns of it.
    pub visibility: Visibility,
    /// From the order to the report of failed machines, with fast delete.
    pub reported_after: Span,
}

impl Fault for AllocationFailure {
    fn kind(&self) -> &'static str {
        "allocationFailure"
    }

    fn strike(&self, cx: &mut Cx, fault: FaultId) {
        cx.memory.capacity.begin(Shortage {
            fault,
            pools: self.pools.clone(),
            zones: self.zones.clone(),
            left: self.available,
            visibility: self.visibility,
            reported_after: self.reported_after,
        });
    }

    fn heal(&self, cx: &mut Cx, fault: FaultId) {
        cx.memory.capacity.end(fault);
    }

    fn hits(&self, _world: &World) -> ClusterSet {
        // What runs goes on running.
        ClusterSet::default()
    }
}
