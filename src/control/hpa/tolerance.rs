//! The tolerance band around a ratio of 1, in which an HPA leaves the replicas alone.
//!
//! Follows replica_calculator.go. Releases since 1.33 compare the ratio with `1 - down` and
//! `1 + up`; earlier ones compare `|1 - ratio|` with one number. In double precision the two
//! differ at a ratio of exactly 1.1: within for the new form, outside for the old one.

/// The band in which a ratio counts as on target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// Kubernetes 1.33 and later (`behavior.scaleUp.tolerance`, `scaleDown.tolerance`).
    PerDirection {
        /// Width below 1.
        down: f64,
        /// Width above 1.
        up: f64,
    },
    /// Before Kubernetes 1.33: one width on both sides.
    Symmetric(f64),
}

impl Tolerance {
    /// kube-controller-manager's default of 0.1 in the newer form (v1alpha1/defaults.go).
    pub const DEFAULT: Self = Self::PerDirection { down: 0.1, up: 0.1 };

    /// Whether `ratio` (usage over target) is close enough to 1; the edges are within.
    #[must_use]
    pub fn contains(self, ratio: f64) -> bool {
        match self {
            Self::PerDirection { down, up } => 1.0 - down <= ratio && ratio <= 1.0 + up,
            Self::Symmetric(width) => (1.0 - ratio).abs() <= width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two forms differ at the upper edge only, which is a matter of double precision.
    #[test]
    fn the_two_forms_differ_at_the_upper_edge() {
        let old = Tolerance::Symmetric(0.1);
        for (ratio, new_within, old_within) in [
            (0.89, false, false),
            (0.9, true, true),
            (1.0, true, true),
            (1.1, true, false),
            (1.11, false, false),
        ] {
            assert_eq!(Tolerance::DEFAULT.contains(ratio), new_within, "1.33+ at {ratio}");
            assert_eq!(old.contains(ratio), old_within, "before 1.33 at {ratio}");
        }
    }
}
