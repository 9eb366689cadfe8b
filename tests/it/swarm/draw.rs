//! Draws the text of a scenario from a number.

use std::fmt::Write;

use super::platform::{self, Dependencies};
use crate::draw::Draw;

const MODES: &[&str] = &["refused", "hang", "5xx"];

/// The scenario of a case: 10 min of warm-up and 20 min at about 50 requests a second.
pub(super) fn scenario(case: u64) -> String {
    let draw = &mut Draw::of(case, "scenario");
    let n_regions = draw.between(1, 3);
    let mut text = format!(
        "schema: tideover/v1\nname: swarm\nprofile: {}\n\
         run: {{horizon: 20m, warmUp: {}, seed: {}}}\n",
        draw.one_of(&["aks", "k8s-1.31", "k8s-1.33"]),
        draw.one_of(&["10m", "10m", "10m", "0s"]),
        draw.between(0, 1_000_000),
    );
    let zones: Vec<usize> = (0..n_regions).map(|_| draw.between(1, 3)).collect();
    text += "regions:\n";
    for (index, n_zones) in zones.iter().enumerate() {
        let racks = draw.between(1, 5);
        let _ = writeln!(text, "  - {{name: r{index}, zones: {n_zones}, racksPerZone: {racks}}}");
    }
    let n_clusters = draw.between(1, 3);
    let regions: Vec<usize> = (0..n_clusters).map(|_| draw.between(0, n_regions - 1)).collect();
    let mut around = Surroundings::draw(case, n_regions);
    clusters(draw, around.as_mut(), &mut text, &regions);
    let n_workloads = draw.between(1, 2);
    // What came later has draws of its own, so that it moves none of the others.
    let people = &mut Draw::of(case, "people");
    let newer = &mut Draw::of(case, "newer");
    workloads(draw, people, newer, around.as_mut(), &mut text, n_workloads);
    front_door(draw, &mut text, n_clusters);
    let n_geographies = geographies(draw, &mut text, n_regions);
    demands(draw, around.as_mut(), &mut text, n_workloads, n_geographies);
    faults(draw, newer, around.as_mut(), &mut text, (&zones, &regions), n_workloads);
    operations(people, around.as_mut(), &mut text, n_clusters, n_workloads);
    if let Some(Surroundings { draw, dependencies }) = &mut around {
        dependencies.section(&mut text);
        platform::capacity(draw, &mut text, n_regions);
    }
    text
}

/// What surrounds the clusters of a case, if it draws that.
struct Surroundings {
    draw: Draw,
    dependencies: Dependencies,
}

impl Surroundings {
    fn draw(case: u64, n_regions: usize) -> Option<Self> {
        let mut draw = platform::draws(case)?;
        let dependencies = Dependencies::draw(&mut draw, n_regions);
        Some(Self { draw, dependencies })
    }
}

fn clusters(
    draw: &mut Draw,
    mut around: Option<&mut Surroundings>,
    text: &mut String,
    regions: &[usize],
) {
    *text += "clusters:\n";
    for (index, region) in regions.iter().enumerate() {
        let _ = writeln!(text, "  - name: c{index}\n    region: r{region}");
        if let Some(around) = &mut around {
            platform::cluster(&mut around.draw, text);
        }
        if draw.chance(50) {
            let _ = writeln!(
                text,
                "    autoscaler: {{expander: {}, scaleDownUnneededTime: {}, \
                 scaleDownDelayAfterAdd: {}, balanceSimilarNodeGroups: {}, \
                 frequentLoopsEnabled: {}, maxNodeProvisionTime: {}}}",
                draw.one_of(&["random", "most-pods", "least-nodes", "least-waste"]),
                draw.one_of(&["1m", "3m", "10m"]),
                draw.one_of(&["0s", "1m", "10m"]),
                draw.chance(50),
                draw.chance(50),
                draw.one_of(&["3m", "15m"]),
            );
        }
        *text += "    pools:\n";
        for pool in 0..draw.between(1, 2) {
            let size = if draw.chance(80) {
                let least = draw.between(0, 3).max(usize::from(pool == 0));
                format!("minCount: {least}, maxCount: {}", least + draw.between(1, 4))
            } else {
                format!("count: {}", draw.between(1, 4))
            };
            let _ = writeln!(
                text,
                "      - {{name: p{pool}, vmSize: {}, {size}, \
                 provisioning: {{uniform: {{min: 1m, max: {}}}}}, containerStart: {}}}",
                draw.one_of(&["D2s_v5", "D4s_v5"]),
                draw.one_of(&["1m", "4m"]),
                draw.one_of(&["0s", "1s"]),
            );
        }
    }
}

