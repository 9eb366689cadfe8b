//! What the failures of a year come to, and figures of stratified trials, against known truths.

use crate::control::sampling::Sampler;
use crate::sim::intervals::Tails;
use crate::sim::maths;
use crate::sim::streams::{Cursor, Stream};

use super::kinds::{KindRate, Kinds};
use super::metric::{Figure, Metric, N_METRICS, Row};
use super::strata::Strata;
use super::study::Reported;
use super::yearly::{Yearly, yearly};

const TAILS: Tails = Tails { below: 0.025, above: 0.025 };

const HOUR_S: f64 = 3_600.0;

fn rates(rates: &[(&str, f64)]) -> Vec<KindRate> {
    let rate =
        |&(name, rate_per_year): &(&str, f64)| KindRate { name: name.to_owned(), rate_per_year };
    rates.iter().map(rate).collect()
}

fn row(trial: u64, figures_of: &[(Metric, Figure)]) -> Row {
    let mut figures = [Figure::ABSENT; N_METRICS];
    figures_of.iter().for_each(|&(metric, figure)| figures[metric as usize] = figure);
    Row::bare(trial, figures)
}

/// Failures that always do the same cost exactly rate times what they do, without any doubt,
/// however trials were drawn: half a failure a year that loses 12,000 requests in five minutes and
/// a quarter of one that loses 7 in one. Pairs within an hour: 0.75² / 8760 a year.
#[test]
fn certain_losses_cost_their_rate() {
    let rates = rates(&[("grave", 0.5), ("slight", 0.25)]);
    for sampler in [Sampler::Independent, Sampler::Stratified] {
        let kinds = Kinds::new(&rates, 1, sampler).unwrap();
        let rows = (0..40).map(|trial| {
            let (lost, below_s) = [(12_000, 300), (7, 60)][kinds.of(trial)];
            let failed = (Metric::FailedRequests, Figure::count(lost));
            row(trial, &[failed, (Metric::BelowObjective, Figure::count(below_s))])
        });
        let found = yearly(&rows.collect::<Vec<_>>(), &kinds, HOUR_S, TAILS);
        let exactly = |value| Some(Reported { value, low: Some(value), high: Some(value) });
        assert_eq!(found.failed_requests_per_year, exactly(6_001.75));
        assert_eq!(found.below_objective_min_per_year, exactly(2.75));
        assert_eq!(found.availability, exactly(1.0 - 2.75 / 525_600.0));
        assert_eq!((found.failures_per_year, found.lost_writes_per_year), (0.75, None));
        assert!((found.overlaps_per_year_at_most * 8_760.0 - 0.5625).abs() < 1e-9);
        assert_eq!(found.kinds[0].failed_requests_per_year, Some(6_000.0));
        assert_eq!(found.kinds[1].n_trials + found.kinds[0].n_trials, 40);
    }
}

/// A kind without a trial leaves the year unknown, one trial leaves it without an interval; a kind
/// that takes no database loses no writes; users who were not served again are counted.
#[test]
fn too_little_is_not_told() {
    let rates = rates(&[("a", 1.0), ("b", 2.0)]);
    let kinds = Kinds::new(&rates, 1, Sampler::Stratified).unwrap();
    let failed = |n| (Metric::FailedRequests, Figure::count(n));
    let never = (Metric::RecoveryTime, Figure::NEVER);
    let rows = [
        row(0, &[failed(10), (Metric::LostWrites, Figure::count(4)), never]),
        row(1, &[failed(20)]),
        row(2, &[failed(10), (Metric::LostWrites, Figure::count(4))]),
        row(3, &[failed(30)]),
    ];
    let of = |n: usize| yearly(&rows[..n], &kinds, HOUR_S, TAILS);
    assert_eq!(of(1).failed_requests_per_year, None);
    assert_eq!(of(1).kinds[1].failed_requests, None);
    let bare = Reported { value: 50.0, low: None, high: None };
    assert_eq!(of(2).failed_requests_per_year, Some(bare));
    let all = of(4);
    assert_eq!(all.lost_writes_per_year.map(|it| it.value), Some(4.0));
    assert_eq!((all.kinds[0].n_not_recovered, all.kinds[1].n_not_recovered), (1, 0));
    assert_eq!(all.kinds[0].rto_s_p50, Some(f64::INFINITY));
    assert_eq!((all.below_objective_min_per_year, all.availability), (None, None));
    assert_eq!(Strata::new(&rows[..1], &kinds), None);
}

/// Three kinds: 0.5 failures a year that lose an exponential number with mean 60, 0.05 that lose
/// evenly between 1,000 and 3,000, and 2 that lose nothing or 10, as often.
fn lossy(repeat: u64, n: u64, sampler: Sampler, rates: &[KindRate]) -> (Vec<Row>, Kinds<'_>) {
    let kinds = Kinds::new(rates, repeat, sampler).unwrap();
    let loss = |trial| {
        let unit = Cursor::new(Stream::new(repeat, trial, "yearly", "test")).next_unit();
        match kinds.of(trial) {
            0 => -60.0 * maths::ln(1.0 - unit),
            1 => 1_000.0 + 2_000.0 * unit,
            _ => 10.0 * f64::from(u8::from(0.5 < unit)),
        }
    };
    let figure = |trial| (Metric::FailedRequests, Figure::new(loss(trial)));
    ((0..n).map(|trial| row(trial, &[figure(trial)])).collect(), kinds)
}

