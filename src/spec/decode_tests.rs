//! Decoding: origins, profiles, lists, choices, checks and what `check --explain` lists.

use super::*;
use crate::units::{Ratio, Span};

choice! {
    /// How a region is lost.
    enum Mode {
        /// At once.
        "refused" => Refused,
        /// Silently.
        "hang" => Hang,
    }
}

one_of! {
    /// How long a request takes.
    enum Law {
        /// Always the same.
        "constant" => Constant(Set<Span>),
        /// A range.
        "uniform" => Uniform(Uniform),
        /// No time.
        "none" => Nothing,
    }
}

section! {
    /// Between two bounds.
    struct Uniform {
        /// Shortest.
        "from" from: Span = required;
        /// Longest.
        "to" to: Span = required;
    }
    check Uniform::check_order;
}

impl Uniform {
    fn check_order(&self, cx: &mut Decoder<'_>) {
        if *self.to < *self.from {
            let message = format!("`from` {} is above `to` {}", *self.from, *self.to);
            let place = self.from.place.clone();
            cx.report(Diagnostic::error(Code::Contradiction, place, message));
        }
    }
}

section! {
    /// A probe.
    struct Probe {
        /// Time between probes.
        "period" period: Span = default "10s", source "core/v1", range "1s"..="1h";
    }
}

section! {
    /// A pool.
    struct Pool {
        /// Its name.
        "name" name: Name = required;
        /// How requests fail.
        "mode" mode: Mode = default "hang", source "test";
    }
}

section! {
    /// The top.
    struct Top {
        /// Pools.
        "pools" pools: Vec<Pool> = list 1..=3, unique;
        /// Probe.
        "probe" probe: Probe = section;
        /// Law.
        "law" law: Law = default "none", source "test";
        /// Shares by geography.
        "shares" shares: NameMap<Ratio> = list 0..=5, range "0%"..="100%";
    }
}

/// The codes and paths of everything that is wrong with `text`.
fn found(text: &str) -> Vec<(Code, String)> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let id = sources.add("text", text);
    let node = parse(&sources, id, &mut diagnostics).unwrap();
    let mut decoder = Decoder::new(None);
    let top = Top::decode(&node, &mut decoder);
    diagnostics.append(decoder.finish().0);
    assert!(top.is_some() || diagnostics.has_errors(), "a refusal has a reason");
    diagnostics.sorted().into_iter().map(|d| (d.code, d.place.path.to_string())).collect()
}

