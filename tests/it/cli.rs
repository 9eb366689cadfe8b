//! The command line as its users meet it: the binary, its exit codes, words and files.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::output::SmallDisk;

/// The binary under test.
pub(crate) fn tideover() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tideover"));
    command.stdin(Stdio::null());
    command
}

/// A small scenario that loses a region.
pub(crate) fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.yaml")
}

/// What a finished command said and with which code it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) talk: String,
}

/// Runs a command to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("tideover writes UTF-8");
    Said { code: status.code(), out: text(stdout), talk: text(stderr) }
}

/// The files of a folder with their content, by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_iter().map(|(name, _)| name).collect()
}

/// A run prints the table on the standard output and says on the standard error where the files
/// are; without a terminal no progress bar appears. JSON instead of the table is the same bytes
/// as `summary.json`.
#[test]
fn run_prints_a_table_and_writes_a_folder() {
    let root = tempfile::tempdir().unwrap();
    let run = said(tideover().arg("run").arg(small()).current_dir(root.path()));
    assert_eq!((run.code, run.talk.as_str()), (Some(0), "results in results/small/\n"));
    for words in ["Fault lose-east", "users served again", "Least headroom"] {
        assert!(run.out.contains(words), "{words} is missing in\n{}", run.out);
    }
    let folder = root.path().join("results/small");
    let plots = ["capacity", "headroom", "latency", "requests"];
    let mut expected: Vec<String> =
        plots.iter().flat_map(|plot| [format!("{plot}.png"), format!("{plot}.svg")]).collect();
    let data = [
        "capacity_plan.csv",
        "events.csv",
        "manifest.json",
        "premises.json",
        "report.md",
        "summary.json",
        "timeline.csv",
        "users.csv",
    ];
    expected.extend(data.map(str::to_owned));
    expected.sort();
    assert_eq!(names(&folder), expected);

    let json = said(
        tideover()
            .arg("run")
            .arg(small())
            .args(["--json", "--quiet", "--no-plots", "--out", "again"])
            .current_dir(root.path()),
    );
    assert_eq!((json.code, json.talk.as_str()), (Some(0), ""));
    let summary = fs::read_to_string(folder.join("summary.json")).unwrap();
    assert_eq!(json.out, summary);
    assert_eq!(names(&root.path().join("again")), data);
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let requests = &summary["requests"];
    let count = |key: &str| requests[key].as_u64().unwrap();
    assert_eq!(count("offered"), count("served") + count("failed") + count("in_flight"));
    assert!(0 < count("offered"));
}

/// Plots of an earlier run do not stay beside the results of a run without plots.
#[test]
fn stale_plots_are_removed() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("latency.svg"), "another run").unwrap();
    fs::write(root.path().join("notes.txt"), "the user's own").unwrap();
    let run =
        said(tideover().arg("run").arg(small()).args(["--no-plots", "--out"]).arg(root.path()));
    assert_eq!(run.code, Some(0), "{}", run.talk);
    let names = names(root.path());
    assert!(!names.contains(&"latency.svg".to_owned()), "{names:?}");
    assert!(names.contains(&"notes.txt".to_owned()), "{names:?}");
}

/// The same scenario gives the same bytes in another folder, working folder, locale, time zone,
/// home and terminal width: no file holds a path, a clock or a host. Pictures are compared, too,
/// since both runs are the same build.
#[test]
fn surroundings_leave_no_trace() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plain = said(tideover().arg("run").arg(small()).arg("--out").arg(here.path().join("a")));
    let copy = there.path().join("copied.yaml");
    fs::copy(small(), &copy).unwrap();
    let other = said(
        tideover()
            .args(["run", "copied.yaml", "--out", "b/c"])
            .current_dir(there.path())
            .env_clear()
            .envs([("LANG", "tr_TR.UTF-8"), ("LC_ALL", "de_DE.UTF-8"), ("TZ", "Pacific/Apia")])
            .envs([("HOME", "/nonexistent"), ("COLUMNS", "20"), ("NO_COLOR", "1")])
            .envs([("RAYON_NUM_THREADS", "1"), ("CLICOLOR_FORCE", "1")]),
    );
    assert_eq!((plain.code, other.code), (Some(0), Some(0)), "{}{}", plain.talk, other.talk);
    assert_eq!(plain.out, other.out);
    let (plain, other) = (files(&here.path().join("a")), files(&there.path().join("b/c")));
    for ((name, left), (other_name, right)) in plain.iter().zip(&other) {
        assert_eq!(name, other_name);
        assert!(left == right, "{name} differs");
        let text = String::from_utf8_lossy(left);
        let folder = here.path().to_string_lossy();
        assert!(!text.contains(&*folder), "{name} holds the path {folder}");
    }
    assert_eq!(plain.len(), other.len());
}

