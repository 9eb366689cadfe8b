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

/// The knee of the frontier: of the designs that none dominates, the one furthest below the
/// straight line from the cheapest to the one that loses least, cost and failed requests each
/// being counted from 0 to 1 between these two. Up to there what is spent buys more than on
/// average, beyond it less. `None` if none lies below the line.
#[must_use]
pub fn knee(designs: &[DesignOutcome]) -> Option<Vec<u32>> {
    let mut points: Vec<(&DesignOutcome, f64, f64)> = designs
        .iter()
        .filter(|design| design.dominated_by.is_none())
        .map(|design| (design, figures(design)))
        .filter(|(_, [.., loss])| loss.is_finite())
        .map(|(design, [cost, _, loss])| (design, cost, loss))
        .collect();
    points.sort_by(|left, right| left.1.total_cmp(&right.1));
    let (&(_, least_cost, most_loss), _) = points.split_first()?;
    let best = points.iter().min_by(|left, right| left.2.total_cmp(&right.2))?;
    let (cost_span, loss_span) = (best.1 - least_cost, most_loss - best.2);
    if cost_span <= 0.0 || loss_span <= 0.0 {
        return None;
    }
    let below =
        |cost: f64, loss: f64| 1.0 - (cost - least_cost) / cost_span - (loss - best.2) / loss_span;
    let inner = points.iter().map(|&(design, cost, loss)| (design, below(cost, loss)));
    let knee = inner.max_by(|left, right| left.1.total_cmp(&right.1))?;
    // The two ends themselves lie on the line, but for the last digits.
    (1e-9 < knee.1).then(|| knee.0.values.clone())
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
            yearly_cost: None,
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
    /// On a line from (0, 100) to (10, 0) there is no knee. Of 2 nodes that leave 40 and 5 that
    /// leave 30 the first is further below it: 1 - 0.2 - 0.4 against 1 - 0.5 - 0.3. A design that
    /// another one dominates is none, however far below.
    #[test]
    fn the_knee_is_furthest_below_the_chord() {
        let design = |&(nodes, failed): &(u32, f64)| DesignOutcome {
            values: vec![nodes],
            verdict: "met".into(),
            n_trials: 10,
            kept: vec![1.0],
            monthly_cost: None,
            rto_s_p95: Some(failed),
            failed_requests_p95: Some(failed),
            dominated_by: None,
            yearly_cost: None,
        };
        let knee_of = |points: &[(u32, f64)]| {
            let mut designs: Vec<DesignOutcome> = points.iter().map(design).collect();
            mark(&mut designs);
            knee(&designs).map(|values| values[0])
        };
        for (points, expected) in [
            (&[(0, 100.0), (2, 40.0), (5, 30.0), (10, 0.0)][..], Some(2)),
            (&[(0, 100.0), (2, 79.0), (5, 30.0), (10, 0.0)], Some(5)),
            (&[(0, 100.0), (5, 50.0), (10, 0.0)], None),
            (&[(0, 100.0), (5, 70.0), (10, 0.0)], None),
            (&[(0, 100.0), (10, 0.0)], None),
            (&[(0, 100.0), (2, 40.0), (3, 40.0), (10, 0.0), (20, 0.0)], Some(2)),
            (&[(0, f64::INFINITY), (1, 100.0), (2, 20.0), (9, 0.0)], Some(2)),
            (&[(3, 0.0)], None),
        ] {
            assert_eq!(knee_of(points), expected, "{points:?}");
        }
    }
}
