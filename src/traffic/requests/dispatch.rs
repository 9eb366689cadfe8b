//! Sending: users in order of time, merged with retries, into the lanes.

use crate::model::ids::ClusterId;
use crate::sim::streams::{Stream, below};

use crate::traffic::arrivals::Source;
use crate::traffic::ledger::Reason;
use crate::traffic::retries::{Bucket, Release};
use crate::traffic::routing::Routing;

use super::{Attempt, Demand, Deployment, Lane, Notice, Requests, Transit, What};

impl Requests {
    /// Every demand sends what is due before `end_s`.
    pub(super) fn dispatch(&mut self, end_s: f64, routing: &Routing) {
        let mut releases = std::mem::take(&mut self.due_releases);
        releases.clear();
        self.releases.take_before(end_s, &mut releases);
        releases.sort_unstable_by(|a, b| {
            a.demand.cmp(&b.demand).then(a.time_s.total_cmp(&b.time_s)).then(a.key.cmp(&b.key))
        });
        for index in 0..self.demands.len() {
            let first_lane = index * self.n_clusters;
            let lanes = first_lane..first_lane + self.n_clusters;
            self.transits[lanes.clone()].iter_mut().for_each(Transit::compact);
            let demand = &mut self.demands[index];
            demand.source.begin_slice();
            demand.budget_before = demand.budget;
            let Demand { source, budget, edge_stream, pops, .. } = demand;
            let ways = Ways {
                sole_cluster: routing.sole_cluster(pops),
                edge_stream: *edge_stream,
                pops,
                client_to_pop_s: demand.client_to_pop_s,
                attempt_timeout_s: demand.attempt_timeout_s,
                deadline_s: demand.deadline_s,
                first_lane,
                lanes: &self.lanes[lanes.clone()],
                transits: &mut self.transits[lanes],
                deployments: &self.deployments,
                notices: &mut self.fresh_notices,
                routing,
            };
            let mut sender = Sender { source, budget, ways };
            for release in of_demand(&releases, index) {
                sender.send_users(release.time_s.next_up());
                if release.key & 15 == 0 {
                    sender.send_first(release.time_s, release.key);
                    self.ledger.offered(index, release.time_s, 1);
                } else if sender.retry(release) {
                    self.ledger.retried(index, release.first_s);
                } else {
                    self.denied.push(*release);
                }
            }
            sender.send_users(end_s);
            by_second(
                sender.source.sent_in_slice(),
                |time_s| *time_s,
                |second_s, n_users| {
                    self.ledger.offered(index, second_s, n_users);
                },
            );
        }
        self.due_releases = releases;
    }

    /// Undoes every send of this slice at or after `now_s`, where it was cut short.
    pub(super) fn take_back_sends(&mut self, now_s: f64) {
        for (index, demand) in self.demands.iter_mut().enumerate() {
            by_second(
                demand.source.take_back(now_s),
                |time_s| *time_s,
                |second_s, n_users| {
                    self.ledger.not_offered(index, second_s, n_users);
                },
            );
            let releases = of_demand(&self.due_releases, index);
            demand.budget = demand
                .budget_before
                .map(|budget| budget_after(budget, demand.source.sent_in_slice(), releases, now_s));
        }
        for index in 0..self.lanes.len() {
            while let Some(attempt) = self.transits[index].attempts.pop() {
                if attempt.send_s < now_s {
                    self.transits[index].attempts.push(attempt);
                    break;
                }
                let demand = self.lanes[index].demand;
                self.take_back(demand, attempt.send_s, attempt.first_s, attempt.key);
            }
        }
        let (kept, undone) = std::mem::take(&mut self.fresh_notices)
            .into_iter()
            .partition::<Vec<_>, _>(|notice| notice.send_s < now_s);
        self.fresh_notices = kept;
        for notice in undone.iter().filter(|n| matches!(n.what, What::Failed(Reason::NoOrigin))) {
            let demand = self.lanes[usize::from(notice.lane)].demand;
            self.take_back(demand, notice.send_s, notice.first_s, notice.key);
        }
        self.denied.retain(|release| release.time_s < now_s);
        for release in self.due_releases.iter().filter(|release| now_s <= release.time_s) {
            self.releases.push(*release);
        }
    }

