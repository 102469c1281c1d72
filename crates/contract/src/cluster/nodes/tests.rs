use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(list: &str, expected: &[&str]) {
    assert_eq!(expand(list).unwrap(), expected, "{list}");
}

#[track_caller]
fn check_refused(list: &str, expected: &str) {
    assert_eq!(expand(list).unwrap_err().to_string(), expected, "{list}");
}

#[test]
fn lists_are_expanded_in_their_order() {
    check("n1", &["n1"]);
    check("b,a", &["b", "a"]);
    check(
        "node[001-003,7],gpu-[1-2]x[01-02]",
        &[
            "node001", "node002", "node003", "node7", "gpu-1x01", "gpu-1x02", "gpu-2x01",
            "gpu-2x02",
        ],
    );
    check("n[8-11]", &["n8", "n9", "n10", "n11"]);
    check("n[08-10]", &["n08", "n09", "n10"]);
    check("n[099-101]", &["n099", "n100", "n101"]);
    check("n[98-101]", &["n98", "n99", "n100", "n101"]);
    check("n[5]", &["n5"]);
    check("[1-2]n", &["1n", "2n"]);
    check("a[1-2]-ib.cluster", &["a1-ib.cluster", "a2-ib.cluster"]);
    check("a[1-2][3-4]", &["a13", "a14", "a23", "a24"]);
}

#[test]
fn what_is_no_list_is_refused() {
    for list in ["", ",", "a,", ",a", "a,,b"] {
        check_refused(list, "a name is empty");
    }
    for list in ["a[", "a]", "a[1", "a[[1]]", "a[1]]", "a1]2["] {
        check_refused(list, "the brackets do not match");
    }
    check_refused("a[]", "`` is not a range of numbers");
    check_refused("a[1,]", "`` is not a range of numbers");
    check_refused("a[x-z]", "`x-z` is not a range of numbers");
    check_refused("a[1-2-3]", "`1-2-3` is not a range of numbers");
    check_refused("a[-1]", "`-1` is not a range of numbers");
    check_refused("a[+1-2]", "`+1-2` is not a range of numbers");
    check_refused(
        "a[1-9999999999999999999]",
        "`1-9999999999999999999` is not a range of numbers",
    );
    check_refused("a[3-1]", "the range `3-1` runs backwards");
    check_refused(
        "-oProxyCommand=x",
        "`-oProxyCommand=x` is not the name of a host",
    );
    check_refused("a b", "`a b` is not the name of a host");
    check_refused("a;b[1-2]", "`a;b` is not the name of a host");
    check_refused("n\u{e4}", "`n\u{e4}` is not the name of a host");
    let long = "x".repeat(300);
    check_refused(
        &long,
        &format!("`{}` is not the name of a host", "x".repeat(253)),
    );
}

#[test]
fn a_list_of_too_many_names_is_refused_before_they_are_made() {
    assert_eq!(expand("n[1-100000]").unwrap().len(), 100_000);
    for list in [
        "n[0-100000]",
        "n[1-100000],m",
        "n[0-999999999999999999]",
        "n[1-50000,1-50000,1]",
        "n[0-999][0-999]",
        &"[0-9]".repeat(100),
        &"[0-99999]".repeat(1000),
    ] {
        assert_eq!(expand(list), Err(NodeListError::TooMany), "{list:.40}");
    }
}

/// The short form of names, as Slurm writes it: neighbours that differ in their last number share brackets.
fn compress(names: &[String]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for name in names {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &name[stem.len()..];
        match groups.last_mut() {
            Some((last, numbers)) if *last == stem && !digits.is_empty() => numbers.push(digits),
            _ => groups.push((stem, vec![digits])),
        }
    }
    let lists = groups.iter().map(|(stem, numbers)| match numbers[..] {
        [digits] => format!("{stem}{digits}"),
        _ => format!("{stem}[{}]", ranges(numbers)),
    });
    lists.collect::<Vec<_>>().join(",")
}

fn ranges(numbers: &[&str]) -> String {
    let mut ranges: Vec<(&str, &str)> = Vec::new();
    for number in numbers {
        let next = |last: &str| {
            let width = last.len();
            format!("{:0width$}", last.parse::<u64>().unwrap() + 1)
        };
        match ranges.last_mut() {
            Some((_, last)) if next(last) == *number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let ranges = ranges.iter().map(|(first, last)| {
        if first == last {
            (*first).to_owned()
        } else {
            format!("{first}-{last}")
        }
    });
    ranges.collect::<Vec<_>>().join(",")
}

fn names() -> impl Strategy<Value = Vec<String>> {
    let run = ("[a-z]{1,4}-?", 0_u32..1100, 1_u32..30, 1_usize..5).prop_map(
        |(stem, first, n, width)| -> Vec<String> {
            (first..first + n)
                .map(|number| format!("{stem}{number:0width$}"))
                .collect()
        },
    );
    proptest::collection::vec(run, 1..6).prop_map(|runs| runs.concat())
}

proptest! {
    #[test]
    fn a_compressed_list_expands_to_itself(names in names()) {
        prop_assert_eq!(expand(&compress(&names)).unwrap(), names);
    }

    #[test]
    fn any_text_is_expanded_within_the_bounds_or_refused(list in "([a-c0-9,\\[\\]-]|\\PC){0,60}") {
        if let Ok(names) = expand(&list) {
            prop_assert!(!names.is_empty() && names.len() <= MAX_HOSTS as usize);
            prop_assert!(names.iter().all(|name| is_host_name(name)));
        }
    }

    #[test]
    fn products_are_bounded(ends in proptest::collection::vec(0_u64..2000, 1..8)) {
        let list: Vec<_> = ends.iter().map(|end| format!("x[0-{end}]")).collect();
        let list = list.concat();
        let n_names = ends.iter().fold(1_u64, |n, end| n.saturating_mul(end + 1));
        match expand(&list) {
            Ok(names) => prop_assert_eq!(names.len() as u64, n_names),
            Err(err) => {
                prop_assert_eq!(err, NodeListError::TooMany);
                prop_assert!(n_names > u64::from(MAX_HOSTS));
            }
        }
    }
}
