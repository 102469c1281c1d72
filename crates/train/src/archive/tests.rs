//! Rows A-01 to A-06 and A-08 of the list of bad inputs. Every refusal is checked with both ways to resolve names, into
//! a missing and into an existing directory, plain and gzipped; and that nothing is left, inside or outside.

mod builder;
mod zip;

use std::{
    cell::Cell,
    fs,
    io::{self, Cursor, Seek as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use proptest::prelude::*;

use self::builder::{Archive, Entry, gzip, pax_records, zstd};
use super::*;

// ---- accepted ----

#[test]
fn an_ordinary_archive_comes_out_as_it_went_in() {
    let long = "d/".repeat(80) + "long.py";
    let archive = Archive::default()
        .with(&Entry::directory("./"))
        .with(&Entry::file("./train.py", "print(1)\n").mode("0000755\0"))
        .with(&Entry::directory("./pkg/").mode("0000750\0"))
        .with(&Entry::file("./pkg/__init__.py", ""))
        .with(&Entry::file("implied/by//name.txt", vec![b'x'; 700_000]))
        .with(&Entry::symlink("pkg/link", "../train.py"))
        .with(&Entry::symlink("dangling", "pkg/not-there"))
        .with(&Entry::symlink("here", "."))
        .with(&Entry::hard_link("pkg/again.py", "./train.py"))
        .with(&Entry::gnu_long_name(format!("{long}\0")))
        .with(&Entry::file("cut", "long"))
        .with(&Entry::pax(&[
            ("path", "ünïcode\n2.txt".as_bytes()),
            ("mtime", b"1700000000.25"),
            ("SCHILY.xattr.user.x", b"\0\xff"),
        ]))
        .with(&Entry::file("ascii", "pax"))
        .with(&Entry::new(b'\0', "old-directory/", ""))
        .with(&Entry::new(b'7', "contiguous", "c"))
        .finish();
    for packed in [archive.clone(), gzip(&archive), zstd(&archive)] {
        for trial in Trial::all() {
            let extracted = trial.run(&packed, &Limits::default()).unwrap();
            assert_eq!((extracted.n_files, extracted.n_links), (6, 4));
            assert_eq!(extracted.n_bytes, 9 + 700_000 + 4 + 3 + 1);
            // `pkg`, `old-directory`, `implied`, `implied/by`, and 80 of the long name.
            assert_eq!(extracted.n_directories, 84);
            let at = |name: &str| trial.destination().join(name);
            assert_eq!(fs::read(at("train.py")).unwrap(), b"print(1)\n");
            assert_eq!(
                fs::read(at("implied/by/name.txt")).unwrap(),
                vec![b'x'; 700_000]
            );
            assert_eq!(
                fs::read_link(at("pkg/link")).unwrap(),
                Path::new("../train.py")
            );
            assert_eq!(fs::read(at("pkg/link")).unwrap(), b"print(1)\n");
            assert_eq!(
                fs::metadata(at("pkg/again.py")).unwrap().ino(),
                fs::metadata(at("train.py")).unwrap().ino()
            );
            assert_eq!(fs::read(at(&long)).unwrap(), b"long");
            let pax = fs::metadata(at("ünïcode\n2.txt")).unwrap();
            assert_eq!(
                (pax.mtime(), pax.mtime_nsec()),
                (1_700_000_000, 250_000_000)
            );
            assert_eq!(
                fs::metadata(at("train.py")).unwrap().mtime(),
                0o14_371_573_400
            );
            assert_eq!(fs::metadata(at("train.py")).unwrap().mode() & 0o700, 0o700);
            assert_eq!(fs::metadata(at("pkg")).unwrap().mode() & 0o007, 0);
            assert!(at("old-directory").is_dir());
            trial.check_outside();
        }
    }
}

#[test]
fn an_archive_of_nothing_is_an_empty_directory() {
    for packed in [Archive::default().finish(), gzip(&[0; 10_240])] {
        for trial in Trial::all() {
            assert_eq!(
                trial.run(&packed, &Limits::default()).unwrap(),
                Extracted::default()
            );
            assert_eq!(fs::read_dir(trial.destination()).unwrap().count(), 0);
        }
    }
}

#[test]
fn padding_after_the_end_is_fine() {
    let archive = Archive::default()
        .with(&Entry::file("a", "1"))
        .raw(&[0; 10_240])
        .unfinished();
    accept(&archive);
    accept(&gzip(&archive));
}

#[test]
fn several_gzip_members_and_zstd_frames_are_one_stream() {
    let archive = Archive::default()
        .with(&Entry::file("a", vec![7; 5000]))
        .finish();
    let (front, back) = archive.split_at(1000);
    accept(&[gzip(front), gzip(b""), gzip(back)].concat());
    // Tapes are padded.
    accept(&[gzip(&archive), vec![0; 4096]].concat());
    let skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    accept(&[skippable.clone(), zstd(front), skippable, zstd(back)].concat());
}

#[test]
fn a_global_header_of_git_is_fine() {
    let comment = pax_records(&[("comment", b"7b51d8e6f4f2a59d4f6d7b8ac3a1e5f9c0d1e2f3")]);
    accept(
        &Archive::default()
            .with(&Entry::new(b'g', "pax_global_header", comment))
            .with(&Entry::file("a", "1"))
            .finish(),
    );
}

#[test]
fn the_current_directory_stays_the_same_one() {
    let root = tempfile::tempdir().unwrap();
    let before = fs::metadata(root.path()).unwrap().ino();
    let archive = Archive::default().with(&Entry::file("a", "1")).finish();
    extract_from(
        "x",
        Cursor::new(archive),
        root.path(),
        &Limits::default(),
        GO,
    )
    .unwrap();
    assert_eq!(fs::metadata(root.path()).unwrap().ino(), before);
    assert_eq!(names(root.path()), ["a"]);
}

// ---- A-01: names ----

#[test]
fn names_that_leave_are_refused() {
    let file = |name: &str| {
        Archive::default()
            .with(&Entry::file("ok", "1"))
            .with(&Entry::file(name, "x"))
            .finish()
    };
    refuse(
        &file("../outside/evil"),
        "entry 2 `../outside/evil`: the name holds `..`",
    );
    refuse(&file("a/../../outside/evil"), "`..`");
    refuse(&file("a/.."), "`..`");
    refuse(&file("/tmp/evil"), "the name is absolute");
    refuse(&file("//tmp/evil"), "the name is absolute");
    refuse(&file("C:\\evil"), "the name is absolute");
    refuse(&file("C:/evil"), "the name is absolute");
    refuse(&file("..\\evil"), "backslash");
    refuse(&file(""), "the name is empty");
}

#[test]
fn a_nul_in_a_name_is_refused() {
    let pax = |value: &[u8]| {
        let header = Entry::pax(&[("path", value)]);
        Archive::default()
            .with(&header)
            .with(&Entry::file("a", ""))
            .finish()
    };
    refuse(&pax(b"a\0b"), "NUL");
    refuse(&pax(b""), "the name is empty");
    let hidden = Entry::file("ok\0/../../evil", "");
    refuse(
        &Archive::default().with(&hidden).finish(),
        "only some readers take for a part of its name",
    );
    let long = Entry::gnu_long_name("ok\0../evil\0");
    let archive = Archive::default()
        .with(&long)
        .with(&Entry::file("a", ""))
        .finish();
    refuse(&archive, "only some readers take for a part of its name");
}

#[test]
fn names_too_long_or_too_deep_are_refused() {
    let named = |name: String| {
        let long = Entry::gnu_long_name(name + "\0");
        Archive::default()
            .with(&long)
            .with(&Entry::file("a", ""))
            .finish()
    };
    refuse(&named("n".repeat(256)), "256 bytes long, and at most 255");
    accept(&named("n".repeat(255)));
    refuse(
        &named("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn/".repeat(118) + "x"),
        "4131 bytes long, and at most 4095",
    );
    refuse(
        &named("n/".repeat(128) + "x"),
        "129 levels deep, and at most 128",
    );
    accept(&named("n/".repeat(127) + "x"));
    refuse(
        &named("n".repeat(9000)),
        "an extended header of 9001 bytes, and at most 8192",
    );
}

#[test]
fn one_name_twice_is_refused() {
    let twice =
        |first: &Entry, second: &Entry| Archive::default().with(first).with(second).finish();
    let (file, below) = (Entry::file("a", "1"), Entry::file("a/b", "2"));
    refuse(
        &twice(&file, &below),
        "entry 2 `a/b`: `a` above it is not a directory",
    );
    refuse(&twice(&file, &file), "an earlier entry has the same name");
    refuse(&twice(&below, &file), "an earlier entry has the same name");
    refuse(
        &twice(&file, &Entry::directory("a/")),
        "an earlier entry has the same name",
    );
    refuse(
        &twice(&file, &Entry::symlink("a", "b")),
        "an earlier entry has the same name",
    );
    refuse(
        &twice(&file, &Entry::hard_link("a", "a")),
        "an earlier entry has the same name",
    );
    // Directories come more than once in honest archives.
    accept(&twice(&Entry::directory("a/"), &Entry::directory("a/")));
}

// ---- A-02: links ----

#[test]
fn links_out_of_the_tree_are_refused() {
    let link = |name: &str, target: &str| {
        Archive::default()
            .with(&Entry::symlink(name, target))
            .finish()
    };
    refuse(&link("a", "/etc/passwd"), "absolute path");
    refuse(&link("a", "/proc/self/root"), "absolute path");
    refuse(&link("a", ".."), "out of the tree");
    refuse(&link("a", "../outside"), "out of the tree");
    refuse(&link("d/a", "../../outside"), "out of the tree");
    refuse(&link("a", "b/../../outside"), "down and up again");
    refuse(&link("a", ""), "points to nothing");
    accept(&link("d/e/a", "../../x"));

    let hard = |target: &str| {
        Archive::default()
            .with(&Entry::hard_link("a", target))
            .finish()
    };
    refuse(&hard("../outside/victim"), "`..`");
    refuse(&hard("/etc/passwd"), "the name is absolute");
    refuse(&hard("nothing"), "`nothing`, which is no earlier entry");
    refuse(&hard("not/there"), "`not/there`, which is no earlier entry");
    refuse(&hard("."), "a hard link with the name of a directory");
    refuse(&hard("a/"), "a hard link with the name of a directory");
}

#[test]
fn links_that_leave_only_through_each_other_are_refused() {
    // `here` is the top of the tree, so `here/..` is outside, though its text is not.
    let chain = Archive::default()
        .with(&Entry::symlink("here", "."))
        .with(&Entry::symlink("out", "here/.."))
        .with(&Entry::file("out/outside/evil", "x"))
        .finish();
    refuse(&chain, "entry 2 `out`: the link points down and up again");
    // A second name for a link, one level higher, would point one level higher.
    let moved = Archive::default()
        .with(&Entry::symlink("d/up", ".."))
        .with(&Entry::hard_link("up", "d/up"))
        .finish();
    refuse(
        &moved,
        "entry 2 `up`: a hard link to `d/up`, which is not a regular file",
    );
    let directory = Archive::default()
        .with(&Entry::directory("d/"))
        .with(&Entry::hard_link("e", "d"))
        .finish();
    refuse(&directory, "not a regular file");
}

#[test]
fn nothing_is_written_through_a_link() {
    let through = |last: &Entry| {
        Archive::default()
            .with(&Entry::directory("d/"))
            .with(&Entry::symlink("link", "d"))
            .with(last)
            .finish()
    };
    refuse(
        &through(&Entry::file("link/evil", "x")),
        "entry 3 `link/evil`: `link` above it is a symbolic link",
    );
    refuse(
        &through(&Entry::symlink("link/evil", "x")),
        "`link` above it is a symbolic link",
    );
    refuse(
        &through(&Entry::directory("link/deep/er/")),
        "`link` above it is a symbolic link",
    );
    refuse(
        &through(&Entry::hard_link("x", "link/y")),
        "`link` above it is a symbolic link",
    );
    refuse(
        &through(&Entry::file("link", "x")),
        "an earlier entry has the same name",
    );
}

#[test]
fn a_directory_entry_does_not_change_what_a_link_points_to() {
    let archive = |name: &str| {
        Archive::default()
            .with(&Entry::directory("d/").mode("0000700\0"))
            .with(&Entry::symlink("link", "d"))
            .with(&Entry::directory(name).mode("0000777\0"))
            .finish()
    };
    refuse(&archive("link"), "an earlier entry has the same name");
    refuse(&archive("link/"), "an earlier entry has the same name");
}

// ---- A-03: kinds and modes ----

#[test]
fn special_files_are_refused() {
    let special = |kind: u8| Archive::default().with(&Entry::new(kind, "s", "")).finish();
    refuse(
        &special(b'3'),
        "entry 1 `s`: a character device, which no archive may bring",
    );
    refuse(&special(b'4'), "a block device");
    refuse(&special(b'6'), "a FIFO");
    refuse(&special(b'S'), "a sparse file");
    for kind in [b'D', b'M', b'V', b's', 0xff] {
        refuse(&special(kind), "a member of the unknown kind");
    }
    let sparse = Entry::pax(&[("GNU.sparse.major", b"1"), ("GNU.sparse.realsize", b"9")]);
    refuse(
        &Archive::default()
            .with(&sparse)
            .with(&Entry::file("a", ""))
            .finish(),
        "a sparse file",
    );
}

#[test]
fn setuid_is_refused_and_the_rest_is_masked() {
    let file = |mode: &str| {
        Archive::default()
            .with(&Entry::file("f", "1").mode(mode))
            .finish()
    };
    refuse(
        &file("0004755\0"),
        "entry 1 `f`: it would run with its owner's rights (mode 4755)",
    );
    refuse(&file("0002755\0"), "(mode 2755)");
    refuse(&file("0106755\0"), "(mode 106755)");
    let link = Archive::default()
        .with(&Entry::file("f", "1"))
        .with(&Entry::hard_link("g", "f").mode("0004755\0"));
    refuse(&link.finish(), "(mode 4755)");
    let directory = Archive::default()
        .with(&Entry::directory("d/").mode("0004755\0"))
        .finish();
    refuse(&directory, "(mode 4755)");

    let archive = Archive::default()
        .with(&Entry::directory("shared/").mode("0003777\0"))
        .with(&Entry::directory("closed/").mode("0000000\0"))
        .with(&Entry::file("closed/open", "1").mode("0001777\0"))
        .with(&Entry::file("none", "1").mode("0000000\0"))
        .with(&Entry::file("blank", "1").mode("        "))
        .finish();
    for trial in Trial::all() {
        trial.run(&archive, &Limits::default()).unwrap();
        let mode =
            |name: &str| fs::metadata(trial.destination().join(name)).unwrap().mode() & 0o7777;
        for name in ["shared", "closed", "closed/open", "none", "blank"] {
            assert_eq!(mode(name) & 0o7022, 0, "{name}");
        }
        assert_eq!(mode("shared") & 0o700, 0o700);
        assert_eq!(mode("closed"), 0o700);
        assert_eq!(mode("closed/open") & 0o700, 0o700);
        assert_eq!(mode("none"), 0o600);
    }
}

// ---- A-04: headers ----

#[test]
fn two_sizes_that_disagree_are_refused() {
    let inner = Archive::default()
        .with(&Entry::file("hidden", "x"))
        .unfinished();
    let sizes = |pax: &str, entry: Entry| {
        Archive::default()
            .with(&Entry::pax(&[("size", pax.as_bytes())]))
            .with(&entry)
            .finish()
    };
    let visible = Entry::file("a", &inner);
    accept(&sizes("1024", visible.clone()));
    refuse(
        &sizes("1024", visible.clone().size("00000000000\0")),
        "1024 bytes in the extended header, 0 in the header",
    );
    refuse(
        &sizes("0", visible.clone()),
        "0 bytes in the extended header, 1024 in the header",
    );
    refuse(
        &sizes("512", visible),
        "512 bytes in the extended header, 1024 in the header",
    );
    // What does not fit into the header has to be in the other place alone.
    refuse(
        &sizes("9663676416", Entry::file("a", "")),
        "the archive ends early",
    );
}

#[test]
fn malformed_extended_headers_are_refused() {
    let pax = |content: &[u8]| {
        let header = Entry::new(b'x', "x", content);
        Archive::default()
            .with(&header)
            .with(&Entry::file("a", ""))
            .finish()
    };
    accept(&pax(b""));
    accept(&pax(b"6 a=b\n"));
    for content in [
        &b"6 a=b"[..],
        b"6 a=bx",
        b"7 a=b\n",
        b"5 a=b\n",
        b"6 abc\n",
        b"5 =b\n",
        b"7 a\n=b\n",
        b"7 a\0=b\n",
        b"6 a=b\n\0",
        b"6 a=b\n0 a=b\n",
        b"-6 a=b\n",
        b"+6 a=b\n",
        b" 6 a=b\n",
        b"99999999999999999999 a=b\n",
        b"4294967302 a=b\n",
        b"9 size=x\n",
        b"10 size=-1\n",
        b"8 size=\n",
        b"28 size=99999999999999999999\n",
        b"11 mtime=1x\n",
        b"13 mtime=1.x\n",
        b"10 path=a\n10 path=b\n",
    ] {
        refuse(&pax(content), "malformed");
    }
    let records = pax_records(&[("comment", &vec![b'x'; 1 << 20])]);
    refuse(&pax(&records), "and at most 1048576 are accepted");
    let global = Entry::new(b'g', "g", pax_records(&[("path", b"all")]));
    refuse(
        &Archive::default()
            .with(&global)
            .with(&Entry::file("a", ""))
            .finish(),
        "all members one name or size",
    );
}

#[test]
fn misused_extensions_are_refused() {
    let file = Entry::file("a", "");
    let long = Entry::gnu_long_name("b\0");
    let pax = Entry::pax(&[("path", b"c")]);
    let all = |entries: &[&Entry]| {
        entries
            .iter()
            .fold(Archive::default(), |archive, entry| archive.with(entry))
            .finish()
    };
    refuse(&all(&[&long, &long, &file]), "twice");
    refuse(&all(&[&pax, &pax, &file]), "twice");
    refuse(&all(&[&long, &pax, &file]), "twice");
    refuse(
        &all(&[&file, &long]),
        "entry 2: an extended header without a member after it",
    );
    refuse(
        &all(&[&file, &pax]),
        "an extended header without a member after it",
    );
    let comment = Entry::new(b'g', "g", pax_records(&[("comment", b"x")]));
    refuse(&all(&[&comment; 9]), "twice");
    refuse(
        &all(&[&Entry::gnu_long_name("\0"), &file]),
        "the name is empty",
    );
}

#[test]
fn number_fields_that_make_no_sense_are_refused() {
    let sized = |size: &[u8]| {
        Archive::default()
            .with(&Entry::file("a", "").size(size))
            .finish()
    };
    refuse(
        &sized(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\x00"),
        "`size` field",
    );
    refuse(&sized(b"\x80\x01\0\0\0\0\0\0\0\0\0\0"), "`size` field");
    refuse(&sized(b"\x80\0\0\0\x80\0\0\0\0\0\0\0"), "`size` field");
    refuse(&sized(b"0000000000-\0"), "`size` field");
    refuse(&sized(b"-0000000001\0"), "`size` field");
    refuse(&sized(b"+0000000000\0"), "`size` field");
    refuse(&sized(b"00000000009\0"), "`size` field");
    refuse(&sized(b"0\x000000000000"), "`size` field");
    refuse(&sized(b"            "), "`size` field");
    accept(&sized(b"\x80\0\0\0\0\0\0\0\0\0\0\0"));
    accept(&sized(b"   0        "));
    refuse(
        &Archive::default()
            .with(&Entry::file("a", "").mode("\u{7f}zzzzzz\0"))
            .finish(),
        "`mode` field",
    );
    refuse(
        &Archive::default()
            .with(&Entry::file("a", "").mode(b"\xff\xff\xff\xff\xff\xff\xff\xff"))
            .finish(),
        "`mode` field",
    );
    refuse(
        &Archive::default()
            .with(&Entry::file("a", "").field(136, "14371573x00\0"))
            .finish(),
        "`mtime` field",
    );
    // Before 1970 there were no archives, but there are clocks that think so.
    accept(
        &Archive::default()
            .with(&Entry::file("a", "").field(136, [0xff; 12]))
            .finish(),
    );
}

#[test]
fn content_where_there_can_be_none_is_refused() {
    let refuse_content = |kind: u8, name: &str| {
        let entry = Entry::new(kind, name, "x").target("ok");
        refuse(
            &Archive::default()
                .with(&Entry::file("ok", ""))
                .with(&entry)
                .finish(),
            "a size of 1 bytes",
        );
    };
    refuse_content(b'1', "h");
    refuse_content(b'2', "s");
    refuse_content(b'5', "d/");
    refuse_content(b'\0', "d/");
}

#[test]
fn what_readers_take_differently_is_refused() {
    let alone = |entry: &Entry| Archive::default().with(entry).finish();
    refuse(
        &alone(&Entry::file("d/", "")),
        "a file with the name of a directory",
    );
    refuse(
        &alone(&Entry::new(b'7', "d/", "")),
        "a file with the name of a directory",
    );
    refuse(
        &alone(&Entry::symlink("d/", "x")),
        "a symbolic link with the name of a directory",
    );
    refuse(
        &alone(&Entry::file("d/.", "")),
        "a file with the name of a directory",
    );
    refuse(
        &alone(&Entry::file(".", "")),
        "a file with the name of a directory",
    );
    let unended = Archive::default()
        .with(&Entry::gnu_long_name("long"))
        .with(&Entry::file("a", ""));
    refuse(
        &unended.finish(),
        "only some readers take for a part of its name",
    );
    let gnu = Entry::file("a", "").field(257, "ustar  \0");
    accept(&alone(&gnu));
    refuse(
        &alone(&gnu.field(345, "prefix")),
        "only some readers take for a part of its name",
    );
    accept(&alone(&Entry::file("a", "").field(345, "prefix")));
    for (offset, name) in [
        (100, "mode"),
        (108, "uid"),
        (116, "gid"),
        (329, "devmajor"),
        (337, "devminor"),
    ] {
        refuse(
            &alone(&Entry::file("a", "").field(offset, "000x000\0")),
            &format!("`{name}` field"),
        );
        let pax = Entry::pax(&[("path", b"b")]).field(offset, "000x000\0");
        let described = Archive::default().with(&pax).with(&Entry::file("a", ""));
        refuse(&described.finish(), &format!("`{name}` field"));
    }
}

#[test]
fn a_wrong_checksum_is_refused() {
    let damaged = Entry::file("b", "2").damaged(0, "c");
    let archive = Archive::default()
        .with(&Entry::file("a", "1"))
        .with(&damaged)
        .finish();
    refuse(&archive, "entry 2: its header is damaged (wrong checksum)");
}

#[test]
fn truncation_is_refused_wherever_it_happens() {
    let archive = Archive::default()
        .with(&Entry::directory("d/"))
        .with(&Entry::pax(&[("mtime", b"1.5")]))
        .with(&Entry::file("d/a", vec![1; 1500]))
        .with(&Entry::symlink("s", "d"))
        .finish();
    for n in (512..archive.len()).step_by(512) {
        refuse(&archive[..n], "the archive ends early");
        refuse(&archive[..n + 100], "the archive ends early");
        refuse(&zstd(&archive[..n]), "the archive ends early");
    }
    refuse(&archive[..511], "not a tar or zip archive");
    let packed = gzip(&archive);
    for n in 2..packed.len() {
        refuse_once(&packed[..n], "the gzip data ends early");
    }
    let packed = zstd(&archive);
    for n in 4..packed.len() {
        refuse_once(&packed[..n], "the zstd data ends early");
    }
}

#[test]
fn data_after_the_end_is_refused() {
    let one = Archive::default().with(&Entry::file("a", "1")).finish();
    let two = Archive::default().with(&Entry::file("b", "2")).finish();
    refuse(
        &[one.clone(), two.clone()].concat(),
        "unpack `test`: there is data after the archive's end",
    );
    refuse(
        &[one.clone(), vec![0; 700_000], vec![1]].concat(),
        "unpack `test`: there is data after the archive's end",
    );
    refuse(
        &[gzip(&one), gzip(&two)].concat(),
        "unpack `test`: there is data after the archive's end",
    );
    let lone = Archive::default()
        .with(&Entry::file("a", "1"))
        .raw(&[0; 512])
        .with(&Entry::file("b", "2"));
    refuse(
        &lone.finish(),
        "unpack `test`: there is data after the archive's end",
    );
}

// ---- A-05: the packed stream ----

#[test]
fn a_bomb_is_refused() {
    let limits = Limits {
        ratio_floor_bytes: 1 << 20,
        ..Limits::default()
    };
    let bomb = Archive::default()
        .with(&Entry::file("zeros", vec![0; 8 << 20]))
        .finish();
    refuse_within(&limits, &gzip(&bomb), "and at most 200 times are accepted");
    refuse_within(&limits, &zstd(&bomb), "and at most 200 times are accepted");
    // In the padding too.
    let padded = Archive::default().raw(&vec![0; 8 << 20]).unfinished();
    refuse_within(
        &limits,
        &gzip(&padded),
        "and at most 200 times are accepted",
    );
    // Below the floor the ratio does not count.
    accept(&gzip(&bomb));
}

#[test]
fn the_ratio_is_that_of_the_whole_file_where_its_size_is_known() {
    let root = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..1_u32 << 18)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let archive = Archive::default()
        .with(&Entry::file("zeros", vec![0; 8 << 20]))
        .with(&Entry::file("noise", noise))
        .finish();
    let path = root.path().join("x.tgz");
    fs::write(&path, gzip(&archive)).unwrap();
    let limits = Limits {
        ratio_floor_bytes: 1 << 20,
        ..Limits::default()
    };
    let extracted = extract(&path, &root.path().join("out"), &limits, GO).unwrap();
    assert_eq!(extracted.n_files, 2);
}

#[test]
fn a_damaged_packed_stream_is_refused() {
    let archive = Archive::default().with(&Entry::file("a", "1")).finish();
    let packed = gzip(&archive);
    let flipped = |n_from_end: usize| {
        let mut packed = packed.clone();
        let at = packed.len() - n_from_end;
        packed[at] ^= 1;
        packed
    };
    refuse(&flipped(8), "the gzip data is damaged");
    refuse(&flipped(1), "the gzip data is damaged");
    refuse(
        &[packed.clone(), b"garbage".to_vec()].concat(),
        "the gzip data",
    );
    refuse(
        &[packed.clone(), b"\0\0garbage".to_vec()].concat(),
        "the gzip data is damaged",
    );
    refuse(
        &[packed, b"\x1f\x8b\x08".to_vec()].concat(),
        "the gzip data ends early",
    );

    let packed = zstd(&archive);
    let mut flipped = packed.clone();
    *flipped.last_mut().unwrap() ^= 1;
    refuse(&flipped, "the zstd data is damaged: wrong checksum");
    refuse(
        &[packed.clone(), b"garbage".to_vec()].concat(),
        "the zstd data is damaged",
    );
    refuse(
        &[packed.clone(), b"\x50\x2a\x4d\x18\xff\0\0\0".to_vec()].concat(),
        "the zstd data ends early",
    );
    // A window of 4 GiB, of which nothing is allocated.
    refuse(
        b"\x28\xb5\x2f\xfd\0\xb0\0\0\0",
        "the zstd window is 4294967296 bytes, and at most 8388608",
    );
}

#[test]
fn too_many_entries_are_refused() {
    let limits = Limits {
        max_entries: 5,
        ..Limits::default()
    };
    let files = |n: usize| {
        let named = (0..n).map(|n| Entry::file(n.to_string(), ""));
        named
            .fold(Archive::default(), |archive, entry| archive.with(&entry))
            .finish()
    };
    accept_within(&limits, &files(5));
    refuse_within(&limits, &files(6), "more than 5 entries");
    // Directories that are only implied take inodes too.
    let implied = Archive::default()
        .with(&Entry::file("a/b/c/d/e", ""))
        .finish();
    accept_within(&limits, &implied);
    let implied = Archive::default()
        .with(&Entry::file("a/b/c/d/e/f", ""))
        .finish();
    refuse_within(&limits, &implied, "more than 5 entries");
}

#[test]
fn what_does_not_fit_on_the_disk_is_refused() {
    let huge = Entry::file("huge", "").size(b"\x80\0\0\0\x40\0\0\0\0\0\0\0");
    refuse(
        &Archive::default().with(&huge).finish(),
        "entry 1 `huge`: 4611686018427387904 bytes are needed and ",
    );
    let limits = Limits {
        min_free_bytes: u64::MAX,
        ..Limits::default()
    };
    let archive = Archive::default().with(&Entry::file("a", "1")).finish();
    refuse_within(
        &limits,
        &archive,
        "4096 bytes are needed and 0 are free on the destination's disk",
    );

    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("x.tar");
    fs::write(&source, &archive).unwrap();
    let err = extract(&source, &root.path().join("out"), &limits, GO).unwrap_err();
    assert!(err.to_string().contains("2048 bytes are needed"), "{err}");
    assert_eq!(names(root.path()), ["x.tar"]);
}

// ---- A-06 and other formats ----

#[test]
fn other_formats_are_named() {
    refuse_once(
        b"7z\xbc\xaf\x27\x1c",
        "not a tar or zip archive, but a 7z archive",
    );
    refuse_once(b"BZh91AY&SY", "not a tar or zip archive, but bzip2 data");
    refuse_once(b"\xfd7zXZ\0", "not a tar or zip archive, but xz data");
    refuse_once(b"", "not a tar or zip archive, but an empty file");
    refuse_once(b"print('hello')\n", "not a tar or zip archive");
    refuse_once(&[b'x'; 4096], "not a tar or zip archive");
    refuse_once(
        &gzip(&[b'x'; 4096]),
        "unpack `test`: not a tar or zip archive, but compressed data of another kind",
    );
}

#[test]
fn archives_are_told_from_scripts() {
    let root = tempfile::tempdir().unwrap();
    let tar = Archive::default().with(&Entry::file("a", "1")).finish();
    let old = Archive::default()
        .with(&Entry::file("a", "1").field(257, [0; 8]))
        .finish();
    for (content, expected) in [
        (&tar[..], true),
        (&old, true),
        (&gzip(b"anything"), true),
        (b"PK\x03\x04", true),
        (b"import os\n", false),
        (b"", false),
        (&[b'x'; 1024], false),
    ] {
        let path = root.path().join("file");
        fs::write(&path, content).unwrap();
        assert_eq!(is_archive(&path).unwrap(), expected);
    }
    is_archive(root.path()).unwrap_err();
}

// ---- A-08: another process interferes ----

#[test]
fn a_directory_swapped_for_a_link_leads_nowhere() {
    for resolution in [Resolution::Openat2, Resolution::Parts] {
        let trial = Trial::new(resolution, Destination::Missing);
        let archive = Archive::default()
            .with(&Entry::file("d/first", "1"))
            // Another directory, so that the descriptor of `d` is not at hand any more.
            .with(&Entry::file("e/second", "2"))
            .unfinished();
        let rest = Archive::default()
            .with(&Entry::file("d/evil", "x"))
            .with(&Entry::directory("d/").mode("0000777\0"))
            .finish();
        let parent = trial.destination().parent().unwrap().to_owned();
        let outside = trial.outside();
        let swap = move || {
            let staging = wait_for(|| {
                names(&parent)
                    .into_iter()
                    .find(|name| name.starts_with(".optml-staging-"))
            });
            let staging = parent.join(staging);
            wait_for(|| staging.join("e/second").exists().then_some(()));
            fs::rename(staging.join("d"), staging.join("moved")).unwrap();
            symlink(&outside, staging.join("d")).unwrap();
        };
        // As much as one buffer, so that the first members are seen before the rest is asked for.
        let padding = Entry::file("pad", vec![0; 1 << 20]);
        let padding = Archive::default().with(&padding).unfinished();
        let reader = Steps {
            before: Cursor::new([archive, padding].concat()),
            between: Some(swap),
            after: Cursor::new(rest),
        };
        let unpacking = Unpacking {
            name: "x",
            limits: &Limits::default(),
            resolution,
            stop: GO,
        };
        let err = unpacking.stream(reader, &trial.destination()).unwrap_err();
        assert!(
            err.to_string()
                .contains("entry 4 `d/evil`: `d` above it is a symbolic link"),
            "{err}"
        );
        trial.check_untouched();
    }
}

/// Yields `before`, then runs `between`, then yields `after`.
struct Steps<F> {
    before: Cursor<Vec<u8>>,
    between: Option<F>,
    after: Cursor<Vec<u8>>,
}

impl<F: FnOnce()> Read for Steps<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.before.read(buf)?;
        if n > 0 {
            return Ok(n);
        }
        if let Some(between) = self.between.take() {
            between();
        }
        self.after.read(buf)
    }
}

