//! Serving: attempts reach their cluster in order of time and find a pod, a slot and a worker.

use crate::model::ids::PodId;
use crate::sim::streams::{Stream, below};
use crate::units::{Span, Time};

use crate::traffic::Kill;
use crate::traffic::ledger::{AttemptFailure, Ledger, Reason};
use crate::traffic::plan::Balancer;
use crate::traffic::pods::{ARMED, BOOKED, Entry, Placed, Pod, Process, response_s};
use crate::traffic::routing::{OriginMode, Routing};

use super::outcomes::settle;
use super::{Attempt, Deployment, Head, Lane, Notice, Requests, What};

/// A ring longer than this is settled before it takes more.
const SETTLE_AT: usize = 24;

impl Requests {
    /// Takes in every attempt that arrives before `end_s`, or up to the first arrival that makes
    /// a watched pod too slow: then says when to stop and for which pod.
    pub(super) fn arrive(&mut self, end_s: f64, routing: &Routing) -> Option<(Time, PodId)> {
        let mut end_s = end_s;
        let mut stop = None;
        let Self { heads, transits, .. } = self;
        heads.clear();
        heads.extend(transits.iter().enumerate().filter_map(|(lane, transit)| {
            let arrival_s = transit.head_s();
            (arrival_s < end_s).then_some(Head { arrival_s, lane })
        }));
        let mut cluster = Arriving {
            lanes: &self.lanes,
            deployments: &mut self.deployments,
            pods: &mut self.pods,
            notices: &mut self.fresh_notices,
            ledger: &mut self.ledger,
            routing,
        };
        loop {
            let (first, arrival_s) = earliest(heads);
            if end_s <= arrival_s {
                return stop;
            }
            let head = &mut heads[first];
            let transit = &mut transits[head.lane];
            let attempt = &transit.attempts[transit.next];
            transit.next += 1;
            head.arrival_s = transit.head_s();
            if let Some(pod) = cluster.reach(head.lane, attempt) {
                let instant = nanosecond_after(arrival_s);
                stop = stop.or(Some((instant, pod)));
                end_s = end_s.min(instant.as_secs_f64());
            }
        }
    }
}

/// What an arriving attempt can touch.
struct Arriving<'a> {
    lanes: &'a [Lane],
    deployments: &'a mut [Deployment],
    pods: &'a mut [Pod],
    notices: &'a mut Vec<Notice>,
    ledger: &'a mut Ledger,
    routing: &'a Routing,
}

