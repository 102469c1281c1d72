//! What is stored comes back as it was, whatever its size and its name.

use std::{collections::BTreeMap, fs::OpenOptions, sync::Mutex};

use optml_testkit::S3;

use super::*;

fn s3() -> (S3, Client) {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    let client = client(&s3.variables(), small());
    (s3, client)
}

#[test]
fn objects_of_every_size_come_whole() {
    let (s3, client) = s3();
    for n_bytes in [
        0,
        1,
        PIECE_BYTES - 1,
        PIECE_BYTES,
        PIECE_BYTES + 1,
        4 * PIECE_BYTES,
        11 * PIECE_BYTES + 7,
    ] {
        let content = pattern(n_bytes);
        s3.put("bucket", "folder/key", &content);
        let store = open(&client, "s3://bucket/folder/key");
        let object = store.look().unwrap();
        assert_eq!(object.n_bytes, Some(n_bytes));
        assert_eq!(object.e_tag, s3.etag("bucket", "folder/key"));
        assert!(object.expected.is_some(), "its MD5 is known");
        assert!(object.modified.is_some());
        assert!(read(&store).unwrap() == content, "{n_bytes} in order");
        assert!(download(&store).unwrap() == content, "{n_bytes} to a file");
    }
}

#[test]
fn an_object_of_parts_comes_whole() {
    let (s3, client) = s3();
    let content = pattern(PART_BYTES + 100_000);
    let part_bytes = usize::try_from(PART_BYTES).unwrap();
    s3.put_multipart("bucket", "key", &content, part_bytes);
    let store = open(&client, "s3://bucket/key");
    assert!(read(&store).unwrap() == content);
    assert!(download(&store).unwrap() == content);
}

#[test]
fn a_reader_may_stop_early_and_its_bytes_are_counted() {
    let (s3, client) = s3();
    let content = pattern(20 * PIECE_BYTES);
    s3.put("bucket", "key", &content);
    let store = open(&client, "s3://bucket/key");
    let object = store.look().unwrap();
    let progress = client.progress("reading", object.n_bytes);
    let mut reader = store.reader(&object, &progress);
    let mut start = vec![0; 100_000];
    reader.read_exact(&mut start).unwrap();
    assert!(start == content[..100_000]);
    assert!(progress.n_bytes() >= 100_000);
    drop(reader);
    drop(client);
    assert!(read(&store).unwrap() == content, "a store keeps its client");
}

#[test]
fn names_are_the_same_on_both_sides() {
    let (s3, client) = s3();
    let names = [
        "a blank",
        "plus+plus",
        "per%cent",
        "per%2Fcent%20",
        "ümläut/ß",
        "hash#tag",
        "question?mark=1&b",
        "semi;colon:comma,",
        "quote'\"`",
        "back\\slash",
        "b[r]a{c}e~^|<>",
        "日本語",
    ];
    let root = open(&client, "s3://bucket/all of + them%/");
    for name in names {
        let put = root.put(name, &Kept::of(name.as_bytes())).unwrap();
        assert_eq!(put, Put::Stored);
    }
    let mut expected: Vec<_> = names
        .iter()
        .map(|name| format!("all of + them%/{name}"))
        .collect();
    expected.sort();
    let on_their_side: Vec<_> = s3.list("bucket", "").into_iter().map(|o| o.key).collect();
    assert_eq!(on_their_side, expected);

    let mut listed = root.list(100).unwrap();
    listed.sort_by(|one, other| one.key.cmp(&other.key));
    let on_our_side: Vec<_> = listed.iter().map(|object| &object.key).collect();
    assert_eq!(on_our_side, expected.iter().collect::<Vec<_>>());
    for object in &listed {
        let name = root.name_below(object).unwrap();
        let store = open(&client, &format!("s3://bucket/{}", object.key));
        assert_eq!(read(&store).unwrap(), name.as_bytes());
    }
}