    /// Undoes the booking of one send. Users of a source are told by the source.
    fn take_back(&mut self, demand: u32, send_s: f64, first_s: f64, key: u64) {
        let index = demand as usize;
        if key & 15 != 0 {
            self.ledger.not_retried(index, first_s);
        } else if self.demands[index].closed_loop.is_some() {
            self.ledger.not_offered(index, send_s, 1);
        }
    }
}

/// The releases of one demand, of some that are in its order.
fn of_demand(releases: &[Release], demand: usize) -> &[Release] {
    let from = releases.partition_point(|release| (release.demand as usize) < demand);
    let n_mine = releases[from..].partition_point(|release| release.demand as usize == demand);
    &releases[from..from + n_mine]
}

/// What a budget has become after the sends of a slice before `now_s`.
fn budget_after(mut budget: Bucket, users_s: &[f64], releases: &[Release], now_s: f64) -> Bucket {
    let mut users_s = users_s;
    for release in releases.iter().take_while(|release| release.time_s < now_s) {
        let (before, after) =
            users_s.split_at(users_s.partition_point(|send_s| *send_s <= release.time_s));
        budget.first_sent(before);
        users_s = after;
        if release.key & 15 == 0 {
            budget.first_sent(&[release.time_s]);
        } else {
            budget.allows_retry(release.time_s);
        }
    }
    budget.first_sent(users_s);
    budget
}

/// Counts records, which are in order of time, by the second of `time_s`: tells the time of the
/// first and the number of those of each second.
pub(super) fn by_second<T>(
    records: &[T],
    time_s: impl Fn(&T) -> f64,
    mut count: impl FnMut(f64, u32),
) {
    let mut rest = records;
    while let (Some(first), Some(last)) = (rest.first(), rest.last()) {
        let next_s = time_s(first).floor() + 1.0;
        let all = time_s(last) < next_s;
        let n = if all { rest.len() } else { rest.partition_point(|r| time_s(r) < next_s) };
        count(time_s(first), n as u32);
        rest = &rest[n..];
    }
}

/// One demand that sends.
struct Sender<'a> {
    source: &'a mut Source,
    budget: &'a mut Option<Bucket>,
    ways: Ways<'a>,
}

/// The ways of one demand to its clusters.
struct Ways<'a> {
    first_lane: usize,
    /// Of this demand, by cluster.
    lanes: &'a [Lane],
    transits: &'a mut [Transit],
    deployments: &'a [Deployment],
    notices: &'a mut Vec<Notice>,
    routing: &'a Routing,
    /// Where all users are sent, if that is one cluster: then no draw decides it.
    sole_cluster: Option<ClusterId>,
    edge_stream: Stream,
    pops: &'a [u32],
    client_to_pop_s: f64,
    attempt_timeout_s: f64,
    deadline_s: f64,
}

impl Sender<'_> {
    /// The users who send before `end_s`.
    #[inline]
    fn send_users(&mut self, end_s: f64) {
        let (ordinal, times_s) = self.source.due_before(end_s);
        if let Some(budget) = self.budget {
            budget.first_sent(times_s);
        }
        self.ways.send_users(ordinal, times_s);
    }

    fn send_first(&mut self, time_s: f64, key: u64) {
        if let Some(budget) = self.budget {
            budget.first_sent(&[time_s]);
        }
        self.ways.send(time_s, time_s, key);
    }

    /// Sends a retry if the budget allows it.
    fn retry(&mut self, release: &Release) -> bool {
        let allowed = self.budget.as_mut().is_none_or(|b| b.allows_retry(release.time_s));
        if allowed {
            self.ways.send(release.time_s, release.first_s, release.key);
        }
        allowed
    }
}

