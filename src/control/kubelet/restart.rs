//! How long a crashed container waits for its restart.
//!
//! Follows pkg/kubelet/kubelet.go (10 s, MaxContainerBackOff 300 s) and client-go's back-off,
//! which forgets an entry after twice the maximum: the first crash restarts at once, then 10, 20,
//! 40, 80, 160, 300, 300 s. Left out: KEP 4603 and 5593, both off by default.

use crate::units::Span;

/// Wait before the second restart.
pub const INITIAL: Span = Span::from_secs(10);
/// Longest wait.
pub const MAX: Span = Span::from_secs(300);

/// The restart back-off of one container; the default is one that never crashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestartBackoff {
    /// The wait that the next crash brings; `None` = no entry.
    next: Option<Span>,
}

/// The wait between a crash and the restart, after the container ran for `ran`.
///
/// A container that ran longer than twice the longest wait since its last restart starts afresh.
pub fn wait_after_crash(backoff: &mut RestartBackoff, ran: Span) -> Span {
    wait_with(backoff, ran, INITIAL, MAX)
}

/// The same with other limits than the defaults.
pub fn wait_with(backoff: &mut RestartBackoff, ran: Span, initial: Span, max: Span) -> Span {
    let wait = match backoff.next {
        Some(wait) if ran <= max * 2 => wait,
        _ => {
            backoff.next = Some(initial.min(max));
            return Span::ZERO;
        }
    };
    backoff.next = Some((wait * 2).min(max));
    wait
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 600 s is not long enough to be forgiven, a nanosecond more is.
    #[test]
    fn a_long_run_is_forgiven() {
        let mut backoff = RestartBackoff::default();
        let short = Span::from_secs(1);
        let long = Span::from_secs(600);
        let waits = [short, short, long, long + Span::from_nanos(1), short]
            .map(|ran| wait_after_crash(&mut backoff, ran).as_secs_f64());
        assert_eq!(waits, [0.0, 10.0, 20.0, 0.0, 10.0]);
    }
}
