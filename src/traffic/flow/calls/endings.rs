//! The end of calls, and of the requests that wait for them.

use crate::traffic::Kill;
use crate::traffic::ledger::Reason;
use crate::traffic::ledger::cells::{Delayed, Wait};

use super::super::calling::Parked;
use super::super::counts::binomial;
use super::{Cohort, Flow, Losing, Site};

impl Flow {
    /// `n` who first sent at `first_s`, users or callers, have finally failed.
    pub(in crate::traffic::flow) fn have_failed(
        &mut self,
        demand: usize,
        first_s: f64,
        reason: Reason,
        n: u64,
    ) {
        if demand < self.n_users {
            return self.ledger.failed_many(demand, first_s, reason, n);
        }
        let site = &mut self.sites[demand - self.n_users];
        site.failed += n;
        let calling = self.deployments[site.caller].calling.as_mut();
        calling.expect("only callers call").failing += n as f64 * site.harm;
    }

    /// Whether a cohort is of calls, not of users.
    pub(in crate::traffic::flow) fn is_call(&self, cohort: &Cohort) -> bool {
        self.n_users * self.n_clusters <= usize::from(cohort.lane)
    }

    /// `n` calls have their answer.
    pub(in crate::traffic::flow) fn call_succeeds(&mut self, lane: usize, n: u64) {
        self.sites[self.lanes[lane].demand - self.n_users].succeeded += n;
    }

    /// Who fails with their calls among `n` requests that a deployment is done with.
    pub(in crate::traffic::flow) fn losing(&mut self, index: usize, n: u64) -> Losing {
        let calling = self.deployments[index].calling.as_mut();
        let failing = calling.filter(|c| c.holds).map_or(0, |calling| calling.take_failing(n));
        Losing { failing, rest: n }
    }

    /// Requests of a cohort fail with a call that they need.
    pub(super) fn fail_with_calls(&mut self, cohort: &Cohort, n: u64, (from_s, to_s): (f64, f64)) {
        self.unrest.failed += n;
        let when = (0.5 * (from_s + to_s), to_s - from_s);
        self.fail(cohort, n, Reason::Dependency, when);
    }

    /// Requests of a deployment that have waited for their calls without a worker are answered.
    pub(super) fn unpark(&mut self, index: usize, (from_s, to_s): (f64, f64)) {
        let Some(calling) = self.deployments[index].calling.as_mut() else { return };
        if calling.parked.is_empty() {
            return;
        }
        let mut due = Vec::new();
        calling.parked.retain(|parked| {
            let stays = to_s <= parked.until_s;
            if !stays {
                due.push(*parked);
            }
            stays
        });
        let n: u64 = due.iter().map(|parked| parked.timely + parked.others).sum();
        let mut losing = Losing { failing: calling.take_failing(n), rest: n };
        for Parked { cohort, timely, others, wait, within_s, .. } in due {
            let lost = losing.of(timely);
            losing.of(others);
            self.fail_with_calls(&cohort, lost, (from_s, to_s));
            self.answer(&cohort, timely - lost, wait, within_s);
        }
    }

    /// A pod of a deployment ends: what waits for calls without a worker there is lost, or only
    /// its clients are. Gives how many.
    pub(in crate::traffic::flow) fn lose_parked(&mut self, index: usize, how: Option<Kill>) -> u64 {
        let deployment = &mut self.deployments[index];
        let pods = deployment.groups.iter().map(|group| group.size()).sum::<f64>() + 1.0;
        let Some(mut calling) = deployment.calling.take() else { return 0 };
        let mut lost = 0;
        for parked in &mut calling.parked {
            let timely = binomial(parked.timely, 1.0 / pods, self.draws.next_u64());
            parked.timely -= timely;
            if let Some(how) = how {
                let others = binomial(parked.others, 1.0 / pods, self.draws.next_u64());
                parked.others -= others;
                lost += timely + others;
                self.lose_clients(&parked.cohort, timely, how);
            }
        }
        self.deployments[index].calling = Some(calling);
        lost
    }

    /// Users of a lane were served by callers, which took shares of them so long.
    pub(in crate::traffic::flow) fn tell_latencies(
        &mut self,
        (lane, window): (usize, usize),
        n: u64,
        delayed: Delayed,
        delays: [(f64, Wait); 3],
    ) {
        let part = |share: f64, most: u64| ((n as f64 * share).round() as u64).min(most);
        let second = part(delays[1].0, n);
        let third = part(delays[2].0, n - second);
        for (n, (_, wait)) in [n - second - third, second, third].into_iter().zip(delays) {
            if 0 < n {
                self.tell_latency(lane, window, n, Delayed { wait, ..delayed });
            }
        }
    }

    /// Asserts that every call has succeeded, has failed or is somewhere.
    pub(in crate::traffic::flow) fn assert_calls_conserved(&self) {
        for (index, site) in self.sites.iter().enumerate() {
            let in_flight = self.count_in_flight(|lane, _| lane == site.lane);
            let Site { made, succeeded, failed, .. } = *site;
            assert!(
                made == succeeded + failed + in_flight,
                "call {index}: {made} made, but {succeeded} succeeded + {failed} failed + \
                 {in_flight} in flight"
            );
        }
    }
}
