//! Out of memory: the kernel's own verdict, found from inside.

use optml_testkit::{Container, Finished, Image, MemoryGroup, OptMl};

use super::{script, shell_image};

const LIMIT_BYTES: u64 = 64 << 20;
/// Doubles a text until something stops it.
const EAT: &str = r#"awk 'BEGIN { text = "x"; while (1) text = text text }'"#;

/// How the container gets to see its control group.
enum View {
    /// As engines do it: its own part of the tree is mounted, and the names are the machine's.
    Mounted,
    /// In a namespace, where its own group is the root.
    Namespace,
}

fn run_in_group(tree: &OptMl, view: &View) -> Finished {
    let group = MemoryGroup::with_limit(LIMIT_BYTES);
    let folder = group.folder().display();
    let mount = format!(r#"mount --bind "{folder}" "$IMAGE/sys/fs/cgroup/memory""#);
    let image: Image = shell_image().folder("/sys/fs/cgroup/memory");
    let (prelude, inner) = match view {
        View::Mounted => (format!("{}\n{mount}", group.join()), String::new()),
        View::Namespace => (group.join(), format!("{mount}\nexec \"$@\"")),
    };
    let wrapper: &[&str] = match view {
        View::Mounted => &[],
        View::Namespace => &["unshare", "--cgroup", "sh", "-euc", &inner, "inner"],
    };
    let container = Container {
        prelude: &prelude,
        wrapper,
        ..Container::with_job(&image, tree)
    };
    container.run(&["/optml", "train"])
}

#[track_caller]
fn check_out_of_memory(tree: &OptMl, finished: &Finished) {
    assert_eq!(finished.code, Some(137), "{}", finished.stderr);
    let report = tree.read("output/failure");
    let first = report.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("out of memory:") && first.contains("limit 64 MiB"),
        "{report}"
    );
}

#[test]
fn a_script_that_takes_too_much_is_told_the_limit() {
    let tree = script(&format!("exec {EAT}"));
    let finished = run_in_group(&tree, &View::Mounted);
    check_out_of_memory(&tree, &finished);
}

#[test]
fn so_is_one_whose_own_child_took_it() {
    let tree = script(&format!(
        "{EAT}\ncode=$?\necho ended with $code\nexit $code"
    ));
    let finished = run_in_group(&tree, &View::Mounted);
    check_out_of_memory(&tree, &finished);
    assert_eq!(finished.stdout, "ended with 137\n");
}

#[test]
fn in_a_namespace_of_control_groups_too() {
    let tree = script(&format!("exec {EAT}"));
    let finished = run_in_group(&tree, &View::Namespace);
    check_out_of_memory(&tree, &finished);
}

#[test]
fn a_kill_by_somebody_else_is_not_taken_for_it() {
    // The group has counted a kill before, and may do so meanwhile: it is the script's own end that tells.
    let tree = script("kill -9 $$");
    let finished = run_in_group(&tree, &View::Mounted);
    assert_eq!(finished.code, Some(137), "{}", finished.stderr);
    let report = tree.read("output/failure");
    assert!(
        report.contains("SIGKILL") && !report.contains("out of memory"),
        "{report}"
    );
}
