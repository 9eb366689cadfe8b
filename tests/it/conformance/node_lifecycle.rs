//! Kinds of `node_lifecycle.jsonl`: zones, eviction rates, and two back-offs.

use tideover::control::kubelet::restart::{RestartBackoff, wait_with};
use tideover::control::node_lifecycle::rate_limiter::RateLimiter;
use tideover::control::node_lifecycle::zones::{
    EvictionPolicy, ZoneState, eviction_rates, zone_state,
};
use tideover::control::scheduler::queue::backoff_with;
use tideover::units::Time;

use super::row::Row;
use super::{Verdict, expect_equal};

pub(super) fn check(kind: &str, row: &Row) -> Option<Verdict> {
    Some(match kind {
        "zone_state" => state(row),
        "zone_qps" => rates(row),
        "taint_times" => taint_times(row),
        "restart_backoff" => restarts(row),
        "scheduler_backoff" => scheduler(row),
        _ => return None,
    })
}

fn count32(row: &Row, key: &str) -> u32 {
    u32::try_from(row.int(key)).expect("a count")
}

fn state(row: &Row) -> Verdict {
    let unhealthy_share = row.float("unhealthy_threshold") as f32;
    let policy = EvictionPolicy { unhealthy_share, ..EvictionPolicy::default() };
    let got = zone_state(count32(row, "ready"), count32(row, "not_ready"), &policy);
    expect_equal("state", got, state_named(row.text("expect")))
}

fn state_named(name: &str) -> ZoneState {
    match name {
        "Initial" => ZoneState::Initial,
        "Normal" => ZoneState::Normal,
        "PartialDisruption" => ZoneState::PartialDisruption,
        "FullDisruption" => ZoneState::FullDisruption,
        other => panic!("zone state {other}"),
    }
}

fn rates(row: &Row) -> Verdict {
    let policy = EvictionPolicy {
        rate: row.float("eviction_qps"),
        secondary_rate: row.float("secondary_qps"),
        large_zone_above: count32(row, "large_cluster_threshold"),
        unhealthy_share: row.float("unhealthy_threshold") as f32,
    };
    let zone = |zone: &Row| (count32(zone, "size"), state_named(zone.text("state")));
    let zones: Vec<(u32, ZoneState)> = row.rows("zones").iter().map(zone).collect();
    expect_equal("rates", eviction_rates(&zones, &policy), row.floats("expect_qps"))
}

fn taint_times(row: &Row) -> Verdict {
    let mut limiter = RateLimiter::full(row.float("qps"), row.int("burst"), Time::ZERO);
    let mut taint_at = |queued_s: f64| {
        let at = Time::from_secs_f64(queued_s).max(limiter.next_token_at());
        (at != Time::NEVER).then(|| {
            assert!(limiter.try_accept(at), "a token that was promised for {at}");
            at.as_secs_f64()
        })
    };
    let got = row.floats("nodes_queued_at_s").into_iter().map(&mut taint_at).collect();
    let expected: Vec<Option<f64>> =
        row.list("expect_s").iter().map(serde_json::Value::as_f64).collect();
    expect_equal("times", got, expected)
}

fn restarts(row: &Row) -> Verdict {
    let (initial, max) = (row.span("initial_s"), row.span("max_s"));
    let mut backoff = RestartBackoff::default();
    let wait = |ran| wait_with(&mut backoff, ran, initial, max).as_secs_f64();
    let waits = row.spans("run_durations_s").into_iter().map(wait).collect();
    expect_equal("waits", waits, row.floats("expect_waits_s"))
}

fn scheduler(row: &Row) -> Verdict {
    let (initial, max) = (row.span("initial_s"), row.span("max_s"));
    let wait = backoff_with(count32(row, "attempts"), initial, max);
    expect_equal("wait", wait.as_secs_f64(), row.float("expect_s"))
}
