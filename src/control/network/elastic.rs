//! The heart of a network service that scales by itself: how many instances it wants.
//!
//! It wants the fewest instances that its load fills to no more than the target. More are ordered
//! at once; fewer only after they have been enough for a while. Follows azure-docs
//! application-gateway/high-traffic-support.md and firewall-faq.yml, which publish only how long
//! new instances take; the rule itself is assumed.

use crate::model::elastic::Elastic;
use crate::model::fact::Why;
use crate::units::{Span, Time};

/// Instances wanted for a load of `used`, in the unit of one instance's capacity.
#[must_use]
pub fn wanted(used: f64, plan: &Elastic) -> (u32, Why) {
    let needed = (used / (plan.per_instance * plan.target_utilization)).ceil() as u32;
    if plan.max < needed {
        (plan.max, Why("its load needs more than its maximum of instances"))
    } else if needed < plan.min {
        (plan.min, Why("its minimum of instances is enough"))
    } else {
        (needed, Why("its load fills them to the target utilisation"))
    }
}

/// Instances on order and the wish for fewer.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// When how many instances will work, in order of time.
    coming: Vec<(Time, u32)>,
    /// Since when fewer would be enough.
    too_many_since: Option<Time>,
    /// Orders ever given, which number their draws.
    n_orders: u64,
}

/// What a service does about its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Stay,
    /// More instances, which come later.
    Order(u32),
    /// Fewer instances, at once.
    Shrink(u32),
}

impl Orders {
    /// The step towards `wanted` from `working` instances, and remembers since when there are too
    /// many.
    pub fn step(&mut self, wanted: u32, working: u32, delay: Span, now: Time) -> Step {
        let last = self.coming.iter().map(|&(_, instances)| instances).max().unwrap_or(working);
        let has_too_many = wanted < working && self.coming.is_empty();
        if !has_too_many {
            self.too_many_since = None;
            return if last < wanted { Step::Order(wanted) } else { Step::Stay };
        }
        let since = *self.too_many_since.get_or_insert(now);
        if since + delay <= now {
            self.too_many_since = None;
            Step::Shrink(wanted)
        } else {
            Step::Stay
        }
    }

    /// Forgets since when there have been too many.
    pub const fn keep(&mut self) {
        self.too_many_since = None;
    }

    /// The number of the next order, for its draw.
    pub fn next_number(&mut self) -> u64 {
        self.n_orders += 1;
        self.n_orders - 1
    }

    /// Instances will work from `at` on.
    pub fn order(&mut self, at: Time, instances: u32) {
        self.coming.push((at, instances));
        self.coming.sort_unstable();
    }

    /// When the next instances come.
    #[must_use]
    pub fn next_at(&self) -> Option<Time> {
        self.coming.first().map(|&(at, _)| at)
    }

    /// The instances that work by `now`, if more than `working` have come.
    pub fn arrived(&mut self, now: Time, working: u32) -> Option<u32> {
        let n_due = self.coming.partition_point(|&(at, _)| at <= now);
        let most = self.coming.drain(..n_due).map(|(_, instances)| instances).max()?;
        (working < most).then_some(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::GateId;
    use crate::sim::laws::Law;

    fn plan(min: u32, max: u32) -> Elastic {
        Elastic {
            min,
            max,
            per_instance: 10.0,
            target_utilization: 0.75,
            scale_out: Law::uniform(180.0, 300.0),
            scale_in_delay: Span::from_secs(600),
            gate: GateId::new(0),
            costs: Vec::new(),
            probe_cost: 0.0,
            instances: min,
        }
    }

    /// Ten units an instance, filled to 75 %: one for every 7.5 units of load, within bounds.
    #[test]
    fn instances_follow_the_load() {
        let table = [
            ("no load, no instance", 0.0, (0, 20), 0),
            ("no load, the minimum", 0.0, (2, 20), 2),
            ("just one", 7.5, (0, 20), 1),
            ("a little more", 7.501, (0, 20), 2),
            ("between", 75.0, (2, 20), 10),
            ("just the maximum", 150.0, (2, 20), 20),
            ("no more than the maximum", 150.1, (2, 20), 20),
        ];
        for (name, used, (min, max), instances) in table {
            assert_eq!(wanted(used, &plan(min, max)).0, instances, "{name}");
        }
        assert_ne!(wanted(150.0, &plan(2, 20)).1, wanted(150.1, &plan(2, 20)).1, "the cause");
    }

    /// More is ordered at once but never twice, fewer only when they were enough for the delay.
    #[test]
    fn more_at_once_and_fewer_after_a_delay() {
        let (mut orders, delay) = (Orders::default(), Span::from_secs(600));
        let at = Time::from_secs;
        assert_eq!(orders.step(4, 2, delay, at(0)), Step::Order(4));
        orders.order(at(200), 4);
        assert_eq!(orders.step(4, 2, delay, at(10)), Step::Stay, "they are coming");
        assert_eq!(orders.step(6, 2, delay, at(20)), Step::Order(6), "the load rises");
        orders.order(at(290), 6);
        assert_eq!(orders.step(1, 2, delay, at(30)), Step::Stay, "what comes is awaited");
        assert_eq!((orders.next_at(), orders.arrived(at(199), 2)), (Some(at(200)), None));
        assert_eq!(orders.arrived(at(200), 2), Some(4));
        assert_eq!(orders.arrived(at(290), 4), Some(6));
        assert_eq!(orders.step(3, 6, delay, at(300)), Step::Stay, "too many since now");
        assert_eq!(orders.step(3, 6, delay, at(899)), Step::Stay);
        assert_eq!(orders.step(6, 6, delay, at(899)), Step::Stay, "needed again");
        assert_eq!(orders.step(3, 6, delay, at(900)), Step::Stay, "counted anew");
        assert_eq!(orders.step(3, 6, delay, at(1_499)), Step::Stay);
        assert_eq!(orders.step(3, 6, delay, at(1_500)), Step::Shrink(3));
    }

    /// A later order that comes first makes the earlier one void.
    #[test]
    fn orders_may_overtake() {
        let mut orders = Orders::default();
        let at = Time::from_secs;
        orders.order(at(300), 4);
        orders.order(at(200), 6);
        assert_eq!(orders.arrived(at(200), 2), Some(6));
        assert_eq!(orders.arrived(at(300), 6), None);
        assert_eq!(orders.next_at(), None);
    }
}
