//! Members of a tar stream: v7, ustar, GNU and PAX headers, in the one reading that all known readers share.
//!
//! Where readers are known to disagree, the member is refused: an archive must not look harmless to the tool that
//! inspected it and be another one here. The archive must end with its two blocks of zeros and nothing but zeros after.

use tar::{EntryType, Header};

use super::{
    MemberStream,
    error::{ArchiveFault, EntryLabel},
    number,
    path::{EntryPath, LinkTarget},
    pax::Pax,
    stream::Chunks,
};

/// What to write.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) path: EntryPath,
    /// The permission bits as stored, at most 0o777.
    pub(super) mode: u32,
    /// Seconds and nanoseconds since 1970.
    pub(super) modified: (i64, u32),
    pub(super) kind: MemberKind,
}

#[derive(Debug)]
pub(super) enum MemberKind {
    File { n_bytes: u64 },
    Directory,
    Symlink { target: LinkTarget },
    HardLink { target: EntryPath },
}

/// The members one after the other. The content of each must be taken before the next.
#[derive(Debug)]
pub(super) struct Members {
    chunks: Chunks,
    max_depth: usize,
    n_begun: u64,
    name: Option<Vec<u8>>,
    content_bytes: u64,
    padding_bytes: usize,
}

pub(super) type Block = [u8; BLOCK_BYTES];

impl Members {
    pub(super) fn new(chunks: Chunks, max_depth: usize) -> Self {
        Self {
            chunks,
            max_depth,
            n_begun: 0,
            name: None,
            content_bytes: 0,
            padding_bytes: 0,
        }
    }
}

impl MemberStream for Members {
    fn n_members(&self) -> u64 {
        self.n_begun
    }

    fn entry(&self) -> EntryLabel {
        EntryLabel::new(self.n_begun, self.name.as_deref())
    }

    fn next(&mut self) -> Result<Option<Member>, ArchiveFault> {
        self.n_begun += 1;
        self.name = None;
        let mut extensions = Extensions::default();
        // One of each kind, and some room for global headers.
        for _ in 0..MAX_HEADERS_PER_MEMBER {
            let block = self.block()?;
            if block == [0; BLOCK_BYTES] {
                return self.end(&extensions);
            }
            let header = Header::from_byte_slice(&block);
            if !is_header(&block) {
                return Err(self.not_a_header());
            }
            check_numbers(header)?;
            let header_bytes = unsigned(&header.as_old().size, "size")?;
            let kind = header.entry_type();
            if !extensions.take(kind, || self.extension(kind, header_bytes))? {
                return self.member(header, header_bytes, extensions).map(Some);
            }
        }
        Err(ArchiveFault::DoubledExtension)
    }

    fn content(&mut self) -> Result<Option<&[u8]>, ArchiveFault> {
        if self.content_bytes == 0 {
            self.skip_padding()?;
            return Ok(None);
        }
        let wanted = usize::try_from(self.content_bytes).unwrap_or(usize::MAX);
        let piece = self.chunks.take(wanted)?;
        if piece.is_empty() {
            return Err(ArchiveFault::Truncated);
        }
        self.content_bytes -= piece.len() as u64;
        Ok(Some(piece))
    }

    fn finish(&mut self) -> Result<(), ArchiveFault> {
        loop {
            let rest = self.chunks.take(usize::MAX)?;
            if rest.is_empty() {
                return Ok(());
            } else if rest.iter().any(|byte| *byte != 0) {
                return Err(ArchiveFault::DataAfterEnd);
            }
        }
    }
}

impl Members {
    fn block(&mut self) -> Result<Block, ArchiveFault> {
        let mut block = [0; BLOCK_BYTES];
        let mut n_filled = 0;
        while n_filled < BLOCK_BYTES {
            let piece = self.chunks.take(BLOCK_BYTES - n_filled)?;
            if piece.is_empty() {
                return Err(ArchiveFault::Truncated);
            }
            block[n_filled..n_filled + piece.len()].copy_from_slice(piece);
            n_filled += piece.len();
        }
        Ok(block)
    }

