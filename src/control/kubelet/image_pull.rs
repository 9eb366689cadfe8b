//! When an image is on a node: pulls are serial, so a fresh node pulls one image after another.
//!
//! Follows pkg/kubelet/images (serializeImagePulls true, the default): one pull at a time, in
//! order of request. A pull takes a fixed overhead (manifest, authentication, unpacking) and
//! size / bandwidth. Left out: layers shared between images, registryPullQPS (5 a second, which
//! serial pulls never reach) and parallel pulls.

use crate::units::{Bytes, Span, Time};

/// Wait after the first failed pull of an image; it doubles up to [`BACKOFF_MAX`].
pub const BACKOFF_INITIAL: Span = Span::from_secs(10);
/// Longest wait between two tries.
pub const BACKOFF_MAX: Span = Span::from_secs(300);

/// The pulls of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullQueue {
    free_at: Time,
}

/// One pull, from its place in the queue to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pull {
    /// When the pulls before it are done.
    pub starts: Time,
    /// When the image is on the node.
    pub done: Time,
}

impl PullQueue {
    /// A node that pulls nothing at `now`.
    #[must_use]
    pub const fn idle(now: Time) -> Self {
        Self { free_at: now }
    }

    /// Queues a pull asked for at `now`.
    ///
    /// # Panics
    /// If the bandwidth (bytes a second) is not positive.
    pub fn pull(&mut self, now: Time, size: Bytes, bandwidth: Bytes, overhead: Span) -> Pull {
        assert!(Bytes::ZERO < bandwidth, "a node pulls at a positive bandwidth");
        let starts = self.free_at.max(now);
        let transfer = Span::from_secs_f64(size.get() as f64 / bandwidth.get() as f64);
        let done = starts + overhead + transfer;
        self.free_at = done;
        Pull { starts, done }
    }
}

/// The wait before the next try after `n_failures` failed pulls in a row of an image.
#[must_use]
pub fn pull_backoff(n_failures: u32) -> Span {
    let doublings = n_failures.saturating_sub(1).min(5);
    (BACKOFF_INITIAL * (1 << doublings)).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pulls asked for together follow each other; a later one finds the node idle.
    #[test]
    fn pulls_are_serial() {
        let at = Time::from_secs;
        let mut queue = PullQueue::idle(at(0));
        let (size, bandwidth) = (Bytes::from_mib(500), Bytes::from_mib(100));
        let mut pull = |now| {
            let Pull { starts, done } = queue.pull(at(now), size, bandwidth, Span::from_secs(1));
            (starts.whole_secs(), done.whole_secs())
        };
        assert_eq!([pull(0), pull(0), pull(20)], [(0, 6), (6, 12), (20, 26)]);
    }

    /// 10, 20, 40, 80, 160 s, then 300 s.
    #[test]
    fn failed_pulls_back_off() {
        let waits = [1, 2, 3, 4, 5, 6, 7, u32::MAX].map(pull_backoff);
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300, 300].map(Span::from_secs));
    }
}
