//! The pace at which a region grants new machines, and those that it does not grant.
//!
//! After the loss of a region everybody orders machines in the next one. A region with a
//! `machineRate` grants machines one after the other; those that an order cannot have at once come
//! when their turn is, or fail if that is later than `longestWait`. Each machine that may come
//! at all does so with the probability `allocationSuccess`, one independent of the other. While
//! another region is lost the pace is `stampedeMachineRate` and the probability
//! `stampedeAllocationSuccess`. Machines within a capacity reservation are there already. The
//! mechanism is a model: it has no upstream, and neither a pace nor a probability is published.
//! A machine that is deallocated keeps its turn and needs luck like a new one to start.

use crate::control::Cx;
use crate::model::ids::{PoolId, RegionId};
use crate::model::region_capacity::Pace;
use crate::model::world::World;
use crate::sim::streams::unit;
use crate::units::{Ratio, Span, Time};

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

/// What a region answers for one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// It is granted after this wait.
    After(Span),
    /// It does not come.
    Refused,
}

/// What a region answers for the machines of one order.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// One for each machine; empty: all are granted at once.
    grants: Vec<Grant>,
    /// Where the turns stand if the order is placed.
    turns: Option<(RegionId, Turns)>,
}

impl Grants {
    /// The answer for the machine at a place of the order.
    #[must_use]
    pub fn of(&self, index: usize) -> Grant {
        self.grants.get(index).copied().unwrap_or(Grant::After(Span::ZERO))
    }

    /// The order is placed: its turns are taken.
    pub fn take(&self, cx: &mut Cx) {
        if let Some((region, turns)) = self.turns {
            cx.memory.cloud.turns.insert(region, turns);
        }
    }
}

/// Whether a machine comes: `draw` is uniform in (0, 1).
#[must_use]
pub fn comes(draw: f64, success: Ratio) -> bool {
    draw < success.get()
}

/// The answer for one machine that may come: its turn, unless that is too late.
pub fn turn(turns: &mut Turns, pace: Pace, longest_wait: Option<Span>, now: Time) -> Grant {
    let mut after = *turns;
    let wait = after.next(pace, now) - now;
    if longest_wait.is_some_and(|longest| longest < wait) {
        return Grant::Refused;
    }
    *turns = after;
    Grant::After(wait)
}

/// Asks a region for `more` new machines of a pool; [`Grants::take`] places the order.
pub fn ask(cx: &mut Cx, pool: PoolId, more: usize) -> Grants {
    let region = cx.world[cx.world[pool].cluster].region;
    let Some(capacity) = &cx.world[region].capacity else { return Grants::default() };
    let longest_wait = capacity.allocation.longest_wait;
    let pace = pace(&cx.world, region);
    let reserved = cx.world[pool].reserved_machines;
    let free = reserved.saturating_sub(quota::machines(&cx.world, pool)) as usize;
    let luck = luck(cx, pool, more.saturating_sub(free));
    if pace.is_none() && luck.is_empty() {
        return Grants::default();
    }
    let mut turns = cx.memory.cloud.turns.get(&region).copied().unwrap_or(Turns::FRESH);
    let now = cx.now;
    let grant = |index: usize| {
        let beyond = index.checked_sub(free);
        if beyond.is_some_and(|place| luck.get(place).is_some_and(|comes| !comes)) {
            return Grant::Refused;
        }
        match pace.filter(|_| beyond.is_some()) {
            Some(pace) => turn(&mut turns, pace, longest_wait, now),
            None => Grant::After(Span::ZERO),
        }
    };
    let grants = (0..more).map(grant).collect();
    Grants { grants, turns: Some((region, turns)) }
}

