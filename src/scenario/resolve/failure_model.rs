//! Kinds of failure: their faults by name, each at most once, and none forgotten.

use crate::model::ids::FaultId;
use crate::model::reference::find;
use crate::scenario::failure_model::{
    Companion, CompanionSpec, FailureKind, FailureKindSpec, FailureModel,
};
use crate::spec::{Code, Diagnostic};

use super::{Named, Resolved, Resolving};

/// The failure model, if the scenario has one; reports what is wrong with it.
pub(super) fn model(cx: &mut Resolving<'_, '_>, made: &Resolved) -> Option<FailureModel> {
    let specs = &cx.decoded.spec.failure_model;
    let mut kinds: Vec<FailureKind> = Vec::new();
    for spec in specs.iter() {
        let Some(kind) = kind(cx, made, spec) else { continue };
        if kinds.iter().any(|earlier| earlier.fault == kind.fault) {
            twice(cx, &spec.fault, "has two rates", "one entry for each fault");
        }
        kinds.push(kind);
    }
    if !specs.is_empty() && !cx.diagnostics.has_errors() {
        check_none_is_forgotten(cx, made, &kinds);
    }
    (!kinds.is_empty()).then_some(FailureModel { kinds })
}

fn kind(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    spec: &FailureKindSpec,
) -> Option<FailureKind> {
    let fault = fault(cx, made, &spec.fault)?;
    let mut companions: Vec<Companion> = Vec::new();
    for along in spec.companions.iter() {
        let Some(companion) = companion(cx, made, along) else { continue };
        if companion.fault == fault {
            twice(cx, &along.fault, "would come along with itself", "another fault");
        } else if companions.iter().any(|earlier| earlier.fault == companion.fault) {
            twice(cx, &along.fault, "comes along twice", "each fault once in `with`");
        }
        companions.push(companion);
    }
    let name = spec.fault.as_str().to_owned();
    Some(FailureKind { fault, name, rate_per_year: *spec.rate_per_year, companions })
}

fn companion(
    cx: &mut Resolving<'_, '_>,
    made: &Resolved,
    spec: &CompanionSpec,
) -> Option<Companion> {
    let after = spec.after.as_ref().map(|law| cx.law(law));
    Some(Companion {
        fault: fault(cx, made, &spec.fault)?,
        name: spec.fault.as_str().to_owned(),
        probability: *spec.probability,
        after,
    })
}

/// The fault called so, or `None` after a report.
fn fault(cx: &mut Resolving<'_, '_>, made: &Resolved, name: &Named) -> Option<FaultId> {
    let known = made.world.fault_names.iter().map(String::as_str);
    find("fault", name, known, cx.diagnostics).map(FaultId::new)
}

fn twice(cx: &mut Resolving<'_, '_>, name: &Named, what: &str, allowed: &str) {
    let message = format!("`{}` {what}", name.as_str());
    let wrong = Diagnostic::error(Code::Contradiction, name.place.clone(), message);
    cx.diagnostics.push(wrong.allowed(allowed));
}

/// A fault that is neither a kind nor a companion would never strike.
fn check_none_is_forgotten(cx: &mut Resolving<'_, '_>, made: &Resolved, kinds: &[FailureKind]) {
    let is_used = |id: FaultId| {
        let along = |kind: &FailureKind| kind.companions.iter().any(|it| it.fault == id);
        kinds.iter().any(|kind| kind.fault == id || along(kind))
    };
    for (index, name) in made.world.fault_names.iter().enumerate() {
        if !is_used(FaultId::new(index)) {
            let place = cx.decoded.spec.faults[index].name.place.clone();
            let message = format!("`{name}` never strikes: the failure model does not name it");
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            let help = format!("add `{{fault: {name}, ratePerYear: ..}}` to `failureModel`");
            cx.diagnostics.push(wrong.help(help));
        }
    }
}
