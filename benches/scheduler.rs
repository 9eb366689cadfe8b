//! The scheduler by itself: queue, filters, scores, binding and release, without kubelets.
//!
//! `control_scheduler_a_big`: 1,000 nodes of 64 CPU and 128 GiB; 100,000 pods that arrive over
//! 10 h and live 60 s to 1,800 s, CPU and memory from {0.5, 1, 2, 4}. Required: at most 1 s on
//! one core. `control_scheduler_at_once`: 7,064 such pods at once on 1,200 nodes; required: at
//! most 0.1 s. `_spread` is the same with all pods of a class belonging to one Deployment, so that
//! the system's default spread constraints are scored, too.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

use tideover::control::scheduler::queue::{ClusterEvent, Queue};
use tideover::control::scheduler::schedule::Scheduler;
use tideover::control::scheduler::score::FitStrategy;
use tideover::control::scheduler::snapshot::{SYSTEM_DEFAULT_SPREAD, Taints};
use tideover::control::scheduler::{NewNode, PodClass, PodRules, Request, Snapshot, schedule_one};
use tideover::model::ids::PodId;
use tideover::model::labels::Labels;
use tideover::model::node_pool::Resources;
use tideover::model::placement::SpreadConstraint;
use tideover::sim::streams::{Stream, unit};
use tideover::units::{Bytes, MilliCpu, Span, Time};

/// The 16 combinations of CPU and memory.
fn classes(spread: &[SpreadConstraint]) -> Vec<PodClass> {
    const HALVES: [i64; 4] = [1, 2, 4, 8];
    let class = |cpu: i64, memory: i64| PodRules {
        requests: Resources {
            cpu: MilliCpu::new(500 * cpu),
            memory: Bytes::from_mib(512 * memory),
            pods: 1,
        },
        ..PodRules::default()
    };
    let rules: Vec<PodRules> = HALVES
        .iter()
        .flat_map(|&cpu| HALVES.iter().map(move |&memory| class(cpu, memory)))
        .collect();
    PodClass::all(&rules, spread)
}

fn cluster(n_nodes: u32, spread: &[SpreadConstraint]) -> Snapshot {
    let mut snapshot = Snapshot::new(classes(spread), FitStrategy::LeastAllocated);
    let labels = Labels::default();
    let allocatable =
        Resources { cpu: MilliCpu::new(64_000), memory: Bytes::from_mib(128 * 1_024), pods: 250 };
    snapshot.add_nodes((0..n_nodes).map(|node| NewNode {
        zone: node % 3,
        taints: Taints::NONE,
        allocatable,
        labels: &labels,
        pool_taints: &[],
    }));
    snapshot
}

/// A pod that arrives: when, of which class, for how long.
#[derive(Clone, Copy)]
struct Arrival {
    at: Time,
    class: usize,
    lives: Span,
}

fn arrivals(n: u64, within: Span) -> Vec<Arrival> {
    let stream = Stream::new(1, 0, "bench", "scheduler");
    let arrival = |i: u64| Arrival {
        at: Time::ZERO + within.scale(unit(stream.at(3 * i))),
        class: (stream.at(3 * i + 1) >> 60) as usize,
        lives: Span::from_secs(60) + Span::from_secs(1_740).scale(unit(stream.at(3 * i + 2))),
    };
    let mut arrivals: Vec<Arrival> = (0..n).map(arrival).collect();
    arrivals.sort_by_key(|arrival| arrival.at);
    arrivals
}

/// Schedules all pods in order of their arrival and releases each at the end of its life; gives
/// the pods bound and the most that ran at the same time.
fn schedule(snapshot: &mut Snapshot, arrivals: &[Arrival]) -> (usize, usize) {
    let stream = Stream::new(1, 0, "bench", "ties");
    let (mut scheduler, mut queue) = (Scheduler::default(), Queue::default());
    let mut ends: BinaryHeap<Reverse<(Time, usize, usize)>> = BinaryHeap::new();
    let (mut n_bound, mut n_most) = (0, 0);
    for (index, arrival) in arrivals.iter().enumerate() {
        let now = arrival.at;
        while let Some(&Reverse((end, class, node))) = ends.peek()
            && end <= now
        {
            ends.pop();
            snapshot.release(class, node, true);
            queue.wake(ClusterEvent::PodGone(class), end);
        }
        queue.add(PodId::new(index), arrival.class, 0, now);
        while let Some(turn) = queue.pop(now) {
            let draw = stream.at(turn.pod.index() as u64);
            let request = Request { class: turn.class, draw, ..Request::default() };
            match schedule_one(&mut scheduler, snapshot, &request) {
                Ok(placed) => {
                    snapshot.place(turn.class, placed.node);
                    queue.wake(ClusterEvent::PodMoved(turn.class), now);
                    let end = now + arrivals[turn.pod.index()].lives;
                    ends.push(Reverse((end, turn.class, placed.node)));
                    n_bound += 1;
                    n_most = n_most.max(ends.len());
                }
                Err(why) => queue.failed(turn, &why, now),
            }
        }
    }
    (n_bound, n_most)
}

/// No node holds more than it offers.
fn assert_fits(snapshot: &Snapshot, n_nodes: usize) {
    for node in 0..n_nodes {
        let state = snapshot.node(node);
        assert!(state.allocatable.fits(&state.requested), "node {node} is overbooked");
    }
}

fn scheduling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("control_scheduler");
    group.sample_size(10);
    let pods = arrivals(100_000, Span::from_secs(36_000));
    for (name, spread) in [("a_big", &[][..]), ("a_big_spread", &SYSTEM_DEFAULT_SPREAD[..])] {
        let empty = cluster(1_000, spread);
        let mut snapshot = empty.clone();
        let (n_bound, n_most) = schedule(&mut snapshot, &pods);
        // 100,000 pods over 36,000 s with a mean life of 930 s: 2,583 at a time.
        assert_eq!(n_bound, 100_000);
        assert!((2_400..2_800).contains(&n_most), "{n_most} pods at a time");
        assert_fits(&snapshot, 1_000);
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(schedule(&mut empty.clone(), &pods)));
        });
    }
    let pods = arrivals(7_064, Span::ZERO);
    for (name, spread) in [("at_once", &[][..]), ("at_once_spread", &SYSTEM_DEFAULT_SPREAD[..])] {
        let empty = cluster(1_200, spread);
        let mut snapshot = empty.clone();
        assert_eq!(schedule(&mut snapshot, &pods), (7_064, 7_064));
        assert_fits(&snapshot, 1_200);
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(schedule(&mut empty.clone(), &pods)));
        });
    }
    group.finish();
}

criterion_group!(benches, scheduling);
criterion_main!(benches);
