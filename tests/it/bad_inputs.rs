//! Every way to get a scenario wrong that we know of: refused with code, line and column, never a
//! panic, a hang or a memory blow-up.
//!
//! A defect is embedded in an otherwise valid scenario and loaded; bombs, special files and one
//! of each kind go through the binary as well, which must say the same and exit with 3. The
//! fragments in `tests/bad_inputs` are the raw defects, in YAML, JSON and TOML.
//!
//! | case | where |
//! |---|---|
//! | 1-8 text that is not one YAML document | `texts_that_are_not_yaml` |
//! | 9-13 files that are not files of text | `special_files` |
//! | 14 a file that changes while it is read | `a_file_that_changes` |
//! | 15-20 bombs | `bombs` |
//! | 21-24 hidden meaning | `fragments`, `hidden_meaning` |
//! | 25 a compressed trace | `a_compressed_trace` |
//! | 26-50 numbers | `fragments`, `numbers`, `quantities` |
//! | 51-57 sizes | `sizes`; 55: no verb runs several trials yet |
//! | 58-70 meaning | `meaning`; 62 and 67: neither dependencies nor subnets exist yet |
//! | 83-85 hostile names | `hostile_names` |

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use tideover::scenario::{Rejected, load};
use tideover::spec::Code;

use crate::cli::{said, small, tideover};

/// A valid scenario with at least one field of every kind.
fn base() -> String {
    let text = fs::read_to_string(small()).unwrap();
    let arrivals = "    arrivals: {constant: 300/s}\n";
    assert!(text.contains(arrivals));
    text.replace(arrivals, &format!("{arrivals}    overDispersion: [{{index: 2, window: 10s}}]\n"))
}

/// The base with `old`, which stands there once, replaced.
fn with(old: &str, new: &str) -> String {
    let base = base();
    assert_eq!(base.matches(old).count(), 1, "`{old}` must stand in the base once");
    base.replace(old, new)
}

/// Line and column of the first occurrence of `needle`, columns in characters.
fn place(text: &str, needle: &str) -> (u32, u32) {
    let at = text.find(needle).unwrap_or_else(|| panic!("`{needle}` is not in the text"));
    let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[..at].matches('\n').count() + 1;
    let column = text[line_start..at].chars().count() + 1;
    (u32::try_from(line).unwrap(), u32::try_from(column).unwrap())
}

/// Loads `bytes` as a file and gives the refusal.
fn refusal(case: &str, bytes: &[u8]) -> Box<Rejected> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.yaml");
    fs::write(&path, bytes).unwrap();
    match load(&path, &[]) {
        Err(rejected) => rejected,
        Ok(_) => panic!("{case}: accepted\n{}", String::from_utf8_lossy(bytes)),
    }
}

/// Asserts that a refusal has an error of this code at this place.
fn assert_refused(case: &str, rejected: &Rejected, code: Code, at: (u32, u32)) {
    let mismatch = mismatch(case, rejected, code, at);
    assert!(mismatch.is_none(), "{}", mismatch.unwrap_or_default());
}

/// What a refusal lacks: an error of this code at this place. Each of its errors must say what to
/// do and cannot harm a terminal.
fn mismatch(case: &str, rejected: &Rejected, code: Code, at: (u32, u32)) -> Option<String> {
    let shown = rejected.to_string();
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{case}: {shown:?}");
    let found = rejected.diagnostics.sorted();
    for diagnostic in &found {
        assert!(diagnostic.allowed.is_some() || diagnostic.help.is_some(), "{case}: {shown}");
    }
    let start = |diagnostic: &tideover::spec::Diagnostic| {
        let start = diagnostic.place.span.start;
        (diagnostic.code, (start.line, start.column))
    };
    let found: Vec<_> = found.into_iter().map(start).collect();
    let missing = !found.contains(&(code, at));
    missing.then(|| format!("{case}: expected {code} at {at:?}, found {found:?}"))
}

/// One defect: case, what to replace in the base, by what, the code, and where it must point.
type Row<'r> = (&'r str, &'r str, &'r str, Code, &'r str);

