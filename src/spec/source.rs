//! The texts a scenario comes from, read safely.
//!
//! A path may lead to anything: a folder, a pipe that never ends, five gigabytes, a picture. The
//! kind and size of a file are checked before it is read, and only text comes out.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::span::{Place, Position, SourceId, SourceSpan};

/// One text with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    folder: PathBuf,
    line_starts: Vec<u32>,
}

impl Source {
    fn new(name: &str, folder: PathBuf, mut text: String) -> Self {
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        let line_starts = line_starts(&text);
        Self { name: name.to_owned(), text, folder, line_starts }
    }

    /// How messages call it: the path as it was typed, `<stdin>` or `--set`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without byte order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The folder that paths in this text are relative to: the file's own, or the current one.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The place of the character that starts at byte `at`.
    pub(super) fn position(&self, at: usize) -> Position {
        position_of(&self.text, at)
    }

    /// Line `number`, counted from 1, without its line end.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = (number as usize).checked_sub(1)?;
        let start = *self.line_starts.get(index)? as usize;
        let end = self.line_starts.get(index + 1).map_or(self.text.len(), |end| *end as usize);
        Some(self.text[start..end].trim_end_matches(['\n', '\r']))
    }
}

/// The bytes after each line end: LF, CR LF or CR, as in YAML 1.2 §5.4.
fn line_ends(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let ends = move |&at: &usize| {
        bytes[at] == b'\n' || (bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
    };
    (0..bytes.len()).filter(ends).map(|at| at + 1)
}

/// Where each line starts.
fn line_starts(text: &str) -> Vec<u32> {
    // Counted first: a list that grows would take twice the memory for a text of empty lines.
    let mut starts = Vec::with_capacity(1 + line_ends(text).count());
    starts.push(0);
    starts.extend(line_ends(text).map(|at| u32::try_from(at).expect("texts are below 4 GiB")));
    starts
}

/// All texts of one scenario; a span names its text by index.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
}

impl Sources {
    /// The longest text that is read: 4 MiB.
    pub const MAX_BYTES: u64 = 4 << 20;

    /// Adds a text under a name.
    pub fn add(&mut self, name: &str, text: &str) -> SourceId {
        self.insert(Source::new(name, PathBuf::from("."), text.to_owned()))
    }

    fn insert(&mut self, source: Source) -> SourceId {
        self.sources.push(source);
        SourceId::new(self.sources.len() - 1)
    }

    /// The text with this id.
    #[must_use]
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.index()]
    }

    /// Reads the file at `path`, or the standard input if that is `-`.
    ///
    /// Whatever is wrong with it is reported, and then `None` comes out.
    pub fn read(&mut self, path: &Path, diagnostics: &mut Diagnostics) -> Option<SourceId> {
        let read = if path == Path::new("-") { read_stdin() } else { read_file(path) };
        let name = if path == Path::new("-") { "<stdin>".into() } else { path.to_string_lossy() };
        self.accept(&name, folder_of(path), read, diagnostics)
    }

    /// Adds `bytes` as if they had been read from a file called `name`.
    pub fn add_bytes(
        &mut self,
        name: &str,
        bytes: &[u8],
        diagnostics: &mut Diagnostics,
    ) -> Option<SourceId> {
        self.accept(name, PathBuf::from("."), Ok(bytes.to_vec()), diagnostics)
    }

    fn accept(
        &mut self,
        name: &str,
        folder: PathBuf,
        read: Result<Vec<u8>, Unusable>,
        diagnostics: &mut Diagnostics,
    ) -> Option<SourceId> {
        let (text, unusable) = match read {
            Ok(bytes) => decoded(bytes),
            Err(unusable) => (String::new(), Some(unusable)),
        };
        let id = self.insert(Source::new(name, folder, text));
        let Some(unusable) = unusable else { return Some(id) };
        let (start, end) = (unusable.at, unusable.at);
        let place = Place::new(SourceSpan { source: id, start, end }, "");
        let mut diagnostic = Diagnostic::error(unusable.code, place, unusable.message)
            .allowed("a regular file with UTF-8 text of at most 4 MiB");
        diagnostic.help = unusable.help;
        diagnostics.push(diagnostic);
        None
    }
}

/// Why a file cannot be used.
#[derive(Debug)]
struct Unusable {
    code: Code,
    at: Position,
    message: String,
    help: Option<String>,
}

