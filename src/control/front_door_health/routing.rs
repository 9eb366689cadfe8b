//! The order of decision of one PoP: which origins get its requests, and why.
//!
//! Follows azure-docs frontdoor/routing-methods.md: enabled and healthy, then the lowest priority
//! number, then the latency window, then weights; frontdoor/health-probes.md for failing open.

use std::fmt;

use crate::units::Span;

/// One origin as one PoP sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginView {
    /// The user has not taken it out of rotation.
    pub enabled: bool,
    /// This PoP's verdict; read only when more than one origin is enabled.
    pub healthy: bool,
    /// 1 to 5; the lowest number present goes first.
    pub priority: u8,
    /// 1 to 1000; shares inside the latency window.
    pub weight: u32,
    /// Latency that this PoP has measured.
    pub latency: Span,
}

/// Where a PoP sends its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Share of each origin, in proportion, in the order of the origins; 0 = gets nothing.
    pub weights: Vec<u32>,
    /// Which rule decided.
    pub reason: ChoiceReason,
}

/// Which rule decided where requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceReason {
    /// No origin is enabled: requests fail.
    NothingEnabled,
    /// One enabled origin: it is not probed and gets everything, dead or alive.
    OnlyOrigin,
    /// Several are enabled and none is healthy: all are used in turn.
    FailOpen {
        /// Enabled origins, all of them unhealthy.
        n_origins: u32,
    },
    /// One origin is left after health and priority.
    Priority {
        /// Its priority.
        priority: u8,
    },
    /// Several are left, and one alone is inside the latency window.
    Fastest {
        /// Their priority.
        priority: u8,
    },
    /// Several are inside the latency window and share by weight.
    Weights {
        /// Their priority.
        priority: u8,
        /// Origins that share.
        n_origins: u32,
    },
}

/// Decides where one PoP sends requests, in the documented order.
///
/// `latency_sensitivity` widens the latency window: an origin stays in if it is at most that much
/// slower than the fastest one.
#[must_use]
pub fn pick_origins(origins: &[OriginView], latency_sensitivity: Span) -> Choice {
    let n_enabled = count(origins, |origin| origin.enabled);
    if n_enabled == 0 {
        return choice(origins, ChoiceReason::NothingEnabled, |_| 0);
    }
    if n_enabled == 1 {
        return choice(origins, ChoiceReason::OnlyOrigin, |origin| u32::from(origin.enabled));
    }
    let available = |origin: &OriginView| origin.enabled && origin.healthy;
    let Some(priority) = origins.iter().filter(|o| available(o)).map(|o| o.priority).min() else {
        let reason = ChoiceReason::FailOpen { n_origins: n_enabled };
        return choice(origins, reason, |origin| u32::from(origin.enabled));
    };
    let first = |origin: &OriginView| available(origin) && origin.priority == priority;
    let fastest = origins.iter().filter(|o| first(o)).map(|o| o.latency).min();
    let window = fastest.expect("the priority was taken from one of them") + latency_sensitivity;
    let in_window = |origin: &OriginView| first(origin) && origin.latency <= window;
    let reason = match (count(origins, first), count(origins, in_window)) {
        (1, _) => ChoiceReason::Priority { priority },
        (_, 1) => ChoiceReason::Fastest { priority },
        (_, n_origins) => ChoiceReason::Weights { priority, n_origins },
    };
    choice(origins, reason, |origin| if in_window(origin) { origin.weight } else { 0 })
}

fn count(origins: &[OriginView], keep: impl Fn(&OriginView) -> bool) -> u32 {
    origins.iter().map(|origin| u32::from(keep(origin))).sum()
}

fn choice(
    origins: &[OriginView],
    reason: ChoiceReason,
    weight: impl Fn(&OriginView) -> u32,
) -> Choice {
    Choice { weights: origins.iter().map(weight).collect(), reason }
}

impl ChoiceReason {
    /// The rule in a few fixed words, for facts; `Display` adds the numbers.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NothingEnabled => "no origin is enabled",
            Self::OnlyOrigin => "the only enabled origin",
            Self::FailOpen { .. } => "all origins unhealthy, used in turn",
            Self::Priority { .. } => "the only healthy origin of the first priority",
            Self::Fastest { .. } => "the only origin inside the latency window",
            Self::Weights { .. } => "origins inside the latency window share by weight",
        }
    }
}

