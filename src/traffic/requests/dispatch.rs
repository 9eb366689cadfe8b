//! Sending: users in order of time, merged with retries, into the lanes.

use crate::model::ids::ClusterId;
use crate::sim::streams::below;

use crate::traffic::arrivals::Place;
use crate::traffic::ledger::Reason;
use crate::traffic::retries::Release;
use crate::traffic::routing::Routing;

use super::{Attempt, Demand, Deployment, Lane, Notice, Requests, Transit, What};

impl Requests {
    /// Every demand sends what is due from `from_s` to before `end_s`, within one second.
    pub(super) fn dispatch(&mut self, from_s: f64, end_s: f64, routing: &Routing) {
        let mut releases = std::mem::take(&mut self.due_releases);
        self.releases.take_before(end_s, &mut releases);
        releases.sort_unstable_by(|a, b| {
            a.demand.cmp(&b.demand).then(a.time_s.total_cmp(&b.time_s)).then(a.key.cmp(&b.key))
        });
        let mut rest = &releases[..];
        for index in 0..self.demands.len() {
            let n_mine = rest.iter().take_while(|r| r.demand as usize == index).count();
            let (mine, others) = rest.split_at(n_mine);
            rest = others;
            let first_lane = index * self.n_clusters;
            let lanes = first_lane..first_lane + self.n_clusters;
            self.transits[lanes.clone()].iter_mut().for_each(Transit::compact);
            let demand = &mut self.demands[index];
            let mut sender = Sender {
                sole_cluster: routing.sole_cluster(&demand.pops),
                demand,
                first_lane,
                lanes: &self.lanes[lanes.clone()],
                transits: &mut self.transits[lanes],
                deployments: &self.deployments,
                notices: &mut self.fresh_notices,
                routing,
            };
            let ordinal_before = sender.demand.place.ordinal;
            for release in mine {
                sender.send_users(release.time_s, true);
                if release.key & 15 == 0 {
                    sender.send_first(release.time_s, release.key);
                    self.ledger.offered(index, from_s, 1);
                } else if sender.retry(release) {
                    self.ledger.retried(index, release.first_s);
                } else {
                    self.denied.push(*release);
                }
            }
            sender.send_users(end_s, false);
            sender.draw_work();
            let n_users = sender.demand.place.ordinal - ordinal_before;
            self.ledger.offered(index, from_s, n_users);
        }
        releases.clear();
        self.due_releases = releases;
    }

    /// Undoes every send at or after `now_s`, where the slice that began at `from_s` was cut
    /// short.
    pub(super) fn take_back_sends(&mut self, from_s: f64, now_s: f64) {
        for (index, demand) in self.demands.iter_mut().enumerate() {
            let mut place = self.slice_places[index];
            while place.next_s < now_s {
                demand.source.step(&mut place);
            }
            self.ledger.not_offered(index, from_s, demand.place.ordinal - place.ordinal);
            demand.place = place;
            let kept = demand.budget_before.partition_point(|(time_s, _)| *time_s < now_s);
            if let Some((_, bucket)) = demand.budget_before.get(kept) {
                demand.budget = Some(*bucket);
            }
        }
        for index in 0..self.lanes.len() {
            while let Some(attempt) = self.transits[index].attempts.pop() {
                if attempt.send_s < now_s {
                    self.transits[index].attempts.push(attempt);
                    break;
                }
                self.transits[index].n_drawn -= 1;
                let demand = self.lanes[index].demand;
                self.take_back(demand, from_s, attempt.send_s, attempt.first_s, attempt.key);
            }
        }
        let (kept, undone) = std::mem::take(&mut self.fresh_notices)
            .into_iter()
            .partition::<Vec<_>, _>(|notice| notice.send_s < now_s);
        self.fresh_notices = kept;
        for notice in undone.iter().filter(|n| matches!(n.what, What::Failed(Reason::NoOrigin))) {
            let demand = self.lanes[usize::from(notice.lane)].demand;
            self.take_back(demand, from_s, notice.send_s, notice.first_s, notice.key);
        }
        for release in std::mem::take(&mut self.denied) {
            if release.time_s < now_s {
                self.denied.push(release);
            } else {
                self.releases.push(release);
            }
        }
    }

    /// Undoes one send: users of a source come again by their place, releases wait again.
    fn take_back(&mut self, demand: u32, from_s: f64, send_s: f64, first_s: f64, key: u64) {
        let index = demand as usize;
        if key & 15 != 0 {
            self.ledger.not_retried(index, first_s);
        } else if self.demands[index].closed_loop.is_some() {
            self.ledger.not_offered(index, from_s, 1);
        } else {
            return;
        }
        self.releases.push(Release { time_s: send_s, first_s, key, demand, reason: 0 });
    }
}

/// One demand that sends.
struct Sender<'a> {
    demand: &'a mut Demand,
    first_lane: usize,
    /// Of this demand, by cluster.
    lanes: &'a [Lane],
    transits: &'a mut [Transit],
    deployments: &'a [Deployment],
    notices: &'a mut Vec<Notice>,
    routing: &'a Routing,
    /// Where all users are sent, if that is one cluster: then no draw decides it.
    sole_cluster: Option<ClusterId>,
}

