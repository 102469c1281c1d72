//! Row A-06 of the list of bad inputs, and the rows of tar archives that zip archives share. Archives come from Python's
//! `zipfile` and from the crate `zip`; those that lie are made byte by byte.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write as _},
    process::Stdio,
};

use ::zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

// ---- accepted ----

#[test]
fn an_archive_of_python_comes_out_as_it_went_in() {
    let packed = python(
        r#"
import os, stat, zipfile
out = zipfile.ZipFile(sys.stdout.buffer, "w", zipfile.ZIP_DEFLATED)
def add(name, content, mode=0o100644, method=zipfile.ZIP_DEFLATED, time=(2023, 11, 14, 22, 13, 20)):
    info = zipfile.ZipInfo(name, time)
    info.external_attr = mode << 16
    info.compress_type = method
    out.writestr(info, content)
add("train.py", "print(1)\n", 0o100755)
add("stored.bin", b"x" * 300_000, method=zipfile.ZIP_STORED)
add("pkg/", "", 0o40750)
add("pkg/large.txt", "line\n" * 200_000)
add("pkg/link", "../train.py", 0o120777)
add("implied/by/name.txt", "")
add("ünï.txt", "u", 0)
out.comment = b"a comment"
out.close()
"#,
    );
    for trial in Trial::all() {
        let extracted = trial.run(&packed, &Limits::default()).unwrap();
        assert_eq!((extracted.n_files, extracted.n_links), (5, 1));
        assert_eq!(extracted.n_directories, 3);
        assert_eq!(extracted.n_bytes, 9 + 300_000 + 1_000_000 + 1);
        let at = |name: &str| trial.destination().join(name);
        assert_eq!(fs::read(at("pkg/link")).unwrap(), b"print(1)\n");
        assert!(at("pkg/link").is_symlink());
        assert_eq!(fs::read(at("stored.bin")).unwrap(), vec![b'x'; 300_000]);
        assert_eq!(fs::metadata(at("pkg/large.txt")).unwrap().len(), 1_000_000);
        assert_eq!(fs::read(at("ünï.txt")).unwrap(), b"u");
        let script = fs::metadata(at("train.py")).unwrap();
        assert_eq!(script.mtime(), 1_700_000_000);
        assert_eq!(script.mode() & 0o700, 0o700);
        assert_eq!(fs::metadata(at("ünï.txt")).unwrap().mode() & 0o700, 0o600);
        assert_eq!(fs::metadata(at("pkg")).unwrap().mode() & 0o007, 0);
        trial.check_outside();
    }
}

#[test]
fn a_stream_and_large_sizes_of_python_are_fine() {
    // Standard output that cannot seek: sizes follow the content.
    let streamed = python(
        r#"
import zipfile
class Pipe:
    def write(self, data): return sys.stdout.buffer.write(data)
    def flush(self): pass
with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as out:
    out.writestr("a", "1" * 1000)
    with out.open("b", "w", force_zip64=True) as file: file.write(b"2")
    out.writestr("c/", "")
"#,
    );
    let flags = &streamed[6..8];
    assert_eq!(flags, [8, 0], "it is streamed");
    accept(&streamed);
    let wide = python(
        r#"
import io, zipfile
zipfile.ZIP64_LIMIT = 10
zipfile.ZIP_FILECOUNT_LIMIT = 2
file = io.BytesIO()
with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
    for name in "abc":
        with out.open(name, "w", force_zip64=True) as member: member.write(b"2" * 100)
sys.stdout.buffer.write(file.getvalue())
"#,
    );
    assert!(wide.windows(4).any(|window| window == b"PK\x06\x06"));
    accept(&wide);
}

#[test]
fn archives_of_the_crate_are_fine() {
    let deflated = SimpleFileOptions::default().unix_permissions(0o755);
    let stored = deflated.compression_method(CompressionMethod::Stored);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_directory("d", deflated).unwrap();
    writer.start_file("d/a", deflated.large_file(true)).unwrap();
    writer.write_all(&vec![b'a'; 100_000]).unwrap();
    writer.start_file("b", stored).unwrap();
    writer.write_all(b"b").unwrap();
    writer.add_symlink("link", "d/a", stored).unwrap();
    let packed = writer.finish().unwrap().into_inner();
    let trial = Trial::new(Resolution::Openat2, Destination::Missing);
    let extracted = trial.run(&packed, &Limits::default()).unwrap();
    assert_eq!(
        extracted,
        Extracted {
            n_files: 2,
            n_directories: 1,
            n_links: 1,
            n_bytes: 100_001
        }
    );

    let mut writer = ZipWriter::new_stream(Vec::new());
    writer.start_file("a", deflated).unwrap();
    writer.write_all(b"streamed").unwrap();
    accept(&writer.finish().unwrap().into_inner());
}

