//! The recorded values of the reference, each line a named test.
//!
//! The data is in `conformance/codec` of the repository; `OPTML_CONFORMANCE` names another folder.
//!
//! Both generations decode and encode JSON and NPY alike, and write the same CSV; those lines are tested for both.
//! How generation 2 *reads* CSV (`np.genfromtxt`: comments, missing integers as 0, structures) is not this crate's: the
//! package that stands in for it calls numpy, as the original does. Those lines are counted.

#![expect(
    clippy::unwrap_used,
    reason = "a test with its own main: a panic is a failed case"
)]

use std::{fs, path::PathBuf, process::ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use optml_codec::{
    Array, CodecError, DecodeError, Decoded, Dtype, EncodeError, Format, Kind, MediaType,
    Undecodable, error::NotNumeric, format::DecodeOptions, json::NonFinite,
};
use serde_json::Value;

/// Lines of generation 2 that decode CSV.
const N_GENFROMTXT: usize = 100;
const N_LINES: usize = 1200;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let mut n_genfromtxt = 0;
    for (line, number) in read("codec/cases.jsonl").lines().zip(1..) {
        let case: Value = serde_json::from_str(line).unwrap();
        let (op, generation) = (text(&case, "op").to_owned(), text(&case, "gen").to_owned());
        let decodes = op == "decode";
        let media_type = text(&case, if decodes { "content_type" } else { "accept" });
        if decodes && generation == "2" && media_type == "text/csv" {
            n_genfromtxt += 1;
            continue;
        }
        let name = format!("gen{generation}::{op}::{media_type}::{number:04}");
        trials.push(Trial::test(name, move || {
            if decodes {
                decode(&case)
            } else {
                encode(&case)
            }
        }));
    }
    assert_eq!(
        n_genfromtxt, N_GENFROMTXT,
        "lines that numpy.genfromtxt reads"
    );
    assert_eq!(
        trials.len(),
        N_LINES - N_GENFROMTXT,
        "lines of codec/cases.jsonl"
    );
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn decode(case: &Value) -> Result<(), Failed> {
    let content_type = MediaType::parse(text(case, "content_type"));
    let format = Format::of(&content_type).unwrap();
    let body = base64(text(case, "body"));
    let ours = format.decode(&content_type, &body, DecodeOptions::default());
    if let Some(error) = case.get("error") {
        return refused(format, &ours, error);
    }
    let expected = &case["result"];
    let decoded = match (&ours, expected.get("data")) {
        (Ok(Decoded::Array(array)), Some(data)) => {
            return equal(
                array,
                text(expected, "dtype"),
                &shape(expected),
                &base64(data.as_str().unwrap()),
            );
        }
        (Err(DecodeError::Undecodable(_)), None) => return Ok(()),
        (Ok(Decoded::Array(array)), None) if format == Format::Csv => array,
        _ => return Err(format!("ours {ours:?}, the reference {expected}").into()),
    };
    numbers_where_the_reference_has_text(decoded, expected)
}

/// Where the reference fails: malformed CSV and NPY are errors of the body here too; what JSON there is, all ragged
/// lists, is Python's to refuse, because only it knows the other things that such a list may hold.
fn refused(
    format: Format,
    ours: &Result<Decoded<'_>, DecodeError>,
    error: &Value,
) -> Result<(), Failed> {
    match (format, ours) {
        (Format::Json, Err(DecodeError::Undecodable(Undecodable::Json(NotNumeric::Ragged)))) => {
            Ok(())
        }
        (Format::Csv | Format::Npy, Err(DecodeError::Faulty(err)))
            if err.kind() == Kind::BadBody =>
        {
            Ok(())
        }
        _ => Err(format!("ours {ours:?}, the reference fails with {error}").into()),
    }
}

/// Two differences from the reference's CSV: an empty cell is NaN, and a byte order mark is no part of the first cell.
fn numbers_where_the_reference_has_text(ours: &Array<'_>, expected: &Value) -> Result<(), Failed> {
    // The text is the array as Python's `repr` has it; what is in quotes is a cell.
    let text = text(expected, "text").replace("\\ufeff", "\u{feff}");
    let cells: Vec<_> = text.split('\'').skip(1).step_by(2).collect();
    let is_ours = cells
        .iter()
        .any(|cell| cell.is_empty() || cell.starts_with('\u{feff}'));
    if !is_ours {
        return Err(format!("ours {ours:?}, the reference {expected}").into());
    }
    let numbers: Vec<u8> = cells
        .iter()
        .map(|cell| cell.trim_start_matches('\u{feff}'))
        .map(|cell| {
            if cell.is_empty() {
                f64::NAN
            } else {
                cell.parse().unwrap()
            }
        })
        .flat_map(f64::to_le_bytes)
        .collect();
    equal(ours, "<f8", &shape(expected), &numbers)
}

fn equal(ours: &Array<'_>, dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<(), Failed> {
    if (ours.dtype().name(), ours.shape(), ours.as_bytes()) == (dtype, shape, bytes) {
        Ok(())
    } else {
        Err(format!("ours {ours:?}, the reference {dtype} {shape:?} {bytes:?}").into())
    }
}

fn encode(case: &Value) -> Result<(), Failed> {
    let media_type = MediaType::parse(text(case, "accept"));
    let format = Format::of(&media_type).unwrap();
    let given = &case["array"];
    let dtype = Dtype::parse(text(given, "dtype")).unwrap();
    let array = Array::try_new(dtype, shape(given), base64(text(given, "data"))).unwrap();
    let mut body = Vec::new();
    let ours = format
        .encode(&array, NonFinite::Keep, &mut body)
        .map(|_| ());
    match (&ours, array.shape(), array.dtype()) {
        // Written by the reference as rows of text in brackets, or refused by it.
        (Err(EncodeError::Faulty(err @ CodecError::TooManyAxes { .. })), [_, _, _, ..], _)
            if format == Format::Csv && err.kind() == Kind::NotAcceptable =>
        {
            Ok(())
        }
        (Err(EncodeError::Unencodable { .. }), _, Dtype::Named(_)) if format != Format::Npy => {
            Ok(())
        }
        // Refused by the reference; one cell here.
        (Ok(()), [], _) if format == Format::Csv && case.get("error").is_some() => {
            one_cell(&array, &body)
        }
        (Ok(()), ..) if case.get("error").is_none() && body == base64(text(case, "body")) => Ok(()),
        _ => Err(format!(
            "ours {ours:?} {}, the reference {case}",
            String::from_utf8_lossy(&body)
        )
        .into()),
    }
}

fn one_cell(scalar: &Array<'_>, body: &[u8]) -> Result<(), Failed> {
    let (dtype, _, bytes) = scalar.clone().into_parts();
    let column = Array::try_new(dtype, vec![1], bytes).unwrap();
    let mut expected = Vec::new();
    Format::Csv
        .encode(&column, NonFinite::Keep, &mut expected)
        .map(|_| ())
        .unwrap();
    if body == expected {
        Ok(())
    } else {
        Err(format!("{body:?}, as a column {expected:?}").into())
    }
}

fn shape(value: &Value) -> Vec<usize> {
    value["shape"]
        .as_array()
        .unwrap()
        .iter()
        .map(|length| usize::try_from(length.as_u64().unwrap()).unwrap())
        .collect()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no text `{key}`"))
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut word, mut n_bits) = (Vec::new(), 0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|&other| other == digit).unwrap();
        word = word << 6 | u32::try_from(value).unwrap();
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push((word >> n_bits & 0xff).try_into().unwrap());
        }
    }
    bytes
}

fn read(file: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "names the data of this test, not a part of the contract"
    )]
    let given = std::env::var_os("OPTML_CONFORMANCE").map(PathBuf::from);
    let folder = given
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance"));
    let path = folder.join(file);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}
