//! The earliest of many instants, of which each has a place: a winner tree.
//!
//! Setting one replays its way to the root without an unpredictable branch. The kernel's
//! [`Timers`](crate::sim::timers::Timers) are the same for control time; instants of requests are
//! `f64`, and a rounded one would change the order.

/// Instants by slot.
#[derive(Clone, Debug)]
pub(super) struct Earliest {
    /// The champion is node 1, nodes 2n and 2n + 1 are below node n, leaves come last.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    time_s: f64,
    slot: u32,
}

impl Earliest {
    /// So many slots, all at infinity.
    pub(super) fn new(n_slots: usize) -> Self {
        let n_leaves = n_slots.next_power_of_two().max(2);
        let never = |slot| Node { time_s: f64::INFINITY, slot };
        let mut nodes = vec![never(0); 2 * n_leaves];
        for slot in 0..n_leaves {
            nodes[n_leaves + slot].slot = slot as u32;
        }
        let mut earliest = Self { nodes };
        for slot in (0..n_leaves).step_by(2) {
            earliest.set(slot, f64::INFINITY);
        }
        earliest
    }

    fn n_leaves(&self) -> usize {
        self.nodes.len() / 2
    }

    /// The earliest instant [s], and its slot: the lowest of equals.
    #[inline]
    pub(super) fn first(&self) -> (f64, usize) {
        (self.nodes[1].time_s, self.nodes[1].slot as usize)
    }

    /// The instant of a slot is now `time_s`.
    #[inline]
    pub(super) fn set(&mut self, slot: usize, time_s: f64) {
        let mut at = self.n_leaves() + slot;
        let mut winner = Node { time_s, slot: slot as u32 };
        self.nodes[at] = winner;
        while 1 < at {
            let other = self.nodes[at ^ 1];
            let loses = (other.time_s < winner.time_s)
                | ((other.time_s == winner.time_s) & (other.slot < winner.slot));
            winner = if loses { other } else { winner };
            at /= 2;
            self.nodes[at] = winner;
        }
    }

    /// Makes room for a slot.
    pub(super) fn reach(&mut self, slot: usize) {
        if self.n_leaves() <= slot {
            let old = std::mem::replace(self, Self::new(slot + 1));
            for leaf in &old.nodes[old.n_leaves()..] {
                self.set(leaf.slot as usize, leaf.time_s);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::streams::{Cursor, Stream};

    /// After every change the champion is the first least of a plain list, ties and growth
    /// included; instants are drawn from a coarse grid so that ties are common.
    #[test]
    fn the_champion_is_the_first_least() {
        let mut draws = Cursor::new(Stream::new(1, 0, "test", "earliest"));
        let mut tree = Earliest::new(1);
        let mut list = vec![f64::INFINITY; 1];
        for round in 0..4_000 {
            if round % 100 == 0 {
                list.push(f64::INFINITY);
                tree.reach(list.len() - 1);
            }
            let slot = draws.next_below(list.len());
            let time_s = [0.0, 1.0, 2.0, 3.0, f64::INFINITY][draws.next_below(5)];
            list[slot] = time_s;
            tree.set(slot, time_s);
            let least = list.iter().copied().fold(f64::INFINITY, f64::min);
            let first = list.iter().position(|time_s| *time_s == least).expect("not empty");
            assert_eq!(tree.first(), (least, first), "round {round}");
        }
    }
}
