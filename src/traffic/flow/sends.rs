//! Who sends how many when: first sends, retries under a budget, and the way to the clusters.

use std::collections::VecDeque;

use crate::model::ids::ClusterId;
use crate::sim::rates::RateCurve;
use crate::sim::streams::{Cursor, Stream};
use crate::traffic::calls::CallPlan;
use crate::traffic::ledger::Reason;
use crate::traffic::plan::{Arrivals, DemandPlan, Jitter, RetryBudget, RetryPolicy, TrafficPlan};

use super::counts::{binomial, poisson};
use super::pop_sets::PopSets;

/// Users who sent an attempt at about the same time and share everything that matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cohort {
    /// Index of demand and cluster.
    pub(super) lane: u16,
    /// Number of the attempt, from 0.
    pub(super) attempt: u8,
    /// The edge locations that they may use.
    pub(super) pops: u32,
    /// Middle of their first sends [s].
    pub(super) first_s: f64,
    /// Middle of the sends of this attempt [s].
    pub(super) send_s: f64,
    /// From the first to the last of them [s].
    pub(super) width_s: f64,
    /// How much later than they would have been sent, because a step had to end first [s].
    pub(super) lag_s: f64,
    pub(super) n: u64,
    /// How many were to be expected.
    pub(super) mean: f64,
}

/// A cohort on its way: its sends are spread evenly over a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moving {
    pub(super) cohort: Cohort,
    pub(super) from_s: f64,
    pub(super) to_s: f64,
}

/// Retries that wait for their instant, which is spread evenly over a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release {
    pub(super) attempt: u8,
    pub(super) reason: Reason,
    pub(super) pops: u32,
    pub(super) first_s: f64,
    pub(super) n: u64,
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    /// As that of a cohort.
    pub(super) lag_s: f64,
    /// Whether the budget has let them pass.
    pub(super) paid: bool,
}

/// Retries that differ by less than this in their times are sent together [s].
const TOGETHER_S: f64 = 1.0 / 32.0;

/// The shortest time that anything is spread over [s].
const SHORTEST_S: f64 = 1e-6;

/// No client turns round faster than this [s].
const TURNAROUND_S: f64 = 0.001;

/// A demand at run time.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    /// Number of its first lane.
    pub(super) first_lane: usize,
    pub(super) fresh: Fresh,
    /// Edge locations in groups that are sent the same way.
    pub(super) pops: PopSets,
    pub(super) backoff: Backoff,
    budget: Option<Tokens>,
    /// The share of the last retries that the budget let pass.
    pub(super) granted: f64,
    pub(super) releases: Vec<Release>,
    pub(super) client_to_pop_s: f64,
    pub(super) attempt_timeout_s: f64,
    pub(super) deadline_s: f64,
}

impl Demand {
    pub(super) fn new(plan: &TrafficPlan, index: usize, demand: &DemandPlan) -> Self {
        let stream = |purpose| Stream::new(plan.seed, plan.trial, purpose, &demand.name);
        Self {
            first_lane: index * plan.n_clusters,
            fresh: Fresh::new(&demand.arrivals, stream("flow-arrival")),
            pops: PopSets::new(&demand.pops),
            backoff: Backoff::new(&demand.retries),
            budget: demand.retries.budget.map(Tokens::new),
            granted: 1.0,
            releases: Vec::new(),
            client_to_pop_s: demand.client_to_pop.as_secs_f64(),
            attempt_timeout_s: demand.attempt_timeout.as_secs_f64(),
            deadline_s: demand.deadline.map_or(f64::INFINITY, |deadline| deadline.as_secs_f64()),
        }
    }