fn probe(draw: &mut Draw) -> String {
    format!(
        "{{periodSeconds: {}, timeoutSeconds: {}, failureThreshold: {}, initialDelaySeconds: {}}}",
        draw.between(1, 10),
        draw.between(1, 3),
        draw.between(1, 3),
        draw.between(0, 10),
    )
}

fn workloads(
    draw: &mut Draw,
    people: &mut Draw,
    newer: &mut Draw,
    mut around: Option<&mut Surroundings>,
    text: &mut String,
    n_workloads: usize,
) {
    *text += "workloads:\n";
    for index in 0..n_workloads {
        let workers = draw.between(1, 8);
        let _ = writeln!(
            text,
            "  - name: w{index}\n    requests: {{cpu: {}, memory: {}}}\n    service: {{workers: \
             {workers}, time: {}, cpuPerWorker: {}}}\n    queue: {}\n    onTimeout: {}\n    \
             balancer: {}\n    startUp: {}\n    terminationGracePeriodSeconds: {}\n    \
             preStopSleep: {}\n    tolerationSeconds: {}\n    podAntiAffinity: {}\n    \
             priority: {}",
            draw.one_of(&["250m", "500m", "1"]),
            draw.one_of(&["256Mi", "1Gi"]),
            draw.one_of(&[
                "{exponential: {mean: 50ms}}",
                "{constant: 100ms}",
                "{lognormal: {mean: 200ms, cv: 1}}"
            ]),
            draw.one_of(&["60m", "200m"]),
            draw.one_of(&["0", "5", "100", "5000"]),
            draw.one_of(&["serve", "drop_queued", "cancel"]),
            draw.one_of(&["random", "round_robin", "power_of_two", "least_outstanding"]),
            draw.one_of(&["{constant: 0s}", "{uniform: {min: 2s, max: 20s}}"]),
            draw.one_of(&["0", "5", "30"]),
            draw.one_of(&["0s", "5s", "40s"]),
            draw.one_of(&["0", "30", "300"]),
            draw.one_of(&["none", "none", "none", "hostname", "zone"]),
            draw.one_of(&["0", "0", "-20", "5"]),
        );
        for (key, percent) in [("startupProbe", 25), ("readinessProbe", 75), ("livenessProbe", 40)]
        {
            if draw.chance(percent) {
                let _ = writeln!(text, "    {key}: {}", probe(draw));
            }
        }
        rollout_rules(people, text);
        if let Some(Surroundings { draw, dependencies }) = around.as_deref_mut() {
            dependencies.workload(draw, text);
        }
        if draw.chance(70) {
            let least = draw.between(1, 6);
            let most = least + draw.between(0, 6);
            let target = draw.between(30, 90);
            let behavior = draw.one_of(&[
                "",
                ", behavior: {}",
                ", behavior: {scaleDown: {stabilizationWindowSeconds: 60, policies: \
                 [{type: Pods, value: 1, periodSeconds: 30}]}}",
            ]);
            let scaled_on = metrics(newer, target);
            let _ = writeln!(
                text,
                "    hpa: {{minReplicas: {least}, maxReplicas: {most}, {scaled_on}{behavior}}}"
            );
        } else {
            let _ = writeln!(text, "    replicas: {}", draw.between(1, 6));
        }
    }
}

/// What an HPA scales on: CPU in short, or metrics of one or two kinds.
fn metrics(newer: &mut Draw, target: usize) -> String {
    if newer.chance(50) {
        return format!("targetCPUUtilization: {target}%");
    }
    let cpu = format!(
        "{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, \
         averageUtilization: {target}}}}}}}"
    );
    let name = newer.one_of(&["http_requests_per_second", "in_flight_requests"]);
    let pods = format!(
        "{{type: Pods, pods: {{metric: {{name: {name}}}, target: {{type: AverageValue, \
         averageValue: {}}}}}}}",
        newer.between(2, 30),
    );
    let external = format!(
        "{{type: External, external: {{metric: {{name: origin_requests_per_second}}, target: \
         {{type: AverageValue, averageValue: {}}}}}}}",
        newer.between(5, 40),
    );
    let all = newer.one_of(&["cpu", "pods", "external", "cpu pods", "pods external"]);
    let metric = |kind: &str| match kind {
        "cpu" => cpu.clone(),
        "pods" => pods.clone(),
        _ => external.clone(),
    };
    let all: Vec<String> = all.split(' ').map(metric).collect();
    format!("metrics: [{}]", all.join(", "))
}

