//! The event set of the control plane: a winner tree with one slot per timer.
//!
//! In a [`Tournament`] arming, re-arming and cancelling are one operation: write a key, replay its
//! path to the root. Controllers own a few timers each and re-arm them for ever; a heap
//! of one-shot events would allocate, grow with cancelled events, and order equal times by
//! insertion. Here the order is total: time, then class, then slot.
//!
//! A timer that fires is usually armed again at once, so [`Timers::pop`] leaves its path as it is
//! and the next operation replays it: a hold (pop, then set) costs one replay, not two.
//!
//! It is for timers, not for requests: at a handful of slots a binary heap is as fast.

use super::tournament::Tournament;
use crate::units::Time;

/// Timers that each carry an event `E`; at most one instant per timer is armed.
#[derive(Clone, Debug)]
pub struct Timers<E> {
    slots: Vec<Slot<E>>,
    /// Free slots; the last one freed is the next one used.
    free: Vec<u32>,
    /// The slot that fired last and still stands in the tree, or [`NO_SLOT`].
    fired: u32,
    /// By slot: nanoseconds times 16 plus class, so that the order of keys is the order of timers
    /// but for the slot.
    keys: Tournament,
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

const NO_SLOT: u32 = u32::MAX;
/// Bits of a key that hold the class.
const CLASS_BITS: u32 = 4;
/// Classes are below this.
const CLASSES: i64 = 1 << CLASS_BITS;
/// The key of a slot that is not armed, after every other.
const DISARMED: i64 = Tournament::LAST;

/// Instants from here on, 9.1 years after t = 0, are as good as [`Time::NEVER`].
pub const NEVER_FROM: Time = Time::from_nanos(1 << 58);

#[inline]
fn key_of(time: Time, class: u8) -> i64 {
    let nanos = time.nanos();
    if nanos.unsigned_abs() < NEVER_FROM.nanos().unsigned_abs() {
        return (nanos << CLASS_BITS) | i64::from(class);
    }
    out_of_range(time)
}

/// The key of an instant that has none of its own.
#[cold]
fn out_of_range(time: Time) -> i64 {
    assert!(Time::ZERO < time, "{time} is before any warm-up");
    DISARMED
}

const fn time_of_key(key: i64) -> Time {
    if key == DISARMED { Time::NEVER } else { Time::from_nanos(key >> CLASS_BITS) }
}

impl<E: Copy> Timers<E> {
    /// No timers.
    #[must_use]
    pub fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), fired: NO_SLOT, keys: Tournament::new(0) }
    }

    /// A new timer, not armed, whose `event` comes out when it fires. Among timers of the same
    /// instant, the lower `class` (below 16) fires first, then the lower slot.
    ///
    /// Slots are given out in order, except that removed ones are used again, last removed
    /// first.
    pub fn add(&mut self, class: u8, event: E) -> TimerId {
        assert!(i64::from(class) < CLASSES, "classes are below {CLASSES}, not {class}");
        if let Some(slot) = self.free.pop() {
            let reused = &mut self.slots[slot as usize];
            reused.event = event;
            reused.class = class;
            return TimerId { slot, generation: reused.generation };
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 timers fit in memory");
        self.slots.push(Slot { event, class, generation: 0 });
        self.keys.reach(slot as usize);
        TimerId { slot, generation: 0 }
    }

    /// Disarms the timer and gives its slot back; its name is void from now on.
    pub fn remove(&mut self, id: TimerId) {
        self.cancel(id);
        let slot = &mut self.slots[id.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
    }

    /// Arms the timer for `time`, whether or not it was armed; [`Time::NEVER`] and everything
    /// from [`NEVER_FROM`] on cancels.
    #[inline]
    pub fn set(&mut self, id: TimerId, time: Time) {
        let key = key_of(time, self.slot(id).class);
        if self.fired != id.slot {
            self.settle();
        }
        self.fired = NO_SLOT;
        self.keys.set(id.slot, key);
    }

    /// Disarms the timer.
    pub fn cancel(&mut self, id: TimerId) {
        self.set(id, Time::NEVER);
    }

    /// When the timer fires; [`Time::NEVER`] if it is not armed.
    #[must_use]
    pub fn time_of(&self, id: TimerId) -> Time {
        self.slot(id);
        if self.fired == id.slot {
            return Time::NEVER;
        }
        time_of_key(self.keys.key(id.slot))
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
        let (key, _) = self.first();
        (key != DISARMED).then(|| time_of_key(key))
    }

    /// The instant and class of the next timer to fire, or `None` if none is armed.
    #[inline]
    #[must_use]
    pub fn peek_with_class(&self) -> Option<(Time, u8)> {
        let (key, _) = self.first();
        let class = (key & (CLASSES - 1)) as u8;
        (key != DISARMED).then(|| (time_of_key(key), class))
    }

    /// Takes the next timer to fire: its instant, name and event. It is disarmed, not removed.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, TimerId, E)> {
        self.settle();
        let (key, slot) = self.keys.first();
        if key == DISARMED {
            return None;
        }
        self.fired = slot;
        let Slot { event, generation, .. } = self.slots[slot as usize];
        Some((time_of_key(key), TimerId { slot, generation }, event))
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

    #[inline]
    fn slot(&self, id: TimerId) -> &Slot<E> {
        let slot = &self.slots[id.slot as usize];
        if slot.generation != id.generation {
            was_removed(id);
        }
        slot
    }

    /// Takes the timer that fired last out of the tree, unless it was armed again.
    #[inline]
    fn settle(&mut self) {
        if self.fired != NO_SLOT {
            self.disarm_fired();
        }
    }

    #[inline(never)]
    fn disarm_fired(&mut self) {
        self.keys.set(self.fired, DISARMED);
        self.fired = NO_SLOT;
    }

    /// Key and slot of the next timer to fire.
    #[inline]
    fn first(&self) -> (i64, u32) {
        match self.fired {
            NO_SLOT => self.keys.first(),
            fired => self.keys.first_if(fired, DISARMED),
        }
    }
}

#[cold]
fn was_removed(id: TimerId) -> ! {
    panic!("the timer {id:?} was removed");
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
        Pop { peek: bool },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // Few distinct instants, so that ties are common; negative ones are the warm-up.
        let step = prop_oneof![
            2 => (0..4_u8).prop_map(|class| Step::Add { class }),
            1 => any::<usize>().prop_map(|pick| Step::Remove { pick }),
            5 => (any::<usize>(), -3..4_i64).prop_map(|(pick, nanos)| Step::Set { pick, nanos }),
            1 => any::<usize>().prop_map(|pick| Step::Cancel { pick }),
            3 => any::<bool>().prop_map(|peek| Step::Pop { peek }),
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
                    Step::Pop { peek } => {
                        let first = list
                            .iter_mut()
                            .filter(|(.., time)| time.is_some())
                            .min_by_key(|(id, class, _, time)| (*time, *class, id.slot));
                        let expected = first.map(|(id, _, event, time)| {
                            (Time::from_nanos(time.take().unwrap()), *id, *event)
                        });
                        if peek {
                            prop_assert_eq!(timers.peek(), expected.map(|(time, ..)| time));
                            let class = timers.peek_with_class().map(|(_, class)| class);
                            let list_class = |(.., event): (Time, TimerId, u32)| {
                                list.iter().find(|timer| timer.2 == event).map(|timer| timer.1)
                            };
                            prop_assert_eq!(class, expected.and_then(list_class));
                        }
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
        let fired: String = std::iter::from_fn(|| timers.pop()).map(|(_, _, name)| name).collect();
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
        let ends = [1 - NEVER_FROM.nanos(), NEVER_FROM.nanos() - 1].map(Time::from_nanos);
        timers.set(ids[0], ends[0]);
        timers.set(ids[2], ends[1]);
        timers.set(ids[4], NEVER_FROM);
        assert_eq!(timers.pop(), Some((ends[0], ids[0], 0)));
        assert_eq!(timers.pop(), Some((ends[1], ids[2], 2)));
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