fn check(rows: &[Row<'_>]) {
    let mut mismatches = Vec::new();
    for (case, old, new, code, needle) in rows {
        let text = with(old, new);
        let rejected = refusal(case, text.as_bytes());
        let case = format!("{case}: {new}");
        mismatches.extend(mismatch(&case, &rejected, *code, place(&text, needle)));
    }
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}

/// The base without any defect is accepted, also with a byte order mark, with CR LF line ends, or
/// with both: the fragments bom.yaml and crlf.yaml are no defects.
#[test]
fn the_base_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let base = base();
    let crlf = base.replace('\n', "\r\n");
    for (name, text) in [
        ("plain", base.clone()),
        ("bom", format!("\u{feff}{base}")),
        ("crlf", crlf.clone()),
        ("both", format!("\u{feff}{crlf}")),
    ] {
        let path = folder.path().join(format!("{name}.yaml"));
        fs::write(&path, text).unwrap();
        if let Err(rejected) = load(&path, &[]) {
            panic!("{name}: {rejected}");
        }
    }
}

/// Where a fragment goes.
#[derive(Clone, Copy, Debug)]
enum Home {
    /// Its keys become those of the workload.
    Workload,
    /// Its value becomes a decimal number of a demand.
    Number,
}

/// A fragment of `tests/bad_inputs` embedded in the base; JSON and TOML keep their spelling of
/// the value.
fn embedded(name: &str, home: Home) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_inputs");
    let mut fragment = fs::read(folder.join(name)).unwrap();
    if name.ends_with(".json") {
        // JSON is YAML: only its braces go, since the workload is no flow mapping.
        fragment = fragment[1..fragment.len() - 1].to_vec();
        fragment =
            String::from_utf8(fragment).unwrap().replace(',', "\n").replace(':', ": ").into();
    }
    if name.ends_with(".toml") {
        fragment =
            String::from_utf8(fragment).unwrap().replace(" =", "=").replace('=', ": ").into();
    }
    let base = base();
    let home_line = match home {
        Home::Workload => "  - name: web\n",
        Home::Number => "index: 2",
    };
    let (before, after) = base.split_once(home_line).unwrap();
    let mut text = before.as_bytes().to_vec();
    match home {
        Home::Workload => {
            let names_it = fragment.starts_with(b"name:");
            let lines = fragment.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
            for (index, line) in lines.enumerate() {
                // A document marker stands at the start of its line, or it is none.
                let indent: &[u8] = match (index, line) {
                    (_, b"---") => b"",
                    (0, _) => b"  - ",
                    _ => b"    ",
                };
                text.extend([indent, line, b"\n"].concat());
            }
            text.extend(if names_it { &b""[..] } else { b"    name: web\n" });
        }
        Home::Number => {
            let at = fragment.iter().position(|&byte| byte == b':').unwrap();
            let value = fragment[at + 1..].trim_ascii();
            text.extend([b"index: ", value].concat());
        }
    }
    text.extend(after.as_bytes());
    text
}

