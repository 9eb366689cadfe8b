//! Region pairs: of two regions that are lost together, one is recovered first.
//!
//! azure-docs reliability regions-paired: in an outage of several regions, one region of every
//! pair is prioritised. Here that moves the repair of a `regionLoss`. Left out: platform updates,
//! which reach the regions of a pair one after the other, and faults whose times or regions are
//! drawn, by themselves or by a failure model.

use crate::faults::Repair;
use crate::model::reference::{find, given};
use crate::scenario::explain::derived;
use crate::spec::{Code, Diagnostic};
use crate::units::{Span, Time};

use super::{Resolved, Resolving};

/// Checks the pairs, and moves repairs that would come before their turn.
pub(super) fn order_recovery(cx: &mut Resolving<'_, '_>, made: &mut Resolved) {
    let spec = &cx.decoded.spec;
    for region in spec.regions.iter() {
        let Some(first) = given(&region.recovers_after) else { continue };
        let known = spec.regions.iter().map(|region| region.name.as_str());
        let Some(index) = find("region", &first, known, cx.diagnostics) else { continue };
        if spec.regions[index].recovers_after.is_some() || *first == *region.name {
            let message = format!("`{}` waits for a region itself", first.as_str());
            let wrong = Diagnostic::error(Code::Contradiction, first.place.clone(), message);
            cx.diagnostics.push(wrong.allowed("a region that is recovered first"));
        }
    }
    let is_modelled = !spec.failure_model.is_empty();
    if is_modelled || made.faults.len() != spec.faults.len() || cx.diagnostics.has_errors() {
        return;
    }
    for index in 0..made.faults.len() {
        let Some(first) = recovered_first(cx, index) else { continue };
        for other in 0..made.faults.len() {
            if region_of(cx, other) == Some(first) {
                wait_for(cx, made, index, other);
            }
        }
    }
}

/// The region that a fault takes, if it is always the same one.
fn region_of<'s>(cx: &Resolving<'s, '_>, fault: usize) -> Option<&'s str> {
    let spec: &'s _ = &cx.decoded.spec;
    spec.faults[fault].region_loss.as_ref().and_then(|loss| loss.region.named())
}

/// The region that is recovered before the one that a fault takes.
fn recovered_first<'s>(cx: &Resolving<'s, '_>, fault: usize) -> Option<&'s str> {
    let lost = region_of(cx, fault)?;
    let spec: &'s _ = &cx.decoded.spec;
    let region = spec.regions.iter().find(|region| region.name.as_str() == lost)?;
    region.recovers_after.as_ref().map(|name| name.as_str())
}

/// If fault `index` would be repaired while `first` lasts, it is repaired with that.
fn wait_for(cx: &Resolving<'_, '_>, made: &mut Resolved, index: usize, first: usize) {
    let (mine, other) = (&made.faults[index], &made.faults[first]);
    let end = |at: Time, duration: Option<Span>| duration.map_or(Time::NEVER, |length| at + length);
    let (Some(mine_lasts), Some(other_lasts)) = (mine.always_lasts(), other.always_lasts()) else {
        return;
    };
    let (mine_ends, other_ends) = (end(mine.at, mine_lasts), end(other.at, other_lasts));
    if mine_ends < other.at || other_ends <= mine_ends {
        return;
    }
    let (at, name) = (mine.at, other.name.clone());
    let duration = other_lasts.map(|_| other_ends - at);
    made.faults[index].repair = duration.map_or(Repair::Never, Repair::After);
    let span = cx.decoded.spec.faults[index].at.span();
    let shown = duration.map_or_else(|| "never".to_owned(), |length| length.to_string());
    let rule = "its region recovers after that of another fault (`recoversAfter`)";
    let shown = format!("{shown}, with `{name}`");
    made.derived.push(derived(span, format!("faults[{index}].duration"), shown, rule));
}
