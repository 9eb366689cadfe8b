//! A report as Markdown, as GitHub and Azure DevOps show it (tables of GitHub Flavored Markdown).

use super::document::{Align, Block, Document, Piece, Table, Words};
use super::words::printable;

/// The report as Markdown.
#[must_use]
pub fn render(document: &Document) -> String {
    let mut text = format!("# {}\n", escaped(&document.title));
    for section in &document.sections {
        text += &format!("\n## {}\n", escaped(&section.heading));
        for part in &section.blocks {
            text += &format!("\n{}", block(part));
        }
    }
    text
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(words) => spelled(words) + "\n",
        Block::List(points) => {
            points.iter().map(|words| format!("- {}\n", spelled(words))).collect()
        }
        Block::Table(rows) => table(rows),
        Block::Command(command) => format!("```sh\n{}\n```\n", printable(command)),
        Block::Figure { file, caption } => format!("![{}]({file})\n", escaped(caption)),
    }
}

fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(table.columns.iter().map(|(name, _)| escaped(name)).collect());
    let rules = table.columns.iter().map(|(_, align)| match align {
        Align::Left => "---",
        Align::Right => "---:",
    });
    text += &format!("|{}|\n", rules.collect::<Vec<_>>().join("|"));
    text.extend(table.rows.iter().map(|row| line(row.iter().map(spelled).collect())));
    text
}

fn spelled(words: &Words) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Plain(text) => escaped(text),
        Piece::Strong(text) => format!("**{}**", escaped(text)),
        Piece::Code(text) => code(text),
    };
    words.pieces.iter().map(piece).collect()
}

/// A code span. A bar would end a cell even there, and a backtick the span: such a text is plain.
fn code(text: &str) -> String {
    if text.contains('`') {
        return escaped(text);
    }
    format!("`{}`", one_line(text).replace('|', "\\|"))
}

/// A text without line breaks, control characters and marks that turn the direction of writing.
fn one_line(text: &str) -> String {
    printable(&text.replace(char::is_control, " "))
}

/// A text without meaning to Markdown and HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in one_line(text).chars() {
        match c {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => safe.extend(['\\', c]),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::document::Section;
    use super::*;

    /// Every kind of block in a document whose texts try to be Markdown: nothing of them gets
    /// through, and each row of the table has as many cells as its head.
    #[test]
    fn blocks_are_rendered_and_texts_are_safe() {
        let evil = "a|b *c* <d> `e`\n# f";
        let mut table = Table::new(&["name", "# count"]);
        table.add([Words::new().code("x|y"), Words::from(evil)]);
        let blocks = vec![
            Block::Paragraph(Words::new().strong(evil).code("rto_s").code("`")),
            Block::List(vec!["one".into(), "two".into()]),
            Block::Table(table),
            Block::Command("tideover run a.yaml".to_owned()),
            Block::Figure { file: "a.svg".to_owned(), caption: "A [plot]".to_owned() },
        ];
        let document =
            Document { title: "A_b".to_owned(), sections: vec![Section::new("Part", blocks)] };
        let safe = "a\\|b \\*c\\* &lt;d&gt; \\`e\\` # f";
        let expected = format!(
            "# A\\_b\n\n## Part\n\n**{safe}**`rto_s`\\`\n\n- one\n- two\n\n\
             | name | count |\n|---|---:|\n| `x\\|y` | {safe} |\n\n\
             ```sh\ntideover run a.yaml\n```\n\n![A \\[plot\\]](a.svg)\n"
        );
        assert_eq!(render(&document), expected);
    }
}
