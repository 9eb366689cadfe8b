//! desque 0.4.0: boxed events on a binary heap; the events are zero-sized, its best case.

use std::collections::VecDeque;

use desque::serial::{Event, Simulation};
use desque::{Result, SimState};
use rand::rngs::SmallRng;

use crate::textbook::{GAP, SERVERS, exponential, generator, nanos};

/// Time in nanoseconds; the one that desque offers for floats orders them no faster.
type Time = u64;

#[derive(Debug)]
struct Queue {
    rng: SmallRng,
    customers: u64,
    arrived: u64,
    busy: u32,
    waiting: VecDeque<Time>,
    wait_ns: u64,
}

impl SimState<Time> for Queue {}

#[derive(Debug)]
struct Arrival;

#[derive(Debug)]
struct Departure;

impl Event<Queue, Time> for Arrival {
    fn execute(&mut self, simulation: &mut Simulation<Queue, Time>) -> Result {
        let now = *simulation.current_time();
        let queue = simulation.state_mut();
        queue.arrived += 1;
        let next = nanos(exponential(&mut queue.rng) * GAP);
        let is_last = queue.arrived == queue.customers;
        let service = (queue.busy < SERVERS).then(|| nanos(exponential(&mut queue.rng)));
        match service {
            Some(_) => queue.busy += 1,
            None => queue.waiting.push_back(now),
        }
        if !is_last {
            simulation.schedule(Arrival, now + next)?;
        }
        match service {
            Some(service) => simulation.schedule(Departure, now + service),
            None => Ok(()),
        }
    }
}

impl Event<Queue, Time> for Departure {
    fn execute(&mut self, simulation: &mut Simulation<Queue, Time>) -> Result {
        let now = *simulation.current_time();
        let queue = simulation.state_mut();
        let Some(since) = queue.waiting.pop_front() else {
            queue.busy -= 1;
            return Ok(());
        };
        queue.wait_ns += now - since;
        let service = nanos(exponential(&mut queue.rng));
        simulation.schedule(Departure, now + service)
    }
}

/// Mean wait of so many customers of M/M/8.
pub fn queue(customers: u64) -> f64 {
    let state = Queue {
        rng: generator(),
        customers,
        arrived: 0,
        busy: 0,
        waiting: VecDeque::new(),
        wait_ns: 0,
    };
    let mut simulation = Simulation::new(state, 0);
    simulation.schedule(Arrival, 0).expect("the first event is not in the past");
    simulation.run().expect("no event is in the past");
    simulation.state().wait_ns as f64 / 1e9 / customers as f64
}

#[derive(Debug)]
struct Hold {
    rng: SmallRng,
    left: u64,
}

impl SimState<Time> for Hold {
    fn is_complete(&self, _: &Time) -> bool {
        self.left == 0
    }
}

#[derive(Debug)]
struct Timer;

impl Event<Hold, Time> for Timer {
    fn execute(&mut self, simulation: &mut Simulation<Hold, Time>) -> Result {
        let now = *simulation.current_time();
        let hold = simulation.state_mut();
        hold.left -= 1;
        let delay = nanos(exponential(&mut hold.rng));
        simulation.schedule(Self, now + delay)
    }
}

/// The last instant of so many events of the hold model.
pub fn hold(timers: usize, events: u64) -> f64 {
    let mut simulation = Simulation::new(Hold { rng: generator(), left: events }, 0);
    for _ in 0..timers {
        let delay = nanos(exponential(&mut simulation.state_mut().rng));
        simulation.schedule(Timer, delay).expect("it is not in the past");
    }
    simulation.run().expect("no event is in the past");
    *simulation.current_time() as f64 / 1e9
}
