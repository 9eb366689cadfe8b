//! A timing wheel: records wait in buckets of time, so filing and taking one costs O(1).
//!
//! Order inside a bucket is not kept; whoever takes records sorts what needs an order. (A heap
//! of retries costs 40 ns an attempt in overload, a wheel 24.)

/// What a wheel keeps.
pub(super) trait Timed {
    /// When it is due [s].
    fn time_s(&self) -> f64;
}

/// A record, and the next one of its bucket.
#[derive(Clone, Copy, Debug)]
struct Link<T> {
    record: T,
    next: u32,
}

/// The end of a list.
const NONE: u32 = u32::MAX;

/// Records by the time at which they are due. A bucket is a list through one arena, so that
/// memory is as large as the most that ever waited, and what is filed lands where the caches are
/// warm.
#[derive(Clone, Debug)]
pub(super) struct Wheel<T> {
    links: Vec<Link<T>>,
    /// Links that hold no record.
    free: u32,
    /// First link of each bucket.
    buckets: Box<[u32]>,
    /// First link of what is due beyond the last bucket.
    later: u32,
    n_later: usize,
    origin_s: f64,
    buckets_per_s: f64,
    /// The first bucket that may hold records, counted from the origin.
    cursor: u64,
    len: usize,
}

const BUCKETS: u64 = 16_384;

impl<T: Timed + Copy> Wheel<T> {
    /// An empty wheel with that many buckets a second; nothing will be due before `origin_s`.
    pub(super) fn new(origin_s: f64, buckets_per_s: f64) -> Self {
        Self {
            links: Vec::new(),
            free: NONE,
            buckets: vec![NONE; BUCKETS as usize].into(),
            later: NONE,
            n_later: 0,
            origin_s,
            buckets_per_s,
            cursor: 0,
            len: 0,
        }
    }

    /// Every record, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let lists = self.buckets.iter().chain([&self.later]);
        lists.flat_map(|first| {
            let link = |at: u32| self.links.get(at as usize);
            let links = std::iter::successors(link(*first), move |last| link(last.next));
            links.map(|link| &link.record)
        })
    }

    fn bucket_of(&self, time_s: f64) -> u64 {
        // Rounds to zero and saturates: the past is bucket 0, infinity the last. By way of `i64`,
        // which takes a third of the instructions.
        (((time_s - self.origin_s) * self.buckets_per_s) as i64).max(0).cast_unsigned()
    }

    /// Files a record, which may be due before something that was taken.
    #[inline(always)]
    pub(super) fn push(&mut self, record: T) {
        self.len += 1;
        let at = self.free;
        match self.links.get_mut(at as usize) {
            Some(link) => {
                self.free = link.next;
                link.record = record;
                self.file(at);
            }
            None => {
                let at = u32::try_from(self.links.len()).expect("fewer records than users");
                self.links.push(Link { record, next: NONE });
                self.file(at);
            }
        }
    }

    fn file(&mut self, at: u32) {
        let bucket = self.bucket_of(self.links[at as usize].record.time_s());
        self.cursor = self.cursor.min(bucket);
        let first = if bucket < self.cursor + BUCKETS {
            &mut self.buckets[(bucket % BUCKETS) as usize]
        } else {
            self.n_later += 1;
            &mut self.later
        };
        self.links[at as usize].next = *first;
        *first = at;
    }

    /// Takes every record that is due before `end_s`, bucket by bucket.
    pub(super) fn take_before(&mut self, end_s: f64, mut take: impl FnMut(T)) {
        let last = self.bucket_of(end_s);
        while self.cursor < last {
            if self.n_later == self.len {
                // Nothing is left but what is due later, if anything: go back to where it begins.
                self.cursor = last;
                self.refile();
                continue;
            }
            self.take_due(f64::INFINITY, &mut take);
            self.cursor += 1;
            if self.cursor.is_multiple_of(BUCKETS) {
                self.refile();
            }
        }
        self.take_due(end_s, &mut take);
    }

    /// Takes what is due before `end_s` out of the bucket at the cursor. Records of the next round
    /// may be there, too, after the cursor was further on.
    fn take_due(&mut self, end_s: f64, take: &mut impl FnMut(T)) {
        let bucket = (self.cursor % BUCKETS) as usize;
        let mut next = std::mem::replace(&mut self.buckets[bucket], NONE);
        while next != NONE {
            let at = next;
            let Link { record, next: following } = self.links[at as usize];
            next = following;
            let time_s = record.time_s();
            let is_due = time_s < end_s && self.bucket_of(time_s) <= self.cursor;
            let list = if is_due {
                take(record);
                self.len -= 1;
                &mut self.free
            } else {
                &mut self.buckets[bucket]
            };
            self.links[at as usize].next = std::mem::replace(list, at);
        }
    }

    fn refile(&mut self) {
        let mut next = std::mem::replace(&mut self.later, NONE);
        self.n_later = 0;
        while next != NONE {
            let at = next;
            next = self.links[at as usize].next;
            self.file(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::streams::{Cursor, Stream};

    impl Timed for f64 {
        fn time_s(&self) -> f64 {
            *self
        }
    }

    /// Records come out once, in the window of their time: filed before and behind what was taken,
    /// a few buckets or several rounds ahead, in busy and in empty wheels.
    #[test]
    fn records_come_out_in_their_window() {
        for case in 0..200 {
            let mut cursor = Cursor::new(Stream::new(1, case, "test", "wheel"));
            let mut wheel = Wheel::new(-1.0, 1_024.0);
            let mut waiting: Vec<f64> = Vec::new();
            let mut now_s = -1.0;
            for _ in 0..100 {
                for _ in 0..cursor.next_below(4) {
                    let ahead_s = [0.001, 0.1, 10.0, 40.0][cursor.next_below(4)];
                    let time_s = now_s + ahead_s * cursor.next_unit();
                    wheel.push(time_s);
                    waiting.push(time_s);
                }
                let end_s = now_s + [0.002, 0.5, 20.0][cursor.next_below(3)] * cursor.next_unit();
                let mut taken = Vec::new();
                wheel.take_before(end_s, |time_s| taken.push(time_s));
                taken.sort_by(f64::total_cmp);
                waiting.sort_by(f64::total_cmp);
                let n_due = waiting.partition_point(|time_s| *time_s < end_s);
                assert_eq!(taken, waiting.drain(..n_due).collect::<Vec<_>>(), "case {case}");
                // Half of the windows are cut short: what comes next may be earlier.
                now_s += (end_s - now_s) * [1.0, cursor.next_unit()][cursor.next_below(2)];
            }
            assert_eq!(wheel.iter().count(), waiting.len());
        }
    }
}