/// Every fragment in `tests/bad_inputs`, embedded. A column counts from the value.
#[test]
fn fragments() {
    use Home::{Number, Workload};
    let table = [
        ("bad8.yaml", Workload, Code::NotUtf8, "\u{fffd}"),
        ("big.yaml", Workload, Code::OutOfRange, "99999999999999999999"),
        ("bomb.yaml", Workload, Code::AliasNotAllowed, "&b"),
        ("cyc.yaml", Workload, Code::AliasNotAllowed, "*a]"),
        ("dup.json", Workload, Code::DuplicateKey, "\"replicas\": 2"),
        ("dup.toml", Workload, Code::DuplicateKey, "replicas: 2"),
        ("dup.yaml", Workload, Code::DuplicateKey, "replicas: 2"),
        ("e400.json", Number, Code::NotFinite, "1e400"),
        ("e400.toml", Number, Code::NotFinite, "1e400"),
        ("e400.yaml", Number, Code::NotFinite, "1e400"),
        ("fl.json", Workload, Code::NotANumber, "3.0"),
        ("fl.toml", Workload, Code::NotANumber, "3.0"),
        ("fl.yaml", Workload, Code::NotANumber, "3.0"),
        ("inf.toml", Number, Code::NotFinite, "inf, "),
        ("inf.yaml", Number, Code::NotFinite, ".inf, "),
        ("merge.yaml", Workload, Code::MergeKey, "<<"),
        ("multi.yaml", Workload, Code::SeveralDocuments, "---"),
        ("nan.json", Number, Code::NotFinite, "NaN"),
        ("nan.toml", Number, Code::NotFinite, "nan, "),
        ("nan.yaml", Number, Code::NotFinite, ".nan, "),
        ("neg.yaml", Workload, Code::OutOfRange, "-1"),
        ("norway.yaml", Workload, Code::AmbiguousScalar, "no\n"),
        ("nul.yaml", Workload, Code::ControlCharacter, "\0"),
        ("oct.yaml", Workload, Code::AmbiguousScalar, "010"),
        ("sexa.yaml", Number, Code::NotANumber, "1:30"),
        ("tab.yaml", Workload, Code::YamlSyntax, "- 1\n"),
        ("tagpy.yaml", Workload, Code::TagNotAllowed, "!!python"),
        ("undef.yaml", Workload, Code::AliasNotAllowed, "*zz"),
        ("under.toml", Workload, Code::NotANumber, "1_000"),
        ("under.yaml", Workload, Code::NotANumber, "1_000"),
        ("unk.yaml", Workload, Code::UnknownKey, "replicsa"),
    ];
    for (name, home, code, needle) in table {
        let bytes = embedded(name, home);
        let text = String::from_utf8_lossy(&bytes);
        assert_refused(name, &refusal(name, &bytes), code, place(&text, needle));
    }
    // The other three are the whole file: empty, and no defects.
    let whole = ["empty.yaml", "bom.yaml", "crlf.yaml"];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_inputs");
    let n_files = fs::read_dir(folder).unwrap().count();
    assert_eq!(n_files, table.len() + whole.len(), "a fragment without a row");
}

