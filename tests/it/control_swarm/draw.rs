//! Draws the text of a scenario without users from a number.

use std::fmt::Write;

use crate::draw::Draw;

/// The scenario of a case: one or two clusters, one to three workloads, 5 min of warm-up and 12
/// min with faults.
pub(super) fn scenario(case: u64) -> String {
    let draw = &mut Draw::of(case, "control");
    let mut text = format!(
        "schema: tideover/v1\nname: control-swarm\nprofile: {}\n\
         run: {{horizon: 12m, warmUp: {}, seed: {}}}\n",
        draw.one_of(&["aks", "k8s-1.31", "k8s-1.33", "k8s-1.35"]),
        draw.one_of(&["5m", "5m", "0s"]),
        draw.between(0, 1_000_000),
    );
    // What came later has draws of its own, so that it moves none of the others.
    let newer = &mut Draw::of(case, "control-newer");
    kubernetes(newer, &mut text);
    let n_zones = draw.between(1, 3);
    let _ = writeln!(text, "regions:\n  - {{name: r0, zones: {n_zones}, racksPerZone: 2}}");
    let n_clusters = if draw.chance(20) { 2 } else { 1 };
    let n_workloads = draw.between(1, 3);
    clusters(draw, newer, &mut text, n_clusters);
    workloads(draw, newer, &mut text, n_workloads);
    loads(draw, &mut text, n_clusters, n_workloads);
    faults(draw, &mut text, n_zones, n_clusters, n_workloads);
    operations(draw, &mut text, n_clusters, n_workloads);
    text
}

/// Constants of the control plane, each now and then.
fn kubernetes(newer: &mut Draw, text: &mut String) {
    let mut given = Vec::new();
    for (key, values) in [
        ("defaultNotReadyTolerationSeconds", ["5", "90"]),
        ("defaultUnreachableTolerationSeconds", ["20", "200"]),
        ("endpointsliceUpdatesBatchPeriod", ["500ms", "5s"]),
        ("proxyMinSyncPeriod", ["0s", "10s"]),
        ("proxySyncPeriod", ["10s", "1h"]),
        ("proxyBurstSyncs", ["1", "5"]),
    ] {
        if newer.chance(25) {
            given.push(format!("{key}: {}", newer.one_of(&values)));
        }
    }
    let _ = writeln!(text, "kubernetes: {{{}}}", given.join(", "));
}

fn clusters(draw: &mut Draw, newer: &mut Draw, text: &mut String, n_clusters: usize) {
    *text += "clusters:\n";
    for index in 0..n_clusters {
        let _ = writeln!(text, "  - name: c{index}\n    region: r0");
        if draw.chance(60) {
            let _ = writeln!(
                text,
                "    autoscaler: {{expander: {}, scaleDownUnneededTime: {}, \
                 scaleDownDelayAfterAdd: {}, balanceSimilarNodeGroups: {}, \
                 frequentLoopsEnabled: {}, maxNodeProvisionTime: {}, maxGracefulTermination: {}}}",
                draw.one_of(&["random", "most-pods", "least-nodes", "least-waste"]),
                draw.one_of(&["1m", "3m"]),
                draw.one_of(&["0s", "1m", "10m"]),
                draw.chance(50),
                draw.chance(50),
                draw.one_of(&["2m", "15m"]),
                newer.one_of(&["600s", "600s", "3s"]),
            );
        }
        *text += "    pools:\n";
        for pool in 0..draw.between(1, 2) {
            let size = if draw.chance(80) {
                let least = draw.between(0, 4).max(usize::from(pool == 0));
                format!("minCount: {least}, maxCount: {}", least + draw.between(1, 4))
            } else {
                format!("count: {}", draw.between(1, 5))
            };
            let _ = writeln!(
                text,
                "      - {{name: p{pool}, vmSize: {}, {size}, maxPods: {}, \
                 provisioning: {{uniform: {{min: 30s, max: {}}}}}, containerStart: {}{}}}",
                draw.one_of(&["D2s_v5", "D4s_v5"]),
                draw.one_of(&["10", "30", "110"]),
                draw.one_of(&["1m", "4m"]),
                draw.one_of(&["0s", "1s"]),
                if pool == 1 && draw.chance(30) {
                    ", taints: [{key: spot, value: \"true\", effect: NoSchedule}]"
                } else {
                    ""
                },
            );
        }
    }
}

fn probe(draw: &mut Draw) -> String {
    format!(
        "{{periodSeconds: {}, failureThreshold: {}, initialDelaySeconds: {}}}",
        draw.between(1, 10),
        draw.between(1, 3),
        draw.between(0, 10),
    )
}

