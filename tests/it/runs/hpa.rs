//! What an HPA reads, decides and says, in whole runs of the small scenario.
//!
//! Its primary cluster gets 300 requests/s; each takes 50 ms of a worker that uses 60m of CPU, so
//! the load is 900m of CPU and 15 requests in flight, whatever the number of pods.

use super::{facts_named, load, run, small};
use tideover::simulation::{Finished, Options};

const HPA: &str = "hpa: {minReplicas: 4, maxReplicas: 20, targetCPUUtilization: 60%}";

/// The small scenario with other lines instead of its HPA.
fn scaled_by(hpa: &str, sets: &[&str]) -> Finished {
    assert_eq!(super::SMALL.matches(HPA).count(), 1);
    run(&load(&super::SMALL.replace(HPA, hpa), sets), Options::default())
}

/// What happened to the primary, as (seconds, sentence).
fn primary(finished: &Finished, name: &str) -> Vec<(f64, String)> {
    let mut facts = facts_named(finished, name);
    facts.retain(|(_, words)| words.contains("web-primary"));
    facts
}

/// The replicas of the primary after each step of its HPA.
fn steps(finished: &Finished) -> Vec<u32> {
    let step = |(_, words): &(f64, String)| {
        let to = words.split(" to ").nth(1).expect("from .. to ..: ..");
        to.split(':').next().unwrap().parse().unwrap()
    };
    primary(finished, "scaled").iter().map(step).collect()
}

/// Whether a condition of the primary's first HPA ever had this status and reason.
fn had(finished: &Finished, condition: &str) -> bool {
    let start = format!("HPA of web-primary: {condition} (");
    primary(finished, "hpa-condition").iter().any(|(_, words)| words.starts_with(&start))
}

fn replicas(finished: &Finished) -> u32 {
    finished.world.deployments[0].replicas
}

/// Memory that does not fall as pods are added (a working set of 300 MiB against a mean of
/// 200 MiB) drives an HPA to its bound: each pass that sees all pods asks for 1.5 times as many,
/// 4, 6, 9, ceil(13.5), and 20 instead of 21. Pods without samples count as idle: no step before
/// the new ones are measured.
#[test]
fn constant_memory_above_its_target_runs_away() {
    let finished = scaled_by(
        "memoryUsage: {workingSet: 300Mi}\n    replicas: 4\n    hpa: {minReplicas: 4, \
         maxReplicas: 20, metrics: [{type: Resource, resource: {name: memory, target: \
         {type: AverageValue, averageValue: 200Mi}}}]}",
        &[],
    );
    assert_eq!(steps(&finished), [6, 9, 14, 20]);
    assert!(had(&finished, "ScalingLimited is True, TooManyReplicas"));
}

/// Memory that grows with the requests in a pod has a point of rest: a utilisation of 50 % of
/// 512 MiB leaves 56 MiB over the working set of 200 MiB for 15 requests of 20 MiB, so the start
/// is 300 / 56, 6 pods. Of them each has 250 MiB, 97.6 % of the target, within the tolerance;
/// the number of requests in flight varies, so the run may need one more or one less.
#[test]
fn memory_for_requests_rests_at_its_target() {
    let finished = scaled_by(
        "memoryUsage: {workingSet: 200Mi, perRequest: 20Mi}\n    hpa: {minReplicas: 2, \
         maxReplicas: 20, metrics: [{type: Resource, resource: {name: memory, target: \
         {type: Utilization, averageUtilization: 50}}}]}",
        &[],
    );
    assert_eq!(finished.samples.deployments[0].replicas, 6);
    assert!(had(&finished, "ScalingActive is True, ValidMetricFound"));
}

/// An idle sidecar that requests as much as the container that serves halves the utilisation of
/// the pod: 1,800m of CPU at 60 % are 6 pods of 500m for the container, 3 for the whole pod.
#[test]
fn a_sidecar_dilutes_the_utilisation_of_its_pod() {
    let target = "target: {type: Utilization, averageUtilization: 60}";
    for (metric, settled) in [
        (format!("{{type: Resource, resource: {{name: cpu, {target}}}}}"), 3),
        (
            format!(
                "{{type: ContainerResource, containerResource: {{name: cpu, container: web, \
                 {target}}}}}"
            ),
            6,
        ),
    ] {
        let finished = scaled_by(
            &format!(
                "sidecars: [{{name: proxy, requests: {{cpu: 500m}}}}]\n    hpa: {{minReplicas: \
                 2, maxReplicas: 20, metrics: [{metric}]}}"
            ),
            &["demands[0].arrivals.constant=600/s"],
        );
        assert_eq!(finished.samples.deployments[0].replicas, settled, "{metric}");
        assert!((settled - 1..=settled + 1).contains(&replicas(&finished)), "{metric}");
    }
}

