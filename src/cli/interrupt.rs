//! Stopping a study: Ctrl-C, a request to end, or the time that it may take.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::units::Span;

use super::exit::{Exit, Failure};
use super::talk::say;

/// How often the user has asked to stop.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// From now on Ctrl-C is a request; a second one ends the process at once.
pub(super) fn listen() -> Result<(), anyhow::Error> {
    ctrlc::set_handler(|| {
        if 0 < ASKED.fetch_add(1, Ordering::Relaxed) {
            process::exit(Exit::Interrupted as i32);
        }
    })
    .context("cannot listen for Ctrl-C")
}

/// Whether the user has asked to stop.
pub(super) fn is_asked() -> bool {
    0 < ASKED.load(Ordering::Relaxed)
}

/// The time that a study may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    end: Option<Instant>,
}

impl Deadline {
    /// So much time from now on, or any.
    pub(super) fn after(limit: Option<Span>) -> Self {
        let end = limit.and_then(|limit| {
            let limit = Duration::try_from_secs_f64(limit.as_secs_f64().max(0.0)).ok()?;
            Instant::now().checked_add(limit)
        });
        Self { end }
    }

    /// Whether to stop: the user has asked to, or the time is up and there is something to show.
    pub(super) fn stops(self, has_something: bool) -> bool {
        is_asked() || (has_something && self.end.is_some_and(|end| end <= Instant::now()))
    }
}

/// Says why a result is partial, and what helps.
pub(super) fn say_partial(help: &str) {
    let why = if is_asked() { "interrupted" } else { "the time is up" };
    say(&format!("{why}: the result is partial{help}\n"));
}

/// What the shell is told of a study, of which the user has seen the results: one that was partial
/// because its time was up did what was wanted.
pub(super) fn told(is_partial: bool) -> Result<(), Failure> {
    if is_partial && is_asked() { Err(Failure::told(Exit::Interrupted)) } else { Ok(()) }
}