/// The mean over 1,000 repeats with its standard error.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let mean = crate::sim::statistics::mean(values).unwrap();
    let variance = crate::sim::statistics::variance(values).unwrap();
    (mean, (variance / values.len() as f64).sqrt())
}

/// Intervals of nominal 95 % cover the truth in at least 929 of 1,000 repeats (95 % less three
/// standard errors), by 600 independent and by 300 stratified trials: the year's loss,
/// 0.5 * 60 + 0.05 * 2,000 + 2 * 5 = 140, the mean 140 / 2.55, the 90th percentile -60 ln 0.41 and
/// the probability of at most 5. Both are right on average, within four standard errors.
#[test]
fn intervals_of_a_year_cover() {
    let rates = rates(&[("usual", 0.5), ("rare", 0.05), ("slight", 2.0)]);
    let least = |share: f64| (2.0 * 0.5 + 0.5 * share) / 2.55;
    let truths =
        [140.0, 140.0 / 2.55, -60.0 * maths::ln(0.41), least(1.0 - maths::exp(-5.0 / 60.0))];
    let metric = Metric::FailedRequests;
    for (sampler, n) in [(Sampler::Independent, 600), (Sampler::Stratified, 300)] {
        let mut covered = [0; 4];
        let mut years = Vec::new();
        for repeat in 0..1_000 {
            let (rows, kinds) = lossy(repeat, n, sampler, &rates);
            let Yearly { failed_requests_per_year, .. } = yearly(&rows, &kinds, HOUR_S, TAILS);
            let year = failed_requests_per_year.unwrap();
            years.push(year.value);
            let mut ends = vec![(year.low.unwrap(), year.high.unwrap())];
            if sampler == Sampler::Stratified {
                let strata = Strata::new(&rows, &kinds).unwrap();
                let mean = strata.mean_of(&rows, metric, TAILS).unwrap();
                let tail = strata.quantile_of(&rows, metric, 0.9, TAILS).unwrap();
                let value = |row: &Row| row.figure(metric).value();
                let small: Vec<_> = rows.iter().map(|row| value(row).map(|it| it <= 5.0)).collect();
                let (_, within) = strata.proportion(&small, TAILS);
                ends.extend([mean, tail].map(|it| (it.low.unwrap(), it.high.unwrap())));
                ends.push((within.low, within.high));
            }
            for ((n, truth), (low, high)) in covered.iter_mut().zip(truths).zip(ends) {
                *n += u32::from(low <= truth && truth <= high);
            }
        }
        let n_asked = if sampler == Sampler::Stratified { 4 } else { 1 };
        assert!(covered[..n_asked].iter().all(|&n| 929 <= n), "{sampler:?}: {covered:?}");
        let (mean, error) = mean_and_error(&years);
        assert!((mean - 140.0).abs() < 4.0 * error, "{sampler:?}: {mean} +- {error}");
    }
}

/// Where a rare kind loses most, taking the kinds in turn knows the year's loss far better than as
/// many independent trials: the rare one has a third of the trials instead of one in 51, so that
/// the variance is less than a fifth.
#[test]
fn rare_kinds_are_known_by_strata() {
    let rates = rates(&[("usual", 0.5), ("rare", 0.05), ("slight", 2.0)]);
    let variance = |sampler| {
        let year = |repeat| {
            let (rows, kinds) = lossy(repeat, 600, sampler, &rates);
            yearly(&rows, &kinds, HOUR_S, TAILS).failed_requests_per_year.unwrap().value
        };
        let years: Vec<f64> = (0..300).map(year).collect();
        crate::sim::statistics::variance(&years).unwrap()
    };
    let (independent, stratified) = (variance(Sampler::Independent), variance(Sampler::Stratified));
    assert!(5.0 * stratified < independent, "{stratified} against {independent}");
}

/// Two kinds of equal rate in turn are plain trials: mean and share are those of all, the quantile
/// is the order statistic, and a certain event keeps the interval of as many independent trials.
#[test]
fn equal_kinds_weigh_alike() {
    let rates = rates(&[("a", 1.0), ("b", 1.0)]);
    let kinds = Kinds::new(&rates, 1, Sampler::Stratified).unwrap();
    let metric = Metric::FailedRequests;
    let rows: Vec<Row> =
        (0..100).map(|trial| row(trial, &[(metric, Figure::count(trial))])).collect();
    let strata = Strata::new(&rows, &kinds).unwrap();
    assert!((strata.mean_of(&rows, metric, TAILS).unwrap().value - 49.5).abs() < 1e-9);
    let sorted: Vec<f64> = (0..100).map(f64::from).collect();
    for p in [0.05, 0.5, 0.95] {
        let found = strata.quantile_of(&rows, metric, p, TAILS);
        assert_eq!(found, super::precision::quantile_of(&sorted, p, TAILS), "{p}");
    }
    let (share, all) = strata.proportion(&[Some(true); 100], TAILS);
    let plain = crate::sim::intervals::proportion(100, 100, TAILS);
    assert!(share == Some(1.0) && (all.low - plain.low).abs() < 1e-9 && all.high == 1.0);
    let (none, _) = strata.proportion(&[Some(false); 100], TAILS);
    assert!(none.is_some_and(f64::is_sign_positive), "nothing is plain nothing");
    assert_eq!(strata.proportion(&[None; 100], TAILS).0, None);
}