    fn end(&mut self, extensions: &Extensions) -> Result<Option<Member>, ArchiveFault> {
        if self.block()? != [0; BLOCK_BYTES] {
            return Err(ArchiveFault::DataAfterEnd);
        } else if extensions.is_any() {
            return Err(ArchiveFault::DanglingExtension);
        }
        Ok(None)
    }

    fn not_a_header(&self) -> ArchiveFault {
        if self.n_begun == 1 {
            return ArchiveFault::NotAnArchive {
                found: Some("compressed data of another kind"),
            };
        }
        ArchiveFault::Checksum
    }

    /// The content of an extension header.
    fn extension(&mut self, kind: EntryType, n_bytes: u64) -> Result<Vec<u8>, ArchiveFault> {
        let max_bytes = if kind.is_gnu_longname() || kind.is_gnu_longlink() {
            MAX_LONG_NAME_BYTES
        } else {
            MAX_PAX_BYTES
        };
        if n_bytes > max_bytes {
            return Err(ArchiveFault::ExtensionTooLong { n_bytes, max_bytes });
        }
        self.begin_content(n_bytes);
        let mut content = Vec::new();
        while let Some(piece) = self.content()? {
            content.extend_from_slice(piece);
        }
        Ok(content)
    }

    fn member(
        &mut self,
        header: &Header,
        header_bytes: u64,
        extensions: Extensions,
    ) -> Result<Member, ArchiveFault> {
        let Extensions { name, link, pax } = extensions;
        let pax = pax.unwrap_or_default();
        let raw_name = match only_one(name, pax.path)? {
            Some(name) => name,
            None => header_name(header)?,
        };
        self.name = Some(raw_name.clone());
        let raw_target = match only_one(link, pax.link_path)? {
            Some(target) => target,
            None => until_nul(&header.as_old().linkname)?.to_vec(),
        };
        let n_bytes = agreed_size(header_bytes, pax.n_bytes)?;
        let kind = Kind::of(header, &raw_name, n_bytes)?;
        let mode = permissions(&header.as_old().mode, kind)?;
        let path = EntryPath::parse(&raw_name, self.max_depth)?;
        let kind = match kind {
            Kind::File => MemberKind::File { n_bytes },
            Kind::Directory => MemberKind::Directory,
            Kind::Symlink => MemberKind::Symlink {
                target: LinkTarget::parse(&raw_target, &path)?,
            },
            Kind::HardLink if is_like_directory(&raw_target) => {
                return Err(ArchiveFault::DirectoryName { kind: "hard link" });
            }
            Kind::HardLink => MemberKind::HardLink {
                target: EntryPath::parse(&raw_target, self.max_depth)?,
            },
        };
        let modified = match pax.modified {
            Some(modified) => modified,
            None => (signed(&header.as_old().mtime, "mtime")?, 0),
        };
        self.begin_content(n_bytes);
        Ok(Member {
            path,
            mode,
            modified,
            kind,
        })
    }

    fn begin_content(&mut self, n_bytes: u64) {
        self.content_bytes = n_bytes;
        let tail = usize::try_from(n_bytes % BLOCK_BYTES as u64).expect("less than a block");
        self.padding_bytes = (BLOCK_BYTES - tail) % BLOCK_BYTES;
    }

    fn skip_padding(&mut self) -> Result<(), ArchiveFault> {
        while self.padding_bytes > 0 {
            let n = self.chunks.take(self.padding_bytes)?.len();
            if n == 0 {
                return Err(ArchiveFault::Truncated);
            }
            self.padding_bytes -= n;
        }
        Ok(())
    }
}

/// Headers that came before the member they describe.
#[derive(Debug, Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Option<Pax>,
}

