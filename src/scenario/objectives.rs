//! Objectives: what many trials of the scenario must keep to, as `gate` and `size` decide it.
//!
//! An objective is a statement about a probability: `rto_s: ["p(99)<300"]` says that the recovery
//! time lies below 300 s in at least 99 % of trials. A figure that was never reached is above
//! every limit, and a trial without the figure does not meet it: nothing passes for want of
//! evidence.

use std::cmp::Ordering;
use std::fmt;

use crate::spec::{Code, Refusal, Scalar, Set, Shape, Word, nearest, section};

/// Declares the section with a key for each metric, and its list of what was written.
macro_rules! objectives_section {
    ($($(#[doc = $doc:literal])* $key:literal $field:ident;)+) => {
        section! {
            /// What the trials of the scenario must keep to, by metric.
            pub struct ObjectivesSpec {
                $($(#[doc = $doc])* $key $field: Vec<Statement> = list 0..=10;)+
            }
        }

        impl ObjectivesSpec {
            /// The statements of each metric that may be written.
            fn by_metric(&self) -> Vec<(&'static str, &Set<Vec<Statement>>)> {
                vec![$(($key, &self.$field)),+]
            }
        }
    };
}

objectives_section! {
    /// Recovery time of the fault that took longest; never recovered is above every limit.
    "rto_s" rto_s;
    /// Until the first edge location changed its mind.
    "detect_s" detect_s;
    /// Until 95 % of the traffic had moved.
    "reroute_s" reroute_s;
    /// Until ready capacity was enough and stayed so.
    "capacity_s" capacity_s;
    /// From the repair until the traffic was back.
    "failback_s" failback_s;
    /// Seconds in which service was below its objective after faults.
    "below_objective_s" below_objective_s;
    /// Times that service fell below its objective again.
    "relapses" relapses;
    /// User requests that failed by faults, until users were served again.
    "failed_requests" failed_requests;
    /// Share of user requests that failed, in the whole run.
    "failed_fraction" failed_fraction;
    /// User requests that failed, in the whole run.
    "failed" failed;
    /// User requests in the whole run.
    "offered" offered;
    /// Tries after the first one, in the whole run.
    "retries" retries;
    /// Writes acknowledged and lost.
    "lost_writes" lost_writes;
    /// Least headroom of any cluster.
    "headroom_min_ratio" headroom_min_ratio;
    /// Least headroom of any cluster, were all of higher priority lost.
    "failover_min_ratio" failover_min_ratio;
    /// 99th percentile of latency, of served requests in the whole run.
    "latency_ms_p99" latency_ms_p99;
    /// Most active pods at a time, summed over clusters.
    "peak_pods" peak_pods;
    /// Most nodes at a time, summed over clusters.
    "peak_nodes" peak_nodes;
    /// Nodes times hours of all clusters.
    "node_hours" node_hours;
}

impl ObjectivesSpec {
    /// All objectives, in the order of the section's keys.
    #[must_use]
    pub fn objectives(&self) -> Vec<Set<Objective>> {
        let of = |(metric, statements): (&'static str, &Set<Vec<Statement>>)| {
            let objective = |statement: &Statement| Objective { metric, statement: *statement };
            statements.iter().map(|it| statements.same_place(objective(it))).collect::<Vec<_>>()
        };
        self.by_metric().into_iter().flat_map(of).collect()
    }
}

/// How a figure is compared with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Below the limit.
    Below,
    /// At most the limit.
    AtMost,
    /// Above the limit.
    Above,
    /// At least the limit.
    AtLeast,
}

impl Relation {
    /// How it is written; the longer ones first, as they are looked for.
    const SIGNS: [(&str, Self); 4] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Below), (">", Self::Above)];

    const fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether the figure may not be large.
    #[must_use]
    pub const fn is_upper(self) -> bool {
        matches!(self, Self::Below | Self::AtMost)
    }

    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Above => limit < value,
            Self::AtLeast => limit <= value,
        }
    }
}

/// A limit, and how often it must be kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statement {
    /// How the figure is compared.
    pub relation: Relation,
    /// With what, in the metric's unit.
    pub limit: f64,
    /// The share of trials that must keep the limit, inside (0, 1).
    pub share: f64,
}

/// A statement about a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// Name of the metric.
    pub metric: &'static str,
    /// What must hold.
    pub statement: Statement,
}

impl Statement {
    /// Whether a trial with this figure keeps the limit; one without a figure does not.
    #[must_use]
    pub fn holds(&self, value: Option<f64>) -> bool {
        value.is_some_and(|value| self.relation.holds(value, self.limit))
    }

