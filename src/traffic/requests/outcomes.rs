//! Booking: what has happened before an instant, what clients do about it, kills and speeds.

use crate::traffic::Kill;
use crate::traffic::gate::NOWHERE;
use crate::traffic::ledger::{AttemptFailure, Reason, nanos};
use crate::traffic::pods::Process;
use crate::traffic::retries::Release;
use crate::traffic::ring::{ARMED, BOOKED, Entry};

use super::Requests;
use super::notices::Notice;
use super::settle::settle;

/// What a notice comes to.
enum Outcome {
    /// The attempt has been lost or placed anew since.
    Stale,
    /// The client of a closed loop has its answer.
    Answered,
    /// The attempt has failed, and its client sends again.
    Retried(Release),
    /// The user has failed.
    Failed(Reason),
}

impl Requests {
    /// Looks up what clients send before `end_s` because of what happened before this slice.
    pub(super) fn foresee(&mut self, end_s: f64) {
        self.notices.take_before(end_s, &mut self.due_notices);
        for notice in &self.due_notices {
            let demand = &self.demands[self.lanes[usize::from(notice.lane)].demand as usize];
            if demand.acts_s(notice) < end_s
                && let Some(release) = self.caused(notice, &self.outcome(notice))
                && release.time_s < end_s
            {
                self.releases.push(Release { foreseen: true, ..release });
            }
        }
    }

    /// Books every notice that is due before `now_s`, and lets the clients react.
    pub(super) fn book_notices(&mut self, now_s: f64) {
        let mut due = std::mem::take(&mut self.due_notices);
        due.append(&mut self.fresh_notices);
        for release in std::mem::take(&mut self.denied) {
            let reason = Reason::ALL[usize::from(release.reason)];
            self.ledger.failed(release.demand as usize, release.first_s, reason);
            let next = self.next_of_client(release.demand, release.key, release.time_s);
            next.into_iter().for_each(|next| self.releases.push(next));
        }
        for notice in due.drain(..) {
            if notice.time_s < now_s {
                self.book_notice(&notice, now_s);
            } else {
                self.notices.push(notice);
            }
        }
        self.due_notices = due;
    }

    fn book_notice(&mut self, notice: &Notice, now_s: f64) {
        let outcome = self.outcome(notice);
        let demand = self.lanes[usize::from(notice.lane)].demand as usize;
        match outcome {
            Outcome::Stale => return,
            Outcome::Answered => {
                self.ledger.demand_mut(demand).served(notice.first_s, notice.time_s);
            }
            Outcome::Failed(reason) => self.ledger.failed(demand, notice.first_s, reason),
            Outcome::Retried(_) => {}
        }
        // What was due before now was foreseen and has been sent.
        let next = self.caused(notice, &outcome).filter(|release| now_s <= release.time_s);
        next.into_iter().for_each(|release| self.releases.push(release));
    }

    fn outcome(&self, notice: &Notice) -> Outcome {
        if notice.pod != NOWHERE && self.pods[notice.pod as usize].placing != notice.placing {
            return Outcome::Stale;
        }
        let Some(reason) = notice.reason else { return Outcome::Answered };
        let demand = self.lanes[usize::from(notice.lane)].demand;
        let retry = self.demands[demand as usize].retry(demand, notice, reason);
        retry.map_or(Outcome::Failed(reason), Outcome::Retried)
    }

    /// What a client sends because of the outcome of a notice.
    fn caused(&self, notice: &Notice, outcome: &Outcome) -> Option<Release> {
        match outcome {
            Outcome::Stale => None,
            Outcome::Retried(release) => Some(*release),
            Outcome::Answered | Outcome::Failed(_) => {
                let demand = self.lanes[usize::from(notice.lane)].demand;
                self.next_of_client(demand, notice.key, notice.time_s)
            }
        }
    }

    /// In a closed loop, what the client sends after an outcome at `now_s`.
    fn next_of_client(&self, demand: u32, key: u64, now_s: f64) -> Option<Release> {
        let closed = self.demands[demand as usize].closed_loop?;
        let ordinal = (key >> 4) + closed.clients;
        let time_s = now_s + closed.pause_s;
        let (first_s, key) = (time_s, ordinal << 4);
        let release = Release { time_s, first_s, key, demand, reason: 0, foreseen: false };
        (ordinal < closed.users).then_some(release)
    }