/// Each rule of a declaration is enforced where the value stands.
#[test]
fn declarations_are_enforced() {
    type Row<'r> = (&'r str, &'r str, &'r [(Code, &'r str)]);
    let table: [Row<'_>; 14] = [
        ("smallest valid text", "pools: [{name: a}]", &[]),
        ("required list", "law: none", &[(Code::MissingKey, "pools")]),
        ("least items", "pools: []", &[(Code::OutOfRange, "pools")]),
        (
            "most items",
            "pools: [{name: a}, {name: b}, {name: c}, {name: d}]",
            &[(Code::OutOfRange, "pools")],
        ),
        ("required key", "pools: [{mode: hang}]", &[(Code::MissingKey, "pools[0].name")]),
        (
            "unique names, case folded",
            "pools: [{name: a}, {name: \"A\"}]",
            &[(Code::DuplicateName, "pools[1].name"), (Code::BadName, "pools[1].name")],
        ),
        (
            "unknown word",
            "pools: [{name: a, mode: hnag}]",
            &[(Code::UnknownChoice, "pools[0].mode")],
        ),
        (
            "nested range",
            "pools: [{name: a}]\nprobe: {period: 0s}",
            &[(Code::OutOfRange, "probe.period")],
        ),
        (
            "unknown variant",
            "pools: [{name: a}]\nlaw: {constnat: 1s}",
            &[(Code::UnknownChoice, "law")],
        ),
        (
            "two variants",
            "pools: [{name: a}]\nlaw: {constant: 1s, none: {}}",
            &[(Code::WrongType, "law")],
        ),
        (
            "variant without its content",
            "pools: [{name: a}]\nlaw: constant",
            &[(Code::WrongType, "law")],
        ),
        (
            "check between fields",
            "pools: [{name: a}]\nlaw: {uniform: {from: 2s, to: 1s}}",
            &[(Code::Contradiction, "law.uniform.from")],
        ),
        (
            "range of map values",
            "pools: [{name: a}]\nshares: {eu: 101%, us: 1%}",
            &[(Code::OutOfRange, "shares.eu")],
        ),
        ("names as keys", "pools: [{name: a}]\nshares: {EU: 10%}", &[(Code::BadName, "shares.EU")]),
    ];
    for (name, text, expected) in table {
        let found = found(text);
        let found: Vec<(Code, &str)> = found.iter().map(|(c, p)| (*c, p.as_str())).collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// A section with an error still reports the errors of all its other fields.
#[test]
fn one_error_hides_no_other() {
    let found = found("pools: [{mode: x}, 3]\nprobe: {period: 5}\nlaw: []\nshares: {a: 1}\nz: 1");
    let codes: Vec<Code> = found.iter().map(|(code, _)| *code).collect();
    assert_eq!(
        codes,
        [
            Code::MissingKey,
            Code::UnknownChoice,
            Code::WrongType,
            Code::BadUnit,
            Code::WrongType,
            Code::BadUnit,
            Code::UnknownKey,
        ]
    );
}

/// Every leaf knows who chose it; a profile overrules a default, the user both.
#[test]
fn values_know_their_origin() {
    const PROFILE: Profile = Profile {
        name: "k8s-9.9",
        values: &[ProfileValue { section: "Probe", key: "period", value: "5s", source: "note" }],
    };
    let explained = |text: &str, profile| {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let id = sources.add("text", text);
        let node = parse(&sources, id, &mut diagnostics).unwrap();
        let mut decoder = Decoder::new(profile);
        let top = Top::decode(&node, &mut decoder).unwrap();
        let (_, leaves) = decoder.finish();
        (top, leaves.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (top, leaves) = explained("pools: [{name: a}]\nlaw: {constant: 40ms}", Some(&PROFILE));
    assert_eq!(
        leaves,
        [
            "pools[0].name = a [given]",
            "pools[0].mode = hang [default (test)]",
            "probe.period = 5s [profile k8s-9.9 (note)]",
            "law.constant = 40ms [given]",
        ]
    );
    assert_eq!(*top.pools[0].mode, Mode::Hang);
    assert!(top.pools.is_given() && !top.probe.is_given());
    let Law::Constant(time) = &top.law.value else { panic!("{:?}", top.law) };
    assert_eq!(time.span().start, Position { line: 2, column: 17 });
    let (_, leaves) = explained("pools: [{name: a}]\nprobe: {period: 7s}", Some(&PROFILE));
    assert_eq!(leaves[2], "probe.period = 7s [given]");
    let (top, leaves) = explained("pools: [{name: a}]\nprobe: {}", None);
    assert_eq!(leaves[2], "probe.period = 10s [default (core/v1)]");
    assert_eq!(top.shares.origin, Origin::Absent);
    assert_eq!(top.shares.entries.len(), 0);
}

/// Where a required key is missing, the message says where it belongs and what it means.
#[test]
fn missing_keys_are_explained() {
    let message = decode_text::<Top>("pools:\n  - mode: hang\n").unwrap_err();
    let expected = "\
error[missing-key]: `name` is missing
 --> text:2:5, at pools[0].name
  |
2 |   - mode: hang
  |     ^
  = allowed: a name: 1 to 63 characters a-z, 0-9 and inner hyphens
  = help: add `name: ..` (Its name)

1 error
";
    assert_eq!(message, expected);
}

/// Declared defaults and bounds are themselves valid; a wrong one is found without a user.
#[test]
fn declarations_are_checked() {
    section! {
        /// Wrong in each way.
        struct Wrong {
            /// Above its range.
            "count" count: u32 = default "9", source "test", range 1..=5;
            /// Not a duration.
            "time" time: Span = default "9", source "test";
            /// A guess that is no guess.
            "guess" guess: Span = default "9s", source "test", low confidence "10s"..="1m";
        }
    }
    assert_eq!(declaration_mistakes(&Top::shape()), Vec::<String>::new());
    let mistakes = declaration_mistakes(&Wrong::shape());
    assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    assert!(mistakes[0].contains("Wrong.count"), "{mistakes:?}");
    let guess = "Wrong.guess: its default `9s` lies outside what is plausible";
    assert_eq!(mistakes[2], guess);
}
