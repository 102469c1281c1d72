//! Values of JSON as Python's, and back.
//!
//! Both sides mean the same: whole numbers of any length, floats that are not finite, text with single surrogates.

use optml_contract::{
    json::{Json, MAX_DEPTH, Object},
    text::Text,
};
use pyo3::{
    IntoPyObjectExt as _,
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple},
};

/// Which Python objects count as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Only those whose `str` and `json.dumps` are what ours are: no subclass, no tuple.
    Exact,
    /// Also what can be taken for one of them: a tuple for a list, a subclass for its base.
    Lenient,
}

/// A value as Python has it.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Json) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Json::Null => Ok(py.None().into_bound(py)),
        Json::Bool(value) => value.into_bound_py_any(py),
        Json::Int(value) => match value.as_str().parse::<i64>() {
            Ok(small) => small.into_bound_py_any(py),
            Err(_) => py.get_type::<PyInt>().call1((value.as_str(),)),
        },
        Json::Float(value) => value.into_bound_py_any(py),
        Json::Text(text) => text_to_python(py, text),
        Json::Array(values) => {
            let list = PyList::empty(py);
            for value in values {
                list.append(to_python(py, value)?)?;
            }
            Ok(list.into_any())
        }
        Json::Object(object) => Ok(object_to_python(py, object)?.into_any()),
    }
}

/// An object as a `dict`, in its order.
pub(crate) fn object_to_python<'py>(
    py: Python<'py>,
    object: &Object,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in object.iter() {
        dict.set_item(text_to_python(py, key)?, to_python(py, value)?)?;
    }
    Ok(dict)
}

/// A text as a `str`.
pub(crate) fn text_to_python<'py>(py: Python<'py>, text: &Text) -> PyResult<Bound<'py, PyAny>> {
    match text.as_str() {
        Some(text) => Ok(PyString::new(py, text).into_any()),
        None => {
            PyBytes::new(py, text.as_bytes()).call_method1("decode", ("utf-8", "surrogatepass"))
        }
    }
}

/// A `str` as a text.
pub(crate) fn text_of(value: &Bound<'_, PyString>) -> PyResult<Text> {
    if let Ok(text) = value.to_cow() {
        return Ok(Text::from(&*text));
    }
    // With a single surrogate there is no UTF-8.
    let encoded = value.call_method1("encode", ("utf-32-le", "surrogatepass"))?;
    let encoded = encoded.cast::<PyBytes>()?;
    let (code_points, _) = encoded.as_bytes().as_chunks();
    Ok(code_points
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect())
}

/// A Python object as a value; none if it is not JSON in that reading.
///
/// # Errors
/// Nested deeper than [`MAX_DEPTH`], or a number of too many digits. Whatever user code raises.
pub(crate) fn to_json(value: &Bound<'_, PyAny>, reading: Reading) -> PyResult<Option<Json>> {
    json_at(value, reading, 0)
}

/// A mapping of a caller's as an object.
///
/// # Errors
/// A `TypeError` that names the argument and the key.
pub(crate) fn object_of(argument: &str, value: &Bound<'_, PyAny>) -> PyResult<Object> {
    let Ok(mapping) = value.cast::<PyMapping>() else {
        let found = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "`{argument}` must be a dict, not {found}"
        )));
    };
    let mut entries = Vec::with_capacity(mapping.len()?);
    for item in mapping.items()?.iter() {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let Ok(name) = key.cast::<PyString>() else {
            let key = key.repr()?;
            return Err(PyTypeError::new_err(format!(
                "a key of `{argument}` is no str: {key}"
            )));
        };
        let Some(json) = to_json(&value, Reading::Lenient)? else {
            let (key, found) = (key.repr()?, value.get_type().name()?);
            return Err(PyTypeError::new_err(format!(
                "`{argument}[{key}]` is or holds what is no JSON value: {found}"
            )));
        };
        entries.push((text_of(name)?, json));
    }
    Ok(entries.into_iter().collect())
}

fn json_at(value: &Bound<'_, PyAny>, reading: Reading, depth: usize) -> PyResult<Option<Json>> {
    if depth > MAX_DEPTH {
        return Err(PyValueError::new_err(format!(
            "nested deeper than {MAX_DEPTH} levels"
        )));
    }
    if value.is_none() {
        return Ok(Some(Json::Null));
    }
    // A bool is an int too.
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(Some(Json::Bool(value.is_true())));
    }
    if let Some(text) = cast::<PyString>(value, reading) {
        return text_of(text).map(|text| Some(Json::Text(text)));
    }
    if let Some(number) = cast::<PyInt>(value, reading) {
        return int(number).map(Some);
    }
    if let Some(number) = cast::<PyFloat>(value, reading) {
        return Ok(Some(Json::Float(number.value())));
    }
    if let Some(list) = cast::<PyList>(value, reading) {
        return array(list.iter(), reading, depth);
    }
    if let Some(dict) = cast::<PyDict>(value, reading) {
        return object(dict.iter(), reading, depth);
    }
    if reading == Reading::Exact {
        return Ok(None);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return array(tuple.iter(), reading, depth);
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        let items: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)> = mapping.items()?.extract()?;
        return object(items.into_iter(), reading, depth);
    }
    Ok(None)
}

fn cast<'a, 'py, T: pyo3::PyTypeInfo + pyo3::PyTypeCheck>(
    value: &'a Bound<'py, PyAny>,
    reading: Reading,
) -> Option<&'a Bound<'py, T>> {
    if reading == Reading::Exact {
        value.cast_exact().ok()
    } else {
        value.cast().ok()
    }
}

fn int(number: &Bound<'_, PyInt>) -> PyResult<Json> {
    // By the type's own method: a subclass may spell itself otherwise.
    let digits = number
        .py()
        .get_type::<PyInt>()
        .call_method1("__repr__", (number,))?;
    let digits = digits.cast::<PyString>()?;
    Json::parse(digits.to_cow()?.as_bytes())
        .map_err(|err| PyValueError::new_err(format!("a whole number: {err}")))
}

fn array<'py>(
    values: impl Iterator<Item = Bound<'py, PyAny>>,
    reading: Reading,
    depth: usize,
) -> PyResult<Option<Json>> {
    let mut array = Vec::new();
    for value in values {
        match json_at(&value, reading, depth + 1)? {
            Some(value) => array.push(value),
            None => return Ok(None),
        }
    }
    Ok(Some(Json::Array(array)))
}

fn object<'py>(
    entries: impl Iterator<Item = (Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    reading: Reading,
    depth: usize,
) -> PyResult<Option<Json>> {
    let mut object = Vec::new();
    for (key, value) in entries {
        let Some(key) = cast::<PyString>(&key, reading) else {
            return Ok(None);
        };
        match json_at(&value, reading, depth + 1)? {
            Some(value) => object.push((text_of(key)?, value)),
            None => return Ok(None),
        }
    }
    Ok(Some(Json::Object(object.into_iter().collect())))
}