#[track_caller]
fn wait_for<T>(condition: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "it never came");
        thread::yield_now();
    }
}

// ---- the source and the destination ----

#[test]
fn a_stop_ends_it_anywhere_and_leaves_nothing() {
    let archive = Archive::default()
        .with(&Entry::file("a", "1"))
        .with(&Entry::file("b", vec![1; 1 << 20]))
        .with(&Entry::file("c", "1"))
        .finish();
    let mut n_asked: u32 = 0;
    loop {
        let trial = Trial::new(Resolution::Openat2, Destination::Empty);
        let left = Cell::new(n_asked);
        let stop = || left.replace(left.get().saturating_sub(1)) == 0;
        let reader = Cursor::new(archive.clone());
        match extract_from("x", reader, &trial.destination(), &Limits::default(), &stop) {
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
fn a_source_that_fails_is_named() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("connection reset"))
        }
    }
    let packed = gzip(
        &Archive::default()
            .with(&Entry::file("a", vec![1; 4096]))
            .finish(),
    );
    let trial = Trial::new(Resolution::Openat2, Destination::Empty);
    for n in [0, 1, 20, packed.len() - 1] {
        let reader = Cursor::new(packed[..n].to_vec()).chain(Failing);
        let err = extract_from(
            "s3://bucket/key",
            reader,
            &trial.destination(),
            &Limits::default(),
            GO,
        )
        .unwrap_err();
        assert!(
            err.to_string()
                .contains("the source cannot be read: connection reset"),
            "{err}"
        );
        trial.check_untouched();
    }
}

