//! When an HPA is looked at: its queue, not a ticker, makes the period.
//!
//! Follows podautoscaler/horizontal.go: enqueueHPA adds an HPA to a queue that gives it back a sync
//! period later and drops it if it waits already (rate_limiters.go:
//! FixedItemIntervalRateLimiter). It is added at the end of each pass and by each resync of the
//! informer, which comes once in a period. So the next pass begins a period after whichever of the
//! two comes first: passes that take time drift, until one is under way when the resync comes;
//! from then on they stay with the resyncs.
//!
//! How long a pass takes: before aggregated discovery (KEP 3352, v1.27) it listed the API's groups
//! one by one whenever the controller manager had reset its REST mapper, every 30 s; recordings of
//! v1.20.2 show half a second for that, the wait of 40 calls for a client of 20/s and 30 at once.
//! Since then a pass is a few calls, 10 ms in all, which is left out: [`Cadence::IMMEDIATE`].

use crate::units::{Span, Time};

/// The controller manager resets its REST mapper this often (controllermanager.go).
const RESET_PERIOD: Span = Span::from_secs(30);

/// Each resync comes a little later than a period after the one before: the timer is set anew when
/// it is done (client-go tools/cache/reflector.go). How little is not recorded: assumed.
const RESYNC_TAKES: Span = Span::from_millis(1);

/// What a pass takes that waits for discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// How long a pass takes that needs none.
    pub pass: Span,
    /// How much longer one takes that does: the first after a reset.
    pub takes: Span,
    /// One of the resets.
    pub reset_at: Time,
    /// One of the resyncs of the informer.
    pub resync_at: Time,
}

/// When the passes of an HPA end, which is when they act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    discovery: Option<Discovery>,
    /// When the last pass began.
    began: Option<Time>,
    /// When the groups were last listed.
    discovered_at: Option<Time>,
}

impl Cadence {
    /// Passes take no time: one every period.
    pub const IMMEDIATE: Self = Self { discovery: None, began: None, discovered_at: None };

    /// Passes that must list the API's groups now and then.
    #[must_use]
    pub const fn with_discovery(discovery: Discovery) -> Self {
        Self { discovery: Some(discovery), ..Self::IMMEDIATE }
    }

    /// When the pass after the one that ends at `ended` will end.
    pub fn next(&mut self, ended: Time, period: Span) -> Time {
        let Some(Discovery { pass, takes, reset_at, resync_at }) = self.discovery else {
            return ended + period;
        };
        let began = self.began.unwrap_or(ended - pass);
        let added = ended.min(began.next_on_grid(resync_at, period + RESYNC_TAKES));
        let begins = added + period;
        // The last reset is the one after which the next comes later than the pass begins.
        let last_reset = begins.next_on_grid(reset_at, RESET_PERIOD) - RESET_PERIOD;
        let discovers = self.discovered_at.unwrap_or(began) <= last_reset;
        if discovers {
            self.discovered_at = Some(begins);
        }
        self.began = Some(begins);
        begins + if discovers { pass + takes } else { pass }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Span = Span::from_secs(15);

    fn at(ms: i64) -> Time {
        Time::ZERO + Span::from_millis(ms)
    }

    /// The ends of the next passes \[ms\], from one that ends at 0.
    fn ends<const N: usize>(mut cadence: Cadence) -> [Time; N] {
        let mut ended = Time::ZERO;
        [(); N].map(|()| {
            ended = cadence.next(ended, PERIOD);
            ended
        })
    }

    /// Passes that take no time are a grid; those that take some drift by it, twice a minute by
    /// that of discovery; a resync during a pass stops that.
    #[test]
    fn passes_drift_until_a_resync_comes_during_one() {
        let grid = [15_000, 30_000, 45_000, 60_000].map(at);
        assert_eq!(ends(Cadence::IMMEDIATE), grid);
        let cadence = |takes, resync_ms| {
            Cadence::with_discovery(Discovery {
                pass: Span::from_millis(10),
                takes: Span::from_millis(takes),
                reset_at: at(1_000),
                resync_at: at(resync_ms),
            })
        };
        let drifting = [15_010, 30_020, 45_030, 60_040].map(at);
        assert_eq!(ends(cadence(0, 5_000)), drifting);
        // Resets at 1, 31, 61 s: the passes that begin at 15, 45.52 and 61.03 s list the groups.
        let discovering = [15_510, 30_520, 46_030, 61_540, 76_550].map(at);
        assert_eq!(ends(cadence(500, 5_000)), discovering);
        // The resync at 15.1 s finds a pass under way that began at 15 s and ends at 15.51 s.
        let caught = [15_510, 30_111, 45_612, 60_113, 75_614].map(at);
        assert_eq!(ends(cadence(500, 100)), caught);
    }
}
