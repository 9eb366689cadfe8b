//! What regions have for new machines.

use crate::control::cloud::addresses;
use crate::model::allocation::Success;
use crate::model::ids::{PoolId, RegionId, ZoneId};
use crate::model::reference::{find, find_zone};
use crate::model::region_capacity::{RegionCapacitySpec, RestrictionSpec};
use crate::model::vm_size::{VM_SIZES, VmSize};
use crate::scenario::explain::derived;
use crate::spec::{Code, Diagnostic, Set, Text, nearest};

use super::{Resolved, Resolving};

/// Adds the limits of all regions; the clusters must be there.
pub(super) fn add(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    for spec in cx.decoded.spec.capacity.iter() {
        add_region(cx, made, spec);
    }
    check_addresses(cx, made);
}

fn add_region(cx: &mut Resolving<'_, '_>, made: &mut Resolved, spec: &RegionCapacitySpec) {
    let known = made.world.regions.iter().map(|region| region.name.as_str());
    let Some(region) = find("region", &spec.region, known, cx.diagnostics) else { return };
    let region = RegionId::new(region);
    let mut capacity = spec.capacity();
    for restriction in spec.restricted.iter() {
        capacity.restricted.extend(restricted(cx, made, region, restriction));
    }
    for size in spec.sizes.iter() {
        let pools = pools_of_size(cx, made, region, &size.vm_size).unwrap_or_default();
        let success = Success::stated(*size.success, *size.stampede_success);
        let each = pools.into_iter().zip(std::iter::repeat(success));
        capacity.allocation.by_pool.extend(each.filter_map(|(pool, p)| Some((pool, p?))));
    }
    check_families(cx, made, spec);
    if made.world[region].capacity.replace(capacity).is_some() {
        let place = spec.region.place.clone();
        let message = format!("region `{}` has its capacity stated twice", spec.region.as_str());
        let wrong = Diagnostic::error(Code::DuplicateName, place, message);
        cx.diagnostics.push(wrong.allowed("each region once"));
    }
}

/// Quotas are for families that machines may be of.
fn check_families(cx: &mut Resolving<'_, '_>, made: &Resolved, spec: &RegionCapacitySpec) {
    let own = made.world.pools.iter().filter_map(|pool| pool.machine.family.as_deref());
    let known = VM_SIZES.iter().map(|size| size.family).chain(own);
    for quota in spec.family_quotas.iter() {
        let name = &quota.family;
        if known.clone().any(|family| family == name.as_str()) {
            continue;
        }
        let message = format!("no VM family is called `{}`", name.as_str());
        let wrong = Diagnostic::error(Code::UnknownReference, name.place.clone(), message);
        let mut families: Vec<&str> = known.clone().collect();
        families.sort_unstable();
        families.dedup();
        let wrong = wrong.allowed(families.join(", "));
        cx.diagnostics.push(match nearest(name.as_str(), known.clone()) {
            Some(meant) => wrong.help(format!("did you mean `{meant}`?")),
            None => wrong,
        });
    }
}

/// The pools of a region whose machines are of a size; None after a report.
fn pools_of_size(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    region: RegionId,
    name: &Set<Text>,
) -> Option<Vec<PoolId>> {
    let Some(size) = VmSize::find(name) else {
        let known = VM_SIZES.iter().map(|size| size.name);
        let message = format!("unknown VM size `{}`", name.as_str());
        let wrong = Diagnostic::error(Code::UnknownReference, name.place.clone(), message)
            .allowed(known.clone().collect::<Vec<_>>().join(", "));
        cx.diagnostics.push(match nearest(name, known) {
            Some(meant) => wrong.help(format!("did you mean `{meant}`?")),
            None => wrong,
        });
        return None;
    };
    let is_meant = |&pool: &PoolId| {
        let pool = &made.world[pool];
        made.world[pool.cluster].region == region && pool.vm_size == Some(size.name)
    };
    Some((0..made.world.pools.len()).map(PoolId::new).filter(is_meant).collect())
}

/// The pools of a region whose size is restricted, and where.
fn restricted(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    region: RegionId,
    spec: &RestrictionSpec,
) -> Vec<(PoolId, Option<Vec<ZoneId>>)> {
    let Some(pools) = pools_of_size(cx, made, region, &spec.vm_size) else { return Vec::new() };
    let mut zones = Vec::new();
    for &value in spec.zones.iter() {
        let number = Set { value, place: spec.zones.place.clone(), origin: spec.zones.origin };
        zones.extend(find_zone(&number, region, &made.world, cx.diagnostics));
    }
    let zones = (!spec.zones.is_empty()).then_some(zones);
    pools.into_iter().map(|pool| (pool, zones.clone())).collect()
}

/// The machines that a run begins with must find addresses; says how many a pool could have.
fn check_addresses(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    let mut index = 0;
    for (number, cluster) in cx.decoded.spec.clusters.iter().enumerate() {
        for (place, spec) in cluster.pools.iter().enumerate() {
            let pool = PoolId::new(index);
            index += 1;
            let Some(most) = addresses::most_machines(&made.world, pool) else { continue };
            let path = format!("clusters[{number}].pools[{place}].addresses");
            let rule = "machines that the cluster's subnets hold, had it this pool alone";
            let shown = most.to_string();
            made.derived.push(derived(spec.name.span(), path, shown, rule));
            let min = made.world[pool].min_nodes;
            if most < min {
                let message = format!("the network has addresses for {most} of {min} nodes");
                let at = spec.name.place.clone();
                let wrong = Diagnostic::error(Code::Contradiction, at, message);
                cx.diagnostics
                    .push(wrong.allowed(format!("0 to {most} nodes, or a larger subnet")));
            }
        }
    }
}