#[test]
fn a_zip_archive_of_nothing_is_an_empty_directory() {
    let trial = Trial::new(Resolution::Openat2, Destination::Missing);
    let extracted = trial.run(&Zip::default().finish().bytes, &Limits::default());
    assert_eq!(extracted.unwrap(), Extracted::default());
}

#[test]
fn members_may_lie_in_another_order_than_the_directory_has_them() {
    let mut zip = Zip::default().file("a", "1").file("b", "22").finish();
    let (first, second) = (zip.centrals[0], zip.centrals[1]);
    let entry = zip.bytes[first..second].to_vec();
    let after = second + entry.len();
    zip.bytes.copy_within(second..after, first);
    zip.bytes[second..after].copy_from_slice(&entry);
    accept(&zip.bytes);
}

#[test]
fn times_are_those_of_the_timestamp_field_or_of_dos() {
    let modified = |zip: &Built| {
        let trial = Trial::new(Resolution::Openat2, Destination::Missing);
        trial.run(&zip.bytes, &Limits::default()).unwrap();
        fs::metadata(trial.destination().join("a")).unwrap().mtime()
    };
    let mut zip = Zip::default().file("a", "1").finish();
    // 2038-01-19 03:14:06, and then a month of 0.
    zip.put_central(0, 12, &[0xc3, 0x19, 0x33, 0x74]);
    assert_eq!(modified(&zip), 2_147_483_646);
    zip.put_central(0, 12, &[0, 0, 0, 0]);
    assert_eq!(modified(&zip), 315_532_800);
    let timestamp = [0x55, 0x54, 5, 0, 1, 0xfe, 0xff, 0xff, 0xff];
    assert_eq!(
        modified(&Zip::default().extra(&timestamp).file("a", "1").finish()),
        -2
    );
}

// ---- A-01 to A-03: names, links, kinds ----

#[test]
fn what_a_tar_archive_may_not_hold_a_zip_archive_may_not_either() {
    let file = |name: &str| {
        Zip::default()
            .file("ok", "1")
            .file(name, "x")
            .finish()
            .bytes
    };
    refuse(
        &file("../outside/evil"),
        "entry 2 `../outside/evil`: the name holds `..`",
    );
    refuse(&file("a/../../outside/evil"), "`..`");
    refuse(&file("/tmp/evil"), "the name is absolute");
    refuse(&file("C:\\evil"), "the name is absolute");
    refuse(&file("C:/evil"), "the name is absolute");
    refuse(&file("..\\evil"), "backslash");
    refuse(&file("a\0b"), "NUL");
    refuse(&file(""), "the name is empty");
    refuse(&file("."), "a file with the name of a directory");
    refuse(&file(&"n".repeat(256)), "256 bytes long, and at most 255");
    refuse(&file(&("n/".repeat(128) + "x")), "129 levels deep");
    refuse(&file("d/"), "a directory with a size of 1 bytes");
    refuse(
        &file("ok"),
        "entry 2 `ok`: an earlier entry has the same name",
    );
    refuse(&file("./ok"), "an earlier entry has the same name");
    refuse(&file("ok/x"), "`ok` above it is not a directory");
    refuse(
        &Zip::default().file("a/b", "1").file("a", "").finish().bytes,
        "an earlier entry has the same name",
    );
    accept(
        &Zip::default()
            .file("a/b", "1")
            .file("./a/", "")
            .finish()
            .bytes,
    );
}

#[test]
fn links_out_of_the_tree_and_through_each_other_are_refused_in_zip_archives() {
    let link = |target: &str| {
        Zip::default()
            .mode(0o120_777)
            .file("a", target)
            .finish()
            .bytes
    };
    refuse(&link("/etc/passwd"), "absolute path");
    refuse(&link("../outside"), "out of the tree");
    refuse(&link("b/../../outside"), "down and up again");
    refuse(&link(""), "points to nothing");
    refuse(&link("a\0b"), "NUL");
    refuse(
        &link(&"x/".repeat(3000)),
        "6000 bytes long, and at most 4095",
    );
    accept(&link("b"));
    let through = Zip::default()
        .mode(0o120_777)
        .file("link", ".")
        .mode(0o100_644)
        .file("link/evil", "x");
    refuse(
        &through.finish().bytes,
        "`link` above it is a symbolic link",
    );
    // The compressed target may not be a bomb of empty blocks either.
    let mut blocks = [0, 0, 0, 0xff, 0xff].repeat(2000);
    blocks.extend([1, 1, 0, 0xfe, 0xff, b'b']);
    let bomb = Zip::default().mode(0o120_777).packed("a", 8, &blocks, b"b");
    refuse(
        &bomb.finish().bytes,
        "its content is not the 1 bytes that it claims",
    );
    let bomb = Zip::default().packed("a", 8, &blocks, b"b");
    accept(&bomb.finish().bytes);
}

