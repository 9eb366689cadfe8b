//! What clients must act on, until its instant.
//!
//! On one lane, time-outs mostly come in the order of arrivals, and so do failures on arrival:
//! those wait in queues, which are read and written from end to end. The rest waits in a wheel.

use std::collections::VecDeque;

use crate::traffic::gate::NOWHERE;
use crate::traffic::ledger::Reason;
use crate::traffic::wheel::{Timed, Wheel};

/// Something that a client must act on at its instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notice {
    pub(super) time_s: f64,
    pub(super) first_s: f64,
    pub(super) send_s: f64,
    pub(super) key: u64,
    /// The pod in which the attempt is, so that the outcome is tentative; [`NOWHERE`] if it is
    /// sure.
    pub(super) pod: u32,
    /// Of what the pod had in progress; the notice is void once that is placed anew or lost.
    pub(super) placing: u32,
    pub(super) lane: u16,
    /// Why the attempt has failed; `None` if the client has its answer.
    pub(super) reason: Option<Reason>,
}

impl Timed for Notice {
    fn time_s(&self) -> f64 {
        self.time_s
    }
}

/// Notices by their instant.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    /// By lane: sure outcomes, and tentative ones; each in order of time.
    queues: Vec<[VecDeque<Notice>; 2]>,
    others: Wheel<Notice>,
}

impl Notices {
    /// None; nothing will be due before `start_s`.
    pub(super) fn new(n_lanes: usize, start_s: f64) -> Self {
        Self { queues: vec![Default::default(); n_lanes], others: Wheel::new(start_s, 1_024.0) }
    }

    /// Every notice, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.queues.iter().flatten().flatten().chain(self.others.iter())
    }

    /// Files a notice.
    #[inline(always)]
    pub(super) fn push(&mut self, notice: Notice) {
        let kind = usize::from(notice.pod != NOWHERE);
        let queue = &mut self.queues[usize::from(notice.lane)][kind];
        if queue.back().is_none_or(|last| last.time_s <= notice.time_s) {
            queue.push_back(notice);
        } else {
            self.others.push(notice);
        }
    }

    /// Takes every notice that is due before `end_s`, in no particular order.
    pub(super) fn take_before(&mut self, end_s: f64, taken: &mut Vec<Notice>) {
        for queue in self.queues.iter_mut().flatten() {
            let n_due = queue.iter().take_while(|notice| notice.time_s < end_s).count();
            let (first, second) = queue.as_slices();
            let n_first = n_due.min(first.len());
            taken.extend_from_slice(&first[..n_first]);
            taken.extend_from_slice(&second[..n_due - n_first]);
            queue.drain(..n_due);
        }
        self.others.take_before(end_s, |notice| taken.push(notice));
    }
}