/// Whether each of so many machines of a pool may come; empty if there is no chance in it. Every
/// machine that is asked for has a draw of its own, whatever becomes of the order.
pub fn luck(cx: &mut Cx, pool: PoolId, n: usize) -> Vec<bool> {
    let cluster = cx.world[pool].cluster;
    let region = cx.world[cluster].region;
    let allocation = cx.world[region].capacity.as_ref().map(|capacity| &capacity.allocation);
    let Some(success) = allocation.and_then(|allocation| allocation.success_of(pool)) else {
        return Vec::new();
    };
    let is_stampede = is_stampede(&cx.world, region);
    let success = if is_stampede { success.stampede } else { success.usual };
    let name = format!("{}/{}", cx.world[cluster].name, cx.world[pool].name);
    let n_asked = cx.memory.cloud.asked.entry(pool).or_default();
    let from = *n_asked;
    *n_asked += n as u64;
    let draw = |ordinal| unit(cx.chance.draw("allocation", &name, ordinal));
    (from..from + n as u64).map(|ordinal| comes(draw(ordinal), success)).collect()
}

/// Whether users of another region look for machines in this one.
fn is_stampede(world: &World, region: RegionId) -> bool {
    let mut others = (0..world.regions.len()).map(RegionId::new).filter(|&other| other != region);
    others.any(|other| !world[other].outages.is_up())
}

/// The pace of a region now.
fn pace(world: &World, region: RegionId) -> Option<Pace> {
    let capacity = world[region].capacity.as_ref()?;
    capacity.stampede.filter(|_| is_stampede(world, region)).or(capacity.pace)
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

    /// The pace is 6 machines a minute, two at once. A machine whose turn is later than the longest
    /// wait fails and takes no turn: the next one that can wait has it.
    #[test]
    fn who_would_wait_too_long_fails() {
        let pace = Pace { rate: Rate::per_second(0.1), burst: 2 };
        let granted = |longest: Option<i64>, asked: &[i64]| {
            let mut turns = Turns::FRESH;
            let longest = longest.map(Span::from_secs);
            let each = asked.iter().map(|&at| {
                match turn(&mut turns, pace, longest, Time::from_secs(at)) {
                    Grant::After(wait) => wait.as_secs_f64() as i64,
                    Grant::Refused => -1,
                }
            });
            each.collect::<Vec<_>>()
        };
        for (rule, longest, asked, expected) in [
            ("everybody waits", None, vec![0, 0, 0, 0], vec![0, 0, 10, 20]),
            ("nobody waits", Some(0), vec![0, 0, 0, 9, 10], vec![0, 0, -1, -1, 0]),
            ("just as long", Some(10), vec![0, 0, 0, 0, 0], vec![0, 0, 10, -1, -1]),
            ("a second less", Some(9), vec![0, 0, 0, 1], vec![0, 0, -1, 9]),
        ] {
            assert_eq!(granted(longest, &asked), expected, "{rule}");
        }
    }

    /// A region that grants r machines a second and is asked for a > r by orders that do not wait
    /// fails the share 1 - r/a, exactly so over whole periods: 3 asked each second, 1 granted.
    #[test]
    fn the_pace_sets_the_share_that_fails() {
        let pace = Pace { rate: Rate::per_second(1.0), burst: 1 };
        let mut turns = Turns::FRESH;
        let asked = (0..3_000).map(|third| Time::from_nanos(third * 1_000_000_000 / 3));
        let failed = asked
            .filter(|&at| turn(&mut turns, pace, Some(Span::ZERO), at) == Grant::Refused)
            .count();
        assert_eq!(failed, 2_000);
    }

    /// The dial is a probability: of 40,000 machines of 100 trials the share that comes is the
    /// dial within four standard errors of a binomial count; 0 and 1 leave nothing to chance.
    #[test]
    fn the_dial_is_the_share_that_comes() {
        const N: u64 = 40_000;
        let draw = |ordinal: u64| {
            let chance = crate::control::Chance::independent(5, ordinal % 100);
            unit(chance.draw("allocation", "west/user", ordinal / 100))
        };
        for p in [0.0, 0.05, 0.3, 0.5, 0.65, 0.95, 1.0] {
            let count = (0..N).filter(|&i| comes(draw(i), Ratio::new(p))).count() as f64;
            let (mean, variance) = (N as f64 * p, N as f64 * p * (1.0 - p));
            assert!((count - mean).abs() <= 4.0 * variance.sqrt(), "{p}: {count} of {N}");
        }
    }
}
