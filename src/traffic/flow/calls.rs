//! Requests that call: what they send, and what becomes of them when their calls fail.
//!
//! The calls of one kind are a demand of their own, with a lane, time-outs and retries like those
//! of users, which stays out of the users' account. A request itself is in one place only, with
//! its users: in its pod until it is answered, or, where callers keep no worker, parked after its
//! own work. How long that takes is the law of the responses of what it calls, as their pods are
//! at the begin of the step; how many requests fail with their calls is how many calls have
//! failed.
//!
//! In a step callers come before what they call, so that what they finish arrives in the same
//! step; laws of response were learnt before, from the last of a chain to the first.

mod endings;
mod learning;

use crate::model::ids::DeploymentId;
use crate::traffic::calls::{CallGraph, CallPlan};
use crate::traffic::ledger::cells::Wait;
use crate::traffic::plan::{OnTimeout, TrafficPlan};

use super::Flow;
use super::calling::{Calling, Parked, Response};
use super::counts::{binomial, proportional};
use super::deployment::Deployment;
use super::pop_sets;
use super::sends::{Cohort, Demand, Lane, Moving};

/// Calls of one kind.
#[derive(Clone, Debug)]
pub(super) struct Site {
    caller: usize,
    callee: usize,
    demand: usize,
    lane: usize,
    count: f64,
    probability: f64,
    required: bool,
    /// Whether attempts end with the caller's own request.
    ends_with_caller: bool,
    timeout_s: f64,
    response: Response,
    /// How many of these calls a request makes in the mean.
    each: f64,
    /// Requests that fail for each of these calls that does.
    harm: f64,
    /// Made a second in the last step.
    rate: f64,
    made: u64,
    succeeded: u64,
    failed: u64,
}

/// Where a larger share of requests waits for a worker, there are not enough workers.
const JAMMED: f64 = 0.8;

/// Requests of a cohort whose own work is done, and with it their calls, where a worker waited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worked {
    pub(super) cohort: Cohort,
    pub(super) timely: u64,
    /// Of them, those whose calls have failed.
    pub(super) lost: u64,
    pub(super) late: u64,
    pub(super) zombies: u64,
    pub(super) wait: Wait,
    pub(super) within_s: f64,
}

/// Requests that fail with their calls, evenly spread over all that are done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Losing {
    failing: u64,
    rest: u64,
}

impl Losing {
    /// How many of the next `n`.
    pub(super) fn of(&mut self, n: u64) -> u64 {
        proportional(&mut self.failing, n, &mut self.rest)
    }
}

/// Makes a demand and a lane for each call; gives the calls, and all deployments with callers
/// first, if anybody calls.
pub(super) fn sites_of(
    plan: &TrafficPlan,
    graph: &CallGraph,
    demands: &mut Vec<Demand>,
    lanes: &mut Vec<Lane>,
) -> (Vec<Site>, Vec<usize>) {
    if graph.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let order = callers_first(graph, plan.deployments.len());
    let mut sites = Vec::new();
    for &caller in &order {
        let Some(rules) = graph.callers().get(caller) else { continue };
        let (mut rate, mut writing) = (1e-12, 0.0);
        for lane in lanes.iter().filter(|lane| lane.deployment == Some(caller)) {
            let each = demands[lane.demand].fresh.peak();
            rate += each;
            writing += each * lane.writes;
        }
        for call in &rules.calls {
            let cluster = plan.deployments[call.to.index()].cluster.index();
            let lane = Lane::of_call(call, (demands.len(), cluster), writing / rate);
            demands.push(Demand::of_call(call, &lane, lanes.len(), rate * call.mean()));
            lanes.push(lane);
            let cancels = plan.deployments[caller].on_timeout == OnTimeout::Cancel;
            sites.push(Site::new(call, caller, (demands.len() - 1, lanes.len() - 1), cancels));
        }
    }
    (sites, order)
}

/// All deployments, callers before those that they call as far as there is such an order.
fn callers_first(graph: &CallGraph, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < n {
        let waits = |deployment: &usize| {
            let calls = |(caller, _): &(usize, _)| !order.contains(caller) && caller != deployment;
            let mut callers = graph.callers().iter().enumerate().filter(calls);
            callers.any(|(_, plan)| plan.calls.iter().any(|call| call.to.index() == *deployment))
        };
        let left = || (0..n).filter(|deployment| !order.contains(deployment));
        let next = left().find(|deployment| !waits(deployment)).or_else(|| left().next());
        order.push(next.expect("some are left"));
    }
    order
}

