//! What a region's compute has for one subscription: quotas, the pace of new machines and how many
//! of them come, sizes that it does not sell, and limits of its API.
//!
//! Sources: azure-docs virtual-machines/quotas.md (both tiers must hold, deallocated machines
//! count), compute-throttling-limits.md and aks-docs quotas-skus-regions.md (token buckets). The
//! pace of new machines is published nowhere: it stands for tenants who fail over to the same
//! region at the same time.

use crate::spec::{Code, Decoder, Diagnostic, Name, Text, section};
use crate::units::{Rate, Ratio, Span};

use super::allocation::{Allocation, SizeAllocationSpec, Success, Visibility};
use super::ids::{PoolId, ZoneId};

section! {
    /// What a region's compute has for new machines; without an entry a region has no limits.
    pub struct RegionCapacitySpec {
        /// The region.
        "region" region: Name = required;
        /// vCPUs of all sizes together that may exist, deallocated machines included; left out,
        /// no limit.
        "vCpuQuota" vcpu_quota: Option<u32> = optional, range 0..=10000000;
        /// The same by family of sizes.
        "familyQuotas" family_quotas: Vec<FamilyQuotaSpec> = list 0..=100;
        /// New machines that the region grants; left out, no limit. Those within a pool's
        /// `capacityReservation` do not wait.
        "machineRate" machine_rate: Option<Rate> = optional, range "1/h"..="1000/s";
        /// New machines that it grants at once after a rest.
        "machineBurst" machine_burst: u32 = default "1", source "assumed", low confidence,
            range 1..=100000;
        /// The rate while another region is lost and its users order machines here; left out, the
        /// same.
        "stampedeMachineRate" stampede_rate: Option<Rate> = optional, range "1/h"..="1000/s";
        /// Share of new machines that the region allocates; the others do not come. Machines
        /// within a pool's `capacityReservation` do. Left out, all come.
        "allocationSuccess" allocation_success: Option<Ratio> = optional, range "0%"..="100%";
        /// The same while another region is lost; left out, no other.
        "stampedeAllocationSuccess" stampede_success: Option<Ratio> = optional,
            range "0%"..="100%";
        /// A machine that would wait longer than this for its turn by `machineRate` fails; left
        /// out, it waits.
        "longestWait" longest_wait: Option<Span> = optional, range "0s"..="30d";
        /// How the autoscaler learns of machines that fail.
        "failureVisibility" failure_visibility: Visibility = default "asynchronous",
            source "kubernetes/autoscaler issue 8323: seen on AKS with autoscaler 1.31";
        /// With `fastDelete`: from the order to the report that machines failed.
        "reportedAfter" reported_after: Span = default "15s",
            source "assumed; about 20 s to the back-off, author's log in autoscaler PR 5548",
            range "0s"..="1h";
        /// Sizes whose machines are allocated more or less often than others.
        "sizes" sizes: Vec<SizeAllocationSpec> = list 0..=100;
        /// Sizes that the region does not sell to this subscription.
        "restricted" restricted: Vec<RestrictionSpec> = list 0..=100;
        /// Updates of one scale set that may follow each other at once.
        "scaleSetUpdateBurst" scale_set_burst: u32 = default "12",
            source "azure-docs compute-throttling-limits.md",
            range 1..=100000;
        /// How many of them come back each minute.
        "scaleSetUpdateRefill" scale_set_refill: u32 = default "4",
            source "azure-docs compute-throttling-limits.md, per minute",
            range 1..=100000;
        /// Updates of all scale sets of the subscription in the region that may follow at once.
        "regionUpdateBurst" region_burst: u32 = default "1500",
            source "azure-docs compute-throttling-limits.md",
            range 1..=1000000;
        /// How many of them come back each minute.
        "regionUpdateRefill" region_refill: u32 = default "500",
            source "azure-docs compute-throttling-limits.md, per minute",
            range 1..=1000000;
        /// Changes of one AKS agent pool that may follow each other at once.
        "agentPoolPutBurst" agent_pool_burst: u32 = default "20",
            source "aks-docs quotas-skus-regions.md",
            range 1..=100000;
        /// How many of them come back each minute.
        "agentPoolPutRefill" agent_pool_refill: u32 = default "1",
            source "aks-docs quotas-skus-regions.md, per minute",
            range 1..=100000;
    }
    check RegionCapacitySpec::check_wait;
}