/// What changes a result is in the manifest, and another seed or trial is another run.
#[test]
fn what_changes_a_result_is_recorded() {
    let root = tempfile::tempdir().unwrap();
    let run = |out: &str, more: &[&str]| {
        let mut command = tideover();
        command.arg("run").arg(small()).args(["--no-plots", "--out", out]).args(more);
        let run = said(command.current_dir(root.path()));
        assert_eq!(run.code, Some(0), "{more:?}: {}", run.talk);
        let manifest = fs::read(root.path().join(out).join("manifest.json")).unwrap();
        serde_json::from_slice::<Value>(&manifest).unwrap()
    };
    let plain = run("plain", &[]);
    assert_eq!((&plain["seed"], &plain["trial"]), (&7.into(), &0.into()));
    assert_eq!(run("same", &["--seed", "7", "--trial", "0"]), plain);
    let sets = ["--set", "run.horizon=9m", "--set", "faults[lose-east].duration=3m"];
    let set = run("set", &sets);
    let flags = ["--set run.horizon=9m", "--set faults[lose-east].duration=3m"];
    assert_eq!(set["flags"], serde_json::json!(flags));
    assert_ne!(set["scenario_hash"], plain["scenario_hash"]);
    for (out, flag) in [("seed", "--seed"), ("trial", "--trial")] {
        let other = run(out, &[flag, "8"]);
        assert_eq!(other[out], 8);
        assert_eq!(other["scenario_hash"], plain["scenario_hash"]);
        assert_ne!(other["fingerprint"], plain["fingerprint"], "{flag}");
    }
}

