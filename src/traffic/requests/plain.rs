//! Serving where nothing but the balancer decides on the pod: nearly all requests.
//!
//! What [`arrive`](super::arrive) does for every attempt by any rule, this does for attempts to
//! deployments without gates, failing dependencies and dead endpoints, in as few instructions as
//! possible. What is rare, a full ring or an answer that comes too late, goes the common way.

use crate::model::ids::PodId;
use crate::sim::sampler::Sampler;
use crate::sim::streams::{Stream, below};

use crate::traffic::kiefer_wolfowitz::replace_earliest;
use crate::traffic::plan::Balancer;
use crate::traffic::ring::Entry;

use super::Attempt;
use super::arrive::{Arriving, Head};
use super::least::Loads;

/// The attempts that arrive on one lane: what the loop over them needs, side by side.
#[derive(Clone, Copy)]
struct Way<'a> {
    attempts: &'a [Attempt],
    /// Where the works of its attempts begin, of those of all ways.
    first: usize,
    endpoints: &'a [PodId],
    pod_stream: Stream,
    service_stream: Stream,
    sampler: &'a Sampler,
    one_way_s: f64,
    choice: Choice,
    lane: u16,
}

/// What decides on the pod of an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Choice {
    /// A draw alone, before anything arrives.
    Draw,
    /// The turn of the endpoints of a deployment.
    Turn(usize),
    /// What is outstanding at two that are drawn.
    Load,
    /// What is outstanding at all of a deployment.
    Least(usize),
}

/// What arrives in a slice, as lists that are kept for their room.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    /// In order of time, and what that is made of.
    dues: [Vec<Due>; 2],
    /// Service times at speed 1, way by way [s].
    works_s: Vec<f64>,
}

/// Attempts listed at a time.
const BLOCK: usize = 64;

/// Most pods that a [`Due`] can name.
pub(super) const PODS_MAX: usize = 1 << 16;

/// An attempt that arrives: when, on which way, and as which of its attempts. Small, because it
/// is moved often.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due {
    /// When, as a number that is compared at once.
    order: i64,
    at: u32,
    way: u16,
    /// The pod that was drawn, where a draw alone decides.
    pod: u16,
}

impl<'a> Way<'a> {
    fn of(head: &Head<'a>, end_s: f64, first: &mut usize) -> Self {
        let deployment = head.deployment.expect("a plain head is served");
        let waiting = head.waiting();
        let attempts = &waiting[..waiting.partition_point(|attempt| attempt.arrival_s < end_s)];
        let from = *first;
        *first += attempts.len();
        Self {
            attempts,
            first: from,
            endpoints: head.endpoints,
            pod_stream: head.pod_stream,
            service_stream: head.lane.service_stream,
            sampler: head.sampler.expect("a plain head is served"),
            one_way_s: head.one_way_s,
            choice: match head.balancer {
                Balancer::Random => Choice::Draw,
                Balancer::RoundRobin => Choice::Turn(deployment),
                Balancer::PowerOfTwo => Choice::Load,
                Balancer::LeastOutstanding => Choice::Least(deployment),
            },
            lane: head.index,
        }
    }

    /// Lists what arrives, each with its work and the pod that is drawn for it: many draws at once
    /// take a part of the time.
    fn list(&self, way: usize, dues: &mut Vec<Due>, works_s: &mut [f64]) {
        let works_s = &mut works_s[self.first..];
        let (mut keys, mut words) = ([0; BLOCK], [0; BLOCK]);
        for (block, attempts) in self.attempts.chunks(BLOCK).enumerate() {
            let n_attempts = attempts.len();
            keys.iter_mut().zip(attempts).for_each(|(key, attempt)| *key = attempt.key);
            let (keys, words) = (&keys[..n_attempts], &mut words[..n_attempts]);
            let from = block * BLOCK;
            self.sampler.draw_all(&self.service_stream, keys, &mut works_s[from..][..n_attempts]);
            if self.choice == Choice::Draw {
                self.pod_stream.at_all(keys, words);
            }
            dues.extend(attempts.iter().zip(&*words).zip(from as u32..).map(
                |((attempt, word), at)| Due {
                    order: in_order(attempt.arrival_s),
                    at,
                    way: way as u16,
                    pod: self.endpoints[below(*word, self.endpoints.len())].index() as u16,
                },
            ));
        }
    }
}

/// Times compare as these integers do; -0 is none of them.
fn in_order(time_s: f64) -> i64 {
    let bits = time_s.to_bits().cast_signed();
    // Of a negative time, all bits but the sign are turned over.
    bits ^ (bits >> 63 & i64::MAX)
}

