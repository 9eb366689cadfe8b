//! The scenario of the bench `control_load_doubling`: it must end where it says.

use std::path::Path;

use tideover::model::node::Stage;
use tideover::scenario::from_text;
use tideover::simulation::{Options, run};

/// Ten services of 50 pods get twice their load: 1,000 pods, 16 to a node, on 63 nodes.
#[test]
fn twice_the_load_needs_twice_the_pods() {
    let text = include_str!("../../../benches/load-doubling.yaml");
    let scenario = from_text("load-doubling.yaml", text, Path::new("benches"), &[]);
    let finished = run(&scenario.expect("it is valid"), Options::default(), |_| {});
    let world = &finished.world;
    let before = finished.samples.clusters[1_700];
    assert_eq!((before.ready_pods, before.ready_nodes), (500, 32));
    let replicas: Vec<u32> = world.deployments.iter().map(|d| d.replicas).collect();
    assert_eq!(replicas, [100; 10]);
    assert_eq!(world.pods.iter().filter(|pod| pod.is_ready()).count(), 1_000);
    assert_eq!(world.nodes.iter().filter(|node| node.stage == Stage::Joined).count(), 63);
}