section! {
    /// vCPUs of one family of sizes that may exist.
    pub struct FamilyQuotaSpec {
        /// The family, as `az vm list-usage` names it, e.g. `standardDSv5Family`.
        "family" family: Text = required;
        /// vCPUs, those of deallocated machines included.
        "vCpus" vcpus: u32 = required, range 0..=10000000;
    }
}

section! {
    /// A size that cannot be had.
    pub struct RestrictionSpec {
        /// The size, e.g. `D8s_v5`.
        "vmSize" vm_size: Text = required;
        /// Only in these zones of the region, by number; left out, in all of them.
        "zones" zones: Vec<u32> = list 0..=16, range 1..=16;
    }
}

/// What a region's compute has for new machines.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionCapacity {
    /// vCPUs that may exist.
    pub quota: Quota,
    /// The pace of new machines, if there is a limit.
    pub pace: Option<Pace>,
    /// The pace while another region is lost, if it differs.
    pub stampede: Option<Pace>,
    /// Machines that may fail to come.
    pub allocation: Allocation,
    /// Pools whose size is restricted, and the zones in which it is; None: in all of them.
    pub restricted: Vec<(PoolId, Option<Vec<ZoneId>>)>,
    /// Updates of one scale set.
    pub scale_set_updates: BucketSize,
    /// Updates of all scale sets.
    pub region_updates: BucketSize,
    /// Changes of one agent pool.
    pub agent_pool_puts: BucketSize,
}

/// vCPUs that may exist in a region; both tiers must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Of all sizes together.
    pub regional: Option<u32>,
    /// By family of sizes.
    pub families: Vec<(String, u32)>,
}

/// How fast a region grants machines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Machines a second.
    pub rate: Rate,
    /// Machines at once after a rest.
    pub burst: u32,
}

/// A token bucket: how many calls at once, how many a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSize {
    /// Tokens of a full bucket.
    pub burst: u32,
    /// Tokens that come back in a minute.
    pub refill_per_min: u32,
}

impl RegionCapacitySpec {
    fn check_wait(&self, cx: &mut Decoder<'_>) {
        let nobody_waits = self.machine_rate.is_none() && self.stampede_rate.is_none();
        if nobody_waits && self.longest_wait.is_some() {
            let place = self.longest_wait.place.clone();
            let message = "no machine waits for its turn";
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            cx.report(wrong.help("add `machineRate`, e.g. `machineRate: 10/min`"));
        }
    }

    /// The limits, without what concerns single pools.
    #[must_use]
    pub fn capacity(&self) -> RegionCapacity {
        let pace = |rate: Option<Rate>| rate.map(|rate| Pace { rate, burst: *self.machine_burst });
        let bucket = |burst, refill_per_min| BucketSize { burst, refill_per_min };
        let families = self.family_quotas.iter();
        RegionCapacity {
            quota: Quota {
                regional: *self.vcpu_quota,
                families: families.map(|one| (one.family.to_string(), *one.vcpus)).collect(),
            },
            pace: pace(*self.machine_rate),
            stampede: pace(*self.stampede_rate),
            allocation: Allocation {
                success: Success::stated(*self.allocation_success, *self.stampede_success),
                by_pool: Vec::new(),
                longest_wait: *self.longest_wait,
                visibility: *self.failure_visibility,
                reported_after: *self.reported_after,
            },
            restricted: Vec::new(),
            scale_set_updates: bucket(*self.scale_set_burst, *self.scale_set_refill),
            region_updates: bucket(*self.region_burst, *self.region_refill),
            agent_pool_puts: bucket(*self.agent_pool_burst, *self.agent_pool_refill),
        }
    }
}