/// Cases 1 to 8: what is not one YAML document of UTF-8 text.
#[test]
fn texts_that_are_not_yaml() {
    let base = base();
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(base.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let cut = &base[..base.find("minCount").unwrap()];
    let end = |text: &str| {
        let lines = text.matches('\n').count();
        let column = text[text.rfind('\n').unwrap() + 1..].chars().count() + 1;
        (u32::try_from(lines + 1).unwrap(), u32::try_from(column).unwrap())
    };
    let latin1: Vec<u8> = base.replace("users", "f\u{f6}x").chars().map(|c| c as u8).collect();
    for (case, bytes, code, at) in [
        ("1 empty", Vec::new(), Code::EmptyFile, (1, 1)),
        ("2 only comments", b"# a\n\n# b\n".to_vec(), Code::EmptyFile, (1, 1)),
        ("2 only a marker", b"---\n".to_vec(), Code::EmptyFile, (1, 1)),
        ("3 Latin-1", latin1, Code::NotUtf8, place(&base.replace("users", "f\u{f6}x"), "\u{f6}")),
        ("4 UTF-16", utf16, Code::NotUtf8, (1, 1)),
        ("8 cut off", cut.as_bytes().to_vec(), Code::YamlSyntax, end(cut)),
        ("a list", b"- 1\n".to_vec(), Code::WrongType, (1, 1)),
        ("a word", b"hello\n".to_vec(), Code::WrongType, (1, 1)),
    ] {
        assert_refused(case, &refusal(case, &bytes), code, at);
    }
    check(&[
        ("5 NUL", "name: small", "name: sm\0all", Code::ControlCharacter, "\0"),
        ("5 escape code", "name: small", "name: \u{1b}[2J", Code::ControlCharacter, "\u{1b}"),
        ("6 tab", "\n  seed: 7", "\n\tseed: 7", Code::YamlSyntax, "5m\n\tseed"),
        ("7 two documents", "\nregions:", "\n---\nregions:", Code::SeveralDocuments, "---"),
    ]);
}

/// Cases 21 to 24 in other spellings than the fragments have.
#[test]
fn hidden_meaning() {
    check(&[
        ("21 anchor", "{cpu: 500m,", "&a {cpu: 500m,", Code::AliasNotAllowed, "&a"),
        ("23 merge list", "minReplicas: 2", "<<: [], minReplicas: 2", Code::MergeKey, "<<"),
        ("24 typed word", "name: small", "name: !!str small", Code::TagNotAllowed, "!!str"),
        ("24 own tag", "seed: 7", "seed: !x 7", Code::TagNotAllowed, "!x"),
        ("24 binary", "seed: 7", "seed: !!binary Nw==", Code::TagNotAllowed, "!!binary"),
    ]);
}

/// Cases 26 to 35, 38, 39: one way to write a number, and only finite ones.
#[test]
fn numbers() {
    for (value, code) in [
        ("-1", Code::OutOfRange),
        ("3.0", Code::NotANumber),
        ("100000000000000000000", Code::OutOfRange),
        ("9223372036854775808", Code::OutOfRange),
        ("18446744073709551615", Code::OutOfRange),
        ("4294967296", Code::OutOfRange),
        ("010", Code::AmbiguousScalar),
        ("0x10", Code::AmbiguousScalar),
        ("1_000", Code::NotANumber),
        ("1e3", Code::NotANumber),
        (".inf", Code::NotFinite),
        ("\"3\"", Code::WrongType),
        ("many", Code::NotANumber),
        ("~", Code::WrongType),
        ("[3]", Code::WrongType),
    ] {
        let new = format!("maxReplicas: {value}}}");
        check(&[("a count", "maxReplicas: 20}", &new, code, &new[13..])]);
    }
    check(&[("39 comma", "maxReplicas: 20}", "maxReplicas: 1,5}", Code::UnknownKey, "5}\nfront")]);
    for (value, code) in [
        (".nan", Code::NotFinite),
        ("-.inf", Code::NotFinite),
        ("1e-320", Code::NotFinite),
        ("-0.0", Code::OutOfRange),
        ("-2", Code::OutOfRange),
        ("0x1p3", Code::AmbiguousScalar),
        ("2.5.1", Code::NotANumber),
    ] {
        let new = format!("index: {value},");
        check(&[("a number", "index: 2,", &new, code, &new[7..])]);
    }
}

/// Cases 31, 36 to 50: quantities with their units and bounds.
#[test]
fn quantities() {
    const RATE: &str = "{constant: 300/s}";
    const MIN: &str = "minReplicas: 2,";
    const OBJECTIVE: &str = "  seed: 7\n";
    const DOOR: &str = "frontDoor:\n";
    check(&[
        ("31 negative rate", RATE, "{constant: -5/s}", Code::BadUnit, "-5/s"),
        ("31 no unit", RATE, "{constant: 300}", Code::BadUnit, "300}"),
        ("32 negative", MIN, "minReplicas: -2,", Code::OutOfRange, "-2,"),
        ("37 hexadecimal", "cpu: 500m", "cpu: 0x10", Code::BadUnit, "0x10"),
        ("38 underscore", "512Mi", "5_12Mi", Code::BadUnit, "5_12Mi"),
        ("41 no unit", "horizon: 10m", "horizon: 600", Code::BadUnit, "600"),
        ("41 nothing", "horizon: 10m", "horizon: 0s", Code::OutOfRange, "0s"),
        ("41 negative", "horizon: 10m", "horizon: -10m", Code::OutOfRange, "-10m"),
        ("41 eternal", "horizon: 10m", "horizon: 365000000000d", Code::BadUnit, "365000000000d"),
        ("41 sexagesimal", "horizon: 10m", "horizon: 1:30", Code::BadUnit, "1:30"),
        ("44 weight", "priority: 1}", "weight: 0}", Code::OutOfRange, "0}\n    - {cluster: s"),
        ("44 weight", "priority: 1}", "weight: 1001}", Code::OutOfRange, "1001}"),
        ("44 priority", "priority: 1}", "priority: 0}", Code::OutOfRange, "0}\n    - {cluster: s"),
        ("44 priority", "priority: 1}", "priority: 6}", Code::OutOfRange, "6}\n    - {cluster: s"),
        ("45 min above max", MIN, "minReplicas: 30,", Code::Contradiction, "30,"),
        ("45 of a pool", "minCount: 2,", "minCount: 7,", Code::Contradiction, "7, maxCount"),
        ("50 no zone", "- name: west", "- {name: west, zones: 0}", Code::OutOfRange, "0}\ncl"),
    ]);
    for (share, code) in [
        ("150%", Code::OutOfRange),
        ("0.5", Code::BadUnit),
        ("100.00001%", Code::OutOfRange),
        ("0%", Code::OutOfRange),
        ("-1%", Code::OutOfRange),
    ] {
        let new = format!("  seed: 7\n  objective: {share}\n");
        check(&[("40, 42 share", OBJECTIVE, &new, code, &format!("{share}\n"))]);
    }
    for (target, code) in [("0%", Code::OutOfRange), ("80", Code::BadUnit)] {
        let new = format!("minReplicas: 2, targetCPUUtilization: {target},");
        check(&[("46 target", MIN, &new, code, &format!("{target}, max"))]);
    }
    let (retries, none) = ("    retries: {attempts: 3}\n", "    attemptTimeout: 0s\n");
    let new = format!("{retries}{none}");
    check(&[
        ("47 no time for an attempt", retries, &new, Code::OutOfRange, "0s\n"),
        ("43 no share at all", "{users: 100%}", "{users: 0%}", Code::Contradiction, "{users: 0%}"),
        ("43 shares", "{users: 100%}", "{users: 90%}", Code::Contradiction, "{users: 90%}"),
    ]);
    for interval in ["0s", "4s", "366d"] {
        let new = format!("{DOOR}  probe: {{interval: {interval}}}\n");
        check(&[("48 interval", DOOR, &new, Code::OutOfRange, &format!("{interval}}}"))]);
    }
    let new = format!("{DOOR}  probe: {{sampleSize: 4, successfulSamples: 5}}\n");
    check(&[("49 samples", DOOR, &new, Code::Contradiction, "5}\n  origins")]);
}

/// Cases 51 to 57: a run that nobody can afford is refused before it starts.
#[test]
fn sizes() {
    const RATE: &str = "{constant: 300/s}";
    let regions: String = (0..70).map(|n| format!("  - name: r{n}\n")).collect();
    let regions = format!("regions:\n{regions}");
    check(&[
        ("51 pods", "maxReplicas: 20", "maxReplicas: 1000000000", Code::OutOfRange, "1000000000"),
        ("52 regions", "regions:\n", &regions, Code::OutOfRange, "- name: r0\n"),
        ("53 requests", RATE, "{constant: 1000000000000/s}", Code::OutOfRange, "1000000000000/s"),
        ("54 seconds", "horizon: 10m", "horizon: 1000000000s", Code::OutOfRange, "1000000000s"),
        ("57 requests in all", "horizon: 10m", "horizon: 366d", Code::TooCostly, "366d"),
    ]);
    // Each value is allowed by itself, but an hour of the greatest rate is not.
    let text = with(RATE, "{constant: 10000000/s}").replace("horizon: 10m", "horizon: 300d");
    let rejected = refusal("53 requests in all", text.as_bytes());
    assert_refused("53 requests in all", &rejected, Code::TooCostly, place(&text, "- workload"));
    let million: String = (0..1_000_000).map(|n| format!("  - name: r{n}\n")).collect();
    let text = with("regions:\n", &format!("regions:\n{million}"));
    assert_refused("52 a million", &refusal("52", text.as_bytes()), Code::TooLarge, (1, 1));
}

/// Cases 58 to 70: well-formed, but it cannot be meant.
#[test]
fn meaning() {
    const FAULT: &str = "regionLoss: {region: east}";
    const WORKLOAD: &str = "    readinessProbe: {periodSeconds: 5}\n";
    const SIZE: &str = "{name: user, vmSize: Standard_D4s_v5, minCount: 2";
    let dependencies = format!("{WORKLOAD}    dependsOn: [web]\n");
    let subnet = "regions:\n  - name: east\n    subnet: 10.0.0.0/30\n";
    check(&[
        ("58 key", "maxReplicas", "maxReplica", Code::UnknownKey, "maxReplica:"),
        ("58 key at the top", "workloads:", "workload:", Code::UnknownKey, "workload:"),
        ("58 missing", "  seed: 7\n", "", Code::MissingKey, "horizon"),
        ("59 duplicate", "  seed: 7\n", "  seed: 7\n  seed: 8\n", Code::DuplicateKey, "seed: 8"),
        ("60 name twice", "- name: west", "- name: east", Code::DuplicateName, "east\nclusters"),
        ("60 letter case", "- name: west", "- name: East", Code::BadName, "East"),
        ("60 a ligature", "- name: west", "- name: \u{fb01}", Code::BadName, "\u{fb01}"),
        ("61 region", FAULT, "regionLoss: {region: eats}", Code::UnknownReference, "eats}"),
        ("61 cluster", "{cluster: primary", "{cluster: primry", Code::UnknownReference, "primry"),
        ("61 workload", "workload: web", "workload: wbe", Code::UnknownReference, "wbe"),
        ("61 place", "{users: 100%}", "{user: 100%}", Code::UnknownReference, "user: 100%"),
        (
            "61 VM size",
            SIZE,
            &SIZE.replace("D4s", "D5s"),
            Code::UnknownReference,
            "Standard_D5s_v5",
        ),
        ("62 circle", WORKLOAD, &dependencies, Code::UnknownKey, "dependsOn"),
        ("63 fault after the end", "at: 2m", "at: 20m", Code::Contradiction, "20m\n"),
        ("63 no time to recover", "at: 2m", "at: 590s", Code::Contradiction, "590s"),
        ("63 no fault", FAULT, "target: east", Code::UnknownKey, "target"),
        ("65 large pod", "cpu: 500m", "cpu: 5", Code::Contradiction, "{cpu: 5, mem"),
        ("67 subnet", "regions:\n  - name: east\n", subnet, Code::UnknownKey, "subnet"),
        ("68 a name", "- name: west", "- name: no", Code::AmbiguousScalar, "no\n"),
        ("68 a switch", "priority: 1}", "enabled: yes}", Code::AmbiguousScalar, "yes}"),
        ("68 a switch", "priority: 1}", "enabled: on}", Code::AmbiguousScalar, "on}"),
        ("69 version", "tideover/v1", "tideover/v2", Code::SchemaVersion, "tideover/v2"),
        ("69 another", "tideover/v1", "v1", Code::SchemaVersion, "v1\nname"),
        ("69 missing", "schema: tideover/v1\n", "", Code::MissingKey, "name: small"),
        ("70 missing", "  seed: 7\n", "", Code::MissingKey, "horizon"),
        ("70 negative", "seed: 7", "seed: -7", Code::OutOfRange, "-7"),
        ("70 a word", "seed: 7", "seed: lucky", Code::NotANumber, "lucky"),
        ("70 a text", "seed: 7", "seed: \"7\"", Code::WrongType, "\"7\""),
    ]);
    // 66: no way in is enabled.
    let text = base().replace("priority: 1}", "enabled: false}");
    let text = text.replace("priority: 2}", "enabled: false}");
    let rejected = refusal("66", text.as_bytes());
    assert_refused("66", &rejected, Code::Contradiction, place(&text, "- {cluster: primary"));
}

/// Case 64: faults of one target may overlap; the target heals when the last of them ends, and
/// `--explain` says so.
#[test]
fn overlapping_faults_are_defined() {
    let twin = "  - {name: again, at: 3m, duration: 4m, regionLoss: {region: east}}\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.yaml");
    fs::write(&path, base() + twin).unwrap();
    let scenario = load(&path, &[]).unwrap_or_else(|rejected| panic!("{rejected}"));
    let said = scenario.explained().iter().find(|leaf| leaf.place.path.ends_with(".overlap"));
    assert_eq!(said.unwrap().shown, "overlaps `lose-east`");
}

