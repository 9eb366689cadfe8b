//! Filters: may a pod go on a node at all, and if not, which rule forbids it?
//!
//! Follows the filter plugins of pkg/scheduler/framework/plugins in their order:
//! nodeunschedulable, tainttoleration, nodeaffinity, noderesources/fit, podtopologyspread,
//! interpodaffinity. Pods that are being deleted count for affinity, but not for spread.

use std::fmt;

use crate::model::placement::TopologyKey;

use super::pod_class::{Near, PodClass};
use super::score::{FitStrategy, resource_score};
use super::snapshot::{Match, NodeState, Snapshot, Taints};
use super::spread::Limits;

/// Why a pod may not go on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// The node is not ready.
    NotReady,
    /// The node is silent.
    Unreachable,
    /// The node is cordoned.
    Unschedulable,
    /// The cluster autoscaler is removing the node.
    ToBeDeleted,
    /// A taint of the pool that the pod does not tolerate.
    Tainted,
    /// Node selector or required node affinity.
    NodeAffinity,
    /// The node has as many pods as it may have.
    TooManyPods,
    /// Too little CPU is left.
    Cpu,
    /// Too little memory is left.
    Memory,
    /// A hard spread constraint.
    Spread,
    /// Required affinity: no such pod is near.
    Affinity,
    /// Required anti-affinity of the pod.
    AntiAffinity,
    /// Required anti-affinity of a pod that is there.
    Repelled,
}

/// Every reason, in the order of its discriminant.
pub const MISFITS: [Misfit; 13] = [
    Misfit::NotReady,
    Misfit::Unreachable,
    Misfit::Unschedulable,
    Misfit::ToBeDeleted,
    Misfit::Tainted,
    Misfit::NodeAffinity,
    Misfit::TooManyPods,
    Misfit::Cpu,
    Misfit::Memory,
    Misfit::Spread,
    Misfit::Affinity,
    Misfit::AntiAffinity,
    Misfit::Repelled,
];

impl Misfit {
    /// Whether removing pods from the node may help (upstream: Unschedulable, not
    /// UnschedulableAndUnresolvable).
    #[must_use]
    pub const fn preemption_may_help(self) -> bool {
        matches!(
            self,
            Self::TooManyPods
                | Self::Cpu
                | Self::Memory
                | Self::Spread
                | Self::AntiAffinity
                | Self::Repelled
        )
    }
}

/// What a node is worth for a class as far as only the node decides: the weighted resource
/// scores, or the first rule that forbids it. One byte, kept for each pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth(u8);

impl Worth {
    /// Not judged since the node changed.
    pub const STALE: Self = Self(u8::MAX);
    /// The best weighted resource score.
    const MOST: u8 = 200;

    fn of_score(score: i64) -> Self {
        let score = u8::try_from(score).expect("two scores of at most 100");
        assert!(score <= Self::MOST, "two scores of at most 100");
        Self(score)
    }

    const fn of_misfit(misfit: Misfit) -> Self {
        Self(Self::MOST + 1 + misfit as u8)
    }

    /// The score as it is, meaningless unless [`Self::is_score`].
    #[inline]
    pub(super) const fn points(self) -> i32 {
        self.0 as i32
    }

    /// Whether the node fits.
    #[inline]
    pub(super) const fn is_score(self) -> bool {
        self.0 <= Self::MOST
    }

    /// The score, or why there is none.
    ///
    /// # Errors
    /// The rule that forbids the node.
    #[inline]
    pub fn score(self) -> Result<i32, Misfit> {
        if self.is_score() {
            Ok(self.points())
        } else {
            Err(MISFITS[(self.0 - Self::MOST - 1) as usize])
        }
    }
}

/// Judges a node for a class by what is on the node alone.
pub(crate) fn judge(
    class: &PodClass,
    node: &NodeState,
    matched: Match,
    strategy: FitStrategy,
) -> Worth {
    match misfit(class, node, matched) {
        Some(misfit) => Worth::of_misfit(misfit),
        None => Worth::of_score(resource_score(class, node, strategy)),
    }
}

