//! Visits: requests in pods, from their arrival to their answer.

use crate::traffic::Kill;
use crate::traffic::ledger::{AttemptFailure, Reason, ServiceSums, ServiceTimes, nanos};
use crate::traffic::plan::OnTimeout;

use super::Calls;
use super::pods::{Deployment, Pod};
use super::slab::Ref;
use super::timers::Due;
use super::wires::UserBits;

/// A request in a pod.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    /// Who waits for it.
    pub(super) call: Ref,
    /// Whether somebody does.
    pub(super) awaited: bool,
    pub(super) wire: usize,
    pub(super) deployment: usize,
    pub(super) pod: usize,
    pub(super) stage: Stage,
    pub(super) end: End,
    /// Names the draws of its calls.
    pub(super) key: u64,
    pub(super) part: UserBits,
    pub(super) arrival_s: f64,
    pub(super) start_s: f64,
    /// Work left when it starts, or at the pod's last change of speed if it had started [s].
    pub(super) work_s: f64,
    /// When its caller gives it up [s].
    pub(super) give_up_s: f64,
    /// Until when gates count it at the longest [s].
    pub(super) counted_until_s: f64,
    /// Bits of the passes at which gates count it.
    pub(super) counted: u8,
    pub(super) calling_since_s: f64,
    /// The next of the deployment's calls, and how often it was made.
    pub(super) next_call: usize,
    pub(super) repeat: usize,
    pub(super) n_open: u32,
    /// The first of the calls that it waits for.
    pub(super) first_open: Ref,
}

/// How far a visit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    /// A worker is at it.
    Working,
    /// It waits for its calls, and keeps its worker.
    Holding,
    /// It waits for its calls without one.
    Waiting,
}

/// What its work leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its calls, then an answer.
    Answer,
    /// Cut short: nobody waits.
    Aborted,
    /// A dependency hangs: nobody is answered.
    Unanswered,
}

impl Calls {
    /// A visit gets a worker, or is dropped if nobody waits any more.
    pub(super) fn start(&mut self, name: Ref, now_s: f64) {
        let visit = &mut self.visits[name];
        let pod = &mut self.pods[visit.pod];
        let on_timeout = self.deployments[visit.deployment].on_timeout;
        let learns_s = match on_timeout {
            OnTimeout::Serve => f64::INFINITY,
            _ => visit.give_up_s + self.wires[visit.wire].one_way_s,
        };
        if learns_s <= now_s {
            let account = self.ledger.deployment_mut(visit.deployment);
            account.failed(now_s, AttemptFailure::Dropped);
            self.leave(name, now_s);
            return;
        }
        visit.start_s = now_s;
        visit.stage = Stage::Working;
        let done_s = visit.done_s(now_s + visit.work_s * pod.slowness, on_timeout, learns_s);
        pod.n_taken += 1;
        pod.working.push((done_s, name));
        self.finishes.set_by(visit.pod, done_s);
    }

    /// Free workers take what has waited longest.
    fn start_next(&mut self, pod: usize, now_s: f64) {
        while self.pods[pod].has_free_worker()
            && let Some(next) = self.pods[pod].dequeue(&self.visits)
        {
            self.start(next, now_s);
        }
    }

    /// The first worker of a pod is done with a request's own work.
    pub(super) fn work_done(&mut self, pod: usize, now_s: f64) {
        let Pod { deployment, .. } = self.pods[pod];
        debug_assert!(self.pods[pod].first_done_s() == now_s, "it is known when a worker is done");
        let (name, next_s) = self.pods[pod].take_first_done();
        self.finishes.set(pod, next_s);
        let visit = &mut self.visits[name];
        self.pods[pod].done_ns += nanos(now_s - visit.start_s);
        let Deployment { calls, holds_worker, on_timeout, .. } = &self.deployments[deployment];
        let (on_timeout, holds) = (*on_timeout, *holds_worker);
        if visit.end != End::Answer || calls.is_empty() {
            let visit = self.leave(name, now_s);
            self.book(&visit, visit.end != End::Answer, now_s);
            self.pods[pod].n_taken -= 1;
            if visit.end == End::Answer {
                self.answer(&visit, None, now_s);
            }
            return self.start_next(pod, now_s);
        }
        visit.calling_since_s = now_s;
        visit.stage = if holds { Stage::Holding } else { Stage::Waiting };
        let visit = *visit;
        if on_timeout == OnTimeout::Cancel {
            let learns_s = visit.give_up_s + self.wires[visit.wire].one_way_s;
            self.set_timer(learns_s, Due::Abort(name), now_s);
        }
        if !holds {
            self.book(&visit, false, now_s);
            self.pods[pod].n_taken -= 1;
            self.start_next(pod, now_s);
        }
        self.go_on(name, now_s);
    }

    /// A call that a visit needs has failed.
    pub(super) fn fail_visit(&mut self, name: Ref, now_s: f64) {
        self.drop_calls(name, now_s);
        self.calls_are_over(name, Some(Reason::Dependency), now_s);
    }

