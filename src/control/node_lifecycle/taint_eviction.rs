//! Toleration timers: how long a pod stays on a node that became unreachable.
//!
//! Follows tainteviction/taint_eviction.go (processPodOnNode). A timer fires as a DELETE with
//! the pod's own grace period; on a dead node nobody carries it out, but the ReplicaSet replaces
//! the pod at once.

use crate::model::taint::{FailureTolerations, Tolerated};
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

/// The tolerations of a pod, one for each taint that it tolerates at all.
pub fn tolerations_of(tolerated: FailureTolerations) -> impl Iterator<Item = Toleration> {
    let both =
        [(TaintKey::NotReady, tolerated.not_ready), (TaintKey::Unreachable, tolerated.unreachable)];
    both.into_iter().filter_map(|(key, tolerated)| match tolerated {
        Tolerated::Not => None,
        Tolerated::For(lasts) => Some(Toleration { key: Some(key), lasts: Some(lasts) }),
        Tolerated::ForEver => Some(Toleration { key: Some(key), lasts: None }),
    })
}

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
/// `running` is the timer before the change. A timer that runs goes on as it is, even when the
/// taint that is in force now is tolerated for another time: swapping not-ready for unreachable
/// does not give the pod another 300 s. It ends only when the new taint is tolerated for ever, or
/// not at all.
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

    fn tolerations(tolerated: FailureTolerations) -> Vec<Toleration> {
        tolerations_of(tolerated).collect()
    }

    /// One row per rule: what runs, which taints, which tolerations, and the timer afterwards
    /// (start and deletion in seconds), all at 100 s.
    #[test]
    fn tolerations_decide_when_a_pod_goes() {
        use TaintKey::{NotReady, OutOfService, Unreachable};
        let at = Time::from_secs;
        let default = tolerations(FailureTolerations::both(Span::from_secs(300)));
        let default = default.as_slice();
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
    /// Not-ready tolerated for 60 s, unreachable for another time or not at all: the taint that
    /// is in force decides for a pod without a timer, and a swap leaves a running timer as it is
    /// (processPodOnNode returns early), unless the new taint is never or always tolerated.
    #[test]
    fn each_taint_has_its_own_time() {
        use TaintKey::{NotReady, Unreachable};
        use Tolerated::{For, ForEver, Not};
        let at = Time::from_secs;
        let timer = |(started, fires)| EvictionTimer { started: at(started), fires: at(fires) };
        let secs = |s| For(Span::from_secs(s));
        let table = [
            ("not-ready: its own time", None, NotReady, secs(10), Some((100, 160))),
            ("unreachable: its own time", None, Unreachable, secs(10), Some((100, 110))),
            ("a swap to a shorter time", Some((50, 110)), Unreachable, secs(10), Some((50, 110))),
            ("a swap to a longer time", Some((50, 110)), Unreachable, secs(300), Some((50, 110))),
            ("a swap to for ever", Some((50, 110)), Unreachable, ForEver, None),
            ("a swap to never", Some((50, 110)), Unreachable, Not, Some((100, 100))),
            ("from for ever to 60 s: a fresh timer", None, NotReady, ForEver, Some((100, 160))),
            (
                "at the instant of the start",
                Some((100, 160)),
                Unreachable,
                secs(9),
                Some((100, 109)),
            ),
        ];
        for (rule, running, taint, unreachable, expected) in table {
            let own = tolerations(FailureTolerations { not_ready: secs(60), unreachable });
            let found = eviction_timer(running.map(timer), &[taint], &own, at(100));
            assert_eq!(found, expected.map(timer), "{rule}");
        }
    }
}