    /// `p(99)<300`: the quantile stands below its limit if so many trials do.
    fn of_quantile(percentile: &str, relation: Relation, limit: &str) -> Option<Self> {
        let at_most = fraction(percentile)?;
        let above = format!("{}e-2", percent(100.0 - percentile.parse::<f64>().ok()?));
        let share = if relation.is_upper() { at_most } else { above.parse().ok()? };
        Some(Self { relation, limit: number(limit)?, share })
    }
}

impl Objective {
    /// Reads `p(rto_s<=300) >= 0.99` or `failed_requests p95 <= 5000`.
    ///
    /// # Errors
    /// Says what was read and what is allowed, with the metric that was probably meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (metric, statement) =
            probability(&compact).or_else(|| quantile(text)).ok_or_else(|| {
                format!(
                    "read `{text}`; write 'p(rto_s<=300) >= 0.99' or 'failed_requests p95 <= 5000'"
                )
            })?;
        Ok(Self { metric: known(&metric)?, statement })
    }
}

/// `p(rto_s<=300)>=0.99`, without spaces.
fn probability(text: &str) -> Option<(String, Statement)> {
    let (event, share) = text.strip_prefix("p(")?.rsplit_once(")>=")?;
    let (metric, relation, limit) = split(event)?;
    let share = match share.strip_suffix('%') {
        Some(percentage) => fraction(percentage)?,
        None => number(share).filter(|share| 0.0 < *share && *share < 1.0)?,
    };
    Some((metric.to_owned(), Statement { relation, limit: number(limit)?, share }))
}

/// `failed_requests p95 <= 5000`.
fn quantile(text: &str) -> Option<(String, Statement)> {
    let (metric, rest) = text.trim().split_once(char::is_whitespace)?;
    let rest: String = rest.chars().filter(|c| !c.is_whitespace()).collect();
    let (percentile, relation, limit) = split(&rest)?;
    Some((metric.to_owned(), Statement::of_quantile(bare(percentile)?, relation, limit)?))
}

/// What stands on both sides of a comparison.
fn split(text: &str) -> Option<(&str, Relation, &str)> {
    Relation::SIGNS.into_iter().find_map(|(sign, relation)| {
        let (left, right) = text.split_once(sign)?;
        Some((left, relation, right))
    })
}

/// `99` of `p(99)` or `p99`.
fn bare(percentile: &str) -> Option<&str> {
    let rest = percentile.strip_prefix('p')?;
    Some(rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest))
}

/// A percentage as a share inside (0, 1): 99.9 must become 0.999 to the last bit.
fn fraction(percentage: &str) -> Option<f64> {
    let is_plain = percentage.chars().all(|c| c.is_ascii_digit() || c == '.');
    let share: f64 = is_plain.then(|| format!("{percentage}e-2").parse().ok()).flatten()?;
    (0.0 < share && share < 1.0).then_some(share)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && number.abs() < 9e12)
}

/// The metric of that name.
fn known(name: &str) -> Result<&'static str, String> {
    let names = || ObjectivesSpec::SECTION.keys();
    names().find(|known| *known == name).ok_or_else(|| {
        let meant = nearest(name, names());
        let meant = meant.map_or_else(|| ".".into(), |near| format!("; did you mean `{near}`?"));
        let allowed = names().collect::<Vec<_>>().join(", ");
        format!("there is no metric `{name}`{meant} Allowed: {allowed}")
    })
}

/// A percentage with as many digits as it needs.
fn percent(percentage: f64) -> f64 {
    (percentage * 1e8).round() / 1e8
}

impl Scalar for Statement {
    fn read(word: Word<'_>) -> Result<Self, Refusal> {
        let text: String = word.text.chars().filter(|c| !c.is_whitespace()).collect();
        let read = split(&text).and_then(|(percentile, relation, limit)| {
            Self::of_quantile(bare(percentile)?, relation, limit)
        });
        read.ok_or_else(|| {
            Refusal::new(Code::WrongType)
                .help("write \"p(99)<300\": below 300 in at least 99 % of trials")
        })
    }

    fn form() -> Shape {
        Shape::Text("a percentile from above 0 to below 100 with its limit, such as p(99)<300")
    }

    fn shown(&self) -> String {
        let percentile = if self.relation.is_upper() { self.share } else { 1.0 - self.share };
        let percentile = percent(100.0 * percentile);
        format!("p({percentile}){}{}", self.relation.sign(), self.limit)
    }