impl Extensions {
    /// Takes the header if it is an extension; `false` if it is a member's own.
    fn take(
        &mut self,
        kind: EntryType,
        content: impl FnOnce() -> Result<Vec<u8>, ArchiveFault>,
    ) -> Result<bool, ArchiveFault> {
        let is_doubled = match kind {
            EntryType::GNULongName => self.name.replace(long_name(content()?)?).is_some(),
            EntryType::GNULongLink => self.link.replace(long_name(content()?)?).is_some(),
            EntryType::XHeader => self.pax.replace(Pax::parse(&content()?)?).is_some(),
            EntryType::XGlobalHeader if Pax::parse(&content()?)?.redirects() => {
                return Err(ArchiveFault::GlobalOverride);
            }
            // `git archive` writes one, with the commit in it.
            EntryType::XGlobalHeader => false,
            _ => return Ok(false),
        };
        if is_doubled {
            return Err(ArchiveFault::DoubledExtension);
        }
        Ok(true)
    }

    fn is_any(&self) -> bool {
        self.name.is_some() || self.link.is_some() || self.pax.is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
}

impl Kind {
    fn of(header: &Header, name: &[u8], n_bytes: u64) -> Result<Self, ArchiveFault> {
        let special = |kind| Err(ArchiveFault::Special { kind });
        // Before directories had a type of their own, the slash told them.
        let is_old_directory = name.ends_with(b"/") && header.as_old().linkflag == [b'\0'];
        let kind = match header.entry_type() {
            _ if is_old_directory => Self::Directory,
            EntryType::Regular | EntryType::Continuous => Self::File,
            EntryType::Directory => Self::Directory,
            EntryType::Symlink => Self::Symlink,
            EntryType::Link => Self::HardLink,
            EntryType::Char => return special("character device"),
            EntryType::Block => return special("block device"),
            EntryType::Fifo => return special("FIFO"),
            EntryType::GNUSparse => return Err(ArchiveFault::Sparse),
            other => {
                return Err(ArchiveFault::UnknownKind {
                    byte: other.as_byte(),
                });
            }
        };
        kind.check(name, n_bytes)?;
        Ok(kind)
    }

    /// Refuses a name or a content that a member of this kind cannot have.
    pub(super) fn check(self, name: &[u8], n_bytes: u64) -> Result<(), ArchiveFault> {
        let kind = match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symbolic link",
            Self::HardLink => "hard link",
        };
        if is_like_directory(name) && self != Self::Directory {
            return Err(ArchiveFault::DirectoryName { kind });
        } else if n_bytes > 0 && self != Self::File {
            return Err(ArchiveFault::UnexpectedContent { kind, n_bytes });
        }
        Ok(())
    }

    /// The permission bits of a mode, which must not hand on anybody's rights.
    pub(super) fn permissions(self, mode: u32) -> Result<u32, ArchiveFault> {
        // On a directory, setgid only hands its group down; shared folders have it.
        let forbidden = match self {
            Self::Directory => SETUID,
            Self::File | Self::Symlink | Self::HardLink => SETUID | SETGID,
        };
        if mode & forbidden != 0 {
            return Err(ArchiveFault::Privileged { mode });
        }
        Ok(mode & 0o777)
    }
}

/// Whether some readers see a directory where others see a file.
fn is_like_directory(name: &[u8]) -> bool {
    name == b"." || name.ends_with(b"/") || name.ends_with(b"/.")
}

/// Whether a block's checksum is that of a header.
pub(super) fn is_header(block: &Block) -> bool {
    let field = &Header::from_byte_slice(block).as_old().cksum;
    let Ok(Some(expected)) = number::parse(field) else {
        return false;
    };
    let sum: i64 = block.iter().map(|byte| i64::from(*byte)).sum();
    let own: i64 = field.iter().map(|byte| i64::from(*byte)).sum();
    // The field itself counts as spaces.
    sum - own + i64::from(b' ') * 8 == expected
}

/// The name in a header, a ustar prefix included.
fn header_name(header: &Header) -> Result<Vec<u8>, ArchiveFault> {
    let name = until_nul(&header.as_old().name)?;
    match header.as_ustar() {
        Some(ustar) => Ok(ustar.path_bytes().into_owned()),
        // Python's reader takes what is there for a prefix in any header.
        None if header.as_bytes()[PREFIX_OFFSET] != b'\0' => Err(ArchiveFault::HiddenName),
        None => Ok(name.to_vec()),
    }
}