/// The standard input is a scenario, too, and messages call it that.
#[test]
fn a_scenario_can_come_through_a_pipe() {
    let piped = |text: &str| {
        let mut command = tideover();
        command.args(["check", "-"]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, out, talk) = piped(&fs::read_to_string(small()).unwrap());
    assert_eq!((code, talk.as_str()), (Some(0), ""));
    assert!(out.starts_with("<stdin> is valid: 2 regions, 2 clusters"), "{out}");
    let (code, _, talk) = piped("schema: tideover/v1\nname: [");
    assert_eq!(code, Some(3));
    assert!(talk.contains("--> <stdin>:2:8"), "{talk}");
}

/// `check --explain` names value, origin and source of given, default and derived values, called
/// as `--set` wants them; as JSON, the same values are data.
#[test]
fn explain_says_where_values_come_from() {
    let text = said(tideover().args(["check", "--explain"]).arg(small()));
    assert_eq!((text.code, text.talk.as_str()), (Some(0), ""));
    let line = |words: &[&str]| {
        let holds = |line: &&str| words.iter().all(|word| line.contains(word));
        assert!(text.out.lines().any(|line| holds(&line)), "{words:?} is missing in\n{}", text.out);
    };
    line(&["clusters[primary].pools[user]"]);
    line(&["minCount", "2", "given"]);
    line(&["interval", "30s", "default (azure-docs frontdoor/health-probes.md"]);
    line(&["timeout", "30s", "default, low confidence, 1s to 60s (assumed: Microsoft"]);
    line(&["allocatable", "3860m CPU", "derived: VM size less what AKS reserves"]);
    line(&["workers", "derived: fitted to `capacity`"]);
    line(&["p99Error", "%"]);
    line(&["detection", "30s to 1m"]);
    line(&["expectedReplicas", "3"]);
    line(&["podsPerNode"]);

    let data = said(tideover().args(["check", "--explain", "--json"]).arg(small()));
    assert_eq!((data.code, data.talk.as_str()), (Some(0), ""));
    let data: Value = serde_json::from_str(&data.out).unwrap();
    assert_eq!(data["valid"], true);
    let values = data["values"].as_array().unwrap();
    let find = |path: &str| values.iter().find(|value| value["path"] == path).unwrap();
    assert_eq!(find("run.seed")["value"], "7");
    assert_eq!(find("run.objective")["origin"], "default");
    assert_eq!(find("frontDoor.probe.timeout")["confidence"], "low");
    assert_eq!(find("frontDoor.probe.interval").get("confidence"), None);
    assert_eq!(find("frontDoor.probe.detection")["origin"], "derived");
}

/// Mistakes as JSON go to the standard output, with the same exit code.
#[test]
fn findings_can_be_data() {
    let command = ["check", "--json", "--set", "run.seed=-1"];
    let check = said(tideover().args(command).arg(small()));
    assert_eq!((check.code, check.talk.as_str()), (Some(3), ""));
    let data: Value = serde_json::from_str(&check.out).unwrap();
    assert_eq!((&data["valid"], &data["errors"]), (&false.into(), &1.into()));
    let finding = &data["diagnostics"][0];
    assert_eq!((&finding["code"], &finding["path"]), (&"out-of-range".into(), &"run.seed".into()));
    assert_eq!((&finding["file"], &finding["column"]), (&"--set".into(), &10.into()));
}

/// One row per way to end: the words typed, the exit code, and what must be said.
#[test]
fn exit_codes() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    for (words, code, expected) in [
        (&["--help"][..], 0, "Usage: tideover <COMMAND>"),
        (&["run", "--help"], 0, "summary.json, timeline.csv"),
        (&["check", "--help"], 0, "--explain"),
        (&["--version"], 0, concat!("tideover ", env!("CARGO_PKG_VERSION"))),
        (&[], 2, "Usage: tideover <COMMAND>"),
        (&["rum"], 2, "a similar subcommand exists: 'run'"),
        (&["run"], 2, "<SCENARIO>"),
        (&["run", "small.yaml", "--sed", "1"], 2, "'--seed'"),
        (&["run", "small.yaml", "--seed", "-1"], 2, "write a whole number from 0 to"),
        (&["size", "small.yaml", "--seed", "-1"], 2, "write a whole number from 0 to"),
        (&["run", "small.yaml", "--why-origin", "pop=1"], 2, "write pop=GEOGRAPHY/NUMBER,at=TIME"),
        (&["run", "small.yaml", "--why-origin", "pop=x/1,at=1s"], 2, "no such geography; there is"),
        (&["run", "small.yaml", "--why-origin", "pop=9999,at=1s"], 2, "there are 0 to"),
        (&["run", "small.yaml", "--why-origin", "pop=0,at=99h"], 2, "allowed: 0s to"),
        (&["run", "small.yaml", "--trial", "1.5"], 2, "write a whole number from 0 to"),
        (&["run", ""], 2, "a value is required for '<SCENARIO>'"),
        (&["check", "small.yaml", "more.yaml"], 2, "unexpected argument 'more.yaml'"),
        (&["check", "small.yaml"], 0, "small.yaml is valid"),
        (&["check", "small.yaml", "--set", "seed=1"], 3, "unknown key `seed`"),
        (&["check", "small.yaml", "--set", "run"], 3, "no `=` stands in this assignment"),
        (&["check", "smal.yaml"], 3, "did you mean `small.yaml`?"),
        (&["check", "small"], 3, "did you mean `small.yaml`?"),
        (&["check", "small.yml"], 3, "did you mean `small.yaml`?"),
        (&["check", "qqqqqqqq.yaml"], 3, "the scenarios in `.` are"),
        (&["run", "nowhere/small.yaml"], 3, "there is no folder `nowhere`"),
        (&["run", "."], 3, "this is a folder, not a file"),
    ] {
        let found = said(tideover().args(words).current_dir(&scenarios));
        let text = format!("{}{}", found.out, found.talk);
        assert_eq!(found.code, Some(code), "{words:?}: {text}");
        assert!(text.contains(expected), "{words:?}: {text}");
        assert!(!text.contains("panicked"), "{words:?}: {text}");
        let is_data = code == 0;
        assert_eq!(found.talk.is_empty(), is_data, "{words:?}: answers are data, the rest is talk");
    }
}