impl Arriving<'_> {
    /// One attempt at its cluster. Gives the pod whose virtual wait it lifts above its threshold.
    #[inline]
    fn reach(&mut self, lane_index: usize, attempt: &Attempt) -> Option<PodId> {
        let lane = &self.lanes[lane_index];
        let mode = self.routing.origins[lane.cluster as usize];
        let Some(deployment_index) = lane.deployment.filter(|_| mode == OriginMode::Serving) else {
            return self.turn_away(lane_index, attempt, mode);
        };
        let endpoints = &self.routing.endpoints[deployment_index as usize];
        let deployment = &mut self.deployments[deployment_index as usize];
        deployment.arrived += 1;
        if endpoints.is_empty() {
            let failure = AttemptFailure::NoPod;
            return self.fail_at(deployment_index, lane_index, attempt, failure);
        }
        let picked = pick(deployment, self.pods, endpoints, attempt, &lane.pod_stream);
        self.serve(lane_index, deployment_index, attempt, picked)
    }

    /// One attempt at its pod.
    #[inline]
    fn serve(
        &mut self,
        lane_index: usize,
        deployment_index: u32,
        attempt: &Attempt,
        picked: PodId,
    ) -> Option<PodId> {
        let arrival_s = attempt.arrival_s;
        let pod = match self.pods.get_mut(picked.index()) {
            Some(pod) if pod.process == Process::Runs => pod,
            gone => {
                let how = gone.map_or(Kill::Reset, |pod| pod.gone());
                let failure = AttemptFailure::Lost(how);
                return self.fail_at(deployment_index, lane_index, attempt, failure);
            }
        };
        let deployment = &self.deployments[deployment_index as usize];
        let before_s = pod.free_s[0];
        // Only where it could be full, the exact number of waiting requests matters.
        if arrival_s < before_s
            && deployment.queue < pod.ring.len()
            && deployment.queue <= pod.waiting(arrival_s)
        {
            let failure = AttemptFailure::QueueFull;
            return self.fail_at(deployment_index, lane_index, attempt, failure);
        }
        let lane = &self.lanes[lane_index];
        let Attempt { first_s, give_up_s, key, abandoned, .. } = *attempt;
        let work_s = deployment.sampler.draw(lane.service_stream.at(key));
        let learns_s = give_up_s + lane.one_way_s;
        let Placed { start_s, finish_s, mut flags } =
            pod.place(arrival_s, work_s, deployment.on_timeout, learns_s);
        let (entry_lane, seq) = (lane_index as u16, pod.ring.tail as u32);
        let response_s = response_s(finish_s, flags, lane.one_way_s);
        if abandoned {
            flags |= BOOKED;
        } else if give_up_s < response_s || lane.closed_loop {
            flags |= ARMED;
            self.notices.push(Notice {
                time_s: give_up_s.min(response_s),
                first_s,
                send_s: attempt.send_s,
                key,
                lane: entry_lane,
                what: What::InPod { pod: picked.index() as u32, seq },
            });
        }
        if matches!(deployment.balancer, Balancer::PowerOfTwo | Balancer::LeastOutstanding) {
            pod.count_out(finish_s, give_up_s);
        }
        let lane = entry_lane;
        pod.ring.push(Entry {
            arrival_s,
            start_s,
            finish_s,
            work_s,
            give_up_s,
            first_s,
            key,
            lane,
            flags,
            seq,
        });
        let rose = pod.threshold_s < pod.free_s[0] - arrival_s
            && (before_s - arrival_s).max(0.0) <= pod.threshold_s;
        if SETTLE_AT <= pod.ring.tail - pod.settled_tail {
            settle(pod, self.lanes, self.ledger, arrival_s);
        }
        rose.then_some(picked)
    }

    /// An attempt at a cluster that does not serve it.
    #[cold]
    fn turn_away(&mut self, lane: usize, attempt: &Attempt, mode: OriginMode) -> Option<PodId> {
        let (reason, event_s) = match mode {
            OriginMode::Serving => (Reason::NoReadyPod, attempt.arrival_s),
            OriginMode::Refused | OriginMode::ServerError => {
                (Reason::OriginRefused, attempt.arrival_s)
            }
            OriginMode::Hang => {
                let first_s = attempt.first_s;
                (self.lanes[lane].give_up_reason(first_s, attempt.give_up_s), f64::INFINITY)
            }
        };
        self.fail(lane, attempt, reason, event_s);
        None
    }

    /// An attempt that the deployment cannot serve.
    #[cold]
    fn fail_at(
        &mut self,
        deployment: u32,
        lane: usize,
        attempt: &Attempt,
        failure: AttemptFailure,
    ) -> Option<PodId> {
        let arrival_s = attempt.arrival_s;
        self.ledger.deployment_mut(deployment as usize).failed(arrival_s, failure);
        match failure {
            AttemptFailure::NoPod => self.fail(lane, attempt, Reason::NoReadyPod, arrival_s),
            AttemptFailure::QueueFull => self.fail(lane, attempt, Reason::QueueFull, arrival_s),
            AttemptFailure::Lost(Kill::Silent) => {
                self.fail(lane, attempt, Reason::PodLost, f64::INFINITY);
            }
            AttemptFailure::Lost(Kill::Reset) | AttemptFailure::Dropped => {
                self.fail(lane, attempt, Reason::PodLost, arrival_s);
            }
        }
        None
    }

    /// An attempt fails at its cluster at `event_s`; the client learns it one way later, unless
    /// it gives up before. At infinity nobody tells it, but the reason is known.
    fn fail(&mut self, lane_index: usize, attempt: &Attempt, reason: Reason, event_s: f64) {
        let Attempt { send_s, first_s, give_up_s, key, abandoned, .. } = *attempt;
        if abandoned {
            return;
        }
        let lane = &self.lanes[lane_index];
        let told_s = event_s + lane.one_way_s;
        let (time_s, reason) = if told_s <= give_up_s {
            (told_s, reason)
        } else if event_s == f64::INFINITY {
            (give_up_s, reason)
        } else {
            (give_up_s, lane.give_up_reason(first_s, give_up_s))
        };
        let (lane, what) = (lane_index as u16, What::Failed(reason));
        self.notices.push(Notice { time_s, first_s, send_s, key, lane, what });
    }
}

/// The pod for an attempt.
#[inline]
fn pick(
    deployment: &mut Deployment,
    pods: &mut [Pod],
    endpoints: &[PodId],
    attempt: &Attempt,
    stream: &Stream,
) -> PodId {
    let mut load =
        |pod: PodId| pods.get_mut(pod.index()).map_or(0, |pod| pod.outstanding(attempt.arrival_s));
    match deployment.balancer {
        Balancer::Random => endpoints[below(stream.at(attempt.key), endpoints.len())],
        Balancer::RoundRobin => {
            let turn = if deployment.turn < endpoints.len() { deployment.turn } else { 0 };
            deployment.turn = turn + 1;
            endpoints[turn]
        }
        Balancer::PowerOfTwo => {
            let draw = stream.at(attempt.key);
            let first = below(draw & !0xFFFF_FFFF, endpoints.len());
            // The second is another one, where there is another.
            let others = (endpoints.len() - 1).max(1);
            let step = 1 + below(draw << 32, others);
            let second = (first + step) % endpoints.len();
            if load(endpoints[first]) <= load(endpoints[second]) {
                endpoints[first]
            } else {
                endpoints[second]
            }
        }
        Balancer::LeastOutstanding => {
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

/// The lane whose first attempt arrives first; the first of equals.
#[inline]
fn earliest(heads: &[Head]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (index, head) in heads.iter().enumerate() {
        best = if head.arrival_s < best.1 { (index, head.arrival_s) } else { best };
    }
    best
}

/// The first nanosecond of the control clock after `time_s`.
fn nanosecond_after(time_s: f64) -> Time {
    let mut instant = Time::from_secs_f64(time_s);
    while instant.as_secs_f64() <= time_s {
        instant += Span::from_nanos(1);
    }
    instant
}
