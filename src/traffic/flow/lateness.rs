//! Whose answer comes too late, and what servers spend on it.

use crate::traffic::ledger::cells::{Grain, Wait};
use crate::traffic::plan::OnTimeout;

use super::course::After;
use super::deployment::Deployment;
use super::sends::{Cohort, Lane};

/// Most of what a late answer needs to look at: waits this many deviations above their mean.
const DEVIATIONS: f64 = 6.0;

/// What decides whether the answer to an attempt comes in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// Wait and service may take this long [s].
    pub(super) within_s: f64,
    /// Who waits longer is dropped [s].
    dropped_s: f64,
    /// A service takes so many times what the law says.
    slower: f64,
}

impl Deployment {
    /// When the attempts of a cohort are answered in time at pods of this slowness.
    pub(super) fn answer(&self, lane: &Lane, cohort: &Cohort, slowness: f64) -> Answer {
        let patience_s = lane.give_up_s(cohort) - cohort.send_s;
        Answer {
            within_s: patience_s - 2.0 * lane.one_way_s,
            dropped_s: match self.on_timeout {
                OnTimeout::Serve => f64::INFINITY,
                OnTimeout::DropQueued | OnTimeout::Cancel => patience_s,
            },
            slower: self.service.slower * slowness,
        }
    }
}

impl Answer {
    /// The share of those who get a worker whose answer comes too late, or is cut short.
    pub(super) fn late_share(&self, deployment: &Deployment, wait: Wait) -> f64 {
        let longest_s = longest_s(wait)
            + deployment.cells.longest_s * self.slower
            + deployment.longest_calling_s();
        if longest_s < self.within_s {
            return 0.0;
        }
        let later_than = |time_s: f64| {
            if time_s <= 0.0 { 1.0 } else { 1.0 - deployment.law.cdf(time_s / self.slower) }
        };
        if deployment.calling.is_some() {
            let mut share = 0.0;
            deployment.delays(wait, |weight, delay_s| {
                share += weight * later_than(self.within_s - delay_s);
            });
            return share;
        }
        let mut share = (1.0 - wait.share) * later_than(self.within_s);
        if 0.0 < wait.share {
            wait.cells(Grain::Coarse, |weight, wait_s| {
                let left_s = self.within_s - wait_s.min(self.dropped_s);
                share += wait.share * weight * later_than(left_s);
            });
        }
        share
    }
}

/// The part of its mean service that a worker spends on a request, if it stops when nobody waits
/// any more.
pub(super) fn spent_before(deployment: &Deployment, after: &After) -> f64 {
    let After { slowness, wait, .. } = *after;
    let slower = deployment.service.slower * slowness;
    let patience_s = deployment.patience_s;
    let longest_taken_s = deployment.cells.longest_s * slower + deployment.longest_calling_s();
    if longest_s(wait) + longest_taken_s < patience_s {
        return 1.0;
    }
    let mean_s = deployment.law.mean_s() * slower + deployment.held_s;
    let spent = |wait_s: f64| done_s(deployment, slower, patience_s - wait_s) / mean_s;
    let mut part = (1.0 - wait.share) * spent(0.0);
    if 0.0 < wait.share {
        wait.cells(Grain::Coarse, |weight, wait_s| part += wait.share * weight * spent(wait_s));
    }
    part.min(1.0)
}

/// What is done of services in the mean, if at most so much is done of each [s].
fn done_s(deployment: &Deployment, slower: f64, left_s: f64) -> f64 {
    let left_s = left_s.max(0.0);
    let services = deployment.cells.cells(Grain::Coarse).iter();
    let held_s = deployment.held_s;
    let own_s = deployment.law.mean_s() * slower;
    if deployment.law.scv() * own_s * own_s < deployment.held_variance_s2 {
        // What varies most is how long it waits for its calls.
        let variance_s2 = deployment.held_variance_s2;
        let held = Wait { share: 1.0, mean_s: held_s, variance_s2, below_s: f64::INFINITY };
        let mut sum_s = 0.0;
        held.cells(Grain::Coarse, |weight, time_s| sum_s += weight * (own_s + time_s).min(left_s));
        return sum_s;
    }
    services.map(|(weight, service_s)| weight * (service_s * slower + held_s).min(left_s)).sum()
}

/// The largest variance of waits around their time-out, where requests are cut short.
///
/// In overload waits rise to the time-out, where services are cut until the load is bearable. The
/// overload pushes waits up and what differs of services pushes them about, so that they lie below
/// their level by an exponential law, as those of a queue lie above zero in heavy traffic.
pub(super) fn most_variance_s2(
    deployment: &Deployment,
    slowness: f64,
    servers: f64,
    load: f64,
) -> f64 {
    let push = load - 1.0;
    if push <= 0.0 {
        return f64::INFINITY;
    }
    let slower = deployment.service.slower * slowness;
    let mean_s = deployment.law.mean_s() * slower + deployment.held_s;
    let scv = if deployment.held_s == 0.0 {
        deployment.law.scv()
    } else {
        deployment.taken_scv(slowness)
    };
    let spread_s = load * mean_s * (1.0 + deployment.pooled() * scv) / (2.0 * servers * push);
    spread_s * spread_s
}

/// Hardly anybody waits longer.
pub(super) fn longest_s(wait: Wait) -> f64 {
    if 0.0 < wait.share { wait.mean_s + DEVIATIONS * wait.variance_s2.sqrt() } else { 0.0 }
}
