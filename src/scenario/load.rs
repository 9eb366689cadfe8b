//! The stages from a file to a scenario; each reports all its mistakes before it stops.

use std::path::Path;

use crate::control::profiles::VersionProfile;
use crate::model::front_door::{FrontDoorPreset, FrontDoorSpec};
use crate::spec::{
    Code, Decode, Decoder, Diagnostic, Diagnostics, Key, Kind, Leaf, Node, Place, Profile,
    SourceId, Sources, parse, render, set_path,
};

use super::checked::Scenario;
use super::draft::{SCHEMA, ScenarioSpec};
use super::manifests;
use super::resolve::resolve;
use super::table::Tables;

/// Why a scenario was refused: all diagnostics of the stage that failed.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong, with any warnings.
    pub diagnostics: Diagnostics,
    /// The texts that the diagnostics point into.
    pub sources: Sources,
}

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&render(&self.diagnostics, &self.sources))
    }
}

impl std::error::Error for Rejected {}

/// A decoded scenario file with everything that later stages look at.
#[derive(Debug)]
pub struct Decoded<'n> {
    /// The tree, `--set` applied.
    pub root: &'n Node,
    /// The sections.
    pub spec: ScenarioSpec,
    /// The defaults of the scenario's version profile.
    pub profile: &'static Profile,
    /// Every value with its origin.
    pub leaves: Vec<Leaf>,
}

/// Reads, checks and resolves the scenario at `path` (`-` is the standard input), with the
/// `--set` assignments `sets` applied in order.
///
/// # Errors
/// All diagnostics of the stage that failed: reading, decoding, or checking.
pub fn load(path: &Path, sets: &[String]) -> Result<Scenario, Box<Rejected>> {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::new();
    match sources.read(path, &mut diagnostics) {
        Some(id) => build(id, sources, None, sets, diagnostics),
        None => Err(Box::new(Rejected { diagnostics, sources })),
    }
}

/// Like [`load()`], from a text; CSV files are relative to `folder`.
///
/// # Errors
/// All diagnostics of the stage that failed.
pub fn from_text(
    name: &str,
    text: &str,
    folder: &Path,
    sets: &[String],
) -> Result<Scenario, Box<Rejected>> {
    let mut sources = Sources::default();
    let id = sources.add(name, text);
    build(id, sources, Some(folder), sets, Diagnostics::new())
}

fn build(
    id: SourceId,
    mut sources: Sources,
    folder: Option<&Path>,
    sets: &[String],
    mut diagnostics: Diagnostics,
) -> Result<Scenario, Box<Rejected>> {
    let Some(mut root) = parse(&sources, id, &mut diagnostics) else {
        return Err(Box::new(Rejected { diagnostics, sources }));
    };
    for assignment in sets {
        set_path(&mut root, assignment, &mut sources, &mut diagnostics);
    }
    let folder = folder.unwrap_or_else(|| sources.get(id).folder()).to_owned();
    resolved(id, root, sources, &folder, sets, diagnostics)
}

/// The scenario of a tree, which is the text `id` with the assignments `sets` applied.
pub(super) fn resolved(
    id: SourceId,
    mut root: Node,
    mut sources: Sources,
    folder: &Path,
    sets: &[String],
    mut diagnostics: Diagnostics,
) -> Result<Scenario, Box<Rejected>> {
    let manifests = manifests::apply(&mut root, id, folder, &mut sources, &mut diagnostics);
    // Without its manifests a workload lacks keys that nobody forgot.
    let Some(manifests) = manifests else {
        return Err(Box::new(Rejected { diagnostics, sources }));
    };
    let decoded = decode(&root, &mut diagnostics);
    let decoded = match decoded {
        Some(decoded) if !diagnostics.has_errors() => decoded,
        _ => return Err(Box::new(Rejected { diagnostics, sources })),
    };
    let hash = hash_of(std::iter::once(sources.get(id).text()).chain(sets.iter().map(|s| &**s)));
    let hash = manifests.iter().fold(hash, |hash, &id| absorb(hash, sources.get(id).text()));
    let mut tables = Tables::new(sources, folder);
    let scenario = resolve(&decoded, &mut tables, &mut diagnostics);
    let hash = tables.texts().fold(hash, absorb);
    let sources = tables.into_sources();
    match scenario {
        Some(scenario) if !diagnostics.has_errors() => {
            Ok(Scenario { hash, warnings: diagnostics, sources, ..scenario })
        }
        _ => Err(Box::new(Rejected { diagnostics, sources })),
    }
}

