//! What the autoscaler believes about nodes: readiness, health, sizes, open scale-ups.
//!
//! Follows clusterstate/clusterstate.go.

use crate::units::{Span, Time};

/// The class of a registered node, or of a machine that has not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadinessClass {
    /// Its machine is gone, the Node object not yet.
    Deleted,
    /// Deallocated, and kept for a later start.
    Suspended,
    /// Ready.
    Ready,
    /// Not ready, but young enough to be still booting.
    NotStarted,
    /// Not ready.
    Unready,
}

/// What the class depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSigns {
    /// Its machine is gone at the cloud. The ToBeDeleted taint alone changes nothing.
    pub deleted: bool,
    /// Deallocated.
    pub suspended: bool,
    /// The Ready condition is True.
    pub ready: bool,
    /// When the Node object was created.
    pub created: Time,
}

/// The class of a registered node.
#[must_use]
pub fn classify(node: &NodeSigns, max_startup_time: Span, now: Time) -> ReadinessClass {
    if node.deleted {
        ReadinessClass::Deleted
    } else if node.suspended {
        ReadinessClass::Suspended
    } else if node.ready {
        ReadinessClass::Ready
    } else if now - node.created < max_startup_time {
        ReadinessClass::NotStarted
    } else {
        ReadinessClass::Unready
    }
}

/// How many nodes are in which class, in a group or in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// See [`ReadinessClass::Ready`].
    pub ready: usize,
    /// See [`ReadinessClass::Unready`].
    pub unready: usize,
    /// See [`ReadinessClass::NotStarted`].
    pub not_started: usize,
    /// See [`ReadinessClass::Suspended`].
    pub suspended: usize,
    /// See [`ReadinessClass::Deleted`].
    pub deleted: usize,
    /// Machines without a Node object for longer than the provisioning time.
    pub long_unregistered: usize,
}

impl Readiness {
    /// Counts a registered node.
    pub const fn count(&mut self, class: ReadinessClass) {
        let counter = match class {
            ReadinessClass::Deleted => &mut self.deleted,
            ReadinessClass::Suspended => &mut self.suspended,
            ReadinessClass::Ready => &mut self.ready,
            ReadinessClass::NotStarted => &mut self.not_started,
            ReadinessClass::Unready => &mut self.unready,
        };
        *counter += 1;
    }

    /// All registered nodes.
    #[must_use]
    pub const fn registered(&self) -> usize {
        self.ready + self.unready + self.not_started + self.suspended + self.deleted
    }
}

impl std::ops::AddAssign for Readiness {
    fn add_assign(&mut self, other: Self) {
        self.ready += other.ready;
        self.unready += other.unready;
        self.not_started += other.not_started;
        self.suspended += other.suspended;
        self.deleted += other.deleted;
        self.long_unregistered += other.long_unregistered;
    }
}

/// How many unready nodes are tolerated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnreadyLimits {
    /// `--ok-total-unready-count`: so many are always fine.
    pub ok_count: usize,
    /// `--max-total-unready-percentage`: more than this is not.
    pub max_percent: f64,
}

impl UnreadyLimits {
    /// Upstream's and AKS' defaults.
    pub const DEFAULT: Self = Self { ok_count: 3, max_percent: 45.0 };

    /// Whether `n_bad` of `n_all` nodes is too many: above both limits.
    fn are_exceeded(self, n_bad: usize, n_all: usize) -> bool {
        self.ok_count < n_bad && self.max_percent / 100.0 * (n_all as f64) < n_bad as f64
    }
}

/// Whether the autoscaler works at all: not while too many of all nodes are unready.
///
/// Booting nodes count as neither ready nor unready.
#[must_use]
pub fn is_cluster_healthy(all: &Readiness, limits: UnreadyLimits) -> bool {
    !limits.are_exceeded(all.unready, all.registered())
}

/// The sizes that a group may have without something being wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptableRange {
    /// Fewest nodes; may be negative.
    pub min: i64,
    /// Most nodes.
    pub max: i64,
    /// The target.
    pub target: i64,
}

/// The acceptable range of a group.
///
/// `open_increase` are nodes of a scale-up that is still under way, `deletions` nodes whose
/// deletion is under way and no longer in the target.
#[must_use]
pub const fn acceptable_range(
    target: usize,
    long_unregistered: usize,
    open_increase: usize,
    deletions: usize,
) -> AcceptableRange {
    let target = target as i64;
    AcceptableRange {
        min: target - long_unregistered as i64 - open_increase as i64,
        max: target + deletions as i64,
        target,
    }
}

/// Whether a group may be scaled up: not while it is itself short of too many nodes.
#[must_use]
pub fn is_group_healthy(group: &Readiness, range: AcceptableRange, limits: UnreadyLimits) -> bool {
    let present = (group.ready + group.suspended) as i64;
    let short = usize::try_from(range.min - present).unwrap_or(0);
    let n_all = group.ready + group.unready + group.not_started + group.suspended;
    !limits.are_exceeded(short, n_all)
}

/// Nodes of a group that will soon be there; the loop injects them as ready ones.
#[must_use]
pub const fn upcoming_nodes(group: &Readiness, target: usize) -> usize {
    let there = group.ready + group.unready + group.suspended + group.long_unregistered;
    target.saturating_sub(there)
}

/// A scale-up of a group that is still under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleUpRequest {
    /// Nodes asked for.
    pub increase: usize,
    /// When they are due.
    pub deadline: Time,
}