/// The same deployments, of which some call.
pub(super) fn with_calling(
    mut deployments: Vec<Deployment>,
    graph: &CallGraph,
    sites: &[Site],
) -> Vec<Deployment> {
    for (caller, rules) in graph.callers().iter().enumerate().filter(|(_, r)| !r.calls.is_empty()) {
        let mine = sites.iter().enumerate().filter(|(_, site)| site.caller == caller);
        let mut stages: Vec<Vec<usize>> = Vec::new();
        let mut before = false;
        for ((site, _), call) in mine.zip(&rules.calls) {
            match stages.last_mut().filter(|_| before && call.parallel) {
                Some(stage) => stage.push(site),
                None => stages.push(vec![site]),
            }
            before = call.parallel;
        }
        let parallel = stages.iter().map(|stage| stage[0]);
        let first = sites.iter().position(|site| site.caller == caller).unwrap_or(0);
        let parallel = parallel.map(|site| rules.calls[site - first].parallel).collect();
        deployments[caller].calling =
            Some(Box::new(Calling::new(rules.holds_worker, stages, parallel)));
    }
    deployments
}

impl Site {
    fn new(call: &CallPlan, caller: usize, (demand, lane): (usize, usize), cancels: bool) -> Self {
        Self {
            caller,
            callee: call.to.index(),
            demand,
            lane,
            count: f64::from(call.count),
            probability: call.probability.get().clamp(0.0, 1.0),
            required: call.required,
            ends_with_caller: call.propagates_deadline || cancels,
            timeout_s: call.timeout.as_secs_f64(),
            response: Response::NOTHING,
            each: 0.0,
            harm: 0.0,
            rate: 0.0,
            made: 0,
            succeeded: 0,
            failed: 0,
        }
    }
}

impl Flow {
    /// What of a graph counts do not know, if there is anything: caller, callee and the key.
    #[must_use]
    pub fn unknown_of_calls(
        graph: &CallGraph,
    ) -> Option<(DeploymentId, DeploymentId, &'static str)> {
        let calls = graph.callers().iter().enumerate().flat_map(|(caller, rules)| {
            rules.calls.iter().map(move |call| (DeploymentId::new(caller), call))
        });
        let unknown = |call: &CallPlan| {
            let keys = [
                (call.max_concurrent.is_some(), "maxConcurrentCalls"),
                (call.breaker.is_some(), "circuitBreaker"),
            ];
            keys.into_iter().find(|(is_there, _)| *is_there).map(|(_, key)| key)
        };
        calls.into_iter().find_map(|(caller, call)| Some((caller, call.to, unknown(call)?)))
    }

    /// One step of all deployments.
    pub(super) fn serve_callers_first(&mut self, from_s: f64, to_s: f64) {
        for place in (0..self.order.len()).rev() {
            self.learn_response(self.order[place], to_s - from_s);
        }
        for place in 0..self.order.len() {
            let index = self.order[place];
            self.serve(index, from_s, to_s);
            self.unpark(index, (from_s, to_s));
            for site in 0..self.sites.len() {
                let later = self.order[place..].contains(&self.sites[site].callee);
                if self.sites[site].caller == index && later {
                    self.calls_arrive(self.sites[site].lane, to_s);
                }
            }
        }
    }
}

impl Flow {
    /// Requests of a cohort have done their own work; where a worker waits, their calls are over.
    pub(super) fn have_worked(
        &mut self,
        index: usize,
        worked: &Worked,
        (from_s, to_s): (f64, f64),
    ) {
        let Worked { cohort, timely, lost, late, zombies, wait, within_s } = *worked;
        let middle_s = 0.5 * (from_s + to_s);
        let lane = &self.lanes[usize::from(cohort.lane)];
        let patience_s = (lane.give_up_s(&cohort) - middle_s).max(0.0);
        let calling = self.deployments[index].calling.as_mut().expect("asked for callers only");
        calling.worked += timely + late;
        calling.zombies += zombies;
        let before_s = if calling.holds { calling.response.mean_s } else { 0.0 };
        calling.patience_s += (timely + late) as f64 * (patience_s + before_s);
        if calling.holds {
            self.fail_with_calls(&cohort, lost, (from_s, to_s));
            self.answer(&cohort, timely - lost, wait, within_s);
        } else if 0 < timely + late + zombies {
            let until_s = middle_s + calling.response.mean_s;
            let others = late + zombies;
            calling.parked.push_back(Parked { until_s, cohort, timely, others, wait, within_s });
        }
    }

