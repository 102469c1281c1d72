use super::*;

#[track_caller]
fn check(stat: &str, expected: Option<(u64, u64)>) {
    let expected = expected.map(|(cpu, start)| Ticks { cpu, start });
    assert_eq!(Ticks::parse(stat), expected, "{stat}");
}

#[test]
fn ticks_stand_behind_the_name() {
    let numbers = "S 1 2 3 4 5 6 7 8 9 10 30 12 0 0 20 0 9 0 4711 1 2";
    check(&format!("17 (optml) {numbers}"), Some((42, 4711)));
    check(&format!("17 (a) 1 (b c) {numbers}"), Some((42, 4711)));
    check(&format!("17 (:-)) {numbers}\n"), Some((42, 4711)));
}

#[test]
fn what_is_not_understood_is_not_known() {
    check("", None);
    check("17 (optml) S 1 2 3", None);
    check("17 (optml) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0 20 0 9 0", None);
    check(
        "17 (optml) S 1 2 3 4 5 6 7 8 9 10 x 12 0 0 20 0 9 0 4711",
        None,
    );
    assert_eq!(
        boot_seconds("cpu 1 2\nbtime 1764075000\nprocesses 9\n"),
        Some(1_764_075_000)
    );
    assert_eq!(boot_seconds("cpu 1 2\nbtimes 3\n"), None);
}

#[test]
fn this_process_is_known() {
    let numbers = read();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let age = now - numbers.start_seconds.unwrap();
    // Both clocks are whole seconds somewhere.
    assert!((-2.0..3600.0).contains(&age), "{age}");
    assert!(numbers.resident_bytes.unwrap() > 100_000.0);
    assert!(numbers.cpu_seconds.unwrap() < 3600.0);
}

#[test]
fn an_open_descriptor_counts() {
    // Other tests of this process open and close theirs: many more than they have.
    let before = read().n_descriptors.unwrap();
    let files: Vec<_> = (0..200)
        .map(|_| fs::File::open("/dev/null").unwrap())
        .collect();
    let after = read().n_descriptors.unwrap();
    assert!(after >= before + 150.0, "{before} {after}");
    drop(files);
}