    /// The process of a pod ends now.
    pub(super) fn kill(&mut self, pod_index: usize, how: Kill) {
        let now_s = self.now.as_secs_f64();
        let Some(pod) = self.pods.get_mut(pod_index) else { return };
        let ran = !matches!(pod.process, Process::Gone(_));
        pod.process = Process::Gone(how);
        if !ran {
            return;
        }
        self.forget_held(pod_index);
        let pod = &mut self.pods[pod_index];
        settle(pod, &self.lanes, &mut self.ledger, now_s);
        pod.free_s.fill(f64::INFINITY);
        pod.leave_outstanding(how, now_s);
        let deployment = pod.deployment as usize;
        pod.stale_failures = self.deployments[deployment].stale_failures;
        let lost: Vec<Entry> = pod.unfinished(now_s).copied().collect();
        pod.ring.lose_unfinished();
        if how == Kill::Silent {
            self.hold_lost(deployment, &lost);
        }
        for entry in lost {
            let pod = &mut self.pods[pod_index];
            pod.busy_ns += nanos((now_s - entry.start_s).max(0.0));
            self.ledger.deployment_mut(deployment).failed(now_s, AttemptFailure::Lost(how));
            if !entry.has(BOOKED) {
                self.lose(&entry, how, now_s);
            }
        }
        self.arm_again(pod_index);
    }

    /// The client of a lost request is told, or finds out by its time-out.
    pub(super) fn lose(&mut self, entry: &Entry, how: Kill, now_s: f64) {
        let told_s = match how {
            Kill::Reset => now_s + self.lanes[usize::from(entry.lane)].one_way_s,
            Kill::Silent => entry.give_up_s,
        };
        let (time_s, reason) = if told_s <= entry.give_up_s {
            (told_s, Reason::PodLost)
        } else {
            let lane = &self.lanes[usize::from(entry.lane)];
            (entry.give_up_s, lane.give_up_reason(entry.first_s, entry.give_up_s))
        };
        self.notices.push(Notice {
            time_s,
            first_s: entry.first_s,
            send_s: entry.arrival_s,
            key: entry.key,
            pod: NOWHERE,
            placing: 0,
            lane: entry.lane,
            reason: Some(reason),
        });
    }

    /// Files the notices of what the pod has in progress as it is placed now; older ones are void.
    pub(super) fn arm_again(&mut self, pod_index: usize) {
        let pod = &mut self.pods[pod_index];
        for index in pod.ring.head..pod.ring.tail {
            let entry = pod.ring.get_mut(index);
            let lane = &self.lanes[usize::from(entry.lane)];
            let response_s = entry.response_s(lane.one_way_s);
            entry.flags &= !ARMED;
            if entry.has(BOOKED) || (response_s <= entry.give_up_s && !lane.closed_loop) {
                continue;
            }
            entry.flags |= ARMED;
            let Entry { first_s, give_up_s, flags, .. } = *entry;
            self.notices.push(Notice {
                time_s: entry.outcome_s(lane.one_way_s),
                first_s,
                send_s: entry.arrival_s,
                key: entry.key,
                pod: pod_index as u32,
                placing: pod.placing,
                lane: entry.lane,
                reason: lane.tentative_reason(first_s, give_up_s, (response_s, flags)),
            });
        }
    }

    /// From now on the pod works at `speed`: what it has not finished is placed again.
    pub(super) fn change_speed(&mut self, pod_index: usize, speed: f64) {
        let now_s = self.now.as_secs_f64();
        let Some(pod) = self.pods.get_mut(pod_index) else { return };
        let slowness = 1.0 / speed;
        if matches!(pod.process, Process::Gone(_)) || pod.slowness == slowness {
            return;
        }
        let on_timeout = self.deployments[pod.deployment as usize].on_timeout;
        self.forget_held(pod_index);
        let (lanes, pod) = (&self.lanes, &mut self.pods[pod_index]);
        settle(pod, lanes, &mut self.ledger, now_s);
        pod.set_slowness(slowness, now_s, on_timeout, |entry| {
            entry.give_up_s + lanes[usize::from(entry.lane)].one_way_s
        });
        if self.deployments[pod.deployment as usize].balancer.counts_outstanding() {
            pod.recount_outstanding(now_s);
        }
        self.arm_again(pod_index);
        self.hold_again(pod_index);
    }
}