#[test]
fn special_and_privileged_members_are_refused_in_zip_archives() {
    let of_mode = |mode: u32| Zip::default().mode(mode).file("a", "").finish().bytes;
    for (mode, kind) in [
        (0o010_644, "a FIFO"),
        (0o020_644, "a character device"),
        (0o060_644, "a block device"),
        (0o140_644, "a socket"),
        (0o170_644, "a file of an unknown type"),
    ] {
        refuse(
            &of_mode(mode),
            &format!("entry 1 `a`: {kind}, which no archive may bring"),
        );
    }
    refuse(&of_mode(0o104_755), "with its owner's rights (mode 4755)");
    refuse(&of_mode(0o102_755), "with its owner's rights (mode 2755)");
    refuse(&of_mode(0o040_755), "a directory with the name of a file");
    refuse(
        &Zip::default().mode(0o100_644).file("a/", "").finish().bytes,
        "a file with the name of a directory",
    );
    accept(&of_mode(0o100_000));
    accept(&Zip::default().mode(0o042_775).file("a/", "").finish().bytes);
    // On other systems those bits mean something else.
    let mut dos = Zip::default().mode(0o104_755).file("a", "").finish();
    dos.put_central(0, 5, &[0]);
    accept(&dos.bytes);
}

#[test]
fn other_methods_encryption_and_names_in_code_pages_are_refused() {
    let method = |method: u16| {
        Zip::default()
            .packed("a", method, b"x", b"x")
            .finish()
            .bytes
    };
    refuse(
        &method(12),
        "entry 1 `a`: it is packed with bzip2 (method 12), and only deflate",
    );
    refuse(&method(93), "zstd (method 93)");
    refuse(&method(1), "a method of its own (method 1)");
    let flags = |flags: u16| Zip::default().flags(flags).file("a", "1").finish().bytes;
    refuse(&flags(1), "entry 1 `a`: it is encrypted");
    refuse(&flags(1 << 6), "it is encrypted");
    refuse(&flags(1 << 13), "it is encrypted");
    refuse(&flags(1 << 5), "packed with a patch (method 0)");
    let named = |name: &[u8]| Zip::default().raw_file(name, "1").finish().bytes;
    refuse(&named(b"\x81.txt"), "its name is not UTF-8");
    accept(&named("ünï".as_bytes()));
}

// ---- A-06: two tellings ----

#[test]
fn headers_that_disagree_are_refused() {
    let zip = || {
        Zip::default()
            .file("ok", "1")
            .file("name", "content")
            .finish()
    };
    let disagree = |at: usize, bytes: &[u8], field: &str| {
        let reason = format!("`: its header and the directory disagree: {field}");
        let mut there = zip();
        there.put_central(1, at + 2, bytes);
        // What a directory's entry says first may be refused for itself.
        let there = Trial::new(Resolution::Openat2, Destination::Missing)
            .run(&there.bytes, &Limits::default());
        assert!(there.is_err());
        let mut here = zip();
        here.put_local(1, at, bytes);
        refuse(&here.bytes, &reason);
    };
    disagree(6, &[1, 0], "flags");
    disagree(6, &[8, 0], "flags");
    disagree(6, &[0, 8], "flags");
    disagree(8, &[8, 0], "method");
    disagree(14, &[1, 2, 3, 4], "checksum");
    disagree(18, &[6, 0, 0, 0], "size");
    disagree(22, &[6, 0, 0, 0], "size");
    disagree(18, &[0xff, 0xff, 0xff, 0xff], "size");
    disagree(26, &[3, 0], "name");
    let mut renamed = zip();
    renamed.put_local(1, 30, b"nome");
    refuse(
        &renamed.bytes,
        "entry 2 `name`: its header and the directory disagree: name",
    );
    let mut headless = zip();
    headless.put_local(1, 0, b"PK\x01\x02");
    refuse(
        &headless.bytes,
        "its header is not where the directory says",
    );
    // A name for those readers that look at another field.
    let other_name = [0x75, 0x70, 9, 0, 1, 0, 0, 0, 0, b'e', b'v', b'i', b'l'];
    let zip = Zip::default().extra(&other_name).file("name", "x").finish();
    refuse(&zip.bytes, "entry 1 of its directory is malformed");
    let same_name = [0x75, 0x70, 9, 0, 1, 0, 0, 0, 0, b'n', b'a', b'm', b'e'];
    accept(
        &Zip::default()
            .extra(&same_name)
            .file("name", "x")
            .finish()
            .bytes,
    );
}

