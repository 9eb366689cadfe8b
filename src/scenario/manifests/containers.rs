//! The containers of a pod: requests, limits, probes and the preStop hook.
//!
//! The main container serves: the one named like the Deployment, else the first with a readiness
//! probe, else the first. The others become sidecars, whose use of CPU is not in a manifest.

use crate::spec::{Kind, Node};

use super::path::{Fields, Mapping};

const CONTAINERS: &str = "spec.template.spec.containers";

/// Adds what the containers state to the keys of the workload.
pub(super) fn translate(fields: &Fields<'_>, workload: &mut Mapping) {
    let containers = fields.items(CONTAINERS);
    let Some(main) = main_container(fields, containers) else { return };
    resources(fields, containers, main, workload);
    let field = |name: &str| format!("{CONTAINERS}[{main}].{name}");
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let Some(stated) = fields.look(&field(probe)) else { continue };
        let mut section = Mapping::default();
        for key in [
            "initialDelaySeconds",
            "periodSeconds",
            "timeoutSeconds",
            "successThreshold",
            "failureThreshold",
            "terminationGracePeriodSeconds",
        ] {
            section.put_some(key, fields.take(&field(&format!("{probe}.{key}"))));
        }
        workload.put(probe, section.node(stated.span));
    }
    pre_stop(fields, &field("lifecycle.preStop"), workload);
    image_pull_policy(fields, &format!("{CONTAINERS}[{main}]"), workload);
}

/// When the image is pulled; left out, always for the tag `latest`, or no tag, without a digest
/// (pkg/apis/core/v1/defaults.go: `SetDefaults_Container`).
fn image_pull_policy(fields: &Fields<'_>, at: &str, workload: &mut Mapping) {
    let stated = format!("{at}.imagePullPolicy");
    match fields.look(&stated).map(|policy| (policy, policy.text())) {
        Some((policy, Some("IfNotPresent" | "Always"))) => {
            fields.take(&stated);
            workload.put("imagePullPolicy", policy.clone());
        }
        Some(_) => {}
        None => {
            let image = fields.look(&format!("{at}.image"));
            if let Some(image) = image.filter(|image| image.text().is_some_and(is_latest)) {
                workload.put("imagePullPolicy", Node::plain("Always", image.span));
            }
        }
    }
}

/// Whether an image is named without a digest, and with the tag `latest` or none.
fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// Which container serves.
fn main_container(fields: &Fields<'_>, containers: &[Node]) -> Option<usize> {
    let deployment = fields.look("metadata.name").and_then(Node::text);
    let named = containers.iter().position(|container| container.name() == deployment);
    let probed = || containers.iter().position(|one| one.get("readinessProbe").is_some());
    named.or_else(probed).or(if containers.is_empty() { None } else { Some(0) })
}

/// The main container's requests and limits; the others become sidecars.
fn resources(fields: &Fields<'_>, containers: &[Node], main: usize, workload: &mut Mapping) {
    let at = format!("{CONTAINERS}[{main}]");
    workload.put_some("requests", requests(fields, &at).as_ref());
    if let Some(stated) = fields.look(&format!("{at}.resources.limits")) {
        let mut limits = Mapping::default();
        for resource in ["cpu", "memory"] {
            limits.put_some(resource, fields.take(&format!("{at}.resources.limits.{resource}")));
        }
        workload.put("limits", limits.node(stated.span));
    }
    let beside = (0..containers.len()).filter(|&index| index != main);
    let beside = beside.map(|index| format!("{CONTAINERS}[{index}]"));
    // An init container that is restarted always runs beside the others (KEP 753).
    let init = "spec.template.spec.initContainers";
    let stays = |at: &String| {
        let policy = fields.look(&format!("{at}.restartPolicy")).and_then(Node::text);
        policy == Some("Always") && fields.take(at).is_some()
    };
    let init = (0..fields.items(init).len()).map(|index| format!("{init}[{index}]")).filter(stays);
    let sidecars: Vec<Node> = beside.chain(init).map(|at| sidecar(fields, &at)).collect();
    if !sidecars.is_empty() {
        workload.put_list("sidecars", sidecars, containers[main].span);
    }
}

fn sidecar(fields: &Fields<'_>, at: &str) -> Node {
    let mut section = Mapping::default();
    section.put_some("name", fields.take(&format!("{at}.name")));
    // Only the image of the container that serves is pulled.
    fields.take(&format!("{at}.imagePullPolicy"));
    section.put_some("requests", requests(fields, at).as_ref());
    section.node(fields.look(at).map_or_else(Default::default, |node| node.span))
}

/// What a container requests: a resource with a limit and no request requests its limit
/// (pkg/apis/core/v1/defaults.go).
fn requests(fields: &Fields<'_>, at: &str) -> Option<Node> {
    let stated = fields.look(&format!("{at}.resources"))?;
    let mut requests = Mapping::default();
    for resource in ["cpu", "memory"] {
        let request = fields.take(&format!("{at}.resources.requests.{resource}"));
        let limit = || fields.look(&format!("{at}.resources.limits.{resource}"));
        requests.put_some(resource, request.or_else(limit));
    }
    (!requests.is_empty()).then(|| requests.node(stated.span))
}

/// A preStop hook that sleeps: `sleep: {seconds: 10}`, or `sleep 10` as a command.
fn pre_stop(fields: &Fields<'_>, hook: &str, workload: &mut Mapping) {
    if let Some(seconds) = fields.take(&format!("{hook}.sleep.seconds")) {
        let text = format!("{}s", seconds.text().unwrap_or_default());
        workload.put("preStopSleep", Node::plain(&text, seconds.span));
        return;
    }
    let command = format!("{hook}.exec.command");
    let Some(node) = fields.look(&command) else { return };
    if let Some(seconds) = slept(node) {
        fields.take(&command);
        workload.put("preStopSleep", Node::plain(&format!("{seconds}s"), node.span));
    }
}

/// How long a command sleeps, if that is all it does: `["sleep", "10"]` or
/// `["sh", "-c", "sleep 10"]`.
fn slept(command: &Node) -> Option<u64> {
    let Kind::Sequence(words) = &command.kind else { return None };
    let words: Vec<&str> = words.iter().filter_map(Node::text).collect();
    let words: Vec<&str> = match &words[..] {
        [shell, "-c", script] if shell.ends_with("sh") => script.split_whitespace().collect(),
        words => words.to_vec(),
    };
    match &words[..] {
        [program, seconds] if *program == "sleep" || program.ends_with("/sleep") => {
            seconds.strip_suffix('s').unwrap_or(seconds).parse().ok()
        }
        _ => None,
    }
}