    /// The calls of one kind, about so many a second, which are as a demand to whom they call.
    pub(super) fn of_call(call: &CallPlan, lane: &Lane, first_lane: usize, rate: f64) -> Self {
        Self {
            first_lane,
            fresh: Fresh::Calls { rate },
            pops: PopSets::new(&[]),
            backoff: Backoff::new(&call.retries),
            budget: call.retries.budget.map(Tokens::new),
            granted: 1.0,
            releases: Vec::new(),
            client_to_pop_s: 0.0,
            attempt_timeout_s: lane.patience_s,
            deadline_s: lane.deadline_s,
        }
    }

    /// `n_first` users send for the first time in a step: so much flows into the budget.
    pub(super) fn open_budget(&mut self, n_first: u64, (from_s, to_s): (f64, f64)) {
        if let Some(tokens) = &mut self.budget {
            tokens.open(n_first, to_s - from_s);
        }
    }

    /// The same where each of so many caller pods has a budget of its own.
    pub(super) fn open_budgets(&mut self, n_first: u64, pods: f64, step: (f64, f64)) {
        if let Some(tokens) = &mut self.budget {
            tokens.serve(pods);
        }
        self.open_budget(n_first, step);
    }

    /// Takes the retries that are due before `to_s`, and of those that are so in part, the part.
    /// Gives how many of them the budget refuses.
    pub(super) fn due_retries(
        &mut self,
        to_s: f64,
        draws: &mut Cursor,
        due: &mut Vec<Release>,
    ) -> u64 {
        self.releases.retain_mut(|release| {
            if to_s <= release.from_s {
                return true;
            }
            if release.to_s <= to_s {
                due.push(*release);
                return false;
            }
            let share = (to_s - release.from_s) / (release.to_s - release.from_s);
            let n = binomial(release.n, share, draws.next_u64());
            due.push(Release { n, to_s, ..*release });
            release.n -= n;
            release.from_s = to_s;
            0 < release.n
        });
        let wanted: u64 = due.iter().filter(|release| !release.paid).map(|release| release.n).sum();
        let Some(tokens) = &mut self.budget else { return 0 };
        let refused = wanted - tokens.take(wanted);
        if 0 < wanted {
            self.granted = 1.0 - refused as f64 / wanted as f64;
        }
        refused
    }

    /// Files `n` retries that follow a failure of `cohort` told to its clients around `told_s`,
    /// within `width_s`, not before `now_s`. Gives how many will not be sent, because it would be
    /// too late or the budget refuses them.
    pub(super) fn file_retries(
        &mut self,
        cohort: &Cohort,
        n: u64,
        reason: Reason,
        (told_s, width_s, now_s): (f64, f64, f64),
        phase: f64,
    ) -> u64 {
        let Some((least_s, most_s)) = self.backoff.after(cohort.attempt) else { return n };
        let from_s = (told_s - 0.5 * width_s + least_s).max(now_s);
        let to_s = (told_s + 0.5 * width_s + most_s).max(from_s + SHORTEST_S);
        let lag_s = 0.5 * (from_s + to_s) - (told_s + 0.5 * (least_s + most_s));
        // Each user's first send is as early or late among theirs as what they are told.
        let limit_s = cohort.first_s + cohort.lag_s + self.deadline_s;
        let most_wait_s = limit_s - told_s;
        if most_wait_s <= least_s {
            return n;
        }
        let spread_s = (most_s - least_s).max(SHORTEST_S);
        let in_time = ((most_wait_s - least_s) / spread_s).min(1.0);
        let n_in_time = (n as f64 * in_time + phase).floor().min(n as f64) as u64;
        // Who would have sent before now draws on what flowed into the budget by now.
        let length_s = (width_s + most_s - least_s).max(SHORTEST_S);
        let begin_s = told_s - 0.5 * width_s + least_s;
        let past = (now_s - begin_s) / length_s;
        let n_past = (n_in_time as f64 * past.clamp(0.0, 1.0)).round() as u64;
        let n_paid = self.budget.as_mut().map_or(n_past, |tokens| tokens.take(n_past));
        for (n, paid) in [(n_paid, true), (n_in_time - n_past, false)] {
            if 0 < n {
                self.file(Release {
                    attempt: cohort.attempt + 1,
                    reason,
                    pops: cohort.pops,
                    first_s: cohort.first_s,
                    n,
                    from_s,
                    to_s: to_s.min(limit_s + 0.5 * width_s).max(from_s + SHORTEST_S),
                    lag_s: cohort.lag_s + lag_s.max(0.0),
                    paid,
                });
            }
        }
        n - n_in_time + n_past - n_paid
    }

