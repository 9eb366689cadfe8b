//! Kinds of `node_lifecycle.jsonl`: zones, eviction rates, and two back-offs.

use crate::control::kubelet::restart::{RestartBackoff, wait_with};
use crate::control::node_lifecycle::rate_limiter::RateLimiter;
use crate::control::node_lifecycle::zones::{
    EvictionPolicy, ZoneState, eviction_rates, zone_state,
};
use crate::control::scheduler::queue::backoff_with;
use crate::units::{Span, Time};

use super::fields::{Fields, Read};
use super::kinds::{Kind, Verdict, expect_equal};

pub(super) const KINDS: &[Kind] = &[
    ("zone_state", state),
    ("zone_qps", rates),
    ("taint_times", taint_times),
    ("restart_backoff", restarts),
    ("scheduler_backoff", scheduler),
];

/// Periods such as 1/0.03 s are no whole number of nanoseconds: instants agree to the microsecond.
const SAME_TIME: Span = Span::from_nanos(1_000);

fn state(line: &Fields<'_>) -> Verdict {
    let unhealthy_share = line.float("unhealthy_threshold")? as f32;
    let policy = EvictionPolicy { unhealthy_share, ..EvictionPolicy::default() };
    let got = zone_state(line.count32("ready")?, line.count32("not_ready")?, &policy);
    expect_equal("state", got, state_in(line, "expect")?)
}

fn state_in(fields: &Fields<'_>, key: &str) -> Read<ZoneState> {
    const STATES: &str = "Initial, Normal, PartialDisruption or FullDisruption";
    Ok(match fields.text(key)? {
        "Initial" => ZoneState::Initial,
        "Normal" => ZoneState::Normal,
        "PartialDisruption" => ZoneState::PartialDisruption,
        "FullDisruption" => ZoneState::FullDisruption,
        _ => return Err(fields.unknown(key, STATES)),
    })
}

fn rates(line: &Fields<'_>) -> Verdict {
    let policy = EvictionPolicy {
        rate: line.float("eviction_qps")?,
        secondary_rate: line.float("secondary_qps")?,
        large_zone_above: line.count32("large_cluster_threshold")?,
        unhealthy_share: line.float("unhealthy_threshold")? as f32,
    };
    let zone = |zone: &Fields<'_>| Ok((zone.count32("size")?, state_in(zone, "state")?));
    let zones = line.objects("zones")?.iter().map(zone).collect::<Read<Vec<_>>>()?;
    expect_equal("rates", eviction_rates(&zones, &policy), line.floats("expect_qps")?)
}

fn taint_times(line: &Fields<'_>) -> Verdict {
    let (rate, burst) = (line.float("qps")?, line.natural("burst")?);
    if rate < 0.0 || burst == 0 {
        return Err("a rate limiter needs a `qps` of 0 or more and a `burst` of 1 or more".into());
    }
    let mut limiter = RateLimiter::full(rate, burst, Time::ZERO);
    let mut got = Vec::new();
    for queued in line.times("nodes_queued_at_s")? {
        let at = queued.max(limiter.next_token_at());
        got.push((at != Time::NEVER && limiter.try_accept(at)).then_some(at));
    }
    let expected = line.opt_floats("expect_s")?.into_iter();
    let expected: Vec<_> = expected.map(|secs| secs.map(Time::from_secs_f64)).collect();
    let same = |(got, expected): (&Option<Time>, &Option<Time>)| match (got, expected) {
        (Some(got), Some(expected)) => is_same(*got - *expected),
        (got, expected) => got == expected,
    };
    if got.len() == expected.len() && got.iter().zip(&expected).all(same) {
        Ok(())
    } else {
        expect_equal("times", got, expected)
    }
}

fn is_same(difference: Span) -> bool {
    -SAME_TIME < difference && difference < SAME_TIME
}

fn restarts(line: &Fields<'_>) -> Verdict {
    let (initial, max) = (line.span("initial_s")?, line.span("max_s")?);
    let mut backoff = RestartBackoff::default();
    let runs = line.spans("run_durations_s")?.into_iter();
    let waits = runs.map(|ran| wait_with(&mut backoff, ran, initial, max)).collect();
    expect_equal("waits", waits, line.spans("expect_waits_s")?)
}

fn scheduler(line: &Fields<'_>) -> Verdict {
    let (initial, max) = (line.span("initial_s")?, line.span("max_s")?);
    let wait = backoff_with(line.count32("attempts")?, initial, max);
    expect_equal("wait", wait, line.span("expect_s")?)
}
