//! The data plane: what happens to requests between two control events.
//!
//! Between two control events nothing changes where or how requests are served, so the event
//! queue holds control events only, and before each one [`Traffic::advance`] brings the requests
//! to that instant in one tight loop. What it needs to know is in two values: the
//! [`plan::TrafficPlan`], fixed for a run, and the [`routing::Routing`] of the window. What
//! controllers learn comes back through the [`ledger::Ledger`] and a few readings per pod.
//!
//! [`requests::Requests`] is the exact engine: every request is simulated, none has an event. A
//! pod is c workers and a bounded FIFO queue, so the Kiefer–Wolfowitz recursion
//! ([`kiefer_wolfowitz`]) yields start and finish of a request when it arrives. These are
//! tentative until their instant has passed: a kill or a change of speed runs the rest again.
//!
//! [`flow::Flow`] is the aggregate engine: it moves counts, and its cost does not depend on the
//! request rate.
//!
//! [`calls::Calls`] is the exact engine of scenarios in which services call services, or pods
//! protect themselves from overload: in order of time, with a few events for each request. Other
//! scenarios never see it.
//!
//! [`cpu_load::CpuLoads`] knows no requests: deployments have a CPU load, for studies of the
//! control plane alone.
//!
//! A [`gate`] is a limit in front of pods that the requests of several deployments share.
//!
//! Reading order: [`demand`], [`over_dispersion`] (what users ask for), [`plan`], [`gate`],
//! [`routing`], [`ledger`] (the interface), [`arrivals`], [`retries`], [`wheel`] (who sends when),
//! [`kiefer_wolfowitz`], [`pods`], [`ring`] (who serves when), [`requests`] and [`flow`] (the
//! engines), [`cpu_load`], [`capacity`] (what a pod sustains).

pub mod demand;
pub mod level;
pub mod over_dispersion;
pub mod plan;

pub mod gate;
pub mod routing;

pub mod ledger;

mod arrivals;
mod retries;
mod wheel;

pub mod kiefer_wolfowitz;
mod pods;
mod ring;

pub mod requests;

pub mod calls;

pub mod flow;

pub mod cpu_load;

pub mod capacity;

use crate::model::ids::{DeploymentId, GateId, PodId};
use crate::units::{Span, Time};

use gate::GateReading;
use ledger::Ledger;
use routing::Routing;

/// A data plane: serves the requests of a plan on pods that others start, kill and slow down.
///
/// Time moves only in [`advance`](Traffic::advance); everything else happens at
/// [`now`](Traffic::now). Cutting a window in two changes no bit of any result. An instant `to`
/// belongs to the window that follows it: what happens exactly then has not happened yet.
pub trait Traffic: std::fmt::Debug {
    /// The instant up to which requests have been simulated.
    fn now(&self) -> Time;

    /// Simulates requests up to `to`, or stops before, one nanosecond at most after the first
    /// arrival that lifts the virtual wait of a [watched](Traffic::watch) pod above its
    /// threshold. `routing` holds for the whole window.
    fn advance(&mut self, to: Time, routing: &Routing) -> Advance;

    /// A process begins to run, with an empty queue and at the plan's speed: a new pod, or a
    /// restarted one.
    fn start_pod(&mut self, pod: PodId, deployment: DeploymentId);

    /// The process of `pod` ends now; whatever it had not finished is lost. No-op if it does not
    /// run, except that later arrivals learn it by `how`.
    fn kill_pod(&mut self, pod: PodId, how: Kill);

    /// The process of `pod` takes nothing new from now on (new connections are refused) and
    /// finishes what it has; returns when it will have.
    fn drain_pod(&mut self, pod: PodId) -> Time;

    /// Every client with a request in `pod` loses its connection and learns it by `how`; the
    /// process itself works on.
    fn sever_pod(&mut self, pod: PodId, how: Kill);

    /// From now on `pod` does `speed` seconds of nominal work in a second; requests in service
    /// keep what was done, waiting ones are placed again in FIFO order.
    fn set_speed(&mut self, pod: PodId, speed: f64);

    /// How long a request that arrives now would wait for a worker of `pod` \[s\]; infinite if
    /// the process does not run.
    fn virtual_wait_s(&self, pod: PodId) -> f64;

    /// Stop [`advance`](Traffic::advance) when the virtual wait of `pod` rises above
    /// `threshold`; `None` watches no longer.
    fn watch(&mut self, pod: PodId, threshold: Option<Span>);

    /// Worker-seconds that the process of `pod` has been busy since it started \[s\], to the
    /// nanosecond per request; those in service count up to now.
    fn busy_s(&self, pod: PodId) -> f64;

    /// Requests that `pod` serves or queues now, abandoned ones included.
    fn in_flight(&self, pod: PodId) -> u32;

    /// Requests that `pod` has ever taken in, over all restarts of its process; 0 in a data plane
    /// that knows no single requests.
    fn accepted(&self, pod: PodId) -> u64 {
        let _ = pod;
        0
    }

    /// Attempts that have reached the balancer of `deployment` since the start of the warm-up.
    fn arrived(&self, deployment: DeploymentId) -> u64 {
        self.ledger().deployment(deployment).arrived_ever()
    }

    /// What has come to a gate of the plan; nothing in a data plane that knows no single requests.
    fn gate(&self, gate: GateId) -> GateReading {
        let _ = gate;
        GateReading::default()
    }

    /// Time since t = 0 in which a deployment was asked for 95 % to 105 % of what its workers can
    /// do, where errors of approximations are largest; None in a data plane that makes none \[s\].
    fn near_saturation_s(&self) -> Option<f64> {
        None
    }

    /// The account of everything that happened before now. It may have to be made up first: for
    /// what is asked often there are other readings.
    fn ledger(&self) -> &Ledger;
}

/// Where an [`advance`](Traffic::advance) ended, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The new now.
    pub reached: Time,
    /// The watched pod whose virtual wait rose above its threshold, if that ended the window.
    pub slow_pod: Option<PodId>,
}

/// How a process ends, as its clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// Connections are reset: clients are told at once. A crash on a node that lives.
    Reset,
    /// Nobody answers any more: clients wait for their time-out. A node or region that is gone.
    Silent,
}
