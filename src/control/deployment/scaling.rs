//! A Deployment that changes its size during a rollout: its ReplicaSets grow in proportion.
//!
//! Follows `isScalingEvent` and `scale` of pkg/controller/deployment/sync.go, `IsSaturated`,
//! `FindActiveOrLatest`, `GetProportion` and `getReplicaSetFraction` of util/deployment_util.go.

use std::cmp::Reverse;

use super::fenceposts::Fenceposts;
use super::{SetView, total};

/// Whether the Deployment's size changed since an active ReplicaSet was last resized.
#[must_use]
pub fn is_scaling_event(wanted: u32, sets: &[SetView]) -> bool {
    sets.iter().any(|set| 0 < set.replicas && set.desired != wanted)
}

/// The sizes of `sets`, oldest first, after the Deployment changed its size to `wanted`. Those
/// that come with `true` are noted as resized, even if their size stays.
///
/// `newest` is the index of the ReplicaSet of the present template, if it exists.
#[must_use]
pub fn scale(
    wanted: u32,
    fence: Fenceposts,
    sets: &[SetView],
    newest: Option<usize>,
) -> Vec<(u32, bool)> {
    let mut sizes: Vec<(u32, bool)> = sets.iter().map(|set| (set.replicas, false)).collect();
    if let Some(index) = active_or_latest(sets) {
        if sets[index].replicas != wanted {
            sizes[index] = (wanted, true);
        }
    } else if newest.is_some_and(|index| is_saturated(wanted, &sets[index])) {
        for (index, size) in sizes.iter_mut().enumerate() {
            if Some(index) != newest && 0 < size.0 {
                *size = (0, true);
            }
        }
    } else {
        scale_in_proportion(wanted, fence, sets, &mut sizes);
    }
    sizes
}

/// The only active ReplicaSet, or the latest if none is; None if there are several.
fn active_or_latest(sets: &[SetView]) -> Option<usize> {
    let active: Vec<usize> = (0..sets.len()).filter(|&index| 0 < sets[index].replicas).collect();
    match active[..] {
        [] => sets.len().checked_sub(1),
        [only] => Some(only),
        _ => None,
    }
}

/// Whether the new ReplicaSet has all that is wanted, and all of it available.
fn is_saturated(wanted: u32, newest: &SetView) -> bool {
    newest.replicas == wanted && newest.desired == wanted && newest.available == wanted
}

fn scale_in_proportion(
    wanted: u32,
    fence: Fenceposts,
    sets: &[SetView],
    sizes: &mut [(u32, bool)],
) {
    let allowed = if wanted == 0 { 0 } else { i64::from(wanted) + i64::from(fence.surge) };
    let to_add = allowed - i64::from(total(sets));
    // Larger ones first; of equal ones the newer grows, the older shrinks first.
    let mut active: Vec<usize> =
        (0..sets.len()).filter(|&index| 0 < sets[index].replicas).collect();
    if to_add < 0 {
        active.sort_by_key(|&index| (Reverse(sets[index].replicas), index));
    } else {
        active.sort_by_key(|&index| (Reverse(sets[index].replicas), Reverse(index)));
    }
    let mut added = 0;
    for &index in &active {
        let share = proportion(wanted, allowed, &sets[index], to_add, added);
        added += share;
        sizes[index] = (resized(sets[index].replicas, share), true);
    }
    if let Some(&largest) = active.first()
        && to_add != 0
    {
        sizes[largest].0 = resized(sizes[largest].0, to_add - added);
    }
}

fn resized(size: u32, change: i64) -> u32 {
    u32::try_from((i64::from(size) + change).max(0)).expect("limits keep sizes below 2^32")
}