/// What became of an open scale-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleUpProgress {
    /// All nodes are there.
    Done,
    /// Nodes are missing, but there is time.
    Waiting,
    /// Nodes are missing though they are due: the group goes into back-off.
    TimedOut,
}

impl ScaleUpRequest {
    /// Asks for `nodes` more; each increase sets the deadline anew (`--max-node-provision-time`).
    #[must_use]
    pub fn increased(open: Option<Self>, nodes: usize, provision: Span, now: Time) -> Self {
        let before = open.map_or(0, |request| request.increase);
        Self { increase: before + nodes, deadline: now + provision }
    }

    /// Wants `nodes` fewer, the deadline staying; None if nothing is left to wait for.
    #[must_use]
    pub const fn decreased(self, nodes: usize) -> Option<Self> {
        if self.increase <= nodes {
            return None;
        }
        Some(Self { increase: self.increase - nodes, ..self })
    }

    /// Where the scale-up stands; it is over once as many nodes have started as are wanted.
    #[must_use]
    pub fn progress(&self, group: &Readiness, target: usize, now: Time) -> ScaleUpProgress {
        let started = group.registered() - group.not_started;
        if target <= started {
            ScaleUpProgress::Done
        } else if self.deadline < now {
            ScaleUpProgress::TimedOut
        } else {
            ScaleUpProgress::Waiting
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The halt needs more than 3 and more than 45 %: two even zones lose it, three keep it.
    #[test]
    fn a_zone_loss_halts_a_two_zone_cluster_only() {
        for (rule, ready, unready, not_started, healthy) in [
            ("one of two zones", 10, 10, 0, false),
            ("one of three zones", 20, 10, 0, true),
            ("three nodes are always fine", 0, 3, 0, true),
            ("exactly 45 % is fine", 11, 9, 0, true),
            ("booting nodes are not unready, but count in all", 10, 10, 10, true),
        ] {
            let all = Readiness { ready, unready, not_started, ..Readiness::default() };
            assert_eq!(is_cluster_healthy(&all, UnreadyLimits::DEFAULT), healthy, "{rule}");
        }
    }

    /// A node boots for the start-up time, then counts as unready.
    #[test]
    fn a_node_is_unready_only_after_its_start_up_time() {
        let node =
            NodeSigns { deleted: false, suspended: false, ready: false, created: Time::ZERO };
        let startup = Span::from_secs(900);
        let class = |node: NodeSigns, now_s| classify(&node, startup, Time::from_secs(now_s));
        assert_eq!(class(node, 899), ReadinessClass::NotStarted);
        assert_eq!(class(node, 900), ReadinessClass::Unready);
        assert_eq!(class(NodeSigns { ready: true, ..node }, 900), ReadinessClass::Ready);
        let doomed = NodeSigns { deleted: true, ready: true, ..node };
        assert_eq!(class(doomed, 0), ReadinessClass::Deleted);
    }

    /// A scale-up that misses nodes after 15 minutes has timed out; an increase resets the clock.
    #[test]
    fn a_scale_up_times_out() {
        let provision = Span::from_secs(900);
        let first = ScaleUpRequest::increased(None, 3, provision, Time::ZERO);
        let group = Readiness { ready: 5, not_started: 2, ..Readiness::default() };
        let at =
            |request: ScaleUpRequest, now_s| request.progress(&group, 8, Time::from_secs(now_s));
        assert_eq!(at(first, 900), ScaleUpProgress::Waiting, "due, not overdue");
        assert_eq!(at(first, 901), ScaleUpProgress::TimedOut);
        let second = ScaleUpRequest::increased(Some(first), 1, provision, Time::from_secs(600));
        assert_eq!((second.increase, at(second, 901)), (4, ScaleUpProgress::Waiting));
        assert_eq!(first.progress(&group, 5, Time::ZERO), ScaleUpProgress::Done);
        let fewer = ScaleUpRequest { increase: 2, ..first };
        assert_eq!((first.decreased(1), first.decreased(3)), (Some(fewer), None));
    }

    /// A group is short of nodes below its acceptable range only: nodes that an open scale-up
    /// still waits for are not missing yet.
    #[test]
    fn a_group_is_unhealthy_when_it_lacks_nodes() {
        let with_ready = |ready| Readiness { ready, ..Readiness::default() };
        for (rule, ready, target, increase, healthy) in [
            ("complete", 10, 10, 0, true),
            ("three missing are always fine", 1, 4, 0, true),
            ("four of ten missing", 6, 10, 0, false),
            ("four of them on order", 6, 10, 4, true),
            ("four of fourteen missing are less than 45 % of ten", 10, 14, 0, true),
        ] {
            let range = acceptable_range(target, 0, increase, 0);
            let is_healthy = is_group_healthy(&with_ready(ready), range, UnreadyLimits::DEFAULT);
            assert_eq!(is_healthy, healthy, "{rule}");
        }
    }

    /// Booting and unregistered machines are on their way; long unregistered ones are not.
    #[test]
    fn upcoming_nodes_are_those_still_on_their_way() {
        let group = Readiness {
            ready: 3,
            unready: 1,
            not_started: 2,
            long_unregistered: 1,
            ..Readiness::default()
        };
        assert_eq!(upcoming_nodes(&group, 10), 5, "2 booting, 3 without a Node object");
        assert_eq!(upcoming_nodes(&group, 4), 0, "never negative");
    }
}
