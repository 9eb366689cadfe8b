//! Objects against the types of k8s-openapi: what no Kubernetes type knows is named.
//!
//! The API server would refuse or drop such a field; usually it is a typing mistake.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::{v1, v2};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use crate::spec::{Code, Diagnostic, Diagnostics, Kind, Node, Place, Style, nearest};

use super::coverage::known_names;
use super::objects::Object;
use super::path::{FieldPath, Step, is_null};

/// What an object is to a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A Deployment.
    Deployment,
    /// A HorizontalPodAutoscaler.
    Autoscaler,
    /// A PodDisruptionBudget.
    Budget,
    /// A Service.
    Service,
    /// A PriorityClass.
    PriorityClass,
    /// Something that would change how the workload behaves, and is not read.
    Ignored,
    /// Something that does not matter here.
    Other,
}

/// Kinds that would change the answers, with what they would change.
const UNREAD: [(&str, &str); 11] = [
    ("StatefulSet", "only Deployments are modelled"),
    ("DaemonSet", "only Deployments are modelled; state what each node loses in its pool"),
    ("ReplicaSet", "only Deployments are modelled"),
    ("Pod", "only Deployments are modelled"),
    ("Job", "only Deployments are modelled"),
    ("CronJob", "only Deployments are modelled"),
    ("VerticalPodAutoscaler", "requests do not change during a run"),
    ("ScaledObject", "give the HorizontalPodAutoscaler that KEDA makes of it"),
    ("Rollout", "only Deployments are modelled"),
    ("ResourceQuota", "quotas of namespaces are not modelled"),
    ("LimitRange", "write the defaults that it sets into the containers"),
];

/// What a check has found out about an object.
#[derive(Debug)]
pub(super) struct Checked {
    /// What it is to a workload.
    pub role: Role,
    /// Fields that its type does not know, and that were warned of.
    pub unknown: Vec<FieldPath>,
}

/// Checks an object against its type, or returns `None` after an error.
pub(super) fn check(object: &Object, path: &str, diagnostics: &mut Diagnostics) -> Option<Checked> {
    let untyped = |role| Some(Checked { role, unknown: Vec::new() });
    let checked =
        |role, unknown: Option<Vec<FieldPath>>| unknown.map(|unknown| Checked { role, unknown });
    match (object.kind.as_str(), object.api_version.as_str()) {
        ("Deployment", "apps/v1") => {
            checked(Role::Deployment, fits::<Deployment>(object, path, diagnostics))
        }
        ("HorizontalPodAutoscaler", "autoscaling/v2") => checked(
            Role::Autoscaler,
            fits::<v2::HorizontalPodAutoscaler>(object, path, diagnostics),
        ),
        ("HorizontalPodAutoscaler", "autoscaling/v1") => checked(
            Role::Autoscaler,
            fits::<v1::HorizontalPodAutoscaler>(object, path, diagnostics),
        ),
        ("PodDisruptionBudget", "policy/v1") => {
            checked(Role::Budget, fits::<PodDisruptionBudget>(object, path, diagnostics))
        }
        ("Service", "v1") => checked(Role::Service, fits::<Service>(object, path, diagnostics)),
        ("PriorityClass", "scheduling.k8s.io/v1") => {
            checked(Role::PriorityClass, fits::<PriorityClass>(object, path, diagnostics))
        }
        (
            "Deployment" | "HorizontalPodAutoscaler" | "PodDisruptionBudget" | "PriorityClass",
            version,
        ) => {
            let span = FieldPath::of("apiVersion").span(&object.node);
            let message = format!("{} has `apiVersion: {version}`", object.called());
            let wrong = Diagnostic::error(Code::UnknownChoice, Place::new(span, path), message);
            diagnostics.push(wrong.allowed(SERVED).help("convert it: kubectl convert -f FILE"));
            None
        }
        (kind, _) => {
            let Some((_, why)) = UNREAD.iter().find(|(known, _)| *known == kind) else {
                return untyped(Role::Other);
            };
            let message = format!("{} is not read: {why}", object.called());
            let place = Place::new(object.node.span.head(), path);
            diagnostics.push(Diagnostic::warning(Code::NotModelled, place, message));
            untyped(Role::Ignored)
        }
    }
}