/// The sections of `root`, unless the schema is another.
fn decode<'n>(root: &'n Node, diagnostics: &mut Diagnostics) -> Option<Decoded<'n>> {
    if let Some(wrong) = schema_mistake(root) {
        diagnostics.push(wrong);
        return None;
    }
    let named = |name: &str| VersionProfile::ALL.iter().find(|known| known.as_str() == name);
    let profile = root.get("profile").and_then(Node::text).and_then(named);
    let profile = profile.copied().unwrap_or(VersionProfile::Aks).profile();
    let preset = root.get("frontDoor").and_then(|door| door.get("preset")).and_then(Node::text);
    let named = |name: &str| FrontDoorPreset::ALL.iter().find(|known| known.as_str() == name);
    let preset = preset.and_then(named).and_then(|preset| preset.profile());
    let mut decoder = Decoder::new(Some(profile));
    let spec = match preset {
        None => ScenarioSpec::decode(root, &mut decoder),
        // Another product has other defaults: its section is decoded by itself.
        Some(_) => ScenarioSpec::decode(&without(root, &["frontDoor"]), &mut decoder),
    };
    let (found, mut leaves) = decoder.finish();
    diagnostics.append(found);
    let mut spec = spec;
    if let (Some(preset), Some(door)) = (preset, root.get("frontDoor")) {
        let mut decoder = Decoder::at("frontDoor", Some(preset));
        let section = FrontDoorSpec::decode(door, &mut decoder);
        let (found, door_leaves) = decoder.finish();
        diagnostics.append(found);
        let is_door = |leaf: &Leaf| leaf.place.path.starts_with("frontDoor.");
        let at = leaves.iter().position(is_door).unwrap_or(leaves.len());
        leaves.retain(|leaf| !is_door(leaf));
        leaves.splice(at..at, door_leaves);
        if let Some(spec) = &mut spec {
            spec.front_door.value = section?;
        }
    }
    Some(Decoded { root, spec: spec?, profile, leaves })
}

/// A schema that this release does not read makes every other message worthless.
fn schema_mistake(root: &Node) -> Option<Diagnostic> {
    let schema = root.get("schema")?;
    let read = schema.text()?;
    if read == SCHEMA {
        return None;
    }
    let place = Place::new(schema.span, "schema");
    let wrong = Diagnostic::error(Code::SchemaVersion, place, format!("read `{read}`"));
    let newer = read.strip_prefix("tideover/v").is_some_and(|v| v.parse::<u32>().is_ok());
    Some(wrong.allowed(SCHEMA).help(if newer {
        "use a release of tideover that reads it"
    } else {
        "write `schema: tideover/v1`"
    }))
}

/// A mapping without some of its keys.
#[must_use]
pub fn without(node: &Node, keys: &[&str]) -> Node {
    let Kind::Mapping(entries) = &node.kind else { return node.clone() };
    let kept = |(key, _): &&(Key, Node)| !keys.contains(&key.text.as_str());
    let entries = entries.iter().filter(kept).cloned().collect();
    Node { span: node.span, kind: Kind::Mapping(entries) }
}

/// FNV-1a, 64 bits, over the texts, each followed by a zero byte.
fn hash_of<'t>(texts: impl Iterator<Item = &'t str>) -> u64 {
    texts.fold(0xcbf2_9ce4_8422_2325, absorb)
}

fn absorb(hash: u64, text: &str) -> u64 {
    let bytes = text.bytes().chain([0]);
    bytes.fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
