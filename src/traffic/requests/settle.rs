//! Booking what pods have finished and what has reached its client.
//!
//! Nobody looks at the account between two control events, so this is put off until a ring is
//! full or somebody asks: then most of a ring is over, and is booked a tile at a time. The order
//! of booking cannot matter, for the account is in integers.

use crate::traffic::ledger::{
    AttemptFailure, DemandAccount, DeploymentAccount, Ledger, ServiceSums, ServiceTimes,
};
use crate::traffic::pods::Pod;
use crate::traffic::ring::{
    ABORTED, ARMED, BOOKED, DROPPED, Entry, FINISHED, Ring, TILE, UNANSWERED,
};

use super::{Lane, Requests};

impl Requests {
    /// The account of everything that happened before now.
    pub(super) fn settled(&self) -> Ledger {
        let now_s = self.now.as_secs_f64();
        let mut ledger = self.ledger.clone();
        for pod in self.pods.iter().filter(|pod| 0 < pod.ring.len()) {
            settle(&mut pod.clone(), &self.lanes, &mut ledger, now_s);
        }
        ledger
    }
}

/// Books everything that `pod` has finished before `now_s` and that has reached its client, and
/// marks whose user has an outcome.
pub(super) fn settle(pod: &mut Pod, lanes: &[Lane], ledger: &mut Ledger, now_s: f64) {
    pod.ring.start_before(now_s);
    let mut books = Books::of(pod, lanes, ledger, now_s);
    for index in pod.ring.head..pod.ring.tail {
        books.entry(&mut pod.ring, index);
    }
    pod.busy_ns += books.close();
    pod.ring.forget_over();
}

/// As [`settle`], but only up to the first tile that is not over.
#[inline(never)]
pub(super) fn settle_head(pod: &mut Pod, lanes: &[Lane], ledger: &mut Ledger, now_s: f64) {
    let mut books = Books::of(pod, lanes, ledger, now_s);
    let ring = &mut pod.ring;
    while ring.head + TILE <= ring.tail {
        let head = ring.head;
        match books.tile(ring.tile(head)) {
            Tile::Booked => {}
            Tile::NotOver => break,
            Tile::Special => {
                (head..head + TILE).for_each(|index| books.entry(ring, index));
                if !ring.tile(head).iter().all(Entry::is_over) {
                    break;
                }
            }
        }
        ring.head += TILE;
    }
    ring.started = ring.started.max(ring.head);
    pod.busy_ns += books.close();
}

/// What a tile holds.
enum Tile {
    /// Answers on which nobody acts; they have all arrived, and are booked.
    Booked,
    /// Such answers, but not all have arrived.
    NotOver,
    /// Something else.
    Special,
}

/// Where the requests of one pod are booked.
struct Books<'a> {
    lanes: &'a [Lane],
    users: &'a mut [DemandAccount],
    attempts: &'a mut DeploymentAccount,
    sums: ServiceSums,
    now_s: f64,
}

impl<'a> Books<'a> {
    fn of(pod: &Pod, lanes: &'a [Lane], ledger: &'a mut Ledger, now_s: f64) -> Self {
        let (users, attempts) = ledger.split(pod.deployment as usize);
        Self { lanes, users, attempts, sums: ServiceSums::default(), now_s }
    }

    /// Books what has happened to one request.
    fn entry(&mut self, ring: &mut Ring, index: usize) {
        let entry = ring.get_mut(index);
        if entry.is_over() {
            return;
        }
        let lane = &self.lanes[usize::from(entry.lane)];
        let mut flags = entry.flags;
        if !entry.has(FINISHED) && entry.finish_s < self.now_s {
            self.finish(entry, lane);
            flags |= FINISHED;
        }
        let outcome_s = entry.outcome_s(lane.one_way_s);
        if !entry.has(BOOKED) && outcome_s < self.now_s {
            if !entry.has(ARMED) {
                self.users[lane.demand as usize].served(entry.first_s, outcome_s);
            }
            flags |= BOOKED;
        }
        entry.flags = flags;
    }

    /// The pod is done with a request.
    fn finish(&mut self, entry: &Entry, lane: &Lane) {
        if entry.has(DROPPED) {
            return self.attempts.failed(entry.start_s, AttemptFailure::Dropped);
        }
        let unserved = entry.has(ABORTED) || entry.has(UNANSWERED);
        self.attempts.served(ServiceTimes::of(entry), unserved, &mut self.sums);
        if !unserved && lane.counts_writes && lane.is_write(entry.key) {
            self.attempts.accepted_write(entry.finish_s);
        }
    }

    /// Books a whole tile of answers on which nobody acts, if all of them have arrived since
    /// t = 0; otherwise does nothing.
    #[inline(always)]
    fn tile(&mut self, tile: &[Entry; TILE]) -> Tile {
        let mut response_s = [0.0; TILE];
        let mut ordinary = !self.attempts.records_waits();
        let mut last_s = f64::NEG_INFINITY;
        for (entry, response_s) in tile.iter().zip(&mut response_s) {
            let lane = &self.lanes[usize::from(entry.lane)];
            *response_s = entry.finish_s + lane.one_way_s;
            last_s = if last_s < *response_s { *response_s } else { last_s };
            ordinary &= (0.0 <= entry.first_s) & (entry.flags == 0) & !lane.counts_writes;
        }
        if !ordinary {
            return Tile::Special;
        }
        if self.now_s <= last_s {
            return Tile::NotOver;
        }
        self.attempts.served_tile(tile, &mut self.sums);
        for (entry, response_s) in tile.iter().zip(response_s) {
            let lane = &self.lanes[usize::from(entry.lane)];
            self.users[lane.demand as usize].served(entry.first_s, response_s);
        }
        Tile::Booked
    }

    /// Adds what was summed up; gives the busy time of the process [ns].
    fn close(self) -> u64 {
        self.attempts.add(&self.sums);
        self.sums.busy_ns_of_process
    }
}

impl ServiceTimes {
    fn of(entry: &Entry) -> Self {
        Self {
            arrival_s: entry.arrival_s,
            start_s: entry.start_s,
            finish_s: entry.finish_s,
            abandoned_s: entry.give_up_s,
        }
    }
}
