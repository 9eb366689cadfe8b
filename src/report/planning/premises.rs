//! What the answer rests on: the question, how the system stands still, and every value that the
//! scenario does not state.

use crate::experiment::premises::{Assumption, Confidence, Premises};

use crate::report::document::{Block, Section, Table, Words};

/// The question that the scenario answers.
#[must_use]
pub fn question(premises: &Premises, about: Words) -> Section {
    let question = premises.question.as_deref();
    let words = question.map_or_else(
        || Words::from("The scenario states no question."),
        |question| Words::new().strong(question),
    );
    Section::new("Question", vec![Block::Paragraph(words), Block::Paragraph(about)])
}

/// The grade of static stability.
#[must_use]
pub fn stability(premises: &Premises) -> Section {
    let grade = match &premises.stability {
        Some(grade) => Words::new().strong(grade.as_str()).plain("."),
        None => "Not graded: nothing fails in the scenario, or the result holds no grade.".into(),
    };
    let words = "The same failure with every control loop standing still, then with HPAs, with \
                 new nodes, with machines for everybody: the first of these that carries the \
                 users is the grade. What needs nothing to scale also survives a failure of the \
                 control plane, a quota or a shortage in the region.";
    Section::new("Static stability", vec![Block::Paragraph(grade), Block::Paragraph(words.into())])
}

/// The values that the scenario does not state and that nobody published, or that may be other
/// ones where the system runs.
#[must_use]
pub fn assumptions(premises: &Premises) -> Section {
    let of = |confidence| premises.assumptions.iter().filter(move |it| it.confidence == confidence);
    let n_documented = of(Confidence::High).count();
    let words = format!(
        "{} values are stated by the scenario and are its author's. The values below are not; \
         confidence is low where nobody publishes the value, and medium where it is an ordinary \
         one that may differ where the system runs. State them in the scenario once they are \
         measured. {n_documented} more come from documentation or source code and stand at the \
         end.",
        premises.n_stated
    );
    let mut table = Table::new(&["value of", "value", "source", "confidence"]);
    for (confidence, word) in [(Confidence::Low, "low"), (Confidence::Medium, "medium")] {
        for assumption in of(confidence) {
            let mut row = cells(assumption).to_vec();
            row.push(word.into());
            table.add(row);
        }
    }
    Section::new("Assumptions", vec![Block::Paragraph(words.into()), Block::Table(table)])
}

/// The values that are documented.
#[must_use]
pub fn documented(premises: &Premises) -> Section {
    let words = "Values that the scenario does not state and that vendors document, that were read \
                 from the source of Kubernetes, or that mean that something is not there: \
                 confidence high.";
    let mut table = Table::new(&["value of", "value", "source"]);
    for assumption in premises.assumptions.iter().filter(|it| it.confidence == Confidence::High) {
        table.add(cells(assumption));
    }
    Section::new("Documented defaults", vec![Block::Paragraph(words.into()), Block::Table(table)])
}

fn cells(assumption: &Assumption) -> [Words; 3] {
    [
        Words::new().code(assumption.path.as_str()),
        assumption.value.as_str().into(),
        assumption.source.as_str().into(),
    ]
}