fn misfit(class: &PodClass, node: &NodeState, matched: Match) -> Option<Misfit> {
    let untolerated = node.taints.without(class.tolerates);
    if untolerated != Taints::NONE {
        return Some(condition(untolerated));
    }
    if matched.is_tainted {
        return Some(Misfit::Tainted);
    }
    if matched.is_excluded {
        return Some(Misfit::NodeAffinity);
    }
    let (has, used) = (&node.allocatable, &node.requested);
    if has.pods < used.pods + class.requests.pods {
        return Some(Misfit::TooManyPods);
    }
    // A pod that requests nothing of a resource fits even where it is overcommitted.
    let short = |request: i64, left: i64| 0 < request && left < request;
    if short(class.requests.cpu.milli(), has.cpu.milli() - used.cpu.milli()) {
        return Some(Misfit::Cpu);
    }
    if short(class.requests.memory.get(), has.memory.get() - used.memory.get()) {
        return Some(Misfit::Memory);
    }
    None
}

fn condition(taints: Taints) -> Misfit {
    let named = [
        (Taints::UNSCHEDULABLE, Misfit::Unschedulable),
        (Taints::UNREACHABLE, Misfit::Unreachable),
        (Taints::NOT_READY, Misfit::NotReady),
        (Taints::TO_BE_DELETED, Misfit::ToBeDeleted),
    ];
    let found = named.iter().find(|(taint, _)| taints.without(*taint) != taints);
    found.map_or(Misfit::Tainted, |(_, misfit)| *misfit)
}

/// May a pod of the class go on the node? Its resource score, or the first rule that forbids it,
/// in upstream's order. These are the predicates; other controllers that ask "would it fit?"
/// build a [`Snapshot`] of the nodes they think of and ask here.
///
/// # Errors
/// The rule that forbids it.
pub fn fits(
    snapshot: &mut Snapshot,
    class: usize,
    node: usize,
    limits: &Limits,
) -> Result<i32, Misfit> {
    let score = snapshot.worth(class, node).score()?;
    check_neighbours(snapshot, class, node, limits)?;
    Ok(score)
}

/// The rules that depend on where other pods are.
fn check_neighbours(
    snapshot: &Snapshot,
    class: usize,
    node: usize,
    limits: &Limits,
) -> Result<(), Misfit> {
    let pod = &snapshot.classes[class];
    let n_on_node = snapshot.on_node(class, node).staying;
    if !limits.allow(snapshot.nodes[node].zone, n_on_node) {
        return Err(Misfit::Spread);
    }
    if pod.near.as_ref().is_some_and(|near| !is_near(snapshot, near, node)) {
        return Err(Misfit::Affinity);
    }
    let is_there =
        |&(key, other): &(TopologyKey, usize)| 0 < snapshot.in_domain(key, other, node).all;
    if pod.apart.iter().any(is_there) {
        return Err(Misfit::AntiAffinity);
    }
    if pod.repelled.iter().any(is_there) {
        return Err(Misfit::Repelled);
    }
    Ok(())
}

/// Required affinity: such a pod in the domain of each key. The first of a kind that means itself
/// may go anywhere.
fn is_near(snapshot: &Snapshot, near: &Near, node: usize) -> bool {
    let is_first = || near.classes.iter().all(|&class| snapshot.by_class[class].total == 0);
    let has = |&key: &TopologyKey| {
        near.classes.iter().any(|&class| 0 < snapshot.in_domain(key, class, node).all)
    };
    near.keys.iter().all(has) || (near.means_itself && is_first())
}

impl fmt::Display for Misfit {
    /// The words of kubectl, so that users find them again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "node(s) had untolerated taint {node.kubernetes.io/not-ready: }",
            Self::Unreachable => "node(s) had untolerated taint {node.kubernetes.io/unreachable: }",
            Self::Unschedulable => "node(s) were unschedulable",
            Self::ToBeDeleted => "node(s) had untolerated taint {ToBeDeletedByClusterAutoscaler: }",
            Self::Tainted => "node(s) had untolerated taints",
            Self::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Self::TooManyPods => "Too many pods",
            Self::Cpu => "Insufficient cpu",
            Self::Memory => "Insufficient memory",
            Self::Spread => "node(s) didn't match pod topology spread constraints",
            Self::Affinity => "node(s) didn't match pod affinity rules",
            Self::AntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Self::Repelled => "node(s) didn't satisfy existing pods anti-affinity rules",
        })
    }
}