/// A reader that has seen enough ends a command quietly, whether it prints a table, values, help
/// or diagnostics.
#[test]
fn a_closed_pipe_is_no_error() {
    let root = tempfile::tempdir().unwrap();
    let scenario = small().to_string_lossy().into_owned();
    for words in [
        &["check", "--explain", &scenario][..],
        &["run", "--no-plots", "--out", "x", &scenario],
        &["run", "--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = tideover();
        command.args(words).current_dir(root.path()).stdout(writer).stderr(Stdio::piped());
        let output = command.output().unwrap();
        let talk = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}: {talk}");
        assert!(!talk.contains("panicked") && !talk.contains("error"), "{words:?}: {talk}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = tideover();
    command.args(["check", "nowhere.yaml"]).stdout(Stdio::null()).stderr(writer);
    assert_eq!(command.status().unwrap().code(), Some(3), "nobody listens to the diagnostics");
}

/// A standard output that takes nothing is an error of its own, and the result folder is written
/// all the same.
#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_told() {
    let root = tempfile::tempdir().unwrap();
    let scenario = small().to_string_lossy().into_owned();
    for words in [
        &["check", "--explain", &scenario][..],
        &["run", "--no-plots", "--out", "x", &scenario],
        &["--help"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = tideover();
        command.args(words).current_dir(root.path()).stdout(full).stderr(Stdio::piped());
        let output = command.output().unwrap();
        let talk = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {talk}");
        let line = talk.lines().last().unwrap_or_default();
        assert!(line.starts_with("error: cannot write to the standard output: "), "{talk}");
        assert!(!talk.contains("panicked"), "{talk}");
    }
    assert!(root.path().join("x/manifest.json").exists());
}

/// A result folder that cannot be made is refused before the run, in one line that names it; what
/// stands in its place is not touched.
#[test]
fn a_result_folder_that_cannot_be() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("taken"), "precious").unwrap();
    for (out, expected) in [
        ("taken", "cannot write taken: a file of that name exists where the folder should be"),
        ("taken/below", "taken"),
        #[cfg(target_os = "linux")]
        ("/proc/self/results", "/proc/self/results"),
        #[cfg(target_os = "linux")]
        ("/dev/full", "/dev/full"),
    ] {
        let mut command = tideover();
        command.arg("run").arg(small()).args(["--out", out]).current_dir(root.path());
        let run = said(&mut command);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{out}: {}", run.talk);
        assert!(run.talk.contains(expected), "{out}: {}", run.talk);
        assert_eq!(run.talk.lines().count(), 1, "{out}: {}", run.talk);
    }
    assert_eq!(fs::read_to_string(root.path().join("taken")).unwrap(), "precious");
    assert_eq!(names_only(root.path()), ["taken"]);
}

/// A file of the folder that cannot be written is named; the table is printed nevertheless, and
/// no manifest says that the folder is complete.
#[test]
fn results_that_cannot_be_written() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("timeline.csv")).unwrap();
    let run =
        said(tideover().arg("run").arg(small()).args(["--no-plots", "--out"]).arg(root.path()));
    assert_eq!(run.code, Some(1), "{}", run.talk);
    assert!(run.out.contains("users served again"), "{}", run.out);
    assert!(run.talk.contains("the results are incomplete") && run.talk.contains("timeline.csv"));
    let names = names_only(root.path());
    assert!(!names.contains(&"manifest.json".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with('.')), "{names:?}");
}

