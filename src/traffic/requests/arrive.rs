//! Serving: attempts reach their cluster in order of time and find a pod, a slot and a worker.

use std::slice;

use crate::model::ids::PodId;
use crate::sim::sampler::Sampler;
use crate::sim::streams::{Stream, below};
use crate::units::{Span, Time};

use crate::traffic::Kill;
use crate::traffic::gate::{Gate, NOWHERE};
use crate::traffic::ledger::{AttemptFailure, Ledger, Reason};
use crate::traffic::plan::{Balancer, OnTimeout};
use crate::traffic::pods::{Placed, Pod, Process};
use crate::traffic::retries::Release;
use crate::traffic::ring::{ARMED, BOOKED, Entry, UNANSWERED, response_s};
use crate::traffic::routing::{
    DependencyEffects, DependencyFailure, GreyShare, OriginMode, Routing,
};
use crate::traffic::wheel::Wheel;

use super::dispatch::by_second;
use super::gates::Passing;
use super::notices::Notice;
use super::plain::{self, Lists};
use super::settle::settle_head;
use super::{Attempt, Demand, Deployment, Lane, Requests, Transit};

/// A pod's ring is settled when it is full, and grows if less than this part was done with.
const DONE_PART: usize = 4;

/// The attempts that arrive on one lane, and what decides about them: all that the hot loop
/// needs in one place.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// When the next attempt arrives [s]; infinity if none does.
    arrival_s: f64,
    attempts: slice::Iter<'a, Attempt>,
    n_waiting: usize,
    /// Attempts that were taken without [`next`](Self::next).
    pub(super) n_taken: usize,
    pub(super) endpoints: &'a [PodId],
    pub(super) one_way_s: f64,
    pub(super) pod_stream: Stream,
    /// Of its deployment.
    pub(super) sampler: Option<&'a Sampler>,
    /// Index of the deployment, if the origin serves.
    pub(super) deployment: Option<usize>,
    queue: usize,
    on_timeout: OnTimeout,
    pub(super) balancer: Balancer,
    pub(super) passings: &'a [Passing],
    /// What the origin fails in part, if it does.
    grey: Option<GreyShare>,
    /// Whether nothing but the balancer decides on the pod, and the pod serves.
    plain: bool,
    /// Whether somebody acts on each answer.
    watched: bool,
    /// What the dependencies do to requests, if they do anything.
    dependencies: Option<&'a DependencyEffects>,
    pub(super) index: u16,
    pub(super) lane: &'a Lane,
}

impl<'a> Head<'a> {
    fn new(
        index: usize,
        lane: &'a Lane,
        transit: &'a Transit,
        deployments: &'a [Deployment],
        passings: &'a [Vec<Passing>],
        routing: &'a Routing,
    ) -> Self {
        let serves = routing.origins[lane.cluster as usize] == OriginMode::Serving;
        let deployment = lane.deployment.filter(|_| serves).map(|index| index as usize);
        let plan = deployment.map(|deployment| &deployments[deployment]);
        let balancer = plan.map_or(Balancer::Random, |plan| plan.balancer);
        let endpoints = deployment.map_or(&[][..], |index| &routing.endpoints[index]);
        let passings = deployment.map_or(&[][..], |index| &passings[index]);
        let grey = routing.grey.get(lane.cluster as usize).copied();
        let grey = grey.filter(|grey| serves && grey.is_any());
        let dependencies = deployment
            .and_then(|deployment| routing.dependencies.get(deployment))
            .filter(|effects| !effects.is_nothing());
        let watched = lane.closed_loop || !passings.is_empty();
        let endpoints_run = plan.is_some_and(|plan| plan.endpoints_run);
        Self {
            arrival_s: transit.head_s(),
            attempts: transit.waiting().iter(),
            n_waiting: transit.waiting().len(),
            n_taken: 0,
            endpoints,
            one_way_s: lane.one_way_s,
            pod_stream: lane.pod_stream,
            sampler: plan.map(|plan| &plan.sampler),
            deployment,
            queue: plan.map_or(0, |plan| plan.queue),
            on_timeout: plan.map_or(OnTimeout::Serve, |plan| plan.on_timeout),
            balancer,
            passings,
            grey,
            plain: endpoints_run && !watched && grey.is_none() && dependencies.is_none(),
            watched,
            dependencies,
            index: index as u16,
            lane,
        }
    }

