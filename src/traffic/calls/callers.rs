//! Callers: users, and requests that call. What they wait for, and how long.

use crate::traffic::ledger::Reason;
use crate::traffic::routing::Routing;

use super::Calls;
use super::guards::{Ended, Guard};
use super::slab::Ref;
use super::timers::Due;
use super::visits::Visit;
use super::wires::{CallRules, Sent, UserBits, Wire};

/// What a caller waits for, with all its attempts. Its name changes with every attempt, so that
/// an answer or a time-out of an earlier one finds nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// The visit that calls; [`Ref::NONE`] if a user does.
    pub(super) caller: Ref,
    pub(super) wire: usize,
    /// Names its draws; the low four bits count the attempts.
    pub(super) key: u64,
    /// When it was first sent [s].
    pub(super) first_s: f64,
    /// Why the present attempt ends if its time does.
    pub(super) ends_by: Reason,
    /// Why the attempt before failed.
    pub(super) failed_by: Reason,
    /// Whether an attempt is under way; otherwise it waits to try again.
    pub(super) sent: bool,
    /// The visit that serves the present attempt, once it is there.
    pub(super) visit: Ref,
    pub(super) part: UserBits,
    /// The next of the calls that its caller waits for.
    next: Ref,
}

/// What becomes of a call that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its caller waits for it.
    Pending,
    /// It has failed for good already.
    Failed,
}

impl Call {
    pub(super) const fn of_user(wire: usize, key: u64, now_s: f64, part: UserBits) -> Self {
        Self {
            caller: Ref::NONE,
            wire,
            key,
            first_s: now_s,
            ends_by: Reason::Timeout,
            failed_by: Reason::Timeout,
            sent: false,
            visit: Ref::NONE,
            part,
            next: Ref::NONE,
        }
    }

    pub(super) fn is_of_users(&self) -> bool {
        self.caller == Ref::NONE
    }
}

impl Calls {
    /// An attempt is sent on a wire; its caller gives up at `give_up_s` for `reason`.
    #[inline]
    pub(super) fn await_answer(
        &mut self,
        wire: usize,
        call: Ref,
        give_up_s: f64,
        reason: Reason,
        now_s: f64,
    ) {
        let record = &mut self.calls[call];
        record.wire = wire;
        record.sent = true;
        record.ends_by = reason;
        if give_up_s < f64::INFINITY {
            self.put_wait(wire, call, give_up_s, now_s);
        }
    }

    /// The present attempt has failed, and the next one follows at `at_s`.
    pub(super) fn wait_to_retry(&mut self, call: Ref, reason: Reason, at_s: f64, now_s: f64) {
        let next = self.calls.renew(call);
        let record = &mut self.calls[next];
        record.key += 1;
        record.failed_by = reason;
        record.sent = false;
        record.visit = Ref::NONE;
        if record.caller != Ref::NONE {
            let caller = record.caller;
            self.rename_open(caller, call, next);
        }
        self.set_timer(at_s, Due::Retry(next), now_s);
    }

    /// An answer reaches its caller.
    pub(super) fn answer_comes(&mut self, wire: usize, now_s: f64) {
        let answer = self.take_answer(wire);
        let Some(&call) = self.calls.get(answer.call) else { return };
        match (call.caller, answer.failed) {
            (Ref::NONE, None) => self.user_is_served(answer.call, now_s),
            (Ref::NONE, Some(reason)) => self.users_attempt_fails(answer.call, reason, now_s),
            (_, None) => {
                self.attempt_ended(&call, Ended::Succeeded, now_s);
                self.call_ends(answer.call, true, now_s);
            }
            (_, Some(reason)) => self.attempt_fails(answer.call, reason, now_s),
        }
    }

    /// A caller's patience with an attempt ends, if it still waits.
    pub(super) fn gives_up(&mut self, call: Ref, now_s: f64) {
        let Some(&Call { caller, visit, ends_by, .. }) = self.calls.get(call) else { return };
        self.not_awaited(visit);
        if caller == Ref::NONE {
            self.users_attempt_fails(call, ends_by, now_s);
        } else {
            self.attempt_fails(call, ends_by, now_s);
        }
    }