#[test]
fn members_that_overlap_are_refused() {
    // All entries share one member, as the densest bombs do.
    let mut shared = Zip::default().file("a", "same").file("a", "same").finish();
    let first = shared.locals[0];
    shared.put_central(1, 42, &u32::try_from(first).unwrap().to_le_bytes());
    refuse(&shared.bytes, "it overlaps what comes after it");

    // A member whose content is another member with its header.
    let inner = Zip::default().file("inner", "x").finish();
    let inner = &inner.bytes[..inner.centrals[0]];
    let mut nested = Zip::default()
        .raw_file(b"outer", inner)
        .raw_file(b"inner", "x")
        .finish();
    let at = u32::try_from(nested.locals[0] + 30 + 5).unwrap();
    nested.put_central(1, 42, &at.to_le_bytes());
    refuse(
        &nested.bytes,
        "entry 1 `outer`: it overlaps what comes after it",
    );

    // Content that reaches into the directory.
    let mut long = Zip::default().file("a", "x").finish();
    for size_at in [18, 22] {
        long.put_local(0, size_at, &[9, 0, 0, 0]);
        long.put_central(0, size_at + 2, &[9, 0, 0, 0]);
    }
    refuse(&long.bytes, "it overlaps what comes after it");
    for offset in [[0xf0, 0, 0, 0], [0xfe, 0xff, 0xff, 0xff]] {
        let mut beyond = Zip::default().file("a", "x").file("b", "y").finish();
        beyond.put_central(1, 42, &offset);
        let trial = Trial::new(Resolution::Openat2, Destination::Missing);
        trial.run(&beyond.bytes, &Limits::default()).unwrap_err();
        trial.check_untouched();
    }
}

