use std::collections::HashSet;

use super::*;

#[test]
fn each_variable_is_there_once_and_documented() {
    let mut names = HashSet::new();
    for variable in ALL {
        assert!(
            names.insert(variable.name),
            "{} is there twice",
            variable.name
        );
        assert!(
            variable.doc.ends_with('.'),
            "{} has no sentence",
            variable.name
        );
    }
    for ours in ALL.iter().filter(|variable| variable.owner == Owner::Optml) {
        assert!(
            ours.name.starts_with("OPTML_") && !ours.unset.is_empty() && !ours.empty.is_empty(),
            "{}",
            ours.name
        );
    }
}

#[test]
fn the_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/variables.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == reference_page(),
        "docs/variables.md differs: run `cargo run -p optml-contract --example variables > docs/variables.md`"
    );
}
