//! A row of the fidelity tables, and the macro that writes a table.

/// A part of the model: a controller, or something else that follows rules of its own.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its name, as a heading.
    pub name: &'static str,
    /// What it follows and what matters about it, in a sentence or two.
    pub about: &'static str,
    /// Its rules.
    pub rules: &'static [Rule],
    /// What the part as a whole leaves out.
    pub left_out: &'static str,
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The rule, in words.
    pub rule: &'static str,
    /// The upstream file with its version, or the page that documents the rule.
    pub upstream: &'static str,
    /// Paths of the functions and types of this crate that carry it out.
    pub functions: &'static [&'static str],
    /// Kinds of vectors that pin it.
    pub vectors: &'static [&'static str],
    /// Names of the tests that pin it.
    pub tests: &'static [&'static str],
    /// What it leaves out; empty = nothing.
    pub left_out: &'static str,
}

/// Declares a part. The compiler looks up every path after `by`, which starts with a layer that
/// the file imports; functions inside an `impl` are named by their type.
macro_rules! part {
    (
        $part:ident = $name:literal, $about:literal, left out $part_left_out:literal;
        $(
            $rule:literal, from $upstream:literal,
            by [$($first:ident $(:: $rest:ident)*),+ $(,)?],
            vectors [$($kind:ident),* $(,)?], tests [$($test:ident),* $(,)?],
            left out $left_out:literal;
        )+
    ) => {
        pub(super) const $part: $crate::experiment::fidelity::rule::Part =
            $crate::experiment::fidelity::rule::Part {
                name: $name,
                about: $about,
                rules: &[$($crate::experiment::fidelity::rule::Rule {
                    rule: $rule,
                    upstream: $upstream,
                    functions: &[$(concat!(stringify!($first) $(, "::", stringify!($rest))*)),+],
                    vectors: &[$(stringify!($kind)),*],
                    tests: &[$(stringify!($test)),*],
                    left_out: $left_out,
                }),+],
                left_out: $part_left_out,
            };

        $($(
            const _: () = {
                #[expect(unused_imports, reason = "the import shows that the path exists")]
                use $first $(:: $rest)* as _;
            };
        )+)+
    };
}

pub(super) use part;
