//! Serving: attempts reach their cluster in order of time and find a pod, a slot and a worker.

use crate::model::ids::PodId;
use crate::sim::streams::{Stream, below};
use crate::units::{Span, Time};

use crate::traffic::Kill;
use crate::traffic::ledger::{AttemptFailure, Reason};
use crate::traffic::plan::Balancer;
use crate::traffic::pods::{ARMED, BOOKED, Entry, Pod, Process};
use crate::traffic::routing::{OriginMode, Routing};

use super::{Attempt, Deployment, Notice, Requests, What};

/// A ring longer than this is settled before it takes more.
const SETTLE_AT: usize = 24;

impl Requests {
    /// Takes in every attempt that arrives before `end_s`, or up to the first arrival that makes
    /// a watched pod too slow: then says when to stop and for which pod.
    pub(super) fn arrive(&mut self, end_s: f64, routing: &Routing) -> Option<(Time, PodId)> {
        let mut end_s = end_s;
        let mut stop = None;
        for (head_s, lane) in self.heads_s.iter_mut().zip(&self.lanes) {
            *head_s = lane.queue.front().map_or(f64::INFINITY, |attempt| attempt.arrival_s);
        }
        loop {
            let (lane, arrival_s) = earliest(&self.heads_s);
            if end_s <= arrival_s {
                return stop;
            }
            let queue = &mut self.lanes[lane].queue;
            let attempt = queue.pop_front().expect("a lane with a head has an attempt");
            let next = queue.front().map_or(f64::INFINITY, |attempt| attempt.arrival_s);
            self.heads_s[lane] = next;
            if let Some(pod) = self.reach_cluster(lane, &attempt, routing) {
                let instant = nanosecond_after(arrival_s);
                stop = stop.or(Some((instant, pod)));
                end_s = end_s.min(instant.as_secs_f64());
            }
        }
    }

    /// One attempt at its cluster. Gives the pod whose virtual wait it lifts above its threshold.
    #[inline]
    fn reach_cluster(
        &mut self,
        lane_index: usize,
        attempt: &Attempt,
        routing: &Routing,
    ) -> Option<PodId> {
        let lane = &self.lanes[lane_index];
        match routing.origins[lane.cluster as usize] {
            OriginMode::Serving => {}
            OriginMode::Refused | OriginMode::ServerError => {
                self.fail(lane_index, attempt, Reason::OriginRefused, attempt.arrival_s);
                return None;
            }
            OriginMode::Hang => {
                let reason = self.give_up_reason(lane_index, attempt.first_s, attempt.give_up_s);
                self.fail(lane_index, attempt, reason, attempt.give_up_s);
                return None;
            }
        }
        let Some(deployment_index) = lane.deployment else {
            self.fail(lane_index, attempt, Reason::NoReadyPod, attempt.arrival_s);
            return None;
        };
        let endpoints = &routing.endpoints[deployment_index as usize];
        let account = self.ledger.deployment_mut(deployment_index as usize);
        account.arrived(attempt.arrival_s);
        if endpoints.is_empty() {
            account.failed(attempt.arrival_s, AttemptFailure::NoPod);
            self.fail(lane_index, attempt, Reason::NoReadyPod, attempt.arrival_s);
            return None;
        }
        let deployment = &mut self.deployments[deployment_index as usize];
        let stream = &self.demands[lane.demand as usize].pod_stream;
        let picked = pick(deployment, &mut self.pods, endpoints, attempt, stream);
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
        let pod = match self.pods.get(picked.index()).map(|pod| pod.process) {
            Some(Process::Runs) => &mut self.pods[picked.index()],
            gone => {
                let silent = gone == Some(Process::Gone(Kill::Silent));
                let told_s = if silent { attempt.give_up_s } else { arrival_s };
                let account = self.ledger.deployment_mut(deployment_index as usize);
                account.failed(arrival_s, AttemptFailure::Lost);
                self.fail(lane_index, attempt, Reason::PodLost, told_s);
                return None;
            }
        };
        let deployment = &self.deployments[deployment_index as usize];
        let before_s = pod.free_s[0];
        if arrival_s < before_s && deployment.queue < pod.ring.len() {
            // Only now the exact number of waiting requests matters.
            if deployment.queue <= pod.waiting(arrival_s) {
                let account = self.ledger.deployment_mut(deployment_index as usize);
                account.failed(arrival_s, AttemptFailure::QueueFull);
                self.fail(lane_index, attempt, Reason::QueueFull, arrival_s);
                return None;
            }
        }
        let lane = &self.lanes[lane_index];
        let demand = &self.demands[lane.demand as usize];
        let mut entry = Entry {
            arrival_s,
            start_s: 0.0,
            finish_s: 0.0,
            work_s: deployment.sampler.draw(demand.service_stream.at(attempt.key)),
            give_up_s: attempt.give_up_s,
            first_s: attempt.first_s,
            key: attempt.key,
            lane: lane_index as u16,
            flags: if attempt.abandoned { BOOKED } else { 0 },
            seq: pod.ring.tail as u32,
        };
        pod.place(&mut entry, deployment.on_timeout, attempt.give_up_s + lane.one_way_s);
        let response_s = entry.response_s(lane.one_way_s);
        if (entry.give_up_s < response_s || lane.closed_loop) && !attempt.abandoned {
            entry.flags |= ARMED;
            self.fresh_notices.push(Notice {
                time_s: entry.give_up_s.min(response_s),
                first_s: entry.first_s,
                send_s: attempt.send_s,
                key: entry.key,
                lane: entry.lane,
                what: What::InPod { pod: picked.index() as u32, seq: entry.seq },
            });
        }
        if matches!(deployment.balancer, Balancer::PowerOfTwo | Balancer::LeastOutstanding) {
            pod.count_out(&entry);
        }
        pod.ring.push(entry);
        let after_s = pod.free_s[0];
        let rose = pod.threshold_s < after_s - arrival_s
            && (before_s - arrival_s).max(0.0) <= pod.threshold_s;
        if SETTLE_AT <= pod.ring.tail - pod.settled_tail {
            self.settle(picked.index(), arrival_s);
        }
        rose.then_some(picked)
    }

    /// An attempt fails at its cluster at `event_s`; the client learns it one way later, unless
    /// it gives up before.
    fn fail(&mut self, lane: usize, attempt: &Attempt, reason: Reason, event_s: f64) {
        if attempt.abandoned {
            return;
        }
        let told_s = event_s + self.lanes[lane].one_way_s;
        let Attempt { send_s, first_s, give_up_s, key, .. } = *attempt;
        let (time_s, reason) = if told_s <= give_up_s {
            (told_s, reason)
        } else if reason == Reason::PodLost && event_s == give_up_s {
            (give_up_s, reason)
        } else {
            (give_up_s, self.give_up_reason(lane, first_s, give_up_s))
        };
        let (lane, what) = (lane as u16, What::Failed(reason));
        self.fresh_notices.push(Notice { time_s, first_s, send_s, key, lane, what });
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
fn earliest(heads_s: &[f64]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (lane, &head_s) in heads_s.iter().enumerate() {
        best = if head_s < best.1 { (lane, head_s) } else { best };
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
