//! A wheel, written by hand: an archive of zip with files as they are.

/// The file name and the bytes of a pure wheel with one module, named like the project.
pub fn wheel(name: &str, version: &str, module_source: &str) -> (String, Vec<u8>) {
    let module = name.replace(['-', '.'], "_");
    let folder = format!("{module}-{version}.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    let about = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let mut files = vec![
        (format!("{module}.py"), module_source.to_owned()),
        (format!("{folder}/METADATA"), metadata),
        (format!("{folder}/WHEEL"), about.to_owned()),
    ];
    // Hashes may be left out, and nobody checks them.
    let mut record: String = files
        .iter()
        .map(|(name, _)| [name, ",,\n"].concat())
        .collect();
    record.extend([&folder, "/RECORD,,\n"].map(String::from));
    files.push((format!("{folder}/RECORD"), record));
    (format!("{module}-{version}-py3-none-any.whl"), zip(&files))
}

/// An archive of stored files.
///
/// **Shape** — for each file a local header, its name and its bytes; then the directory, a header for each; then its
/// end. All numbers are little-endian.
fn zip(files: &[(String, String)]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, text) in files {
        let offset = archive.len();
        let description = description(name, text.as_bytes());
        archive.extend(b"PK\x03\x04");
        archive.extend(&description);
        archive.extend(name.as_bytes());
        archive.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&description);
        // No comment, first disk, no internal attributes, mode 0644 of a regular file.
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(word(offset));
        directory.extend(name.as_bytes());
    }
    let start = archive.len();
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(half(files.len()));
    archive.extend(half(files.len()));
    archive.extend(word(directory.len()));
    archive.extend(word(start));
    archive.extend([0; 2]);
    archive
}

/// What both headers of a file say: version, flags, method, time, checksum, sizes, and the lengths of name and extra.
fn description(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![20, 0, 0, 0, 0, 0];
    // Midnight of 1 January 1980, the first moment there is.
    text.extend([0, 0, 0x21, 0]);
    text.extend(crc32(bytes).to_le_bytes());
    text.extend(word(bytes.len()));
    text.extend(word(bytes.len()));
    text.extend(half(name.len()));
    text.extend([0; 2]);
    text
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let low = crc & 1;
            crc = (crc >> 1) ^ (0xEDB8_8320 * low);
        }
    }
    !crc
}

fn word(n: usize) -> [u8; 4] {
    u32::try_from(n).expect("a small wheel").to_le_bytes()
}

fn half(n: usize) -> [u8; 2] {
    u16::try_from(n).expect("a small wheel").to_le_bytes()
}
