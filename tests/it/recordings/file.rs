//! A recording as it is in its file.

use serde_json::Value;

/// One file of tests/recordings.
pub(super) struct Recording {
    pub(super) params: Value,
    pub(super) events: Vec<Recorded>,
}

/// One recorded event.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) at_s: f64,
    pub(super) kind: String,
    fields: Value,
}

impl Recording {
    pub(super) fn read(text: &str) -> Self {
        let file: Value = serde_json::from_str(text).expect("a recording is JSON");
        let event = |fields: &Value| Recorded {
            at_s: fields["t"].as_f64().expect("every event has an instant"),
            kind: fields["k"].as_str().expect("every event has a kind").to_owned(),
            fields: fields.clone(),
        };
        let events = file["events"].as_array().expect("a recording has events");
        Self { params: file["params"].clone(), events: events.iter().map(event).collect() }
    }

    /// Nodes of each zone; the files about scaling do not say it: 10 in 3 zones.
    pub(super) fn nodes_per_zone(&self) -> usize {
        self.params["nodes_per_zone"].as_u64().unwrap_or(10) as usize
    }

    pub(super) fn replicas(&self) -> usize {
        let stated = self.params["replicas"].as_u64();
        stated.or(self.params["start_replicas"].as_u64()).expect("pods are counted") as usize
    }

    /// The killed nodes with their last renewal before the fault, if it is recorded \[s\].
    pub(super) fn killed(&self) -> Vec<(String, Option<f64>)> {
        let renewals = &self.params["last_lease_renewal_before_fault_s"];
        let fault = self.of("fault").next();
        let nodes = fault.map_or(&Value::Null, |fault| &fault.fields["nodes"]).as_array();
        let name = |node: &Value| node.as_str().expect("nodes have names").to_owned();
        let names = nodes.into_iter().flatten().map(name);
        names.map(|name| (name.clone(), renewals[&name].as_f64())).collect()
    }

    /// All nodes, in the order in which the monitor's passes looked at them, as far as it can be
    /// seen (in Go the order is random): by the last pass on which nodes turn Unknown, then by the
    /// one before; on each those first that are tainted on it, for their taint takes two calls and
    /// their tokens more, then those that turn Unknown on it.
    pub(super) fn nodes_in_order(&self) -> Vec<String> {
        let unknown = || self.after_start("node_ready").filter(|e| e.text("to") == "Unknown");
        let first_s = unknown().map(|e| e.at_s).fold(f64::INFINITY, f64::min);
        let last_s = unknown().map(|e| e.at_s).fold(0.0, f64::max);
        let tainted = self.after_start("taint").filter(|e| e.text("effect") == "NoExecute");
        let tainted = tainted.filter(|event| event.at_s < last_s + 0.3);
        let looked: Vec<&Recorded> = unknown().chain(tainted).collect();
        let place_in_pass = |name: &String| {
            let its = looked.iter().filter(|event| event.text("node") == name);
            let last = its.max_by(|a, b| a.at_s.total_cmp(&b.at_s));
            last.map_or((0.0, false, 0.0), |event| {
                let pass = ((event.at_s - first_s) / 5.0).round();
                (-pass - 1.0, event.kind != "taint", event.at_s)
            })
        };
        let per_zone = self.nodes_per_zone();
        let names = (0..3 * per_zone)
            .map(|index| format!("z{}-n{:02}", index / per_zone + 1, index % per_zone + 1));
        let mut names: Vec<String> = names.collect();
        names.sort_by(|a, b| {
            let (a, b) = (place_in_pass(a), place_in_pass(b));
            a.partial_cmp(&b).expect("instants are numbers")
        });
        names
    }

    pub(super) fn of(&self, kind: &str) -> impl Iterator<Item = &Recorded> {
        let kind = kind.to_owned();
        self.events.iter().filter(move |event| event.kind == kind)
    }

    /// The events of a kind from the fault or load step on.
    pub(super) fn after_start(&self, kind: &str) -> impl Iterator<Item = &Recorded> {
        self.of(kind).filter(|event| 0.0 <= event.at_s)
    }

    /// When the nodes came back, if they did \[s\].
    pub(super) fn healed_at(&self) -> Option<f64> {
        self.of("heal").next().map(|event| event.at_s)
    }
}

impl Recorded {
    pub(super) fn text(&self, field: &str) -> &str {
        self.fields[field].as_str().unwrap_or_default()
    }

    pub(super) fn number(&self, field: &str) -> i64 {
        let value = &self.fields[field];
        value.as_f64().unwrap_or_else(|| panic!("{field} is missing in {value}")) as i64
    }

    pub(super) fn optional(&self, field: &str) -> Option<i64> {
        self.fields[field].as_i64()
    }
}

/// Zone and place within the zone of a node called `z2-n03`, both from 0.
pub(super) fn place(node: &str) -> (usize, usize) {
    let (zone, number) = node.split_once("-n").expect("nodes are called z1-n01");
    let zone: usize = zone[1..].parse().expect("a zone's number");
    let number: usize = number.parse().expect("a node's number");
    (zone - 1, number - 1)
}
