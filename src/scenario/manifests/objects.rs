//! From manifest files to Kubernetes objects: documents and lists are taken apart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::spec::{
    Code, Diagnostic, Diagnostics, Kind, Node, Place, SourceId, Sources, Style, parse_all,
};

/// One Kubernetes object of a manifest.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// `apiVersion`, e.g. `apps/v1`.
    pub api_version: String,
    /// `kind`, e.g. `Deployment`.
    pub kind: String,
    /// `metadata.name`; empty if it has none.
    pub name: String,
    /// The whole object.
    pub node: Node,
}

/// What does away with anchors, which tools write out.
const WRITTEN_OUT: &str =
    "write the file out first: `kubectl create --dry-run=client -o yaml -f FILE`";

impl Object {
    /// What messages call it: ``Deployment `web` ``.
    pub(super) fn called(&self) -> String {
        format!("{} `{}`", self.kind, self.name)
    }
}

/// The manifest files of a scenario, each read once.
#[derive(Debug)]
pub(super) struct Files<'s> {
    sources: &'s mut Sources,
    folder: PathBuf,
    /// Whether the scenario itself came through the standard input.
    stdin_is_taken: bool,
    read: BTreeMap<String, (Vec<Object>, Option<SourceId>)>,
}

impl<'s> Files<'s> {
    /// No files yet; their names are relative to `folder`.
    pub(super) fn new(sources: &'s mut Sources, folder: &Path, stdin_is_taken: bool) -> Self {
        Self { sources, folder: folder.to_owned(), stdin_is_taken, read: BTreeMap::new() }
    }

    /// The sources that were read, in the order of their names.
    pub(super) fn ids(&self) -> impl Iterator<Item = SourceId> + '_ {
        self.read.values().filter_map(|(_, id)| *id)
    }

    /// The objects of the file that `named` names at `place`; none after a report.
    pub(super) fn objects(
        &mut self,
        named: &str,
        place: &Place,
        diagnostics: &mut Diagnostics,
    ) -> &[Object] {
        if !self.read.contains_key(named) {
            let (objects, id) = self.open(named, place, diagnostics);
            self.read.insert(named.to_owned(), (objects, id));
        }
        &self.read[named].0
    }

    fn open(
        &mut self,
        named: &str,
        place: &Place,
        diagnostics: &mut Diagnostics,
    ) -> (Vec<Object>, Option<SourceId>) {
        if named == "-" && self.stdin_is_taken {
            let message = "the scenario itself is read from the standard input";
            let wrong = Diagnostic::error(Code::Contradiction, place.clone(), message);
            diagnostics.push(wrong.help("give one of the two as a file"));
            return (Vec::new(), None);
        }
        let is_here = named == "-" || self.folder == Path::new(".");
        let path = if is_here { PathBuf::from(named) } else { self.folder.join(named) };
        let mut found = Diagnostics::new();
        let id = self.sources.read(&path, &mut found);
        let documents = id.and_then(|id| parse_all(self.sources, id, &mut found));
        for wrong in found.sorted() {
            // What is wrong with the file is said where the scenario names it, too.
            let place = Place::new(wrong.place.span, &place.path);
            let wrong = Diagnostic { place, ..wrong.clone() };
            diagnostics.push(match wrong.code {
                Code::AliasNotAllowed | Code::MergeKey => wrong.help(WRITTEN_OUT),
                _ => wrong,
            });
        }
        let mut objects = Vec::new();
        for document in documents.into_iter().flatten() {
            take_apart(document, &place.path, &mut objects, diagnostics);
        }
        (objects, id)
    }
}

/// Adds the objects of a document: itself, or the items of a list.
fn take_apart(node: Node, path: &str, objects: &mut Vec<Object>, diagnostics: &mut Diagnostics) {
    let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default().to_owned();
    let (kind, api_version) = (text("kind"), text("apiVersion"));
    if kind.is_empty() || api_version.is_empty() {
        let message = "this is not a Kubernetes object: it has no `apiVersion` or no `kind`";
        let wrong = Diagnostic::error(Code::MissingKey, Place::new(node.span, path), message);
        diagnostics.push(wrong.allowed("manifests as `kubectl apply` takes them"));
        return;
    }
    if kind == "List" || kind.ends_with("List") && node.get("items").is_some() {
        let Some(Kind::Sequence(items)) = node.get("items").map(|items| &items.kind) else {
            return;
        };
        for item in items {
            // Items of a typed list leave their kind out.
            let item = with_kind(item, kind.strip_suffix("List").unwrap_or(&kind), &api_version);
            take_apart(item, path, objects, diagnostics);
        }
        return;
    }
    let metadata = node.get("metadata");
    let name = metadata.and_then(Node::name).unwrap_or_default().to_owned();
    objects.push(Object { api_version, kind, name, node });
}

fn with_kind(item: &Node, kind: &str, api_version: &str) -> Node {
    let mut item = item.clone();
    let span = item.span;
    if let Kind::Mapping(entries) = &mut item.kind {
        for (key, value) in [("kind", kind), ("apiVersion", api_version)] {
            if !value.is_empty() && entries.iter().all(|(known, _)| known.text != key) {
                let key = crate::spec::Key { span: span.head(), text: key.to_owned() };
                let text = value.to_owned();
                let kind = Kind::Scalar { text, style: Style::Quoted };
                entries.push((key, Node { span: span.head(), kind }));
            }
        }
    }
    item
}