impl Sender<'_> {
    /// The users who send before `end_s`, or also at it if `inclusive`.
    #[inline]
    fn send_users(&mut self, end_s: f64, inclusive: bool) {
        let end_s = if inclusive { end_s.next_up() } else { end_s };
        if self.demand.place.next_s < end_s {
            self.send_due(end_s);
        }
    }

    /// The users who send before `end_s`, at least one.
    #[inline(never)]
    fn send_due(&mut self, end_s: f64) {
        let mut place = self.demand.place;
        match self.sole_cluster.map(|cluster| &self.lanes[cluster.index()]) {
            Some(lane) if self.demand.budget.is_none() && lane.arrives_in_time() => {
                self.send_along(lane, &mut place, end_s);
            }
            _ => {
                while place.next_s < end_s {
                    self.send_first(place.next_s, place.ordinal << 4);
                    self.demand.source.step(&mut place);
                }
            }
        }
        self.demand.place = place;
    }

    /// As [`send_first`](Self::send_first) for every user before `end_s`, who all take one lane.
    fn send_along(&mut self, lane: &Lane, place: &mut Place, end_s: f64) {
        let attempts = &mut self.transits[lane.cluster as usize].attempts;
        let one_way_s = lane.one_way_s;
        // Rounding is monotonic: the smaller length ends at the smaller sum.
        let give_up_after_s = lane.patience_s.min(lane.deadline_s);
        self.demand.source.send_before(place, end_s, |send_s, ordinal| {
            let (arrival_s, give_up_s) = (send_s + one_way_s, send_s + give_up_after_s);
            let (first_s, work_s, key) = (send_s, 0.0, ordinal << 4);
            attempts.push(Attempt { send_s, arrival_s, first_s, give_up_s, work_s, key });
        });
    }

    /// Draws the work of every attempt that was sent since the last call.
    fn draw_work(&mut self) {
        for (lane, transit) in self.lanes.iter().zip(&mut *self.transits) {
            let sent = &mut transit.attempts[transit.n_drawn..];
            transit.n_drawn += sent.len();
            if let Some(deployment) = lane.deployment {
                let sampler = &self.deployments[deployment as usize].sampler;
                let stream = lane.service_stream;
                sampler.draw_into(sent.iter_mut().map(|attempt| {
                    let Attempt { key, work_s, .. } = attempt;
                    (stream.at(*key), work_s)
                }));
            }
        }
    }

    #[inline]
    fn send_first(&mut self, time_s: f64, key: u64) {
        if let Some(bucket) = &mut self.demand.budget {
            self.demand.budget_before.push((time_s, *bucket));
            bucket.first_sent(time_s);
        }
        self.send(time_s, time_s, key);
    }

    /// Sends a retry if the budget allows it.
    fn retry(&mut self, release: &Release) -> bool {
        if let Some(bucket) = &mut self.demand.budget {
            self.demand.budget_before.push((release.time_s, *bucket));
            if !bucket.allows_retry(release.time_s) {
                return false;
            }
        }
        self.send(release.time_s, release.first_s, release.key);
        true
    }

    /// Where the edge of a user sends the attempt `key`. The high half of the user's draw picks
    /// the edge, the low half of the attempt's draw the cluster.
    fn route(&self, key: u64) -> Option<ClusterId> {
        let demand = &*self.demand;
        let [user, attempt] = [key & !15, key].map(|key| demand.edge_stream.at(key));
        let pop = demand.pops[below(user & !0xFFFF_FFFF, demand.pops.len())];
        self.routing.pops[pop as usize].pick(attempt as u32)
    }

    /// One attempt: reads where the user's edge sends, and enters the lane.
    #[inline]
    fn send(&mut self, send_s: f64, first_s: f64, key: u64) {
        let demand = &*self.demand;
        let deadline_s = first_s + demand.deadline_s;
        let Some(cluster) = self.sole_cluster.or_else(|| self.route(key)) else {
            let time_s = (send_s + 2.0 * demand.client_to_pop_s)
                .min(send_s + demand.attempt_timeout_s)
                .min(deadline_s);
            return self.fail(self.first_lane, [send_s, time_s], first_s, key, Reason::NoOrigin);
        };
        let lane = &self.lanes[cluster.index()];
        let arrival_s = send_s + lane.one_way_s;
        let patience_end_s = send_s + lane.patience_s;
        let give_up_s = if patience_end_s < deadline_s { patience_end_s } else { deadline_s };
        let attempt = Attempt { send_s, arrival_s, first_s, give_up_s, work_s: 0.0, key };
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
    pub(super) fn give_up_reason(&self, first_s: f64, give_up_s: f64) -> Reason {
        if give_up_s < first_s + self.deadline_s { self.patience_reason } else { Reason::Timeout }
    }
}
