//! Sending: users in order of time, merged with retries, into the lanes.

use crate::sim::streams::below;

use crate::traffic::ledger::Reason;
use crate::traffic::retries::Release;
use crate::traffic::routing::Routing;

use super::{Attempt, Notice, Requests, What};

impl Requests {
    /// Every demand sends what is due before `end_s`.
    pub(super) fn dispatch(&mut self, end_s: f64, routing: &Routing) {
        let mut releases = std::mem::take(&mut self.due_releases);
        self.releases.take_before(end_s, &mut releases);
        releases.sort_unstable_by(|a, b| {
            a.demand.cmp(&b.demand).then(a.time_s.total_cmp(&b.time_s)).then(a.key.cmp(&b.key))
        });
        let mut rest = &releases[..];
        for demand in 0..self.demands.len() {
            let n_mine = rest.iter().take_while(|r| r.demand as usize == demand).count();
            let (mine, others) = rest.split_at(n_mine);
            rest = others;
            self.dispatch_demand(demand, mine, end_s, routing);
        }
        releases.clear();
        self.due_releases = releases;
    }

    fn dispatch_demand(
        &mut self,
        demand: usize,
        releases: &[Release],
        end_s: f64,
        routing: &Routing,
    ) {
        for release in releases {
            self.send_users(demand, release.time_s, true, routing);
            self.release(release, routing);
        }
        self.send_users(demand, end_s, false, routing);
    }

    /// The users who send before `end_s`, or also at it if `inclusive`.
    fn send_users(&mut self, index: usize, end_s: f64, inclusive: bool, routing: &Routing) {
        loop {
            let place = self.demands[index].place;
            let due = place.next_s < end_s || (inclusive && place.next_s == end_s);
            if !due {
                return;
            }
            self.send_first(index, place.next_s, place.ordinal << 4, routing);
            let demand = &mut self.demands[index];
            demand.source.step(&mut demand.place);
        }
    }

    #[inline]
    fn send_first(&mut self, index: usize, time_s: f64, key: u64, routing: &Routing) {
        let demand = &mut self.demands[index];
        if let Some(bucket) = &mut demand.budget {
            demand.budget_before.push((time_s, *bucket));
            bucket.first_sent(time_s);
        }
        self.ledger.offered(index, time_s);
        self.send(index, time_s, time_s, key, routing);
    }

    /// A retry, if the budget allows it; or the next request of a closed-loop client.
    fn release(&mut self, release: &Release, routing: &Routing) {
        let index = release.demand as usize;
        if release.key & 15 == 0 {
            self.send_first(index, release.time_s, release.key, routing);
            return;
        }
        let demand = &mut self.demands[index];
        if let Some(bucket) = &mut demand.budget {
            demand.budget_before.push((release.time_s, *bucket));
            if !bucket.allows_retry(release.time_s) {
                self.denied.push(*release);
                return;
            }
        }
        self.send(index, release.time_s, release.first_s, release.key, routing);
    }

    /// One attempt: draws the user's edge, reads where that sends, and enters the lane.
    #[inline]
    fn send(&mut self, index: usize, send_s: f64, first_s: f64, key: u64, routing: &Routing) {
        self.ledger.attempted(index, first_s, key & 15);
        let demand = &self.demands[index];
        // The high half of the user's first draw picks the edge, the low half of each
        // attempt's draw the cluster.
        let user_draw = demand.edge_stream.at(key & !15);
        let draw = if key & 15 == 0 { user_draw } else { demand.edge_stream.at(key) };
        let pop = demand.pops[below(user_draw & !0xFFFF_FFFF, demand.pops.len())];
        let deadline_s = first_s + demand.deadline_s;
        let Some(cluster) = routing.pops[pop as usize].pick(draw as u32) else {
            let time_s = (send_s + 2.0 * demand.client_to_pop_s)
                .min(send_s + demand.attempt_timeout_s)
                .min(deadline_s);
            let what = What::Failed(Reason::NoOrigin);
            let lane = (index * self.n_clusters) as u16;
            self.fresh_notices.push(Notice { time_s, first_s, send_s, key, lane, what });
            return;
        };
        let lane_index = index * self.n_clusters + cluster.index();
        let lane = &mut self.lanes[lane_index];
        let arrival_s = send_s + lane.one_way_s;
        let patience_end_s = send_s + lane.patience_s;
        let give_up_s = if patience_end_s < deadline_s { patience_end_s } else { deadline_s };
        let abandoned = give_up_s <= arrival_s;
        lane.queue.push_back(Attempt { send_s, arrival_s, first_s, give_up_s, key, abandoned });
        if abandoned {
            let reason = self.give_up_reason(lane_index, first_s, give_up_s);
            let (lane, what) = (lane_index as u16, What::Failed(reason));
            self.fresh_notices.push(Notice { time_s: give_up_s, first_s, send_s, key, lane, what });
        }
    }

    /// Why an attempt on `lane` ends when nobody waits for it any more at `give_up_s`.
    pub(super) fn give_up_reason(&self, lane: usize, first_s: f64, give_up_s: f64) -> Reason {
        let lane = &self.lanes[lane];
        let deadline_s = first_s + self.demands[lane.demand as usize].deadline_s;
        if give_up_s < deadline_s { lane.patience_reason } else { Reason::Timeout }
    }

    /// Undoes every send at or after `now_s`, where the slice was cut short.
    pub(super) fn take_back_sends(&mut self, now_s: f64) {
        for (demand, place) in self.demands.iter_mut().zip(&self.slice_places) {
            let mut place = *place;
            while place.next_s < now_s {
                demand.source.step(&mut place);
            }
            demand.place = place;
            let kept = demand.budget_before.partition_point(|(time_s, _)| *time_s < now_s);
            if let Some((_, bucket)) = demand.budget_before.get(kept) {
                demand.budget = Some(*bucket);
            }
        }
        for index in 0..self.lanes.len() {
            while let Some(attempt) = self.lanes[index].queue.pop_back() {
                if attempt.send_s < now_s {
                    self.lanes[index].queue.push_back(attempt);
                    break;
                }
                self.take_back(
                    self.lanes[index].demand,
                    attempt.send_s,
                    attempt.first_s,
                    attempt.key,
                );
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
        for release in std::mem::take(&mut self.denied) {
            if release.time_s < now_s {
                self.denied.push(release);
            } else {
                self.releases.push(release);
            }
        }
    }

    /// Undoes one send: users of a source come again by their place, releases wait again.
    fn take_back(&mut self, demand: u32, send_s: f64, first_s: f64, key: u64) {
        let index = demand as usize;
        self.ledger.not_attempted(index, first_s, key & 15);
        let first = key & 15 == 0;
        if first {
            self.ledger.not_offered(index, first_s);
        }
        if !first || self.demands[index].closed_loop.is_some() {
            self.releases.push(Release { time_s: send_s, first_s, key, demand, reason: 0 });
        }
    }
}
