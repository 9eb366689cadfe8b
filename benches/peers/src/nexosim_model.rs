//! nexosim 1.0.0 on one thread: one model that schedules its own events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nexosim::model::{Context, Model, schedulable};
use nexosim::simulation::{Mailbox, SimInit, Simulation};
use nexosim::time::MonotonicTime;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};

use crate::textbook::{GAP, SERVERS, exponential, generator, nanos};

fn delay(rng: &mut SmallRng, mean: f64) -> Duration {
    // It refuses delays of zero.
    Duration::from_nanos(nanos(exponential(rng) * mean).max(1))
}

#[derive(Serialize, Deserialize)]
struct Queue {
    #[serde(skip, default = "generator")]
    rng: SmallRng,
    customers: u64,
    arrived: u64,
    busy: u32,
    #[serde(skip)]
    waiting: VecDeque<MonotonicTime>,
    /// Read when the run is over [ns].
    #[serde(skip)]
    wait_ns: Arc<AtomicU64>,
}

#[Model]
impl Queue {
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>, _: &mut ()) {
        self.next_arrival(cx);
    }

    #[nexosim(schedulable)]
    async fn arrive(&mut self, _: (), cx: &Context<Self>) {
        self.arrived += 1;
        if self.arrived < self.customers {
            self.next_arrival(cx);
        }
        if self.busy < SERVERS {
            self.busy += 1;
            self.serve(cx);
        } else {
            self.waiting.push_back(cx.time());
        }
    }

    #[nexosim(schedulable)]
    async fn depart(&mut self, _: (), cx: &Context<Self>) {
        if let Some(since) = self.waiting.pop_front() {
            let wait = cx.time().duration_since(since).as_nanos() as u64;
            self.wait_ns.fetch_add(wait, Ordering::Relaxed);
            self.serve(cx);
        } else {
            self.busy -= 1;
        }
    }
}

impl Queue {
    fn next_arrival(&mut self, cx: &Context<Self>) {
        let delay = delay(&mut self.rng, GAP);
        cx.schedule_event(delay, schedulable!(Self::arrive), ()).expect("it is in the future");
    }

    fn serve(&mut self, cx: &Context<Self>) {
        let delay = delay(&mut self.rng, 1.0);
        cx.schedule_event(delay, schedulable!(Self::depart), ()).expect("it is in the future");
    }
}

fn simulation<M: nexosim::model::ProtoModel + 'static>(
    model: M,
    mailbox: Mailbox<M::Model>,
) -> Simulation {
    let bench = SimInit::with_num_threads(1).add_model(model, mailbox, "model");
    bench.init(MonotonicTime::EPOCH).expect("the model is complete")
}

/// Mean wait of so many customers of M/M/8.
pub fn queue(customers: u64) -> f64 {
    let wait_ns = Arc::new(AtomicU64::new(0));
    let queue = Queue {
        rng: generator(),
        customers,
        arrived: 0,
        busy: 0,
        waiting: VecDeque::new(),
        wait_ns: wait_ns.clone(),
    };
    simulation(queue, Mailbox::new()).run().expect("nothing stops it");
    wait_ns.load(Ordering::Relaxed) as f64 / 1e9 / customers as f64
}

#[derive(Serialize, Deserialize)]
struct Hold {
    #[serde(skip, default = "generator")]
    rng: SmallRng,
    timers: usize,
    left: u64,
}

#[Model]
impl Hold {
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>, _: &mut ()) {
        for _ in 0..self.timers {
            self.again(cx);
        }
    }

    #[nexosim(schedulable)]
    async fn fire(&mut self, _: (), cx: &Context<Self>) {
        if 0 < self.left {
            self.left -= 1;
            self.again(cx);
        }
    }
}

impl Hold {
    fn again(&mut self, cx: &Context<Self>) {
        let delay = delay(&mut self.rng, 1.0);
        cx.schedule_event(delay, schedulable!(Self::fire), ()).expect("it is in the future");
    }
}

/// The last instant of so many events of the hold model.
pub fn hold(timers: usize, events: u64) -> f64 {
    let mut simulation =
        simulation(Hold { rng: generator(), timers, left: events }, Mailbox::new());
    simulation.run().expect("nothing stops it");
    simulation.time().duration_since(MonotonicTime::EPOCH).as_secs_f64()
}
