//! The S3 that forgets.

use optml_testkit::{Client, ContentHash, DiscardingS3, Response, UploadEnd, pattern_byte};

use crate::{bytes, connect};

const PART_BYTES: usize = 5 << 20;

#[test]
fn uploads_in_parts_are_checked_and_forgotten() {
    let s3 = DiscardingS3::start(&[]);
    let mut client = connect(&s3.endpoint());
    let mut content = bytes(PART_BYTES);
    content.extend(vec![0; PART_BYTES]);
    content.extend(b"end");
    let id = begin(&mut client, "/bucket/large");
    let tags: Vec<_> = content
        .chunks(PART_BYTES)
        .zip(1..)
        .map(|(part, number)| put_part(&mut client, "/bucket/large", (&id, number), part))
        .collect();
    assert_eq!(s3.objects()[0].end, UploadEnd::Open);

    // The wrong order, a tag of another part, and then all as it should be.
    let swapped = [(2, &tags[1]), (1, &tags[0])];
    assert_eq!(
        code(&complete(&mut client, &id, &swapped)),
        "InvalidPartOrder"
    );
    assert_eq!(
        code(&complete(&mut client, &id, &[(1, &tags[1])])),
        "InvalidPart"
    );
    let right = [(1, &tags[0]), (2, &tags[1]), (3, &tags[2])];
    let answer = complete(&mut client, &id, &right);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("<ETag>&quot;"));

    let known = s3.objects().remove(0);
    assert_eq!(
        (known.bucket.as_str(), known.key.as_str()),
        ("bucket", "large")
    );
    assert_eq!(known.end, UploadEnd::Completed);
    assert_eq!(known.part_bytes, [PART_BYTES as u64, PART_BYTES as u64, 3]);
    assert_eq!(known.content, ContentHash::of(content.as_slice()).unwrap());
    assert_eq!(known.n_requests, 7);
    let head = client.request("HEAD", "/bucket/large", &[], b"");
    assert_eq!(
        head.header("content-length"),
        Some(content.len().to_string().as_str())
    );
    content[PART_BYTES] = 1;
    assert_ne!(known.content, ContentHash::of(content.as_slice()).unwrap());

    let again = complete(&mut client, &id, &right);
    assert_eq!((again.status, code(&again).as_str()), (404, "NoSuchUpload"));
}

