//! Which designs of a sizing are worth their price: none other is as cheap, as fast to recover and
//! loses as little.

use super::size_outcome::DesignOutcome;

/// Names for each design that is dominated the cheapest one that is no worse in cost, recovery
/// time and failed requests and better in one of them. Without prices the sum of the knobs is the
/// cost; a figure that does not apply is no reason for or against.
pub fn mark(designs: &mut [DesignOutcome]) {
    let figures: Vec<[f64; 3]> = designs.iter().map(figures).collect();
    for index in 0..designs.len() {
        let better = (0..designs.len()).filter(|&other| beats(figures[other], figures[index]));
        let cheapest = better.min_by(|&a, &b| figures[a][0].total_cmp(&figures[b][0]));
        designs[index].dominated_by = cheapest.map(|other| designs[other].values.clone());
    }
}

fn figures(design: &DesignOutcome) -> [f64; 3] {
    let knobs: f64 = design.values.iter().map(|&value| f64::from(value)).sum();
    [
        design.monthly_cost.unwrap_or(knobs),
        design.rto_s_p95.unwrap_or(0.0),
        design.failed_requests_p95.unwrap_or(0.0),
    ]
}

/// Whether the first is nowhere worse and somewhere better.
fn beats(one: [f64; 3], other: [f64; 3]) -> bool {
    let pairs = || one.into_iter().zip(other);
    pairs().all(|(one, other)| one <= other) && pairs().any(|(one, other)| one < other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More that buys nothing is dominated by the least that does as well; what is dearer and
    /// better is not, nor are equals.
    #[test]
    fn more_that_buys_nothing_is_dominated() {
        let design = |nodes: u32, rto_s: f64| DesignOutcome {
            values: vec![nodes],
            verdict: "met".into(),
            n_trials: 10,
            kept: vec![1.0],
            monthly_cost: None,
            rto_s_p95: Some(rto_s),
            failed_requests_p95: Some(rto_s * 10.0),
            dominated_by: None,
        };
        let mut designs = [
            design(1, f64::INFINITY),
            design(2, 90.0),
            design(3, 60.0),
            design(4, 60.0),
            design(9, 60.0),
            design(3, 60.0),
        ];
        mark(&mut designs);
        let found: Vec<Option<u32>> =
            designs.iter().map(|it| it.dominated_by.as_ref().map(|values| values[0])).collect();
        assert_eq!(found, [None, None, None, Some(3), Some(3), None]);
    }
}
