//! Users of other time zones: their series is the demand's, read some hours earlier or later.

use tideover::experiment::premises::Premises;
use tideover::scenario::{Scenario, from_text};
use tideover::sim::rates::RateCurve;
use tideover::traffic::plan::Arrivals;

use crate::runs::SMALL;
use crate::source_tree::root;

/// The small scenario with these arrivals of users whose day is so much later.
fn scenario(arrivals: &str, shift: &str) -> Scenario {
    let place = "{name: users, ";
    let text = SMALL
        .replace("arrivals: {constant: 300/s}", arrivals)
        .replace(place, &format!("{place}timeShift: {shift}, "));
    let made = from_text("shifted.yaml", &text, &root().join("scenarios"), &[]);
    made.unwrap_or_else(|rejected| panic!("{arrivals}, {shift}: {rejected}"))
}

fn curve(arrivals: &str, shift: &str) -> RateCurve {
    match &scenario(arrivals, shift).demands()[0].arrivals {
        Arrivals::Poisson { curve } => curve.clone(),
        other => panic!("{arrivals}: {other:?}"),
    }
}

fn taxis(from: &str, interpolation: &str) -> String {
    format!(
        "arrivals: {{trace: {{csv: traces/nyc_taxi_passengers_per_30min.csv, time: local_minute, \
         count: passengers_in_30min, step: 30m, from: '{from}', factor: 10, afterEnd: repeat, \
         interpolation: {interpolation}}}}}"
    )
}

/// A shifted series is the original read elsewhere, to the last bit: a swing has its peak later;
/// a trace is read earlier for users in the west, later for those in the east; where it begins or
/// ends it wraps round as it does for everybody (it repeats after 2015-01-31 23:30).
#[test]
fn a_shifted_series_is_the_series_read_elsewhere() {
    let swing = |peak: &str| {
        format!("arrivals: {{diurnal: {{trough: 100/s, peak: 300/s, peakAt: {peak}}}}}")
    };
    assert_eq!(curve(&swing("0s"), "3h"), curve(&swing("3h"), "0s"));
    for interpolation in ["linear", "step"] {
        for (rule, shift, from, read_from) in [
            ("further west", "3h", "2014-09-06 20:00", "2014-09-06 17:00"),
            ("further east", "-3h", "2014-09-06 20:00", "2014-09-06 23:00"),
            ("before the first row", "3h", "2014-07-01 00:00", "2015-01-31 21:00"),
            ("after the last row", "-3h", "2015-01-31 21:00", "2014-07-01 00:00"),
            ("within an interval", "15m", "2014-09-06 20:15", "2014-09-06 20:00"),
        ] {
            let shifted = curve(&taxis(from, interpolation), shift);
            assert_eq!(shifted, curve(&taxis(read_from, interpolation), "0s"), "{rule}");
            assert_ne!(shifted, curve(&taxis(from, interpolation), "0s"), "{rule}");
        }
    }
}

/// `peak` is that of users who are not shifted: places keep the sizes that their shares say.
#[test]
fn a_shift_does_not_scale() {
    let from_to = |from: &str, scale: &str| taxis(from, "step").replace("factor: 10", scale);
    let [here, there] = ["2014-09-06 20:00", "2014-09-06 17:00"];
    let peak = curve(&from_to(here, "peak: 300/s"), "0s").rate_at(0.0);
    let scale = peak / curve(&from_to(here, "factor: 1"), "0s").rate_at(0.0);
    let shifted = curve(&from_to(here, "peak: 300/s"), "3h").rate_at(0.0);
    let expected = scale * curve(&from_to(there, "factor: 1"), "0s").rate_at(0.0);
    assert!((shifted / expected - 1.0).abs() < 1e-12, "{shifted}, not {expected}");
}

/// What has no time of day is not moved: constant rates, steps, crowds that news bring. A moved
/// series is a premise of the report; nothing else is.
#[test]
fn only_the_hours_of_the_day_are_moved() {
    let steps = "arrivals: {steps: [{at: 0s, rate: 100/s}, {at: 5m, rate: 200/s}]}\n    \
                 flashCrowds: [{at: 5m, rate: 50/s}]";
    for arrivals in ["arrivals: {constant: 300/s}", steps] {
        assert_eq!(curve(arrivals, "3h"), curve(arrivals, "0s"));
    }
    let taxis = taxis("2014-09-06 20:00", "step");
    let crowd = "\n    flashCrowds: [{at: 5m, rate: 50/s, rise: 1s}]";
    let [with, without] = [format!("{taxis}{crowd}"), taxis.clone()].map(|it| curve(&it, "3h"));
    for (at_s, on_top) in [(0.0, 0.0), (302.0, 50.0)] {
        let crowd = with.rate_at(at_s) - without.rate_at(at_s);
        assert!((crowd - on_top).abs() < 1e-9, "{at_s}: {crowd}");
    }
    for (arrivals, shift, moved) in
        [(&*taxis, "3h", true), (&*taxis, "0s", false), (steps, "3h", false)]
    {
        let premises = Premises::new(&scenario(arrivals, shift), None);
        let found = premises.assumptions.iter().filter(|it| it.source.contains("synthetic"));
        let found: Vec<_> = found.map(|it| (&*it.path, &*it.value)).collect();
        let expected = [("demands.web/users.arrivals", "the series of 3h before")];
        assert_eq!(found, if moved { &expected[..] } else { &[] }, "{arrivals}, {shift}");
    }
}