    /// A caller sends again.
    pub(super) fn tries_again(&mut self, call: Ref, now_s: f64, routing: &Routing) {
        let Some(&record) = self.calls.get(call) else { return };
        if record.is_of_users() {
            return self.user_tries_again(call, now_s, routing);
        }
        let guard = self.guard(record.caller, record.wire);
        let fate = if guard.is_none_or(|guard| guard.allows_retry(now_s)) {
            self.attempt(call, &record, now_s)
        } else {
            Fate::Failed
        };
        if fate == Fate::Failed {
            self.call_ends(call, false, now_s);
        }
    }

    /// The guard before the calls of a visit on a wire, if there is one.
    #[inline]
    fn guard(&mut self, caller: Ref, wire: usize) -> Option<&mut Guard> {
        if self.wires[wire].is_guarded { Some(self.guard_of(caller, wire)) } else { None }
    }

    fn guard_of(&mut self, caller: Ref, wire: usize) -> &mut Guard {
        let number = self.wires[wire].rules().number;
        let pod = &mut self.pods[self.visits[caller].pod];
        if pod.guards.is_empty() {
            let wires = self.deployments[pod.deployment].calls.iter();
            pod.guards = wires.map(|wire| Guard::new(self.wires[*wire].rules())).collect();
        }
        &mut pod.guards[number]
    }

    /// An attempt that was let through is over.
    #[inline]
    fn attempt_ended(&mut self, call: &Call, how: Ended, now_s: f64) {
        if let Some(guard) = self.guard(call.caller, call.wire) {
            guard.ended(how, now_s);
        }
    }

    /// One attempt of a call, if it is let through.
    fn attempt(&mut self, call: Ref, record: &Call, now_s: f64) -> Fate {
        let Call { caller, wire, key, part, .. } = *record;
        let Wire { one_way_s, .. } = self.wires[wire];
        let CallRules { plan, timeout_s, .. } = self.wires[wire].rules();
        let mut give_up_s = now_s + timeout_s;
        if plan.propagates_deadline {
            give_up_s = give_up_s.min(self.visits[caller].give_up_s);
            if give_up_s <= now_s {
                return Fate::Failed;
            }
        }
        if self.guard(caller, wire).is_some_and(|guard| !guard.lets_through(now_s)) {
            return self.retry_or_fail(call, Reason::Shed, now_s);
        }
        self.await_answer(wire, call, give_up_s, Reason::Timeout, now_s);
        self.put_request(wire, Sent { arrival_s: now_s + one_way_s, call, key, give_up_s, part });
        Fate::Pending
    }

    fn retry_or_fail(&mut self, call: Ref, reason: Reason, now_s: f64) -> Fate {
        let Call { wire, key, .. } = self.calls[call];
        match self.wires[wire].backoff.after(key) {
            Some(wait_s) => {
                self.wait_to_retry(call, reason, now_s + wait_s, now_s);
                Fate::Pending
            }
            None => Fate::Failed,
        }
    }

    /// An attempt of a call that was let through has failed.
    fn attempt_fails(&mut self, call: Ref, reason: Reason, now_s: f64) {
        let record = self.calls[call];
        self.attempt_ended(&record, Ended::Failed, now_s);
        if self.retry_or_fail(call, reason, now_s) == Fate::Failed {
            self.call_ends(call, false, now_s);
        }
    }

    /// A call is over: the request that made it goes on, or fails with it.
    fn call_ends(&mut self, call: Ref, succeeded: bool, now_s: f64) {
        let Call { caller, wire, .. } = self.close(call);
        let required = self.wires[wire].rules().plan.required;
        if succeeded || !required {
            self.go_on(caller, now_s);
        } else {
            self.fail_visit(caller, now_s);
        }
    }