#[test]
fn a_source_that_is_no_file_is_named() {
    let root = tempfile::tempdir().unwrap();
    let fifo = root.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let out = root.path().join("out");
    let refused = |source: &Path| {
        extract(source, &out, &Limits::default(), GO)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&fifo).ends_with("it is not a regular file"));
    assert!(refused(root.path()).ends_with("it is not a regular file"));
    assert!(refused(&root.path().join("none")).contains("No such file"));
    assert_eq!(names(root.path()), ["fifo"]);
}

#[test]
fn a_destination_that_holds_something_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let archive = Archive::default().with(&Entry::file("a", "1")).finish();
    let refused = |destination: &Path| {
        let reader = Cursor::new(archive.clone());
        extract_from("x", reader, destination, &Limits::default(), GO).unwrap_err()
    };
    let filled = root.path().join("filled");
    fs::create_dir(&filled).unwrap();
    fs::write(filled.join("mine"), "1").unwrap();
    assert!(refused(&filled).to_string().ends_with("is not empty"));
    assert!(
        refused(&filled.join("mine"))
            .to_string()
            .ends_with("is not a directory")
    );
    assert_eq!(names(&filled), ["mine"]);

    let interrupted = root.path().join("interrupted");
    fs::create_dir_all(interrupted.join(".optml-staging-1-0")).unwrap();
    let err = refused(&interrupted);
    assert!(
        err.to_string()
            .ends_with("is left from an unpacking that was interrupted"),
        "{err}"
    );
    assert!(err.hint().is_some());
}