/// A disk that is full or read-only: the binary says so, says that the results are incomplete, and
/// leaves neither a half file nor a manifest; the table is on the terminal all the same.
#[test]
fn a_disk_that_takes_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a tmpfs is not allowed here");
        return;
    };
    let folder = disk.folder.path().join("results");
    let run = || said(tideover().arg("run").arg(small()).arg("--out").arg(&folder));
    let full = run();
    assert_eq!(full.code, Some(1), "{}", full.talk);
    assert!(full.out.contains("users served again"), "{}", full.out);
    let words = "error: the results are incomplete: cannot write ";
    assert!(full.talk.contains(words), "{}", full.talk);
    assert!(full.talk.ends_with("the disk is full; free some space\n"), "{}", full.talk);
    let names = names_only(&folder);
    assert!(!names.contains(&"manifest.json".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with('.')), "{names:?}");
    let summary = fs::read(folder.join("summary.json")).expect("it is small, and comes first");
    assert!(serde_json::from_slice::<Value>(&summary).is_ok(), "what is there is whole");

    let remounted =
        Command::new("mount").args(["-o", "remount,ro"]).arg(disk.folder.path()).status().unwrap();
    assert!(remounted.success());
    let read_only = run();
    assert_eq!(read_only.code, Some(1), "{}", read_only.talk);
    assert!(read_only.talk.contains("the file system is read-only"), "{}", read_only.talk);
}

/// Names in a folder that may hold folders.
fn names_only(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Two runs into one folder at once: both end well, and every file is whole.
#[test]
fn two_runs_into_one_folder() {
    let root = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = tideover();
        command.arg("run").arg(small()).args(["--no-plots", "--out"]).arg(root.path());
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for mut run in [start(), start()] {
        let mut talk = String::new();
        run.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(0), "{talk}");
    }
    let alone = tempfile::tempdir().unwrap();
    let mut command = tideover();
    command.arg("run").arg(small()).args(["--no-plots", "--quiet", "--out"]).arg(alone.path());
    assert_eq!(said(&mut command).code, Some(0));
    assert_eq!(files(root.path()), files(alone.path()));
}

/// The hidden verb prints the same table as the test `conformance`: 0 if all lines are right, 1
/// with each wrong line named, 3 if there is nothing to check.
#[test]
fn conformance_tells_right_from_wrong() {
    let run = |folder: &Path| said(tideover().arg("conformance").arg(folder));
    let shipped = run(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"));
    assert_eq!((shipped.code, shipped.talk.as_str()), (Some(0), ""));
    assert!(shipped.out.lines().any(|line| line == "convert_rules 7/7"), "{}", shipped.out);

    let folder = tempfile::tempdir().unwrap();
    let nothing = run(folder.path());
    assert_eq!(nothing.code, Some(3), "{nothing:?}");
    assert!(nothing.talk.contains("no vectors in"), "{nothing:?}");
    let line = r#"{"id":"zs","kind":"zone_state","ready":0,"not_ready":3,"unhealthy_threshold":0.55,
        "expect":"FullDisruption"}"#;
    let right = line.replace('\n', " ");
    let wrong = right.replace("Full", "Partial");
    let unknown = right.replace("zone_state", "zone_mood");
    fs::write(folder.path().join("a.jsonl"), format!("{right}\n{wrong}\n{unknown}\n{{\n")).unwrap();
    fs::write(folder.path().join("not-a-vector.txt"), "{").unwrap();
    let mixed = run(folder.path());
    assert_eq!(mixed.code, Some(1), "{mixed:?}");
    assert_eq!(mixed.out, "unreadable 0/1\nzone_mood 0/1\nzone_state 1/2\n");
    let places: Vec<&str> = mixed.talk.lines().map(|l| l.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["a.jsonl:2", "a.jsonl:3", "a.jsonl:4"], "{}", mixed.talk);

    let missing = run(&folder.path().join("nowhere"));
    assert_eq!(missing.code, Some(3), "{missing:?}");
    assert!(missing.talk.contains("cannot read") && missing.talk.contains("help:"), "{missing:?}");
    assert!(!said(tideover().arg("--help")).out.contains("conformance"), "it is hidden");
}
