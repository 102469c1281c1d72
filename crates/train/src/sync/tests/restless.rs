//! A folder in which everything happens at once, before a destination that fails every now and then.

use std::{collections::BTreeMap, fs, path::Path, thread, time::Duration};

use super::{Act, Settings, Store, check_whole, deaf, finish, folder, settings, start, write};

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Does something to the files below one folder.
fn disturb(root: &Path, numbers: &mut Numbers, n: usize) {
    let folder = |numbers: &mut Numbers| match numbers.below(4) {
        0 => root.to_owned(),
        n => root.join(format!("folder{n}")),
    };
    let (from, to) = (folder(numbers), folder(numbers));
    let file = |numbers: &mut Numbers| format!("file{}", numbers.below(8));
    // A good part of it cannot work: what it is done to is not there.
    let _ = match numbers.below(10) {
        0..=4 => {
            write(&from, &file(numbers), n.to_string());
            Ok(())
        }
        5 | 6 => {
            let temporary = write(&from, "temporary", n.to_string());
            fs::create_dir_all(&to).unwrap();
            fs::rename(temporary, to.join(file(numbers)))
        }
        7 => fs::rename(from.join(file(numbers)), to.join(file(numbers))),
        8 => fs::remove_file(from.join(file(numbers))),
        _ if from == root => Ok(()),
        _ => fs::rename(&from, root.join(format!("folder{}", 1 + numbers.below(5)))),
    };
}

fn contents(folder: &Path, name: &str, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            contents(&entry.path(), &format!("{name}/"), into);
        } else {
            into.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn a_restless_folder_ends_up_at_the_destination() {
    for (seed, settings) in [(1, settings()), (2, deaf())] {
        let root = folder();
        let store = Store::new(|name, n| match (name.len() + n) % 11 {
            0 => Act::Fail,
            1 => Act::Refuse,
            2 if n % 2 == 0 => Act::Panic,
            _ => Act::Store,
        });
        let settings = Settings {
            max_queued: 40,
            ..settings
        };
        let sync = start(root.path(), &store, settings);
        thread::scope(|scope| {
            for thread in 0..3 {
                let root = root.path().join(format!("{thread}"));
                fs::create_dir(&root).unwrap();
                let mut numbers = Numbers(seed * 10 + thread);
                scope.spawn(move || {
                    for n in 0..4000 {
                        disturb(&root, &mut numbers, n);
                        // Spread over two seconds, so that uploads happen between.
                        if n % 16 == 0 {
                            thread::park_timeout(Duration::from_millis(8));
                        }
                    }
                });
            }
        });
        let mut expected = BTreeMap::new();
        contents(root.path(), "", &mut expected);
        let report = finish(sync);
        check_whole(&report);
        for (name, content) in &expected {
            assert_eq!(store.object(name).as_ref(), Some(content), "{name}");
        }
        assert!(expected.len() > 20);
    }
}
