//! Which pods a ReplicaSet deletes first.
//!
//! Follows `ActivePodsWithRanks` and `getPodsRankedByRelatedPodsOnSameNode`
//! (pkg/controller/controller_utils.go, replica_set.go). Pods are compared by eight keys; ages
//! only by the power of two that they lie in, so that a scale-down does not always hit the pods
//! of one rollout. The order need not be transitive (equal instants fall through to later keys,
//! different ones of one bucket are settled by UID), which rules out the standard library's sort:
//! it may panic on such an order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::ids::NodeId;
use crate::units::{Span, Time};

/// `status.phase`, as far as active pods have it, in the order of deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not all containers run yet.
    Pending,
    /// The node has been silent.
    Unknown,
    /// At least one container runs.
    Running,
}

/// What the order looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node it is bound to.
    pub node: Option<NodeId>,
    /// Its phase.
    pub phase: Phase,
    /// Whether it is Ready.
    pub ready: bool,
    /// When it turned Ready, if known.
    pub ready_since: Option<Time>,
    /// When it was created, if known.
    pub created: Option<Time>,
    /// Most restarts of any of its containers.
    pub max_restarts: u32,
    /// `controller.kubernetes.io/pod-deletion-cost`.
    pub deletion_cost: i32,
    /// Active pods of the same owner on its node, itself included.
    pub rank: usize,
    /// Random identity, for coin flips.
    pub uid: u64,
}

/// The features that shape the order, and the instant that ages count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether the deletion cost counts (PodDeletionCost, on by default).
    pub deletion_cost: bool,
    /// Whether ages are compared by their logarithm (LogarithmicScaleDown, on by default).
    pub logarithmic: bool,
    /// The present instant.
    pub now: Time,
}

impl Rules {
    /// Kubernetes' defaults.
    #[must_use]
    pub const fn at(now: Time) -> Self {
        Self { deletion_cost: true, logarithmic: true, now }
    }
}

/// The pods to delete, as indices into `pods`: the first `n` of the order.
///
/// If all are to go, they stay in their given order, as upstream.
#[must_use]
pub fn victims(pods: &[Candidate], n: usize, rules: Rules) -> Vec<usize> {
    if pods.len() <= n {
        return (0..pods.len()).collect();
    }
    let mut order = order(pods, rules);
    order.truncate(n);
    order
}

/// All pods as indices, first to delete first; ties keep their given order.
#[must_use]
pub fn order(pods: &[Candidate], rules: Rules) -> Vec<usize> {
    let mut order: Vec<usize> = (0..pods.len()).collect();
    merge_sort(&mut order, &|&a, &b| compare(&pods[a], &pods[b], rules));
    order
}

/// `Less` if `a` is deleted before `b`, `Equal` for a tie.
#[must_use]
pub fn compare(a: &Candidate, b: &Candidate, rules: Rules) -> Ordering {
    let cost = |pod: &Candidate| if rules.deletion_cost { pod.deletion_cost } else { 0 };
    a.node
        .is_some()
        .cmp(&b.node.is_some())
        .then(a.phase.cmp(&b.phase))
        .then(a.ready.cmp(&b.ready))
        .then(cost(a).cmp(&cost(b)))
        .then(b.rank.cmp(&a.rank))
        .then_with(|| {
            let both_ready = a.ready && b.ready;
            if both_ready && a.ready_since != b.ready_since {
                return younger_first((a.ready_since, b.ready_since), (a, b), rules);
            }
            b.max_restarts
                .cmp(&a.max_restarts)
                .then_with(|| younger_first((a.created, b.created), (a, b), rules))
        })
}