/// Cases 83 to 85: names that would mean something to a spreadsheet, a browser, a file system or
/// a terminal. Each is refused with the code for it, and shown without harm.
#[test]
fn hostile_names() {
    let long = "a".repeat(300);
    for name in [
        "=cmd()",
        "+1x",
        "-1x",
        "@x",
        "a\\tb",
        "a\\rb",
        "<script>",
        "]]>",
        "a&b",
        "a'b",
        "a|b",
        "a`b",
        "../x",
        "/etc/x",
        "CON",
        "con",
        "aux.csv",
        &long,
        "x.",
        "a\\u202eb",
        "\\e[31m",
        "\\0",
        "caf\u{e9}",
        "",
    ] {
        for (old, prefix) in [("name: small", ""), ("- name: west", "- "), ("- name: web", "- ")] {
            let new = format!("{prefix}name: \"{name}\"");
            check(&[("83-85", old, &new, Code::BadName, &format!("\"{name}\""))]);
        }
    }
}

/// Runs `tideover check` with 256 MB of address space and 20 s of processor time; beyond either
/// it would be killed, which is no exit code.
fn check_confined(path: &Path) -> crate::cli::Said {
    let script = "ulimit -v 262144; ulimit -t 20; exec \"$0\" check \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_tideover")]).arg(path);
    said(&mut command)
}