    fn file(&mut self, release: Release) {
        let alike = |other: &&mut Release| {
            (other.attempt, other.pops, other.reason, other.paid)
                == (release.attempt, release.pops, release.reason, release.paid)
                && other.first_s.floor() == release.first_s.floor()
                && (other.from_s - release.from_s).abs() <= TOGETHER_S
                && (other.to_s - release.to_s).abs() <= TOGETHER_S
        };
        match self.releases.iter_mut().find(alike) {
            Some(other) => {
                let sum = other.n + release.n;
                let share = release.n as f64 / sum as f64;
                other.first_s += (release.first_s - other.first_s) * share;
                other.from_s += (release.from_s - other.from_s) * share;
                other.to_s += (release.to_s - other.to_s) * share;
                other.lag_s += (release.lag_s - other.lag_s) * share;
                other.n = sum;
            }
            None => self.releases.push(release),
        }
    }
}

/// First sends.
#[derive(Clone, Debug)]
pub(super) enum Fresh {
    Poisson {
        curve: RateCurve,
        stream: Stream,
        second: Second,
    },
    Replay {
        instants_s: Vec<f64>,
        next: usize,
    },
    /// Callers send, about so many a second.
    Calls {
        rate: f64,
    },
}

/// The users of one whole second who have not sent yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Second {
    begin_s: f64,
    left: u64,
    /// How many are to be expected.
    mass: f64,
}

impl Fresh {
    fn new(arrivals: &Arrivals, stream: Stream) -> Self {
        match arrivals {
            Arrivals::Poisson { curve } => Self::Poisson {
                curve: curve.clone(),
                stream,
                second: Second { begin_s: f64::NEG_INFINITY, left: 0, mass: 0.0 },
            },
            Arrivals::Replay { instants } => Self::Replay {
                instants_s: instants.iter().map(|instant| instant.as_secs_f64()).collect(),
                next: 0,
            },
            Arrivals::ClosedLoop { .. } => {
                panic!("the flow engine has no closed loops; checks refuse them")
            }
        }
    }

    /// Squared coefficient of variation of the gaps between sends.
    pub(super) fn gap_scv(&self) -> f64 {
        let Self::Replay { instants_s, .. } = self else { return 1.0 };
        let gaps: Vec<f64> = instants_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if gaps.is_empty() {
            return 1.0;
        }
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let square = gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>();
        let scv = if 0.0 < mean { square / gaps.len() as f64 / (mean * mean) } else { 1.0 };
        // Rounding to nanoseconds is no variability.
        if scv < 1e-9 { 0.0 } else { scv }
    }

    /// First sends a second around an instant [1/s].
    pub(super) fn rate_at(&self, at_s: f64) -> f64 {
        match self {
            Self::Poisson { curve, .. } => curve.rate_at(at_s),
            Self::Replay { .. } | Self::Calls { .. } => 0.0,
        }
    }

    /// Whether the rate stays within a part of itself for some time.
    pub(super) fn is_even(&self, from_s: f64, length_s: f64, part: f64) -> bool {
        let Self::Poisson { curve, .. } = self else { return false };
        let (begin, mean) = (curve.rate_at(from_s), curve.mean(from_s, from_s + length_s));
        let end = curve.rate_at(from_s + length_s);
        let most = part * begin;
        (mean - begin).abs() <= most && (end - begin).abs() <= most
    }

    /// The highest number of first sends a second.
    pub(super) fn peak(&self) -> f64 {
        match self {
            Self::Poisson { curve, .. } => curve.peak(),
            Self::Replay { instants_s, .. } => instants_s.len() as f64,
            Self::Calls { rate } => *rate,
        }
    }

