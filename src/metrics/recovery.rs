//! Recovery time: from a fault until users are served again, and stay served.
//!
//! S(t) = served / offered of the users of one workload who first arrive in [t, t + 10 s), on a
//! grid of 1 s. An episode runs from the first S below the objective, of users after the fault and
//! before the next one, to the first t from which S stays at or above it for 60 s. Windows without
//! users are neutral: they neither start nor end an episode, and do not break a hold.
//!
//! Near the end of a run some users have no outcome yet. A window counts there as soon as it is
//! decided whatever becomes of them; until then it can neither start an episode nor be part of a
//! hold.

use crate::units::{Ratio, Span, Time};

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
    let counts = [&users.offered, &users.served, &users.failed];
    let mut sums = counts.map(|counts| counts.iter().take(WINDOW_S).sum::<u64>());
    (0..n_windows)
        .map(|at_s| {
            if let Some(last_s) = at_s.checked_sub(1) {
                for (sum, counts) in sums.iter_mut().zip(counts) {
                    *sum = *sum + counts[last_s + WINDOW_S] - counts[last_s];
                }
            }
            let [offered, served, failed] = sums;
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
    let end = next.map_or(service.len(), windows_before).min(service.len());
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

/// Number of windows that end at or before an instant: users of a window that a fault cuts would
/// be counted to the wrong one.
fn windows_before(at: Time) -> usize {
    let whole = usize::try_from(at.whole_secs().max(0)).unwrap_or(0);
    (whole + 1).saturating_sub(WINDOW_S)
}

/// The last window that ends one window before the fault and has users decides: users who came
/// later may have been under way when it struck, so that they failed by it.
fn is_below_before(service: &[Service], at: Time) -> bool {
    let end = windows_before(at - Span::from_secs(WINDOW_S as i64)).min(service.len());
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Windows in runs: `m`et, `b`elow, `n`obody, `u`ndecided.
    fn windows(runs: &[(usize, char)]) -> Vec<Service> {
        let kind = |letter| match letter {
            'm' => Service::Met,
            'b' => Service::Below,
            'n' => Service::Nobody,
            'u' => Service::Undecided,
            other => unreachable!("no such window: {other}"),
        };
        runs.iter().flat_map(|&(n, letter)| vec![kind(letter); n]).collect()
    }

    /// One row for each rule of a recovery: windows, recovery time of a fault at 20 s, relapses.
    #[test]
    fn recovery_by_the_letter() {
        use Score::{NotScored, Recovered, Unrecovered};
        type Row = (&'static str, &'static [(usize, char)], Score, u32);
        let table: [Row; 13] = [
            ("no window below: 0", &[(200, 'm')], Recovered(0.0), 0),
            (
                "from the fault to the first that holds",
                &[(20, 'm'), (30, 'b'), (90, 'm')],
                Recovered(30.0),
                0,
            ),
            ("an episode may begin later", &[(50, 'm'), (5, 'b'), (90, 'm')], Recovered(35.0), 0),
            (
                "59 s do not hold",
                &[(20, 'm'), (9, 'b'), (59, 'm'), (1, 'b'), (60, 'm')],
                Recovered(69.0),
                0,
            ),
            (
                "60 s hold; what follows is a relapse",
                &[(20, 'm'), (9, 'b'), (60, 'm'), (1, 'b'), (60, 'm')],
                Recovered(9.0),
                1,
            ),
            ("a hold must end within the run", &[(20, 'm'), (9, 'b'), (59, 'm')], Unrecovered, 0),
            (
                "nobody is neutral within a hold",
                &[(20, 'm'), (9, 'b'), (1, 'm'), (58, 'n'), (9, 'm')],
                Recovered(9.0),
                0,
            ),
            (
                "nobody does not end an episode",
                &[(20, 'm'), (9, 'b'), (80, 'n'), (60, 'm')],
                Recovered(89.0),
                0,
            ),
            ("nobody does not begin one", &[(20, 'm'), (80, 'n')], Recovered(0.0), 0),
            (
                "undecided windows break a hold",
                &[(20, 'm'), (9, 'b'), (59, 'm'), (1, 'u')],
                Unrecovered,
                0,
            ),
            ("undecided windows begin no episode", &[(20, 'm'), (90, 'u')], Recovered(0.0), 0),
            ("below before the fault: not scored", &[(15, 'b'), (90, 'm')], NotScored, 0),
            (
                "who is under way when the fault strikes is not before it",
                &[(1, 'm'), (19, 'b'), (90, 'm')],
                Recovered(0.0),
                0,
            ),
        ];
        let at = Time::from_secs(20);
        for (rule, runs, score, relapses) in table {
            let recovery = recovery(&windows(runs), at, None);
            assert_eq!(recovery.score(at), score, "{rule}");
            assert_eq!(recovery.relapses(), relapses, "{rule}");
        }
    }

    /// How service was before a fault at 40 s, one row for each rule.
    #[test]
    fn a_service_is_judged_before_the_fault() {
        for (rule, runs, expected) in [
            ("the window from 20 s to 30 s decides", vec![(20, 'm'), (1, 'b'), (60, 'm')], true),
            ("later ones do not", vec![(21, 'm'), (60, 'b')], false),
            ("nobody is neutral", vec![(9, 'b'), (12, 'n'), (60, 'm')], true),
            ("nobody ever came", vec![(90, 'n')], false),
        ] {
            let below = is_below_before(&windows(&runs), Time::from_secs(40));
            assert_eq!(below, expected, "{rule}");
        }
    }

    /// A fault owns the episodes that begin before the next one, also when they end after it, and
    /// the seconds below the objective up to it.
    #[test]
    fn the_next_fault_owns_what_begins_later() {
        let service = windows(&[(30, 'm'), (40, 'b'), (100, 'm'), (20, 'b'), (80, 'm')]);
        let [first, second] = [20, 60].map(Time::from_secs);
        let one = recovery(&service, first, Some(second));
        assert_eq!(one.episodes, [Episode { start_s: 30, end_s: Some(70) }]);
        assert_eq!(one.below_objective_s, 21, "windows from 30 s on that end by 60 s");
        let two = recovery(&service, second, None);
        assert!(two.below_before, "the first fault is still felt");
        assert_eq!(two.below_objective_s, 30, "60 s to 70 s and 170 s to 190 s");
    }

    /// A fault between two whole seconds: the grid begins after it, its time counts exactly.
    #[test]
    fn a_fault_off_the_grid() {
        let at = Time::from_secs_f64(20.4);
        let service = windows(&[(20, 'm'), (10, 'b'), (90, 'm')]);
        let recovery = recovery(&service, at, None);
        assert_eq!(recovery.episodes[0].start_s, 21);
        let rto_s = recovery.score(at).rto_s().unwrap();
        assert!((rto_s - 9.6).abs() < 1e-9, "{rto_s}");
    }

    /// A fault after the last window is scored as unharmed: validation refuses such scenarios.
    #[test]
    fn a_fault_at_the_very_end() {
        let recovery = recovery(&windows(&[(50, 'm')]), Time::from_secs(70), None);
        assert!(recovery.episodes.is_empty() && recovery.below_objective_s == 0);
    }

    /// A window is judged as soon as its users in flight cannot change the verdict.
    #[test]
    fn windows_are_judged_when_decided() {
        let table = [
            ("exactly the objective meets it", 100, 99, 1, Service::Met),
            ("one less does not", 100, 98, 2, Service::Below),
            ("nobody came", 0, 0, 0, Service::Nobody),
            ("met whatever becomes of one", 100, 99, 0, Service::Met),
            ("below whatever becomes of one", 100, 97, 2, Service::Below),
            ("one decides", 100, 98, 1, Service::Undecided),
        ];
        for (rule, offered, served, failed, verdict) in table {
            assert_eq!(judge(offered, served, failed, Ratio::new(0.99)), verdict, "{rule}");
        }
        // 99.9 % is no binary fraction: the boundary holds for every power of ten.
        let objective: Ratio = "99.9%".parse().unwrap();
        for exponent in 3..9 {
            let offered = 10_u64.pow(exponent);
            let most = offered / 1_000;
            let at_most = judge(offered, offered - most, most, objective);
            let one_more = judge(offered, offered - most - 1, most + 1, objective);
            assert_eq!([at_most, one_more], [Service::Met, Service::Below], "10^{exponent}");
        }
    }

    /// S(t) looks at the users of [t, t + 10 s): one bad second spoils ten windows, and the last
    /// window ends with the run.
    #[test]
    fn windows_look_ten_seconds_ahead() {
        let mut users = Users::empty(30);
        users.offered.fill(10);
        users.served.fill(10);
        (users.served[15], users.failed[15]) = (0, 10);
        let service = service(&users, Ratio::new(0.99));
        assert_eq!(service, windows(&[(6, 'm'), (10, 'b'), (5, 'm')]));
        assert_eq!(super::service(&Users::empty(5), Ratio::new(0.99)), []);
    }

    proptest! {
        /// Episodes lie after the fault, in order and apart from each other by the hold; the
        /// recovery time is within the run; time below is within the windows.
        #[test]
        fn recoveries_are_within_bounds(
            letters in proptest::collection::vec((1_usize..90, 0_usize..4), 1..12),
            at_s in 0_i64..400,
        ) {
            let runs: Vec<_> = letters.iter().map(|&(n, kind)| (n, ['m', 'b', 'n', 'u'][kind]))
                .collect();
            let service = windows(&runs);
            let at = Time::from_secs(at_s);
            let recovery = recovery(&service, at, None);
            let mut from = at_s as usize;
            for episode in &recovery.episodes {
                prop_assert!(from <= episode.start_s);
                prop_assert_eq!(service[episode.start_s], Service::Below);
                if let Some(end_s) = episode.end_s {
                    prop_assert!(episode.start_s < end_s && end_s + HOLD_S <= service.len());
                    prop_assert_eq!(service[end_s], Service::Met);
                    from = end_s + HOLD_S;
                }
            }
            if let Some(rto_s) = recovery.score(at).rto_s() {
                prop_assert!((0.0..=service.len() as f64).contains(&rto_s));
            }
            prop_assert!(recovery.below_objective_s as usize <= service.len());
            let unrecovered = recovery.score(at) == Score::Unrecovered;
            prop_assert!(!unrecovered || 0 < recovery.below_objective_s);
        }
    }
}
