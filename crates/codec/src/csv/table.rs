//! What both generations of the reference read alike: rows of plain decimals, and nothing else.
//!
//! They differ from [`super::decode`] in what an empty cell, a blank line or a byte order mark is, and from each other in
//! types. Here only bodies are decoded that leave no room for that; the others are Python's, who does as they do.

use crate::{
    array::{Array, Dtype},
    error::{DecodeError, NotNumeric, Undecodable},
    number::{self, Number},
};

/// Whose types the array gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    /// float64 always. **Source**: sagemaker-training 5.1.4.
    Float,
    /// int64 if every cell is a whole number, float64 if every column has one that isn't; columns of both kinds are left to
    /// numpy, which makes structures of them. **Source**: sagemaker-inference 1.10.1, `np.genfromtxt` of numpy 2.4.
    Column,
}

/// Decodes rows of plain decimals, all of the same number of cells, with LF or CRLF between them.
///
/// **Shape**: `(rows, columns)` without axes of length 1.
///
/// **Units and limits**: allocates at most 8 bytes a byte of the body.
///
/// # Errors
/// [`Undecodable::CsvText`] at the first line that is anything else, [`Undecodable::Json`] for whole numbers outside of
/// int64, [`Undecodable::Columns`]; never an error of the body.
pub fn decode_plain(body: &[u8], types: Types) -> Result<Array<'static>, DecodeError> {
    let mut table = Table::default();
    let n_separators = number::n_separators(body, |byte| byte == b',' || byte == b'\n');
    table.values.reserve_exact(8 * (n_separators + 1));
    let (mut at, mut column) = (0, 0);
    loop {
        let left = || Undecodable::CsvText {
            line: table.n_rows + 1,
        };
        let (number, end) = cell(body, at, types).ok_or_else(left)?;
        let is_row_end = match body.get(end..).unwrap_or_default() {
            [b',', ..] => false,
            [] | [b'\n', ..] | [b'\r', b'\n', ..] => true,
            _ => return Err(left().into()),
        };
        table.push(number, column)?;
        column += 1;
        at = end;
        if !is_row_end {
            at += 1;
            continue;
        }
        if !table.end_row(column) {
            return Err(Undecodable::CsvText { line: table.n_rows }.into());
        }
        column = 0;
        at += usize::from(body.get(at) == Some(&b'\r'));
        at += usize::from(at < body.len());
        if at == body.len() {
            return table.into_array();
        }
    }
}

/// A cell, if it is one that both Python's `int` or `float` and numpy read alike.
#[inline]
fn cell(body: &[u8], at: usize, types: Types) -> Option<(Number, usize)> {
    if types == Types::Float {
        let (value, end) = number::decimal(body, at)?;
        return Some((Number::Float(value), end));
    }
    let (number, end) = number::json(body, at)?;
    // Among floats this would be a negative zero, among whole numbers it is none.
    let is_negative_zero = number == Number::Int(0) && body.get(at) == Some(&b'-');
    (!is_negative_zero).then_some((number, end))
}

#[derive(Default)]
struct Table {
    /// int64 until the first float, float64 from then on.
    values: Vec<u8>,
    /// For each column, whether a float was in it.
    has_float: Vec<bool>,
    is_float: bool,
    n_rows: usize,
}

impl Table {
    #[inline]
    fn push(&mut self, number: Number, column: usize) -> Result<(), Undecodable> {
        if self.n_rows == 0 {
            self.has_float.push(false);
        }
        let bytes = match number {
            Number::Wide => return Err(Undecodable::Json(NotNumeric::Wide)),
            Number::Int(value) if self.is_float => to_float(value).to_le_bytes(),
            Number::Int(value) => value.to_le_bytes(),
            Number::Float(value) => {
                if !self.is_float {
                    self.widen();
                }
                // A row that is too long is found at its end.
                if let Some(has_float) = self.has_float.get_mut(column) {
                    *has_float = true;
                }
                value.to_le_bytes()
            }
        };
        self.values.extend_from_slice(&bytes);
        Ok(())
    }

    #[cold]
    fn widen(&mut self) {
        let (words, _) = self.values.as_chunks_mut();
        for word in words {
            *word = to_float(i64::from_le_bytes(*word)).to_le_bytes();
        }
        self.is_float = true;
    }

    /// False if the row has not as many cells as the first.
    fn end_row(&mut self, n_cells: usize) -> bool {
        self.n_rows += 1;
        n_cells == self.has_float.len()
    }

    fn into_array(self) -> Result<Array<'static>, DecodeError> {
        if self.is_float && !self.has_float.iter().all(|&has_float| has_float) {
            return Err(Undecodable::Columns.into());
        }
        let dtype = if self.is_float {
            Dtype::Float64
        } else {
            Dtype::Int64
        };
        let shape = [self.n_rows, self.has_float.len()]
            .into_iter()
            .filter(|&length| length != 1)
            .collect();
        Ok(Array::try_new(dtype, shape, self.values)
            .expect("every row has the same number of cells"))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rounds to the nearest, as reading the decimal does"
)]
fn to_float(value: i64) -> f64 {
    value as f64
}
