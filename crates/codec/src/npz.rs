//! NPZ bodies: a zip archive of NPY files, as `np.savez` and `np.savez_compressed` write it.
//!
//! Every bound is checked against what the archive says before anything is decompressed, and again while it is. Names
//! are keys, never paths; those that look like a way out are refused all the same.

mod zip;

use std::borrow::Cow;

use self::zip::Archive;
use crate::{
    array::Array,
    error::{CodecError, DecodeError, EncodeError, ZipFault},
    npy,
};

/// How much an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most entries. Default 64.
    pub n_entries: usize,
    /// Most bytes of all entries together, decompressed. Default 400 MiB: four times the default limit of a body.
    pub inflated_bytes: u64,
    /// Most bytes that one compressed byte may become, above [`Limits::RATIO_FROM_BYTES`]. Default 200.
    pub ratio: u64,
}

/// The arrays of an archive, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Npz<'a> {
    arrays: Vec<(String, Array<'a>)>,
}

impl Limits {
    /// Smaller entries may have any ratio: an array of zeros is no attack.
    pub const RATIO_FROM_BYTES: u64 = 1 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            n_entries: 64,
            inflated_bytes: 400 << 20,
            ratio: 200,
        }
    }
}

impl<'a> Npz<'a> {
    /// Names without `.npy`, and arrays.
    pub fn arrays(&self) -> &[(String, Array<'a>)] {
        &self.arrays
    }

    /// The same, without a copy.
    pub fn into_arrays(self) -> Vec<(String, Array<'a>)> {
        self.arrays
    }

    /// True for what `scipy.sparse.save_npz` writes: an entry `format` names the form of a sparse matrix.
    pub fn is_sparse(&self) -> bool {
        self.arrays.iter().any(|(name, _)| name == "format")
    }
}

/// Decodes every entry. Entries that aren't compressed are views of the body.
///
/// **Units and limits**: those of [`Limits`].
///
/// # Errors
/// [`CodecError::MalformedNpz`], or what [`npy::decode`] says with the name of the entry.
pub fn decode(body: &[u8], limits: Limits) -> Result<Npz<'_>, DecodeError> {
    let archive = Archive::parse(body, limits).map_err(CodecError::MalformedNpz)?;
    let mut arrays = Vec::with_capacity(archive.entries.len());
    for entry in archive.entries {
        let decoded = match entry.contents().map_err(CodecError::MalformedNpz)? {
            Cow::Borrowed(contents) => npy::decode(contents),
            Cow::Owned(contents) => npy::decode_owned(contents),
        };
        let array = decoded.map_err(|err| match err {
            DecodeError::Faulty(cause) => CodecError::NpzEntry {
                name: entry.name.clone(),
                cause: Box::new(cause),
            }
            .into(),
            undecodable @ DecodeError::Undecodable(_) => undecodable,
        })?;
        arrays.push((entry.name, array));
    }
    Ok(Npz { arrays })
}

/// Appends an archive of the arrays, not compressed, as `np.savez` has it but for the timestamps, which are 1980.
///
/// # Errors
/// [`CodecError::TooLarge`] for an archive of 4 GiB or more, [`CodecError::MalformedNpz`] for more than 65,534 arrays
/// or a name that [`decode`] would refuse.
pub fn encode(arrays: &[(&str, &Array<'_>)], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut writer = zip::Writer::new(out, arrays.len())?;
    for (name, array) in arrays {
        writer.entry(name, |out| npy::encode(array, out))?;
    }
    writer.finish()
}

impl From<ZipFault> for EncodeError {
    fn from(fault: ZipFault) -> Self {
        CodecError::MalformedNpz(fault).into()
    }
}

#[cfg(test)]
mod tests;