    /// How many send from `from_s` to before `to_s`, within one whole second, and how many were to
    /// be expected. Calls go on where the one before ended.
    ///
    /// A whole second is one draw, so that how it is cut moves no other second; a part of it takes
    /// its share of what is left.
    pub(super) fn send(&mut self, from_s: f64, to_s: f64) -> (u64, f64) {
        match self {
            Self::Poisson { curve, stream, second } => {
                let begin_s = from_s.floor();
                // Times are whole nanoseconds, so that no two share a draw.
                let key = |time_s: f64| (time_s * 1e9 + 0.5).floor() as i64 as u64;
                if second.begin_s != begin_s {
                    let mass = curve.integral(from_s, begin_s + 1.0);
                    let left = poisson(mass, stream.at(key(begin_s)));
                    *second = Second { begin_s, left, mass };
                }
                if to_s == begin_s + 1.0 {
                    let Second { left, mass, .. } = *second;
                    *second = Second { left: 0, mass: 0.0, ..*second };
                    return (left, mass);
                }
                let mass = curve.integral(from_s, to_s);
                let share = if 0.0 < second.mass { mass / second.mass } else { 0.0 };
                let n = binomial(second.left, share, stream.substream(1).at(key(from_s)));
                second.left -= n;
                second.mass = (second.mass - mass).max(0.0);
                (n, mass)
            }
            Self::Replay { instants_s, next } => {
                let first = *next;
                *next += instants_s[first..].partition_point(|instant| *instant < to_s);
                let n = (*next - first) as u64;
                (n, n as f64)
            }
            Self::Calls { .. } => (0, 0.0),
        }
    }
}

/// When clients send again.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    max_attempts: u8,
    /// By number of the attempt that failed [s].
    lengths_s: [f64; 16],
    jitter: Jitter,
}

impl Backoff {
    fn new(policy: &RetryPolicy) -> Self {
        let cap_s = policy.cap.as_secs_f64();
        let mut lengths_s = [0.0; 16];
        let mut length_s = policy.backoff.as_secs_f64();
        for slot in &mut lengths_s {
            *slot = length_s.min(cap_s);
            length_s *= policy.factor;
        }
        Self { max_attempts: policy.max_attempts, lengths_s, jitter: policy.jitter }
    }

    /// The shortest and the longest wait after an attempt [s]; None after the last one.
    pub(super) fn after(&self, attempt: u8) -> Option<(f64, f64)> {
        if self.max_attempts <= attempt + 1 {
            return None;
        }
        let length_s = self.lengths_s[usize::from(attempt)];
        let least_s = match self.jitter {
            Jitter::None => length_s,
            Jitter::Full => 0.0,
            Jitter::Equal => 0.5 * length_s,
        };
        Some((least_s.max(TURNAROUND_S), length_s.max(TURNAROUND_S)))
    }
}

/// Token buckets for retries, as a fluid: what flows in during a step can be taken in it.
#[derive(Clone, Copy, Debug)]
struct Tokens {
    budget: RetryBudget,
    /// How many buckets there are.
    buckets: f64,
    held: f64,
}

impl Tokens {
    fn new(budget: RetryBudget) -> Self {
        let mut tokens = Self { budget, buckets: 1.0, held: 0.0 };
        tokens.held = tokens.capacity();
        tokens
    }

    fn capacity(&self) -> f64 {
        (self.budget.min_per_s * self.budget.ttl.as_secs_f64()).max(10.0) * self.buckets
    }

    /// From now on there are so many buckets; new ones are full.
    fn serve(&mut self, buckets: f64) {
        let before = self.capacity();
        let more = buckets - self.buckets;
        if more < 0.0 {
            self.held *= buckets / self.buckets;
        } else {
            self.held += before / self.buckets.max(1.0) * more;
        }
        self.buckets = buckets.max(1.0);
    }

