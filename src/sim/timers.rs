//! The event set of the control plane: a winner tree with one slot per timer.
//!
//! A winner (tournament) tree keeps in each inner node the earliest of the two below, so arming,
//! re-arming and cancelling are one operation: write a leaf, replay its path to the root without
//! an unpredictable branch. Controllers own a few timers each and re-arm them for ever; a heap
//! of one-shot events would allocate, grow with cancelled events, and order equal times by
//! insertion. Here the order is total: time, then class, then slot.
//!
//! It is for timers, not for requests: at a handful of slots a binary heap is as fast.

use crate::units::Time;

/// Timers that each carry an event `E`; at most one instant per timer is armed.
#[derive(Clone, Debug)]
pub struct Timers<E> {
    slots: Vec<Slot<E>>,
    /// Free slots; the last one freed is the next one used.
    free: Vec<u32>,
    /// Node 1 is the root, nodes `2 i` and `2 i + 1` are below node `i`, and the leaf of slot
    /// `s` is node `capacity + s`. Each holds the least key below it.
    winners: Vec<Key>,
}

/// Names a timer until it is removed. A name that outlives its timer is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    slot: u32,
    generation: u32,
}

#[derive(Clone, Debug)]
struct Slot<E> {
    event: E,
    class: u8,
    /// How many timers lived here before; raised when one is removed.
    generation: u32,
}

/// Time, class and slot in one word, so that the order of words is the order of timers.
type Key = u128;

/// The key of a leaf that is not armed, after every other.
const DISARMED: Key = Key::MAX;
/// Flips the sign bit: maps the order of `i64` to the order of `u64`.
const BIAS: u64 = 1 << 63;

const fn key(time: Time, class: u8, slot: u32) -> Key {
    (((time.nanos() as u64) ^ BIAS) as Key) << 64 | (class as Key) << 32 | slot as Key
}

const fn time_of_key(key: Key) -> Time {
    Time::from_nanos(((key >> 64) as u64 ^ BIAS) as i64)
}

impl<E: Copy> Timers<E> {
    /// No timers.
    #[must_use]
    pub fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), winners: vec![DISARMED; 2] }
    }

    /// A new timer, not armed, whose `event` comes out when it fires. Among timers of the same
    /// instant, the lower `class` fires first, then the lower slot.
    ///
    /// Slots are given out in order, except that removed ones are used again, last removed
    /// first.
    pub fn add(&mut self, class: u8, event: E) -> TimerId {
        if let Some(slot) = self.free.pop() {
            let reused = &mut self.slots[slot as usize];
            reused.event = event;
            reused.class = class;
            return TimerId { slot, generation: reused.generation };
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 timers fit in memory");
        self.slots.push(Slot { event, class, generation: 0 });
        if self.capacity() < self.slots.len() {
            self.grow();
        }
        TimerId { slot, generation: 0 }
    }

    /// Disarms the timer and gives its slot back; its name is void from now on.
    pub fn remove(&mut self, id: TimerId) {
        self.cancel(id);
        let slot = &mut self.slots[id.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
    }

    /// Arms the timer for `time`, whether or not it was armed; [`Time::NEVER`] cancels.
    #[inline]
    pub fn set(&mut self, id: TimerId, time: Time) {
        let class = self.slot(id).class;
        let key = if time == Time::NEVER { DISARMED } else { key(time, class, id.slot) };
        self.replay(id.slot, key);
    }

    /// Disarms the timer.
    pub fn cancel(&mut self, id: TimerId) {
        self.set(id, Time::NEVER);
    }

    /// When the timer fires; [`Time::NEVER`] if it is not armed.
    #[must_use]
    pub fn time_of(&self, id: TimerId) -> Time {
        self.slot(id);
        time_of_key(self.winners[self.capacity() + id.slot as usize])
    }

    /// Whether the timer is armed.
    #[must_use]
    pub fn is_armed(&self, id: TimerId) -> bool {
        self.time_of(id) != Time::NEVER
    }

    /// The event that the timer carries.
    #[must_use]
    pub fn event_of(&self, id: TimerId) -> E {
        self.slot(id).event
    }

    /// The instant of the next timer to fire, or `None` if none is armed.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> Option<Time> {
        let first = self.winners[1];
        (first != DISARMED).then(|| time_of_key(first))
    }

    /// Takes the next timer to fire: its instant and event. It is disarmed, not removed.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let first = self.winners[1];
        if first == DISARMED {
            return None;
        }
        let slot = first as u32;
        self.replay(slot, DISARMED);
        Some((time_of_key(first), self.slots[slot as usize].event))
    }

    /// Number of timers, armed or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are no timers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn capacity(&self) -> usize {
        self.winners.len() / 2
    }

    #[inline]
    fn slot(&self, id: TimerId) -> &Slot<E> {
        let slot = &self.slots[id.slot as usize];
        assert!(slot.generation == id.generation, "the timer {id:?} was removed");
        slot
    }

    /// Writes the leaf of `slot` and lets it play against its neighbours up to the root.
    #[inline]
    fn replay(&mut self, slot: u32, key: Key) {
        let mut winner = key;
        let mut node = self.capacity() + slot as usize;
        self.winners[node] = winner;
        while 1 < node {
            winner = winner.min(self.winners[node ^ 1]);
            node >>= 1;
            self.winners[node] = winner;
        }
    }

    /// Doubles the number of leaves and plays every match again.
    fn grow(&mut self) {
        let old = self.capacity();
        let new = 2 * old;
        let mut winners = vec![DISARMED; 2 * new];
        winners[new..new + old].copy_from_slice(&self.winners[old..]);
        for node in (1..new).rev() {
            winners[node] = winners[2 * node].min(winners[2 * node + 1]);
        }
        self.winners = winners;
    }
}