    /// How many attempts have arrived.
    fn n_arrived(&self) -> usize {
        self.n_waiting - self.attempts.len()
    }

    /// The attempts on the lane, arrived or not.
    pub(super) fn waiting(&self) -> &'a [Attempt] {
        self.attempts.as_slice()
    }

    /// The attempts taken without [`next`](Self::next) have arrived.
    pub(super) fn skip_taken(&mut self) {
        let n_taken = std::mem::take(&mut self.n_taken);
        self.attempts = self.attempts.as_slice()[n_taken..].iter();
    }

    #[inline]
    fn next(&mut self) -> &'a Attempt {
        let attempt = self.attempts.next().expect("a lane with a next arrival has an attempt");
        let next = self.attempts.as_slice().first();
        self.arrival_s = next.map_or(f64::INFINITY, |attempt| attempt.arrival_s);
        attempt
    }

    /// What the client of `attempt` must act on at `time_s`: a failure, unless it is answered.
    fn notice(&self, attempt: &Attempt, time_s: f64, reason: Option<Reason>) -> Notice {
        let Attempt { first_s, send_s, key, .. } = *attempt;
        let (pod, placing) = (NOWHERE, 0);
        Notice { time_s, first_s, send_s, key, pod, placing, lane: self.index, reason }
    }
}

impl Requests {
    /// When a client acts on what came of the sends of this slice, at the earliest [s].
    fn acts_s(&self) -> f64 {
        let failed = self.fresh_notices.iter().map(|notice| {
            let lane = &self.lanes[usize::from(notice.lane)];
            self.demands[lane.demand as usize].acts_s(notice)
        });
        let denied = self
            .denied
            .iter()
            .map(|release| release.time_s + self.demands[release.demand as usize].pause_s());
        failed.chain(denied).fold(f64::INFINITY, f64::min)
    }

    /// Takes in every attempt that arrives before `end_s`, or until a client acts on the fate of
    /// one of them, or up to the first arrival that makes a watched pod too slow.
    #[inline(never)]
    pub(super) fn arrive(&mut self, end_s: f64, routing: &Routing) -> Arrived {
        let upto_s = end_s.min(self.acts_s());
        let (lanes, deployments, passings) = (&self.lanes, &self.deployments, &self.passings);
        let by_lane = self.transits.iter().enumerate();
        let transits = by_lane.flat_map(|(lane, transits)| transits.iter().map(move |t| (lane, t)));
        let (mut live, mut heads) = (Vec::new(), Vec::new());
        for (number, (index, transit)) in transits.enumerate() {
            if transit.head_s() < upto_s {
                live.push(number);
                let lane = &lanes[index];
                heads.push(Head::new(index, lane, transit, deployments, passings, routing));
            }
        }
        let mut turns: Vec<_> = self.deployments.iter().map(|d| d.turn).collect();
        let mut cluster = Arriving {
            upto_s,
            stop: None,
            demands: &self.demands,
            lanes: &self.lanes,
            turns: &mut turns,
            pods: &mut self.pods,
            gates: &mut self.gates,
            notices: &mut self.fresh_notices,
            releases: &mut self.releases,
            ledger: &mut self.ledger,
            lists: &mut self.lists,
            routing,
        };
        let few = cluster.pods.len() <= plain::PODS_MAX;
        let plain = few && !heads.is_empty() && heads.iter().all(|head| head.plain);
        if plain {
            cluster.take_plain(&mut heads);
        } else {
            cluster.take_each(&mut heads);
        }
        let Arriving { upto_s, stop, .. } = cluster;
        let arrived: Vec<_> = heads.iter().map(|h| (h.deployment, h.n_arrived())).collect();
        for (number, (deployment, n_arrived)) in live.into_iter().zip(arrived) {
            let transit = &mut self.transits.as_flattened_mut()[number];
            let arrived = &transit.attempts[transit.next..transit.next + n_arrived];
            transit.next += n_arrived;
            if let Some(deployment) = deployment {
                let account = self.ledger.deployment_mut(deployment);
                by_second(arrived, |a| a.arrival_s, |second_s, n| account.arrived(second_s, n));
            }
        }
        for (deployment, turn) in self.deployments.iter_mut().zip(turns) {
            deployment.turn = turn;
        }
        Arrived { upto_s, stop }
    }
}