fn workloads(draw: &mut Draw, newer: &mut Draw, text: &mut String, n_workloads: usize) {
    *text += "workloads:\n";
    for index in 0..n_workloads {
        let _ = writeln!(
            text,
            "  - name: w{index}\n    requests: {{cpu: {}, memory: {}}}\n    service: {{workers: \
             1, time: {{constant: 50ms}}, cpuPerWorker: 500m}}\n    limits: {{cpu: {}}}\n    \
             startUp: {}\n    terminationGracePeriodSeconds: {}\n    preStopSleep: {}\n    \
             {}podAntiAffinity: {}\n    priority: {}",
            draw.one_of(&["250m", "500m"]),
            draw.one_of(&["256Mi", "1Gi"]),
            draw.one_of(&["500m", "1", "2"]),
            draw.one_of(&["{constant: 0s}", "{uniform: {min: 2s, max: 20s}}"]),
            draw.one_of(&["0", "5", "30"]),
            draw.one_of(&["0s", "5s", "40s"]),
            toleration(draw, newer),
            draw.one_of(&["none", "none", "hostname", "zone"]),
            draw.one_of(&["0", "0", "-20", "5"]),
        );
        for (key, percent) in [("startupProbe", 25), ("readinessProbe", 75), ("livenessProbe", 40)]
        {
            if draw.chance(percent) {
                let _ = writeln!(text, "    {key}: {}", probe(draw));
            }
        }
        placement(draw, newer, text, n_workloads);
        if newer.chance(15) {
            *text += "    safeToEvict: false\n";
        }
        if draw.chance(35) {
            let _ = writeln!(
                text,
                "    strategy: {{type: {}}}\n    minReadySeconds: {}",
                draw.one_of(&[
                    "Recreate",
                    "RollingUpdate, maxSurge: 0, maxUnavailable: 1",
                    "RollingUpdate, maxSurge: 2, maxUnavailable: 0",
                ]),
                draw.between(0, 20),
            );
        }
        if draw.chance(35) {
            let _ = writeln!(
                text,
                "    podDisruptionBudget: {{{}}}",
                draw.one_of(&["minAvailable: 1", "minAvailable: 80%", "maxUnavailable: 1"]),
            );
        }
        if draw.chance(70) {
            let least = draw.between(1, 4);
            let most = least + draw.between(0, 10);
            let _ = writeln!(
                text,
                "    hpa: {{minReplicas: {least}, maxReplicas: {most}, targetCPUUtilization: \
                 {}%{}}}",
                draw.between(30, 90),
                draw.one_of(&[
                    "",
                    ", behavior: {}",
                    ", behavior: {scaleUp: {policies: [{type: Pods, value: 2, periodSeconds: \
                     60}]}, scaleDown: {stabilizationWindowSeconds: 60, policies: [{type: Pods, \
                     value: 1, periodSeconds: 30}]}}",
                ]),
            );
        } else {
            let _ = writeln!(text, "    replicas: {}", draw.between(1, 8));
        }
    }
}

/// One time for both taints of node failure, or what the API server says.
fn toleration(draw: &mut Draw, newer: &mut Draw) -> String {
    let seconds = draw.one_of(&["0", "30", "120"]);
    if newer.chance(50) { format!("tolerationSeconds: {seconds}\n    ") } else { String::new() }
}

/// Rules of placement, each now and then.
fn placement(draw: &mut Draw, newer: &mut Draw, text: &mut String, n_workloads: usize) {
    if draw.chance(25) {
        let _ = writeln!(
            text,
            "    topologySpreadConstraints: [{{maxSkew: {}, topologyKey: {}, whenUnsatisfiable: \
             {}}}]",
            draw.between(1, 2),
            draw.one_of(&["kubernetes.io/hostname", "topology.kubernetes.io/zone"]),
            draw.one_of(&["DoNotSchedule", "ScheduleAnyway"]),
        );
    }
    if draw.chance(20) {
        let _ = writeln!(
            text,
            "    affinity: {{{}: {{preferredDuringSchedulingIgnoredDuringExecution: [{{weight: \
             {}, podAffinityTerm: {{topologyKey: {}, workloads: [w{}]}}}}]}}}}",
            draw.one_of(&["podAffinity", "podAntiAffinity"]),
            draw.between(1, 100),
            draw.one_of(&["kubernetes.io/hostname", "topology.kubernetes.io/zone"]),
            draw.between(0, n_workloads - 1),
        );
    } else if newer.chance(20) {
        let _ = writeln!(
            text,
            "    affinity: {{{}: {{requiredDuringSchedulingIgnoredDuringExecution: [{{\
             topologyKey: {}, workloads: [w{}]}}]}}}}",
            newer.one_of(&["podAffinity", "podAntiAffinity"]),
            newer.one_of(&["kubernetes.io/hostname", "topology.kubernetes.io/zone"]),
            newer.between(0, n_workloads - 1),
        );
    }
    let mut tolerations = Vec::new();
    if draw.chance(30) {
        tolerations.push("{key: spot, operator: Exists}".to_owned());
    }
    if newer.chance(20) {
        tolerations.push(format!(
            "{{key: node.kubernetes.io/{}, operator: Exists, effect: NoExecute, \
             tolerationSeconds: {}}}",
            newer.one_of(&["not-ready", "unreachable"]),
            newer.one_of(&["0", "10", "60"]),
        ));
    }
    if !tolerations.is_empty() {
        let _ = writeln!(text, "    tolerations: [{}]", tolerations.join(", "));
    }
    if draw.chance(15) {
        *text += "    nodeSelector: {kubernetes.azure.com/agentpool: p0}\n";
    }
}

