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

use crate::model::ids::DeploymentId;
use crate::traffic::Kill;
use crate::traffic::calls::{CallGraph, CallPlan};
use crate::traffic::ledger::Reason;
use crate::traffic::ledger::cells::{Delayed, Wait};
use crate::traffic::plan::{OnTimeout, TrafficPlan};

use super::Flow;
use super::calling::{self, Calling, Member, Parked, Response};
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

/// Learning how long calls take.
impl Flow {
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

    /// Learns how long the requests of a deployment wait for their calls in a step of this length.
    fn learn_response(&mut self, index: usize, length_s: f64) {
        self.feel_callers(index);
        let Some(mut calling) = self.deployments[index].calling.take() else { return };
        for &site in calling.stages.iter().flatten() {
            self.sites[site].response = self.response_of(site);
        }
        let mut all = Response::NOTHING;
        for stage in (0..calling.stages.len()).rev() {
            all = self.stage(&calling, stage).then(&all);
        }
        self.expect_calls(&calling);
        let deployment = &mut self.deployments[index];
        let part = deployment.learning_part(&calling, length_s);
        calling.response = if part < 1.0 { calling.response.towards(&all, part) } else { all };
        if calling.holds {
            let held = (calling.response.mean_s, calling.response.variance_s2());
            if held != (deployment.held_s, deployment.held_variance_s2) {
                (deployment.held_s, deployment.held_variance_s2) = held;
                deployment.refresh_stations();
            }
        }
        deployment.calling = Some(calling);
    }

    /// Learns how much of what comes to a deployment comes from callers that are short of workers:
    /// then there are always about as many requests as these have.
    fn feel_callers(&mut self, index: usize) {
        let (mut pressed, mut rate) = (0.0, 1e-9);
        for site in self.sites.iter().filter(|site| site.callee == index) {
            let caller = &self.deployments[site.caller];
            let waiting = if caller.held_s != 0.0 { caller.waiting() } else { 0.0 };
            // What callers of callers have workers for bounds them, too.
            pressed += site.rate * (waiting * waiting).max(caller.pressed);
        }
        if 0.0 < pressed {
            let deployment = &self.deployments[index];
            let arriving = |group: &super::Group| group.rate * group.size() / deployment.pooled();
            rate += deployment.groups.iter().map(arriving).sum::<f64>();
        }
        self.deployments[index].pressed = (pressed / rate).min(1.0);
    }

    /// A call with its attempts, as what it calls is now.
    fn response_of(&self, site: usize) -> Response {
        let site = &self.sites[site];
        let mut patience_s = site.timeout_s;
        if site.ends_with_caller {
            let caller = &self.deployments[site.caller];
            let group = caller.groups.iter().find(|group| group.accepting);
            let before_s = group.map_or(0.0, |group| {
                let wait = caller.wait(group);
                wait.share * wait.mean_s + caller.service.mean_s * group.slowness
            });
            patience_s = patience_s.min((caller.patience_s - before_s).max(1e-3));
        }
        let backoff = &self.demands[site.demand].backoff;
        let lane = &self.lanes[site.lane];
        let response = self.deployments[site.callee].response(lane, backoff, patience_s);
        if site.required { response } else { response.forgiven() }
    }

    /// All calls of one stage.
    fn stage(&self, calling: &Calling, stage: usize) -> Response {
        let of = |site: &usize| {
            let Site { response, probability, count, callee, .. } = self.sites[*site];
            Member { response, probability, count, service: &self.deployments[callee].law }
        };
        if calling.is_parallel[stage] {
            let members: Vec<_> = calling.stages[stage].iter().map(of).collect();
            return calling::last_of(&members);
        }
        let Member { response, probability, count, .. } = of(&calling.stages[stage][0]);
        let one = response.sometimes(probability);
        (1..count as u32).fold(one, |rest, _| one.then(&rest))
    }

    /// How many calls a request makes, and how many requests fail for each that does.
    fn expect_calls(&mut self, calling: &Calling) {
        let mut alive = 1.0;
        for (stage, is_parallel) in calling.stages.iter().zip(&calling.is_parallel) {
            let (mut succeeds, mut failing) = (1.0, 0.0);
            for &site in stage {
                let this = &mut self.sites[site];
                let each = this.probability * this.response.fails;
                let survives = crate::sim::maths::pow(1.0 - each, this.count);
                // After the first that fails none is made.
                let made = if *is_parallel || each <= 1e-12 {
                    this.count
                } else {
                    (1.0 - survives) / each
                };
                this.each = alive * this.probability * made;
                succeeds *= survives;
                failing += each * made;
            }
            let harm = if 1e-12 < failing { (1.0 - succeeds) / failing } else { 1.0 };
            for &site in stage {
                self.sites[site].harm = if self.sites[site].required { harm } else { 0.0 };
            }
            alive *= succeeds;
        }
    }
}

