//! What the calls of a request amount to: how long it waits for them, and how often they fail it.
//!
//! A response is a law known by its first two moments, apart for those that fail. Calls one after
//! the other add up until one that is needed fails; of calls at once the last decides, each as if
//! its law were a gamma law and the others knew nothing of it.

use std::collections::VecDeque;

use crate::sim::laws::Law;
use crate::sim::maths;
use crate::traffic::ledger::cells::Wait;

use super::sends::Cohort;

/// How long something takes that may fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Response {
    pub(super) mean_s: f64,
    /// Mean of the square [s²].
    pub(super) square_s2: f64,
    /// The share that fails.
    pub(super) fails: f64,
    /// What the failing ones add to the mean [s], and to the mean of the square [s²].
    pub(super) failing_s: f64,
    pub(super) failing_s2: f64,
    /// The share that takes no time, because nothing is called.
    pub(super) none: f64,
}

impl Response {
    /// What is over at once.
    pub(super) const NOTHING: Self = Self { none: 1.0, ..Self::EMPTY };

    /// No cases yet, to add some.
    pub(super) const EMPTY: Self = Self {
        mean_s: 0.0,
        square_s2: 0.0,
        fails: 0.0,
        failing_s: 0.0,
        failing_s2: 0.0,
        none: 0.0,
    };

    /// What takes exactly so long, and fails or not.
    pub(super) fn after(time_s: f64, fails: bool) -> Self {
        let (square_s2, fails) = (time_s * time_s, f64::from(u8::from(fails)));
        let (failing_s, failing_s2) = (fails * time_s, fails * square_s2);
        Self { mean_s: time_s, square_s2, fails, failing_s, failing_s2, none: 0.0 }
    }

    /// What takes so long, and fails as often after any time.
    pub(super) fn of(mean_s: f64, variance_s2: f64, fails: f64) -> Self {
        let square_s2 = variance_s2 + mean_s * mean_s;
        let (failing_s, failing_s2) = (fails * mean_s, fails * square_s2);
        Self { mean_s, square_s2, fails, failing_s, failing_s2, none: 0.0 }
    }

    pub(super) fn variance_s2(&self) -> f64 {
        (self.square_s2 - self.mean_s * self.mean_s).max(0.0)
    }

    /// Of what succeeds: the share that takes any time, and mean and variance of that.
    pub(super) fn succeeding(&self) -> (f64, f64, f64) {
        let (succeeds, takes_time) = (1.0 - self.fails, 1.0 - self.fails - self.none);
        if takes_time <= 1e-9 {
            return (0.0, 0.0, 0.0);
        }
        let mean_s = (self.mean_s - self.failing_s) / takes_time;
        let square_s2 = (self.square_s2 - self.failing_s2) / takes_time;
        (takes_time / succeeds, mean_s, (square_s2 - mean_s * mean_s).max(0.0))
    }

    /// This, and where it succeeds, `next`.
    pub(super) fn then(&self, next: &Self) -> Self {
        let (succeeds, time_s) = (1.0 - self.fails, self.mean_s - self.failing_s);
        let square_s2 = self.square_s2 - self.failing_s2;
        let both = next.put_off(succeeds, time_s, square_s2);
        Self {
            mean_s: self.failing_s + both.mean_s,
            square_s2: self.failing_s2 + both.square_s2,
            fails: self.fails + both.fails,
            failing_s: self.failing_s + both.failing_s,
            failing_s2: self.failing_s2 + both.failing_s2,
            none: self.none * next.none,
        }
    }

    /// This, and where it fails, `next`.
    pub(super) fn or_else(&self, next: &Self) -> Self {
        let both = next.put_off(self.fails, self.failing_s, self.failing_s2);
        Self {
            mean_s: self.mean_s - self.failing_s + both.mean_s,
            square_s2: self.square_s2 - self.failing_s2 + both.square_s2,
            none: self.none,
            ..both
        }
    }

    /// This in a share of the cases, after times that add so much to mean and square.
    fn put_off(&self, share: f64, time_s: f64, square_s2: f64) -> Self {
        Self {
            mean_s: time_s + share * self.mean_s,
            square_s2: square_s2 + 2.0 * time_s * self.mean_s + share * self.square_s2,
            fails: share * self.fails,
            failing_s: time_s * self.fails + share * self.failing_s,
            failing_s2: square_s2 * self.fails
                + 2.0 * time_s * self.failing_s
                + share * self.failing_s2,
            none: 0.0,
        }
    }

    /// This in a share of the cases, otherwise nothing.
    pub(super) fn sometimes(&self, share: f64) -> Self {
        let mut sometimes = Self { none: 1.0 - share, ..Self::EMPTY };
        sometimes.add(share, self);
        sometimes
    }

    /// Adds a part of the cases that are like `other`.
    pub(super) fn add(&mut self, share: f64, other: &Self) {
        self.mean_s += share * other.mean_s;
        self.square_s2 += share * other.square_s2;
        self.fails += share * other.fails;
        self.failing_s += share * other.failing_s;
        self.failing_s2 += share * other.failing_s2;
        self.none += share * other.none;
    }

