//! The capacity-planning report as its readers meet it: written beside the results, and made again
//! from them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tideover::experiment::run::run_trial;
use tideover::metrics::capacity_plan::ClusterPhase;
use tideover::scenario::load;
use tideover::simulation::{Fidelity, Options};

use crate::cli::{said, small, tideover};
use crate::source_tree::root;

/// What `report` prints about a folder.
fn report(folder: &Path) -> String {
    let done = said(tideover().arg("report").arg(folder));
    assert_eq!((done.code, done.talk.as_str()), (Some(0), ""));
    done.out
}

/// `run` writes the report that `report` makes from its folder, with plots and without.
#[test]
fn run_writes_what_report_prints() {
    let home = tempfile::tempdir().unwrap();
    for (name, more) in [("drawn", &[][..]), ("plain", &["--no-plots"])] {
        let folder = home.path().join(name);
        let mut run = tideover();
        run.arg("run").arg(small()).args(["--fidelity", "flow", "--set", "run.seed=5"]);
        let done = said(run.args(more).arg("--out").arg(&folder));
        assert_eq!(done.code, Some(0), "{}", done.talk);
        let written = fs::read_to_string(folder.join("report.md")).unwrap();
        assert_eq!(written, report(&folder));
        assert_eq!(written.contains("](requests.svg)"), name == "drawn");
        let command = "tideover run small.yaml --seed 5 --trial 0 --set run.seed=5";
        assert!(written.contains(command), "{written}");
    }
}

/// A folder that is none is a wrong input, and the error says what to type.
#[test]
fn report_refuses_what_is_no_result() {
    let home = tempfile::tempdir().unwrap();
    let done = said(tideover().arg("report").arg(home.path()));
    assert_eq!((done.code, done.out.as_str()), (Some(3), ""));
    assert!(done.talk.contains("has no manifest.json"), "{}", done.talk);
    assert!(done.talk.contains("\n  = help: `tideover run SCENARIO --out"), "{}", done.talk);
}

/// Nodes come and go as the plan says: it takes the nodes of each pool from facts, the observer
/// counts them each second, and over the first trial of shipped scenarios both reach the same
/// peaks: with one VM size in a cluster, vCPUs are the size's times the nodes.
#[test]
fn pools_add_up_to_the_nodes_that_were_seen() {
    let folder = root().join("scenarios");
    let mut n_grown = 0;
    for name in ["region-loss-warm", "region-loss-cold", "zone-loss"] {
        let scenario = load(&folder.join(format!("{name}.yaml")), &[]).unwrap();
        let options = Options { fidelity: Fidelity::Flow, ..Options::default() };
        let trial = run_trial(&scenario, options, |_| {});
        let sizes: BTreeMap<&str, Vec<u32>> = (scenario.world().clusters.iter())
            .map(|cluster| {
                let pools =
                    cluster.pools.iter().map(|&pool| scenario.world()[pool].machine.n_vcpus);
                (cluster.name.as_str(), pools.collect())
            })
            .collect();
        let plan: Vec<ClusterPhase> = trial.capacity_plan(None);
        for row in &plan {
            let vcpus = &sizes[row.cluster.as_str()];
            let (least, most) = (vcpus.iter().min().unwrap(), vcpus.iter().max().unwrap());
            let range = row.peak_nodes * least..=row.peak_nodes * most;
            assert!(range.contains(&row.peak_vcpus), "{name}: {row:?}, {range:?}");
        }
        let peaks = |cluster: &str| {
            let rows = plan.iter().filter(|row| row.cluster == cluster);
            rows.map(|row| row.peak_nodes).collect::<Vec<_>>()
        };
        n_grown += sizes.keys().filter(|name| 1 < distinct(&peaks(name))).count();
    }
    assert!(0 < n_grown, "no cluster grew: the test shows nothing");
}

fn distinct(values: &[u32]) -> usize {
    values.iter().collect::<std::collections::BTreeSet<_>>().len()
}
