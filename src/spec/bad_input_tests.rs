//! Every defect of a scenario text, in a tiny section: its code and where it is reported.

use super::*;

section! {
    /// A section with one field of each kind.
    struct Tiny {
        /// A count.
        "replicas" replicas: u32 = default "1", source "test", range 0..=5000;
        /// A number.
        "rate" rate: f64 = default "1", source "test", range 0..=1000000;
        /// A name.
        "name" name: Option<Name> = optional;
        /// A list.
        "list" list: Vec<u32> = list 0..=10;
        /// A switch.
        "on" on: bool = default "false", source "test";
        /// A duration.
        "timeout" timeout: Option<crate::units::Span> = optional, range "1ns"..="365d";
        /// A share.
        "share" share: Option<crate::units::Ratio> = optional, range "0%"..="100%";
    }
}

/// The codes found in `bytes`, each with line and column.
fn found(bytes: &[u8]) -> Vec<(Code, u32, u32)> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let id = sources.add_bytes("tiny.yaml", bytes, &mut diagnostics);
    let node = id.and_then(|id| parse(&sources, id, &mut diagnostics));
    let mut decoder = Decoder::new(None);
    let tiny = node.and_then(|node| Tiny::decode(&node, &mut decoder));
    diagnostics.append(decoder.finish().0);
    assert!(tiny.is_some() || diagnostics.has_errors(), "a refusal has a reason");
    let shown = render(&diagnostics, &sources);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    let at = |d: &Diagnostic| (d.code, d.place.span.start.line, d.place.span.start.column);
    diagnostics.sorted().into_iter().map(at).collect()
}

/// A name for messages, a text, and what must be found in it.
type Row<'r> = (&'r str, &'r str, &'r [(Code, u32, u32)]);

fn check(table: &[Row<'_>]) {
    for (name, text, expected) in table {
        assert_eq!(found(text.as_bytes()), *expected, "{name}: {text:?}");
    }
}

/// Cases 1 to 8: what is not one YAML document of text.
#[test]
fn syntax() {
    check(&[
        ("1 empty", "", &[(Code::EmptyFile, 1, 1)]),
        ("2 only comments", "# nothing\n", &[(Code::EmptyFile, 1, 1)]),
        ("5 NUL", "name: a\0b\n", &[(Code::ControlCharacter, 1, 8)]),
        ("6 tab", "list:\n\t- 1\n", &[(Code::YamlSyntax, 2, 2)]),
        ("7 two documents", "replicas: 1\n---\nreplicas: 2\n", &[(Code::SeveralDocuments, 2, 1)]),
        ("8 cut off", "list: [1, 2", &[(Code::YamlSyntax, 1, 12)]),
        ("byte order mark", "\u{feff}replicas: 3\n", &[]),
        ("CR LF", "replicas: 3\r\nrate: 1.5\r\n", &[]),
        ("not a mapping", "3\n", &[(Code::WrongType, 1, 1)]),
    ]);
    assert_eq!(found(b"name: \xff\xfe\n"), [(Code::NotUtf8, 1, 7)]);
    assert_eq!(found(b"\xff\xfea\0"), [(Code::NotUtf8, 1, 1)]);
}

/// Cases 15 to 24: features of YAML that hide what a scenario says.
#[test]
fn hidden_meaning() {
    check(&[
        (
            "21 self-reference",
            "list: &a [*a]\n",
            &[(Code::AliasNotAllowed, 1, 7), (Code::AliasNotAllowed, 1, 11)],
        ),
        ("22 unknown alias", "list: *zz\n", &[(Code::AliasNotAllowed, 1, 7)]),
        ("23 merge key", "list: []\n<<: {replicas: 4}\n", &[(Code::MergeKey, 2, 1)]),
        (
            "24 tag",
            "name: !!python/object/apply:os.system ['id']\n",
            &[(Code::TagNotAllowed, 1, 7)],
        ),
        ("24 tagged scalar", "name: !!str a\n", &[(Code::TagNotAllowed, 1, 7)]),
        ("59 duplicate", "replicas: 1\nreplicas: 2\n", &[(Code::DuplicateKey, 2, 1)]),
    ]);
}

/// Mistakes of the text as such name the field they stand in, too.
#[test]
fn paths_of_syntax() {
    let text = "a:\n  - b: 1\n    c: {d: [1, *x, 2]}\n";
    let message = decode_text::<Tiny>(text).unwrap_err();
    assert!(message.contains("text:3:16, at a[0].c.d[1]"), "{message}");
    let text = "list: [1]\non: {k: 1, k: 2}\n";
    let message = decode_text::<Tiny>(text).unwrap_err();
    assert!(message.contains("text:2:12, at on\n"), "{message}");
}

/// Cases 15 to 20: texts that would grow or nest without end stop at a limit.
#[test]
fn bombs() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (above, below) in ('a'..='h').zip('b'..='i') {
        bomb += &format!("{below}: &{below} [{}]\n", vec![format!("*{above}"); 9].join(","));
    }
    assert!(found(bomb.as_bytes()).iter().any(|(code, ..)| *code == Code::AliasNotAllowed));
    let quadratic = format!("list: &a [1]\nname: [{}]\n", vec!["*a"; 40_000].join(","));
    assert!(found(quadratic.as_bytes()).iter().any(|(code, ..)| *code == Code::AliasNotAllowed));

    let brackets = format!("list: {}", "[".repeat(100_000));
    assert_eq!(found(brackets.as_bytes()), [(Code::TooDeep, 1, 262)]);
    let braces = format!("list: {}", "{a: ".repeat(3_000));
    assert_eq!(found(braces.as_bytes()), [(Code::TooDeep, 1, 7 + 4 * 63)]);
    let dashes = format!("list:\n  {}1\n", "- ".repeat(100_000));
    assert_eq!(found(dashes.as_bytes()), [(Code::TooDeep, 2, 3 + 2 * 63)]);

    let long = format!("name: {}\n", "x".repeat(2 << 20));
    assert_eq!(found(long.as_bytes()), [(Code::TooLarge, 1, 7)]);
    let key = format!("? {}\n: 1\n", "x".repeat(2_000));
    assert_eq!(found(key.as_bytes()), [(Code::TooLarge, 1, 3)]);
    let huge = "x".repeat((4 << 20) + 1);
    assert_eq!(found(huge.as_bytes()), [(Code::TooLarge, 1, 1)]);
    let flow = format!("list: [{}]", "1,".repeat(1_000_000));
    assert_eq!(found(flow.as_bytes()), [(Code::TooLarge, 1, 1_000_005)]);
    let items = format!("list:\n{}", "- 1\n".repeat(1_000_000));
    assert_eq!(found(items.as_bytes()), [(Code::TooLarge, 249_999, 3)]);
}