#[test]
fn a_folder_is_listed_to_its_end_and_fetched_whole() {
    let (s3, client) = s3();
    let mut expected = BTreeMap::new();
    for n in 0..250_u32 {
        let content = pattern(u64::from(n));
        s3.put("bucket", &format!("code/{}/{n}.py", n % 7), &content);
        expected.insert(format!("{}/{n}.py", n % 7), content);
    }
    let large = pattern(3 * PIECE_BYTES + 5);
    s3.put("bucket", "code/large", &large);
    expected.insert("large".to_owned(), large);
    s3.put("bucket", "code-2/not-this", b"x");
    s3.put("bucket", "code", b"nor this");

    for url in ["s3://bucket/code/", "s3://bucket/code"] {
        let store = open(&client, url);
        let objects = store.list(1_000).unwrap();
        let names: Vec<_> = objects.iter().filter_map(|o| store.name_below(o)).collect();
        assert!(names.iter().copied().eq(expected.keys()), "{names:?}");
        assert!(objects.iter().all(|object| object.e_tag.is_some()));
    }

    let store = open(&client, "s3://bucket/code/");
    let objects = store.list(251).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let opened = Mutex::new(BTreeMap::new());
    let progress = Progress::silent();
    store
        .download_all(
            &objects,
            |object| {
                let name = store.name_below(object).unwrap();
                let mut opened = opened.lock().unwrap();
                let path = folder.path().join(opened.len().to_string());
                opened.insert(name.to_owned(), path.clone());
                OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create_new(true)
                    .open(path)
            },
            &progress,
        )
        .unwrap();
    let read = |path| std::fs::read(path).unwrap();
    let got: BTreeMap<_, _> = opened.into_inner().unwrap();
    let got: BTreeMap<_, _> = got.into_iter().map(|(k, path)| (k, read(path))).collect();
    assert!(got == expected);
    let n_bytes: usize = expected.values().map(Vec::len).sum();
    assert_eq!(progress.n_bytes(), n_bytes as u64);

    let error = store.list(250).unwrap_err();
    assert_eq!(
        error.to_string(),
        "list `s3://bucket/code`: there are more than 250 objects"
    );
}

#[test]
fn a_list_may_have_many_pages() {
    let (s3, client) = s3();
    for n in 0..1_100 {
        s3.put("bucket", &format!("many/{n:04}"), b"");
    }
    let objects = open(&client, "s3://bucket/many").list(5_000).unwrap();
    let expected = (0..1_100).map(|n| format!("many/{n:04}"));
    assert!(objects.iter().map(|object| object.key.clone()).eq(expected));
}

#[test]
fn the_folders_of_a_console_are_no_objects() {
    let (s3, client) = s3();
    for marker in ["code/", "code/deep/", "code/deep/er/"] {
        s3.put("bucket", marker, b"");
    }
    s3.put("bucket", "code/deep/er/train.py", b"x");
    s3.put("bucket", "code/empty.py", b"");
    let store = open(&client, "s3://bucket/code/");
    let objects = store.list(10).unwrap();
    let names: Vec<_> = objects.iter().filter_map(|o| store.name_below(o)).collect();
    assert_eq!(names, ["deep/er/train.py", "empty.py"]);
    assert_eq!(objects.len(), 2);
}

#[test]
fn what_is_not_there_is_told() {
    let (s3, client) = s3();
    for (url, expected) in [
        (
            "s3://bucket/none",
            "find `s3://bucket/none`: NoSuchKey (The specified key does not exist.)",
        ),
        (
            "s3://nobody/none",
            "find `s3://nobody/none`: NoSuchBucket (The specified bucket does not exist)",
        ),
    ] {
        let error = open(&client, url).look().unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.later(), Later::Hopeless);
    }
    let store = open(&client, "s3://bucket/none/");
    assert!(store.list(10).unwrap().is_empty());
    let error = open(&client, "s3://nobody/").list(10).unwrap_err();
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    drop(s3);
}
