//! Whole runs of pods that are asked for more than they can: with an adaptive limit, and without.

use tideover::scenario::from_text;
use tideover::simulation::{self, Finished, Options};
use tideover::traffic::ledger::{Reason, UserTotals};

use super::SMALL;

/// Four pods of eight workers at 50 ms, 640/s, are asked for 1,000/s by users who give up after
/// 500 ms and come back twice. A full queue takes 625 ms.
fn overloaded(protection: &str) -> Finished {
    let text = SMALL
        .replace("horizon: 15m, warmUp: 10m", "horizon: 5m, warmUp: 1m")
        .replace("maxReplicas: 20", "maxReplicas: 4")
        .replace("constant: 300/s", "constant: 1000/s")
        .replace("attemptTimeout: 2s", "attemptTimeout: 500ms")
        .replace("    preStopSleep", &format!("    {protection}preStopSleep"));
    let scenario = from_text("overloaded.yaml", &text, std::path::Path::new("."), &[]);
    let scenario = scenario.unwrap_or_else(|rejected| panic!("{rejected}"));
    simulation::run(&scenario, Options::default(), |_| {})
}

fn users(finished: &Finished) -> UserTotals {
    *finished.ledger.demands()[0].totals()
}

/// Nine tenths of what the pods can is answered in time with the limit: while each measures, for
/// 50 answers by three workers a minute, it loses less than a hundredth, and two or three times as
/// many as it takes stand before it at any other time. Without it hardly anybody is answered in
/// time, because everybody waits longer than that.
#[test]
fn a_limit_keeps_the_answers_in_time() {
    let [with, without] =
        ["concurrencyLimit: {}\n    ", ""].map(|protection| users(&overloaded(protection)));
    let capacity = 640.0 * 5.0 * 60.0;
    let [with_share, without_share] = [with, without].map(|it| it.served as f64 / capacity);
    assert!(0.9 < with_share && with_share < 1.0, "{with_share}: {with:?}");
    assert!(without_share < 0.1, "{without_share}: {without:?}");
    let shed = with.failed[Reason::Shed as usize] as f64;
    assert!(0.9 * (with.failed_total() as f64) < shed, "{with:?}");
}