/// Asserts that the binary refuses the file at `path` as `code`, confined.
fn assert_binary_refuses(case: &str, path: &Path, code: Code) {
    let check = check_confined(path);
    assert_eq!(check.code, Some(3), "{case}: {}", check.talk);
    assert!(check.talk.contains(&format!("error[{code}]")), "{case}: {}", check.talk);
    assert!(!check.talk.contains("panicked"), "{case}: {}", check.talk);
    assert!(check.talk.len() < 100_000, "{case}: {} bytes of messages", check.talk.len());
}

/// Cases 15 to 20: small texts that mean a lot. Within 256 MB.
#[test]
fn bombs() {
    let head = base();
    let aliases = vec!["*a"; 40_000].join(",");
    let with_name = |value: String| head.replace("name: small", &format!("name: {value}"));
    let folder = tempfile::tempdir().unwrap();
    let bomb = String::from_utf8(embedded("bomb.yaml", Home::Workload)).unwrap();
    let table = [
        ("15 aliases", bomb, Code::AliasNotAllowed),
        (
            "16 quadratic",
            format!("{head}a: &a [{}]\nb: [{aliases}]\n", "x,".repeat(40_000)),
            Code::AliasNotAllowed,
        ),
        ("17 brackets", format!("{head}list: {}", "[".repeat(100_000)), Code::TooDeep),
        ("18 maps", format!("{head}list: {}", "{a: ".repeat(3_000)), Code::TooDeep),
        ("18 dashes", format!("{head}list:\n  {}1\n", "- ".repeat(3_000)), Code::TooDeep),
        ("19 a long string", with_name("x".repeat(50 << 20)), Code::TooLarge),
        ("19 still read", with_name("x".repeat(3 << 20)), Code::TooLarge),
        ("20 items", format!("{head}list:\n{}", "- 1\n".repeat(1_000_000)), Code::TooLarge),
        (
            "20 items in a row",
            format!("{head}list: [{}]\n", "1,".repeat(1_000_000)),
            Code::TooLarge,
        ),
        (
            "20 unknown keys",
            (0..100_000).fold(head.clone(), |text, n| text + &format!("k{n}: 1\n")),
            Code::UnknownKey,
        ),
        ("20 empty lines", format!("{}{head}x: [", "\n".repeat(4_100_000)), Code::YamlSyntax),
    ];
    for (case, text, code) in table {
        let path = folder.path().join("bomb.yaml");
        fs::write(&path, text).unwrap();
        let rejected = load(&path, &[]).expect_err(case);
        assert!(rejected.diagnostics.sorted().iter().any(|d| d.code == code), "{case}");
        assert_binary_refuses(case, &path, code);
    }
}

