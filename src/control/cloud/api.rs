//! The cloud's API: calls that change machines, their token buckets, and a control plane that is
//! down.
//!
//! Follows azure-docs virtual-machines/compute-throttling-limits.md (each scale set and the
//! subscription in a region have a bucket; a call needs a token of both) and aks-docs
//! quotas-skus-regions.md (changes of agent pools). Refills are continuous here; Azure's come once
//! a minute. Buckets exist only in regions with a `capacity` entry. Left out: the answer's
//! `Retry-After`, because the autoscaler backs off anyway.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::Cx;
use crate::model::ids::{ClusterId, NodeId, PoolId, RegionId};
use crate::model::region_capacity::BucketSize;
use crate::units::{Span, Time};

use super::addresses::PodSubnet;
use super::grants::Turns;

/// Why a call fails: words of a fact.
pub const DOWN: &str = "the cloud's compute control plane is down";
/// The same for a call too many.
pub const THROTTLED: &str = "the cloud's API throttles: too many calls";

/// What the cloud remembers of its customers' calls and addresses.
#[derive(Clone, Debug, Default)]
pub struct CloudState {
    scale_sets: BTreeMap<PoolId, TokenBucket>,
    regions: BTreeMap<RegionId, TokenBucket>,
    agent_pools: BTreeMap<PoolId, TokenBucket>,
    /// Turns of new machines, by region.
    pub(super) turns: BTreeMap<RegionId, Turns>,
    /// Machines that were asked for, by pool: the number of the next draw.
    pub(super) asked: BTreeMap<PoolId, u64>,
    /// Deallocated machines that are being started.
    pub(in crate::control) starting: BTreeSet<NodeId>,
    /// Machines under way that stand still, and how much of their time is left.
    pub(in crate::control) frozen: BTreeMap<NodeId, Span>,
    /// Dynamic pod subnets, by cluster.
    pub(super) pod_subnets: BTreeMap<ClusterId, PodSubnet>,
}

/// A token bucket in exact time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// When it would have been empty: it holds (now - empty_at) x rate tokens.
    empty_at: Time,
}

impl Default for TokenBucket {
    fn default() -> Self {
        Self::FULL
    }
}

impl TokenBucket {
    /// A full bucket.
    pub const FULL: Self = Self { empty_at: Time::from_nanos(i64::MIN) };

    /// Takes a token.
    ///
    /// # Errors
    /// When there will be one.
    pub fn take(&mut self, size: BucketSize, now: Time) -> Result<(), Time> {
        let period = Span::from_nanos(60_000_000_000 / i64::from(size.refill_per_min));
        let empty_at = self.empty_at.max(now - period * i64::from(size.burst));
        let next = empty_at + period;
        if now < next {
            return Err(next);
        }
        self.empty_at = next;
        Ok(())
    }
}

fn region_of(cx: &Cx, pool: PoolId) -> RegionId {
    cx.world[cx.world[pool].cluster].region
}

/// Whether a region's machines can be made, started, stopped and deleted.
///
/// # Errors
/// That they cannot.
pub fn is_up(cx: &Cx, region: RegionId) -> Result<(), &'static str> {
    if cx.world[region].compute_control.is_up() { Ok(()) } else { Err(DOWN) }
}

/// A call that changes the scale set of a pool.
///
/// # Errors
/// Why it fails.
pub fn update_scale_set(cx: &mut Cx, pool: PoolId) -> Result<(), &'static str> {
    let region = region_of(cx, pool);
    is_up(cx, region)?;
    let Some(capacity) = &cx.world[region].capacity else { return Ok(()) };
    let (of_set, of_region) = (capacity.scale_set_updates, capacity.region_updates);
    let (now, cloud) = (cx.now, &mut cx.memory.cloud);
    cloud.scale_sets.entry(pool).or_default().take(of_set, now).map_err(|_| THROTTLED)?;
    cloud.regions.entry(region).or_default().take(of_region, now).map_err(|_| THROTTLED)
}

/// A call that deletes or deallocates a machine; it goes against the subscription's bucket.
///
/// # Errors
/// Why it fails.
pub fn remove_machine(cx: &mut Cx, node: NodeId) -> Result<(), &'static str> {
    let region = region_of(cx, cx.world[node].pool);
    is_up(cx, region)?;
    let Some(capacity) = &cx.world[region].capacity else { return Ok(()) };
    let (size, now) = (capacity.region_updates, cx.now);
    let bucket = cx.memory.cloud.regions.entry(region).or_default();
    bucket.take(size, now).map_err(|_| THROTTLED)
}

/// A call of AKS that changes an agent pool: an upgrade, a new size by hand.
///
/// # Errors
/// Why it fails.
pub fn put_agent_pool(cx: &mut Cx, pool: PoolId) -> Result<(), &'static str> {
    let region = region_of(cx, pool);
    is_up(cx, region)?;
    let Some(capacity) = &cx.world[region].capacity else { return Ok(()) };
    let (size, now) = (capacity.agent_pool_puts, cx.now);
    let bucket = cx.memory.cloud.agent_pools.entry(pool).or_default();
    bucket.take(size, now).map_err(|_| THROTTLED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published buckets: so many calls at once, the next one refused until a token is back,
    /// and after that one call for each token.
    #[test]
    fn buckets_have_their_published_sizes() {
        for (what, burst, refill_per_min, next_ms) in [
            ("updates of a scale set", 12, 4, 15_000),
            ("updates in a region", 1_500, 500, 120),
            ("changes of an agent pool", 20, 1, 60_000),
        ] {
            let size = BucketSize { burst, refill_per_min };
            let mut bucket = TokenBucket::FULL;
            let start = Time::from_secs(1_000);
            for call in 0..burst {
                assert_eq!(bucket.take(size, start), Ok(()), "{what}: call {call}");
            }
            let next = start + Span::from_millis(next_ms);
            assert_eq!(bucket.take(size, start), Err(next), "{what}: one too many");
            let just_before = next - Span::from_nanos(1);
            assert_eq!(bucket.take(size, just_before), Err(next), "{what}: still too early");
            assert_eq!(bucket.take(size, next), Ok(()), "{what}: a token is back");
            assert!(bucket.take(size, next).is_err(), "{what}: only one");
        }
    }

    /// A rest fills the bucket and no more than that.
    #[test]
    fn a_bucket_does_not_overflow() {
        let size = BucketSize { burst: 3, refill_per_min: 60 };
        let mut bucket = TokenBucket::FULL;
        let taken = |bucket: &mut TokenBucket, at| {
            (0..9).take_while(|_| bucket.take(size, Time::from_secs(at)).is_ok()).count()
        };
        assert_eq!([0, 1, 3, 100].map(|at| taken(&mut bucket, at)), [3, 1, 2, 3]);
    }
}
