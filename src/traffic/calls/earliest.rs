//! The earliest of many instants, of which each has a place.
//!
//! As the kernel's [`Timers`](crate::sim::timers::Timers) for control time; but instants of
//! requests are `f64`, and a rounded one would change the order.

use crate::sim::tournament::Tournament;

/// Instants by slot.
#[derive(Clone, Debug)]
pub(super) struct Earliest {
    /// The bits of floats, made to order as the floats do.
    keys: Tournament,
}

impl Earliest {
    /// So many slots, all at infinity.
    pub(super) fn new(n_slots: usize) -> Self {
        Self { keys: Tournament::new(n_slots) }
    }

    /// The earliest instant [s], and its slot: the lowest of equals.
    #[inline]
    pub(super) fn first(&self) -> (f64, usize) {
        let (key, slot) = self.keys.first();
        (f64::from_bits(in_order(key) as u64), slot as usize)
    }

    /// The instant of a slot is now `time_s`.
    #[inline]
    pub(super) fn set(&mut self, slot: usize, time_s: f64) {
        self.keys.set(slot as u32, key_of(time_s));
    }

    /// The instant of a slot is `time_s`, unless it is earlier.
    #[inline]
    pub(super) fn set_by(&mut self, slot: usize, time_s: f64) {
        if key_of(time_s) < self.keys.key(slot as u32) {
            self.set(slot, time_s);
        }
    }

    /// Makes room for a slot.
    pub(super) fn reach(&mut self, slot: usize) {
        self.keys.reach(slot);
    }
}

#[inline]
fn key_of(time_s: f64) -> i64 {
    // Of the two zeros, which are equal, the positive one.
    in_order((time_s + 0.0).to_bits() as i64)
}

/// The bits of a float as a number that orders as the float does, and back: negative floats order
/// against their bits, but for the sign.
const fn in_order(bits: i64) -> i64 {
    bits ^ ((bits >> 63) & i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first is the least, negative ones and infinity included, and comes out as it went in;
    /// of equal ones, such as the two zeros, it is the one in the lowest slot.
    #[test]
    fn the_first_is_the_least() {
        let mut earliest = Earliest::new(2);
        assert_eq!(earliest.first(), (f64::INFINITY, 0));
        let times_s = [f64::INFINITY, 2.5, 1e-300, 0.0, -0.0, -1e-300, -2.5];
        earliest.reach(times_s.len() - 1);
        for (slot, time_s) in times_s.into_iter().enumerate() {
            earliest.set(slot, time_s);
            let first = if slot == 4 { 3 } else { slot };
            assert_eq!(earliest.first(), (times_s[first], first));
        }
        earliest.set_by(6, -2.0);
        assert_eq!(earliest.first(), (-2.5, 6), "that is later");
        earliest.set_by(3, -3.0);
        assert_eq!(earliest.first(), (-3.0, 3));
    }
}