/// Cases 9 to 13: what is no file of text. Nothing waits for a pipe that has no writer.
#[cfg(unix)]
#[test]
fn special_files() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    File::create(at("large")).unwrap().set_len(5 << 30).unwrap();
    fs::create_dir(at("folder")).unwrap();
    let made = Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    assert!(made.success());
    symlink(at("round"), at("about")).unwrap();
    symlink(at("about"), at("round")).unwrap();
    symlink(at("gone"), at("dangling")).unwrap();
    fs::write(at("secret"), base()).unwrap();
    fs::set_permissions(at("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    for (case, name, code, words) in [
        ("9 five gigabytes", "large", Code::TooLarge, "5368709120 bytes"),
        ("10 a folder", "folder", Code::Unreadable, "this is a folder, not a file"),
        ("11 a pipe", "pipe", Code::Unreadable, "this is a pipe or device, not a file"),
        ("12 links in a circle", "round", Code::Unreadable, "ymbolic link"),
        (
            "a dangling link",
            "dangling",
            Code::Unreadable,
            "is a link to a file that does not exist",
        ),
        ("13 no right", "secret", Code::Unreadable, "ermission denied"),
        ("missing", "nothing", Code::Unreadable, "there is no file"),
    ] {
        if name == "secret" && File::open(at(name)).is_ok() {
            println!("skipped: this user may read every file");
            continue;
        }
        assert_binary_refuses(case, &at(name), code);
        let check = check_confined(&at(name));
        assert!(check.talk.contains(words), "{case}: {}", check.talk);
        assert!(check.talk.contains(name), "{case}: {}", check.talk);
    }
    for device in ["/dev/zero", "/dev/null", "/proc/self/mem"] {
        if Path::new(device).exists() {
            assert_binary_refuses(device, Path::new(device), Code::Unreadable);
        }
    }
}

