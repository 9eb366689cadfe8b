//! A HorizontalPodAutoscaler of either version as the `hpa` section of a workload.

use crate::spec::Node;

use super::path::{Fields, Mapping};

/// The `hpa` section.
pub(super) fn translate(fields: &Fields<'_>) -> Node {
    let mut hpa = Mapping::default();
    let span = fields.look("spec").map_or_else(Default::default, |spec| spec.span);
    fields.take("spec.scaleTargetRef");
    hpa.put_some("minReplicas", fields.take("spec.minReplicas"));
    hpa.put_some("maxReplicas", fields.take("spec.maxReplicas"));
    // autoscaling/v1 has this one field instead of metrics.
    if let Some(target) = fields.take("spec.targetCPUUtilizationPercentage") {
        let text = format!("{}%", target.text().unwrap_or_default());
        hpa.put("targetCPUUtilization", Node::plain(&text, target.span));
    }
    let n_metrics = fields.items("spec.metrics").len();
    if 0 < n_metrics {
        let metrics = (0..n_metrics).map(|index| metric(fields, &format!("spec.metrics[{index}]")));
        hpa.put_list("metrics", metrics.collect(), span);
    }
    hpa.put_some("behavior", fields.take("spec.behavior"));
    hpa.node(span)
}

/// One metric. Selectors of metrics stay behind: which series they choose is not known here.
fn metric(fields: &Fields<'_>, at: &str) -> Node {
    let span = fields.look(at).map_or_else(Default::default, |metric| metric.span);
    let mut metric = Mapping::default();
    metric.put_some("type", fields.take(&format!("{at}.type")));
    for kind in ["resource", "containerResource", "pods", "object", "external"] {
        let at = format!("{at}.{kind}");
        let Some(stated) = fields.look(&at) else { continue };
        let mut section = Mapping::default();
        for key in ["name", "container", "target", "describedObject"] {
            section.put_some(key, fields.take(&format!("{at}.{key}")));
        }
        if let Some(name) = fields.take(&format!("{at}.metric.name")) {
            let mut identifier = Mapping::default();
            identifier.put("name", name.clone());
            section.put("metric", identifier.node(name.span));
        }
        metric.put(kind, section.node(stated.span));
    }
    metric.node(span)
}
