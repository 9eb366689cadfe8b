//! Records that come and go, in one arena; a name that outlives its record leads nowhere.

/// Names a record until it is removed or [renewed](Slab::renew).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ref {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl Ref {
    /// Names nothing: the generation of no record.
    pub(super) const NONE: Self = Self { slot: u32::MAX, generation: 0 };
}

/// Records of one kind. Slots are used again, the last one freed first.
#[derive(Clone, Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Slot<T> {
    value: T,
    /// Odd while there is a record; raised whenever that changes, and twice for another name.
    generation: u32,
}

impl<T: Copy> Slab<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    #[inline]
    pub(super) fn insert(&mut self, value: T) -> Ref {
        if let Some(slot) = self.free.pop() {
            let reused = &mut self.slots[slot as usize];
            reused.value = value;
            reused.generation = reused.generation.wrapping_add(1);
            return Ref { slot, generation: reused.generation };
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 records fit in memory");
        self.slots.push(Slot { value, generation: 1 });
        Ref { slot, generation: 1 }
    }

    #[inline]
    pub(super) fn is_live(&self, name: Ref) -> bool {
        self.slots.get(name.slot as usize).is_some_and(|slot| slot.is(name))
    }

    #[inline]
    pub(super) fn get(&self, name: Ref) -> Option<&T> {
        self.slots.get(name.slot as usize).filter(|slot| slot.is(name)).map(|slot| &slot.value)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, name: Ref) -> Option<&mut T> {
        let slot = self.slots.get_mut(name.slot as usize);
        slot.filter(|slot| slot.is(name)).map(|slot| &mut slot.value)
    }

    /// The generation of the record that is or was last in a slot.
    pub(super) fn generation(&self, slot: u32) -> u32 {
        self.slots.get(slot as usize).map_or(0, |slot| slot.generation)
    }

    /// The same record under a new name: whoever has the old one finds nothing any more.
    pub(super) fn renew(&mut self, name: Ref) -> Ref {
        let slot = &mut self.slots[name.slot as usize];
        debug_assert!(slot.is(name), "{name:?} outlived its record");
        slot.generation = slot.generation.wrapping_add(2);
        Ref { slot: name.slot, generation: slot.generation }
    }

    #[inline]
    pub(super) fn remove(&mut self, name: Ref) -> T {
        let slot = &mut self.slots[name.slot as usize];
        assert!(slot.is(name), "{name:?} outlived its record");
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(name.slot);
        slot.value
    }

    /// Every record.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter(|slot| slot.is_used()).map(|slot| &slot.value)
    }

    /// The names of all records of a kind, in order of their slots.
    pub(super) fn names(&self, is_wanted: impl Fn(&T) -> bool) -> Vec<Ref> {
        let named = (0..).zip(&self.slots);
        let wanted = named.filter(|(_, slot)| slot.is_used() && is_wanted(&slot.value));
        wanted
            .map(|(slot, Slot { generation, .. })| Ref { slot, generation: *generation })
            .collect()
    }
}

impl<T> Slot<T> {
    const fn is_used(&self) -> bool {
        self.generation % 2 == 1
    }

    #[inline]
    const fn is(&self, name: Ref) -> bool {
        self.generation == name.generation
    }
}

impl<T: Copy> std::ops::Index<Ref> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, name: Ref) -> &T {
        self.get(name).expect("the record is live")
    }
}

impl<T: Copy> std::ops::IndexMut<Ref> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, name: Ref) -> &mut T {
        self.get_mut(name).expect("the record is live")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name dies with its record although the slot lives on, and with a renewal although the
    /// record does.
    #[test]
    fn old_names_lead_nowhere() {
        let mut slab = Slab::new();
        let first = slab.insert('a');
        assert_eq!(slab.remove(first), 'a');
        let second = slab.insert('b');
        assert_eq!((second.slot, slab.get(first), slab.get(second)), (0, None, Some(&'b')));
        let renewed = slab.renew(second);
        assert_eq!((slab.get(second), slab.get(renewed)), (None, Some(&'b')));
        slab.remove(renewed);
        assert_eq!(
            (slab.iter().count(), slab.is_live(renewed), slab.is_live(Ref::NONE)),
            (0, false, false)
        );
    }
}
