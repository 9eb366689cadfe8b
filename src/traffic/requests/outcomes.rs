//! Booking: what has happened before an instant, what clients do about it, kills and speeds.

use crate::traffic::Kill;
use crate::traffic::ledger::{AttemptFailure, Reason, nanos};
use crate::traffic::pods::Process;
use crate::traffic::retries::Release;
use crate::traffic::ring::{ARMED, BOOKED, Entry, FINISHED, UNANSWERED};

use super::settle::settle;
use super::{Notice, Requests, What};

impl Requests {
    /// Books every notice that is due before `now_s`, and lets the clients react.
    pub(super) fn book_notices(&mut self, now_s: f64) {
        for notice in self.fresh_notices.drain(..) {
            self.notices.push(notice);
        }
        for release in std::mem::take(&mut self.denied) {
            let reason = Reason::ALL[usize::from(release.reason)];
            self.fail_user(release.demand, release.first_s, release.key, release.time_s, reason);
        }
        let mut due = std::mem::take(&mut self.due_notices);
        self.notices.take_before(now_s, &mut due);
        for notice in due.drain(..) {
            self.book_notice(&notice);
        }
        self.due_notices = due;
    }

    fn book_notice(&mut self, notice: &Notice) {
        let lane_index = usize::from(notice.lane);
        let lane = &self.lanes[lane_index];
        let (demand, back_s, closed_loop) = (lane.demand, lane.one_way_s, lane.closed_loop);
        match notice.what {
            What::Failed(reason) => {
                self.fail_attempt(demand, notice.first_s, notice.key, notice.time_s, reason);
            }
            What::InPod { pod, seq } => {
                let ring = &mut self.pods[pod as usize].ring;
                let Some(index) = ring.find(seq, notice.key, notice.lane) else { return };
                let entry = *ring.get(index);
                let response_s = entry.response_s(back_s);
                if entry.has(BOOKED) || entry.give_up_s.min(response_s) != notice.time_s {
                    return;
                }
                let give_up_s = entry.give_up_s;
                if give_up_s < response_s {
                    ring.get_mut(index).flags |= BOOKED;
                    let reason = if entry.has(UNANSWERED) {
                        Reason::Dependency
                    } else {
                        self.lanes[lane_index].give_up_reason(notice.first_s, give_up_s)
                    };
                    self.fail_attempt(demand, notice.first_s, notice.key, give_up_s, reason);
                } else if closed_loop {
                    ring.get_mut(index).flags |= BOOKED;
                    self.ledger.demand_mut(demand as usize).served(notice.first_s, response_s);
                    self.next_of_client(demand, notice.key, response_s);
                }
            }
        }
    }

    /// An attempt has failed: its client retries, or the user has failed.
    fn fail_attempt(&mut self, demand: u32, first_s: f64, key: u64, now_s: f64, reason: Reason) {
        let Some(wait_s) = self.demands[demand as usize].backoff.after(key) else {
            return self.fail_user(demand, first_s, key, now_s, reason);
        };
        let time_s = now_s + wait_s;
        if first_s + self.demands[demand as usize].deadline_s <= time_s {
            return self.fail_user(demand, first_s, key, now_s, reason);
        }
        let (key, reason) = (key + 1, reason as u8);
        self.releases.push(Release { time_s, first_s, key, demand, reason });
    }

    fn fail_user(&mut self, demand: u32, first_s: f64, key: u64, now_s: f64, reason: Reason) {
        self.ledger.failed(demand as usize, first_s, reason);
        self.next_of_client(demand, key, now_s);
    }

    /// In a closed loop, an outcome at `now_s` makes the client send its next request.
    fn next_of_client(&mut self, demand: u32, key: u64, now_s: f64) {
        let Some(closed) = self.demands[demand as usize].closed_loop else { return };
        let ordinal = (key >> 4) + closed.clients;
        if ordinal < closed.users {
            let time_s = now_s + closed.pause_s;
            let key = ordinal << 4;
            self.releases.push(Release { time_s, first_s: time_s, key, demand, reason: 0 });
        }
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
            lane: entry.lane,
            what: What::Failed(reason),
        });
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
        for index in pod.ring.head..pod.ring.tail {
            let entry = *pod.ring.get(index);
            let lane = &lanes[usize::from(entry.lane)];
            let response_s = entry.response_s(lane.one_way_s);
            let late = entry.give_up_s < response_s && !entry.has(ARMED);
            if entry.has(BOOKED | FINISHED) || !(late || lane.closed_loop) {
                continue;
            }
            pod.ring.get_mut(index).flags |= ARMED;
            self.notices.push(Notice {
                time_s: entry.give_up_s.min(response_s),
                first_s: entry.first_s,
                send_s: entry.arrival_s,
                key: entry.key,
                lane: entry.lane,
                what: What::InPod { pod: pod_index as u32, seq: index as u32 },
            });
        }
        self.hold_again(pod_index);
    }
}
