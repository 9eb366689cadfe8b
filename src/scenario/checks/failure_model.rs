//! Companions must strike within the run, and failures be rare enough to come one at a time.

use crate::scenario::resolve::{Resolved, Resolving};
use crate::spec::{Code, Diagnostic};
use crate::units::Span;

use super::faults::{HOLD, latest};

/// Seconds of a year of 365 days.
const YEAR_S: f64 = 365.0 * 86_400.0;

/// The share of runs with a second failure from which on they cannot be looked at one by one.
const OFTEN: f64 = 0.1;

pub(super) fn check(cx: &mut Resolving<'_, '_>, made: &Resolved) {
    let spec = &cx.decoded.spec;
    let (Some(model), Some(first)) = (&made.failure_model, spec.failure_model.first()) else {
        return;
    };
    let horizon = *spec.run.horizon;
    let runs = model.rates_per_year().iter().sum::<f64>() * horizon.as_secs_f64() / YEAR_S;
    if OFTEN < runs {
        let message = format!("{runs:.2} failures a run of {horizon} on average: they overlap");
        let place = first.rate_per_year.place.clone();
        let warning = Diagnostic::warning(Code::Contradiction, place, message);
        cx.diagnostics.push(warning.help(
            "a trial has one failure: shorten `run.horizon`, or leave frequent small ones out",
        ));
    }
    for (kind, made) in spec.failure_model.iter().zip(&model.kinds) {
        let (at, _) = latest(cx, &spec.faults[made.fault.index()]);
        for along in kind.companions.iter() {
            let law = along.after.as_ref().map(|law| cx.law(law).quantile(super::NEARLY_ALWAYS));
            let latest = at + law.map_or(Span::ZERO, Span::from_secs_f64);
            if horizon < latest + HOLD {
                let place = along.after.place.clone();
                let message = format!(
                    "`{}` strikes at {latest}, and the run ends at {horizon}",
                    along.fault.as_str()
                );
                let wrong = Diagnostic::error(Code::Contradiction, place, message);
                let help = "a recovery must be seen to hold: lengthen `run.horizon`";
                cx.diagnostics.push(wrong.allowed(format!("up to {}", horizon - HOLD)).help(help));
            }
        }
    }
}