#[test]
fn missing_parents_are_made_and_unmade() {
    let root = tempfile::tempdir().unwrap();
    let destination = root.path().join("a/b/c");
    let good = Archive::default().with(&Entry::file("f", "1")).finish();
    let bad = Archive::default().with(&Entry::file("../f", "1")).finish();
    extract_from("x", Cursor::new(bad), &destination, &Limits::default(), GO).unwrap_err();
    assert!(names(root.path()).is_empty());
    extract_from("x", Cursor::new(good), &destination, &Limits::default(), GO).unwrap();
    assert_eq!(names(&destination), ["f"]);
    assert_eq!(names(&root.path().join("a/b")), ["c"]);
}

#[test]
fn what_came_in_between_wins_and_all_is_rolled_back() {
    for is_existing in [true, false] {
        let root = tempfile::tempdir().unwrap();
        let destination = root.path().join("out");
        if is_existing {
            fs::create_dir(&destination).unwrap();
        }
        let staging = Staging::new(&destination).unwrap();
        let mut tree = Tree::new(staging.open().unwrap(), Resolution::Openat2);
        for name in ["a", "b", "c", "d"] {
            let path = EntryPath::parse(name.as_bytes(), 9).unwrap();
            tree.create_file(&path, 0o644).unwrap();
        }
        fs::create_dir_all(&destination).unwrap();
        fs::write(destination.join("c"), "theirs").unwrap();
        let err = staging.publish().unwrap_err();
        assert!(matches!(err, StagingError::Io { .. }), "{err}");
        assert_eq!(names(&destination), ["c"]);
        assert_eq!(fs::read(destination.join("c")).unwrap(), b"theirs");
        assert_eq!(names(root.path()), ["out"]);
    }
}

