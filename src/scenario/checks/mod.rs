//! What may be wrong between sections, one file per family.
//!
//! A field's own bounds, and what must agree within one section, are checked by the sections
//! themselves; names that lead nowhere are reported where they are resolved. Not modelled yet,
//! so not checked: dependencies (and cycles among them); the
//! pods that fit on a node are bounded by `maxPods`.

use crate::scenario::resolve::{Resolved, Resolving};

mod cost;
mod failure_model;
mod faults;
mod front_door;
mod objectives;
mod operations;
mod placement;
mod throttling;

/// The share of trials for which a random time must fit into the run.
const NEARLY_ALWAYS: f64 = 0.99;

/// Reports everything that is wrong between sections.
pub(super) fn check_all(cx: &mut Resolving<'_, '_>, made: &Resolved) {
    front_door::check(cx, made);
    faults::check(cx);
    failure_model::check(cx, made);
    operations::check(cx);
    objectives::check(cx);
    // What follows computes with the resolved world, so it must have been resolved.
    if !cx.diagnostics.has_errors() {
        placement::check(cx, made);
        throttling::check(cx, made);
        cost::check(cx, made);
    }
}
