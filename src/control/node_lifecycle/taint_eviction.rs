//! Toleration timers: how long a pod stays on a node that became unreachable.
//!
//! Follows tainteviction/taint_eviction.go (processPodOnNode). A timer fires as a DELETE with
//! the pod's own grace period; on a dead node nobody carries it out, but the ReplicaSet replaces
//! the pod at once.

use crate::units::{Span, Time};

pub use crate::model::node::TaintKey;

/// A pod's toleration of NoExecute taints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// The taint tolerated; `None` = every one.
    pub key: Option<TaintKey>,
    /// For how long; `None` = for ever.
    pub lasts: Option<Span>,
}

/// What every pod gets that says nothing else (plugin defaulttolerationseconds): 300 s each.
pub const DEFAULT_TOLERATIONS: [Toleration; 2] = [
    Toleration { key: Some(TaintKey::NotReady), lasts: Some(Span::from_secs(300)) },
    Toleration { key: Some(TaintKey::Unreachable), lasts: Some(Span::from_secs(300)) },
];

/// A pod that will be deleted unless the taints go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictionTimer {
    /// When the controller first saw the taint.
    pub started: Time,
    /// When the pod is deleted.
    pub fires: Time,
}

/// The timer of a pod after its node's NoExecute taints changed at `now`; `None` = it stays.
///
/// `running` is the timer before the change: a timer that runs keeps its start, so swapping
/// not-ready for unreachable does not give the pod another 300 s.
#[must_use]
pub fn eviction_timer(
    running: Option<EvictionTimer>,
    taints: &[TaintKey],
    tolerations: &[Toleration],
    now: Time,
) -> Option<EvictionTimer> {
    if taints.is_empty() {
        return None;
    }
    let Some(tolerated) = tolerated_for(taints, tolerations) else {
        return Some(EvictionTimer { started: now, fires: now });
    };
    let tolerated = tolerated?;
    let fresh = EvictionTimer { started: now, fires: now + tolerated };
    match running {
        Some(timer) if timer.started + tolerated < fresh.fires => Some(timer),
        Some(timer) => Some(EvictionTimer { started: timer.started, ..fresh }),
        None => Some(fresh),
    }
}

/// How long all of `taints` are tolerated: `None` if one is not at all, `Some(None)` = for ever;
/// else the least of the times of the tolerations used.
fn tolerated_for(taints: &[TaintKey], tolerations: &[Toleration]) -> Option<Option<Span>> {
    let mut least = None;
    for taint in taints {
        let used = tolerations.iter().find(|t| t.key.is_none_or(|key| key == *taint))?;
        least = match (least, used.lasts) {
            (Some(least), Some(lasts)) => Some(lasts.min(least)),
            (least, lasts) => least.or(lasts),
        };
    }
    Some(least.map(|lasts: Span| lasts.max(Span::ZERO)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: what runs, which taints, which tolerations, and the timer afterwards
    /// (start and deletion in seconds), all at 100 s.
    #[test]
    fn tolerations_decide_when_a_pod_goes() {
        use TaintKey::{NotReady, OutOfService, Unreachable};
        let at = Time::from_secs;
        let default = DEFAULT_TOLERATIONS.as_slice();
        let lasting = |key, secs: Option<i64>| Toleration { key, lasts: secs.map(Span::from_secs) };
        let for_ever = [lasting(None, None)];
        let mixed = [lasting(Some(NotReady), Some(30)), lasting(None, None)];
        let running = Some((50, 350));
        let table = [
            ("no taint, no timer", None, vec![], default, None),
            ("untainted again: cancelled", running, vec![], default, None),
            ("300 s by default", None, vec![Unreachable], default, Some((100, 400))),
            ("untolerated: at once", None, vec![OutOfService], default, Some((100, 100))),
            (
                "one untolerated of two: at once",
                running,
                vec![Unreachable, OutOfService],
                default,
                Some((100, 100)),
            ),
            ("tolerated without a time: stays", None, vec![Unreachable], for_ever.as_slice(), None),
            (
                "the least time of those used",
                None,
                vec![NotReady, Unreachable],
                mixed.as_slice(),
                Some((100, 130)),
            ),
            (
                "an unused toleration does not count",
                None,
                vec![Unreachable],
                mixed.as_slice(),
                None,
            ),
            ("a swap of taints keeps the timer", running, vec![NotReady], default, Some((50, 350))),
        ];
        for (rule, running, taints, tolerations, expected) in table {
            let timer = |(started, fires)| EvictionTimer { started: at(started), fires: at(fires) };
            let found = eviction_timer(running.map(timer), &taints, tolerations, at(100));
            assert_eq!(found, expected.map(timer), "{rule}");
        }
    }
}