    /// Makes the next calls of a visit, until some are unanswered or none is left.
    pub(super) fn go_on(&mut self, visit: Ref, now_s: f64) {
        loop {
            let Visit { n_open, next_call, deployment, .. } = self.visits[visit];
            if 0 < n_open {
                return;
            }
            let Some(&wire) = self.deployments[deployment].calls.get(next_call) else {
                return self.calls_are_over(visit, None, now_s);
            };
            let made = if self.wires[wire].rules().plan.parallel {
                self.make_group(visit, now_s)
            } else {
                self.make_next(visit, wire, now_s)
            };
            if !made {
                return self.fail_visit(visit, now_s);
            }
        }
    }

    /// The next of calls that are made one after the other; false if the visit fails with it.
    fn make_next(&mut self, visit: Ref, wire: usize, now_s: f64) -> bool {
        let record = &mut self.visits[visit];
        let repeat = record.repeat;
        record.repeat += 1;
        if self.wires[wire].rules().streams.len() == record.repeat {
            record.repeat = 0;
            record.next_call += 1;
        }
        self.make(visit, wire, repeat, now_s)
    }

    /// Neighbours that are parallel, at once; false if the visit fails with one of them.
    fn make_group(&mut self, visit: Ref, now_s: f64) -> bool {
        let deployment = self.visits[visit].deployment;
        loop {
            let next_call = self.visits[visit].next_call;
            let wire = self.deployments[deployment].calls.get(next_call).copied();
            let parallel = |wire: &usize| self.wires[*wire].rules().plan.parallel;
            let Some(wire) = wire.filter(parallel) else { return true };
            self.visits[visit].next_call += 1;
            for repeat in 0..self.wires[wire].rules().streams.len() {
                if !self.make(visit, wire, repeat, now_s) {
                    return false;
                }
            }
        }
    }

    /// One call, if it is drawn to be made; false if the visit fails with it.
    fn make(&mut self, visit: Ref, wire: usize, repeat: usize, now_s: f64) -> bool {
        let Visit { key, part, first_open, .. } = self.visits[visit];
        let rules = self.wires[wire].rules();
        let drawn = rules.streams[repeat].at(key);
        if rules.below <= drawn >> 32 {
            return true;
        }
        let required = rules.plan.required;
        let record = Call::of_user(wire, drawn & !15, now_s, part);
        let record = Call { caller: visit, next: first_open, ..record };
        let call = self.calls.insert(record);
        let caller = &mut self.visits[visit];
        caller.n_open += 1;
        caller.first_open = call;
        if let Some(guard) = self.guard(visit, wire) {
            guard.first_sent(now_s);
        }
        let fate = self.attempt(call, &record, now_s);
        if fate == Fate::Failed {
            self.close(call);
        }
        fate == Fate::Pending || !required
    }

    /// A call is over and forgotten; gives what it was.
    #[inline]
    fn close(&mut self, name: Ref) -> Call {
        let call = self.calls.remove(name);
        self.rename_open(call.caller, name, call.next);
        self.visits[call.caller].n_open -= 1;
        call
    }

    /// Puts another name in the place of one in the list of calls that a visit waits for.
    fn rename_open(&mut self, caller: Ref, old: Ref, new: Ref) {
        let mut at = self.visits[caller].first_open;
        if at == old {
            self.visits[caller].first_open = new;
            return;
        }
        while self.calls[at].next != old {
            at = self.calls[at].next;
        }
        self.calls[at].next = new;
    }

    /// Nobody waits any more for the calls of a visit.
    pub(super) fn drop_calls(&mut self, visit: Ref, now_s: f64) {
        while self.visits[visit].first_open != Ref::NONE {
            let call = self.visits[visit].first_open;
            let record = self.calls[call];
            if record.sent {
                self.attempt_ended(&record, Ended::Abandoned, now_s);
                let one_way_s = self.wires[record.wire].one_way_s;
                self.cancel(record.visit, one_way_s, now_s);
            }
            self.close(call);
        }
    }
}
