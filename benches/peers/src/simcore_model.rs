//! simcore 0.1.0, the event core of DSLab: components and dynamic payloads.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use rand::rngs::SmallRng;
use serde::Serialize;
use simcore::{Event, EventHandler, Simulation, SimulationContext, cast};

use crate::textbook::{GAP, SERVERS, exponential, generator};

#[derive(Clone, Serialize)]
struct Arrival {}

#[derive(Clone, Serialize)]
struct Departure {}

struct Queue {
    context: SimulationContext,
    rng: SmallRng,
    customers: u64,
    arrived: u64,
    busy: u32,
    waiting: VecDeque<f64>,
    wait: f64,
}

impl Queue {
    fn arrive(&mut self) {
        self.arrived += 1;
        if self.arrived < self.customers {
            self.context.emit_self(Arrival {}, exponential(&mut self.rng) * GAP);
        }
        if self.busy < SERVERS {
            self.busy += 1;
            self.context.emit_self(Departure {}, exponential(&mut self.rng));
        } else {
            self.waiting.push_back(self.context.time());
        }
    }

    fn depart(&mut self) {
        if let Some(since) = self.waiting.pop_front() {
            self.wait += self.context.time() - since;
            self.context.emit_self(Departure {}, exponential(&mut self.rng));
        } else {
            self.busy -= 1;
        }
    }
}

impl EventHandler for Queue {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Arrival {} => {
                self.arrive();
            }
            Departure {} => {
                self.depart();
            }
        })
    }
}

/// Mean wait of so many customers of M/M/8.
pub fn queue(customers: u64) -> f64 {
    let mut simulation = Simulation::new(1);
    let context = simulation.create_context("queue");
    context.emit_self(Arrival {}, 0.0);
    let queue = Rc::new(RefCell::new(Queue {
        context,
        rng: generator(),
        customers,
        arrived: 0,
        busy: 0,
        waiting: VecDeque::new(),
        wait: 0.0,
    }));
    simulation.add_handler("queue", queue.clone());
    simulation.step_until_no_events();
    let wait = queue.borrow().wait;
    wait / customers as f64
}

struct Hold {
    context: SimulationContext,
    rng: SmallRng,
}

impl EventHandler for Hold {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Arrival {} => {
                self.context.emit_self(Arrival {}, exponential(&mut self.rng));
            }
        })
    }
}

/// The last instant of so many events of the hold model.
pub fn hold(timers: usize, events: u64) -> f64 {
    let mut simulation = Simulation::new(1);
    let context = simulation.create_context("hold");
    let mut rng = generator();
    for _ in 0..timers {
        context.emit_self(Arrival {}, exponential(&mut rng));
    }
    simulation.add_handler("hold", Rc::new(RefCell::new(Hold { context, rng })));
    simulation.steps(events);
    simulation.time()
}