#[test]
fn bytes_that_belong_to_nothing_are_refused() {
    let hidden = Zip::default()
        .file("a", "x")
        .gap(b"hidden")
        .file("b", "y")
        .finish();
    refuse(
        &hidden.bytes,
        "entry 1 `a`: there are 6 bytes after it that belong to no entry",
    );
    let at_end = Zip::default().file("a", "x").gap(b"hidden").finish();
    refuse(
        &at_end.bytes,
        "entry 1 `a`: there are 6 bytes after it that belong to no entry",
    );
    // A member that the directory does not know.
    let mut unknown = Zip::default().file("a", "x").file("b", "y").finish();
    let (first, second) = (unknown.centrals[0], unknown.centrals[1]);
    unknown.bytes.drain(first..second);
    unknown.end -= second - first;
    let n_bytes = u32::try_from(unknown.end - first).unwrap();
    unknown.put_end(8, &[1, 0, 1, 0]);
    unknown.put_end(12, &n_bytes.to_le_bytes());
    refuse(&unknown.bytes, "there are 32 bytes before its first entry");

    let zip = Zip::default().file("a", "x").finish();
    refuse(
        &[&zip.bytes[..], b"more"].concat(),
        "there is data after the zip archive's end",
    );
    refuse(
        &[&zip.bytes[..], &zip.bytes].concat(),
        "its directory is not where its end record says",
    );
    let mut commented = zip.bytes.clone();
    let n = commented.len();
    commented[n - 2] = 5;
    refuse(&commented, "its end record is missing");
    commented.extend(b"12345");
    accept(&commented);
    // A comment that holds an end record, for readers that take the first one.
    let mut fake = zip.bytes.clone();
    fake[n - 2] = 22;
    fake.extend(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    refuse(&fake, "its directory is not where its end record says");
}

#[test]
fn end_records_that_lie_are_refused() {
    let zip = || Zip::default().file("a", "x").file("b", "y").finish();
    let end = |at: usize, bytes: &[u8], reason: &str| {
        let mut zip = zip();
        zip.put_end(at, bytes);
        refuse(&zip.bytes, reason);
    };
    end(4, &[1, 0], "a part of a zip archive that was split");
    end(6, &[1, 0], "a part of a zip archive that was split");
    end(8, &[1, 0], "a part of a zip archive that was split");
    end(8, &[1, 0, 1, 0], "does not hold the 1 entries");
    end(8, &[3, 0, 3, 0], "does not hold the 3 entries");
    end(12, &[1, 0, 0, 0], "its directory is not where");
    end(16, &[1, 0, 0, 0], "its directory is not where");
    end(16, &[0xff, 0xff, 0xff, 0xff], "its directory is not where");
    let mut disk = zip();
    disk.put_central(1, 34, &[1, 0]);
    refuse(&disk.bytes, "a part of a zip archive that was split");
    let mut cut = zip();
    cut.put_central(1, 0, b"PK\x05\x05");
    refuse(&cut.bytes, "entry 2 of its directory is malformed");
    let mut long_comment = zip();
    long_comment.put_central(1, 32, &[1, 0]);
    refuse(&long_comment.bytes, "entry 2 of its directory is malformed");
}

#[test]
fn large_records_that_lie_are_refused() {
    let wide = |record: &dyn Fn(&mut Vec<u8>)| {
        let zip = Zip::default().file("a", "x").finish();
        let (start, end) = (zip.centrals[0] as u64, zip.end as u64);
        let mut tail = b"PK\x06\x06".to_vec();
        tail.extend(44_u64.to_le_bytes());
        tail.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for value in [1, 1, end - start, start] {
            tail.extend(value.to_le_bytes());
        }
        tail.extend(b"PK\x06\x07\0\0\0\0");
        tail.extend(end.to_le_bytes());
        tail.extend([1, 0, 0, 0]);
        record(&mut tail);
        [&zip.bytes[..zip.end], &tail, &zip.bytes[zip.end..]].concat()
    };
    accept(&wide(&|_| {}));
    refuse(
        &wide(&|tail| tail[24] = 2),
        "a part of a zip archive that was split",
    );
    refuse(
        &wide(&|tail| (tail[24], tail[32]) = (2, 2)),
        "its two end records disagree: number of entries",
    );
    refuse(
        &wide(&|tail| tail[40] += 1),
        "its two end records disagree: size of the directory",
    );
    refuse(
        &wide(&|tail| tail[48] += 1),
        "its two end records disagree: place of the directory",
    );
    refuse(
        &wide(&|tail| tail[16] = 1),
        "a part of a zip archive that was split",
    );
    refuse(
        &wide(&|tail| tail[60] = 1),
        "a part of a zip archive that was split",
    );
    refuse(
        &wide(&|tail| tail[72] = 2),
        "a part of a zip archive that was split",
    );
    refuse(
        &wide(&|tail| tail[64] += 1),
        "its directory is not where its end record says",
    );
    refuse(
        &wide(&|tail| tail[4] += 1),
        "its directory is not where its end record says",
    );
    refuse(
        &wide(&|tail| tail[0] = 0),
        "its directory is not where its end record says",
    );

    // Sizes: what stands in the large field must be all that stands there, and true.
    let sized = |values: &[u64]| {
        let mut extra = vec![1, 0, u8::try_from(values.len() * 8).unwrap(), 0];
        extra.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let mut zip = Zip::default().extra(&extra).file("a", "x").finish();
        for size_at in [18, 22] {
            zip.put_local(0, size_at, &[0xff; 4]);
            zip.put_central(0, size_at + 2, &[0xff; 4]);
        }
        zip.bytes
    };
    accept(&sized(&[1, 1]));
    refuse(&sized(&[2, 2]), "it overlaps what comes after it");
    refuse(
        &sized(&[2, 1]),
        "its content is not the 2 bytes that it claims",
    );
    refuse(
        &sized(&[u64::MAX, 1]),
        "18446744073709551615 bytes came out of",
    );
    refuse(&sized(&[1 << 62, 1]), "bytes came out of");
    refuse(&sized(&[1, u64::MAX]), "it overlaps what comes after it");
    refuse(&sized(&[1]), "entry 1 of its directory is malformed");
    refuse(&sized(&[1, 1, 0]), "entry 1 of its directory is malformed");
    let needless = [1, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    refuse(
        &Zip::default()
            .extra(&needless)
            .file("a", "x")
            .finish()
            .bytes,
        "entry 1 of its directory is malformed",
    );
}

#[test]
fn data_descriptors_must_be_true() {
    let deflated = |descriptor: &[u8]| {
        let zip = Zip::default().flags(8).packed("a", 0, b"x", b"x");
        zip.gap(descriptor).finish().bytes
    };
    let crc = crc(b"x").to_le_bytes();
    let (short, long) = ([1, 0, 0, 0].repeat(2), [1, 0, 0, 0, 0, 0, 0, 0].repeat(2));
    let signature = b"PK\x07\x08";
    accept(&deflated(&[&crc[..], &short].concat()));
    accept(&deflated(&[&crc[..], &long].concat()));
    accept(&deflated(&[signature, &crc[..], &short].concat()));
    accept(&deflated(&[signature, &crc[..], &long].concat()));
    refuse(&deflated(b""), "disagree: data descriptor");
    refuse(
        &deflated(&[b"PK\x07\x09", &crc[..], &short].concat()),
        "disagree: data descriptor",
    );
    refuse(
        &deflated(&[&[1; 4][..], &short].concat()),
        "disagree: data descriptor",
    );
    refuse(
        &deflated(&[&crc[..], &[1; 8]].concat()),
        "disagree: data descriptor",
    );
    refuse(
        &deflated(&[&crc[..], &short, b"x"].concat()),
        "disagree: data descriptor",
    );
    refuse(
        &deflated(&[0; 25]),
        "there are 25 bytes after it that belong to no entry",
    );
}

#[test]
fn content_that_is_not_what_is_claimed_is_refused() {
    let zip =
        |packed: &[u8], content: &[u8]| Zip::default().packed("a", 8, packed, content).finish();
    let packed = deflate(b"content");
    accept(&zip(&packed, b"content").bytes);
    refuse(
        &zip(&packed, b"contents").bytes,
        "its content is not the 8 bytes that it claims",
    );
    refuse(
        &zip(&packed, b"conten").bytes,
        "its content is not the 6 bytes that it claims",
    );
    refuse(
        &zip(&packed, b"contend").bytes,
        "its content is damaged (wrong checksum)",
    );
    refuse(
        &zip(&packed[..packed.len() - 1], b"content").bytes,
        "its deflated data is damaged",
    );
    refuse(
        &zip(&[&packed[..], b"x"].concat(), b"content").bytes,
        "its content is not the 7 bytes",
    );
    refuse(
        &zip(b"\xff\xff", b"content").bytes,
        "its deflated data is damaged",
    );
    refuse(&zip(b"", b"").bytes, "its deflated data is damaged");
    let stored = Zip::default()
        .packed("a", 0, b"content", b"contents")
        .finish();
    refuse(
        &stored.bytes,
        "its content is not the 8 bytes that it claims",
    );
    let stored = Zip::default()
        .packed("a", 0, b"content", b"contend")
        .finish();
    refuse(&stored.bytes, "wrong checksum");
}

#[test]
fn a_zip_archive_that_is_cut_is_refused_wherever_it_is() {
    let whole = Zip::default()
        .file("a", "x")
        .deflated("b", &[b'y'; 100])
        .finish()
        .bytes;
    for n in 4..whole.len() {
        refuse_once(&whole[..n], "");
    }
}

// ---- A-05: limits ----

#[test]
fn limits_hold_for_zip_archives() {
    let limits = Limits {
        ratio_floor_bytes: 1 << 20,
        ..Limits::default()
    };
    let bomb = Zip::default()
        .deflated("zeros", &vec![0; 8 << 20])
        .finish()
        .bytes;
    refuse_within(&limits, &bomb, "and at most 200 times are accepted");
    accept(&bomb);

    let limits = Limits {
        max_entries: 5,
        ..Limits::default()
    };
    let files = |n: usize| {
        let named = (0..n).map(|n| n.to_string());
        named
            .fold(Zip::default(), |zip, name| zip.file(&name, ""))
            .finish()
            .bytes
    };
    accept_within(&limits, &files(5));
    refuse_within(&limits, &files(6), "more than 5 entries");
    let implied = Zip::default().file("a/b/c/d/e/f", "").finish().bytes;
    refuse_within(&limits, &implied, "more than 5 entries");

    let limits = Limits {
        min_free_bytes: u64::MAX,
        ..Limits::default()
    };
    refuse_within(&limits, &files(1), "bytes are needed and 0 are free");

    // A directory of 70 MiB that is mostly comments.
    let comment = vec![b'x'; 65_000];
    let large = (0..1130).fold(Zip::default(), |zip, n| {
        zip.comment(&comment).file(&n.to_string(), "")
    });
    refuse_once(
        &large.finish().bytes,
        "bytes, and at most 67108864 are accepted",
    );
}

#[test]
fn a_stop_ends_a_zip_archive_anywhere_and_leaves_nothing() {
    let zip = Zip::default()
        .file("a", "1")
        .raw_file(b"b", vec![1; 1 << 20])
        .mode(0o120_777)
        .file("c", "a");
    let packed = zip.finish().bytes;
    let source = tempfile::tempdir().unwrap();
    let path = source.path().join("code.zip");
    fs::write(&path, packed).unwrap();
    let mut n_asked: u32 = 0;
    loop {
        let trial = Trial::new(Resolution::Openat2, Destination::Empty);
        let left = Cell::new(n_asked);
        let stop = || left.replace(left.get().saturating_sub(1)) == 0;
        match extract(&path, &trial.destination(), &Limits::default(), &stop) {
            Err(err) => assert!(matches!(err.fault, ArchiveFault::Stopped), "{err}"),
            Ok(_) => break,
        }
        trial.check_untouched();
        n_asked += 1;
    }
    // Once for each member, and for each piece of the large one.
    assert!(n_asked > 3 + 4, "{n_asked}");
}

#[test]
fn a_zip_archive_as_a_stream_is_refused_before_anything_is_written() {
    let zip = Zip::default().file("a", "1").finish().bytes;
    assert_eq!(kind_of(&zip), Kind::Zip);
    let trial = Trial::new(Resolution::Openat2, Destination::Empty);
    let err = extract_from(
        "s3://b/k",
        Cursor::new(zip),
        &trial.destination(),
        &Limits::default(),
        GO,
    )
    .unwrap_err();
    assert!(matches!(err.fault, ArchiveFault::ZipStream), "{err}");
    assert!(err.hint().is_some());
    trial.check_untouched();
}

#[test]
fn kinds_are_told_by_first_bytes() {
    let tar = Archive::default().with(&Entry::file("a", "1")).finish();
    assert_eq!(kind_of(&tar[..512]), Kind::Tar);
    assert_eq!(kind_of(&gzip(&tar)), Kind::Gzip);
    assert_eq!(kind_of(&zstd(&tar)), Kind::Zstd);
    assert_eq!(kind_of(&Zip::default().finish().bytes), Kind::Zip);
    assert_eq!(kind_of(b"BZh91"), Kind::Other(Some("bzip2 data")));
    assert_eq!(kind_of(b"print(1)\n"), Kind::Other(None));
    refuse_once(
        b"PK\x07\x08PK\x03\x04",
        "not a tar or zip archive, but a part of a zip archive that was split",
    );
    assert!(Kind::Zip.is_archive() && Kind::Other(Some("xz data")).is_archive());
    assert!(!kind_of(b"").is_archive() && !Kind::Other(None).is_archive());
}

// ---- properties ----

/// One wrong byte anywhere: refused, or of no consequence for the content.
#[test]
fn one_wrong_byte_is_refused_or_harmless() {
    let zip = Zip::default()
        .flags(0x800)
        .file("d/a", "stored")
        .deflated("d/b", b"deflated deflated deflated")
        .mode(0o120_777)
        .file("l", "d/a")
        .mode(0o040_755)
        .file("e/", "")
        .finish();
    let original = Trial::new(Resolution::Openat2, Destination::Missing);
    original.run(&zip.bytes, &Limits::default()).unwrap();
    let expected = contents(&original.destination());
    let mut n_refused = 0;
    for at in 0..zip.bytes.len() {
        for flip in [0x01, 0x20] {
            let mut bytes = zip.bytes.clone();
            bytes[at] ^= flip;
            let trial = Trial::new(Resolution::Openat2, Destination::Missing);
            if trial.run(&bytes, &Limits::default()).is_err() {
                trial.check_untouched();
                n_refused += 1;
                continue;
            }
            trial.check_outside();
            let found = contents(&trial.destination());
            // Whether something is a file or a link is said once only.
            let says_kind = zip
                .centrals
                .iter()
                .any(|central| matches!(at - central.min(&at), 5 | 38..42));
            if says_kind {
                assert!(found.keys().eq(expected.keys()), "byte {at} ^ {flip}");
            } else {
                assert_eq!(found, expected, "byte {at} ^ {flip}");
            }
        }
    }
    assert!(n_refused > zip.bytes.len(), "{n_refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, ..ProptestConfig::default() })]

    /// Trees that Python packs come out equal.
    #[test]
    fn trees_packed_by_python_come_out_equal(
        files in prop::collection::btree_map("[a-c](/[d-f]{1,2}){0,2}\\.[xé]", prop::collection::vec(any::<u8>(), 0..3000), 0..12),
        method in prop::sample::select(vec!["ZIP_STORED", "ZIP_DEFLATED"]),
    ) {
        let trial = Trial::new(Resolution::Openat2, Destination::Missing);
        let tree = trial.outside().join("tree");
        fs::create_dir(&tree).unwrap();
        for (name, content) in &files {
            fs::create_dir_all(tree.join(name).parent().unwrap()).unwrap();
            fs::write(tree.join(name), content).unwrap();
        }
        let packed = python(&format!(r#"
import os, zipfile
tree = {tree:?}
with zipfile.ZipFile(sys.stdout.buffer, "w", zipfile.{method}) as out:
    for folder, folders, files in os.walk(tree):
        for name in folders + files:
            path = os.path.join(folder, name)
            out.write(path, os.path.relpath(path, tree))
"#));
        let extracted = trial.run(&packed, &Limits::default()).unwrap();
        prop_assert_eq!(extracted.n_files, files.len() as u64);
        prop_assert_eq!(contents(&trial.destination()), contents(&tree));
    }

    /// Whatever a few wrong bytes do, nothing is left of a refused archive, and nothing leaves the destination.
    #[test]
    fn damaged_zip_archives_are_refused_or_harmless(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = Zip::default().file("d/a", "1").deflated("b", &[b'x'; 500]).mode(0o120_777).file("l", "b").finish().bytes;
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let trial = Trial::new(Resolution::Openat2, Destination::Missing);
        if trial.run(&bytes, &Limits::default()).is_err() {
            trial.check_untouched();
        }
        trial.check_outside();
    }
}

// ---- archives byte by byte ----

#[track_caller]
fn refuse(packed: &[u8], reason: &str) {
    refuse_within(&Limits::default(), packed, reason);
}

/// A zip archive that is being written.
#[derive(Debug, Clone, Default)]
struct Zip {
    members: Vec<u8>,
    directory: Vec<u8>,
    locals: Vec<usize>,
    centrals: Vec<usize>,
    mode: u32,
    flags: u16,
    extra: Vec<u8>,
    comment: Vec<u8>,
}

/// A zip archive, and where its records start.
struct Built {
    bytes: Vec<u8>,
    locals: Vec<usize>,
    centrals: Vec<usize>,
    end: usize,
}

impl Zip {
    /// The mode of all members from here on; 0 for none.
    fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    fn flags(mut self, flags: u16) -> Self {
        self.flags = flags;
        self
    }

    fn extra(mut self, extra: &[u8]) -> Self {
        self.extra = extra.to_vec();
        self
    }

    fn comment(mut self, comment: &[u8]) -> Self {
        self.comment = comment.to_vec();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.raw_file(name.as_bytes(), content)
    }

    fn raw_file(self, name: &[u8], content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        self.member(name, 0, content, content)
    }

    fn deflated(self, name: &str, content: &[u8]) -> Self {
        self.packed(name, 8, &deflate(content), content)
    }

    /// Says that `content` was packed to `packed`.
    fn packed(self, name: &str, method: u16, packed: &[u8], content: &[u8]) -> Self {
        self.member(name.as_bytes(), method, packed, content)
    }

    /// Bytes that belong to nothing.
    fn gap(mut self, bytes: &[u8]) -> Self {
        self.members.extend(bytes);
        self
    }

    fn member(mut self, name: &[u8], method: u16, packed: &[u8], content: &[u8]) -> Self {
        let offset = self.members.len();
        self.locals.push(offset);
        self.centrals.push(self.directory.len());
        let mut shared = vec![20, 0];
        shared.extend(self.flags.to_le_bytes());
        shared.extend(method.to_le_bytes());
        shared.extend([0, 0, 0x21, 0]);
        shared.extend(crc(content).to_le_bytes());
        for n in [packed.len(), content.len()] {
            shared.extend(u32::try_from(n).unwrap().to_le_bytes());
        }
        for n in [name.len(), self.extra.len()] {
            shared.extend(u16::try_from(n).unwrap().to_le_bytes());
        }
        self.members.extend(b"PK\x03\x04");
        self.members.extend(&shared);
        self.members.extend(name);
        self.members.extend(&self.extra);
        self.members.extend(packed);

        self.directory.extend(b"PK\x01\x02\x14\x03");
        self.directory.extend(&shared);
        self.directory
            .extend(u16::try_from(self.comment.len()).unwrap().to_le_bytes());
        self.directory.extend([0; 4]);
        self.directory.extend((self.mode << 16).to_le_bytes());
        self.directory
            .extend(u32::try_from(offset).unwrap().to_le_bytes());
        self.directory.extend(name);
        self.directory.extend(&self.extra);
        self.directory.extend(&self.comment);
        self
    }

    fn finish(self) -> Built {
        let start = self.members.len();
        let end = start + self.directory.len();
        let mut bytes = [self.members, self.directory].concat();
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        for _ in 0..2 {
            bytes.extend(u16::try_from(self.locals.len()).unwrap().to_le_bytes());
        }
        for n in [end - start, start] {
            bytes.extend(u32::try_from(n).unwrap().to_le_bytes());
        }
        bytes.extend([0, 0]);
        Built {
            bytes,
            locals: self.locals,
            centrals: self.centrals.iter().map(|at| start + at).collect(),
            end,
        }
    }
}

impl Built {
    fn put_local(&mut self, member: usize, at: usize, bytes: &[u8]) {
        self.put(self.locals[member] + at, bytes);
    }

    fn put_central(&mut self, member: usize, at: usize, bytes: &[u8]) {
        self.put(self.centrals[member] + at, bytes);
    }

    fn put_end(&mut self, at: usize, bytes: &[u8]) {
        self.put(self.end + at, bytes);
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn crc(content: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    crc.sum()
}

/// What a Python program writes to its standard output.
fn python(program: &str) -> Vec<u8> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a tool of the test, which ends by itself"
    )]
    let output = std::process::Command::new("python3")
        .args(["-c", &format!("import sys\n{program}")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// All files and links below a directory, and what is in them; directories end with `/`.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            if path.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                found.insert(name, format!("link to {}", target.display()).into_bytes());
            } else if path.is_dir() {
                found.insert(name + "/", Vec::new());
                pending.push(path);
            } else {
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}