/// How a workload's pods may be replaced and evicted.
fn rollout_rules(people: &mut Draw, text: &mut String) {
    if people.chance(50) {
        let bounds = people.one_of(&[
            "{maxSurge: 0, maxUnavailable: 1}",
            "{maxSurge: 1, maxUnavailable: 0}",
            "{maxSurge: 100%, maxUnavailable: 50%}",
            "{type: Recreate}",
        ]);
        let _ = writeln!(text, "    strategy: {bounds}");
    }
    if people.chance(50) {
        let limit = people.one_of(&[
            "{minAvailable: 1}",
            "{minAvailable: 50%}",
            "{maxUnavailable: 1}",
            "{maxUnavailable: 30%}",
            "{maxUnavailable: 0}",
            "{minAvailable: 1, unhealthyPodEvictionPolicy: AlwaysAllow}",
        ]);
        let _ = writeln!(text, "    podDisruptionBudget: {limit}");
    }
}

/// Rollouts and drains, in about half of all cases.
fn operations(
    people: &mut Draw,
    mut around: Option<&mut Surroundings>,
    text: &mut String,
    n_clusters: usize,
    n_workloads: usize,
) {
    let n_operations = people.between(0, 6).saturating_sub(3);
    if n_operations == 0 {
        return;
    }
    *text += "operations:\n";
    for index in 0..n_operations {
        let cluster = people.between(0, n_clusters - 1);
        let other = around.as_mut().and_then(|a| platform::operation(&mut a.draw, cluster));
        let kind = if let Some(other) = other {
            other
        } else if people.chance(50) {
            let workload = people.between(0, n_workloads - 1);
            let (broken, image) = (people.chance(25), people.chance(50));
            format!(
                "rollout: {{workload: w{workload}, broken: {broken}, newImage: {image}, \
                 startUp: {{constant: {}s}}}}",
                people.between(0, 30)
            )
        } else {
            format!(
                "drain: {{cluster: c{cluster}, nodes: {}, parallel: {}, timeout: {}, \
                 uncordonAfter: {}}}",
                people.between(1, 4),
                people.between(1, 3),
                people.one_of(&["30s", "5m"]),
                people.one_of(&["0s", "2m"]),
            )
        };
        let at = people.between(0, 600);
        let _ = writeln!(text, "  - {{name: o{index}, at: {at}s, {kind}}}");
    }
}

fn front_door(draw: &mut Draw, text: &mut String, n_clusters: usize) {
    let sample_size = draw.between(1, 5);
    let _ = writeln!(
        text,
        "frontDoor:\n  latencySensitivity: {}\n  probe: {{interval: {}s, timeout: {}s, \
         sampleSize: {sample_size}, successfulSamples: {}, target: {}}}\n  origins:",
        draw.one_of(&["0s", "50ms", "1s"]),
        draw.between(5, 30),
        draw.between(1, 30),
        draw.between(1, sample_size),
        draw.one_of(&["gateway", "workload"]),
    );
    for cluster in 0..n_clusters {
        let _ = writeln!(
            text,
            "    - {{cluster: c{cluster}, priority: {}, weight: {}, enabled: {}}}",
            draw.between(1, 2),
            draw.one_of(&["50", "50", "1", "1000"]),
            cluster == 0 || draw.chance(90),
        );
    }
}

fn geographies(draw: &mut Draw, text: &mut String, n_regions: usize) -> usize {
    let n_geographies = draw.between(1, 2);
    *text += "geographies:\n";
    for index in 0..n_geographies {
        let rtt: Vec<String> =
            (0..n_regions).map(|r| format!("r{r}: {}ms", 20 * draw.between(0, 3))).collect();
        let pops = draw.between(1, 5);
        let rtt = rtt.join(", ");
        let _ = writeln!(text, "  - {{name: g{index}, pops: {pops}, regionRtt: {{{rtt}}}}}");
    }
    n_geographies
}

