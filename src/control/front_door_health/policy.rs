//! The settings of an origin group, and the two presets that most groups run with.

use crate::units::Span;

/// Edge locations that probe an origin (azure-docs edge-locations page, 2021: 116 in 100 metros).
pub const N_POPS: usize = 116;

/// The health and load-balancing settings of one origin group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthPolicy {
    /// Time between two probes of one PoP at one origin.
    pub interval: Span,
    /// Probes that the window remembers, n; 1 to 255.
    pub n_samples: u8,
    /// Successes among them that make the origin healthy, x.
    pub n_required: u8,
    /// How long a probe waits for its answer. Not documented by Microsoft; 30 s is assumed.
    pub probe_timeout: Span,
    /// Origins at most this much slower than the fastest one share the traffic.
    pub latency_sensitivity: Span,
}

/// Standard and Premium (terraform-provider-azurerm cdn_frontdoor_origin_group: 4, 3, 50 ms).
pub const AFD_STANDARD: HealthPolicy = HealthPolicy {
    interval: Span::from_secs(30),
    n_samples: 4,
    n_required: 3,
    probe_timeout: Span::from_secs(30),
    latency_sensitivity: Span::from_millis(50),
};

/// Classic (Az.FrontDoor New-AzFrontDoorLoadBalancingSettingObject: 4, 2, 0 ms).
pub const AFD_CLASSIC: HealthPolicy = HealthPolicy {
    interval: Span::from_secs(30),
    n_samples: 4,
    n_required: 2,
    probe_timeout: Span::from_secs(30),
    latency_sensitivity: Span::ZERO,
};

impl HealthPolicy {
    /// Failures in a row that turn a long-healthy origin unhealthy: n − x + 1.
    #[must_use]
    pub const fn failures_needed(&self) -> i64 {
        self.n_samples as i64 - self.n_required as i64 + 1
    }
}

/// The interval at which an origin is probed that stands in several groups: the lowest of theirs;
/// the results are shared (frontdoor/health-probes.md). `None` when no group probes it.
#[must_use]
pub fn shared_interval(intervals: impl IntoIterator<Item = Span>) -> Option<Span> {
    intervals.into_iter().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The presets need 2 and 3 failures in a row; a shared origin is probed at the lowest rate.
    #[test]
    fn presets_and_shared_interval() {
        assert_eq!([AFD_STANDARD, AFD_CLASSIC].map(|p| p.failures_needed()), [2, 3]);
        let shared = shared_interval([30, 5, 240].map(Span::from_secs));
        assert_eq!(shared, Some(Span::from_secs(5)));
        assert_eq!(shared_interval([]), None);
    }
}
