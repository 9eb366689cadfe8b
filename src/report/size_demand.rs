//! The largest demand that a design survives, for the terminal and the report.

use crate::experiment::size_demand::{MOST_PERCENT, MaxDemandOutcome};
use crate::experiment::size_outcome::{OneLess, SizeOutcome};

use super::gate_table::percent;
use super::size_table::spelled;
use super::table::aligned;
use super::words::{count, printable};

/// The answer in a sentence.
#[must_use]
pub fn answer(demand: &MaxDemandOutcome) -> String {
    let design = match &demand.design {
        None => "The scenario as it is written".to_owned(),
        Some(design) => format!("The answer {}", spelled(design)),
    };
    match demand.percent {
        None => format!("{design} survives NO demand, not even 1 % of it"),
        Some(MOST_PERCENT) => {
            format!("{design} survives {MOST_PERCENT} % of the demand and maybe more")
        }
        Some(percent) => format!("{design} survives {percent} % of the demand, but not 1 % more"),
    }
}

/// Until when that is enough, in a sentence.
#[must_use]
pub fn until(demand: &MaxDemandOutcome) -> Option<String> {
    let growth = demand.growth.as_ref()?;
    Some(match &growth.ends {
        Some(month) => {
            format!("With {}, {month} is the first month with more demand", growth.growth)
        }
        None => format!("With {}, that is enough for a hundred years", growth.growth),
    })
}

/// Why one hundredth more fails, in a sentence.
#[must_use]
pub fn one_more(more: &OneLess) -> String {
    format!("Why not {} %: {}", spelled(&more.values), more.words)
}

/// Rows of what was tried, with their head.
#[must_use]
pub fn tried(size: &SizeOutcome, demand: &MaxDemandOutcome) -> Vec<Vec<String>> {
    let mut head = vec!["demand".to_owned(), String::new(), "trials".to_owned()];
    head.extend(size.objectives.iter().map(|objective| format!("keep {objective}")));
    let mut rows = vec![head];
    rows.extend(demand.tried.iter().map(|tried| {
        let mut row = vec![format!("{} %", tried.percent), tried.verdict.to_string()];
        row.push(count(tried.n_trials));
        row.extend(tried.kept.iter().map(|&share| percent(share)));
        row
    }));
    rows
}

/// Trials that fare worse with less demand, a sentence for each kind.
pub fn violations(demand: &MaxDemandOutcome) -> impl Iterator<Item = String> {
    demand.violations.iter().map(|found| {
        format!(
            "{} trials keep {} at {} % of the demand and not at {} %, trial {} first",
            count(found.n),
            found.objective,
            found.kept_at_percent,
            found.missed_at_percent,
            found.trial
        )
    })
}

/// All of it for a terminal.
#[must_use]
pub fn render(size: &SizeOutcome, demand: &MaxDemandOutcome) -> String {
    let mut text = format!("{}\n", answer(demand));
    text.extend(until(demand).map(|words| words + "\n"));
    if let Some(more) = &demand.one_more {
        text += &format!("{}\n{}", one_more(more), super::size_table::replay(size, more));
    }
    text.extend(demand.binds.iter().map(|binds| format!("{}\n", printable(binds))));
    let rows = tried(size, demand);
    let right: Vec<usize> = (2..rows[0].len()).chain([0]).collect();
    text += &format!("\n{}", aligned(rows, &right));
    text.extend(violations(demand).map(|words| format!("finding: {words}\n")));
    text
}
