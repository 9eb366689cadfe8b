//! How many nodes one estimation may add.
//!
//! Follows estimator/threshold_based_limiter.go and the static, cluster capacity and similar node
//! groups' capacity thresholds. A limit of 0 means none, a negative one that nothing may be added.

use crate::units::Span;

/// A limit on nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeLimit {
    /// None.
    Unlimited,
    /// At most so many, at least one.
    AtMost(usize),
    /// No node may be added.
    Closed,
}

impl NodeLimit {
    /// Upstream's encoding: negative = closed, 0 = none.
    #[must_use]
    pub fn from_signed(limit: i64) -> Self {
        match usize::try_from(limit) {
            Err(_) => Self::Closed,
            Ok(0) => Self::Unlimited,
            Ok(nodes) => Self::AtMost(nodes),
        }
    }

    /// The stricter of two limits.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Closed, _) | (_, Self::Closed) => Self::Closed,
            (Self::Unlimited, limit) | (limit, Self::Unlimited) => limit,
            (Self::AtMost(a), Self::AtMost(b)) => Self::AtMost(a.min(b)),
        }
    }

    /// What `--max-nodes-total` leaves (0 = no limit).
    #[must_use]
    pub fn of_cluster(max_nodes_total: i64, current_nodes: i64) -> Self {
        if max_nodes_total == 0 {
            Self::Unlimited
        } else if max_nodes_total < 0 || max_nodes_total <= current_nodes {
            Self::Closed
        } else {
            Self::from_signed(max_nodes_total.saturating_sub(current_nodes))
        }
    }

    /// What a group and those similar to it leave: each as (maximum, target).
    #[must_use]
    pub fn of_groups(groups: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let free = |(max, target): (i64, i64)| max.saturating_sub(target).max(0);
        let free = groups.into_iter().map(free).fold(0_i64, i64::saturating_add);
        if free == 0 { Self::Closed } else { Self::from_signed(free) }
    }
}

/// Grants the nodes of one estimation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limiter {
    limit: NodeLimit,
    /// Time after which nothing more is granted; negative = never anything, zero = no limit.
    max_duration: Span,
    granted: usize,
}

impl Limiter {
    /// The limiter of a new estimation, all limits combined.
    #[must_use]
    pub const fn new(limit: NodeLimit, max_duration: Span) -> Self {
        Self { limit, max_duration, granted: 0 }
    }

    /// Asks for one more node; `elapsed` is the time since the estimation began.
    ///
    /// In a simulation no time passes within an estimation.
    pub fn grant(&mut self, elapsed: Span) -> bool {
        let is_full = match self.limit {
            NodeLimit::Unlimited => false,
            NodeLimit::AtMost(nodes) => nodes <= self.granted,
            NodeLimit::Closed => true,
        };
        let is_late = self.max_duration < Span::ZERO
            || (Span::ZERO < self.max_duration && self.max_duration < elapsed);
        if is_full || is_late {
            return false;
        }
        self.granted += 1;
        true
    }

    /// Nodes granted so far.
    #[must_use]
    pub const fn granted(&self) -> usize {
        self.granted
    }
}

/// The stricter of two time limits, as [`Limiter::new`] takes them.
#[must_use]
pub fn stricter_duration(a: Span, b: Span) -> Span {
    if a < Span::ZERO || b < Span::ZERO {
        Span::from_secs(-1)
    } else if a == Span::ZERO || (Span::ZERO < b && b < a) {
        b
    } else {
        a
    }
}
