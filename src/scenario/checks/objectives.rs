//! An objective for the recovery time must lie within what the run can show.

use crate::scenario::objectives::ObjectivesSpec;
use crate::scenario::resolve::Resolving;
use crate::spec::{Code, Diagnostic};
use crate::units::Span;

/// How long a service must stay above its objective to count as recovered.
const HOLD: Span = Span::from_secs(60);

pub(super) fn check(cx: &mut Resolving<'_, '_>) {
    let spec = &cx.decoded.spec;
    let horizon = *spec.run.horizon;
    let objectives = spec.objectives.as_ref().map_or_else(Vec::new, ObjectivesSpec::objectives);
    let is_time = |metric: &str| metric == "rto_s" || metric == "capacity_s";
    for objective in objectives.iter().filter(|objective| is_time(objective.metric)) {
        let statement = objective.statement;
        let seen = |at: Span| (horizon - at - HOLD).as_secs_f64();
        let late = spec.faults.iter().find(|fault| seen(*fault.at) < statement.limit);
        if let (Some(fault), true) = (late, statement.relation.is_upper()) {
            let message = format!(
                "{} of `{}` cannot be seen: the run ends too early",
                objective.value,
                fault.name.as_str()
            );
            let wrong = Diagnostic::error(Code::Contradiction, objective.place.clone(), message);
            let most = seen(*fault.at).max(0.0);
            cx.diagnostics.push(wrong.allowed(format!("limits up to {most}, or a longer run")));
        }
    }
}