/// A sidecar that requests no CPU makes the utilisation of the pod incomputable, so the HPA does
/// nothing and says so; that of the main container alone still works. A sidecar's own use is
/// constant: 400m of a target of 200m doubles the pods until the bound.
#[test]
fn a_container_metric_does_not_need_the_other_containers() {
    let with = |metric: &str| {
        scaled_by(
            &format!(
                "sidecars: [{{name: proxy, usage: {{cpu: 400m}}}}]\n    replicas: 5\n    hpa: \
                 {{minReplicas: 2, maxReplicas: 20, metrics: [{metric}]}}"
            ),
            &[],
        )
    };
    let pod = with(
        "{type: Resource, resource: {name: cpu, target: {type: Utilization, \
         averageUtilization: 60}}}",
    );
    assert!(had(&pod, "ScalingActive is False, FailedGetResourceMetric"));
    assert_eq!((steps(&pod), replicas(&pod)), (vec![], 5));
    let main = with(
        "{type: ContainerResource, containerResource: {name: cpu, container: web, target: \
         {type: Utilization, averageUtilization: 60}}}",
    );
    assert!(had(&main, "ScalingActive is True, ValidMetricFound"));
    assert!((3..=4).contains(&replicas(&main)), "900m at 300m each, or what noise asked for");
    let proxy = with(
        "{type: ContainerResource, containerResource: {name: cpu, container: proxy, target: \
         {type: AverageValue, averageValue: 200m}}}",
    );
    assert_eq!(steps(&proxy), [10, 20]);
    let lacks = with(
        "{type: ContainerResource, containerResource: {name: cpu, container: proxy, target: \
         {type: Utilization, averageUtilization: 60}}}",
    );
    assert!(had(&lacks, "ScalingActive is False, FailedGetContainerResourceMetric"));
}

/// `replicas` are those at the start. An HPA without behavior remembers them as its first
/// recommendation, which counts up to and including an age of 300 s: on a grid of 15 s it scales
/// down 315 s after its first pass.
#[test]
fn replicas_at_the_start_hold_for_the_window() {
    let finished = small("", &["workloads[0].replicas=10"]);
    let finished = run(&finished, Options::default());
    let first_pass = primary(&finished, "hpa-condition")[0].0;
    let down = primary(&finished, "scaled")[0].0;
    assert!((down - first_pass - 315.0).abs() < 1e-6, "{down} - {first_pass}");
    assert!(had(&finished, "AbleToScale is True, ScaleDownStabilized"));
}

/// With `replicas: 0` and a minimum above it the HPA is switched off: it says so and never scales.
#[test]
fn an_hpa_on_zero_replicas_is_disabled() {
    let finished = run(&small("", &["workloads[0].replicas=0"]), Options::default());
    assert_eq!((steps(&finished), replicas(&finished)), (vec![], 0));
    assert!(had(&finished, "ScalingActive is False, ScalingDisabled"));
    assert_eq!(primary(&finished, "hpa-condition").len(), 2, "AbleToScale and ScalingActive, once");
}

/// Replicas beyond a bound go there in the first pass, without asking any metric.
#[test]
fn replicas_beyond_the_bounds_are_moved_there() {
    for (stated, bound) in [(2, 4), (26, 20)] {
        let set = format!("workloads[0].replicas={stated}");
        let finished = run(&small("", &[&set]), Options::default());
        assert_eq!(steps(&finished)[0], bound);
        let first = &primary(&finished, "hpa-condition")[0].1;
        assert!(first.contains("AbleToScale is True, SucceededRescale"), "{first}");
    }
}

/// 520 requests/s keep 4 pods at 78 % instead of 60 %: a ratio of 1.3, which a tolerance of 0.5
/// for scaling up lets be, and one of 0.5 for scaling down does not.
#[test]
fn each_direction_has_its_own_tolerance() {
    for (direction, expected) in [("scaleUp", 4), ("scaleDown", 6)] {
        let finished = scaled_by(
            &format!(
                "replicas: 4\n    hpa: {{minReplicas: 4, maxReplicas: 20, targetCPUUtilization: \
                 60%, behavior: {{{direction}: {{tolerance: 0.5}}}}}}"
            ),
            &[
                "demands[0].arrivals.constant=520/s",
                "profile=k8s-1.33",
                "kubernetes.hpaConfigurableTolerance=true",
            ],
        );
        assert_eq!(replicas(&finished), expected, "{direction}");
    }
}

