//! Whether an unneeded node may go now, and if not, why.
//!
//! Follows `unremovableReason` of core/scaledown/unneeded/nodes.go.

use std::fmt;

use crate::units::Span;

/// Why a node stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unremovable {
    /// Its annotation forbids scale-down.
    ScaleDownDisabledAnnotation,
    /// It belongs to no autoscaled group.
    NotAutoscaled,
    /// It has not been unneeded for long enough.
    NotUnneededLongEnough,
    /// It is unready, but has not been unneeded for long enough.
    NotUnreadyLongEnough,
    /// Its group is at its minimum.
    NodeGroupMinSizeReached,
    /// The cluster is at its minimum of nodes.
    MinimalResourceLimitExceeded,
    /// Its group's settings could not be read.
    UnexpectedError,
}

impl Unremovable {
    /// Upstream's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScaleDownDisabledAnnotation => "ScaleDownDisabledAnnotation",
            Self::NotAutoscaled => "NotAutoscaled",
            Self::NotUnneededLongEnough => "NotUnneededLongEnough",
            Self::NotUnreadyLongEnough => "NotUnreadyLongEnough",
            Self::NodeGroupMinSizeReached => "NodeGroupMinSizeReached",
            Self::MinimalResourceLimitExceeded => "MinimalResourceLimitExceeded",
            Self::UnexpectedError => "UnexpectedError",
        }
    }
}

impl fmt::Display for Unremovable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ScaleDownDisabledAnnotation => "an annotation forbids its removal",
            Self::NotAutoscaled => "its group is not autoscaled",
            Self::NotUnneededLongEnough => "not unneeded for long enough",
            Self::NotUnreadyLongEnough => "not unready for long enough",
            Self::NodeGroupMinSizeReached => "its group is at its minimum size",
            Self::MinimalResourceLimitExceeded => "the cluster is at its minimum size",
            Self::UnexpectedError => "its group's settings could not be read",
        })
    }
}

/// How long nodes must be unneeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimes {
    /// `--scale-down-unneeded-time`.
    pub unneeded: Span,
    /// `--scale-down-unready-time`, for unready nodes.
    pub unready: Span,
}

/// An unneeded node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnneededNode {
    /// Whether it is Ready.
    pub ready: bool,
    /// Whether `cluster-autoscaler.kubernetes.io/scale-down-disabled` is on it.
    pub scale_down_disabled: bool,
    /// How long it has been unneeded.
    pub unneeded_for: Span,
    /// How long it must be; None if its group's settings could not be read.
    pub wait: Option<WaitTimes>,
}

/// What may still go: removals are counted off as they are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Nodes that the group can lose: target − deletions under way − minimum.
    pub group: i64,
    /// Nodes that the cluster can lose; None = no minimum.
    pub cluster: Option<i64>,
}

/// Allows the removal of a node, counting it off, or says why it stays.
///
/// `room` is None for a node outside all autoscaled groups.
pub fn try_remove(node: &UnneededNode, room: Option<&mut Room>) -> Result<(), Unremovable> {
    if node.scale_down_disabled {
        return Err(Unremovable::ScaleDownDisabledAnnotation);
    }
    let room = room.ok_or(Unremovable::NotAutoscaled)?;
    let wait = node.wait.ok_or(Unremovable::UnexpectedError)?;
    // Strict: exactly as long is not long enough.
    if node.ready && node.unneeded_for <= wait.unneeded {
        return Err(Unremovable::NotUnneededLongEnough);
    }
    if !node.ready && node.unneeded_for <= wait.unready {
        return Err(Unremovable::NotUnreadyLongEnough);
    }
    if room.group <= 0 {
        return Err(Unremovable::NodeGroupMinSizeReached);
    }
    if room.cluster.is_some_and(|nodes| nodes <= 0) {
        return Err(Unremovable::MinimalResourceLimitExceeded);
    }
    room.group -= 1;
    if let Some(nodes) = &mut room.cluster {
        *nodes -= 1;
    }
    Ok(())
}
