//! Reports of the made-up run, and folders that are none.

use crate::experiment::premises::{Assumption, Confidence, Premises, SCHEMA};
use crate::metrics::capacity_plan::{ClusterPhase, Phase};
use crate::report::document::{Block, Document, Words};
use crate::report::manifest_json::Manifest;
use crate::report::{
    capacity_plan_csv, example, manifest_json, markdown, premises_json, summary_json,
};

use super::result_texts::ResultTexts;

fn premises() -> Premises {
    let assumption = |confidence, path: &str| Assumption {
        confidence,
        path: path.to_owned(),
        value: "30s".to_owned(),
        source: "a source".to_owned(),
    };
    Premises {
        schema: SCHEMA.to_owned(),
        question: Some("Does it hold?".to_owned()),
        objectives: vec!["rto_s p(99)<600".to_owned()],
        stability: Some("needs HPA".to_owned()),
        n_stated: 40,
        assumptions: vec![
            assumption(Confidence::Low, "frontDoor.probe.timeout"),
            assumption(Confidence::High, "kubernetes.hpaSyncPeriod"),
        ],
    }
}

fn plan() -> Vec<ClusterPhase> {
    vec![ClusterPhase {
        cluster: "secondary".to_owned(),
        region: "centralus".to_owned(),
        phase: Phase::During,
        from_s: 1_200,
        until_s: 2_700,
        peak_pods: 60,
        peak_nodes: 10,
        peak_vcpus: 80,
        node_hours: 3.25,
        peak_subnet_addresses: Some(310),
        subnet_addresses: Some(2_043),
        peak_pod_ranges: None,
        pod_ranges: None,
        monthly_cost: Some(2_803.2),
        currency: Some("USD".to_owned()),
    }]
}

/// The files of a run, with one plot.
fn run() -> ResultTexts {
    let outcome = example::outcome();
    let flags = vec!["--set a=1".to_owned()];
    let manifest = manifest_json::render(&Manifest::new(&outcome, "00ff".to_owned(), flags));
    texts(&manifest, &summary_json::render(&outcome))
}

fn texts(manifest: &str, summary: &str) -> ResultTexts {
    let premises = premises_json::render(&premises());
    let plan = capacity_plan_csv::render(&plan());
    let files = [
        (manifest_json::FILE_NAME, manifest),
        (summary_json::FILE_NAME, summary),
        (premises_json::FILE_NAME, premises.as_str()),
        (capacity_plan_csv::FILE_NAME, plan.as_str()),
    ];
    ResultTexts::new(files, &["requests"])
}

fn headings(document: &Document) -> Vec<&str> {
    document.sections.iter().map(|section| section.heading.as_str()).collect()
}

/// Every section is there in its order, and says what the files say: verdict, milestones, reasons,
/// plan with cost and addresses, assumptions with source and confidence, the exact command.
#[test]
fn the_report_of_a_run() {
    let document = run().document().unwrap();
    let expected = [
        "Question",
        "Verdict",
        "Faults",
        "Failed requests by reason",
        "Headroom",
        "Capacity plan",
        "Static stability",
        "Plots",
        "Assumptions",
        "How to reproduce",
        "Documented defaults",
    ];
    assert_eq!(headings(&document), expected);
    let text = markdown::render(&document);
    for line in [
        "# Capacity report: region-loss-warm",
        "**Does it hold?**",
        "**Users were served again after 6 min 12 s** (fault lose-east, region-loss); 2,318,165 \
         requests failed on the way, 6.439 % of all.",
        "| `detect_s` | 24 s | the first edge location changed its mind |",
        "| `timeout` | 2,018,165 | 5.606 % | the client gave up |",
        "| secondary | -88 % | -88 % | 20 min 53 s | maxReplicas of the HPA | web |",
        "| secondary (centralus) | during (20 min to 45 min) | 60 | 10 | 80 | 310 of 2,043 | 3.2 \
         | 2,803 USD |",
        "**needs HPA**.",
        "![Requests of users by what became of them](requests.svg)",
        "| `frontDoor.probe.timeout` | 30s | a source | low |",
        "tideover run region-loss-warm.yaml --seed 1 --trial 0 --set a=1",
        "| scenario hash | `00ff` |",
        "| `kubernetes.hpaSyncPeriod` | 30s | a source |",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is missing in\n{text}");
    }
}

/// Each way in which a run can end has its own verdict.
#[test]
fn every_ending_has_a_verdict() {
    let verdict = |change: fn(&mut crate::metrics::outcome::Outcome)| {
        let mut outcome = example::outcome();
        change(&mut outcome);
        let manifest = Manifest::new(&outcome, String::new(), Vec::new());
        let texts = texts(&manifest_json::render(&manifest), &summary_json::render(&outcome));
        let document = texts.document().unwrap();
        let Block::Paragraph(words) = document.sections[1].blocks[0].clone() else { panic!() };
        spelled(&words)
    };
    for (rule, found, expected) in [
        (
            "never again",
            verdict(|it| (it.faults[0].recovered, it.faults[0].rto_s) = (Some(false), None)),
            "Users were not served again within the run (fault",
        ),
        (
            "unharmed",
            verdict(|it| it.faults[0].rto_s = Some(0.0)),
            "Users were served within the objective at all times;",
        ),
        (
            "below before",
            verdict(|it| (it.faults[0].recovered, it.faults[0].rto_s) = (None, None)),
            "Service was below its objective before the fault",
        ),
        ("no fault", verdict(|it| it.faults.clear()), "No fault struck"),
    ] {
        assert!(found.starts_with(expected), "{rule}: {found}");
    }
}

fn spelled(words: &Words) -> String {
    use crate::report::document::Piece::{Code, Plain, Strong};
    let pieces = words.pieces.iter();
    pieces.map(|(Plain(text) | Strong(text) | Code(text))| text.as_str()).collect()
}

/// A folder without a manifest, one of another version, one that lost a file or holds something
/// else in it, a file, and nothing at all: each says what it is and what to type.
#[test]
fn wrong_folders_say_what_to_type() {
    let manifest =
        manifest_json::render(&Manifest::new(&example::outcome(), String::new(), Vec::new()));
    let other = manifest.replace("manifest/v1", "manifest/v9");
    let only = |text: &str| ResultTexts::new([(manifest_json::FILE_NAME, text)], &[]);
    for (texts, says) in [
        (only(&other), "schema `tideover/manifest/v9`, allowed: tideover/manifest/v1"),
        (only(&manifest), "summary.json is missing"),
        (only("{}"), "manifest.json is not as this version writes it"),
        (texts(&manifest, "[]"), "summary.json is not as this version writes it"),
    ] {
        let said = texts.document().unwrap_err();
        assert!(said.contains(says) && said.contains("= help:"), "{said}");
    }
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("report.md");
    std::fs::write(&file, "# A report").unwrap();
    for (path, says) in [
        (root.path().join("absent"), "does not exist"),
        (file, "is a file and no result folder"),
        (root.path().to_owned(), "has no manifest.json"),
    ] {
        let said = ResultTexts::read(&path).unwrap_err();
        assert!(said.contains(says) && said.contains("= help: "), "{said}");
    }
}
