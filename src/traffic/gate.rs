//! A gate: a limit that all requests of some deployments share, in front of their pods.
//!
//! An Application Gateway passes what its instances can, a database answers so many queries a
//! second and holds so many connections. Both are one rule. A bucket of `burst` units fills at
//! `rate` units a second; a request takes its cost in units out of it, or fails at once. And at
//! most so many requests that passed may be in progress: neither answered nor given up, or, where
//! a request leaves something behind that outlasts it (a source port), for a fixed time.
//!
//! The bucket is filled when a request arrives, and only then, so a gate is exact in time and
//! cutting a window changes no bit. Limits hold for a window ([`Routing`](super::routing::Routing))
//! and may differ from one to the next: what has filled by then stays, up to the new burst.
//!
//! Left out: a queue in front of the limit. What a real gateway delays for a moment before it
//! drops it passes here as part of the burst, without the delay.

use std::collections::BinaryHeap;

use crate::model::ids::DeploymentId;
use crate::units::{Ratio, Span};

use super::ledger::Reason;

/// A gate, as far as it is fixed for a run.
#[derive(Clone, Debug)]
pub struct GatePlan {
    /// Why requests fail that it does not let pass.
    pub reason: Reason,
    /// Whether any window bounds what is in progress: only then it is counted.
    pub counts_in_progress: bool,
    /// Whose requests pass it.
    pub passes: Vec<Pass>,
}

/// The requests of one deployment at one gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass {
    /// Whose requests.
    pub deployment: DeploymentId,
    /// What one request takes of the rate \[units\], above 0.
    pub cost: f64,
    /// What one request takes of the places in progress.
    pub places: u32,
    /// For how long it takes them; None: until the request is answered or given up.
    pub lasts: Option<Span>,
    /// The users whose requests need to pass.
    pub users: UserPart,
}

/// A part of the users of every demand, drawn once for all attempts of a user: of two gates, one
/// may serve the writes and the other one the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserPart {
    from: u64,
    below: u64,
}

impl UserPart {
    /// Every user.
    pub const ALL: Self = Self { from: 0, below: 1 << 32 };

    /// This share of the users.
    #[must_use]
    pub fn share(share: Ratio) -> Self {
        Self { below: Self::bound(share), ..Self::ALL }
    }

    /// All users but [this share](Self::share).
    #[must_use]
    pub fn all_but(share: Ratio) -> Self {
        Self { from: Self::bound(share), ..Self::ALL }
    }

    fn bound(share: Ratio) -> u64 {
        (share.get().clamp(0.0, 1.0) * (1_u64 << 32) as f64) as u64
    }

    /// Its share of all users.
    pub(super) fn size(self) -> f64 {
        (self.below - self.from) as f64 / (1_u64 << 32) as f64
    }

    /// Whether the user of these 32 random bits is in it.
    #[inline]
    pub(super) fn contains(self, bits: u32) -> bool {
        (self.from..self.below).contains(&u64::from(bits))
    }
}

/// What a gate lets pass in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateLimit {
    /// Units a second, at least 0; infinite for no limit \[1/s\].
    pub rate: f64,
    /// Units that the bucket holds. A request that costs more never passes.
    pub burst: f64,
    /// Places of requests in progress; `u64::MAX` for no bound.
    pub in_progress: u64,
}

impl GateLimit {
    /// Everything passes.
    pub const OPEN: Self =
        Self { rate: f64::INFINITY, burst: f64::INFINITY, in_progress: u64::MAX };

    /// Nothing passes.
    pub const SHUT: Self = Self { rate: 0.0, burst: 0.0, in_progress: 0 };
}

/// What has come to a gate since the start of the run, warm-up included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GateReading {
    /// Requests that passed.
    pub passed: u64,
    /// Requests that did not.
    pub refused: u64,
    /// What those that passed took \[units\].
    pub passed_units: f64,
    /// What the others would have taken \[units\].
    pub refused_units: f64,
    /// Places of requests that passed and are in progress now; 0 where they are not counted.
    pub in_progress: u64,
}

