//! Requests in progress at gates: counted from their arrival in a pod until they end or are given
//! up.

use crate::traffic::gate::{Held, NOWHERE, Pass};
use crate::traffic::ledger::Reason;

use super::Calls;
use super::slab::Ref;
use super::visits::Visit;
use super::wires::Sent;

impl Calls {
    /// The passes of a deployment that count requests of a wire until they end, with their bits.
    fn counting(
        &self,
        wire: usize,
        deployment: usize,
        part: u32,
    ) -> impl Iterator<Item = (u8, usize, Pass)> + use<'_> {
        let by_users = self.wires[wire].is_of_users();
        let passes = self.passes[deployment].iter().enumerate();
        passes.filter_map(move |(index, (gate, pass))| {
            let plan = &self.gates[*gate];
            let counts = plan.counts
                && pass.lasts.is_none()
                && (by_users || plan.reason != Reason::GatewayFull)
                && pass.users.contains(part);
            counts.then_some((1 << index, *gate, *pass))
        })
    }

    /// Gates count a visit from now on.
    pub(super) fn enter_gates(&mut self, name: Ref, now_s: f64) {
        let Visit { wire, deployment, part, counted_until_s, .. } = self.visits[name];
        if counted_until_s <= now_s {
            return;
        }
        let counting: Vec<_> = self.counting(wire, deployment, part.bits).collect();
        for (bit, gate, Pass { places, .. }) in counting {
            let (pod, placing) = (name.slot, name.generation);
            self.gates[gate].hold(Held { until_s: counted_until_s, pod, placing, places });
            self.visits[name].counted |= bit;
        }
    }

    /// Gates count a visit no longer; its name must still be good.
    #[cold]
    pub(super) fn leave_gates(&mut self, name: Ref, now_s: f64) {
        let Visit { deployment, counted, counted_until_s, .. } = self.visits[name];
        let visits = &self.visits;
        for (index, (gate, pass)) in self.passes[deployment].iter().enumerate() {
            if counted & 1 << index != 0 {
                let gate = &mut self.gates[*gate];
                gate.let_go(now_s, |slot| visits.generation(slot));
                if now_s < counted_until_s {
                    gate.forget(pass.places);
                }
            }
        }
    }

    /// A visit that nobody will answer any more stays in progress until it is given up.
    pub(super) fn hold_unanswered(&mut self, name: Ref, now_s: f64) {
        let Visit { deployment, counted, give_up_s: until_s, .. } = self.visits[name];
        for (index, (gate, pass)) in self.passes[deployment].iter().enumerate() {
            if counted & 1 << index != 0 && now_s < until_s {
                let held = Held { until_s, pod: NOWHERE, placing: 0, places: pass.places };
                self.gates[*gate].hold(held);
            }
        }
    }

    /// The same for a request that no pod has taken.
    pub(super) fn hold_until_given_up(
        &mut self,
        wire: usize,
        deployment: usize,
        sent: &Sent,
        now_s: f64,
    ) {
        if sent.give_up_s <= now_s {
            return;
        }
        let counting: Vec<_> = self.counting(wire, deployment, sent.part.bits).collect();
        for (_, gate, Pass { places, .. }) in counting {
            let until_s = sent.give_up_s;
            self.gates[gate].hold(Held { until_s, pod: NOWHERE, placing: 0, places });
        }
    }
}
