//! Session affinity: a user with a session stays with the origin that its first request got.
//!
//! Follows azure-docs frontdoor/routing-methods.md: only the first request of a session walks the
//! order of decision, later ones follow the cookie. What happens to a session whose origin turns
//! unhealthy is not documented; here it begins anew. Sessions have exponential lengths and are
//! kept as shares of a PoP's users, so that they cost nothing per request.

use crate::control::Cx;
use crate::model::event::Event;
use crate::model::ids::{ClusterId, PopId};
use crate::sim::maths::exp;
use crate::units::{Span, Time};

/// Sessions are looked at this often while they move, as a part of their mean length.
const LOOKS: i64 = 8;

/// Sessions that are this near to where new ones go have moved.
const SETTLED: f64 = 0.005;

/// Shares become weights of this sum.
const PARTS: f64 = 16_777_216.0;

/// The sessions of one PoP's users, as shares by origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Sessions {
    /// When they were looked at last.
    at: Time,
    /// Where they are.
    shares: Vec<f64>,
    /// Where new ones have gone since then.
    target: Vec<f64>,
}

impl Sessions {
    /// Sessions that are all where new ones go.
    #[must_use]
    pub fn settled(at: Time, target: Vec<f64>) -> Self {
        Self { at, shares: target.clone(), target }
    }

    /// Those that have ended by `now` are where new ones went.
    pub fn age(&mut self, now: Time, mean_length: Span) {
        let left = exp(-((now - self.at).as_secs_f64() / mean_length.as_secs_f64()));
        for (share, target) in self.shares.iter_mut().zip(&self.target) {
            *share = target + (*share - target) * left;
        }
        self.at = now;
    }

    /// From now on new sessions go to `target`, and those of origins that cannot be used begin
    /// anew there.
    pub fn redirect(&mut self, target: Vec<f64>, usable: &[bool]) {
        let mut lost = 0.0;
        for (share, &usable) in self.shares.iter_mut().zip(usable) {
            if !usable {
                lost += std::mem::take(share);
            }
        }
        for (share, target) in self.shares.iter_mut().zip(&target) {
            *share += lost * target;
        }
        self.target = target;
    }

    /// Whether nearly all are where new ones go; the rest then goes there, too.
    pub fn settle(&mut self) -> bool {
        let pairs = || self.shares.iter().zip(&self.target);
        let is_settled = pairs().all(|(share, target)| (share - target).abs() < SETTLED);
        if is_settled {
            self.shares.clone_from(&self.target);
        }
        is_settled
    }
}

/// The weights by which a PoP's users go who are sent to `weights` if they have no session;
/// `usable` are the origins that a session may stay with.
pub(super) fn with_sessions(
    cx: &mut Cx,
    pop: PopId,
    weights: Vec<(ClusterId, u32)>,
    usable: &[bool],
) -> Vec<(ClusterId, u32)> {
    let Some((sticky, mean_length)) = cx.world.front_door.affinity else { return weights };
    let total: u32 = weights.iter().map(|(_, weight)| weight).sum();
    if total == 0 {
        return weights;
    }
    let target: Vec<f64> =
        weights.iter().map(|&(_, weight)| f64::from(weight) / f64::from(total)).collect();
    let now = cx.now;
    let sessions = cx.memory.sessions.entry(pop);
    let sessions = sessions.or_insert_with(|| Sessions::settled(now, target.clone()));
    sessions.age(now, mean_length);
    sessions.redirect(target, usable);
    let is_settled = sessions.settle();
    let sticky = sticky.get();
    let mixed = sessions.shares.iter().zip(&sessions.target);
    let mixed = mixed.map(|(share, target)| sticky * share + (1.0 - sticky) * target);
    let mixed = weights
        .iter()
        .zip(mixed)
        .map(|(&(cluster, _), share)| (cluster, (share * PARTS).round() as u32))
        .collect();
    if is_settled {
        cx.clock.disarm(Event::SessionsMove(pop));
        return weights;
    }
    cx.clock.arm(Event::SessionsMove(pop), now + mean_length / LOOKS);
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule: sessions stay, end with their law, begin anew where their origin is
    /// unusable, and count as moved when nearly none is left.
    #[test]
    fn sessions_stay_until_they_end() {
        let length = Span::from_secs(600);
        let start = || Sessions::settled(Time::ZERO, vec![1.0, 0.0]);
        let mut sessions = start();
        sessions.redirect(vec![0.0, 1.0], &[true, true]);
        assert_eq!(sessions.shares, [1.0, 0.0], "they stay");
        sessions.age(Time::from_secs(600), length);
        assert!((sessions.shares[0] - exp(-1.0)).abs() < 1e-12, "1/e are left after a length");
        assert!(!sessions.settle());
        sessions.age(Time::from_secs(600 * 6), length);
        assert!(sessions.settle() && sessions.shares == [0.0, 1.0], "e^-6 is below the limit");
        let mut sessions = start();
        sessions.redirect(vec![0.25, 0.75], &[false, true]);
        assert_eq!(sessions.shares, [0.25, 0.75], "an unusable origin keeps none of its own");
        let total: f64 = sessions.shares.iter().sum();
        assert!((total - 1.0).abs() < 1e-12);
    }
}