/// A gate at run time.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) reason: Reason,
    pub(super) counts: bool,
    limit: GateLimit,
    /// What the bucket held at `filled_s` [units].
    tokens: f64,
    filled_s: f64,
    reading: GateReading,
    held: BinaryHeap<Held>,
}

/// A request in progress: until when, in which pod, how often that pod's requests had been placed
/// anew, and the places that it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) until_s: f64,
    pub(super) pod: u32,
    pub(super) placing: u32,
    pub(super) places: u32,
}

/// The pod of a request that is in none: it waits for an answer that nobody sends.
pub(super) const NOWHERE: u32 = u32::MAX;

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    /// The one that ends first is the greatest, for the heap gives the greatest.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.until_s.total_cmp(&self.until_s)
    }
}

impl Gate {
    /// An open gate at the start of a run.
    pub(super) fn new(plan: &GatePlan, start_s: f64) -> Self {
        Self {
            reason: plan.reason,
            counts: plan.counts_in_progress,
            limit: GateLimit::OPEN,
            tokens: f64::INFINITY,
            filled_s: start_s,
            reading: GateReading::default(),
            held: BinaryHeap::new(),
        }
    }

    /// The limit from `now_s` on.
    #[inline]
    pub(super) fn set(&mut self, limit: GateLimit, now_s: f64) {
        if limit != self.limit {
            self.fill(now_s);
            assert!(0.0 <= limit.rate && 0.0 <= limit.burst, "limits are not negative: {limit:?}");
            let counts = ![0, u64::MAX].contains(&limit.in_progress);
            assert!(self.counts || !counts, "the plan says: not counted");
            self.tokens = self.tokens.min(limit.burst);
            self.limit = limit;
        }
    }

    fn fill(&mut self, now_s: f64) {
        if self.limit.rate == f64::INFINITY {
            self.tokens = self.limit.burst;
        } else {
            let added = (now_s - self.filled_s) * self.limit.rate;
            self.tokens = (self.tokens + added).min(self.limit.burst);
        }
        self.filled_s = now_s;
    }

    /// Whether a request of this cost and so many places may pass at `now_s`; takes its units. Of
    /// what is held, that in an older placing of its pod than `placing_of` says does not count: it
    /// is held anew.
    pub(super) fn admit(
        &mut self,
        now_s: f64,
        (cost, places): (f64, u32),
        placing_of: impl Fn(u32) -> u32,
    ) -> bool {
        self.fill(now_s);
        self.let_go(now_s, placing_of);
        let taken = self.reading.in_progress.saturating_add(u64::from(places));
        let passes = cost <= self.tokens && taken <= self.limit.in_progress;
        if passes {
            self.tokens -= cost;
            self.reading.passed += 1;
            self.reading.passed_units += cost;
        } else {
            self.reading.refused += 1;
            self.reading.refused_units += cost;
        }
        passes
    }

    /// A request that passed is in progress.
    pub(super) fn hold(&mut self, held: Held) {
        self.reading.in_progress += u64::from(held.places);
        self.held.push(held);
    }

    /// A held request ends otherwise than at its instant, or is about to be held anew.
    pub(super) fn forget(&mut self, places: u32) {
        self.reading.in_progress -= u64::from(places);
    }

    /// Forgets what has ended by `now_s`.
    pub(super) fn let_go(&mut self, now_s: f64, placing_of: impl Fn(u32) -> u32) {
        while let Some(first) = self.held.peek()
            && first.until_s <= now_s
        {
            if first.placing == placing_of(first.pod) {
                self.reading.in_progress -= u64::from(first.places);
            }
            self.held.pop();
        }
    }

    /// The reading at `now_s`.
    pub(super) fn reading(&self, now_s: f64, placing_of: impl Fn(u32) -> u32) -> GateReading {
        let lasting = |held: &&Held| now_s < held.until_s && held.placing == placing_of(held.pod);
        let places = |held: &Held| u64::from(held.places);
        let in_progress = self.held.iter().filter(lasting).map(places).sum();
        GateReading { in_progress, ..self.reading }
    }
}