impl fmt::Display for ChoiceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingEnabled => f.write_str("no origin is enabled"),
            Self::OnlyOrigin => f.write_str("the only enabled origin, used without probing"),
            Self::FailOpen { n_origins } => {
                write!(f, "all {n_origins} origins unhealthy, used in turn")
            }
            Self::Priority { priority } => {
                write!(f, "the only healthy origin of priority {priority}")
            }
            Self::Fastest { priority } => {
                write!(f, "the only origin of priority {priority} inside the latency window")
            }
            Self::Weights { priority, n_origins } => {
                write!(f, "{n_origins} origins of priority {priority} share by weight")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(priority: u8, weight: u32, latency_ms: i64) -> OriginView {
        let latency = Span::from_millis(latency_ms);
        OriginView { enabled: true, healthy: true, priority, weight, latency }
    }

    fn sick(origin: OriginView) -> OriginView {
        OriginView { healthy: false, ..origin }
    }

    fn disabled(origin: OriginView) -> OriginView {
        OriginView { enabled: false, ..origin }
    }

    /// A row: the rule, the origins, the sensitivity in ms, and what is chosen why.
    type Row = (&'static str, Vec<OriginView>, i64, Vec<u32>, ChoiceReason);

    fn check(rows: impl IntoIterator<Item = Row>) {
        for (rule, origins, sensitivity_ms, weights, reason) in rows {
            let choice = pick_origins(&origins, Span::from_millis(sensitivity_ms));
            assert_eq!(choice, Choice { weights, reason }, "{rule}");
        }
    }

    /// The first steps of the order of decision, one row per rule: enabled, healthy, priority.
    #[test]
    fn health_and_priority_come_first() {
        use ChoiceReason::*;
        let (near, far) = (origin(1, 50, 15), origin(1, 50, 60));
        let standby = origin(2, 50, 5);
        check([
            ("nothing enabled means none", vec![disabled(near)], 0, vec![0], NothingEnabled),
            ("no origins at all means none", vec![], 0, vec![], NothingEnabled),
            ("a single origin is used unprobed", vec![sick(near)], 0, vec![1], OnlyOrigin),
            (
                "a disabled origin does not count as a second one",
                vec![sick(near), disabled(far)],
                0,
                vec![1, 0],
                OnlyOrigin,
            ),
            (
                "all unhealthy: used in turn, weights and priority ignored",
                vec![sick(origin(1, 900, 15)), sick(standby), disabled(far)],
                50,
                vec![1, 1, 0],
                FailOpen { n_origins: 2 },
            ),
            (
                "the lowest priority number wins over latency",
                vec![far, standby],
                0,
                vec![50, 0],
                Priority { priority: 1 },
            ),
            (
                "a higher number serves when all lower ones are unhealthy",
                vec![sick(near), standby],
                0,
                vec![0, 50],
                Priority { priority: 2 },
            ),
            (
                "a disabled origin is removed before health is read",
                vec![disabled(near), sick(far), standby],
                0,
                vec![0, 0, 50],
                Priority { priority: 2 },
            ),
        ]);
    }

    /// The last steps of the order of decision, one row per rule: latency window, weights.
    #[test]
    fn latency_and_weights_decide_among_equals() {
        use ChoiceReason::*;
        let (near, far) = (origin(1, 50, 15), origin(1, 50, 60));
        check([
            (
                "documented example: 15, 30, 60 ms with sensitivity 30 ms",
                vec![near, origin(1, 50, 30), far],
                30,
                vec![50, 50, 0],
                Weights { priority: 1, n_origins: 2 },
            ),
            (
                "the window includes its edge",
                vec![near, origin(1, 7, 45)],
                30,
                vec![50, 7],
                Weights { priority: 1, n_origins: 2 },
            ),
            (
                "with sensitivity 0 weights have no effect unless latencies are equal",
                vec![near, origin(1, 1_000, 16)],
                0,
                vec![50, 0],
                Fastest { priority: 1 },
            ),
            (
                "equal latencies share by weight at sensitivity 0",
                vec![near, origin(1, 150, 15)],
                0,
                vec![50, 150],
                Weights { priority: 1, n_origins: 2 },
            ),
            (
                "an unhealthy origin does not narrow the latency window",
                vec![sick(near), far, origin(1, 50, 61)],
                10,
                vec![0, 50, 50],
                Weights { priority: 1, n_origins: 2 },
            ),
        ]);
    }

    /// Every reason reads as words.
    #[test]
    fn reasons_read_as_words() {
        let open = ChoiceReason::FailOpen { n_origins: 2 };
        assert_eq!(open.to_string(), "all 2 origins unhealthy, used in turn");
        let shared = ChoiceReason::Weights { priority: 1, n_origins: 3 };
        assert_eq!(shared.to_string(), "3 origins of priority 1 share by weight");
    }
}