/// How far attempts have arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    /// Every attempt that arrives before it has arrived, and no client has acted on what
    /// happened since the begin of the slice [s].
    pub(super) upto_s: f64,
    /// Where the window is to stop because a watched pod has become too slow, and which.
    pub(super) stop: Option<(Time, PodId)>,
}

/// What an arriving attempt can touch.
pub(super) struct Arriving<'a> {
    /// Attempts are taken that arrive before it [s].
    pub(super) upto_s: f64,
    stop: Option<(Time, PodId)>,
    demands: &'a [Demand],
    lanes: &'a [Lane],
    /// By deployment: the next endpoint in turn.
    turns: &'a mut [usize],
    pub(super) pods: &'a mut [Pod],
    pub(super) gates: &'a mut [Gate],
    notices: &'a mut Vec<Notice>,
    releases: &'a mut Wheel<Release>,
    ledger: &'a mut Ledger,
    /// Room for lists of what arrives.
    pub(super) lists: &'a mut Lists,
    routing: &'a Routing,
}

impl Arriving<'_> {
    /// Takes in attempts by any rule.
    fn take_each(&mut self, heads: &mut [Head<'_>]) {
        loop {
            let (first, arrival_s) = earliest(heads);
            if self.upto_s <= arrival_s {
                break;
            }
            // A lone lane is taken to the end, one among others an attempt at a time.
            let turn_end_s = if heads.len() == 1 { f64::INFINITY } else { arrival_s };
            let head = &mut heads[first];
            loop {
                let attempt = head.next();
                if let Some(pod) = self.reach(head, attempt) {
                    self.stop_after(attempt.arrival_s, pod);
                }
                if turn_end_s.min(self.upto_s) <= head.arrival_s {
                    break;
                }
            }
        }
    }

    /// An arrival has made a watched pod too slow.
    pub(super) fn stop_after(&mut self, arrival_s: f64, pod: PodId) {
        let instant = nanosecond_after(arrival_s);
        self.stop = self.stop.or(Some((instant, pod)));
        self.upto_s = self.upto_s.min(instant.as_secs_f64());
    }

    /// Files what a client must act on; what follows from it ends the slice.
    #[inline(always)]
    fn notify(&mut self, head: &Head<'_>, notice: Notice) {
        let demand = &self.demands[head.lane.demand as usize];
        if notice.pod == NOWHERE
            && let Some(reason) = notice.reason
            && let Some(retry) = demand.retry(head.lane.demand, &notice, reason)
        {
            // Nothing can change that the client will send again.
            self.upto_s = self.upto_s.min(retry.time_s);
            self.releases.push(retry);
            return;
        }
        if notice.time_s < self.upto_s {
            self.upto_s = self.upto_s.min(demand.acts_s(&notice));
        }
        self.notices.push(notice);
    }

    /// One attempt at its cluster. Gives the pod whose virtual wait it lifts above its threshold.
    #[inline]
    fn reach(&mut self, head: &Head<'_>, attempt: &Attempt) -> Option<PodId> {
        let picked = self.choose(head, attempt)?;
        match self.pods.get_mut(picked.index()) {
            Some(pod) if pod.process == Process::Runs => self.serve(head, attempt, picked),
            _ => self.miss(head, attempt, picked),
        }
    }

    /// The pod for an attempt, if a gate or an empty list of endpoints does not end it.
    #[inline]
    fn choose(&mut self, head: &Head<'_>, attempt: &Attempt) -> Option<PodId> {
        if let Some(grey) = head.grey
            && grey.fails(head.lane.grey_stream.at(attempt.key))
        {
            self.fail_in_part(head, attempt, grey);
            return None;
        }
        if !head.passings.is_empty()
            && let Some(reason) = self.refused(head, attempt)
        {
            self.turn_back(head, attempt, reason);
            return None;
        }
        if head.endpoints.is_empty() {
            self.turn_away(head, attempt);
            return None;
        }
        Some(self.pick(head, attempt))
    }

    /// One attempt at a pod that does not serve. A connection to a pod that is gone without a word
    /// is closed by the attempt that fails on it, where time-outs close connections; after the last
    /// one, callers connect to the pods that are endpoints now.
    #[cold]
    fn miss(&mut self, head: &Head<'_>, attempt: &Attempt, picked: PodId) -> Option<PodId> {
        let gone = self.pods.get_mut(picked.index());
        let how = gone.as_ref().map_or(Kill::Reset, |pod| pod.gone());
        let left = gone.map_or(0, |pod| {
            let left = pod.stale_failures;
            pod.stale_failures = if left == u32::MAX { left } else { left.saturating_sub(1) };
            left
        });
        let deployment = head.deployment.expect("endpoints have one");
        let current = self.routing.current(deployment);
        let is_stale = head.endpoints[current.len()..].contains(&picked);
        if !is_stale || (how == Kill::Silent && 0 < left) {
            if how == Kill::Silent
                && let Some(gone) = self.pods.get_mut(picked.index())
            {
                gone.count_out(attempt.give_up_s);
            }
            self.fail_at(head, attempt, AttemptFailure::Lost(how));
            return None;
        }
        if current.is_empty() {
            self.fail_at(head, attempt, AttemptFailure::NoPod);
            return None;
        }
        // The low bits of the draw, which the first choice hardly used.
        let other = current[below(head.pod_stream.at(attempt.key) << 32, current.len())];
        match self.pods.get(other.index()) {
            Some(pod) if pod.process == Process::Runs => self.serve(head, attempt, other),
            gone => {
                let how = gone.map_or(Kill::Reset, Pod::gone);
                self.fail_at(head, attempt, AttemptFailure::Lost(how));
                None
            }
        }
    }

    /// One attempt at its pod, which runs.
    #[inline]
    fn serve(&mut self, head: &Head<'_>, attempt: &Attempt, picked: PodId) -> Option<PodId> {
        let sampler = head.sampler.expect("a deployment serves");
        let work_s = sampler.draw(head.lane.service_stream.at(attempt.key));
        match head.dependencies {
            None => self.place(head, attempt, picked, (work_s, 0)),
            Some(effects) => self.serve_with(effects, head, attempt, (picked, work_s)),
        }
    }

    /// One attempt at its pod, which needs dependencies that fail or slow it down.
    #[cold]
    fn serve_with(
        &mut self,
        effects: &DependencyEffects,
        head: &Head<'_>,
        attempt: &Attempt,
        (picked, work_s): (PodId, f64),
    ) -> Option<PodId> {
        let writes = head.lane.is_write(attempt.key);
        let effect = if writes { &effects.writes } else { &effects.reads };
        let work_s = work_s * effect.slower + effect.added_s;
        match effect.failing {
            DependencyFailure::None => self.place(head, attempt, picked, (work_s, 0)),
            DependencyFailure::Refused => {
                self.fail_at(head, attempt, AttemptFailure::Refused(Reason::Dependency));
                None
            }
            DependencyFailure::Hangs { held_s } => {
                self.place(head, attempt, picked, (held_s, UNANSWERED))
            }
        }
    }

    /// One attempt at its pod with its work and what is known of its end.
    #[inline(never)]
    pub(super) fn place(
        &mut self,
        head: &Head<'_>,
        attempt: &Attempt,
        picked: PodId,
        (work_s, known): (f64, u16),
    ) -> Option<PodId> {
        let Attempt { arrival_s, give_up_s, .. } = *attempt;
        let pod = &mut self.pods[picked.index()];
        if pod.ring.needs_care() {
            if pod.is_queue_full(head.queue, arrival_s) {
                self.fail_at(head, attempt, AttemptFailure::QueueFull);
                return None;
            }
            if pod.ring.is_full() {
                make_room(pod, self.lanes, self.ledger, arrival_s);
            }
            pod.ring.take_care_at(head.queue);
        }
        let before_s = pod.free_s[0];
        let learns_s = give_up_s + head.one_way_s;
        let Placed { start_s, finish_s, mut flags } =
            pod.place(arrival_s, work_s, head.on_timeout, learns_s);
        flags |= known;
        if head.balancer.counts_outstanding() {
            if give_up_s < finish_s || head.balancer == Balancer::LeastOutstanding {
                pod.list_leaves(arrival_s);
            }
            pod.count_out(finish_s.min(give_up_s));
        }
        let response_s = response_s(finish_s, flags, head.one_way_s);
        if give_up_s < response_s || head.watched {
            if !head.passings.is_empty() {
                let until_s = finish_s.min(give_up_s);
                flags |= self.hold(head, attempt, picked.index() as u32, until_s);
            }
            flags |= self.mark(head, attempt, picked, (response_s, flags));
        }
        let pod = &mut self.pods[picked.index()];
        pod.ring.push(Entry {
            arrival_s,
            start_s,
            finish_s,
            work_s,
            give_up_s,
            first_s: attempt.first_s,
            key: attempt.key,
            lane: head.index,
            flags,
        });
        let rose = pod.threshold_s < pod.free_s[0] - arrival_s
            && (before_s - arrival_s).max(0.0) <= pod.threshold_s;
        rose.then_some(picked)
    }

    /// The flag of an attempt on whose outcome somebody may act; files the notice.
    #[inline(never)]
    fn mark(
        &mut self,
        head: &Head<'_>,
        attempt: &Attempt,
        picked: PodId,
        (response_s, flags): (f64, u16),
    ) -> u16 {
        if attempt.abandoned() {
            return BOOKED;
        }
        let Attempt { first_s, give_up_s, .. } = *attempt;
        if response_s <= give_up_s && !head.lane.closed_loop {
            return 0;
        }
        let reason = head.lane.tentative_reason(first_s, give_up_s, (response_s, flags));
        let mut notice = head.notice(attempt, give_up_s.min(response_s), reason);
        (notice.pod, notice.placing) = (picked.index() as u32, self.pods[picked.index()].placing);
        self.notify(head, notice);
        ARMED
    }

    /// The pod for an attempt, by any balancer.
    #[inline]
    pub(super) fn pick(&mut self, head: &Head<'_>, attempt: &Attempt) -> PodId {
        let endpoints = head.endpoints;
        let pods = &mut *self.pods;
        match head.balancer {
            Balancer::Random => endpoints[below(head.pod_stream.at(attempt.key), endpoints.len())],
            Balancer::RoundRobin => {
                self.take_turn(head.deployment.expect("endpoints have one"), endpoints)
            }
            Balancer::PowerOfTwo => {
                let mut load = |pod: PodId| {
                    pods.get_mut(pod.index()).map_or(0, |pod| pod.outstanding(attempt.arrival_s))
                };
                let draw = head.pod_stream.at(attempt.key);
                let first = below(draw & !0xFFFF_FFFF, endpoints.len());
                // The second is another one, where there is another.
                let others = (endpoints.len() - 1).max(1);
                let step = 1 + below(draw << 32, others);
                let beyond = first + step;
                let second =
                    if beyond < endpoints.len() { beyond } else { beyond - endpoints.len() };
                if load(endpoints[first]) <= load(endpoints[second]) {
                    endpoints[first]
                } else {
                    endpoints[second]
                }
            }
            Balancer::LeastOutstanding => {
                // Looking at the workers of every pod would take longer than at the lists.
                let mut load = |pod: PodId| {
                    pods.get_mut(pod.index()).map_or(0, |pod| pod.listed(attempt.arrival_s))
                };
                let mut best = (endpoints[0], load(endpoints[0]));
                for &pod in &endpoints[1..] {
                    let load = load(pod);
                    if load < best.1 {
                        best = (pod, load);
                    }
                }
                best.0
            }
        }
    }

    /// An attempt that an ingress fails which serves others.
    #[cold]
    fn fail_in_part(&mut self, head: &Head<'_>, attempt: &Attempt, grey: GreyShare) {
        let (reason, event_s) = if grey.hangs {
            (head.lane.give_up_reason(attempt.first_s, attempt.give_up_s), f64::INFINITY)
        } else {
            (Reason::OriginRefused, attempt.arrival_s)
        };
        self.fail(head, attempt, reason, event_s);
    }

    /// The endpoint whose turn it is.
    #[inline]
    pub(super) fn take_turn(&mut self, deployment: usize, endpoints: &[PodId]) -> PodId {
        let turn = &mut self.turns[deployment];
        let this = if *turn < endpoints.len() { *turn } else { 0 };
        *turn = this + 1;
        endpoints[this]
    }

    /// An attempt at a cluster that does not serve it, or has no endpoint.
    #[cold]
    fn turn_away(&mut self, head: &Head<'_>, attempt: &Attempt) {
        let (reason, event_s) = match self.routing.origins[head.lane.cluster as usize] {
            OriginMode::Serving if head.deployment.is_some() => {
                return self.fail_at(head, attempt, AttemptFailure::NoPod);
            }
            OriginMode::Serving => (Reason::NoReadyPod, attempt.arrival_s),
            OriginMode::Refused | OriginMode::ServerError => {
                (Reason::OriginRefused, attempt.arrival_s)
            }
            OriginMode::Hang => {
                let reason = head.lane.give_up_reason(attempt.first_s, attempt.give_up_s);
                (reason, f64::INFINITY)
            }
        };
        self.fail(head, attempt, reason, event_s);
    }

    /// An attempt that the deployment cannot serve.
    pub(super) fn fail_at(&mut self, head: &Head<'_>, attempt: &Attempt, failure: AttemptFailure) {
        let arrival_s = attempt.arrival_s;
        let deployment = head.deployment.expect("only a deployment refuses");
        self.ledger.deployment_mut(deployment).failed(arrival_s, failure);
        let (reason, event_s) = match failure {
            AttemptFailure::NoPod => (Reason::NoReadyPod, arrival_s),
            AttemptFailure::QueueFull => (Reason::QueueFull, arrival_s),
            AttemptFailure::Refused(reason) => (reason, arrival_s),
            AttemptFailure::Lost(Kill::Silent) => {
                self.hold_unanswered(head, attempt);
                (Reason::PodLost, f64::INFINITY)
            }
            AttemptFailure::Lost(Kill::Reset) | AttemptFailure::Dropped => {
                (Reason::PodLost, arrival_s)
            }
        };
        self.fail(head, attempt, reason, event_s);
    }

    /// An attempt fails at its cluster at `event_s`; the client learns it one way later, unless
    /// it gives up before. At infinity nobody tells it, but the reason is known.
    fn fail(&mut self, head: &Head<'_>, attempt: &Attempt, reason: Reason, event_s: f64) {
        if attempt.abandoned() {
            return;
        }
        let Attempt { first_s, give_up_s, .. } = *attempt;
        let told_s = event_s + head.lane.one_way_s;
        let (time_s, reason) = if told_s <= give_up_s {
            (told_s, reason)
        } else if event_s == f64::INFINITY {
            (give_up_s, reason)
        } else {
            (give_up_s, head.lane.give_up_reason(first_s, give_up_s))
        };
        self.notify(head, head.notice(attempt, time_s, Some(reason)));
    }
}

/// Settles a full ring, and doubles it if that does not free a good part.
#[cold]
fn make_room(pod: &mut Pod, lanes: &[Lane], ledger: &mut Ledger, now_s: f64) {
    let n_full = pod.ring.len();
    settle_head(pod, lanes, ledger, now_s);
    if n_full - pod.ring.len() < n_full / DONE_PART {
        pod.ring.grow();
    }
}

/// The lane whose first attempt arrives first; the first of equals.
#[inline]
fn earliest(heads: &[Head<'_>]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (index, head) in heads.iter().enumerate() {
        best = if head.arrival_s < best.1 { (index, head.arrival_s) } else { best };
    }
    best
}

/// The first nanosecond of the control clock after `time_s`.
pub(in crate::traffic) fn nanosecond_after(time_s: f64) -> Time {
    let mut instant = Time::from_secs_f64(time_s);
    while instant.as_secs_f64() <= time_s {
        instant += Span::from_nanos(1);
    }
    instant
}
