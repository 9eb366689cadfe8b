//! How long a deployment takes to answer a call, and how often it fails it, as its pods are now.

use crate::traffic::Kill;
use crate::traffic::ledger::cells::{Grain, Wait};

use super::calling::Response;
use super::deployment::Deployment;
use super::groups::Group;
use super::lateness;
use super::sends::{Demand, Lane};

impl Deployment {
    /// A call on `lane` with all its attempts, each of which is given up after `patience_s`.
    pub(super) fn response(&self, lane: &Lane, demand: &Demand, patience_s: f64) -> Response {
        let backoff = &demand.backoff;
        let attempt = self.attempt(lane, patience_s);
        let mut n = 0;
        while backoff.after(n).is_some() {
            n += 1;
        }
        let mut call = attempt;
        for failed in (0..n).rev() {
            let (least_s, most_s) = backoff.after(failed).expect("it is not the last");
            let (middle_s, range_s) = (0.5 * (least_s + most_s), most_s - least_s);
            let mut pause = Response::after(middle_s, false);
            pause.square_s2 += range_s * range_s / 12.0;
            let mut again = Response::EMPTY;
            again.add(demand.granted, &call);
            again.add(1.0 - demand.granted, &Response::after(0.0, true));
            call = attempt.or_else(&pause.then(&again));
        }
        call
    }

    /// One attempt.
    fn attempt(&self, lane: &Lane, patience_s: f64) -> Response {
        let round_trip_s = 2.0 * lane.one_way_s;
        let told = Response::after(round_trip_s.min(patience_s), true);
        let in_vain = Response::after(patience_s, true);
        let endpoints = &self.endpoints;
        let accepting = || self.groups.iter().filter(|group| group.accepting);
        let pods: f64 = accepting().map(Group::size).sum();
        if endpoints.listed.is_empty() || pods == 0.0 {
            let silent = |(_, how, _): &(u32, Kill, bool)| *how == Kill::Silent;
            let is_silent = !endpoints.missing.is_empty() && endpoints.missing.iter().all(silent);
            return if is_silent { in_vain } else { told };
        }
        let mut attempt = Response::EMPTY;
        let mut left = 1.0;
        for &(_, how, stale) in endpoints.missing.iter().filter(|(_, _, stale)| !*stale) {
            debug_assert!(!stale, "those are left out");
            let share = 1.0 / endpoints.listed.len() as f64;
            left -= share;
            attempt.add(share, if how == Kill::Silent { &in_vain } else { &told });
        }
        let effect = |read: bool, written: bool| {
            f64::from(u8::from(read)) * (1.0 - lane.writes)
                + f64::from(u8::from(written)) * lane.writes
        };
        let (reads, writes) = (self.service.reads, self.service.writes);
        let refused = effect(reads.refused, writes.refused);
        attempt.add(left * refused, &told);
        left -= left * refused;
        let hung = effect(reads.hangs, writes.hangs);
        attempt.add(left * hung, &in_vain);
        left -= left * hung;
        for group in accepting() {
            let share = left * group.size() / pods;
            let refused = group.state.refused;
            let answer = if self.is_impatient(group.station) { &in_vain } else { &told };
            attempt.add(share * refused, answer);
            attempt.add(share * (1.0 - refused), &self.served(group, round_trip_s, patience_s));
        }
        attempt
    }

    /// An attempt that a group takes in.
    fn served(&self, group: &Group, round_trip_s: f64, patience_s: f64) -> Response {
        let wait = self.wait(group);
        let slower = self.service.slower * group.slowness;
        let own_s = self.service.mean_s * group.slowness;
        let calls = self.calling.as_ref().map_or(Response::NOTHING, |calling| calling.response);
        let longest_s =
            lateness::longest_s(wait) + self.cells.longest_s * slower + self.longest_calling_s();
        if round_trip_s + longest_s < patience_s {
            let mean_s = round_trip_s + wait.share * wait.mean_s + own_s + calls.mean_s;
            let waits_s2 =
                wait.share * (wait.variance_s2 + (1.0 - wait.share) * wait.mean_s * wait.mean_s);
            let variance_s2 = waits_s2 + self.service_scv() * own_s * own_s + calls.variance_s2();
            return Response::of(mean_s, variance_s2, calls.fails);
        }
        let mut sum = Response::EMPTY;
        let in_vain = Response::after(patience_s, true);
        self.delays(wait, |weight, delay_s| {
            for &(share, service_s) in self.cells.cells(Grain::Coarse) {
                let time_s = round_trip_s + delay_s + service_s * slower;
                if patience_s < time_s {
                    sum.add(weight * share, &in_vain);
                } else {
                    sum.add(weight * share * (1.0 - calls.fails), &Response::after(time_s, false));
                    sum.add(weight * share * calls.fails, &Response::after(time_s, true));
                }
            }
        });
        sum
    }

    /// Weight and length of the cells of what comes besides a request's own work: the wait for a
    /// worker, and that for calls [s].
    pub(super) fn delays(&self, wait: Wait, mut each: impl FnMut(f64, f64)) {
        let parts = match &self.calling {
            Some(calling) => calling.delays(wait),
            None => [(1.0, wait), (0.0, wait), (0.0, wait)],
        };
        for (share, delay) in parts.iter().filter(|(share, _)| 0.0 < *share) {
            each(share * (1.0 - delay.share), 0.0);
            if 0.0 < delay.share {
                let share = share * delay.share;
                delay.cells(Grain::Coarse, |weight, delay_s| each(share * weight, delay_s));
            }
        }
    }
}
