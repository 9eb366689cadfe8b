//! How balancers that count share requests out among pods of which some have less to do.
//!
//! Least outstanding fills up the emptiest pods until all are level. The choice of the better of
//! two goes to a pod only as often as it is drawn: to the fullest ones when both draws are theirs.

use crate::sim::maths;
use crate::traffic::plan::Balancer;

/// Pods that have as much to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) pods: f64,
    /// Requests at each that are not answered.
    pub(super) outstanding: f64,
    /// How many of them will be, until what is shared out has come.
    pub(super) leaving: f64,
}

/// The share of `n` requests that goes to each level.
pub(super) fn shares(balancer: Balancer, levels: &[Level], n: f64) -> Vec<f64> {
    let all: f64 = levels.iter().map(|level| level.pods).sum();
    let even = || levels.iter().map(|level| level.pods / all).collect();
    match balancer {
        Balancer::Random | Balancer::RoundRobin => even(),
        _ if n <= 0.0 => even(),
        Balancer::LeastOutstanding => filled(levels, n),
        Balancer::PowerOfTwo => {
            let (filled, drawn) = (filled(levels, n), by_two(levels));
            // Draws fill up the emptiest for as long as it takes, then all get their parts.
            let emptiest = (0..levels.len())
                .min_by(|a, b| levels[*a].outstanding.total_cmp(&levels[*b].outstanding));
            match emptiest {
                Some(emptiest) if drawn[emptiest] < filled[emptiest] => drawn,
                _ => filled,
            }
        }
    }
}

/// Shares that bring all to one height, as far as requests go.
fn filled(levels: &[Level], n: f64) -> Vec<f64> {
    let floor = |level: &Level| level.outstanding - level.leaving;
    let mut order: Vec<&Level> = levels.iter().collect();
    order.sort_by(|a, b| floor(a).total_cmp(&floor(b)));
    let (mut pods, mut sum, mut height) = (0.0, 0.0, f64::INFINITY);
    for level in order {
        if height <= floor(level) {
            break;
        }
        pods += level.pods;
        sum += level.pods * floor(level);
        height = (n + sum) / pods;
    }
    levels.iter().map(|level| (height - floor(level)).max(0.0) * level.pods / n).collect()
}

/// Shares where each request goes to the emptier of two different pods that are drawn.
fn by_two(levels: &[Level]) -> Vec<f64> {
    let all: f64 = levels.iter().map(|level| level.pods).sum();
    if all <= 1.0 {
        return levels.iter().map(|level| level.pods / all).collect();
    }
    let share = |level: &Level| {
        let others = |beats: &dyn Fn(&Level) -> bool| -> f64 {
            levels.iter().filter(|other| beats(other)).map(|other| other.pods).sum()
        };
        let fuller = others(&|other| level.outstanding < other.outstanding);
        let alike = others(&|other| level.outstanding == other.outstanding) - 1.0;
        level.pods * (2.0 * fuller + alike) / (all * (all - 1.0))
    };
    levels.iter().map(share).collect()
}

/// The share of the requests that goes to `silent` pods, at each of which `hung` are outstanding,
/// where the emptier of two is chosen, and of `outstanding` at each of the `running` ones.
///
/// Numbers are taken to be Poisson, by the normal law with their variance.
pub(super) fn share_of_silent(silent: f64, hung: f64, running: f64, outstanding: f64) -> f64 {
    let all = silent + running;
    if all <= 1.0 {
        return silent / all;
    }
    let emptier = match hung + outstanding {
        0.0 => 0.5,
        both => maths::normal_cdf((outstanding - hung) / both.sqrt()),
    };
    silent * (silent - 1.0 + 2.0 * running * emptier) / (all * (all - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(pods: f64, outstanding: f64, leaving: f64) -> Level {
        Level { pods, outstanding, leaving }
    }

    /// Ten requests at pods with more and less to do, by each balancer.
    #[test]
    fn who_has_less_gets_more() {
        let levels = [level(3.0, 8.0, 0.0), level(1.0, 0.0, 0.0)];
        for (balancer, levels, n, expected, why) in [
            (Balancer::Random, &levels, 4.0, [0.75, 0.25], "each pod alike"),
            (Balancer::LeastOutstanding, &levels, 4.0, [0.0, 1.0], "the empty one is not full yet"),
            (Balancer::LeastOutstanding, &levels, 16.0, [0.375, 0.625], "8 level it, 2 for each"),
            (Balancer::PowerOfTwo, &levels, 4.0, [0.5, 0.5], "both drawn of three in four"),
            (Balancer::PowerOfTwo, &levels, 80.0, [0.675, 0.325], "soon level: 8, and 18 for each"),
            (
                Balancer::LeastOutstanding,
                &[level(3.0, 8.0, 8.0), level(1.0, 0.0, 0.0)],
                4.0,
                [0.75, 0.25],
                "what leaves makes room",
            ),
            (
                Balancer::PowerOfTwo,
                &[level(2.0, 5.0, 0.0), level(2.0, 5.0, 0.0)],
                1.0,
                [0.5, 0.5],
                "all alike",
            ),
        ] {
            let found = shares(balancer, levels, n);
            let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(close, "{why}: {found:?}");
        }
    }
}