fn demands(
    draw: &mut Draw,
    mut around: Option<&mut Surroundings>,
    text: &mut String,
    n_workloads: usize,
    n_geographies: usize,
) {
    *text += "demands:\n";
    for workload in 0..n_workloads {
        let arrivals = draw.one_of(&[
            "{constant: 50/s}",
            "{constant: 30/s}",
            "{steps: [{at: 0s, rate: 20/s}, {at: 6m, rate: 90/s}, {at: 12m, rate: 0/s}, \
             {at: 15m, rate: 40/s}]}",
            "{diurnal: {trough: 0/s, peak: 80/s, peakAt: 5m, period: 20m}}",
            "{closedLoop: {clients: 5, requests: 100, pause: 100ms, begin: 30s}}",
        ]);
        let is_closed = arrivals.starts_with("{closed");
        let places =
            if is_closed || n_geographies == 1 { "{g0: 100%}" } else { "{g0: 70%, g1: 30%}" };
        let patience =
            draw.one_of(&["50ms 300ms", "500ms 5s", "2s 5s", "2s 60s", "20s 60s", "5s 5s"]);
        let (timeout, deadline) = patience.split_once(' ').expect("two durations");
        let _ = writeln!(
            text,
            "  - workload: w{workload}\n    geographies: {places}\n    arrivals: {arrivals}\n    \
             attemptTimeout: {timeout}\n    deadline: {deadline}",
        );
        if let (Some(around), false) = (&mut around, is_closed) {
            platform::demand(&mut around.draw, text);
        }
        if draw.chance(25) && arrivals.starts_with("{constant") {
            *text += "    overDispersion: [{index: 3, window: 10s}]\n";
        }
        if draw.chance(60) {
            let _ = writeln!(
                text,
                "    retries: {{attempts: {}, backoff: {}, jitter: {}{}}}",
                draw.one_of(&["2", "3", "16"]),
                draw.one_of(&["1ms", "100ms", "3s"]),
                draw.one_of(&["none", "full", "equal"]),
                draw.one_of(&["", ", budget: 10%"]),
            );
        }
    }
}

fn faults(
    draw: &mut Draw,
    newer: &mut Draw,
    mut around: Option<&mut Surroundings>,
    text: &mut String,
    (zones, regions): (&[usize], &[usize]),
    n_workloads: usize,
) {
    let n_faults = draw.between(0, 4);
    if n_faults == 0 {
        return;
    }
    *text += "faults:\n";
    for index in 0..n_faults {
        let region = draw.between(0, zones.len() - 1);
        let cluster = draw.between(0, regions.len() - 1);
        let other = around.as_deref_mut().and_then(|Surroundings { draw, dependencies }| {
            platform::fault(draw, dependencies, region, cluster)
        });
        let kind = match (draw.between(0, 3), other) {
            (_, Some(other)) => other,
            (0, _) => format!(
                "regionLoss: {{region: r{region}, mode: {}, cause: {}, controlPlane: {}}}",
                draw.one_of(MODES),
                draw.one_of(&["power", "isolation"]),
                draw.chance(60),
            ),
            (1, _) => {
                let zone = draw.between(1, zones[region]);
                format!("zoneLoss: {{region: r{region}, zone: {zone}}}")
            }
            (2, _) => {
                let (count, how) = (draw.between(1, 4), node_loss(newer));
                format!("nodeLoss: {{cluster: c{cluster}, count: {count}{how}}}")
            }
            _ => {
                let workload = draw.between(0, n_workloads - 1);
                let count = draw.between(1, 5);
                format!("podCrash: {{workload: w{workload}, cluster: c{cluster}, count: {count}}}")
            }
        };
        let at = draw.between(0, 600);
        let duration = if kind.starts_with("podCrash") || draw.chance(15) {
            String::new()
        } else {
            format!(", duration: {}s", draw.between(1, 600))
        };
        let _ = writeln!(text, "  - {{name: f{index}, at: {at}s{duration}, {kind}}}");
    }
}

/// How nodes are lost, and what repairs them.
fn node_loss(newer: &mut Draw) -> String {
    let mode = newer.one_of(&[
        "",
        ", mode: power, instance: stopped",
        ", mode: power, instance: deleted",
        ", mode: kubeletStopped",
        ", mode: isolated",
        ", mode: notReady",
    ]);
    let repair = newer.one_of(&[
        "",
        ", repairedBy: reboot",
        ", repairedBy: reimage",
        ", repairedBy: redeploy",
        ", repairedBy: none",
    ]);
    format!("{mode}{repair}")
}
