//! A winner tree: the least of many keys, of which each has a place.
//!
//! Each inner node names the winner of the two below it, so a key that changes plays against its
//! neighbours on the way to the root, and no unpredictable branch decides a match. Where the
//! compiler knows how many slots there are, it unrolls that way and leaves out the checks of
//! indices: 15 instructions a match instead of 24.

use std::hint::select_unpredictable;

/// Keys by slot, and which is the least; of equals the lowest slot.
#[derive(Clone, Debug)]
pub struct Tournament {
    /// By slot; a power of two of them.
    keys: Vec<i64>,
    /// By node: the slot of the winner below. Node `n` is `winners[n / 2][n % 2]`: node 1 is the
    /// champion, nodes `2 n` and `2 n + 1` are below node `n`, the leaf of slot `s` is the number
    /// of slots plus `s`.
    winners: Vec<[u32; 2]>,
    champion: Player,
    /// Gives a slot its key, for this number of slots, and returns the champion.
    set: Set,
}

/// A key and its slot.
type Player = (i64, u32);

type Set = fn(&mut [i64], &mut [[u32; 2]], Player) -> Player;

impl Tournament {
    /// The greatest key that a slot may have, which every slot has at first: the bits of infinity.
    pub const LAST: i64 = f64::INFINITY.to_bits() as i64;

    /// At least so many slots.
    #[must_use]
    pub fn new(n_slots: usize) -> Self {
        let n_slots = n_slots.next_power_of_two().max(2);
        let mut winners = vec![[0; 2]; n_slots];
        for (slot, leaf) in (0..).zip(&mut winners.as_flattened_mut()[n_slots..]) {
            *leaf = slot;
        }
        // All are equal: the left one wins.
        for node in (1..n_slots).rev() {
            winners[node / 2][node % 2] = winners[node][0];
        }
        let set: Set = match n_slots {
            16 => set_of::<16>,
            32 => set_of::<32>,
            64 => set_of::<64>,
            128 => set_of::<128>,
            256 => set_of::<256>,
            512 => set_of::<512>,
            1_024 => set_of::<1_024>,
            2_048 => set_of::<2_048>,
            4_096 => set_of::<4_096>,
            8_192 => set_of::<8_192>,
            16_384 => set_of::<16_384>,
            _ => set_of_any,
        };
        Self { keys: vec![Self::LAST; n_slots], winners, champion: (Self::LAST, 0), set }
    }

    /// Makes room for a slot.
    pub fn reach(&mut self, slot: usize) {
        if self.keys.len() <= slot {
            let old = std::mem::replace(self, Self::new(slot + 1));
            for (slot, key) in (0..).zip(old.keys) {
                self.set(slot, key);
            }
        }
    }

    /// The key of a slot.
    #[inline]
    #[must_use]
    pub fn key(&self, slot: u32) -> i64 {
        self.keys[slot as usize]
    }

    /// The key of `slot` is now `key`, which is not `i64::MIN`.
    #[inline]
    pub fn set(&mut self, slot: u32, key: i64) {
        self.champion = (self.set)(&mut self.keys, &mut self.winners, (key, slot));
    }

    /// The least key, and its slot.
    #[inline]
    #[must_use]
    pub const fn first(&self) -> (i64, u32) {
        self.champion
    }

    /// What would be [first](Self::first) if `slot` had this key.
    #[must_use]
    pub fn first_if(&self, slot: u32, key: i64) -> (i64, u32) {
        let mut player = (key, slot);
        let mut node = self.keys.len() + slot as usize;
        while 1 < node {
            let rival = self.winners[node / 2][(node % 2) ^ 1];
            player = winner(player, node % 2, (self.keys[rival as usize], rival));
            node /= 2;
        }
        player
    }
}

fn set_of<const N: usize>(keys: &mut [i64], winners: &mut [[u32; 2]], player: Player) -> Player {
    let keys: &mut [i64; N] = keys.try_into().expect("chosen for this number of slots");
    let winners: &mut [[u32; 2]; N] = winners.try_into().expect("a pair for each slot");
    play(keys, winners.as_flattened_mut(), player)
}

fn set_of_any(keys: &mut [i64], winners: &mut [[u32; 2]], player: Player) -> Player {
    play(keys, winners.as_flattened_mut(), player)
}

/// Writes the key of a player and lets it play against its neighbours; returns the champion.
#[inline(always)]
fn play(keys: &mut [i64], winners: &mut [u32], mut player: Player) -> Player {
    let n_slots = keys.len();
    let (key, slot) = player;
    keys[slot as usize] = key;
    // Slots are a power of two: to add them is to set a bit.
    let mut node = n_slots | slot as usize;
    for _ in 0..n_slots.trailing_zeros() {
        let rival = winners[node ^ 1];
        player = winner(player, node % 2, (keys[rival as usize & (n_slots - 1)], rival));
        node /= 2;
        winners[node] = player.1;
    }
    player
}

/// The winner of a player on the given side (0 left, 1 right) and its rival: of equals the left
/// one, where the lower slot is.
///
/// With an `if` that becomes a branch, which is wrong every second time, a match takes three
/// times as long.
#[inline(always)]
fn winner(player: Player, side: usize, rival: Player) -> Player {
    let loses = rival.0 - (side as i64) < player.0;
    let key = select_unpredictable(loses, rival.0, player.0);
    (key, select_unpredictable(loses, rival.1, player.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::streams::{Cursor, Stream};

    /// After every change the champion is the first least of a plain list, ties and growth
    /// included, through numbers of slots that the compiler knows and others; keys are few, so
    /// that ties are common.
    #[test]
    fn the_champion_is_the_first_least() {
        let mut draws = Cursor::new(Stream::new(1, 0, "test", "tournament"));
        let mut tournament = Tournament::new(1);
        let mut keys = vec![Tournament::LAST; 1];
        let first_least = |keys: &[i64]| {
            let least = *keys.iter().min().expect("not empty");
            let slot = keys.iter().position(|key| *key == least).expect("one is the least");
            (least, slot as u32)
        };
        for n_slots in [1, 2, 3, 7, 8, 9, 30, 64, 65, 300, 17_000, 40_000] {
            keys.resize(n_slots, Tournament::LAST);
            tournament.reach(n_slots - 1);
            for _ in 0..300 {
                let [slot, other] = [0; 2].map(|_| draws.next_below(n_slots));
                let [key, if_key] =
                    [0; 2].map(|_| [-(1 << 62), -1, 0, 1, Tournament::LAST][draws.next_below(5)]);
                keys[slot] = key;
                tournament.set(slot as u32, key);
                assert_eq!(tournament.first(), first_least(&keys), "{n_slots} slots");
                assert_eq!(tournament.key(other as u32), keys[other]);
                let kept = std::mem::replace(&mut keys[other], if_key);
                assert_eq!(tournament.first_if(other as u32, if_key), first_least(&keys));
                keys[other] = kept;
            }
        }
    }
}
