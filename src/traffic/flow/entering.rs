//! What attempts meet at a cluster before a pod takes them in: an ingress that fails some, gates,
//! dependencies that refuse, and endpoints that do not serve.

use crate::traffic::Kill;
use crate::traffic::ledger::{AttemptFailure, Reason};
use crate::traffic::plan::Balancer;

use super::Flow;
use super::balance::{self, Level};
use super::counts::binomial;
use super::curve::erlang_b;
use super::sends::Cohort;

impl Flow {
    /// Attempts reach a deployment in a time; some of them fail before a pod has taken them in.
    ///
    /// Gates share out what they let pass in a step, so behind them this is done once a step;
    /// without, it is done where attempts arrive, so that who fails can try again in the step.
    pub(super) fn enter(&mut self, index: usize, arrived: &mut [Cohort], time: (f64, f64)) {
        let n: u64 = arrived.iter().map(|cohort| cohort.n).sum();
        self.ledger.deployment_mut(index).arrived(time.0, n as u32);
        self.unrest.arrived += n;
        self.deployments[index].coming += arrived.iter().map(|cohort| cohort.mean).sum::<f64>();
        self.meet_grey_ingress(arrived, time);
        self.pass_gates(index, arrived, time);
        self.meet_dependencies(index, arrived, time);
        self.meet_missing(index, arrived, time);
    }

    /// `n` of a cohort fail at a deployment around the middle of a step.
    pub(super) fn fail_at(
        &mut self,
        deployment: usize,
        cohort: &Cohort,
        n: u64,
        failure: AttemptFailure,
        (from_s, to_s): (f64, f64),
    ) {
        if n == 0 {
            return;
        }
        self.ledger.deployment_mut(deployment).failed_many(from_s, failure, n);
        self.unrest.failed += n;
        let at_s = 0.5 * (from_s + to_s);
        let (reason, event_s) = match failure {
            AttemptFailure::NoPod => (Reason::NoReadyPod, at_s),
            AttemptFailure::QueueFull => (Reason::QueueFull, at_s),
            AttemptFailure::Refused(reason) => (reason, at_s),
            AttemptFailure::Lost(Kill::Silent) => (Reason::PodLost, f64::INFINITY),
            AttemptFailure::Lost(Kill::Reset) | AttemptFailure::Dropped => (Reason::PodLost, at_s),
        };
        self.fail(cohort, n, reason, (event_s, to_s - from_s));
    }

    /// An ingress may fail a part of the attempts and pass the others on.
    fn meet_grey_ingress(&mut self, arrived: &mut [Cohort], (from_s, to_s): (f64, f64)) {
        if self.grey.iter().all(|grey| !grey.is_any()) {
            return;
        }
        for cohort in arrived {
            if self.is_call(cohort) {
                continue;
            }
            let lane = &self.lanes[usize::from(cohort.lane)];
            let Some(grey) = self.grey.get(lane.cluster).copied() else { continue };
            let reason =
                if grey.hangs { lane.give_up_reason(cohort) } else { Reason::OriginRefused };
            let n = binomial(cohort.n, grey.size(), self.draws.next_u64());
            let (lost, left) = cohort.split(n, grey.size());
            *cohort = left;
            let event_s = if grey.hangs { f64::INFINITY } else { 0.5 * (from_s + to_s) };
            self.fail(&lost, n, reason, (event_s, to_s - from_s));
        }
    }

    /// Requests whose dependency refuses them fail at their pod without a worker.
    fn meet_dependencies(&mut self, index: usize, arrived: &mut [Cohort], step: (f64, f64)) {
        let service = self.deployments[index].service;
        if !service.reads.refused && !service.writes.refused {
            return;
        }
        for cohort in arrived {
            let writes = self.lanes[usize::from(cohort.lane)].writes;
            let share = f64::from(u8::from(service.reads.refused)) * (1.0 - writes)
                + f64::from(u8::from(service.writes.refused)) * writes;
            let n = binomial(cohort.n, share, self.draws.next_u64());
            let (lost, left) = cohort.split(n, share);
            *cohort = left;
            self.fail_at(index, &lost, n, AttemptFailure::Refused(Reason::Dependency), step);
        }
    }