    fn open(&mut self, n_first: u64, length_s: f64) {
        let inflow = n_first as f64 * self.budget.ratio.get()
            + length_s * self.budget.min_per_s * self.buckets;
        // What was not taken of the inflow before flows over.
        self.held = self.held.min(self.capacity()) + inflow;
    }

    /// How many of `wanted` retries may be sent.
    fn take(&mut self, wanted: u64) -> u64 {
        let taken = wanted.min(self.held as u64);
        self.held -= taken as f64;
        taken
    }
}

/// The way of one demand to one cluster.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) demand: usize,
    pub(super) cluster: usize,
    pub(super) deployment: Option<usize>,
    /// Client to pod [s]; the way back takes as long.
    pub(super) one_way_s: f64,
    /// From send to the client's or the edge's time-out [s].
    pub(super) patience_s: f64,
    pub(super) patience_reason: Reason,
    pub(super) deadline_s: f64,
    /// Share of requests that write.
    pub(super) writes: f64,
    pub(super) moving: VecDeque<Moving>,
    /// Slowness of the service when latencies were last told, and their mixture.
    pub(super) mixture: Option<(f64, usize)>,
}

impl Lane {
    pub(super) fn new(
        plan: &TrafficPlan,
        index: usize,
        demand: &DemandPlan,
        cluster: usize,
    ) -> Self {
        let client_to_pop_s = demand.client_to_pop.as_secs_f64();
        let timeout_s = demand.attempt_timeout.as_secs_f64();
        let edge_s = 2.0 * client_to_pop_s + demand.origin_response_timeout.as_secs_f64();
        let serves = |deployment: &crate::traffic::plan::DeploymentPlan| {
            deployment.cluster.index() == cluster && deployment.workload == demand.workload
        };
        Self {
            demand: index,
            cluster,
            deployment: plan.deployments.iter().position(serves),
            one_way_s: client_to_pop_s + demand.pop_to_cluster[cluster].as_secs_f64(),
            patience_s: timeout_s.min(edge_s),
            patience_reason: if edge_s < timeout_s {
                Reason::OriginTimeout
            } else {
                Reason::Timeout
            },
            deadline_s: demand.deadline.map_or(f64::INFINITY, |deadline| deadline.as_secs_f64()),
            writes: demand.writes.get(),
            moving: VecDeque::new(),
            mixture: None,
        }
    }

    /// The way of calls of one kind, of which a share writes.
    pub(super) fn of_call(call: &CallPlan, (demand, cluster): (usize, usize), writes: f64) -> Self {
        let timeout_s = call.timeout.as_secs_f64();
        Self {
            demand,
            cluster,
            deployment: Some(call.to.index()),
            one_way_s: call.round_trip.as_secs_f64() / 2.0,
            patience_s: timeout_s,
            patience_reason: Reason::Timeout,
            // With the deadline of its request, a call begins so much before it that this holds.
            deadline_s: if call.propagates_deadline { timeout_s } else { f64::INFINITY },
            writes,
            moving: VecDeque::new(),
            mixture: None,
        }
    }

    /// When the clients of `cohort`, or the edge for them, give up [s].
    pub(super) fn give_up_s(&self, cohort: &Cohort) -> f64 {
        (cohort.send_s + self.patience_s).min(cohort.first_s + cohort.lag_s + self.deadline_s)
    }

    /// Why an attempt ends when nobody waits for it any more.
    pub(super) fn give_up_reason(&self, cohort: &Cohort) -> Reason {
        if cohort.send_s + self.patience_s < cohort.first_s + cohort.lag_s + self.deadline_s {
            self.patience_reason
        } else {
            Reason::Timeout
        }
    }