impl Unusable {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, at: Position::default(), message: message.into(), help: None }
    }

    fn help(self, help: &str) -> Self {
        Self { help: Some(help.to_owned()), ..self }
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn io_failed(error: &std::io::Error) -> Unusable {
    Unusable::new(Code::Unreadable, format!("cannot read the file: {error}"))
}

fn too_large(bytes: u64) -> Unusable {
    Unusable::new(Code::TooLarge, format!("the file has {bytes} bytes"))
        .help("put long series into CSV files and refer to them")
}

fn read_file(path: &Path) -> Result<Vec<u8>, Unusable> {
    // Asked before opening: opening a named pipe without a writer would wait for ever.
    let before = fs::metadata(path).map_err(|error| io_failed(&error))?;
    if before.is_dir() {
        let folder = Unusable::new(Code::Unreadable, "this is a folder, not a file");
        return Err(folder.help("name a scenario file inside it"));
    }
    if !before.is_file() {
        let special = Unusable::new(Code::Unreadable, "this is a pipe or device, not a file");
        return Err(special.help("to read from a pipe, write `-` for the file"));
    }
    if Sources::MAX_BYTES < before.len() {
        return Err(too_large(before.len()));
    }
    let file = File::open(path).map_err(|error| io_failed(&error))?;
    let bytes = read_limited(&file)?;
    let after = file.metadata().map_err(|error| io_failed(&error))?;
    let unchanged = before.len() == after.len() && before.modified().ok() == after.modified().ok();
    if !unchanged {
        let changed = Unusable::new(Code::Unreadable, "the file changed while it was read");
        return Err(changed.help("try again when it is written"));
    }
    Ok(bytes)
}

fn read_stdin() -> Result<Vec<u8>, Unusable> {
    read_limited(std::io::stdin().lock())
}

fn read_limited(from: impl Read) -> Result<Vec<u8>, Unusable> {
    let mut bytes = Vec::new();
    let mut limited = from.take(Sources::MAX_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(|error| io_failed(&error))?;
    let length = bytes.len() as u64;
    if Sources::MAX_BYTES < length { Err(too_large(length)) } else { Ok(bytes) }
}

/// The text of `bytes`, and what makes it unusable, if anything does.
fn decoded(bytes: Vec<u8>) -> (String, Option<Unusable>) {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let wide = Unusable::new(Code::NotUtf8, "the file is UTF-16");
        return (String::new(), Some(wide.help("save it as UTF-8")));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let byte = error.as_bytes()[valid];
            let mut broken =
                Unusable::new(Code::NotUtf8, format!("the byte 0x{byte:02x} is not UTF-8"))
                    .help("save the file as UTF-8");
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            broken.at = position_of(&text, valid);
            return (text, Some(broken));
        }
    };
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let found = text.char_indices().find(|&(_, c)| control(c));
    let unusable = found.map(|(at, c)| {
        let message = format!("the control character U+{:04X} is in the text", u32::from(c));
        let at = position_of(&text, at);
        Unusable { at, ..Unusable::new(Code::ControlCharacter, message).help("remove it") }
    });
    let nothing = || {
        let mut lines = text.trim_start_matches('\u{feff}').split(['\n', '\r']).map(str::trim);
        let empty = lines.all(|line| line.is_empty() || line.starts_with('#') || line == "---");
        empty.then(|| Unusable::new(Code::EmptyFile, "the file is empty or has only comments"))
    };
    let unusable = unusable.or_else(nothing);
    (text, unusable)
}

/// Line and column of the byte `at`.
fn position_of(text: &str, at: usize) -> Position {
    let (lines, start) =
        line_ends(&text[..at]).fold((1, 0), |(lines, _), start| (lines + 1, start));
    let before = text[start..at].trim_start_matches('\u{feff}');
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(lines), column: number(before.chars().count() + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Result<Source, Code> {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let id = sources.read(path, &mut diagnostics);
        match id {
            Some(id) => Ok(sources.get(id).clone()),
            None => Err(diagnostics.sorted()[0].code),
        }
    }

    /// Cases 1 to 5 by bytes: what is not a text is refused where it stops being one.
    #[test]
    fn only_text_comes_out() {
        let at = |line, column| Position { line, column };
        for (name, bytes, code, position) in [
            ("empty", &b""[..], Code::EmptyFile, at(1, 1)),
            ("only comments", b"# a\n\n  # b\n", Code::EmptyFile, at(1, 1)),
            ("only a byte order mark", b"\xef\xbb\xbf", Code::EmptyFile, at(1, 1)),
            ("not UTF-8", b"a: b\nname: \xff\xfe\n", Code::NotUtf8, at(2, 7)),
            ("UTF-16", b"\xff\xfea\0", Code::NotUtf8, at(1, 1)),
            ("NUL", b"name: a\0b\n", Code::ControlCharacter, at(1, 8)),
            ("escape code", b"a: 1\r\nb: \x1b[31m\r\n", Code::ControlCharacter, at(2, 4)),
        ] {
            let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
            assert_eq!(sources.add_bytes("f", bytes, &mut diagnostics), None, "{name}");
            let found = diagnostics.sorted()[0].clone();
            assert_eq!((found.code, found.place.span.start), (code, position), "{name}");
        }
    }

    /// Cases 9, 10, 12: the kind and the size are looked at before anything is read.
    #[test]
    fn odd_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        File::create(path("huge")).unwrap().set_len(5_000_000_000).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(path("loop"), path("loop")).unwrap();
        for (name, code) in [
            ("", Code::Unreadable),
            ("missing", Code::Unreadable),
            ("huge", Code::TooLarge),
            ("loop", Code::Unreadable),
        ] {
            assert_eq!(read(&path(name)), Err(code), "{name}");
        }
    }

    /// Case 11: a named pipe is refused, not waited for.
    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo is there");
        assert_eq!(read(&pipe), Err(Code::Unreadable));
    }

    /// A readable file keeps its folder, and its lines whatever their ends.
    #[test]
    fn lines_end_in_three_ways() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scenario.yaml");
        fs::write(&path, b"\xef\xbb\xbfone\r\ntwo\rthree\nfour").unwrap();
        let source = read(&path).unwrap();
        assert_eq!(source.folder(), folder.path());
        let lines: Vec<_> = (0..=5).map(|number| source.line(number)).collect();
        assert_eq!(lines, [None, Some("one"), Some("two"), Some("three"), Some("four"), None]);
        assert_eq!(folder_of(Path::new("a.yaml")), Path::new("."));
    }
}
