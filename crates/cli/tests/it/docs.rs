//! The documentation says what is there.

use std::{fs, path::Path};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn read(relative: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(relative))
        .unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The words in back quotes of a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn each_difference_names_a_test_that_exists() {
    let page = read("docs/differences.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| what"))
        .collect();
    assert!(rows.len() > 20);
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in quoted(tests) {
            if let Some((module, test)) = name.rsplit_once("::") {
                let module = module.replace("::", "/");
                let source = read(&format!("crates/cli/tests/it/{module}.rs"));
                assert!(
                    test == "*" || source.contains(&format!("fn {test}(")),
                    "no test `{name}`: {row}"
                );
            } else if name.starts_with("crates/") {
                assert!(
                    Path::new(ROOT).join(name).is_dir(),
                    "no crate `{name}`: {row}"
                );
            }
        }
    }
}

#[test]
fn the_pages_that_are_linked_exist() {
    for page in [
        "README.md",
        "ARCHITECTURE.md",
        "docs/training.md",
        "docs/distributed.md",
        "docs/serving.md",
        "docs/differences.md",
        "docs/metrics.md",
        "docs/local.md",
        "docs/storage.md",
        "docs/benchmarks.md",
    ] {
        let folder = Path::new(ROOT).join(page);
        let folder = folder.parent().unwrap();
        for link in read(page)
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap();
            if !link.contains("://") && !file.is_empty() {
                assert!(folder.join(file).exists(), "{page} links to {link}");
            }
        }
    }
}