const SERVED: &str = "apps/v1, autoscaling/v2, autoscaling/v1, policy/v1, scheduling.k8s.io/v1: \
                      the versions that Kubernetes 1.35 serves";

/// Warns of fields that `T` does not know and returns them, or `None` after a report if the
/// object does not have the shape of `T`.
fn fits<T: DeserializeOwned>(
    object: &Object,
    path: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<FieldPath>> {
    let value = json(&object.node, "", "");
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read: Result<T, _> =
        serde_ignored::deserialize(tracked, |field| unknown.push(steps_of(&field)));
    for field in &unknown {
        warn_of_unknown(object, field, path, diagnostics);
    }
    let Err(error) = read else { return Some(unknown) };
    let field = steps_to(&track.path());
    let message = format!("{}: `{field}` {error}", object.called());
    let place = Place::new(field.span(&object.node), path);
    diagnostics.push(
        Diagnostic::error(Code::WrongType, place, message)
            .allowed(format!("what `kubectl explain {}` says", explained(object, &field))),
    );
    None
}

fn warn_of_unknown(object: &Object, field: &FieldPath, path: &str, found: &mut Diagnostics) {
    let message = format!("{}: Kubernetes knows no field `{field}`", object.called());
    let place = Place::new(field.span(&object.node), path);
    let mut wrong = Diagnostic::warning(Code::UnknownManifestField, place, message);
    if let Some(Step::Key(key)) = field.0.last()
        && let Some(meant) = nearest(key, known_names())
    {
        wrong = wrong.help(format!("did you mean `{meant}`?"));
    }
    found.push(wrong);
}

/// The argument of `kubectl explain` for a field.
fn explained(object: &Object, field: &FieldPath) -> String {
    let keys = field.0.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) => None,
    });
    keys.fold(object.kind.to_lowercase(), |path, key| format!("{path}.{key}"))
}

fn steps_of(path: &serde_ignored::Path<'_>) -> FieldPath {
    use serde_ignored::Path;
    match path {
        Path::Root => FieldPath::default(),
        Path::Seq { parent, index } => steps_of(parent).then(Step::Index(*index)),
        Path::Map { parent, key } => steps_of(parent).then(Step::Key(key.clone())),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => steps_of(parent),
    }
}

fn steps_to(path: &serde_path_to_error::Path) -> FieldPath {
    use serde_path_to_error::Segment;
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    FieldPath(steps.collect())
}

/// The tree as JSON, as the API server would read it; `parent` and `key` lead to it.
fn json(node: &Node, parent: &str, key: &str) -> Value {
    match &node.kind {
        Kind::Mapping(entries) => {
            let inner = entries.iter();
            let inner =
                inner.map(|(name, value)| (name.text.clone(), json(value, key, &name.text)));
            Value::Object(Map::from_iter(inner))
        }
        Kind::Sequence(items) => {
            Value::Array(items.iter().map(|item| json(item, parent, key)).collect())
        }
        Kind::Refused => Value::Null,
        Kind::Scalar { text, style: Style::Quoted } => Value::String(text.clone()),
        Kind::Scalar { .. } if is_null(node) => Value::Null,
        // A quantity may be written as a number.
        Kind::Scalar { text, .. } if is_quantity(parent, key) => Value::String(text.clone()),
        Kind::Scalar { text, .. } => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
        },
    }
}

fn number(text: &str) -> Option<Number> {
    text.parse::<i64>().map(Number::from).ok().or_else(|| {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
        let value = text.parse::<f64>().ok().filter(|_| is_number)?;
        Number::from_f64(value)
    })
}

/// Whether a field is of the type `resource.Quantity`, which reads numbers too.
fn is_quantity(parent: &str, key: &str) -> bool {
    matches!(parent, "requests" | "limits" | "overhead" | "capacity")
        || matches!(key, "averageValue" | "divisor" | "sizeLimit" | "tolerance")
        || (parent, key) == ("target", "value")
}