    /// Takes what arrives before `to_s`; of a cohort that arrives in part by then, the part.
    pub(super) fn arrive(&mut self, to_s: f64, draws: &mut Cursor, arrived: &mut Vec<Cohort>) {
        let sent_before_s = to_s - self.one_way_s;
        self.moving.retain_mut(|moving| {
            if sent_before_s <= moving.from_s {
                return true;
            }
            if moving.to_s <= sent_before_s {
                arrived.push(moving.cohort);
                return false;
            }
            let share = (sent_before_s - moving.from_s) / (moving.to_s - moving.from_s);
            let n = binomial(moving.cohort.n, share, draws.next_u64());
            let (early, late) = moving.cohort.split(n, share);
            arrived.push(early.sent_within(moving.from_s, sent_before_s));
            moving.from_s = sent_before_s;
            moving.cohort = late.sent_within(sent_before_s, moving.to_s);
            true
        });
    }
}

impl Cohort {
    /// `n` of it, of which `share` were to be expected, and the rest.
    pub(super) fn split(&self, n: u64, share: f64) -> (Self, Self) {
        let mean = self.mean * share;
        (Self { n, mean, ..*self }, Self { n: self.n - n, mean: self.mean - mean, ..*self })
    }

    /// Joins those of `others` who share everything that matters, or becomes one of them.
    pub(super) fn join(self, others: &mut Vec<Self>) {
        let key = |cohort: &Self| (cohort.lane, cohort.attempt, cohort.pops);
        let alike = |other: &&mut Self| {
            key(other) == key(&self) && other.first_s.floor() == self.first_s.floor()
        };
        match others.iter_mut().find(alike) {
            Some(other) => {
                let mean = other.mean + self.mean;
                let share = if 0.0 < mean { self.mean / mean } else { 0.5 };
                other.first_s += (self.first_s - other.first_s) * share;
                other.send_s += (self.send_s - other.send_s) * share;
                other.lag_s += (self.lag_s - other.lag_s) * share;
                other.width_s = other.width_s.max(self.width_s);
                other.n += self.n;
                other.mean = mean;
            }
            None => others.push(self),
        }
    }

    /// The same, sent at other times.
    fn sent_within(mut self, from_s: f64, to_s: f64) -> Self {
        self.send_s = 0.5 * (from_s + to_s);
        self.width_s = to_s - from_s;
        if self.attempt == 0 {
            self.first_s = self.send_s;
        }
        self
    }
}

/// Sends `sent` of a demand along the ways that its edge locations have now; what has no origin
/// goes to `nowhere`.
pub(super) fn route(
    demand: &mut Demand,
    lanes: &mut [Lane],
    sent: &Moving,
    draws: &mut Cursor,
    nowhere: &mut Vec<Cohort>,
) {
    let mut rest = sent.cohort;
    let parts = demand.pops.parts_of(rest.pops);
    let mut pops_left: f64 =
        parts.clone().map(|part| f64::from(demand.pops.part(part).n_pops)).sum();
    for part in parts {
        let part = demand.pops.part(part);
        let share = f64::from(part.n_pops) / pops_left;
        pops_left -= f64::from(part.n_pops);
        let n = if 1.0 <= share { rest.n } else { binomial(rest.n, share, draws.next_u64()) };
        let (mut here, others) = rest.split(n, share);
        rest = others;
        here.pops = part.set;
        let mut share_left = 1.0;
        for &(cluster, share) in demand.pops.ways(part.class) {
            let share = (share / share_left).min(1.0);
            share_left *= 1.0 - share;
            let n = if 1.0 <= share { here.n } else { binomial(here.n, share, draws.next_u64()) };
            let (taken, left) = here.split(n, share);
            here = left;
            let cluster: Option<ClusterId> = cluster;
            match cluster {
                _ if taken.n == 0 && taken.mean == 0.0 => {}
                Some(cluster) => {
                    let lane = &mut lanes[cluster.index()];
                    let cohort = Cohort { lane: here.lane + cluster.index() as u16, ..taken };
                    lane.moving.push_back(Moving { cohort, ..*sent });
                }
                None => nowhere.push(taken),
            }
        }
    }
}
