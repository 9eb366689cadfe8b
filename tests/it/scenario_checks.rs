//! Loads.
#[test]
fn tmp() {
    let s = tideover::scenario::load(std::path::Path::new("/tmp/min.yaml"), &[]);
    match s { Ok(s) => for l in s.explained() { println!("{l}"); }, Err(e) => println!("{e}") }
}