/// Cases 26 to 43: each number has one way to be written.
#[test]
fn numbers() {
    let count = |code| [(code, 1, 11)];
    let rate = |code| [(code, 1, 7)];
    for (text, code) in [
        ("-1", Code::OutOfRange),
        ("3.0", Code::NotANumber),
        ("99999999999999999999", Code::OutOfRange),
        ("9223372036854775808", Code::OutOfRange),
        ("4294967296", Code::OutOfRange),
        ("5001", Code::OutOfRange),
        ("010", Code::AmbiguousScalar),
        ("0x10", Code::AmbiguousScalar),
        ("0o10", Code::AmbiguousScalar),
        ("1_000", Code::NotANumber),
        ("1,5", Code::NotANumber),
        ("1e3", Code::NotANumber),
        ("+1", Code::NotANumber),
        ("1:30", Code::NotANumber),
        ("\"3\"", Code::WrongType),
        ("three", Code::NotANumber),
        ("[3]", Code::WrongType),
        ("{}", Code::WrongType),
        ("~", Code::WrongType),
        (".nan", Code::NotFinite),
    ] {
        assert_eq!(found(format!("replicas: {text}").as_bytes()), count(code), "{text}");
    }
    for (text, code) in [
        (".nan", Code::NotFinite),
        (".inf", Code::NotFinite),
        ("-.inf", Code::NotFinite),
        ("nan", Code::NotFinite),
        ("1e400", Code::NotFinite),
        ("1e-320", Code::NotFinite),
        ("1e-400", Code::NotFinite),
        ("-0.0", Code::OutOfRange),
        ("-1", Code::OutOfRange),
        ("1:30", Code::NotANumber),
        ("1,5", Code::NotANumber),
        ("1_000", Code::NotANumber),
        ("01.5", Code::AmbiguousScalar),
        (".5", Code::NotANumber),
        ("1.5x", Code::NotANumber),
        ("1e7", Code::OutOfRange),
    ] {
        assert_eq!(found(format!("rate: {text}").as_bytes()), rate(code), "{text}");
    }
    for text in ["0", "0.5", "1e3", "1.5E2", "0e5"] {
        assert_eq!(found(format!("rate: {text}").as_bytes()), [], "{text}");
    }
}

/// Cases 40, 41: quantities need their unit and lie in their range.
#[test]
fn quantities() {
    check(&[
        ("40 share without sign", "share: 0.5", &[(Code::BadUnit, 1, 8)]),
        ("40 share above 100", "share: 101%", &[(Code::OutOfRange, 1, 8)]),
        ("42 probability above 1", "share: 100.00001%", &[(Code::OutOfRange, 1, 8)]),
        ("40 share", "share: 99.9%", &[]),
        ("41 no unit", "timeout: 30", &[(Code::BadUnit, 1, 10)]),
        ("41 zero", "timeout: 0s", &[(Code::OutOfRange, 1, 10)]),
        ("41 negative", "timeout: -5s", &[(Code::OutOfRange, 1, 10)]),
        ("41 a billion years", "timeout: 365000000000d", &[(Code::BadUnit, 1, 10)]),
        ("41 sexagesimal", "timeout: 1:30", &[(Code::BadUnit, 1, 10)]),
        ("26 not a number", "share: .nan", &[(Code::NotFinite, 1, 8)]),
        ("41 quoted is the same", "timeout: \"30s\"", &[]),
    ]);
}

