//! How the verbs read a scenario: all diagnostics on the standard error at once.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::spec::{
    Code, Diagnostic, Diagnostics, Place, SourceSpan, Sources, escaped, nearest, render,
};

use crate::scenario::{Rejected, Scenario, load};

use super::command_line::ScenarioArguments;
use super::exit::{Exit, Failure};
use super::talk::say;

/// The scenario that the user named, or the reasons why there is none.
pub(super) fn read(arguments: &ScenarioArguments) -> Result<Scenario, Box<Rejected>> {
    match missing(&arguments.scenario) {
        Some(rejected) => Err(Box::new(rejected)),
        None if arguments.strict => load(&arguments.scenario, &arguments.sets)?.strictly(),
        None => load(&arguments.scenario, &arguments.sets),
    }
}

/// The scenario that the user named; whatever is wrong with it is said.
pub(super) fn read_or_say(
    arguments: &ScenarioArguments,
    with_warnings: bool,
) -> Result<Scenario, Failure> {
    let scenario = read(arguments).map_err(|rejected| {
        say(&rejected.to_string());
        Failure::told(Exit::InvalidInput)
    })?;
    if with_warnings {
        say(&render(scenario.warnings(), scenario.sources()));
    }
    Ok(scenario)
}

/// How words call the scenario file.
pub(super) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "<stdin>".to_owned() } else { escaped(&path.to_string_lossy()) }
}

/// A diagnostic for a path at which nothing is, with the name that may have been meant.
fn missing(path: &Path) -> Option<Rejected> {
    let found = fs::metadata(path);
    if path == Path::new("-") || !found.is_err_and(|e| e.kind() == ErrorKind::NotFound) {
        return None;
    }
    let shown = path.display();
    let (message, help) = if path.is_symlink() {
        (format!("`{shown}` is a link to a file that does not exist"), None)
    } else {
        let folder = folder_of(path);
        if folder.is_dir() {
            (format!("there is no file `{shown}`"), meant(path, folder))
        } else {
            (format!("there is no folder `{}`", folder.display()), None)
        }
    };
    let mut sources = Sources::default();
    let source = sources.add(&path.to_string_lossy(), "");
    let place = Place::new(SourceSpan { source, ..SourceSpan::default() }, "");
    let diagnostic = Diagnostic::error(Code::Unreadable, place, message);
    let mut diagnostics = Diagnostics::new();
    diagnostics.push(Diagnostic { help, ..diagnostic });
    Some(Rejected { diagnostics, sources })
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// What the user may have meant, or else which scenarios there are.
fn meant(path: &Path, folder: &Path) -> Option<String> {
    const LISTED: usize = 10;
    let wanted = path.file_name()?.to_string_lossy().into_owned();
    let entries = fs::read_dir(folder).ok()?.flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name.ends_with(".yaml") || name.ends_with(".yml"));
    names.sort();
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let same = names.iter().find(|name| stem(name) == wanted || stem(name) == stem(&wanted));
    let near = same.map(String::as_str).or_else(|| nearest(&wanted, names.iter().map(|n| &**n)));
    if let Some(near) = near {
        let near = path.with_file_name(near);
        return Some(format!("did you mean `{}`?", escaped(&near.to_string_lossy())));
    }
    let shown = folder.display();
    Some(match names.len() {
        0 => format!("there is no scenario (*.yaml) in `{shown}`"),
        n if n <= LISTED => format!("the scenarios in `{shown}` are {}", names.join(", ")),
        n => format!("there are {n} scenarios in `{shown}`"),
    })
}
