//! `tideover size` and money: what a year costs, and what one more would buy.

use std::fs;

use serde_json::{Value, json};

use crate::cli::{said, tideover};
use crate::sizes::{PASSIVE, scenario, size};

/// Few trials decide, for each is like the other; ten or eleven pods.
const QUICK: [&str; 7] = [
    "--objective",
    "p(rto_s<=180) >= 0.5",
    "--confidence",
    "0.8",
    "--no-ends",
    "--vary",
    "clusters[secondary].pools[user].count=10..12",
];

const LOSS: &str = "lossPerFailedRequest: {price: 0.01, currency: USD}";

/// The passive scenario with more in its section `sizing`.
fn with(more: &str) -> String {
    PASSIVE.replace("sizing: {", &format!("sizing: {{{more}, "))
}

/// Half a failure a year at 0.01 USD a failed request: a half of a hundredth of the mean of failed
/// requests over 200 trials, which `mc` gives for the same design; the nodes cost twelve months.
/// The eleventh pod costs 24 USD a year; ten fail some 17,000 requests more for half a cent each.
#[test]
fn a_year_is_rate_times_mean_times_price() {
    let root = tempfile::tempdir().unwrap();
    let path = scenario(root.path(), &with(&format!("{LOSS}, faultsPerYear: 0.5")));
    let prices = root.path().join("prices.csv");
    let head = "item,region,unit,price,currency,term,source,date\n";
    fs::write(&prices, format!("{head}D4s_v5,a,month,1,USD,,,\nD4s_v5,b,month,2,USD,,,\n"))
        .unwrap();
    let cost = [&QUICK[..], &["--cost", prices.to_str().unwrap()]].concat();
    let (code, found) = size(&path, &cost);
    assert_eq!((code, &found["answer"]), (Some(0), &json!([11])), "{found:#}");
    let designs = found["designs"].as_array().unwrap();
    let eleven = designs.iter().find(|design| design["values"] == json!([11])).unwrap();
    let months = 12.0 * (20.0 + 11.0 * 2.0);
    assert_eq!(eleven["yearly_cost"]["nodes"], json!(months));
    let mut mc = tideover();
    mc.arg("mc").arg(&path).args(["--trials", "200", "--json", "--quiet", "--out"]);
    mc.arg(root.path().join("mc"));
    for set in [
        "clusters[secondary].pools[user].count",
        "workloads[web].clusters[secondary].hpa.minReplicas",
    ] {
        mc.args(["--set", &format!("{set}=11")]);
    }
    let summary: Value = serde_json::from_str(&said(&mut mc).out).unwrap();
    let metrics = summary["distributions"].as_array().unwrap().iter();
    let failed = metrics.clone().find(|metric| metric["metric"] == "failed_requests").unwrap();
    let mean = failed["mean"]["value"].as_f64().unwrap();
    let loss = eleven["yearly_cost"]["loss"]["value"].as_f64().unwrap();
    assert!((loss - 0.5 * 0.01 * mean).abs() < 1e-9 * loss, "{loss} {mean}");
    assert_eq!(
        (&found["loss"]["cheapest"], &found["loss"]["is_random_time"]),
        (&json!([11]), &json!(false))
    );
}

/// People read what one more than enough saves, and what costs least in a year, on the terminal and
/// in the report.
#[test]
fn people_read_what_to_buy_next() {
    let root = tempfile::tempdir().unwrap();
    let path = scenario(root.path(), &with(&format!("{LOSS}, faultsPerYear: 0.5")));
    let done = said(tideover().arg("size").arg(&path).args(QUICK).current_dir(root.path()));
    assert_eq!(done.code, Some(0), "{}", done.talk);
    let report = fs::read_to_string(root.path().join("results/division-size/report.md")).unwrap();
    for words in [
        "Next: 12, one more of clusters",
        "Least in a year: ",
        "for failed requests; 0.500 failures a year as in the sizing, 0.01 USD a failed request",
    ] {
        assert!(done.out.contains(words), "{words} is missing in\n{}", done.out);
        assert!(report.contains(words), "{words} is missing in\n{report}");
    }
}

/// A loss without a rate, two rates, and two currencies are refused with what to write.
#[test]
fn costs_without_a_basis_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let prices = root.path().join("prices.csv");
    let head = "item,region,unit,price,currency,term,source,date\n";
    fs::write(&prices, format!("{head}D4s_v5,a,hour,1,EUR,,,\nD4s_v5,b,hour,2,EUR,,,\n")).unwrap();
    let model = "failureModel=[{fault: lose-a, ratePerYear: 0.1}]";
    let rate = format!("{LOSS}, faultsPerYear: 0.5");
    for (section, more, says) in [
        (LOSS, vec![], "how often do faults happen? Add `failureModel`, or `sizing.faultsPerYear`"),
        (&rate, vec!["--set", model], "`failureModel` says how often each fault happens; remove"),
        (&rate, vec!["--cost", prices.to_str().unwrap()], "read currency `USD`; allowed: EUR"),
        ("faultsPerYear: 0", vec![], "0.000001 to 100000"),
    ] {
        let path = scenario(root.path(), &with(section));
        let mut command = tideover();
        command.arg("size").arg(&path).args(QUICK).args(&more).current_dir(root.path());
        let refused = said(&mut command);
        assert_eq!(refused.code, Some(3), "{section} {more:?}: {}{}", refused.out, refused.talk);
        assert!(refused.talk.contains(says), "{says} is missing in\n{}", refused.talk);
    }
}