/// Cases 58, 59, 68, 83 to 85: keys, words and names.
#[test]
fn words() {
    check(&[
        ("58 unknown key", "replicsa: 3\n", &[(Code::UnknownKey, 1, 1)]),
        (
            "58 all of them",
            "replicsa: 3\nrat: 1\n",
            &[(Code::UnknownKey, 1, 1), (Code::UnknownKey, 2, 1)],
        ),
        (
            "68 words of YAML 1.1",
            "name: no\non: yes\n",
            &[(Code::AmbiguousScalar, 1, 7), (Code::AmbiguousScalar, 2, 5)],
        ),
        ("68 quoted", "name: \"no\"\n", &[]),
        ("68 a number as name", "name: 12\n", &[(Code::AmbiguousScalar, 1, 7)]),
        ("a null key", "~: 1\n", &[(Code::UnknownKey, 1, 1)]),
        ("no value", "replicas:\n", &[(Code::WrongType, 1, 9)]),
        ("a list as key", "? [a]\n: 1\n", &[(Code::WrongType, 1, 3)]),
    ]);
    let long = "a".repeat(300);
    for name in [
        "=cmd()",
        "+1x",
        "-x",
        "@x",
        "a\\tb",
        "a\\rb",
        "<script>",
        "]]>",
        "a&b",
        "a'b",
        "a|b",
        "a`b",
        "../x",
        "/etc/x",
        "con",
        "aux.csv",
        &long,
        "x.",
        "a\\u202eb",
        "\\e[31m",
        "ﬁ",
        "Ä",
        "A",
        "",
        " ",
        "lpt1",
        "a-",
    ] {
        let text = format!("name: \"{name}\"\n");
        assert_eq!(found(text.as_bytes()), [(Code::BadName, 1, 7)], "{name}");
    }
}

/// All mistakes of a text come at once, in its order, each with what to type.
#[test]
fn all_at_once() {
    let text = "replicas: 010\nrat: 1\nname: Web App\nlist: [1, x, -2]\n";
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
    let id = sources.add("tiny.yaml", text);
    let node = parse(&sources, id, &mut diagnostics).unwrap();
    let mut decoder = Decoder::new(None);
    assert!(Tiny::decode(&node, &mut decoder).is_none());
    diagnostics.append(decoder.finish().0);
    let expected = "\
error[ambiguous-scalar]: read `010`: a leading zero is octal in some YAML dialects
 --> tiny.yaml:1:11, at replicas
  |
1 | replicas: 010
  |           ^^^
  = allowed: a whole number, from 0 to 5000
  = help: write 10

error[unknown-key]: unknown key `rat`
 --> tiny.yaml:2:1, at rat
  |
2 | rat: 1
  | ^^^
  = allowed: the keys replicas, rate, name, list, on, timeout, share
  = help: did you mean `rate`?

error[bad-name]: read `Web App`: the character `W`
 --> tiny.yaml:3:7, at name
  |
3 | name: Web App
  |       ^^^^^^^
  = allowed: a name: 1 to 63 characters a-z, 0-9 and inner hyphens
  = help: write web-app

error[not-a-number]: read `x`
 --> tiny.yaml:4:11, at list[1]
  |
4 | list: [1, x, -2]
  |           ^
  = allowed: a whole number

error[out-of-range]: read `-2`
 --> tiny.yaml:4:14, at list[2]
  |
4 | list: [1, x, -2]
  |              ^^
  = allowed: a whole number, from 0 to 4294967295

5 errors
";
    assert_eq!(render(&diagnostics, &sources), expected);
    let data = serde_json::to_value(&reported(&diagnostics, &sources)[1]).unwrap();
    assert_eq!((&data["code"], &data["line"]), (&"unknown-key".into(), &2.into()));
}

/// Pieces that mean something in YAML, or are invisible or wide.
const YAML_PIECES: &str = concat!(
    r#"([a-c0-9 \n:,?&*!|>%@'"\-\[\]{}#.<~\t\r]|name: |list:\n|"#,
    "\u{85}|\u{2028}|é|😀){0,60}"
);

proptest::proptest! {
    /// No text makes the reader panic, and what is refused has a reason: random texts from the
    /// characters that mean something in YAML, some also invisible or wide.
    #[test]
    fn no_text_panics(text in YAML_PIECES) {
        found(text.as_bytes());
    }

    /// The same for `--set` assignments.
    #[test]
    fn no_assignment_panics(text in "([a-c0-9 :,&*'\"\\[\\]{}.=é]|list|name){0,30}") {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::new());
        let id = sources.add("tiny.yaml", "list: [{name: a}, {name: b}]\nname: x\n");
        let mut root = parse(&sources, id, &mut diagnostics).expect("the base is valid");
        set_path(&mut root, &text, &mut sources, &mut diagnostics);
        let shown = render(&diagnostics, &sources);
        proptest::prop_assert_eq!(shown.is_empty(), diagnostics.is_empty());
    }
}