/// The small scenario with other lines for its HPA and its arrivals, and metric sources.
fn sourced(hpa: &str, arrivals: &str, sources: &str) -> Finished {
    let text = super::SMALL.replace(HPA, hpa).replace("{constant: 300/s}", arrivals);
    let to_zero = "kubernetes.hpaScaleToZero=true";
    run(&load(&format!("{text}metricSources: [{sources}]\n"), &[to_zero]), Options::default())
}

fn pods_metric(name: &str, target: u32) -> String {
    let target = format!("target: {{type: AverageValue, averageValue: {target}}}");
    format!("{{type: Pods, pods: {{metric: {{name: {name}}}, {target}}}}}")
}

fn object_metric(target: &str) -> String {
    format!(
        "{{type: Object, object: {{describedObject: {{kind: Service, name: web}}, metric: {{name: \
         requests-per-second}}, target: {target}}}}}"
    )
}

fn external_metric(name: &str, target: u32) -> String {
    let target = format!("target: {{type: AverageValue, averageValue: {target}}}");
    format!("{{type: External, external: {{metric: {{name: {name}}}, {target}}}}}")
}

fn hpa(least: u32, metrics: &str) -> String {
    format!("hpa: {{minReplicas: {least}, maxReplicas: 20, metrics: [{metrics}]}}")
}

/// 300 requests/s at 50 for each pod are 6 pods, whether the pods count them or the Service does.
/// A window of 2 min holds 36,000 requests, so the noise is far below the tolerance: the HPA
/// starts there and never moves.
#[test]
fn request_rates_rest_at_their_target() {
    let each = "{type: AverageValue, averageValue: 50}";
    for metric in [pods_metric("http_requests_per_second", 50), object_metric(each)] {
        let finished = scaled_by(&hpa(2, &metric), &[]);
        assert_eq!((steps(&finished), replicas(&finished)), (vec![], 6), "{metric}");
        assert!(had(&finished, "ScalingActive is True, ValidMetricFound"), "{metric}");
    }
}

/// Until the second scrape there is no rate: the HPA is inactive for up to a minute, and the
/// reason names the kind of metric.
#[test]
fn a_rate_needs_two_scrapes() {
    let each = "{type: AverageValue, averageValue: 50}";
    for (metric, reason) in [
        (pods_metric("http_requests_per_second", 50), "FailedGetPodsMetric"),
        (object_metric(each), "FailedGetObjectMetric"),
        (external_metric("origin_requests_per_second", 50), "FailedGetExternalMetric"),
    ] {
        let finished = scaled_by(&hpa(2, &metric), &[]);
        let facts = primary(&finished, "hpa-condition");
        let active = facts.iter().filter(|(_, words)| words.contains("ScalingActive"));
        let active: Vec<&(f64, String)> = active.collect();
        assert!(active[0].1.contains(&format!("is False, {reason}")), "{}", active[0].1);
        assert!(active[1].1.contains("is True, ValidMetricFound"), "{}", active[1].1);
        // Two scrapes 30 s apart, the first within 30 s, and a pass within 15 s.
        let after = active[1].0 + 600.0;
        assert!((30.0..75.0).contains(&after), "{reason} for {after} s");
    }
}

/// 15 requests in flight at 5 for each pod are 3 pods; their number at one instant varies by a
/// quarter, and the highest recommendation of 5 min counts.
#[test]
fn requests_in_flight_are_a_metric_of_pods() {
    let finished = scaled_by(&hpa(1, &pods_metric("in_flight_requests", 5)), &[]);
    assert!((3..=7).contains(&replicas(&finished)), "{}", replicas(&finished));
    assert!(had(&finished, "ScalingActive is True, ValidMetricFound"));
}

/// A total with a target of type Value does not fall as pods are added: three times the target
/// drives the HPA to its bound.
#[test]
fn a_total_above_its_value_runs_away() {
    let metric = object_metric("{type: Value, value: 100}");
    let finished = scaled_by(&format!("replicas: 4\n    {}", hpa(2, &metric)), &[]);
    assert_eq!(replicas(&finished), 20);
    assert!(had(&finished, "ScalingLimited is True, TooManyReplicas"));
}