/// Puts two lists, each in order of time, into one: the first of equals first.
///
/// Without a branch on who is earlier, which nobody foresees; and from both ends at once, because
/// each step has to wait for the one before.
fn merge(one: &[Due], other: &[Due], merged: &mut [Due]) {
    let (mut i, mut k, mut i_end, mut k_end) = (0, 0, one.len(), other.len());
    loop {
        // As long as both have two, neither end can run out of either.
        let n_steps = (i_end - i).min(k_end - k) / 2;
        if n_steps == 0 {
            break;
        }
        for _ in 0..n_steps {
            let (a, b) = (one[i], other[k]);
            let later = usize::from(b.order < a.order);
            merged[i + k] = if later == 0 { a } else { b };
            i += 1 - later;
            k += later;
            let (a, b) = (one[i_end - 1], other[k_end - 1]);
            let sooner = usize::from(b.order < a.order);
            merged[i_end + k_end - 1] = if sooner == 0 { b } else { a };
            i_end -= sooner;
            k_end -= 1 - sooner;
        }
    }
    let (few, many, few_first) = if i_end - i < 2 {
        (&one[i..i_end], &other[k..k_end], true)
    } else {
        (&other[k..k_end], &one[i..i_end], false)
    };
    let rest = &mut merged[i + k..i_end + k_end];
    let before = few.first().map_or(0, |lone| {
        many.partition_point(|due| due.order < lone.order || !few_first && due.order == lone.order)
    });
    rest[..before].copy_from_slice(&many[..before]);
    rest[before..before + few.len()].copy_from_slice(few);
    rest[before + few.len()..].copy_from_slice(&many[before..]);
}

/// Merges each list with the next one; `ends` are where they end.
fn merge_pairs(lists: &[Due], ends: &mut Vec<usize>, merged: &mut [Due]) {
    let mut from = 0;
    let mut merged_ends = Vec::with_capacity(ends.len().div_ceil(2));
    for pair in ends.chunks(2) {
        let (middle, end) = (pair[0], pair[pair.len() - 1]);
        merge(&lists[from..middle], &lists[middle..end], &mut merged[from..end]);
        merged_ends.push(end);
        from = end;
    }
    *ends = merged_ends;
}