fn loads(draw: &mut Draw, text: &mut String, n_clusters: usize, n_workloads: usize) {
    *text += "cpuLoads:\n";
    for cluster in 0..n_clusters {
        for workload in 0..n_workloads {
            let mut load = || draw.between(0, 6000);
            let _ = writeln!(
                text,
                "  - {{workload: w{workload}, cluster: c{cluster}, steps: [{{at: 0s, load: \
                 {}m}}, {{at: 2m, load: {}m}}, {{at: 6m, load: {}m}}]}}",
                load(),
                load(),
                load(),
            );
        }
    }
}

fn faults(
    draw: &mut Draw,
    text: &mut String,
    n_zones: usize,
    n_clusters: usize,
    n_workloads: usize,
) {
    let n_faults = draw.between(0, 4);
    if n_faults == 0 {
        return;
    }
    *text += "faults:\n";
    for index in 0..n_faults {
        let cluster = draw.between(0, n_clusters - 1);
        let kind = match draw.between(0, 6) {
            0 => format!(
                "regionLoss: {{region: r0, mode: refused, cause: {}, controlPlane: {}}}",
                draw.one_of(&["power", "isolation"]),
                draw.chance(60),
            ),
            1 | 2 => format!("zoneLoss: {{region: r0, zone: {}}}", draw.between(1, n_zones)),
            3 => format!(
                "nodeLoss: {{cluster: c{cluster}, count: {}, {}}}",
                draw.between(1, 3),
                draw.one_of(&[
                    "mode: power",
                    "mode: power, instance: stopped",
                    "mode: power, instance: deleted",
                    "mode: kubeletStopped",
                    "mode: isolated",
                    "mode: notReady",
                ]),
            ),
            4 => format!(
                "allocationFailure: {{cluster: c{cluster}, available: {}, visibility: {}}}",
                draw.between(0, 1),
                draw.one_of(&["synchronous", "asynchronous", "fastDelete"]),
            ),
            5 => format!("registryLoss: {{cluster: c{cluster}}}"),
            _ => {
                let workload = draw.between(0, n_workloads - 1);
                let count = draw.between(1, 4);
                format!("podCrash: {{workload: w{workload}, cluster: c{cluster}, count: {count}}}")
            }
        };
        let at = draw.between(0, 500);
        let duration = if kind.starts_with("podCrash") || draw.chance(25) {
            String::new()
        } else {
            format!(", duration: {}s", draw.between(1, 400))
        };
        let _ = writeln!(text, "  - {{name: f{index}, at: {at}s{duration}, {kind}}}");
    }
}

/// Rollouts and drains, perhaps in the middle of a fault.
fn operations(draw: &mut Draw, text: &mut String, n_clusters: usize, n_workloads: usize) {
    let n_operations = draw.between(0, 2);
    if n_operations == 0 {
        return;
    }
    *text += "operations:\n";
    for index in 0..n_operations {
        let kind = if draw.chance(60) {
            let workload = draw.between(0, n_workloads - 1);
            format!("rollout: {{workload: w{workload}, broken: {}}}", draw.chance(25))
        } else {
            let cluster = draw.between(0, n_clusters - 1);
            let (nodes, uncordon) = (draw.between(1, 3), draw.one_of(&["10s", "3m"]));
            format!("drain: {{cluster: c{cluster}, nodes: {nodes}, uncordonAfter: {uncordon}}}")
        };
        let _ = writeln!(text, "  - {{name: o{index}, at: {}s, {kind}}}", draw.between(0, 500));
    }
}
