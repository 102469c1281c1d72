use super::{Process, Search, select};

fn search(group: i32, except: &[i32]) -> Search<'_> {
    Search {
        us: 1,
        group,
        all_descendants: true,
        except,
    }
}

fn process(pid: i32, parent: i32, group: i32) -> Process {
    Process {
        pid,
        name: format!("p{pid}"),
        parent,
        group,
        state: b'S',
    }
}

#[test]
fn reads_a_stat_line_whatever_the_name() {
    let read = Process::parse("42 (a) b (c) S 7 41 41 0 -1 4194560").unwrap();
    assert_eq!(
        read,
        Process {
            pid: 42,
            name: "a) b (c".into(),
            parent: 7,
            group: 41,
            state: b'S',
        }
    );
    assert_eq!(Process::parse("42 (x"), None);
    assert_eq!(Process::parse(""), None);
}

#[test]
fn finds_the_group_and_the_descendants_but_not_other_children() {
    let zombie = |pid, parent| Process {
        state: b'Z',
        ..process(pid, parent, 20)
    };
    let all = [
        process(1, 0, 1),
        process(10, 1, 10),  // another child of ours
        process(11, 10, 11), // and its own child, in a group of its own
        process(12, 1, 12),  // an orphan
        process(13, 12, 13), // below it
        process(14, 99, 20), // a member of the group, whoever its parent is
        process(15, 99, 15), // a stranger
        zombie(16, 1),       // ours to reap
        zombie(17, 99),      // somebody else's
    ];
    let found: Vec<_> = select(&all, &search(20, &[10]))
        .into_iter()
        .map(|found| found.pid)
        .collect();
    assert_eq!(found, [12, 13, 14, 16]);
}

#[test]
fn a_circle_in_what_proc_says_ends() {
    let all = [process(5, 6, 5), process(6, 5, 5)];
    assert!(select(&all, &search(0, &[])).is_empty());
}
