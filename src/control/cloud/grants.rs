//! The pace at which a region grants new machines.
//!
//! After the loss of a region everybody orders machines in the next one. A region with a
//! `machineRate` grants machines one after the other; those that an order cannot have at once come
//! when their turn is. While another region is lost the pace is `stampedeMachineRate`. Machines
//! within a capacity reservation are there already. The mechanism is a model: it has no
//! upstream, and no pace is published.

use crate::control::Cx;
use crate::model::ids::{PoolId, RegionId};
use crate::model::region_capacity::Pace;
use crate::model::world::World;
use crate::units::{Span, Time};

use super::quota;

/// The turns of a region's new machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turns {
    /// The turn that was given last, or would have been while nobody asked.
    last: Time,
}

impl Turns {
    /// Nobody has asked yet.
    pub const FRESH: Self = Self { last: Time::from_nanos(i64::MIN) };

    /// When the next machine is granted.
    pub fn next(&mut self, pace: Pace, now: Time) -> Time {
        let period = Span::from_secs_f64(1.0 / pace.rate.per_s());
        let rested = now - period * i64::from(pace.burst);
        self.last = self.last.max(rested) + period;
        self.last.max(now)
    }
}

/// How long each of `more` new machines of a pool waits for its turn; empty if none waits.
pub fn waits(cx: &mut Cx, pool: PoolId, more: usize) -> Vec<Span> {
    let region = cx.world[cx.world[pool].cluster].region;
    let Some(pace) = pace(&cx.world, region) else { return Vec::new() };
    let reserved = cx.world[pool].reserved_machines;
    let free = reserved.saturating_sub(quota::machines(&cx.world, pool)) as usize;
    let turns = cx.memory.cloud.turns.entry(region).or_insert(Turns::FRESH);
    let now = cx.now;
    let wait = |index| if index < free { Span::ZERO } else { turns.next(pace, now) - now };
    (0..more).map(wait).collect()
}

/// The pace of a region now.
fn pace(world: &World, region: RegionId) -> Option<Pace> {
    let capacity = world[region].capacity.as_ref()?;
    let others = (0..world.regions.len()).map(RegionId::new).filter(|&other| other != region);
    let is_stampede = others.into_iter().any(|other| !world[other].outages.is_up());
    capacity.stampede.filter(|_| is_stampede).or(capacity.pace)
}

#[cfg(test)]
mod tests {
    use crate::units::Rate;

    use super::*;

    /// Turns of a region that grants 6 machines a minute: a burst at once, then one each 10 s; a
    /// rest fills the burst again, but no more than that.
    #[test]
    fn machines_come_one_by_one_after_the_burst() {
        let turns_of = |burst, asked: &[i64]| {
            let mut turns = Turns::FRESH;
            let pace = Pace { rate: Rate::per_second(0.1), burst };
            let next = |&at: &i64| turns.next(pace, Time::from_secs(at)).whole_secs();
            asked.iter().map(next).collect::<Vec<_>>()
        };
        for (rule, burst, asked, granted) in [
            ("one at once", 1, [0, 0, 0, 0], [0, 10, 20, 30]),
            ("two at once", 2, [0, 0, 0, 0], [0, 0, 10, 20]),
            ("nobody waits at the pace", 1, [0, 10, 20, 30], [0, 10, 20, 30]),
            ("a second too early", 1, [0, 9, 20, 30], [0, 10, 20, 30]),
            ("a rest is a burst at most", 2, [0, 100, 100, 100], [0, 100, 100, 110]),
        ] {
            assert_eq!(turns_of(burst, &asked), granted, "{rule}");
        }
    }
}