/// Checks all number fields, used or not: at one that holds no number, other readers take the archive for ended.
fn check_numbers(header: &Header) -> Result<(), ArchiveFault> {
    let old = header.as_old();
    let devices = &header.as_bytes()[DEVICES_OFFSET..PREFIX_OFFSET];
    let (major, minor) = devices.split_at(devices.len() / 2);
    for (value, field) in [
        (&old.mode[..], "mode"),
        (&old.uid, "uid"),
        (&old.gid, "gid"),
        (&old.mtime, "mtime"),
        (major, "devmajor"),
        (minor, "devminor"),
    ] {
        signed(value, field)?;
    }
    Ok(())
}

/// A field up to its NULs. Bytes after them are seen by some readers only.
fn until_nul(field: &[u8]) -> Result<&[u8], ArchiveFault> {
    let end = field
        .iter()
        .position(|byte| *byte == b'\0')
        .unwrap_or(field.len());
    if field[end..].iter().any(|byte| *byte != b'\0') {
        return Err(ArchiveFault::HiddenName);
    }
    Ok(&field[..end])
}

/// The content of a GNU long name. Every writer counts its NUL, and some readers look for it and not at the size.
fn long_name(mut content: Vec<u8>) -> Result<Vec<u8>, ArchiveFault> {
    if content.last() != Some(&b'\0') {
        return Err(ArchiveFault::HiddenName);
    }
    let n_bytes = until_nul(&content)?.len();
    content.truncate(n_bytes);
    Ok(content)
}

fn only_one(gnu: Option<Vec<u8>>, pax: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, ArchiveFault> {
    if gnu.is_some() && pax.is_some() {
        return Err(ArchiveFault::DoubledExtension);
    }
    Ok(gnu.or(pax))
}

/// The size, where the two places for it agree.
///
/// A reader that overlooks the extended header takes content for headers. So the extended header may only say what
/// does not fit into the other (8 GiB and more), which writers then set to zero.
fn agreed_size(header_bytes: u64, pax_bytes: Option<u64>) -> Result<u64, ArchiveFault> {
    match pax_bytes {
        None => Ok(header_bytes),
        Some(pax_bytes) if pax_bytes == header_bytes => Ok(pax_bytes),
        Some(pax_bytes) if header_bytes == 0 && pax_bytes > MAX_OCTAL_BYTES => Ok(pax_bytes),
        Some(pax_bytes) => Err(ArchiveFault::SizesDisagree {
            pax_bytes,
            header_bytes,
        }),
    }
}

fn permissions(field: &[u8], kind: Kind) -> Result<u32, ArchiveFault> {
    let mode = signed(field, "mode")?;
    let mode = u32::try_from(mode).map_err(|_| ArchiveFault::Number { field: "mode" })?;
    kind.permissions(mode)
}

fn unsigned(field: &[u8], name: &'static str) -> Result<u64, ArchiveFault> {
    let number = number::parse(field).ok().flatten();
    number
        .and_then(|number| u64::try_from(number).ok())
        .ok_or(ArchiveFault::Number { field: name })
}

/// Blanks are 0: some writers leave out what they do not know.
fn signed(field: &[u8], name: &'static str) -> Result<i64, ArchiveFault> {
    match number::parse(field) {
        Ok(number) => Ok(number.unwrap_or(0)),
        Err(_) => Err(ArchiveFault::Number { field: name }),
    }
}

pub(super) const BLOCK_BYTES: usize = 512;
const MAX_HEADERS_PER_MEMBER: usize = 8;
/// The kernel takes paths of 4,096 bytes.
const MAX_LONG_NAME_BYTES: u64 = 8 << 10;
/// Room for attributes and ACLs, which are dropped.
const MAX_PAX_BYTES: u64 = 1 << 20;
/// Eleven octal digits.
const MAX_OCTAL_BYTES: u64 = 0o777_7777_7777;
const DEVICES_OFFSET: usize = 329;
const PREFIX_OFFSET: usize = 345;
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