    /// The same, with failures that do no harm.
    pub(super) const fn forgiven(self) -> Self {
        Self { fails: 0.0, failing_s: 0.0, failing_s2: 0.0, ..self }
    }

    /// A part of the way to another one.
    pub(super) fn towards(&self, other: &Self, part: f64) -> Self {
        let mut between = Self::EMPTY;
        between.add(1.0 - part, self);
        between.add(part, other);
        between
    }

    /// The share that is over by a time, if the law is one of services, stretched; or, where that
    /// would begin before its time, a gamma law.
    fn cdf(&self, service: &Law, time_s: f64) -> f64 {
        let variance_s2 = self.variance_s2();
        if variance_s2 <= 1e-6 * self.mean_s * self.mean_s {
            return f64::from(u8::from(self.mean_s <= time_s));
        }
        let service_s2 = service.scv() * service.mean_s() * service.mean_s();
        let stretch = (variance_s2 / service_s2.max(f64::MIN_POSITIVE)).sqrt();
        let begin_s = self.mean_s - stretch * service.mean_s();
        if -1e-9 <= begin_s {
            return service.cdf(((time_s - begin_s) / stretch).max(0.0));
        }
        let shape = self.mean_s * self.mean_s / variance_s2;
        maths::gamma_cdf(shape, time_s * shape / self.mean_s)
    }
}

/// Points at which the law of the last of several is taken.
const POINTS: u32 = 96;

/// Calls of one kind among those that are made at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) response: Response,
    pub(super) probability: f64,
    pub(super) count: f64,
    /// Law of service of what is called, after which that of the response is shaped.
    pub(super) service: &'a Law,
}

/// The last of all these. It fails if one does.
pub(super) fn last_of(members: &[Member<'_>]) -> Response {
    if let [Member { response, probability, count, .. }] = members
        && *count == 1.0
    {
        return response.sometimes(*probability);
    }
    let over = |time_s: f64| -> f64 {
        let one = |member: &Member<'_>| {
            let over = member.response.cdf(member.service, time_s);
            maths::pow(1.0 - member.probability * (1.0 - over), member.count)
        };
        members.iter().map(one).product()
    };
    let longest = |Member { response, count, .. }: &Member<'_>| {
        response.mean_s + (6.0 + maths::ln(*count)) * response.variance_s2().sqrt()
    };
    let most_s = 1.5 * members.iter().map(longest).fold(0.0, f64::max);
    // Of 1 - F and of 2 t (1 - F), over points that are denser where times are short.
    let (mut mean_s, mut square_s2, mut from_s) = (0.0, 0.0, 0.0);
    for point in 1..=POINTS {
        let upto = f64::from(point) / f64::from(POINTS);
        let upto_s = most_s * upto * upto;
        let middle_s = 0.5 * (from_s + upto_s);
        let left = (1.0 - over(middle_s)) * (upto_s - from_s);
        mean_s += left;
        square_s2 += 2.0 * middle_s * left;
        from_s = upto_s;
    }
    let succeeds = |member: &Member<'_>| {
        maths::pow(1.0 - member.probability * member.response.fails, member.count)
    };
    let fails = 1.0 - members.iter().map(succeeds).product::<f64>();
    let nothing = |member: &Member<'_>| {
        maths::pow(1.0 - member.probability * (1.0 - member.response.none), member.count)
    };
    let none = members.iter().map(nothing).product();
    Response { none, ..Response::of(mean_s, square_s2 - mean_s * mean_s, fails) }
}

/// The calls of a deployment's requests.
#[derive(Clone, Debug)]
pub(super) struct Calling {
    /// Whether a worker waits for them.
    pub(super) holds: bool,
    /// Numbers of the calls that are made at once, stage by stage.
    pub(super) stages: Vec<Vec<usize>>,
    /// By stage: whether it is several calls at once, or one that may be repeated.
    pub(super) is_parallel: Vec<bool>,
    /// How long a request waits for all of them.
    pub(super) response: Response,
    /// Requests that have lost a call they need, and were not told yet.
    pub(super) failing: f64,
    /// Parts of requests that began to call and were not counted yet.
    pub(super) part: f64,
    /// Requests that were done in this step, those for nobody, and the time that the others had
    /// left in all when they called [s].
    pub(super) worked: u64,
    pub(super) zombies: u64,
    pub(super) patience_s: f64,
    /// Calls that had ended when the last step began, and its length [s].
    pub(super) ended: u64,
    pub(super) length_s: f64,
    /// Requests that wait for their calls without a worker.
    pub(super) parked: VecDeque<Parked>,
}

/// Requests of a cohort that wait for their calls without a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parked {
    pub(super) until_s: f64,
    pub(super) cohort: Cohort,
    /// Will be answered in time.
    pub(super) timely: u64,
    /// Will not, or for nobody.
    pub(super) others: u64,
    pub(super) wait: Wait,
    pub(super) within_s: f64,
}