/// An unknown instant first, then the later one; within one bucket of ages the UID decides, and
/// no later key does.
fn younger_first(
    times: (Option<Time>, Option<Time>),
    (a, b): (&Candidate, &Candidate),
    rules: Rules,
) -> Ordering {
    match times {
        (Some(of_a), Some(of_b)) if of_a == of_b => Ordering::Equal,
        (Some(of_a), Some(of_b)) if rules.logarithmic => {
            let (bucket_a, bucket_b) = (bucket(rules.now - of_a), bucket(rules.now - of_b));
            bucket_a.cmp(&bucket_b).then(a.uid.cmp(&b.uid))
        }
        (Some(of_a), Some(of_b)) => of_b.cmp(&of_a),
        (of_a, of_b) => of_a.is_some().cmp(&of_b.is_some()),
    }
}

/// The power of two that an age lies in; -1 for no age at all.
fn bucket(age: Span) -> i64 {
    if age <= Span::ZERO { -1 } else { i64::from(age.nanos().ilog2()) }
}

/// For each pod of `pods`, how many of `related` are on its node.
///
/// Unbound pods count as if they shared a node, as upstream.
#[must_use]
pub fn ranks(pods: &[Option<NodeId>], related: &[Option<NodeId>]) -> Vec<usize> {
    let mut on_node: BTreeMap<Option<NodeId>, usize> = BTreeMap::new();
    for node in related {
        *on_node.entry(*node).or_default() += 1;
    }
    pods.iter().map(|node| on_node.get(node).copied().unwrap_or(0)).collect()
}

/// A stable merge sort that copes with an order that is not transitive.
fn merge_sort<T: Copy>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    if items.len() < 2 {
        return;
    }
    let middle = items.len() / 2;
    merge_sort(&mut items[..middle], compare);
    merge_sort(&mut items[middle..], compare);
    let left = items[..middle].to_vec();
    let (mut from_left, mut from_right) = (0, middle);
    for to in 0..items.len() {
        let left_is_left = from_left < left.len();
        let take_right = from_right < items.len()
            && (!left_is_left || compare(&items[from_right], &left[from_left]) == Ordering::Less);
        if take_right {
            items[to] = items[from_right];
            from_right += 1;
        } else {
            items[to] = left[from_left];
            from_left += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(ready_s: i64, created_s: i64, max_restarts: u32, uid: u64) -> Candidate {
        Candidate {
            node: Some(NodeId::new(0)),
            phase: Phase::Running,
            ready: true,
            ready_since: Some(Time::from_secs(ready_s)),
            created: Some(Time::from_secs(created_s)),
            max_restarts,
            deletion_cost: 0,
            rank: 1,
            uid,
        }
    }

    /// A cycle of preferences (a before b by restarts, b before c and c before a by UID) still
    /// gives each pod once, for many pods, where a standard sort may panic.
    #[test]
    fn a_cyclic_order_still_sorts() {
        let rules = Rules::at(Time::from_secs(1_000));
        let trio = [ready(10, 5, 3, 2), ready(10, 5, 1, 0), ready(20, 5, 0, 1)];
        let [ab, bc, ca] =
            [(0, 1), (1, 2), (2, 0)].map(|(a, b)| compare(&trio[a], &trio[b], rules));
        assert_eq!([ab, bc, ca], [Ordering::Less; 3], "the premise: a cycle");
        let pods: Vec<Candidate> = trio.iter().copied().cycle().take(300).collect();
        let mut order = order(&pods, rules);
        order.sort_unstable();
        assert!(order.into_iter().eq(0..300));
    }

    /// Ages within one power of two are a coin flip by UID, further apart the younger goes first.
    #[test]
    fn ages_are_compared_by_their_logarithm() {
        let now = Time::from_secs(100_000);
        let aged = |age_s: i64, uid| {
            let at = (now - Span::from_secs(age_s)).whole_secs();
            ready(at, at, 0, uid)
        };
        let same_bucket = compare(&aged(18_000, 9), &aged(28_000, 1), Rules::at(now));
        assert_eq!(same_bucket, Ordering::Greater, "5 h and 7.8 h share a bucket: lower UID");
        let apart = compare(&aged(3_600, 9), &aged(28_000, 1), Rules::at(now));
        assert_eq!(apart, Ordering::Less, "1 h and 7.8 h do not: the younger");
    }
}
