//! Sending: users in order of time, merged with retries, into the lanes.

use crate::model::ids::ClusterId;
use crate::sim::streams::{Stream, below};

use crate::traffic::gate::NOWHERE;
use crate::traffic::ledger::Reason;
use crate::traffic::retries::{Release, put_in_order};
use crate::traffic::ring::UNANSWERED;
use crate::traffic::routing::Routing;

use super::notices::Notice;
use super::{Attempt, Lane, Requests, Transit};

/// Kinds of transits: first sends of users, and what is sent because of outcomes.
const FIRST: usize = 0;
const CAUSED: usize = 1;

impl Requests {
    /// Every demand sends what is due before `end_s`.
    pub(super) fn dispatch(&mut self, end_s: f64, routing: &Routing) {
        let due = &mut self.due_releases;
        due.iter_mut().for_each(Vec::clear);
        self.releases.take_before(end_s, |release| due[release.demand as usize].push(release));
        for (index, releases) in self.due_releases.iter_mut().enumerate() {
            put_in_order(releases);
            let first_lane = index * self.n_clusters;
            let lanes = first_lane..first_lane + self.n_clusters;
            self.transits[lanes.clone()].iter_mut().flatten().for_each(Transit::compact);
            let demand = &mut self.demands[index];
            demand.source.begin_slice();
            demand.budget_before = demand.budget;
            let (ordinal, users_s) = demand.source.due_before(end_s);
            let mut ways = Ways {
                sole_cluster: routing.sole_cluster(&demand.pops),
                edge_stream: demand.edge_stream,
                pops: &demand.pops,
                client_to_pop_s: demand.client_to_pop_s,
                attempt_timeout_s: demand.attempt_timeout_s,
                deadline_s: demand.deadline_s,
                first_lane,
                lanes: &self.lanes[lanes.clone()],
                transits: &mut self.transits[lanes],
                notices: &mut self.fresh_notices,
                routing,
            };
            ways.send_users(ordinal, users_s);
            let mut release = |release: &Release, allowed: bool| {
                if !allowed {
                    return self.denied.push(*release);
                }
                if release.is_first() {
                    self.ledger.offered(index, release.time_s, 1);
                } else {
                    self.ledger.retried(index, release.first_s);
                }
                ways.send(CAUSED, release.time_s, release.first_s, release.key);
            };
            match &mut demand.budget {
                Some(budget) => budget.spend(users_s, releases, release),
                None => releases.iter().for_each(|caused| release(caused, true)),
            }
            by_second(
                users_s,
                |time_s| *time_s,
                |second_s, n_users| {
                    self.ledger.offered(index, second_s, n_users);
                },
            );
        }
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
            demand.budget = demand.budget_before;
            if let Some(budget) = &mut demand.budget {
                let releases = &self.due_releases[index];
                let n_sent = releases.partition_point(|release| release.time_s < now_s);
                budget.spend(demand.source.sent_in_slice(), &releases[..n_sent], |_, _| ());
            }
        }
        for (lane, kind) in (0..self.lanes.len()).flat_map(|lane| [(lane, FIRST), (lane, CAUSED)]) {
            while let Some(attempt) = self.transits[lane][kind].attempts.pop() {
                if attempt.send_s < now_s {
                    self.transits[lane][kind].attempts.push(attempt);
                    break;
                }
                let demand = self.lanes[lane].demand;
                self.take_back(demand, attempt.send_s, attempt.first_s, attempt.key);
            }
        }
        let (kept, undone) = std::mem::take(&mut self.fresh_notices)
            .into_iter()
            .partition::<Vec<_>, _>(|notice| notice.send_s < now_s);
        self.fresh_notices = kept;
        for notice in undone.iter().filter(|n| n.reason == Some(Reason::NoOrigin)) {
            let demand = self.lanes[usize::from(notice.lane)].demand;
            self.take_back(demand, notice.send_s, notice.first_s, notice.key);
        }
        self.denied.retain(|release| release.time_s < now_s);
        // What was foreseen will follow from its notice again.
        let unsent = |release: &&Release| now_s <= release.time_s && !release.foreseen;
        for release in self.due_releases.iter().flatten().filter(unsent) {
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

/// The ways of one demand to its clusters.
struct Ways<'a> {
    first_lane: usize,
    /// Of this demand, by cluster.
    lanes: &'a [Lane],
    transits: &'a mut [[Transit; 2]],
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

impl Ways<'_> {
    /// The first attempts of users from number `ordinal` on.
    fn send_users(&mut self, ordinal: u64, times_s: &[f64]) {
        let lane = self.sole_cluster.map(|cluster| &self.lanes[cluster.index()]);
        let Some(lane) = lane.filter(|lane| lane.arrives_in_time()) else {
            for (ordinal, time_s) in (ordinal..).zip(times_s) {
                self.send(FIRST, *time_s, *time_s, ordinal << 4);
            }
            return;
        };
        let one_way_s = lane.one_way_s;
        // Rounding is monotonic: the smaller length ends at the smaller sum.
        let patience_s = lane.patience_s.min(lane.deadline_s);
        let attempts = (ordinal..).zip(times_s).map(|(ordinal, &send_s)| {
            let (arrival_s, give_up_s) = (send_s + one_way_s, send_s + patience_s);
            Attempt { send_s, arrival_s, first_s: send_s, give_up_s, key: ordinal << 4 }
        });
        self.transits[lane.cluster as usize][FIRST].attempts.extend(attempts);
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
    fn send(&mut self, kind: usize, send_s: f64, first_s: f64, key: u64) {
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
        let attempt = Attempt { send_s, arrival_s, first_s, give_up_s, key };
        let abandoned = attempt.abandoned();
        self.transits[cluster.index()][kind].attempts.push(attempt);
        if abandoned {
            let reason = lane.give_up_reason(first_s, give_up_s);
            let index = self.first_lane + cluster.index();
            self.fail(index, [send_s, give_up_s], first_s, key, reason);
        }
    }

    #[cold]
    fn fail(&mut self, lane: usize, times_s: [f64; 2], first_s: f64, key: u64, reason: Reason) {
        let [send_s, time_s] = times_s;
        let (lane, reason) = (lane as u16, Some(reason));
        let (pod, placing) = (NOWHERE, 0);
        let notice = Notice { time_s, first_s, send_s, key, pod, placing, lane, reason };
        self.notices.push(notice);
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

    /// Why an attempt in a pod fails; `None` if it is answered in time.
    pub(super) fn tentative_reason(
        &self,
        first_s: f64,
        give_up_s: f64,
        (response_s, flags): (f64, u16),
    ) -> Option<Reason> {
        if response_s <= give_up_s {
            None
        } else if flags & UNANSWERED != 0 {
            Some(Reason::Dependency)
        } else {
            Some(self.give_up_reason(first_s, give_up_s))
        }
    }
}
