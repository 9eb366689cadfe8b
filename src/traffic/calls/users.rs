//! Users: when they send, where their edge sends them, and what they do about an outcome.

use crate::model::ids::ClusterId;
use crate::sim::streams::below;
use crate::traffic::ledger::Reason;
use crate::traffic::requests::Demand;
use crate::traffic::routing::Routing;

use super::Calls;
use super::callers::Call;
use super::slab::Ref;
use super::timers::Due;
use super::wires::{Sent, UserBits, Wire};

impl Calls {
    /// The next user of a demand sends for the first time.
    pub(super) fn user_sends(&mut self, demand: usize, now_s: f64, routing: &Routing) {
        let source = &mut self.demands[demand].source;
        let ordinal = source.take();
        let next_s = source.next_s();
        self.sources.set(self.slot_of_users(demand), next_s);
        self.client_sends(demand, ordinal, now_s, routing);
    }

    /// The user of this number sends for the first time.
    pub(super) fn client_sends(
        &mut self,
        demand: usize,
        ordinal: u64,
        now_s: f64,
        routing: &Routing,
    ) {
        if let Some(budget) = &mut self.demands[demand].budget {
            budget.first_sent(&[now_s]);
        }
        self.ledger.offered(demand, now_s, 1);
        let (wire, key) = (demand * self.n_clusters, ordinal << 4);
        let lane = self.wires[wire].lane();
        let criticality = self.criticalities.get(demand).copied();
        let part = UserBits { bits: lane.part_bits(key), writes: lane.is_write(key), criticality };
        let call = self.calls.insert(Call::of_user(wire, key, now_s, part));
        self.send_of_user(call, now_s, routing);
    }

    /// One attempt of a user.
    fn send_of_user(&mut self, call: Ref, now_s: f64, routing: &Routing) {
        let Call { key, first_s, part, wire, .. } = self.calls[call];
        let number = self.demand_of(wire);
        let demand = &self.demands[number];
        let deadline_s = first_s + demand.deadline_s;
        let Some(cluster) = route(demand, key, routing) else {
            let told_s = (now_s + 2.0 * demand.client_to_pop_s)
                .min(now_s + demand.attempt_timeout_s)
                .min(deadline_s);
            return self.await_answer(wire, call, told_s, Reason::NoOrigin, now_s);
        };
        let wire = number * self.n_clusters + cluster.index();
        let lane = self.wires[wire].lane();
        let patience_end_s = now_s + lane.patience_s;
        let give_up_s = if patience_end_s < deadline_s { patience_end_s } else { deadline_s };
        let (arrival_s, reason) = (now_s + lane.one_way_s, lane.give_up_reason(first_s, give_up_s));
        self.await_answer(wire, call, give_up_s, reason, now_s);
        self.put_request(wire, Sent { arrival_s, call, key, give_up_s, part });
    }

    /// A user sends again, if the budget of the demand allows it.
    pub(super) fn user_tries_again(&mut self, call: Ref, now_s: f64, routing: &Routing) {
        let Call { wire, first_s, failed_by, .. } = self.calls[call];
        let demand = self.demand_of(wire);
        let budget = &mut self.demands[demand].budget;
        if budget.as_mut().is_none_or(|budget| budget.allows_retry(now_s)) {
            self.ledger.retried(demand, first_s);
            self.send_of_user(call, now_s, routing);
        } else {
            self.user_fails(call, failed_by, now_s);
        }
    }

    /// A user has its answer.
    pub(super) fn user_is_served(&mut self, call: Ref, now_s: f64) {
        let Call { wire, first_s, key, .. } = self.calls.remove(call);
        let demand = self.demand_of(wire);
        self.ledger.demand_mut(demand).served(first_s, now_s);
        self.next_of_client(demand, key, now_s);
    }

    /// An attempt of a user has failed: it tries again, or has failed.
    pub(super) fn users_attempt_fails(&mut self, call: Ref, reason: Reason, now_s: f64) {
        let Call { wire, first_s, key, .. } = self.calls[call];
        let Wire { backoff, .. } = &self.wires[wire];
        let deadline_s = first_s + self.demands[self.demand_of(wire)].deadline_s;
        match backoff.after(key).map(|wait_s| now_s + wait_s).filter(|at_s| *at_s < deadline_s) {
            Some(at_s) => self.wait_to_retry(call, reason, at_s, now_s),
            None => self.user_fails(call, reason, now_s),
        }
    }

    fn user_fails(&mut self, call: Ref, reason: Reason, now_s: f64) {
        let Call { wire, first_s, key, .. } = self.calls.remove(call);
        let demand = self.demand_of(wire);
        self.ledger.failed(demand, first_s, reason);
        self.next_of_client(demand, key, now_s);
    }

    /// The demand whose users send on a wire.
    #[inline]
    fn demand_of(&self, wire: usize) -> usize {
        self.wires[wire].lane().demand as usize
    }

    /// In a closed loop, an outcome makes the client send its next request.
    fn next_of_client(&mut self, demand: usize, key: u64, now_s: f64) {
        let Some(closed) = self.demands[demand].closed_loop else { return };
        let ordinal = (key >> 4) + closed.clients;
        if ordinal < closed.users {
            let ordinal =
                u32::try_from(ordinal).expect("fewer than 2^32 requests of a closed loop");
            let due = Due::Next { demand: demand as u32, ordinal };
            self.set_timer(now_s + closed.pause_s, due, now_s);
        }
    }
}

/// Where the edge of a user sends the attempt `key`. The high half of the user's draw picks the
/// edge, the low half of the attempt's draw the cluster.
fn route(demand: &Demand, key: u64, routing: &Routing) -> Option<ClusterId> {
    let [user, attempt] = [key & !15, key].map(|key| demand.edge_stream.at(key));
    let pop = demand.pops[below(user & !0xFFFF_FFFF, demand.pops.len())];
    routing.pops[pop as usize].pick(attempt as u32)
}