    /// A visit has no calls to make any more: it is answered.
    pub(super) fn calls_are_over(&mut self, name: Ref, failed: Option<Reason>, now_s: f64) {
        let visit = self.leave(name, now_s);
        self.answer(&visit, failed, now_s);
        self.end_calling(&visit, failed.is_some(), now_s);
    }

    /// The server learns that nobody waits for a visit, and stops it.
    pub(super) fn abort(&mut self, name: Ref, now_s: f64) {
        if self.visits.is_live(name) {
            self.drop_calls(name, now_s);
            let visit = self.leave(name, now_s);
            self.end_calling(&visit, true, now_s);
        }
    }

    /// A visit that made calls has left its pod.
    #[inline(always)]
    fn end_calling(&mut self, visit: &Visit, unserved: bool, now_s: f64) {
        if visit.stage == Stage::Holding {
            self.book(visit, unserved, now_s);
            let pod = &mut self.pods[visit.pod];
            pod.has_held(now_s - visit.calling_since_s);
            pod.n_taken -= 1;
            self.start_next(visit.pod, now_s);
        }
    }

    /// Books that a worker is done with a visit.
    #[inline(always)]
    fn book(&mut self, visit: &Visit, unserved: bool, now_s: f64) {
        let Visit { arrival_s, start_s, give_up_s, deployment, part, .. } = *visit;
        let account = self.ledger.deployment_mut(deployment);
        let mut sums = ServiceSums::default();
        let times = ServiceTimes { arrival_s, start_s, finish_s: now_s, abandoned_s: give_up_s };
        account.served(times, unserved, &mut sums);
        account.add(&sums);
        if !unserved && part.writes && self.deployments[deployment].counts_writes {
            account.accepted_write(now_s);
        }
    }

    /// A visit that has left its pod is answered.
    #[inline(always)]
    fn answer(&mut self, visit: &Visit, failed: Option<Reason>, now_s: f64) {
        let Visit { wire, call, pod, arrival_s, awaited, part, .. } = *visit;
        if let Some(limit) = &mut self.pods[pod].limit
            && awaited
            && part.criticality.is_some()
        {
            limit.record(arrival_s, now_s);
        }
        self.put_answer(wire, call, failed, now_s);
    }

    /// A visit leaves its pod; gives what it was.
    #[inline(always)]
    pub(super) fn leave(&mut self, name: Ref, now_s: f64) -> Visit {
        if self.visits[name].counted != 0 {
            self.leave_gates(name, now_s);
        }
        let visit = self.visits.remove(name);
        let pod = &mut self.pods[visit.pod];
        pod.n_visits -= 1;
        pod.n_outstanding -= usize::from(visit.awaited);
        visit
    }

    /// Nobody waits any more for a visit, if it is still there.
    pub(super) fn not_awaited(&mut self, name: Ref) {
        if let Some(visit) = self.visits.get_mut(name)
            && std::mem::replace(&mut visit.awaited, false)
        {
            self.pods[visit.pod].n_outstanding -= 1;
        }
    }

    /// The caller of a visit gives it up before its time, which the server learns by and by.
    pub(super) fn cancel(&mut self, name: Ref, one_way_s: f64, now_s: f64) {
        self.not_awaited(name);
        let Some(visit) = self.visits.get_mut(name) else { return };
        visit.give_up_s = visit.give_up_s.min(now_s);
        if self.deployments[visit.deployment].on_timeout != OnTimeout::Cancel {
            return;
        }
        let learns_s = visit.give_up_s + one_way_s;
        let (pod, stage) = (visit.pod, visit.stage);
        match stage {
            Stage::Queued => {}
            Stage::Working => {
                for (done_s, working) in &mut self.pods[pod].working {
                    if *working == name && learns_s < *done_s {
                        *done_s = learns_s;
                        visit.end = End::Aborted;
                    }
                }
                self.set_finish(pod);
            }
            Stage::Holding | Stage::Waiting => {
                self.set_timer(learns_s, Due::Abort(name), now_s);
            }
        }
    }

    /// The caller of a visit is told that it is lost, or finds out by its time-out.
    pub(super) fn lose(&mut self, name: Ref, how: Kill, now_s: f64) {
        let Visit { call, wire, .. } = self.visits[name];
        match (how, self.calls.get_mut(call)) {
            (Kill::Reset, Some(_)) => self.put_answer(wire, call, Some(Reason::PodLost), now_s),
            (Kill::Silent, Some(call)) => call.ends_by = Reason::PodLost,
            (_, None) => {}
        }
    }
}

impl Visit {
    /// When its worker is done if that takes until `finish_s`, or the server cuts it short.
    pub(super) fn done_s(&mut self, finish_s: f64, on_timeout: OnTimeout, learns_s: f64) -> f64 {
        if self.end == End::Aborted {
            self.end = End::Answer;
        }
        if on_timeout == OnTimeout::Cancel && learns_s < finish_s {
            self.end = End::Aborted;
            return learns_s;
        }
        finish_s
    }
}