/// What a ReplicaSet gets of `to_add`, of which `added` is given away (`GetProportion`).
fn proportion(wanted: u32, allowed: i64, set: &SetView, to_add: i64, added: i64) -> i64 {
    if set.replicas == 0 || to_add == 0 || to_add == added {
        return 0;
    }
    let size = i64::from(set.replicas);
    let share = if wanted == 0 {
        -size
    } else {
        let before = i64::from(set.most).max(1);
        // The nearest whole number; halves go up.
        (2 * size * allowed + before) / (2 * before) - size
    };
    if 0 < to_add { share.min(to_add - added) } else { share.max(to_add - added) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row: name, size before and after, surge before and after, ReplicaSets from old to new
    /// and how many pods of the newest are available, whether the template has its own, and the
    /// sizes expected.
    type Row = (&'static str, [u32; 2], [u32; 2], &'static [u32], bool, &'static [u32]);

    /// `TestScale` (sync_test.go) under its names. "foo-v1" comes first here, upstream lists the
    /// new one apart; a failed update shows as an older `desired`.
    #[test]
    fn sizes_change_in_proportion() {
        let table: [Row; 14] = [
            ("normal scaling event: 10 -> 12", [10, 12], [0, 0], &[10], true, &[12]),
            ("normal scaling event: 10 -> 5", [10, 5], [0, 0], &[10], true, &[5]),
            ("proportional scaling: 5 -> 10", [5, 10], [0, 0], &[3, 2], true, &[6, 4]),
            ("proportional scaling: 5 -> 3", [5, 3], [0, 0], &[3, 2], true, &[2, 1]),
            ("proportional scaling: 9 -> 4", [9, 4], [0, 0], &[1, 8], true, &[0, 4]),
            ("proportional scaling: 7 -> 10", [7, 10], [0, 0], &[2, 3, 2], true, &[3, 4, 3]),
            ("proportional scaling: 13 -> 8", [13, 8], [0, 0], &[3, 8, 2], true, &[2, 5, 1]),
            ("leftover distribution: 3 -> 4", [3, 4], [0, 0], &[1, 1, 1], true, &[1, 1, 2]),
            ("leftover distribution: 3 -> 2", [3, 2], [0, 0], &[1, 1, 1], true, &[0, 1, 1]),
            ("proportional (no new rs): 4 -> 5", [4, 5], [0, 0], &[2, 2], false, &[2, 3]),
            ("proportional scaling: 6 -> 0", [6, 0], [0, 0], &[1, 2, 3], true, &[0, 0, 0]),
            ("proportional scaling: 0 -> 6", [6, 6], [0, 0], &[0, 0, 0], true, &[0, 0, 6]),
            ("deployment with surge pods", [10, 20], [2, 2], &[6, 6], true, &[11, 11]),
            ("change both surge and size", [10, 50], [3, 6], &[8, 5], true, &[34, 22]),
        ];
        for (name, [before, wanted], [surge_before, surge], sets, has_new, expected) in table {
            let view = |&replicas: &u32| SetView {
                replicas,
                available: replicas,
                desired: before,
                most: before + surge_before,
            };
            let views: Vec<SetView> = sets.iter().map(view).collect();
            let fence = Fenceposts { surge, unavailable: 0 };
            let newest = has_new.then(|| sets.len() - 1);
            let sizes: Vec<u32> =
                scale(wanted, fence, &views, newest).iter().map(|&(size, _)| size).collect();
            assert_eq!(sizes, expected, "{name}");
        }
    }

    /// The other rows of `TestScale`: an earlier update of two of three ReplicaSets, a new template
    /// with the size, and a new ReplicaSet that is complete but for its availability.
    #[test]
    fn sizes_know_what_they_were_part_of() {
        let view = |replicas, desired, surge| SetView {
            replicas,
            available: replicas,
            desired,
            most: desired + surge,
        };
        let sizes = |wanted, surge, sets: &[SetView], newest| -> Vec<u32> {
            let fence = Fenceposts { surge, unavailable: 1 };
            scale(wanted, fence, sets, newest).iter().map(|&(size, _)| size).collect()
        };
        let failed = [view(1, 5, 0), view(1, 3, 0), view(2, 5, 0)];
        assert!(is_scaling_event(5, &failed));
        assert_eq!(sizes(5, 0, &failed, Some(2)), [1, 2, 2], "failed rs update");
        let both = [view(3, 10, 0), view(7, 10, 0)];
        assert_eq!(sizes(14, 0, &both, None), [4, 10], "change both size and template");
        let broken = [view(1, 2, 1), SetView { available: 0, ..view(2, 2, 1) }];
        assert_eq!(
            sizes(2, 1, &broken, Some(1)),
            [1, 2],
            "saturated but broken new replica set does not affect old pods"
        );
        let saturated = [view(1, 2, 1), view(2, 2, 1)];
        assert_eq!(sizes(2, 1, &saturated, Some(1)), [0, 2], "saturated: the old ones are emptied");
        assert!(
            !is_scaling_event(2, &[view(0, 9, 0), view(2, 2, 0)]),
            "inactive ones do not count"
        );
    }
}
