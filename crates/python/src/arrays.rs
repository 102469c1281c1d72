//! Bodies of one array. Each function says `None` where Python has to do it: it then does as the reference does.

use std::str;

use optml_codec::{
    Array, CodecError, DecodeError, Dtype, EncodeError, Format,
    csv::{self, Types},
    json::{self, NonFinite},
    npy,
};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    pybacked::{PyBackedBytes, PyBackedStr},
    types::{PyByteArray, PyBytes, PyString, PyTuple},
};

use crate::problem::codec_error;

/// A body, as text or as bytes. It can't change while it is read.
#[derive(FromPyObject)]
pub(crate) enum Body {
    /// A `bytes`, or a copy of a `bytearray`.
    Bytes(PyBackedBytes),
    /// A `str`. One with single surrogates is no body, but Python's business.
    Text(PyBackedStr),
}

/// A decoded array: dtype, shape, and its items in memory that can be written to.
type Decoded<'py> = (String, Bound<'py, PyTuple>, Bound<'py, PyByteArray>);

/// What stands before the items: dtype, shape, where they begin and where they end.
type Preview<'py> = (String, Bound<'py, PyTuple>, usize, usize);

impl Body {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }
}

/// JSON of a rectangular list of numbers or truth values.
#[pyfunction]
pub(crate) fn decode_json(py: Python<'_>, body: Body) -> PyResult<Option<Decoded<'_>>> {
    let decoded = py.detach(|| json::decode(body.bytes()));
    // What is wrong with a body is told by Python's reader, in its own words, as ever.
    decoded.ok().map(|array| to_python(py, &array)).transpose()
}

/// CSV of plain decimals, with the types of the first or the second generation.
#[pyfunction]
pub(crate) fn decode_plain_csv(
    py: Python<'_>,
    body: Body,
    by_column: bool,
) -> PyResult<Option<Decoded<'_>>> {
    let types = if by_column {
        Types::Column
    } else {
        Types::Float
    };
    let decoded = py.detach(|| csv::decode_plain(body.bytes(), types));
    decoded.ok().map(|array| to_python(py, &array)).transpose()
}

/// CSV as `optml serve` reads it: empty cells are NaN, and what is wrong has a line.
#[pyfunction]
pub(crate) fn decode_csv(py: Python<'_>, body: Body) -> PyResult<Option<Decoded<'_>>> {
    match py.detach(|| csv::decode(body.bytes(), csv::Options::default())) {
        Ok(array) => to_python(py, &array).map(Some),
        Err(DecodeError::Undecodable(_)) => Ok(None),
        Err(DecodeError::Faulty(err)) => Err(codec_error(&err)),
    }
}

/// What an NPY body says before its items: dtype, shape, and where they begin and end.
#[pyfunction]
pub(crate) fn preview_npy<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Option<Preview<'py>>> {
    match npy::preview(body, body.len()) {
        Ok(Some(preview)) => {
            let shape = PyTuple::new(py, &preview.shape)?;
            let data = preview.data;
            Ok(Some((
                preview.dtype.to_string(),
                shape,
                data.start,
                data.end,
            )))
        }
        Ok(None) | Err(DecodeError::Undecodable(_)) => Ok(None),
        Err(DecodeError::Faulty(err)) => Err(codec_error(&err)),
    }
}

/// What stands before the items in an NPY body; none for a dtype that only numpy knows.
#[pyfunction]
pub(crate) fn npy_header<'py>(
    py: Python<'py>,
    dtype: &str,
    shape: Vec<usize>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let Some(dtype) = Dtype::parse(dtype) else {
        return Ok(None);
    };
    let mut header = Vec::new();
    written(npy::encode_header(&dtype, &shape, &mut header))?;
    Ok(Some(PyBytes::new(py, &header)))
}

/// JSON as `json.dumps(array.tolist())` has it.
#[pyfunction]
pub(crate) fn encode_json<'py>(
    py: Python<'py>,
    dtype: &str,
    shape: Vec<usize>,
    items: &[u8],
) -> PyResult<Option<Bound<'py, PyString>>> {
    encode(py, Format::Json, (dtype, shape), items)
}

/// CSV as Python's `csv` and `np.savetxt` have it.
#[pyfunction]
pub(crate) fn encode_csv<'py>(
    py: Python<'py>,
    dtype: &str,
    shape: Vec<usize>,
    items: &[u8],
) -> PyResult<Option<Bound<'py, PyString>>> {
    encode(py, Format::Csv, (dtype, shape), items)
}

/// The items of one array from Python.
///
/// # Errors
/// A shape that the items don't have.
pub(crate) fn array(dtype: Dtype, shape: Vec<usize>, items: &[u8]) -> PyResult<Array<'_>> {
    Array::try_new(dtype, shape, items).map_err(|err| PyValueError::new_err(err.to_string()))
}

/// An array for Python.
pub(crate) fn to_python<'py>(py: Python<'py>, array: &Array<'_>) -> PyResult<Decoded<'py>> {
    let shape = PyTuple::new(py, array.shape())?;
    Ok((
        array.dtype().to_string(),
        shape,
        PyByteArray::new(py, array.as_bytes()),
    ))
}

/// An error of writing, where nobody can write it.
///
/// # Errors
/// Whatever was not left to Python. False for what was.
pub(crate) fn written(result: Result<(), EncodeError>) -> PyResult<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(
            EncodeError::Unencodable { .. } | EncodeError::Faulty(CodecError::TooManyAxes { .. }),
        ) => Ok(false),
        Err(EncodeError::Faulty(err)) => Err(codec_error(&err)),
    }
}

fn encode<'py>(
    py: Python<'py>,
    format: Format,
    (dtype, shape): (&str, Vec<usize>),
    items: &[u8],
) -> PyResult<Option<Bound<'py, PyString>>> {
    let Some(dtype) = Dtype::parse(dtype) else {
        return Ok(None);
    };
    let array = array(dtype, shape, items)?;
    let mut text = Vec::new();
    // Python's own writer keeps what is not finite too.
    let result = py.detach(|| {
        format
            .encode(&array, NonFinite::Keep, &mut text)
            .map(|_| ())
    });
    if !written(result)? {
        return Ok(None);
    }
    let text = str::from_utf8(&text).map_err(|err| PyValueError::new_err(err.to_string()))?;
    Ok(Some(PyString::new(py, text)))
}
