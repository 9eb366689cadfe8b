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
#[derive(Clone, Debug)]
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
    /// The first bucket that may hold records, counted from the origin.
    cursor: u64,
    len: usize,
}

const BUCKETS: u64 = 16_384;
const BUCKET_S: f64 = 1.0 / 1_024.0;

impl<T: Timed + Copy> Wheel<T> {
    /// An empty wheel; nothing will be due before `origin_s`.
    pub(super) fn new(origin_s: f64) -> Self {
        Self {
            links: Vec::new(),
            free: NONE,
            buckets: vec![NONE; BUCKETS as usize].into(),
            later: NONE,
            n_later: 0,
            origin_s,
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
        // Rounds to zero and saturates: the past is bucket 0, infinity the last.
        ((time_s - self.origin_s) * (1.0 / BUCKET_S)) as u64
    }

    /// Files a record that is due no earlier than everything taken so far.
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
        let bucket = self.bucket_of(self.links[at as usize].record.time_s()).max(self.cursor);
        let first = if bucket < self.cursor + BUCKETS {
            &mut self.buckets[(bucket % BUCKETS) as usize]
        } else {
            self.n_later += 1;
            &mut self.later
        };
        self.links[at as usize].next = *first;
        *first = at;
    }

    /// A lower bound on the time of the next record due before `limit_s`; `limit_s` if there is
    /// none.
    pub(super) fn earliest_s(&self, limit_s: f64) -> f64 {
        if self.len == 0 {
            return limit_s;
        }
        // Records of the next round are not in their buckets yet: look no further than it.
        let round_end = (self.cursor / BUCKETS + 1) * BUCKETS;
        let last = self.bucket_of(limit_s).min(round_end);
        (self.cursor..last)
            .find(|bucket| self.buckets[(bucket % BUCKETS) as usize] != NONE)
            .map_or(limit_s.min(self.start_s(last)), |bucket| limit_s.min(self.start_s(bucket)))
    }

    fn start_s(&self, bucket: u64) -> f64 {
        self.origin_s + bucket as f64 * BUCKET_S
    }

    /// Moves every record that is due before `end_s` to `taken`, in no particular order.
    pub(super) fn take_before(&mut self, end_s: f64, taken: &mut Vec<T>) {
        let last = self.bucket_of(end_s);
        while self.cursor < last && self.n_later < self.len {
            self.take_due(f64::INFINITY, taken);
            self.cursor += 1;
            if self.cursor.is_multiple_of(BUCKETS) {
                self.refile();
            }
        }
        if self.cursor < last {
            // Only records of later rounds are left, if any.
            self.cursor = last;
            self.refile();
        }
        self.take_due(end_s, taken);
    }

    /// Takes what is due before `end_s` out of the bucket at the cursor.
    fn take_due(&mut self, end_s: f64, taken: &mut Vec<T>) {
        let bucket = (self.cursor % BUCKETS) as usize;
        let mut next = std::mem::replace(&mut self.buckets[bucket], NONE);
        while next != NONE {
            let at = next;
            let link = &mut self.links[at as usize];
            next = link.next;
            if link.record.time_s() < end_s {
                taken.push(link.record);
                link.next = self.free;
                self.free = at;
                self.len -= 1;
            } else {
                link.next = self.buckets[bucket];
                self.buckets[bucket] = at;
            }
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
