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
            &["demands[0].arrivals.constant=520/s", "profile=k8s-1.33"],
        );
        assert_eq!(replicas(&finished), expected, "{direction}");
    }
}