impl<'a> Arriving<'a> {
    /// Takes in attempts for which nothing but the balancer decides on the pod.
    pub(super) fn take_plain(&mut self, heads: &mut [Head<'a>]) {
        let mut n_listed = 0;
        let way = |head: &Head<'a>| Way::of(head, self.upto_s, &mut n_listed);
        let ways: Vec<Way<'_>> = heads.iter().map(way).collect();
        let Lists { dues: [mut order, mut merged], mut works_s } = std::mem::take(self.lists);
        order.clear();
        works_s.resize(n_listed, 0.0);
        let mut ends = Vec::with_capacity(ways.len());
        for (index, way) in ways.iter().enumerate() {
            way.list(index, &mut order, &mut works_s);
            ends.push(order.len());
        }
        merged.resize(order.len(), Due::default());
        while 1 < ends.len() {
            merge_pairs(&order, &mut ends, &mut merged);
            std::mem::swap(&mut order, &mut merged);
        }
        let n_taken = self.serve_in_order(heads, &ways, (&order, &works_s));
        for due in &order[..n_taken] {
            heads[due.way as usize].n_taken += 1;
        }
        for head in heads {
            head.skip_taken();
        }
        *self.lists = Lists { dues: [order, merged], works_s };
    }

    /// Serves attempts until one of them ends the slice; gives how many.
    #[inline(never)]
    fn serve_in_order(
        &mut self,
        heads: &[Head<'a>],
        ways: &[Way<'a>],
        (order, works_s): (&[Due], &[f64]),
    ) -> usize {
        let mut order = order;
        let mut loads = self.loads(ways);
        let mut n_served = 0;
        while let Some(due) = order.get(n_served) {
            n_served += 1;
            let way = &ways[due.way as usize];
            let attempt = &way.attempts[due.at as usize];
            let work_s = works_s[way.first + due.at as usize];
            let picked = match way.choice {
                Choice::Draw => PodId::new(usize::from(due.pod)),
                Choice::Turn(deployment) => self.take_turn(deployment, way.endpoints),
                Choice::Load => self.pick(&heads[due.way as usize], attempt),
                Choice::Least(deployment) => {
                    self.serve_least(
                        &mut loads,
                        deployment,
                        (&heads[due.way as usize], attempt),
                        work_s,
                    );
                    order = self.in_time(order);
                    continue;
                }
            };
            let pod = &mut self.pods[picked.index()];
            let before_s = pod.free_s[0];
            let arrival_s = attempt.arrival_s;
            let start_s = if arrival_s < before_s { before_s } else { arrival_s };
            let finish_s = start_s + work_s * pod.slowness;
            let late = attempt.give_up_s < finish_s + way.one_way_s;
            if late || pod.lists_leaves() || pod.ring.needs_care() {
                let head = &heads[due.way as usize];
                if self.place(head, attempt, picked, (work_s, 0)).is_some() {
                    self.stop_after(arrival_s, picked);
                }
                order = self.in_time(order);
                continue;
            }
            replace_earliest(&mut pod.free_s, finish_s);
            pod.ring.push(Entry {
                arrival_s,
                start_s,
                finish_s,
                work_s,
                give_up_s: attempt.give_up_s,
                first_s: attempt.first_s,
                key: attempt.key,
                lane: way.lane,
                flags: 0,
            });
            let rose = pod.threshold_s < pod.free_s[0] - arrival_s
                && (before_s - arrival_s).max(0.0) <= pod.threshold_s;
            if rose {
                self.stop_after(arrival_s, picked);
                order = self.in_time(order);
            }
        }
        n_served
    }

    /// By deployment, what is outstanding at each endpoint, where that decides.
    fn loads(&mut self, ways: &[Way<'a>]) -> Vec<Option<Loads<'a>>> {
        let mut loads = Vec::new();
        for way in ways {
            if let Choice::Least(deployment) = way.choice {
                loads.resize_with(loads.len().max(deployment + 1), || None);
                loads[deployment].get_or_insert_with(|| Loads::of(way.endpoints, self.pods));
            }
        }
        loads
    }

    /// Serves an attempt where the fewest are outstanding.
    fn serve_least(
        &mut self,
        loads: &mut [Option<Loads<'a>>],
        deployment: usize,
        (head, attempt): (&Head<'a>, &Attempt),
        work_s: f64,
    ) {
        let loads = loads[deployment].as_mut().expect("made for each way of that kind");
        let arrival_s = attempt.arrival_s;
        let least = loads.least(self.pods, arrival_s);
        let picked = loads.endpoint(least);
        if self.place(head, attempt, picked, (work_s, 0)).is_some() {
            self.stop_after(arrival_s, picked);
        }
        loads.look_at(least, self.pods, arrival_s);
    }

    /// Those that arrive before the slice ends, of some in order of time.
    fn in_time<'o>(&self, order: &'o [Due]) -> &'o [Due] {
        let upto = in_order(self.upto_s);
        match order.last() {
            Some(last) if upto <= last.order => {
                &order[..order.partition_point(|due| due.order < upto)]
            }
            _ => order,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::streams::{Stream, below};

    /// Two lists become the one that a stable sort makes of them, for lists of any two lengths
    /// and with many ties.
    #[test]
    fn merging_is_stable() {
        let stream = Stream::new(1, 0, "test", "merge");
        for case in 0..1_000_u64 {
            let lengths = [0, 1].map(|way| below(stream.at(2 * case + way), 12));
            let list = |way: usize| {
                let draw = |at| below(stream.at(1_000_000 + case * 100 + at), 10) as i64 - 5;
                let from = 50 * way as u64;
                let mut orders: Vec<i64> = (from..from + lengths[way] as u64).map(draw).collect();
                orders.sort_unstable();
                let due = |(at, order)| Due { order, at, way: way as u16, pod: 0 };
                (0..).zip(orders).map(due).collect::<Vec<_>>()
            };
            let (one, other) = (list(0), list(1));
            let mut expected = [&one[..], &other].concat();
            expected.sort_by_key(|due| due.order);
            let mut merged = vec![Due::default(); expected.len()];
            merge(&one, &other, &mut merged);
            let names = |list: &[Due]| list.iter().map(|d| (d.way, d.at)).collect::<Vec<_>>();
            assert_eq!(names(&merged), names(&expected), "case {case}");
        }
    }

    /// Integers stand in the order of the times that they are made of.
    #[test]
    fn order_is_that_of_times() {
        let times = [f64::NEG_INFINITY, -1e9, -2.5, -1e-300, 0.0, 1e-9, 3.0, f64::INFINITY];
        assert!(times.map(in_order).is_sorted_by(|a, b| a < b));
    }
}
