//! What bounds the replicas an HPA asks for: the reason of its `ScalingLimited` condition.

use std::fmt;

/// The bound that a recommendation ran into, in upstream's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// None: the recommendation stands.
    DesiredWithinRange,
    /// `minReplicas`.
    TooFewReplicas,
    /// `maxReplicas`.
    TooManyReplicas,
    /// How fast replicas may be added.
    ScaleUpLimit,
    /// How fast replicas may be taken away.
    ScaleDownLimit,
}

impl Limit {
    /// Upstream's reason, as `kubectl describe hpa` prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DesiredWithinRange => "DesiredWithinRange",
            Self::TooFewReplicas => "TooFewReplicas",
            Self::TooManyReplicas => "TooManyReplicas",
            Self::ScaleUpLimit => "ScaleUpLimit",
            Self::ScaleDownLimit => "ScaleDownLimit",
        }
    }

    /// Whether it kept the HPA from what it recommended.
    #[must_use]
    pub const fn limits(self) -> bool {
        !matches!(self, Self::DesiredWithinRange)
    }

    /// The reason in words for users.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::DesiredWithinRange => "within the limits",
            Self::TooFewReplicas => "held up by minReplicas",
            Self::TooManyReplicas => "capped by maxReplicas",
            Self::ScaleUpLimit => "capped by the scale-up rate",
            Self::ScaleDownLimit => "held up by the scale-down rate",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A number of replicas and the bound that shaped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Replicas after the bound.
    pub replicas: i32,
    /// The bound.
    pub limit: Limit,
}

/// `minReplicas` and `maxReplicas`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Least replicas; 0 allows scaling to zero.
    pub min: i32,
    /// Most replicas.
    pub max: i32,
}
