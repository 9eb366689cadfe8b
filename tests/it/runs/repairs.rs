//! Faults that overlap, and controllers that come back after one: nothing stays stuck.

use tideover::model::fact::What;
use tideover::simulation::Options;

use super::{facts_named, run, small};

/// The scheduler binds pods to a dead node that nobody has missed yet. They run when the node is
/// back, not before: here nodes die while the pods of another dead one are being replaced.
#[test]
fn nothing_starts_on_a_node_that_is_dead_but_not_missed() {
    let faults = r#"faults:
  - {name: one, at: 60s, duration: 6m, nodeLoss: {cluster: primary, zone: 1}}
  - {name: two, at: 80s, duration: 6m, nodeLoss: {cluster: primary, zone: 2}}
"#;
    let finished = run(&small(faults, &["workloads[web].tolerationSeconds=0"]), Options::default());
    let mut is_down = vec![false; finished.world.nodes.len()];
    let mut n_bound_to_dead = 0;
    for fact in finished.facts.facts() {
        match fact.what {
            What::NodeLost { node } => is_down[node.index()] = true,
            What::NodeBack { node } => is_down[node.index()] = false,
            What::PodScheduled { node, .. } if is_down[node.index()] => n_bound_to_dead += 1,
            What::ContainerStarted { pod } => {
                let node = finished.world[pod].node.expect("a container runs on a node");
                assert!(!is_down[node.index()], "{pod:?} starts on dead {node:?}");
            }
            _ => {}
        }
    }
    assert!(0 < n_bound_to_dead, "no pod was bound to a dead node: the test shows nothing");
}

/// A machine that boots while its region is cut off from the world, but has power, comes up.
#[test]
fn machines_boot_in_an_isolated_region() {
    let faults = r#"faults:
  - {name: node, at: 60s, duration: 60s, nodeLoss: {cluster: primary}}
  - {name: cut-off, at: 100s, duration: 400s,
     regionLoss: {region: east, cause: isolation, controlPlane: false}}
"#;
    let finished = run(&small(faults, &[]), Options::default());
    let back = facts_named(&finished, "node-back");
    // Repaired at 120 s, it boots for 60 to 120 s.
    assert!(matches!(&back[..], [(at_s, _)] if (180.0..=240.0).contains(at_s)), "{back:?}");
}
