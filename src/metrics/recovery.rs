//! Recovery time: from a fault until users are served again, and stay served.
//!
//! S(t) = served / offered of the users of one workload who first arrive in [t, t + 10 s), on a
//! grid of 1 s. An episode runs from the first S below the objective, at or after the fault and
//! before the next one, to the first t from which S stays at or above it for 60 s. Windows without
//! users are neutral: they neither start nor end an episode, and do not break a hold.
//!
//! Near the end of a run some users have no outcome yet. A window counts there as soon as it is
//! decided whatever becomes of them; until then it can neither start an episode nor be part of a
//! hold.

use crate::units::{Ratio, Time};

use super::record::Users;

/// Length of the window of arrivals that S(t) looks at \[s\].
pub const WINDOW_S: usize = 10;
/// How long service must stay at or above its objective to have recovered \[s\].
pub const HOLD_S: usize = 60;

/// Ratios of counts below 2^53 differ from a decimal objective by rounding errors only below this.
const ROUNDING: f64 = 1e-12;

/// How service in one window compares with its objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// At or above it.
    Met,
    /// Below it.
    Below,
    /// Nobody asked.
    Nobody,
    /// Depends on users who have no outcome yet.
    Undecided,
}

/// S(t) against the objective for every whole second t whose window lies within the run.
#[must_use]
pub fn service(users: &Users, objective: Ratio) -> Vec<Service> {
    let n_windows = (users.offered.len() + 1).saturating_sub(WINDOW_S);
    let sum = |counts: &[u64], at_s: usize| counts[at_s..at_s + WINDOW_S].iter().sum::<u64>();
    (0..n_windows)
        .map(|at_s| {
            let offered = sum(&users.offered, at_s);
            let [served, failed] = [sum(&users.served, at_s), sum(&users.failed, at_s)];
            assert!(served + failed <= offered, "more outcomes than users at {at_s} s");
            judge(offered, served, failed, objective)
        })
        .collect()
}

fn judge(offered: u64, served: u64, failed: u64, objective: Ratio) -> Service {
    let share = |count: u64| count as f64 / offered as f64;
    let least = objective.get() - ROUNDING;
    if offered == 0 {
        Service::Nobody
    } else if least <= share(served) {
        Service::Met
    } else if share(offered - failed) < least {
        Service::Below
    } else {
        Service::Undecided
    }
}

/// A time of bad service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Second of its first window below the objective.
    pub start_s: usize,
    /// Second from which service stays at or above it; `None`: not within the run.
    pub end_s: Option<usize>,
}

/// How one workload came through one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whether service was below its objective right before the fault: then it is not scored.
    pub below_before: bool,
    /// Episodes that began after the fault and before the next one.
    pub episodes: Vec<Episode>,
    /// Windows below the objective after the fault and before the next one.
    pub below_objective_s: u32,
}

/// How one workload comes through a fault at `at`; `next` is the instant of the fault after it.
#[must_use]
pub fn recovery(service: &[Service], at: Time, next: Option<Time>) -> Recovery {
    let first = ceil_secs(at);
    let end = next.map_or(service.len(), ceil_secs).min(service.len());
    let below = service.get(first..end).unwrap_or_default();
    let n_below = below.iter().filter(|&&window| window == Service::Below).count();
    Recovery {
        below_before: is_below_before(service, at),
        episodes: episodes(service, first, end),
        below_objective_s: u32::try_from(n_below).expect("runs are shorter than 2^32 seconds"),
    }
}

/// The first whole second at or after an instant of the run.
fn ceil_secs(at: Time) -> usize {
    let nanos = at.nanos().max(0).unsigned_abs();
    usize::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(usize::MAX)
}

/// The last window that ends before the fault and has users decides.
fn is_below_before(service: &[Service], at: Time) -> bool {
    let whole = usize::try_from(at.whole_secs().max(0)).unwrap_or(0);
    let end = (whole + 1).saturating_sub(WINDOW_S).min(service.len());
    let last = service[..end].iter().rev().find(|&&window| window != Service::Nobody);
    last == Some(&Service::Below)
}

fn episodes(service: &[Service], first: usize, end: usize) -> Vec<Episode> {
    let mut episodes = Vec::new();
    let mut from = first;
    while let Some(start_s) = (from..end).find(|&t| service[t] == Service::Below) {
        let end_s = (start_s..service.len()).find(|&t| holds(service, t));
        episodes.push(Episode { start_s, end_s });
        match end_s {
            Some(end_s) => from = end_s,
            None => break,
        }
    }
    episodes
}

/// Whether service is met at `t` and stays so for the hold.
fn holds(service: &[Service], t: usize) -> bool {
    service[t] == Service::Met
        && service.get(t..t + HOLD_S).is_some_and(|hold| {
            hold.iter().all(|&window| matches!(window, Service::Met | Service::Nobody))
        })
}

/// The recovery time of a workload, with the cases in which there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// Below its objective before the fault.
    NotScored,
    /// Recovered after this long \[s\]; 0 without an episode.
    Recovered(f64),
    /// Not within the run.
    Unrecovered,
}

impl Recovery {
    /// The recovery time, from the fault at `at` to the end of the first episode.
    #[must_use]
    pub fn score(&self, at: Time) -> Score {
        match self.episodes.first() {
            _ if self.below_before => Score::NotScored,
            None => Score::Recovered(0.0),
            Some(Episode { end_s: Some(end_s), .. }) => {
                Score::Recovered((*end_s as f64 - at.as_secs_f64()).max(0.0))
            }
            Some(Episode { end_s: None, .. }) => Score::Unrecovered,
        }
    }

    /// Episodes after the first one.
    #[must_use]
    pub fn relapses(&self) -> u32 {
        u32::try_from(self.episodes.len().saturating_sub(1)).expect("at most one a second")
    }
}

impl Score {
    /// Rank among workloads: the slowest has the highest; one that is not scored, the lowest.
    #[must_use]
    pub fn slowness(self) -> f64 {
        match self {
            Self::NotScored => -1.0,
            Self::Recovered(rto_s) => rto_s,
            Self::Unrecovered => f64::INFINITY,
        }
    }

    /// Recovery time, if there is one \[s\].
    #[must_use]
    pub fn rto_s(self) -> Option<f64> {
        if let Self::Recovered(rto_s) = self { Some(rto_s) } else { None }
    }

    /// Whether service recovered; `None` if it was not scored.
    #[must_use]
    pub fn recovered(self) -> Option<bool> {
        match self {
            Self::NotScored => None,
            Self::Recovered(_) => Some(true),
            Self::Unrecovered => Some(false),
        }
    }
}
