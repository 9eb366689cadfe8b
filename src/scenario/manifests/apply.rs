//! Lays each workload's own keys over what its manifests say.

use std::path::Path;

use crate::spec::{
    Code, Diagnostic, Diagnostics, Kind, Node, Place, SourceId, Sources, nearest, overlay,
};

use super::coverage;
use super::objects::{Files, Object};
use super::path::Fields;
use super::translate::{Bundle, matches_labels, selects, translate};
use super::typed::{Checked, Role, check};

/// Replaces every workload of `root` that has `manifests` by what they say with its own keys on
/// top; gives the files that were read, or `None` if something is wrong with them.
pub(in crate::scenario) fn apply(
    root: &mut Node,
    scenario: SourceId,
    folder: &Path,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<SourceId>> {
    let stdin_is_taken = sources.get(scenario).name() == STDIN;
    let mut files = Files::new(sources, folder, stdin_is_taken);
    let Kind::Mapping(entries) = &mut root.kind else { return Some(Vec::new()) };
    let workloads = entries.iter_mut().find(|(key, _)| key.text == "workloads");
    let Some(Kind::Sequence(workloads)) = workloads.map(|(_, list)| &mut list.kind) else {
        return Some(Vec::new());
    };
    let mut found = Diagnostics::new();
    let names: Vec<String> =
        workloads.iter().filter_map(|workload| Some(workload.name()?.to_owned())).collect();
    for (index, workload) in workloads.iter_mut().enumerate() {
        let path = format!("workloads[{index}]");
        let name = workload.name().unwrap_or_default().to_owned();
        lay(workload, (&name, &names), &path, &mut files, &mut found);
        let Kind::Mapping(entries) = &mut workload.kind else { continue };
        let overrides = entries.iter_mut().find(|(key, _)| key.text == "clusters");
        let Some(Kind::Mapping(overrides)) = overrides.map(|(_, map)| &mut map.kind) else {
            continue;
        };
        for (cluster, differing) in overrides {
            let path = format!("{path}.clusters.{}", cluster.text);
            lay(differing, (&name, &names), &path, &mut files, &mut found);
        }
    }
    let is_read = !found.has_errors();
    diagnostics.append(found);
    is_read.then(|| files.ids().collect())
}

/// Lays the keys at `path`, which belong to the workload called `name`, over their manifests;
/// `all` workloads may be meant by selectors.
fn lay(
    keys: &mut Node,
    (name, all): (&str, &[String]),
    path: &str,
    files: &mut Files<'_>,
    diagnostics: &mut Diagnostics,
) {
    let named = named(keys, &format!("{path}.manifests"));
    let Some((_, first)) = named.first() else { return };
    let mut objects = Vec::new();
    for (file, place) in &named {
        objects.extend(files.objects(file, place, diagnostics).iter().cloned());
    }
    if let Some(stated) = stated(&objects, (keys, name, all), first, diagnostics) {
        *keys = overlay(&stated, keys);
    }
}

/// What the standard input is called among the sources.
const STDIN: &str = "<stdin>";

/// The files that a workload names. Anything but a list of texts is left to the decoder.
fn named(workload: &Node, path: &str) -> Vec<(String, Place)> {
    let Some(Kind::Sequence(items)) = workload.get("manifests").map(|list| &list.kind) else {
        return Vec::new();
    };
    let texts = items.iter().enumerate().filter_map(|(index, item)| {
        let place = Place::new(item.span, &format!("{path}[{index}]"));
        Some((item.text()?.to_owned(), place))
    });
    texts.collect()
}

/// What the objects say about the workload, or `None` after a report.
fn stated(
    objects: &[Object],
    (given, name, all): (&Node, &str, &[String]),
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let path = path_of_list(place);
    let read: Vec<(Checked, &Object)> = objects
        .iter()
        .filter_map(|object| Some((check(object, path, diagnostics)?, object)))
        .collect();
    if objects.is_empty() || read.len() < objects.len() {
        return None;
    }
    let of = |role: Role| {
        let of_role = read.iter().filter(move |(checked, _)| checked.role == role);
        of_role.map(|(checked, object)| (*object, Fields::but_for(&object.node, &checked.unknown)))
    };
    let deployments: Vec<&Object> = of(Role::Deployment).map(|(object, _)| object).collect();
    let deployment = the_deployment(&deployments, name, place, diagnostics)?;
    let itself = of(Role::Deployment).find(|(object, _)| std::ptr::eq(*object, deployment));
    let pods = Fields::new(&deployment.node);
    let budgets =
        of(Role::Budget).filter(|(_, fields)| matches_labels(fields.look("spec.selector"), &pods));
    let services =
        of(Role::Service).filter(|(_, fields)| selects(fields.look("spec.selector"), &pods));
    let others = deployments.iter().filter(|other| other.name != deployment.name);
    let modelled = others.filter(|other| other.name != name && all.contains(&other.name));
    let bundle = Bundle {
        name,
        others: modelled.map(|other| (other.name.as_str(), Fields::new(&other.node))).collect(),
        deployment: itself.expect("it is one of them"),
        autoscalers: of(Role::Autoscaler)
            .filter(|(_, fields)| scales(fields, deployment))
            .collect(),
        budgets: budgets.collect(),
        services: services.collect(),
        priorities: of(Role::PriorityClass).collect(),
    };
    for (what, several) in
        [("HorizontalPodAutoscalers", &bundle.autoscalers), ("budgets", &bundle.budgets)]
    {
        if let [.., (object, _)] = &several[1.min(several.len())..] {
            let message = format!("{} {what} are for Deployment `{name}`", several.len());
            let place = Place::new(object.node.span.head(), path);
            let wrong = Diagnostic::error(Code::Contradiction, place, message);
            diagnostics.push(wrong.allowed("one").help("leave the file of the other out"));
        }
    }
    let stated = translate(&bundle, given, path, diagnostics);
    let whole = [&bundle.autoscalers, &bundle.budgets, &bundle.services, &bundle.priorities];
    let all = std::iter::once(&bundle.deployment).chain(whole.into_iter().flatten());
    for (object, fields) in all {
        coverage::warn(object, fields, path, diagnostics);
    }
    Some(stated)
}

/// The path of the list of files: an object's own place says which file it stands in.
fn path_of_list(place: &Place) -> &str {
    place.path.rsplit_once('[').map_or(&*place.path, |(list, _)| list)
}

/// Whether an autoscaler scales `deployment`.
fn scales(autoscaler: &Fields<'_>, deployment: &Object) -> bool {
    let text = |path: &str| autoscaler.look(path).and_then(Node::text);
    text("spec.scaleTargetRef.kind") == Some("Deployment")
        && text("spec.scaleTargetRef.name") == Some(deployment.name.as_str())
}

/// The Deployment named like the workload, or the only one.
fn the_deployment<'o>(
    deployments: &[&'o Object],
    name: &str,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Option<&'o Object> {
    let mut same = deployments.iter().copied().filter(|object| object.name == name);
    let chosen = same.next().or(match deployments {
        [only] => Some(*only),
        _ => None,
    });
    if chosen.is_some() && same.next().is_none() {
        return chosen;
    }
    let message = match deployments.len() {
        0 => "no Deployment stands in these files".to_owned(),
        n if chosen.is_none() => format!("none of the {n} Deployments is called `{name}`"),
        _ => format!("two Deployments are called `{name}`"),
    };
    let names: Vec<&str> = deployments.iter().map(|object| object.name.as_str()).collect();
    let mut wrong = Diagnostic::error(Code::UnknownReference, place.clone(), message);
    if !names.is_empty() {
        wrong =
            wrong.allowed(names.join(", ")).help(nearest(name, names.iter().copied()).map_or_else(
                || "give the workload the name of its Deployment".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            ));
    }
    diagnostics.push(wrong);
    None
}
