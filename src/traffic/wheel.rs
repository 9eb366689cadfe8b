//! A timing wheel: records wait in buckets of time, so filing and taking one costs O(1).
//!
//! Order inside a bucket is not kept; whoever takes records sorts what needs an order. (A heap
//! of retries costs 40 ns an attempt in overload, a wheel 24.)

/// What a wheel keeps.
pub(super) trait Timed {
    /// When it is due [s].
    fn time_s(&self) -> f64;
}

/// Records by the time at which they are due.
#[derive(Clone, Debug)]
pub(super) struct Wheel<T> {
    buckets: Vec<Vec<T>>,
    /// Due beyond the last bucket.
    later: Vec<T>,
    origin_s: f64,
    /// The first bucket that may hold records, counted from the origin.
    cursor: u64,
    len: usize,
}

const BUCKETS: u64 = 2_048;
const BUCKET_S: f64 = 1.0 / 128.0;

impl<T: Timed> Wheel<T> {
    /// An empty wheel; nothing will be due before `origin_s`.
    pub(super) fn new(origin_s: f64) -> Self {
        let buckets = (0..BUCKETS).map(|_| Vec::new()).collect();
        Self { buckets, later: Vec::new(), origin_s, cursor: 0, len: 0 }
    }

    /// Every record, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.buckets.iter().flatten().chain(&self.later)
    }

    fn bucket_of(&self, time_s: f64) -> u64 {
        // Rounds to zero and saturates: the past is bucket 0, infinity the last.
        ((time_s - self.origin_s) * (1.0 / BUCKET_S)) as u64
    }

    /// Files a record that is due no earlier than everything taken so far.
    pub(super) fn push(&mut self, record: T) {
        self.len += 1;
        self.file(record);
    }

    fn file(&mut self, record: T) {
        let bucket = self.bucket_of(record.time_s()).max(self.cursor);
        if bucket < self.cursor + BUCKETS {
            self.buckets[(bucket % BUCKETS) as usize].push(record);
        } else {
            self.later.push(record);
        }
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
            .find(|bucket| !self.buckets[(bucket % BUCKETS) as usize].is_empty())
            .map_or(limit_s.min(self.start_s(last)), |bucket| limit_s.min(self.start_s(bucket)))
    }

    fn start_s(&self, bucket: u64) -> f64 {
        self.origin_s + bucket as f64 * BUCKET_S
    }

    /// Moves every record that is due before `end_s` to `taken`, in no particular order.
    pub(super) fn take_before(&mut self, end_s: f64, taken: &mut Vec<T>) {
        let last = self.bucket_of(end_s);
        while self.cursor < last && self.later.len() < self.len {
            let bucket = &mut self.buckets[(self.cursor % BUCKETS) as usize];
            self.len -= bucket.len();
            taken.append(bucket);
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

    /// Takes what is due out of the bucket at the cursor.
    fn take_due(&mut self, end_s: f64, taken: &mut Vec<T>) {
        let bucket = &mut self.buckets[(self.cursor % BUCKETS) as usize];
        let before = bucket.len();
        taken.extend(bucket.extract_if(.., |record| record.time_s() < end_s));
        self.len -= before - bucket.len();
    }

    fn refile(&mut self) {
        for record in std::mem::take(&mut self.later) {
            self.file(record);
        }
    }
}
