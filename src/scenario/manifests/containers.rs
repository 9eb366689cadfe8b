//! The containers of a pod: requests, limits, probes and the preStop hook.
//!
//! The main container serves: the one named like the Deployment, else the first with a readiness
//! probe, else the first. The scheduler reserves what all containers request in all (upstream:
//! `PodRequests` in component-helpers/resource; init containers are left out).

use crate::spec::{Kind, Node};
use crate::units::{Bytes, MilliCpu};

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
        ] {
            section.put_some(key, fields.take(&field(&format!("{probe}.{key}"))));
        }
        workload.put(probe, section.node(stated.span));
    }
    pre_stop(fields, &field("lifecycle.preStop"), workload);
}

/// Which container serves.
fn main_container(fields: &Fields<'_>, containers: &[Node]) -> Option<usize> {
    let deployment = fields.look("metadata.name").and_then(Node::text);
    let named = containers.iter().position(|container| container.name() == deployment);
    let probed = || containers.iter().position(|one| one.get("readinessProbe").is_some());
    named.or_else(probed).or(if containers.is_empty() { None } else { Some(0) })
}

fn resources(fields: &Fields<'_>, containers: &[Node], main: usize, workload: &mut Mapping) {
    let mut requests = Mapping::default();
    for resource in ["cpu", "memory"] {
        let mut stated = Vec::new();
        for index in 0..containers.len() {
            let of = |what: &str| format!("{CONTAINERS}[{index}].resources.{what}.{resource}");
            // A container with a limit and no request requests its limit (pkg/apis/core/v1).
            let request = fields.take(&of("requests"));
            stated.push(request.or_else(|| fields.look(&of("limits"))));
        }
        if let Some(sum) = sum(resource, &stated) {
            requests.put(resource, sum);
        }
    }
    let field = |what: &str| format!("{CONTAINERS}[{main}].resources.{what}");
    if !requests.is_empty() {
        let span = fields.look(&field("requests")).map_or(containers[main].span, |node| node.span);
        workload.put("requests", requests.node(span));
    }
    let Some(stated) = fields.look(&field("limits")) else { return };
    let mut limits = Mapping::default();
    limits.put_some("cpu", fields.take(&field("limits.cpu")));
    if containers.len() == 1 {
        limits.put_some("memory", fields.take(&field("limits.memory")));
    } else {
        // The requests are those of all containers, the limit is that of one.
        fields.take(&field("limits.memory"));
    }
    if !limits.is_empty() {
        workload.put("limits", limits.node(stated.span));
    }
}

/// The sum of some quantities; the only one as it stands. One that cannot be read is left as it
/// is, so that the decoder says what is wrong with it.
fn sum(resource: &str, stated: &[Option<&Node>]) -> Option<Node> {
    let stated: Vec<&Node> = stated.iter().copied().flatten().collect();
    let (&first, others) = stated.split_first()?;
    if others.is_empty() {
        return Some(first.clone());
    }
    let texts = stated.iter().map(|node| node.text().unwrap_or_default());
    let total = if resource == "cpu" {
        total(texts.map(|text| text.parse::<MilliCpu>().map(|cpu| cpu.milli())))
            .map(|milli| format!("{milli}m"))
    } else {
        total(texts.map(|text| text.parse::<Bytes>().map(|bytes| bytes.get())))
            .map(|bytes| bytes.to_string())
    };
    match total {
        Ok(total) => Some(Node::plain(&total, first.span)),
        Err(index) => Some(stated[index].clone()),
    }
}

/// The sum, or the index of the first value that is none.
fn total<E>(values: impl Iterator<Item = Result<i64, E>>) -> Result<i64, usize> {
    let mut total = 0_i64;
    for (index, value) in values.enumerate() {
        total = total.saturating_add(value.map_err(|_| index)?);
    }
    Ok(total)
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
