//! `RecordIO` bodies: frames, and rows in them as protobuf messages.

use optml_codec::{
    Array, Dtype,
    recordio::{self, Limits, Record, Tensor, Value},
};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    pybacked::PyBackedBytes,
    types::{PyByteArray, PyBytes, PyList, PyTuple},
};

use crate::{
    arrays::{array, to_python, written},
    problem::codec_error,
};

/// An array from Python: dtype, shape, items in C order.
type Given = (String, Vec<usize>, PyBackedBytes);

/// One for Python.
type Told<'py> = (String, Bound<'py, PyTuple>, Bound<'py, PyByteArray>);

/// The column of each value, where each row ends among the values, and the number of columns.
type Rows = (Vec<u64>, Vec<usize>, u64);

/// The one name that the reference gives features and labels.
const NAME: &str = "values";

/// A frame around a payload.
#[pyfunction]
pub(crate) fn write_record<'py>(py: Python<'py>, payload: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let mut frame = Vec::with_capacity(payload.len() + 12);
    written(recordio::frame(payload, &mut frame))?;
    Ok(PyBytes::new(py, &frame))
}

/// The payloads of a body.
#[pyfunction]
pub(crate) fn read_records<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyList>> {
    let payloads = PyList::empty(py);
    for payload in recordio::frames(body, Limits::default()) {
        let payload = payload.map_err(|err| codec_error(&err))?;
        payloads.append(PyBytes::new(py, &payload))?;
    }
    Ok(payloads)
}

/// Features and labels of a body of dense rows.
#[pyfunction]
pub(crate) fn read_dense<'py>(
    py: Python<'py>,
    body: &[u8],
) -> PyResult<(Told<'py>, Option<Told<'py>>)> {
    let dataset = recordio::decode(body, Limits::default()).map_err(|err| codec_error(&err))?;
    let labels = dataset.labels.map(|labels| to_python(py, &labels));
    Ok((to_python(py, &dataset.features)?, labels.transpose()?))
}

/// A record for each row; none for a dtype that a record can't have.
#[pyfunction]
#[pyo3(signature = (features, labels=None))]
pub(crate) fn write_dense(
    py: Python<'_>,
    features: Given,
    labels: Option<Given>,
) -> PyResult<Option<Bound<'_, PyBytes>>> {
    let Some(features) = parse(&features)? else {
        return Ok(None);
    };
    let labels = match &labels {
        None => None,
        Some(given) => match parse(given)? {
            None => return Ok(None),
            labels => labels,
        },
    };
    let mut body = Vec::new();
    let result = py.detach(|| recordio::encode(&features, labels.as_ref(), &mut body));
    Ok(written(result)?.then(|| PyBytes::new(py, &body)))
}

/// A record for each row of a matrix in compressed rows; none for a dtype that a record can't have.
#[pyfunction]
#[pyo3(signature = (values, rows, labels=None))]
pub(crate) fn write_sparse(
    py: Python<'_>,
    values: Given,
    rows: Rows,
    labels: Option<Given>,
) -> PyResult<Option<Bound<'_, PyBytes>>> {
    let (columns, row_ends, n_columns) = rows;
    let Some(values) = parse(&values)? else {
        return Ok(None);
    };
    let labels = match &labels {
        None => None,
        Some(given) => match parse(given)? {
            None => return Ok(None),
            labels => labels,
        },
    };
    let mut body = Vec::new();
    let mut start = 0;
    for (row, &end) in row_ends.iter().enumerate() {
        let (Some(part), Some(columns)) = (items(&values, start, end), columns.get(start..end))
        else {
            return Err(PyValueError::new_err(
                "the rows of the matrix contradict its values",
            ));
        };
        let Ok(tensor) = Tensor::sparse(part, columns.to_vec(), vec![n_columns]) else {
            return Ok(None);
        };
        let mut record = Record::default();
        record.features.push((NAME, Value::Tensor(tensor)));
        if let Some(labels) = &labels {
            let label = items(labels, row, row + 1).map(Tensor::dense);
            let Some(Ok(label)) = label else {
                return Ok(None);
            };
            record.label.push((NAME, Value::Tensor(label)));
        }
        let mut payload = Vec::new();
        record.encode(&mut payload);
        written(recordio::frame(&payload, &mut body))?;
        start = end;
    }
    Ok(Some(PyBytes::new(py, &body)))
}

fn parse(given: &Given) -> PyResult<Option<Array<'_>>> {
    let (dtype, shape, bytes) = given;
    let Some(dtype) = Dtype::parse(dtype) else {
        return Ok(None);
    };
    array(dtype, shape.clone(), bytes).map(Some)
}

/// Some items of a vector.
fn items<'a>(vector: &'a Array<'_>, start: usize, end: usize) -> Option<Array<'a>> {
    let item_bytes = vector.dtype().item_bytes();
    let bytes = vector
        .as_bytes()
        .get(start * item_bytes..end * item_bytes)?;
    Array::try_new(vector.dtype().clone(), vec![end.checked_sub(start)?], bytes).ok()
}