/// Hardly anything takes more deviations above its mean.
const DEVIATIONS: f64 = 6.0;

impl Calling {
    pub(super) fn new(holds: bool, stages: Vec<Vec<usize>>, is_parallel: Vec<bool>) -> Self {
        Self {
            holds,
            stages,
            is_parallel,
            response: Response::NOTHING,
            failing: 0.0,
            part: 0.0,
            worked: 0,
            zombies: 0,
            patience_s: 0.0,
            ended: 0,
            length_s: 1.0,
            parked: VecDeque::new(),
        }
    }

    /// Takes as many failing requests as there are among `n`.
    pub(super) fn take_failing(&mut self, n: u64) -> u64 {
        let failing = (self.failing as u64).min(n);
        self.failing -= failing as f64;
        failing
    }

    /// Nearly no request waits longer for its calls [s].
    pub(super) fn longest_s(&self) -> f64 {
        self.response.mean_s + DEVIATIONS * self.response.variance_s2().sqrt()
    }

    /// A wait for a worker together with that for the calls, as shares of all requests: those who
    /// do not wait for a worker, those who do and call nobody, and those who wait for both.
    pub(super) fn delays(&self, wait: Wait) -> [(f64, Wait); 3] {
        let Response { mean_s, none, .. } = self.response;
        let calls = 1.0 - none;
        let (mean_s, square_s2) =
            (mean_s / calls.max(1e-9), self.response.square_s2 / calls.max(1e-9));
        Self::delays_of(wait, (calls, mean_s, (square_s2 - mean_s * mean_s).max(0.0)))
    }

    /// The same of those whose calls succeed.
    pub(super) fn delays_of_served(&self, wait: Wait) -> [(f64, Wait); 3] {
        Self::delays_of(wait, self.response.succeeding())
    }

    fn delays_of(wait: Wait, (calls, mean_s, variance_s2): (f64, f64, f64)) -> [(f64, Wait); 3] {
        let alone = Wait { share: calls, mean_s, variance_s2, below_s: f64::INFINITY };
        let (mean_s, variance_s2) = (mean_s + wait.mean_s, variance_s2 + wait.variance_s2);
        let both = Wait { share: 1.0, mean_s, variance_s2, below_s: f64::INFINITY };
        let waiting = wait.share;
        [
            (1.0 - waiting, alone),
            (waiting * (1.0 - calls), Wait { share: 1.0, ..wait }),
            (waiting * calls, both),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(what: &str, found: f64, exact: f64, part: f64) {
        assert!((found / exact - 1.0).abs() <= part, "{what}: {found}, exactly {exact}");
    }

    /// The last of three exponentials: H_3 on average, with a variance of 1 + 1/4 + 1/9; of one in
    /// two that is made at all, half as long.
    #[test]
    fn the_last_of_several() {
        let one = Response::of(1.0, 1.0, 0.0);
        let service = &Law::exponential(0.1);
        let member = |probability, count| Member { response: one, probability, count, service };
        let last = last_of(&[member(1.0, 3.0)]);
        close("mean", last.mean_s, 11.0 / 6.0, 2e-3);
        close("variance", last.variance_s2(), 49.0 / 36.0, 1e-2);
        let apart = last_of(&[member(1.0, 1.0), member(1.0, 2.0)]);
        close("members apart", apart.mean_s, 11.0 / 6.0, 2e-3);
        close("sometimes", last_of(&[member(0.5, 1.0)]).mean_s, 0.5, 1e-12);
    }

    /// Two attempts of 1 s that fail at their end with a quarter, the second after a pause of 2 s:
    /// 1.75 s on average, one in 16 fails, at 4 s. Needed twice in a row, the second only where
    /// the first succeeds.
    #[test]
    fn attempts_and_calls_in_a_row() {
        let attempt = Response::of(1.0, 0.0, 0.25);
        let pause = Response::of(2.0, 0.0, 0.0);
        let call = attempt.or_else(&pause.then(&attempt));
        close("mean", call.mean_s, 1.75, 1e-12);
        close("square", call.square_s2, 0.75 + 0.25 * 16.0, 1e-12);
        close("fails", call.fails, 1.0 / 16.0, 1e-12);
        close("time of failures", call.failing_s, 4.0 / 16.0, 1e-12);
        let two = call.then(&call);
        close("both", two.fails, 1.0 - (15.0 / 16.0) * (15.0 / 16.0), 1e-12);
        close("mean of both", two.mean_s, 1.75 + 15.0 / 16.0 * 1.75, 1e-12);
        assert_eq!(call.forgiven().fails, 0.0);
        let (calls, mean_s, variance_s2) = call.sometimes(0.5).succeeding();
        close("calls among those served", calls, 0.5 * 15.0 / 16.0 / (1.0 - 0.5 / 16.0), 1e-12);
        close("mean of those", mean_s, (0.75 + 0.1875 * 4.0) / 0.9375, 1e-12);
        close("variance of those", variance_s2, 0.75 / 0.9375 + 3.0 / 0.9375 - 1.6 * 1.6, 1e-9);
    }
}