#[test]
fn a_destination_that_cannot_be_written_is_named() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let archive = Archive::default().with(&Entry::file("a", "1")).finish();
    let err = extract_from(
        "x",
        Cursor::new(archive),
        &file.join("out"),
        &Limits::default(),
        GO,
    )
    .unwrap_err();
    assert!(err.to_string().contains("file"), "{err}");
    assert_eq!(names(root.path()), ["file"]);
}

// ---- texts ----

#[test]
fn messages_name_archive_entry_and_reason() {
    let message = |archive: &[u8]| {
        let root = tempfile::tempdir().unwrap();
        let reader = Cursor::new(archive.to_vec());
        let err = extract_from(
            "code.tar.gz",
            reader,
            &root.path().join("x"),
            &Limits::default(),
            GO,
        )
        .unwrap_err();
        format!("{err}\nhint: {}", err.hint().unwrap_or_default())
    };
    let climbing = Archive::default()
        .with(&Entry::file("../\u{1b}[2Jx", ""))
        .finish();
    insta::assert_snapshot!(message(&climbing), @r"
    unpack `code.tar.gz`: entry 1 `../\u{1b}[2Jx`: the name holds `..`
    hint: pack names relative to the directory: `tar czf code.tar.gz -C DIRECTORY .`
    ");
    insta::assert_snapshot!(message(b"PK\x03\x04"), @"
    unpack `code.tar.gz`: a zip archive, which cannot be unpacked while it arrives
    hint: store it as a file first, or pack a `.tar.gz`
    ");
    insta::assert_snapshot!(message(b"BZh91AY&SY"), @"
    unpack `code.tar.gz`: not a tar or zip archive, but bzip2 data
    hint: `.tar.gz`, `.tar`, `.tar.zst` and `.zip` are accepted, whatever their names; pack with `tar czf code.tar.gz -C DIRECTORY .`
    ");
    let cut = gzip(
        &Archive::default()
            .with(&Entry::file("a", vec![1; 999]))
            .finish(),
    );
    insta::assert_snapshot!(message(&cut[..cut.len() - 9]), @"
    unpack `code.tar.gz`: entry 1: the gzip data ends early
    hint: the packing, upload or download was cut short, or the disk was full: pack and upload it again
    ");
    let pax = Archive::default()
        .with(&Entry::new(b'x', "x", "1"))
        .finish();
    insta::assert_snapshot!(message(&pax), @"
    unpack `code.tar.gz`: entry 1: its extended header is malformed
    hint: pack it anew with a current `tar`, `bsdtar` or Python's `tarfile`
    ");
}

// ---- properties ----

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever a few wrong bytes do, nothing is left of a refused archive, and nothing leaves the destination.
    #[test]
    fn damage_is_refused_or_harmless(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut archive = Archive::default()
            .with(&Entry::directory("d/"))
            .with(&Entry::pax(&[("path", b"d/pax"), ("size", b"3")]))
            .with(&Entry::file("x", "abc"))
            .with(&Entry::gnu_long_name("d/long\0"))
            .with(&Entry::symlink("y", "../d"))
            .with(&Entry::hard_link("h", "d/pax"))
            .finish();
        for (index, byte) in damage {
            let at = index.index(archive.len());
            archive[at] = byte;
        }
        let trial = Trial::new(Resolution::Openat2, Destination::Missing);
        if trial.run(&archive, &Limits::default()).is_err() {
            trial.check_untouched();
        }
        trial.check_outside();
    }

    /// Links that are accepted stay inside, however they are combined.
    #[test]
    fn accepted_links_resolve_inside(
        links in prop::collection::vec(("[ab](/[ab]){0,2}", r"(\.\./){0,3}([ab.](/[ab.]){0,2}|\.\.)"), 1..10),
    ) {
        let trial = Trial::new(Resolution::Openat2, Destination::Empty);
        let root = fs::canonicalize(trial.destination()).unwrap();
        let mut tree = Tree::new(rustix::fs::open(&root, OFlags::RDONLY, Mode::empty()).unwrap(), Resolution::Openat2);
        let mut made = Vec::new();
        for (name, target) in &links {
            let path = EntryPath::parse(name.as_bytes(), 9).unwrap();
            let Ok(target) = LinkTarget::parse(target.as_bytes(), &path) else { continue };
            if tree.create_symlink(&path, &target).is_ok() {
                made.push(root.join(name));
            }
        }
        for link in made {
            // A link to nothing, or in a circle, leads nowhere.
            if let Ok(resolved) = fs::canonicalize(&link) {
                prop_assert!(resolved.starts_with(&root), "{link:?} leads to {resolved:?}");
            }
        }
    }

    #[test]
    fn any_name_is_refused_or_has_one_spelling(raw in prop::collection::vec(prop::sample::select(b"a./\\\0C:".to_vec()), 0..12)) {
        if let Ok(path) = EntryPath::parse(&raw, 9) {
            let bytes = path.as_bytes();
            prop_assert!(bytes.is_empty() || bytes.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b"..")));
            prop_assert!(!bytes.contains(&0));
        }
    }
}

// ---- the checks ----

const GO: Stop<'static> = &|| false;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Missing,
    Empty,
}

/// A destination beside something that must not be touched.
struct Trial {
    root: tempfile::TempDir,
    resolution: Resolution,
    kind: Destination,
}

impl Trial {
    fn new(resolution: Resolution, kind: Destination) -> Self {
        let trial = Self {
            root: tempfile::tempdir().unwrap(),
            resolution,
            kind,
        };
        fs::create_dir(trial.outside()).unwrap();
        fs::set_permissions(trial.outside(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(trial.outside().join("victim"), "untouched").unwrap();
        if kind == Destination::Empty {
            fs::create_dir(trial.destination()).unwrap();
        }
        trial
    }

    fn all() -> [Self; 4] {
        [
            Self::new(Resolution::Openat2, Destination::Missing),
            Self::new(Resolution::Openat2, Destination::Empty),
            Self::new(Resolution::Parts, Destination::Missing),
            Self::new(Resolution::Parts, Destination::Empty),
        ]
    }

    fn destination(&self) -> PathBuf {
        self.root.path().join("destination")
    }

    fn outside(&self) -> PathBuf {
        self.root.path().join("outside")
    }

    fn run(&self, packed: &[u8], limits: &Limits) -> Result<Extracted, ArchiveError> {
        let unpacking = Unpacking {
            name: "test",
            limits,
            resolution: self.resolution,
            stop: GO,
        };
        if kind_of(packed) != Kind::Zip {
            return unpacking.stream(Cursor::new(packed.to_vec()), &self.destination());
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(packed).unwrap();
        file.rewind().unwrap();
        unpacking.file(file, packed.len() as u64, &self.destination())
    }

    #[track_caller]
    fn check_outside(&self) {
        assert_eq!(names(&self.outside()), ["victim"]);
        assert_eq!(
            fs::read(self.outside().join("victim")).unwrap(),
            b"untouched"
        );
        assert_eq!(fs::metadata(self.outside()).unwrap().mode() & 0o777, 0o700);
        let beside = names(self.root.path());
        assert!(
            beside == ["destination", "outside"] || beside == ["outside"],
            "{beside:?}"
        );
    }

    #[track_caller]
    fn check_untouched(&self) {
        self.check_outside();
        match self.kind {
            Destination::Missing => assert!(!self.destination().exists()),
            Destination::Empty => assert!(names(&self.destination()).is_empty()),
        }
    }
}

#[track_caller]
fn accept(packed: &[u8]) {
    accept_within(&Limits::default(), packed);
}

#[track_caller]
fn accept_within(limits: &Limits, packed: &[u8]) {
    for trial in Trial::all() {
        if let Err(err) = trial.run(packed, limits) {
            panic!("{err}");
        }
        trial.check_outside();
    }
}

/// The archive, plain and gzipped, is refused for this reason.
#[track_caller]
fn refuse(packed: &[u8], reason: &str) {
    refuse_within(&Limits::default(), packed, reason);
    let is_plain_tar =
        packed.len() >= 512 && !packed.starts_with(b"\x1f\x8b") && !packed.starts_with(b"\x28\xb5");
    if is_plain_tar {
        refuse_within(&Limits::default(), &gzip(packed), reason);
    }
}

#[track_caller]
fn refuse_within(limits: &Limits, packed: &[u8], reason: &str) {
    for trial in Trial::all() {
        check_refusal(&trial, limits, packed, reason);
    }
}

/// For long series: one trial only.
#[track_caller]
fn refuse_once(packed: &[u8], reason: &str) {
    check_refusal(
        &Trial::new(Resolution::Openat2, Destination::Missing),
        &Limits::default(),
        packed,
        reason,
    );
}

#[track_caller]
fn check_refusal(trial: &Trial, limits: &Limits, packed: &[u8], reason: &str) {
    match trial.run(packed, limits) {
        Ok(_) => panic!("accepted, not refused with: {reason}"),
        Err(err) => assert!(
            err.to_string().contains(reason),
            "{err}\ninstead of: {reason}"
        ),
    }
    trial.check_untouched();
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