/// An external metric scales from zero and back. 150 at 30 each are 5 pods; a pass without
/// behavior gets from 0 to 4 at most. The value is scraped every 30 s and read every 15 s; when
/// it is 0 again, the last recommendation of 5 counts for 300 s more and is gone a pass later.
#[test]
fn an_external_metric_scales_from_zero_and_back() {
    let finished = sourced(
        &hpa(0, &external_metric("orders_waiting", 30)),
        "{constant: 300/s}",
        "{name: orders_waiting, value: {steps: [{at: 0s, value: 0}, {at: 2m, value: 150}, \
         {at: 6m, value: 0}]}}",
    );
    assert_eq!(finished.samples.deployments[0].replicas, 0);
    assert_eq!(steps(&finished), [4, 5, 0]);
    let at: Vec<f64> = primary(&finished, "scaled").iter().map(|(at, _)| *at).collect();
    assert!((120.0..165.0).contains(&at[0]), "{at:?}");
    assert!((at[1] - at[0] - 15.0).abs() < 1e-6, "the next pass: {at:?}");
    // The last pass that saw 150 lies within 360 to 390 s, less up to 15 s.
    assert!((360.0 + 300.0..390.0 + 315.0 + 1e-6).contains(&at[2]), "{at:?}");
}

/// A metric that fails blocks scaling down only. With two metrics, of which CPU is out from 2 min
/// to 12 min, a load that doubles is followed by the other one; a load that falls to a third is
/// not, until CPU is back.
#[test]
fn a_failed_metric_blocks_scaling_down_only() {
    let cpu = "{type: Resource, resource: {name: cpu, target: {type: Utilization, \
               averageUtilization: 60}}}";
    let both = hpa(4, &format!("{cpu}, {}", pods_metric("http_requests_per_second", 50)));
    let out = "{name: cpu, unavailable: [{from: 2m, to: 12m}]}";
    let arrivals =
        |rate| format!("{{steps: [{{at: 0s, rate: 300/s}}, {{at: 3m, rate: {rate}/s}}]}}");
    let during = |(at, _): &&(f64, String)| (120.0..720.0).contains(at);

    let grown = sourced(&both, &arrivals(600), out);
    assert_eq!(replicas(&grown), 12);
    let told = primary(&grown, "hpa-condition");
    let inactive = told.iter().filter(during).find(|(_, words)| words.contains("is False, Failed"));
    assert_eq!(inactive, None, "one good metric is enough");

    let fallen = sourced(&both, &arrivals(100), out);
    assert_eq!(steps(&fallen), [4]);
    let (at, _) = primary(&fallen, "scaled")[0];
    assert!((720.0..735.0).contains(&at), "{at}");
    assert!(had(&fallen, "ScalingActive is False, FailedGetResourceMetric"));

    let without_outage = sourced(&both, &arrivals(100), "");
    assert!(primary(&without_outage, "scaled")[0].0 < 700.0, "the premise: it would have fallen");
}

/// While its only metric is out, an HPA holds.
#[test]
fn an_hpa_without_any_metric_holds() {
    let finished = sourced(
        &hpa(2, &pods_metric("http_requests_per_second", 50)),
        "{steps: [{at: 0s, rate: 300/s}, {at: 3m, rate: 600/s}]}",
        "{name: http_requests_per_second, unavailable: [{from: 2m, to: 12m}]}",
    );
    assert!(had(&finished, "ScalingActive is False, FailedGetPodsMetric"));
    let at = primary(&finished, "scaled")[0].0;
    assert!((720.0..735.0).contains(&at), "{at}");
}

/// Requests to all origins keep a cluster that gets none of them at the size of the one that
/// gets all.
#[test]
fn requests_to_all_origins_size_an_idle_cluster() {
    let finished = scaled_by(&hpa(2, &external_metric("origin_requests_per_second", 50)), &[]);
    let replicas: Vec<u32> = finished.world.deployments.iter().map(|d| d.replicas).collect();
    assert_eq!(replicas, [6, 6]);
}

/// Two HPAs on the same pods: neither scales, and both say why. Bounds hold all the same, so two
/// that exclude each other move the replicas to and fro for ever.
#[test]
fn two_hpas_on_the_same_pods_block_each_other() {
    let second = "{minReplicas: 2, maxReplicas: 30, targetCPUUtilization: 20%}";
    let finished = scaled_by(&format!("{HPA}\n    additionalHpas: [{second}]"), &[]);
    assert_eq!((steps(&finished), replicas(&finished)), (vec![], 4));
    assert!(had(&finished, "ScalingActive is False, AmbiguousSelector"));
    let told = primary(&finished, "hpa-condition");
    let second = |(_, words): &&(f64, String)| {
        words.starts_with("HPA 2 of web-primary: ScalingActive is False, AmbiguousSelector")
    };
    assert!(told.iter().any(|fact| second(&fact)));

    let apart = "{minReplicas: 8, maxReplicas: 20}";
    let low = HPA.replace("maxReplicas: 20", "maxReplicas: 5");
    let finished = scaled_by(&format!("{low}\n    additionalHpas: [{apart}]"), &[]);
    assert_eq!(steps(&finished)[..4], [8, 5, 8, 5]);
}
