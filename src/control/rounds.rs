//! Events of one kind that all come again after the same period: kubelets' readings, HPA passes.
//!
//! What is armed for one period from now is due after everything else of its kind, so a queue in
//! order of time takes an event from its head and puts it back at its tail. That costs the same
//! for any number of events, where the tree of [`timers`](crate::sim::timers) replays a path. An
//! event that is armed for any other instant finds its place by halving.

use std::collections::VecDeque;

use crate::units::Time;

/// The armed events of one kind, by the index of what they belong to.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// In order of time, then of index.
    due: VecDeque<(Time, u32)>,
    /// When each is due, by index; [`Time::NEVER`] if it is not armed.
    armed_for: Vec<Time>,
}

impl Rounds {
    /// Arms the event of `index` for `at`, instead of any instant that it was armed for before;
    /// [`Time::NEVER`] disarms it.
    pub(super) fn arm(&mut self, index: usize, at: Time) {
        if self.armed_for.len() <= index {
            self.armed_for.resize(index + 1, Time::NEVER);
        }
        let entry = |at| (at, u32::try_from(index).expect("ids have 32 bits"));
        let before = std::mem::replace(&mut self.armed_for[index], at);
        if before != Time::NEVER {
            let place = self.due.binary_search(&entry(before)).expect("armed events are queued");
            self.due.remove(place);
        }
        if at == Time::NEVER {
            return;
        }
        if self.due.back().is_none_or(|last| *last < entry(at)) {
            self.due.push_back(entry(at));
        } else {
            let place = self.due.partition_point(|other| *other < entry(at));
            self.due.insert(place, entry(at));
        }
    }

    /// The instant that the event of `index` is armed for.
    pub(super) fn armed_for(&self, index: usize) -> Option<Time> {
        self.armed_for.get(index).copied().filter(|&at| at < Time::NEVER)
    }

    /// The instant of the next event.
    #[inline]
    pub(super) fn next_at(&self) -> Option<Time> {
        self.due.front().map(|&(at, _)| at)
    }

    /// Takes the next event: its instant and index.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(Time, usize)> {
        let (at, index) = self.due.pop_front()?;
        self.armed_for[index as usize] = Time::NEVER;
        Some((at, index as usize))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is armed, armed again and disarmed, events come in order of time, then of
        /// index, each at the instant it was armed for last: what a list that is searched whole
        /// each time gives. Few instants, so that ties are common.
        #[test]
        fn events_come_in_order(steps in proptest::collection::vec((0..5_usize, 0..8_i64), 1..60)) {
            let mut rounds = Rounds::default();
            let mut list: [Option<i64>; 5] = [None; 5];
            for (index, second) in steps {
                match second {
                    6 => {
                        rounds.arm(index, Time::NEVER);
                        list[index] = None;
                    }
                    7 => {
                        let armed = (0..5).filter_map(|index| Some((list[index]?, index)));
                        let first = armed.min();
                        let popped = rounds.pop().map(|(at, index)| (at.whole_secs(), index));
                        prop_assert_eq!(popped, first);
                        if let Some((_, index)) = first {
                            list[index] = None;
                        }
                    }
                    at => {
                        rounds.arm(index, Time::from_secs(at));
                        list[index] = Some(at);
                    }
                }
                let armed = rounds.armed_for(index).map(Time::whole_secs);
                prop_assert_eq!(armed, list[index]);
                let next = list.iter().flatten().min().copied();
                prop_assert_eq!(rounds.next_at().map(Time::whole_secs), next);
            }
        }
    }
}
