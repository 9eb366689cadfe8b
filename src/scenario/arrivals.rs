//! From an `arrivals` section to what traffic sends: rates become curves over the whole run,
//! recorded arrivals a list of instants.

use crate::model::duration::TimeUnit;
use crate::sim::maths;
use crate::sim::rates::RateCurve;
use crate::spec::{Code, Diagnostic, Diagnostics};
use crate::traffic::demand::{
    AfterEnd, ArrivalsSpec, DiurnalSpec, FlashCrowdSpec, ReplaySpec, StepSpec,
};
use crate::traffic::plan::Arrivals;
use crate::units::{Span, Time};

use super::table::{Tables, numbers, unit_of};
use super::trace::{self, Window};

/// The arrivals of a whole demand, or `None` after a report. Users whose day is `later_s` later
/// do what a swing or a trace says so much earlier; whatever else users do, they do at the same
/// instant everywhere.
pub fn arrivals(
    spec: &ArrivalsSpec,
    window: Window,
    later_s: f64,
    tables: &mut Tables,
    diagnostics: &mut Diagnostics,
) -> Option<Arrivals> {
    let curve = match spec {
        ArrivalsSpec::Constant(rate) => {
            RateCurve::steps(&[(window.start_s, rate.per_s())], window.end_s)
        }
        ArrivalsSpec::Steps(steps) => stepped(steps, window),
        ArrivalsSpec::Diurnal(diurnal) => cosine(diurnal, window.moved(-later_s)).moved(later_s),
        ArrivalsSpec::Trace(spec) => trace::shifted(spec, window, later_s, tables, diagnostics)?,
        ArrivalsSpec::Replay(spec) => {
            let instants = replayed(spec, window, tables, diagnostics)?;
            return Some(Arrivals::Replay { instants });
        }
        ArrivalsSpec::ClosedLoop(spec) => {
            return Some(Arrivals::ClosedLoop {
                clients: *spec.clients,
                requests: *spec.requests,
                pause: *spec.pause,
                begin: Time::ZERO + *spec.begin,
            });
        }
    };
    Some(Arrivals::Poisson { curve })
}

/// A demand's arrivals with the crowds that come on top of them.
#[must_use]
pub fn with_crowds(arrivals: Arrivals, crowds: &[FlashCrowdSpec], window: Window) -> Arrivals {
    let Arrivals::Poisson { mut curve } = arrivals else { return arrivals };
    for crowd in crowds {
        let at_s = crowd.at.as_secs_f64();
        let height_s = at_s + crowd.rise.as_secs_f64();
        let fall_s = height_s + crowd.hold.as_secs_f64();
        let end_s = fall_s + crowd.fall.as_secs_f64();
        let rate = crowd.rate.per_s();
        let mut points = vec![(window.start_s, 0.0), (at_s, 0.0), (height_s, rate)];
        points.extend([(fall_s, rate), (end_s, 0.0), (window.end_s.max(end_s) + 1.0, 0.0)]);
        points.dedup_by(|next, before| next.0 <= before.0);
        curve = curve.plus(&RateCurve::through(&points));
    }
    Arrivals::Poisson { curve }
}

/// The share of a demand that comes from one place.
#[must_use]
pub fn share_of(arrivals: &Arrivals, share: f64) -> Arrivals {
    match arrivals {
        Arrivals::Poisson { curve } => Arrivals::Poisson { curve: curve.scaled(share) },
        // Recorded and closed-loop clients are in one place.
        whole => whole.clone(),
    }
}

/// Users to expect from t = 0 to the horizon.
#[must_use]
pub fn expected_users(arrivals: &Arrivals, window: Window) -> f64 {
    match arrivals {
        Arrivals::Poisson { curve } => curve.integral(window.start_s, window.end_s),
        Arrivals::Replay { instants } => instants.len() as f64,
        Arrivals::ClosedLoop { clients, requests, pause, .. } => {
            let in_time = (window.end_s / pause.as_secs_f64()).ceil() + 1.0;
            f64::from(*clients) * f64::from(*requests).min(in_time)
        }
    }
}

fn stepped(steps: &[StepSpec], window: Window) -> RateCurve {
    let mut starts = vec![(window.start_s, steps[0].rate.per_s())];
    for step in &steps[1..] {
        let at_s = step.at.as_secs_f64();
        if at_s < window.end_s {
            starts.push((at_s, step.rate.per_s()));
        }
    }
    RateCurve::steps(&starts, window.end_s)
}

/// Chords of a cosine: 288 a period, as many as a day has stretches of five minutes.
fn cosine(spec: &DiurnalSpec, window: Window) -> RateCurve {
    const CHORDS: f64 = 288.0;
    let period_s = spec.period.as_secs_f64();
    let chord_s = period_s / CHORDS;
    let (trough, peak) = (spec.trough.per_s(), spec.peak.per_s());
    let rate = |at_s: f64| {
        let turns = (at_s - spec.peak_at.as_secs_f64()) / period_s;
        let swing = 0.5 + 0.5 * maths::cos(std::f64::consts::TAU * turns);
        (trough + (peak - trough) * swing).max(0.0)
    };
    let n_chords = ((window.end_s - window.start_s) / chord_s).ceil() as u64;
    let inner = (1..n_chords).map(|index| window.start_s + chord_s * index as f64);
    let times = std::iter::once(window.start_s).chain(inner).chain([window.end_s]);
    let points: Vec<(f64, f64)> = times.map(|at_s| (at_s, rate(at_s))).collect();
    RateCurve::through(&points)
}

fn replayed(
    spec: &ReplaySpec,
    window: Window,
    tables: &mut Tables,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Time>> {
    let unit: TimeUnit = unit_of(*spec.unit, &spec.column, diagnostics)?;
    let column = tables.column(&spec.csv, &spec.column, diagnostics)?;
    let values = numbers(&column, diagnostics)?;
    for (index, pair) in values.windows(2).enumerate() {
        if pair[1] < pair[0] {
            let cell = &column.cells[index + 1];
            let wrong = column.wrong(cell.line, format!("`{}` is before the row above", cell.text));
            diagnostics.push(wrong.allowed("instants in rising order"));
            return None;
        }
    }
    let (first, last) = (values[0], values[values.len() - 1]);
    // When it repeats, the pause between two rounds is the mean gap.
    let length = (last - first) * values.len() as f64 / (values.len() as f64 - 1.0).max(1.0);
    let begin_s = spec.begin.as_secs_f64();
    let rounds = match *spec.after_end {
        AfterEnd::Repeat if 0.0 < length => {
            ((window.end_s - begin_s) / (length * unit.seconds())).ceil().max(1.0)
        }
        _ => 1.0,
    };
    if MAX_REPLAYED < rounds * values.len() as f64 {
        let message = format!("{:.0} arrivals would be replayed", rounds * values.len() as f64);
        let wrong = Diagnostic::error(Code::TooCostly, spec.csv.place.clone(), message);
        diagnostics.push(wrong.allowed(format!("at most {MAX_REPLAYED:.0}")));
        return None;
    }
    let mut instants = Vec::new();
    for round in 0..rounds as u64 {
        for value in &values {
            let after = (value - first + length * round as f64) * unit.seconds();
            let at = Time::ZERO + *spec.begin + Span::from_secs_f64(after);
            if at.as_secs_f64() < window.end_s {
                instants.push(at);
            }
        }
    }
    Some(instants)
}

/// Each takes 8 bytes.
const MAX_REPLAYED: f64 = 2e7;