impl<E: Copy> Default for Timers<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a run may do to the timers.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Add { class: u8 },
        Remove { pick: usize },
        Set { pick: usize, nanos: i64 },
        Cancel { pick: usize },
        Pop,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // Few distinct instants, so that ties are common; negative ones are the warm-up.
        let step = prop_oneof![
            2 => (0..4_u8).prop_map(|class| Step::Add { class }),
            1 => any::<usize>().prop_map(|pick| Step::Remove { pick }),
            5 => (any::<usize>(), -3..4_i64).prop_map(|(pick, nanos)| Step::Set { pick, nanos }),
            1 => any::<usize>().prop_map(|pick| Step::Cancel { pick }),
            3 => Just(Step::Pop),
        ];
        proptest::collection::vec(step, 1..300)
    }

    proptest! {
        /// Any sequence of operations pops what a plain list sorted by (time, class, slot) pops;
        /// the list is told nothing by the tree but the slot of a new timer.
        #[test]
        fn pops_like_a_sorted_list(steps in steps()) {
            let mut timers = Timers::new();
            let mut list: Vec<(TimerId, u8, u32, Option<i64>)> = Vec::new();
            let mut next_event = 0_u32;
            for step in steps {
                let n = list.len().max(1);
                match step {
                    Step::Add { class } => {
                        list.push((timers.add(class, next_event), class, next_event, None));
                        next_event += 1;
                    }
                    Step::Pop => {
                        let first = list
                            .iter_mut()
                            .filter(|(.., time)| time.is_some())
                            .min_by_key(|(id, class, _, time)| (*time, *class, id.slot));
                        let expected = first.map(|(_, _, event, time)| {
                            (Time::from_nanos(time.take().unwrap()), *event)
                        });
                        prop_assert_eq!(timers.peek(), expected.map(|(time, _)| time));
                        prop_assert_eq!(timers.pop(), expected);
                    }
                    _ if list.is_empty() => {}
                    Step::Remove { pick } => timers.remove(list.swap_remove(pick % n).0),
                    Step::Set { pick, nanos } => {
                        timers.set(list[pick % n].0, Time::from_nanos(nanos));
                        list[pick % n].3 = Some(nanos);
                    }
                    Step::Cancel { pick } => {
                        timers.cancel(list[pick % n].0);
                        list[pick % n].3 = None;
                    }
                }
                prop_assert_eq!(timers.len(), list.len());
                for (id, _, event, time) in &list {
                    let expected = time.map_or(Time::NEVER, Time::from_nanos);
                    prop_assert_eq!(timers.time_of(*id), expected);
                    prop_assert_eq!(timers.event_of(*id), *event);
                }
            }
        }
    }

    /// Equal instants fire by class, then by slot, whatever the order of arming.
    #[test]
    fn equal_times_fire_by_class_then_slot() {
        let mut timers = Timers::new();
        let [late, hpa, fault, hpa_too] =
            [(8, 'o'), (6, 'h'), (0, 'f'), (6, 'i')].map(|(class, name)| timers.add(class, name));
        for id in [hpa_too, late, hpa, fault] {
            timers.set(id, Time::from_secs(5));
        }
        let fired: String = std::iter::from_fn(|| timers.pop()).map(|(_, name)| name).collect();
        assert_eq!(fired, "fhio");
    }

    /// The last slot freed is the first used again, and the extremes of time are kept apart.
    #[test]
    fn slots_are_reused_last_freed_first() {
        let mut timers = Timers::new();
        let ids: Vec<_> = (0..5).map(|i| timers.add(0, i)).collect();
        timers.remove(ids[1]);
        timers.remove(ids[3]);
        assert_eq!(
            [timers.add(0, 8).slot, timers.add(0, 9).slot, timers.add(0, 10).slot],
            [3, 1, 5]
        );
        timers.set(ids[0], Time::from_nanos(i64::MIN));
        timers.set(ids[2], Time::from_nanos(i64::MAX - 1));
        assert_eq!(timers.pop(), Some((Time::from_nanos(i64::MIN), 0)));
        assert_eq!(timers.pop(), Some((Time::from_nanos(i64::MAX - 1), 2)));
        assert_eq!(timers.pop(), None);
    }

    /// A removed timer's name cannot arm whoever took its slot.
    #[test]
    #[should_panic(expected = "was removed")]
    fn a_removed_timer_cannot_be_armed() {
        let mut timers = Timers::new();
        let id = timers.add(0, ());
        timers.remove(id);
        timers.add(0, ());
        timers.set(id, Time::ZERO);
    }
}
