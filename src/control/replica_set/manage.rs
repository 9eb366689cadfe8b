//! Creating missing pods, deleting superfluous ones.
//!
//! Follows `manageReplicas` of pkg/controller/replicaset/replica_set.go. A pod whose deletion
//! has begun no longer counts, so its replacement is made at once.

/// Most pods created or deleted in one pass (`BurstReplicas`, replica_set.go).
pub const BURST_REPLICAS: usize = 500;

/// What a pass does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// As many pods as wanted.
    None,
    /// Create this many, by slow start.
    Create(usize),
    /// Delete this many, first in the deletion order first.
    Delete(usize),
}

/// What to do with `n_active` pods when `n_wanted` are wanted.
///
/// Active pods are those that have neither ended nor begun to be deleted.
#[must_use]
pub fn manage(n_active: usize, n_wanted: usize, burst: usize) -> Action {
    if n_active < n_wanted {
        Action::Create((n_wanted - n_active).min(burst))
    } else if n_wanted < n_active {
        Action::Delete((n_active - n_wanted).min(burst))
    } else {
        Action::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The difference is made up in one pass, up to the burst.
    #[test]
    fn a_pass_makes_up_the_difference() {
        for (rule, n_active, n_wanted, action) in [
            ("enough", 3, 3, Action::None),
            ("missing pods are created", 3, 10, Action::Create(7)),
            ("superfluous pods are deleted", 10, 3, Action::Delete(7)),
            ("creation is capped by the burst", 0, 501, Action::Create(500)),
            ("deletion is capped by the burst", 501, 0, Action::Delete(500)),
        ] {
            assert_eq!(manage(n_active, n_wanted, BURST_REPLICAS), action, "{rule}");
        }
    }
}