#[test]
fn what_s3_refuses_is_refused() {
    let s3 = DiscardingS3::start(&[]);
    let mut client = connect(&s3.endpoint());
    let id = begin(&mut client, "/bucket/large");
    let tags = [1, 2].map(|n| put_part(&mut client, "/bucket/large", (&id, n), b"small"));
    let answer = complete(&mut client, &id, &[(1, &tags[0]), (2, &tags[1])]);
    assert_eq!(
        (answer.status, code(&answer).as_str()),
        (400, "EntityTooSmall")
    );
    let path = format!("/bucket/large?partNumber=10001&uploadId={id}");
    assert_eq!(
        code(&client.request("PUT", &path, &[], b"x")),
        "InvalidArgument"
    );

    client
        .send(b"PUT /bucket/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(client.response("PUT").status, 411);
    assert_eq!(
        code(&client.request("GET", "/bucket/none", &[], b"")),
        "NoSuchKey"
    );

    let abort = format!("/bucket/large?uploadId={id}");
    assert_eq!(client.request("DELETE", &abort, &[], b"").status, 204);
    assert_eq!(
        code(&client.request("DELETE", &abort, &[], b"")),
        "NoSuchUpload"
    );
    assert_eq!(s3.objects()[0].end, UploadEnd::Aborted);
}

#[test]
fn whole_objects_are_counted_and_nothing_is_listed() {
    let s3 = DiscardingS3::start(&[]);
    let mut client = connect(&s3.endpoint());
    let answer = client.request("PUT", "/bucket/a/b", &[], b"whole");
    assert_eq!(answer.status, 200);
    let tag = answer.header("etag").unwrap().to_owned();
    let head = client.request("HEAD", "/bucket/a/b", &[], b"");
    assert_eq!(head.header("etag"), Some(tag.as_str()));
    let known = s3.objects().remove(0);
    assert_eq!((known.key.as_str(), known.part_bytes), ("a/b", vec![5]));
    let list = client.request("GET", "/bucket?list-type=2&prefix=a", &[], b"");
    assert!(
        list.text().contains("<KeyCount>0</KeyCount>"),
        "{}",
        list.text()
    );
}

#[test]
fn patterns_are_read_whole_and_in_ranges() {
    let s3 = DiscardingS3::start(&[("bucket", "small", 200_000), ("bucket", "vast", 6 << 30)]);
    let mut client = connect(&s3.endpoint());
    let mut get = |path: &str, headers: &[(&str, &str)]| client.request("GET", path, headers, b"");
    let whole = get("/bucket/small", &[]);
    assert!(whole.status == 200 && whole.body == bytes(200_000));
    let tag = whole.header("etag").unwrap();

    let part = get(
        "/bucket/small",
        &[("Range", "bytes=70000-199999"), ("If-Match", tag)],
    );
    assert!(part.status == 206 && part.body == bytes(200_000)[70_000..]);
    assert_eq!(
        part.header("content-range"),
        Some("bytes 70000-199999/200000")
    );
    let end = get("/bucket/vast", &[("Range", "bytes=-1")]);
    assert_eq!(end.body, [pattern_byte((6 << 30) - 1)]);
    let rest = get("/bucket/small", &[("Range", "bytes=199998-")]);
    assert_eq!(rest.body, bytes(200_000)[199_998..]);

    assert_eq!(
        get("/bucket/small", &[("Range", "bytes=200000-")]).status,
        416
    );
    assert_eq!(get("/bucket/small", &[("If-Match", "\"x\"")]).status, 412);
    let head = client.request("HEAD", "/bucket/vast", &[], b"");
    assert_eq!(head.header("content-length"), Some("6442450944"));
}

/// Parts of any cut give the hash of the whole, and so do zeros that are told apart by memory alone.
#[test]
fn hashes_of_parts_make_that_of_the_whole() {
    let mut content = bytes(100_000);
    content.extend(vec![0; 200_000]);
    content.extend(bytes(100_000));
    let whole = ContentHash::of(content.as_slice()).unwrap();
    for cut in [0, 1, 99_999, 165_536, 399_999] {
        let mut joined = ContentHash::of(&content[..cut]).unwrap();
        joined.append(ContentHash::of(&content[cut..]).unwrap());
        assert_eq!(joined, whole, "cut at {cut}");
    }
    content.swap(0, 99_999);
    assert_ne!(ContentHash::of(content.as_slice()).unwrap(), whole);
}

fn begin(client: &mut Client, path: &str) -> String {
    let answer = client.request("POST", &format!("{path}?uploads"), &[], b"");
    between(&answer.text(), "<UploadId>", "</UploadId>")
}

fn put_part(client: &mut Client, path: &str, (id, number): (&str, u32), part: &[u8]) -> String {
    let target = format!("{path}?partNumber={number}&uploadId={id}");
    let answer = client.request("PUT", &target, &[], part);
    answer.header("etag").expect("a tag").to_owned()
}

fn complete(client: &mut Client, id: &str, parts: &[(u32, &String)]) -> Response {
    let mut body = String::from("<CompleteMultipartUpload>");
    for (number, tag) in parts {
        let number = number.to_string();
        body.extend([
            "<Part><ETag>",
            tag,
            "</ETag><PartNumber>",
            &number,
            "</PartNumber></Part>",
        ]);
    }
    body.push_str("</CompleteMultipartUpload>");
    let target = format!("/bucket/large?uploadId={id}");
    client.request("POST", &target, &[], body.as_bytes())
}

fn code(answer: &Response) -> String {
    between(&answer.text(), "<Code>", "</Code>")
}

fn between(text: &str, start: &str, end: &str) -> String {
    let rest = text.split_once(start).map(|(_, rest)| rest);
    let found = rest.and_then(|rest| rest.split_once(end));
    found
        .unwrap_or_else(|| panic!("no {start} in {text}"))
        .0
        .to_owned()
}