    fn order(&self, _: &Self) -> Option<Ordering> {
        None
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.metric, self.statement.shown())
    }
}

impl Objective {
    /// What a trial must show: `rto_s<300`.
    #[must_use]
    pub fn event(&self) -> String {
        let Statement { relation, limit, .. } = self.statement;
        format!("{}{}{limit}", self.metric, relation.sign())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::spec::decode_text;

    fn statement(text: &str) -> Statement {
        decode_text(&format!("\"{text}\"")).unwrap()
    }

    /// A quantile below its limit is a share of trials below it, one above a limit the rest of
    /// them; both are exact, and print as they are written.
    #[test]
    fn quantiles_are_shares_of_trials() {
        for (text, relation, limit, share) in [
            ("p(99)<300", Relation::Below, 300.0, 0.99),
            ("p(99.9)<=0.5", Relation::AtMost, 0.5, 0.999),
            ("p(5)>0.2", Relation::Above, 0.2, 0.95),
            ("p(0.1)>=-0.5", Relation::AtLeast, -0.5, 0.999),
        ] {
            assert_eq!(statement(text), Statement { relation, limit, share }, "{text}");
            assert_eq!(statement(text).shown(), text);
        }
        assert_eq!(statement("p95 < 1e3").shown(), "p(95)<1000");
        for wrong in ["", "99<300", "p(99)", "p(0)<1", "p(100)<1", "p(99)<x", "p(-1)<1", "p(1e1)<1"]
        {
            assert!(decode_text::<Statement>(&format!("\"{wrong}\"")).is_err(), "{wrong}");
        }
    }

    /// At the limit the four comparisons differ; what was never reached is above every limit, and
    /// what does not apply keeps none.
    #[test]
    fn limits_hold_or_not() {
        for (text, below, at, above, never) in [
            ("p(50)<3", true, false, false, false),
            ("p(50)<=3", true, true, false, false),
            ("p(50)>3", false, false, true, true),
            ("p(50)>=3", false, true, true, true),
        ] {
            let holds = [2.0, 3.0, 4.0, f64::INFINITY].map(|v| statement(text).holds(Some(v)));
            assert_eq!(holds, [below, at, above, never], "{text}");
            assert!(!statement(text).holds(None), "{text}");
        }
    }

    /// Both forms of the command line, and what is said of another.
    #[test]
    fn objectives_are_read() {
        let rto = Objective { metric: "rto_s", statement: statement("p(99)<=300") };
        for text in ["p(rto_s<=300) >= 0.99", "p(rto_s <= 300) >= 99%", "rto_s p99 <= 300"] {
            assert_eq!(Objective::parse(text), Ok(rto), "{text}");
        }
        let headroom = Objective::parse("failover_min_ratio p(5) > 0.2").unwrap();
        assert_eq!(Objective::parse("p(failover_min_ratio>0.2)>=0.95"), Ok(headroom));
        assert_eq!(
            (rto.to_string(), rto.event()),
            ("rto_s p(99)<=300".into(), "rto_s<=300".into())
        );
        for (wrong, says) in [
            ("rto_s", "write 'p(rto_s<=300) >= 0.99'"),
            ("p(rto_s<=300) >= 1", "write 'p(rto_s<=300) >= 0.99'"),
            ("p(rto_s<=300) >= 99", "write 'p(rto_s<=300) >= 0.99'"),
            ("rto p99 <= 300", "did you mean `rto_s`?"),
        ] {
            let said = Objective::parse(wrong).unwrap_err();
            assert!(said.contains(says), "{wrong}: {said}");
        }
    }

    /// The section by metric, and a metric that does not exist.
    #[test]
    fn the_section_lists_all_objectives() {
        let text = "{failover_min_ratio: [\"p(5)>0.2\"], rto_s: [\"p(50)<60\", \"p(99)<300\"]}";
        let spec: ObjectivesSpec = decode_text(text).unwrap();
        let names: Vec<String> = spec.objectives().iter().map(|it| it.to_string()).collect();
        assert_eq!(names, ["rto_s p(50)<60", "rto_s p(99)<300", "failover_min_ratio p(5)>0.2"]);
        let wrong = decode_text::<ObjectivesSpec>("{rto: [\"p(99)<300\"]}").unwrap_err();
        assert!(
            wrong.contains("did you mean `rto_s`?") && wrong.contains("lost_writes"),
            "{wrong}"
        );
    }
}