    /// The calls of those whose own work was done in a step, in which so many finish in the mean,
    /// and so many more wait for calls than before.
    pub(super) fn make_calls(
        &mut self,
        index: usize,
        (flow, begin_to_hold): (f64, f64),
        (from_s, to_s): (f64, f64),
    ) {
        let Some(mut calling) = self.deployments[index].calling.take() else { return };
        let (worked, zombies) = (calling.worked, calling.zombies);
        let patience_s = calling.patience_s / worked.max(1) as f64;
        (calling.worked, calling.zombies, calling.patience_s) = (0, 0, 0.0);
        let most = self.most_callers(index, &mut calling, to_s - from_s);
        calling.part += begin_to_hold;
        let more = calling.part.min(most - worked as f64).floor().max(-(worked as f64));
        calling.part -= more;
        let more = more as i64;
        let mean = (flow + begin_to_hold).min(most).max(0.0);
        let middle_s = 0.5 * (from_s + to_s);
        let pods: f64 = self.deployments[index].groups.iter().map(|group| group.size()).sum();
        for &number in calling.stages.iter().flatten() {
            let site = &mut self.sites[number];
            let nobody_waits = if site.ends_with_caller { 0 } else { zombies };
            let callers = worked.saturating_add_signed(more) + nobody_waits;
            let all = (worked + zombies).max(1) as f64;
            let mean = mean * (worked + nobody_waits).max(u64::from(worked + zombies == 0)) as f64
                / all
                * site.each;
            let most = callers * site.count as u64;
            let n = binomial(most, site.each / site.count, self.draws.next_u64());
            self.demands[site.demand].open_budgets(n, pods, (from_s, to_s));
            if n == 0 && mean <= 0.0 {
                continue;
            }
            site.made += n;
            site.rate = mean / (to_s - from_s);
            let lag_s = if site.ends_with_caller { patience_s - site.timeout_s } else { 0.0 };
            let cohort = Cohort {
                lane: site.lane as u16,
                attempt: 0,
                pops: pop_sets::ALL,
                first_s: middle_s,
                send_s: middle_s,
                width_s: to_s - from_s,
                lag_s,
                n,
                mean,
            };
            self.lanes[site.lane].moving.push_back(Moving { cohort, from_s, to_s });
        }
        self.deployments[index].calling = Some(calling);
    }

    /// How many requests of a deployment may begin to call in a step of this length: no more than
    /// there are workers to wait for their calls, if as many calls end as in the step before.
    fn most_callers(&mut self, index: usize, calling: &mut Calling, length_s: f64) -> f64 {
        if !calling.holds {
            return f64::INFINITY;
        }
        let (mut room, mut each, mut ended, mut jam) = (0.0, 0.0, 0, 0.0);
        let deployment = &self.deployments[index];
        for (stage, is_parallel) in calling.stages.iter().zip(&calling.is_parallel) {
            for (place, &site) in stage.iter().enumerate() {
                let site = &self.sites[site];
                let at_once =
                    if *is_parallel { site.count } else { f64::from(u8::from(place == 0)) };
                room += at_once * deployment.n_workers();
                room -= (site.made - site.succeeded - site.failed) as f64;
                each += site.each;
                ended += site.succeeded + site.failed;
                jam = f64::max(jam, self.deployments[site.callee].jam);
            }
        }
        let ended_in_step = (ended - calling.ended) as f64 * length_s / calling.length_s;
        (calling.ended, calling.length_s) = (ended, length_s);
        if jam.min(deployment.waiting()) < JAMMED {
            return f64::INFINITY;
        }
        (room + ended_in_step).max(0.0) / each.max(1e-9)
    }

    /// Calls on a lane reach what they call before `to_s`.
    pub(super) fn calls_arrive(&mut self, lane: usize, to_s: f64) {
        if self.lanes[lane].moving.is_empty() {
            return;
        }
        let mut arrived = std::mem::take(&mut self.arrived);
        let kept = arrived.len();
        self.lanes[lane].arrive(to_s, &mut self.draws, &mut arrived);
        let (to, one_way_s) = (self.lanes[lane].deployment, self.lanes[lane].one_way_s);
        let to = to.expect("calls lead to a deployment");
        for mut cohort in arrived.drain(kept..) {
            if self.gates.is_empty() {
                let (middle_s, half_s) = (cohort.send_s + one_way_s, 0.5 * cohort.width_s);
                let time = (middle_s - half_s, middle_s + half_s);
                self.enter(to, std::slice::from_mut(&mut cohort), time);
            }
            cohort.join(&mut self.deployments[to].arrived);
        }
        self.arrived = arrived;
    }
}

impl Deployment {
    /// The largest share of requests that wait for a worker in any of the pods.
    fn waiting(&self) -> f64 {
        let accepting = self.groups.iter().filter(|group| group.accepting);
        accepting.map(|group| group.state.waiting).fold(0.0, f64::max)
    }

    fn n_workers(&self) -> f64 {
        self.groups.iter().map(|group| group.size()).sum::<f64>() * self.workers
    }
}
