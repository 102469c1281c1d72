use super::*;

/// A machine with adapters (vendor, model), and with or without a device to use them by.
fn machine(adapters: &[(&str, &str)], has_device: bool) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let classes = root.path().join("sys/class");
    fs::create_dir_all(classes.join("net")).unwrap();
    for (i, (vendor, model)) in adapters.iter().enumerate() {
        let device = classes.join(format!("infiniband/rdmap{i}s27/device"));
        fs::create_dir_all(&device).unwrap();
        fs::write(device.join("vendor"), format!("{vendor}\n")).unwrap();
        fs::write(device.join("device"), format!("{model}\n")).unwrap();
    }
    if has_device {
        fs::create_dir_all(root.path().join("dev/infiniband")).unwrap();
        fs::write(root.path().join("dev/infiniband/uverbs0"), "").unwrap();
    }
    root
}

#[track_caller]
fn check(root: &Path, instance_type: &str, (efa, rdma): (bool, bool), why: &str) {
    let expected = Fabric {
        efa,
        rdma,
        why: why.to_owned(),
    };
    assert_eq!(Fabric::of_machine(root, instance_type), expected);
}

#[test]
fn the_machine_is_asked() {
    // A list would know none of these types, or the wrong thing.
    let old = machine(&[("0x1d0f", "0xefa0")], true);
    let one = "1 adapter of Amazon in `/sys/class/infiniband`";
    check(old.path(), "ml.g6.48xlarge", (true, false), one);
    let new = machine(&[("0x1d0f", "0xefa2"), ("0x1d0f", "0xefa1")], true);
    let two = "2 adapters of Amazon in `/sys/class/infiniband`";
    check(new.path(), "ml.p5en.48xlarge", (true, true), two);
    let mixed = machine(&[("0x1d0f", "0xefa0"), ("0x1d0f", "0xefa1")], true);
    check(mixed.path(), "ml.x", (true, false), two);
}

#[test]
fn other_adapters_are_not_efa() {
    let other = machine(&[("0x15b3", "0x101b")], true);
    let none = "no adapter of Amazon in `/sys/class/infiniband`";
    check(other.path(), "ml.p4d.24xlarge", (false, false), none);
    check(
        machine(&[], false).path(),
        "ml.p4d.24xlarge",
        (false, false),
        none,
    );
}

#[test]
fn an_adapter_that_this_container_was_not_given_is_none() {
    let hidden = machine(&[("0x1d0f", "0xefa1")], false);
    let why = "no `/dev/infiniband/uverbs*` for the adapters of this machine";
    check(hidden.path(), "ml.p4d.24xlarge", (false, false), why);
}

#[test]
fn a_device_of_unknown_make_is_one() {
    let given = machine(&[], true);
    let why = |name: &str| format!("`/dev/infiniband/uverbs*`, instance type `{name}`");
    check(
        given.path(),
        "ml.p4d.24xlarge",
        (true, true),
        &why("ml.p4d.24xlarge"),
    );
    check(given.path(), "ml.new", (true, false), &why("ml.new"));
}

#[test]
fn the_lists_count_where_the_machine_can_not_be_asked() {
    let nothing = tempfile::tempdir().unwrap();
    let why = |name: &str| format!("instance type `{name}`: `/sys/class` can't be read");
    for (name, expected) in [
        ("ml.p5.48xlarge", (true, true)),
        ("ml.g5.48xlarge", (true, false)),
        ("ml.c5.xlarge", (false, false)),
        ("local", (false, false)),
    ] {
        check(nothing.path(), name, expected, &why(name));
    }
    assert!(WITH_RDMA.iter().all(|name| WITH_EFA.contains(name)));
}