    /// Requests that a balancer sends to pods that do not serve.
    fn meet_missing(&mut self, index: usize, arrived: &mut [Cohort], step: (f64, f64)) {
        let endpoints = &self.deployments[index].endpoints;
        if endpoints.listed.is_empty() {
            for cohort in arrived {
                let (lost, left) = cohort.split(cohort.n, 1.0);
                *cohort = left;
                self.fail_at(index, &lost, lost.n, AttemptFailure::NoPod, step);
            }
            return;
        }
        if endpoints.missing.is_empty() {
            return;
        }
        let missing = endpoints.missing.clone();
        let n_running = endpoints.n_running;
        let n_current = endpoints.listed.len() - endpoints.n_stale;
        // These may be a part of what comes in the step.
        let mean: f64 = arrived.iter().map(|cohort| cohort.mean).sum();
        let rate = (mean / (step.1 - step.0).max(1e-9)).max(self.deployments[index].came);
        for cohort in arrived {
            let share = self.share_of_missing(index, cohort.n, (rate, step.0));
            let n = binomial(cohort.n, share, self.draws.next_u64());
            let (mut away, mut stay) = cohort.split(n, share);
            let mut pods_left = missing.len() as f64;
            for &(pod, how, stale) in &missing {
                let part = 1.0 / pods_left;
                pods_left -= 1.0;
                let n = if 1.0 <= part {
                    away.n
                } else {
                    binomial(away.n, part, self.draws.next_u64())
                };
                let (here, others) = away.split(n, part);
                away = others;
                let failing = self.failing_on(pod, how, stale, here.n);
                if how == Kill::Silent && 0 < failing {
                    let until_s = self.lanes[usize::from(here.lane)].give_up_s(&here);
                    self.deployments[index].hung.push((until_s, failing));
                }
                self.fail_at(index, &here, failing, AttemptFailure::Lost(how), step);
                let again = here.n - failing;
                if again == 0 && 0 < here.n {
                    continue;
                }
                if 0 < n_running && 0 < n_current && stale {
                    stay.n += again;
                    stay.mean += here.mean * (again as f64 / here.n.max(1) as f64);
                } else if n_current == 0 {
                    self.fail_at(index, &here, again, AttemptFailure::NoPod, step);
                } else {
                    self.fail_at(index, &here, again, AttemptFailure::Lost(how), step);
                }
            }
            *cohort = stay;
        }
    }

    /// How many of `n` attempts at a pod that is gone fail there: all that are sent there anew,
    /// and of connections that are left over, as many as there are.
    fn failing_on(&mut self, pod: u32, how: Kill, stale: bool, n: u64) -> u64 {
        // An endpoint whose process has not started yet refuses, and nobody is connected to it.
        let mut none = 0;
        let left = self.pods.get_mut(pod as usize).map_or(&mut none, |pod| &mut pod.stale_failures);
        let failing = match (stale, how) {
            (false, _) => n,
            (true, Kill::Reset) => 0,
            (true, Kill::Silent) => n.min(u64::from(*left)),
        };
        if *left != u32::MAX {
            *left = left.saturating_sub(n.min(u64::from(u32::MAX)) as u32);
        }
        failing
    }

    /// The share of `n` requests that go to pods that do not serve, while `rate` a second come. To
    /// a balancer that counts, pods that refuse look idle; those that say nothing fill up with what
    /// nobody answers.
    fn share_of_missing(&mut self, index: usize, n: u64, (rate, now_s): (f64, f64)) -> f64 {
        let deployment = &mut self.deployments[index];
        let (listed, missing) = (&deployment.endpoints.listed, &deployment.endpoints.missing);
        let n_missing = missing.len() as f64;
        if listed.len() == missing.len() {
            return 1.0;
        }
        if !deployment.balancer.counts_outstanding() {
            return n_missing / listed.len() as f64;
        }
        deployment.hung.retain(|hung| now_s < hung.0);
        let hung: u64 = deployment.hung.iter().map(|hung| hung.1).sum();
        let is_silent = missing.iter().all(|(_, how, _)| *how == Kill::Silent);
        let pods = listed.len() as f64 - n_missing;
        let pooled = deployment.pooled();
        let accepting = || deployment.groups.iter().filter(|group| group.accepting);
        let present: f64 = accepting().map(|g| g.size() * g.state.present / pooled).sum();
        let outstanding = present / pods;
        // Many at once level what they find; few find the numbers as chance has made them.
        let many = (listed.len() as u64) < n;
        if deployment.balancer == Balancer::PowerOfTwo && !(is_silent && many) {
            // Pods that refuse have nothing outstanding.
            let hung = if is_silent { hung as f64 / n_missing } else { 0.0 };
            return balance::share_of_silent(n_missing, hung, pods, outstanding);
        }
        if is_silent {
            // While these come, about as many are answered by those that serve.
            let leaving = n as f64 / pods;
            let silent =
                Level { pods: n_missing, outstanding: hung as f64 / n_missing, leaving: 0.0 };
            let levels = [silent, Level { pods, outstanding, leaving }];
            return balance::shares(deployment.balancer, &levels, n as f64)[0];
        }
        // Pods before the first that refuses serve one request each, and it takes what is over: a
        // loss system, whatever the law of service.
        let missed = |pod: &u32| missing.iter().any(|(known, _, _)| known == pod);
        let before = listed.iter().position(missed).unwrap_or(0);
        erlang_b(before as f64, rate * deployment.service.mean_s)
    }
}
