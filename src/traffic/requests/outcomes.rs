//! Booking: what has happened before an instant, what clients do about it, kills and speeds.

use crate::traffic::Kill;
use crate::traffic::ledger::{AttemptFailure, Ledger, Reason, ServiceSums, ServiceTimes, nanos};
use crate::traffic::pods::{
    ABORTED, ARMED, BOOKED, DROPPED, Entry, FINISHED, Pod, Process, UNANSWERED,
};
use crate::traffic::retries::Release;

use super::{Lane, Notice, Requests, What};

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
                let Some(entry) = ring.find(seq, notice.key, notice.lane) else { return };
                let response_s = entry.response_s(back_s);
                if entry.has(BOOKED) || entry.give_up_s.min(response_s) != notice.time_s {
                    return;
                }
                let give_up_s = entry.give_up_s;
                if give_up_s < response_s {
                    entry.flags |= BOOKED;
                    let reason = if entry.has(UNANSWERED) {
                        Reason::Dependency
                    } else {
                        self.lanes[lane_index].give_up_reason(notice.first_s, give_up_s)
                    };
                    self.fail_attempt(demand, notice.first_s, notice.key, give_up_s, reason);
                } else if closed_loop {
                    entry.flags |= BOOKED;
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

    /// Settles every pod.
    pub(super) fn settle_all(&mut self, now_s: f64) {
        for pod in self.pods.iter_mut().filter(|pod| 0 < pod.ring.len()) {
            settle(pod, &self.lanes, &mut self.ledger, now_s);
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
        pod.free_s.fill(f64::INFINITY);
        pod.leaves.clear();
        let deployment = pod.deployment as usize;
        pod.stale_failures = self.deployments[deployment].stale_failures;
        let lost: Vec<Entry> =
            pod.ring.iter().filter(|entry| !entry.has(FINISHED)).copied().collect();
        pod.ring.started = pod.ring.tail;
        pod.ring.retain_started(|entry| entry.has(FINISHED));
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
        pod.set_slowness(slowness, now_s, on_timeout, |entry| {
            entry.give_up_s + lanes[usize::from(entry.lane)].one_way_s
        });
        pod.recount_outstanding();
        for index in pod.ring.head..pod.ring.tail {
            let entry = pod.ring.at_mut(index);
            let lane = &lanes[usize::from(entry.lane)];
            let response_s = entry.response_s(lane.one_way_s);
            let late = entry.give_up_s < response_s && !entry.has(ARMED);
            if entry.has(BOOKED | FINISHED) || !(late || lane.closed_loop) {
                continue;
            }
            entry.flags |= ARMED;
            let entry = *entry;
            self.notices.push(Notice {
                time_s: entry.give_up_s.min(response_s),
                first_s: entry.first_s,
                send_s: entry.arrival_s,
                key: entry.key,
                lane: entry.lane,
                what: What::InPod { pod: pod_index as u32, seq: entry.seq },
            });
        }
        self.hold_again(pod_index);
    }
}

/// Books what `pod` has finished before `now_s` and what has reached its client.
#[inline(never)]
pub(super) fn settle(pod: &mut Pod, lanes: &[Lane], ledger: &mut Ledger, now_s: f64) {
    let (users, attempts) = ledger.split(pod.deployment as usize);
    let mut sums = ServiceSums::default();
    pod.ring.start_before(now_s);
    pod.ring.retain_started(|entry| {
        if now_s <= entry.finish_s {
            return true;
        }
        let lane = &lanes[usize::from(entry.lane)];
        if entry.flags == 0 {
            // Somebody waits, the answer is in time, and nobody acts on it.
            let times = ServiceTimes { abandoned_s: f64::INFINITY, ..ServiceTimes::of(entry) };
            attempts.served(times, false, &mut sums);
            if lane.counts_writes && lane.is_write(entry.key) {
                attempts.accepted_write(entry.finish_s);
            }
            let response_s = entry.finish_s + lane.one_way_s;
            if response_s < now_s {
                users[lane.demand as usize].served(entry.first_s, response_s);
                return false;
            }
            entry.flags = FINISHED;
            return true;
        }
        let response_s = entry.response_s(lane.one_way_s);
        if !entry.has(FINISHED) {
            entry.flags |= FINISHED;
            if entry.has(DROPPED) {
                attempts.failed(entry.start_s, AttemptFailure::Dropped);
            } else {
                let unserved = entry.has(ABORTED) || entry.has(UNANSWERED);
                attempts.served(ServiceTimes::of(entry), unserved, &mut sums);
                if !unserved && lane.counts_writes && lane.is_write(entry.key) {
                    attempts.accepted_write(entry.finish_s);
                }
            }
        }
        if entry.has(BOOKED) {
            return false;
        }
        // An answer that somebody acts on, or that comes too late, is a notice.
        if now_s <= response_s || entry.give_up_s < response_s || lane.closed_loop {
            return true;
        }
        users[lane.demand as usize].served(entry.first_s, response_s);
        false
    });
    attempts.add(&sums);
    pod.busy_ns += sums.busy_ns_of_process;
}

impl ServiceTimes {
    #[inline]
    fn of(entry: &Entry) -> Self {
        Self {
            arrival_s: entry.arrival_s,
            start_s: entry.start_s,
            finish_s: entry.finish_s,
            abandoned_s: entry.give_up_s,
        }
    }
}