/// Case 14: a file that somebody else writes while it is read is no scenario. The writer never
/// rests, so a read of 3 MB meets it sooner or later; until then the length it left is read.
#[test]
fn a_file_that_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.yaml");
    fs::write(&path, "# still being written\n".repeat(150_000)).unwrap();
    let written = AtomicBool::new(true);
    let was_seen = std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = File::options().write(true).open(&path).unwrap();
            while written.load(Ordering::Relaxed) {
                file.set_len(2_200_000).unwrap();
                file.set_len(3_300_000).unwrap();
            }
        });
        let was_seen = (0..100_000).any(|_| {
            let rejected = load(&path, &[]).expect_err("it holds nothing");
            rejected.to_string().contains("the file changed while it was read")
        });
        written.store(false, Ordering::Relaxed);
        was_seen
    });
    assert!(was_seen);
}

/// Case 25: a compressed trace is no CSV text, however much it would grow to.
#[test]
fn a_compressed_trace() {
    let trace = "{trace: {csv: t.csv, time: at, count: requests, step: 1m, afterEnd: hold}}";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.yaml");
    fs::write(&path, with("{constant: 300/s}", trace)).unwrap();
    let mut csv = File::create(folder.path().join("t.csv")).unwrap();
    csv.write_all(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xed\xc1\x01\x0d").unwrap();
    let rejected = load(&path, &[]).expect_err("no table");
    let found = rejected.diagnostics.sorted();
    assert_eq!(found.len(), 1, "{rejected}");
    assert!([Code::NotUtf8, Code::BadTable].contains(&found[0].code), "{rejected}");
    assert!(rejected.to_string().contains("t.csv"), "{rejected}");
    assert_binary_refuses("25", &path, found[0].code);
}

/// One defect of each stage through the binary: reading, syntax, `--set`, decoding, checking. All
/// mistakes of a stage come at once, each with its place.
#[test]
fn the_binary_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.yaml");
    let text = with("maxReplicas: 20", "maxReplica: 20").replace("seed: 7", "seed: -7");
    let text = text.replace("horizon: 10m", "horizon: 10");
    fs::write(&path, &text).unwrap();
    let check = said(tideover().arg("check").arg("scenario.yaml").current_dir(folder.path()));
    assert_eq!((check.code, check.out.as_str()), (Some(3), ""));
    for (code, needle) in [
        ("error[bad-unit]", "10\n"),
        ("error[out-of-range]", "-7"),
        ("error[unknown-key]", "maxReplica:"),
        ("error[missing-key]", "{minReplicas"),
    ] {
        let (line, column) = place(&text, needle);
        let place = format!(" --> scenario.yaml:{line}:{column}, at ");
        assert!(check.talk.contains(code), "{code}: {}", check.talk);
        assert!(check.talk.contains(&place), "{place}: {}", check.talk);
    }
    assert!(check.talk.ends_with("4 errors\n"), "{}", check.talk);
    let run = said(tideover().arg("run").arg("scenario.yaml").current_dir(folder.path()));
    assert_eq!((run.code, run.out, run.talk), (Some(3), String::new(), check.talk));
    assert!(!folder.path().join("results").exists(), "nothing is made for a wrong scenario");
}