/// Making calls.
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
        let deployment = &self.deployments[index];
        let pods: f64 = deployment.groups.iter().map(|group| group.size()).sum();
        if deployment.waiting() < 0.5 {
            return f64::INFINITY;
        }
        let (mut room, mut each, mut ended) = (0.0, 0.0, 0);
        for (stage, is_parallel) in calling.stages.iter().zip(&calling.is_parallel) {
            for (place, &site) in stage.iter().enumerate() {
                let site = &self.sites[site];
                let at_once =
                    if *is_parallel { site.count } else { f64::from(u8::from(place == 0)) };
                room += at_once * pods * deployment.workers;
                room -= (site.made - site.succeeded - site.failed) as f64;
                each += site.each;
                ended += site.succeeded + site.failed;
            }
        }
        let ended_in_step = (ended - calling.ended) as f64 * length_s / calling.length_s;
        (calling.ended, calling.length_s) = (ended, length_s);
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

/// The end of calls, and of what waits for them.
impl Flow {
    /// `n` who first sent at `first_s`, users or callers, have finally failed.
    pub(super) fn have_failed(&mut self, demand: usize, first_s: f64, reason: Reason, n: u64) {
        if demand < self.n_users {
            return self.ledger.failed_many(demand, first_s, reason, n);
        }
        let site = &mut self.sites[demand - self.n_users];
        site.failed += n;
        let calling = self.deployments[site.caller].calling.as_mut();
        calling.expect("only callers call").failing += n as f64 * site.harm;
    }

    /// Whether a cohort is of calls, not of users.
    pub(super) fn is_call(&self, cohort: &Cohort) -> bool {
        self.n_users * self.n_clusters <= usize::from(cohort.lane)
    }

    /// `n` calls have their answer.
    pub(super) fn call_succeeds(&mut self, lane: usize, n: u64) {
        self.sites[self.lanes[lane].demand - self.n_users].succeeded += n;
    }

    /// Who fails with their calls among `n` requests that a deployment is done with.
    pub(super) fn losing(&mut self, index: usize, n: u64) -> Losing {
        let calling = self.deployments[index].calling.as_mut();
        let failing = calling.filter(|c| c.holds).map_or(0, |calling| calling.take_failing(n));
        Losing { failing, rest: n }
    }

    /// Requests of a cohort fail with a call that they need.
    fn fail_with_calls(&mut self, cohort: &Cohort, n: u64, (from_s, to_s): (f64, f64)) {
        self.unrest.failed += n;
        let when = (0.5 * (from_s + to_s), to_s - from_s);
        self.fail(cohort, n, Reason::Dependency, when);
    }

    /// Requests of a deployment that have waited for their calls without a worker are answered.
    fn unpark(&mut self, index: usize, (from_s, to_s): (f64, f64)) {
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
    pub(super) fn lose_parked(&mut self, index: usize, how: Option<Kill>) -> u64 {
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
    pub(super) fn tell_latencies(
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
    pub(super) fn assert_calls_conserved(&self) {
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
                (call.retries.budget.is_some(), "retries.budget"),
                (call.max_concurrent.is_some(), "maxConcurrentCalls"),
                (call.breaker.is_some(), "circuitBreaker"),
            ];
            keys.into_iter().find(|(is_there, _)| *is_there).map(|(_, key)| key)
        };
        calls.into_iter().find_map(|(caller, call)| Some((caller, call.to, unknown(call)?)))
    }
}

impl Deployment {
    /// The largest share of requests that wait for a worker in any of the pods.
    fn waiting(&self) -> f64 {
        let accepting = self.groups.iter().filter(|group| group.accepting);
        accepting.map(|group| group.state.waiting).fold(0.0, f64::max)
    }

    /// How far to go to a new law of response. Where callers are short of workers, how long they
    /// wait and how much they call decide each other: full steps would go to and fro.
    fn learning_part(&self, calling: &Calling, length_s: f64) -> f64 {
        if !calling.holds {
            return 1.0;
        }
        let accepting = self.groups.iter().filter(|group| group.accepting);
        let pull = accepting
            .map(|group| group.state.waiting * length_s / self.taken_s(group.slowness))
            .fold(0.0, f64::max);
        if pull <= 1.0 { 1.0 } else { 4.0 * pull / ((1.0 + pull) * (1.0 + pull)) }
    }
}
