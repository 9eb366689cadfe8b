//! Serving where nothing but a draw or a turn decides on the pod: nearly all requests.
//!
//! What [`arrive`](super::arrive) does for every attempt by any rule, this does for attempts to
//! deployments without gates, failing dependencies and dead endpoints, in as few instructions as
//! possible. What is rare, a full ring or an answer that comes too late, goes the common way.

use crate::model::ids::PodId;
use crate::sim::streams::{Stream, below};

use crate::traffic::kiefer_wolfowitz::replace_earliest;
use crate::traffic::plan::Balancer;
use crate::traffic::ring::Entry;

use super::Attempt;
use super::arrive::{Arriving, Head};

/// The attempts that arrive on one lane: what the loop over them needs, side by side.
#[derive(Clone, Copy)]
struct Way<'a> {
    attempts: &'a [Attempt],
    endpoints: &'a [PodId],
    pod_stream: Stream,
    one_way_s: f64,
    /// The deployment whose endpoints take turns, if they do.
    in_turn: Option<usize>,
    lane: u16,
}

/// An attempt that arrives: when, on which way, and as which of its attempts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    arrival_s: f64,
    way: u32,
    at: u32,
}

impl<'a> Way<'a> {
    fn of(head: &Head<'a>, end_s: f64) -> Self {
        let deployment = head.deployment.expect("a plain head is served");
        let waiting = head.waiting();
        Self {
            attempts: &waiting[..waiting.partition_point(|attempt| attempt.arrival_s < end_s)],
            endpoints: head.endpoints,
            pod_stream: head.pod_stream,
            one_way_s: head.one_way_s,
            in_turn: (head.balancer == Balancer::RoundRobin).then_some(deployment),
            lane: head.index,
        }
    }

    fn due(&self, way: usize) -> impl Iterator<Item = Due> {
        let way = way as u32;
        (0..).zip(self.attempts).map(move |(at, attempt)| {
            let arrival_s = attempt.arrival_s;
            Due { arrival_s, way, at }
        })
    }
}

/// Puts two lists, each in order of time, into one: the first of equals first.
fn merge(one: &[Due], other: &[Due], merged: &mut Vec<Due>) {
    let (mut i, mut k) = (0, 0);
    merged.reserve(one.len() + other.len());
    while i < one.len() && k < other.len() {
        // Without a branch on who is earlier, which nobody foresees.
        let (a, b) = (one[i], other[k]);
        let later = usize::from(b.arrival_s < a.arrival_s);
        merged.push(if later == 0 { a } else { b });
        i += 1 - later;
        k += later;
    }
    merged.extend_from_slice(&one[i..]);
    merged.extend_from_slice(&other[k..]);
}

impl<'a> Arriving<'a> {
    /// Takes in every attempt that arrives before `end_s`, or up to the first arrival that makes
    /// a watched pod too slow: then gives its instant and the pod.
    pub(super) fn take_plain(
        &mut self,
        heads: &mut [Head<'a>],
        end_s: f64,
    ) -> Option<(f64, PodId)> {
        let ways: Vec<Way<'_>> = heads.iter().map(|head| Way::of(head, end_s)).collect();
        let [mut order, mut list, mut merged] = std::mem::take(self.lists);
        order.clear();
        for (index, way) in ways.iter().enumerate() {
            if index == 0 {
                order.extend(way.due(index));
                continue;
            }
            list.clear();
            list.extend(way.due(index));
            merged.clear();
            merge(&order, &list, &mut merged);
            std::mem::swap(&mut order, &mut merged);
        }
        let stop = self.serve_in_order(heads, &ways, &order);
        let n_taken = stop.map_or(order.len(), |(n_taken, _)| n_taken);
        for due in &order[..n_taken] {
            heads[due.way as usize].n_taken += 1;
        }
        for head in heads {
            head.skip_taken();
        }
        let stop = stop.map(|(n_taken, pod)| (order[n_taken - 1].arrival_s, pod));
        *self.lists = [order, list, merged];
        stop
    }

    /// Serves attempts up to the first that makes a watched pod too slow: then gives how many
    /// those are, and the pod.
    #[inline(never)]
    fn serve_in_order(
        &mut self,
        heads: &[Head<'a>],
        ways: &[Way<'_>],
        order: &[Due],
    ) -> Option<(usize, PodId)> {
        for (index, due) in order.iter().enumerate() {
            let way = &ways[due.way as usize];
            let attempt = &way.attempts[due.at as usize];
            let picked = match way.in_turn {
                None => way.endpoints[below(way.pod_stream.at(attempt.key), way.endpoints.len())],
                Some(deployment) => self.take_turn(deployment, way.endpoints),
            };
            let pod = &mut self.pods[picked.index()];
            let before_s = pod.free_s[0];
            let (arrival_s, work_s) = (attempt.arrival_s, attempt.work_s);
            let start_s = if arrival_s < before_s { before_s } else { arrival_s };
            let finish_s = start_s + work_s * pod.slowness;
            let late = attempt.give_up_s < finish_s + way.one_way_s;
            if late || pod.ring.needs_care() {
                let head = &heads[due.way as usize];
                if self.place(head, attempt, picked, (work_s, 0)).is_some() {
                    return Some((index + 1, picked));
                }
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
                return Some((index + 1, picked));
            }
        }
        None
    }
}