impl Ways<'_> {
    /// The first attempts of users from number `ordinal` on.
    fn send_users(&mut self, ordinal: u64, times_s: &[f64]) {
        let lane = self.sole_cluster.map(|cluster| &self.lanes[cluster.index()]);
        let Some(lane) = lane.filter(|lane| lane.arrives_in_time()) else {
            for (ordinal, time_s) in (ordinal..).zip(times_s) {
                self.send(*time_s, *time_s, ordinal << 4);
            }
            return;
        };
        let one_way_s = lane.one_way_s;
        // Rounding is monotonic: the smaller length ends at the smaller sum.
        let patience_s = lane.patience_s.min(lane.deadline_s);
        let mut key = ordinal << 4;
        for times_s in times_s.chunks(64) {
            let mut work_s = [0.0; 64];
            let work_s = &mut work_s[..times_s.len()];
            if let Some(deployment) = lane.deployment {
                let sampler = &self.deployments[deployment as usize].sampler;
                sampler.draw_all(&lane.service_stream, key, 1 << 4, work_s);
            }
            let attempts = times_s.iter().zip(&*work_s).map(|(&send_s, &work_s)| {
                let (arrival_s, give_up_s) = (send_s + one_way_s, send_s + patience_s);
                let this = key;
                key += 1 << 4;
                Attempt { send_s, arrival_s, first_s: send_s, give_up_s, work_s, key: this }
            });
            self.transits[lane.cluster as usize].attempts.extend(attempts);
        }
    }

    /// Where the edge of a user sends the attempt `key`. The high half of the user's draw picks
    /// the edge, the low half of the attempt's draw the cluster.
    fn route(&self, key: u64) -> Option<ClusterId> {
        let [user, attempt] = [key & !15, key].map(|key| self.edge_stream.at(key));
        let pop = self.pops[below(user & !0xFFFF_FFFF, self.pops.len())];
        self.routing.pops[pop as usize].pick(attempt as u32)
    }

    /// One attempt: reads where the user's edge sends, and enters the lane.
    #[inline]
    fn send(&mut self, send_s: f64, first_s: f64, key: u64) {
        let deadline_s = first_s + self.deadline_s;
        let Some(cluster) = self.sole_cluster.or_else(|| self.route(key)) else {
            let time_s = (send_s + 2.0 * self.client_to_pop_s)
                .min(send_s + self.attempt_timeout_s)
                .min(deadline_s);
            return self.fail(self.first_lane, [send_s, time_s], first_s, key, Reason::NoOrigin);
        };
        let lane = &self.lanes[cluster.index()];
        let arrival_s = send_s + lane.one_way_s;
        let patience_end_s = send_s + lane.patience_s;
        let give_up_s = if patience_end_s < deadline_s { patience_end_s } else { deadline_s };
        let work_s = lane.deployment.map_or(0.0, |deployment| {
            self.deployments[deployment as usize].sampler.draw(lane.service_stream.at(key))
        });
        let attempt = Attempt { send_s, arrival_s, first_s, give_up_s, work_s, key };
        let abandoned = attempt.abandoned();
        self.transits[cluster.index()].attempts.push(attempt);
        if abandoned {
            let reason = lane.give_up_reason(first_s, give_up_s);
            let index = self.first_lane + cluster.index();
            self.fail(index, [send_s, give_up_s], first_s, key, reason);
        }
    }

    #[cold]
    fn fail(&mut self, lane: usize, times_s: [f64; 2], first_s: f64, key: u64, reason: Reason) {
        let [send_s, time_s] = times_s;
        let (lane, what) = (lane as u16, What::Failed(reason));
        self.notices.push(Notice { time_s, first_s, send_s, key, lane, what });
    }
}

impl Lane {
    /// Whether no first attempt on it is given up before it arrives.
    fn arrives_in_time(&self) -> bool {
        // With a margin for the rounding of the sums.
        self.one_way_s * 1.001 < self.patience_s.min(self.deadline_s)
    }

    /// Why an attempt ends when nobody waits for it any more at `give_up_s`.
    pub(in crate::traffic) fn give_up_reason(&self, first_s: f64, give_up_s: f64) -> Reason {
        if give_up_s < first_s + self.deadline_s { self.patience_reason } else { Reason::Timeout }
    }
}
