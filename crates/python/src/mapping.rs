//! Any mapping as variables and as words, by the rules of the reference.
//!
//! What is JSON is spelt by `optml_contract`; of other objects Python itself is asked, as the reference does.

use optml_contract::{
    hyperparameters::{argument, option},
    python,
    training::variable_name,
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyMapping, PyString},
};

use crate::value::{Reading, text_of, text_to_python, to_json};

/// `SM_<KEY>` for each key, in upper case. Of two keys with one name the later counts.
///
/// Text is itself, None is empty, bytes are Latin-1, everything else is compact JSON with sorted keys.
///
/// Raises `TypeError` for a value that is no JSON.
///
/// Source: sagemaker-training 5.1.4.
#[pyfunction]
pub(crate) fn to_env_vars<'py>(mapping: &Bound<'py, PyMapping>) -> PyResult<Bound<'py, PyDict>> {
    let py = mapping.py();
    let variables = PyDict::new(py);
    for (key, value) in items(mapping)? {
        let name = text_to_python(py, &variable_name(&text_of(&key)?))?;
        variables.set_item(name, variable(&value)?)?;
    }
    Ok(variables)
}

/// Two words for each key, sorted by key: `--key` (or `-k`) and the value.
///
/// None is empty, bytes are Latin-1, a mapping is `k=v,…`, everything else is its `str()`.
///
/// Source: sagemaker-training 5.1.4.
#[pyfunction]
pub(crate) fn to_cmd_args<'py>(mapping: &Bound<'py, PyMapping>) -> PyResult<Bound<'py, PyList>> {
    let py = mapping.py();
    let mut entries = Vec::new();
    for (key, value) in items(mapping)? {
        entries.push((text_of(&key)?, value));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let words = PyList::empty(py);
    for (key, value) in entries {
        words.append(text_to_python(py, &option(&key))?)?;
        words.append(word(&value)?)?;
    }
    Ok(words)
}

fn items<'py>(
    mapping: &Bound<'py, PyMapping>,
) -> PyResult<Vec<(Bound<'py, PyString>, Bound<'py, PyAny>)>> {
    mapping.items()?.iter().map(|item| item.extract()).collect()
}

fn variable<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    if value.is_instance_of::<PyString>() {
        return Ok(value.clone());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(latin_1(bytes));
    }
    if let Some(json) = to_json(value, Reading::Exact)? {
        return text_to_python(py, &python::variable(&json));
    }
    let style = PyDict::new(py);
    style.set_item("sort_keys", true)?;
    style.set_item("separators", (",", ":"))?;
    py.import("json")?
        .call_method("dumps", (value,), Some(&style))
}

fn word<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(latin_1(bytes));
    }
    if let Some(json) = to_json(value, Reading::Exact)? {
        return text_to_python(py, &argument(&json));
    }
    let Ok(mapping) = value.cast::<PyMapping>() else {
        return Ok(value.str()?.into_any());
    };
    let pairs = mapping.items()?;
    pairs.sort()?;
    let parts = PyList::empty(py);
    for pair in pairs.iter() {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
        parts.append(key.str()?.add("=")?.add(value.str()?)?)?;
    }
    PyString::new(py, ",").call_method1("join", (parts,))
}

fn latin_1<'py>(bytes: &Bound<'py, PyBytes>) -> Bound<'py, PyAny> {
    let text: String = bytes
        .as_bytes()
        .iter()
        .map(|&byte| char::from(byte))
        .collect();
    PyString::new(bytes.py(), &text).into_any()
}
