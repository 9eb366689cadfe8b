//! Learning how long requests wait for their calls, from what their calls meet now.

use crate::sim::maths;

use super::super::calling::{self, Calling, Member, Response};
use super::{Deployment, Flow, Site};

impl Flow {
    /// Learns how long the requests of a deployment wait for their calls in a step of this length.
    pub(super) fn learn_response(&mut self, index: usize, length_s: f64) {
        self.feel_callers(index);
        self.deployments[index].jam = self.deployments[index].waiting();
        let Some(mut calling) = self.deployments[index].calling.take() else { return };
        for &site in calling.stages.iter().flatten() {
            self.sites[site].response = self.response_of(site);
        }
        let mut all = Response::NOTHING;
        for stage in (0..calling.stages.len()).rev() {
            all = self.stage(&calling, stage).then(&all);
        }
        if 1.0 < calling.part {
            // Who cannot call yet keeps its worker so much longer.
            let deployment = &self.deployments[index];
            let put_off = (calling.part / deployment.n_workers().max(1.0)).min(0.5);
            let taken_s = deployment.service.mean_s / deployment.speed + all.mean_s;
            all = Response::of(taken_s * put_off / (1.0 - put_off), 0.0, 0.0).then(&all);
        }
        self.expect_calls(&calling);
        let jam = calling.stages.iter().flatten();
        let jam = jam.map(|site| self.deployments[self.sites[*site].callee].jam);
        let jam = jam.fold(self.deployments[index].waiting(), f64::max);
        let deployment = &mut self.deployments[index];
        deployment.jam = jam;
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
            let arriving =
                |group: &super::super::Group| group.rate * group.size() / deployment.pooled();
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
        let demand = &self.demands[site.demand];
        let lane = &self.lanes[site.lane];
        let response = self.deployments[site.callee].response(lane, demand, patience_s);
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
                let survives = maths::pow(1.0 - each, this.count);
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

impl Deployment {
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
