//! One pass over the body: cells that are plain decimals are read where they stand, the others are cut out first.

use crate::{
    array::{Array, Dtype},
    error::{CodecError, CsvFault, DecodeError, Undecodable},
    number,
};

/// How a body is to be understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether the first row is names.
    pub header: Header,
    /// The axes of the result.
    pub shape: Shape,
}

/// Whether the first row is names; said by the parameter `header` of the content type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// It is data.
    #[default]
    Absent,
    /// It is skipped.
    Present,
}

/// The axes of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// As the reference: axes of length 1 are dropped, so that one row and one column are the same.
    #[default]
    Squeezed,
    /// Always rows and columns.
    TwoD,
}

/// Decodes rows of numbers to float64.
///
/// **Shape**: `(rows, columns)`, then as the options say. An empty body is `(0,)`, or `(0, 0)`.
///
/// **Units and limits**: allocates at most 8 bytes a byte of the body (`,` is two empty cells).
///
/// # Errors
/// [`Undecodable::CsvText`] at the first cell that isn't a number. [`CodecError::MalformedCsv`] with the line.
pub fn decode(body: &[u8], options: Options) -> Result<Array<'static>, DecodeError> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let mut reader = Reader {
        body,
        at: 0,
        line: 1,
    };
    let mut table = Table::default();
    if options.header == Header::Present && reader.find_row()? {
        table.n_columns = Some(reader.skip_row()?);
    }
    let n_separators = number::n_separators(body, |byte| byte == b',' || byte == b'\n');
    while reader.find_row()? {
        if table.values.capacity() == 0 {
            table.values.reserve_exact(8 * (n_separators + 1));
        }
        let line = reader.line;
        let n_cells = reader.row(&mut table.values)?;
        let expected = *table.n_columns.get_or_insert(n_cells);
        if n_cells != expected {
            return Err(CodecError::MalformedCsv {
                line,
                fault: CsvFault::Ragged { n_cells, expected },
            }
            .into());
        }
        table.n_rows += 1;
    }
    Ok(table.into_array(options.shape))
}

#[derive(Default)]
struct Table {
    values: Vec<u8>,
    n_rows: usize,
    n_columns: Option<usize>,
}

impl Table {
    fn into_array(self, shape: Shape) -> Array<'static> {
        let shape = match (shape, self.n_columns) {
            (Shape::TwoD, n_columns) => vec![self.n_rows, n_columns.unwrap_or(0)],
            (Shape::Squeezed, None) => vec![0],
            (Shape::Squeezed, Some(n_columns)) => [self.n_rows, n_columns]
                .into_iter()
                .filter(|&length| length != 1)
                .collect(),
        };
        Array::try_new(Dtype::Float64, shape, self.values)
            .expect("every row has the same number of cells")
    }
}

struct Reader<'b> {
    body: &'b [u8],
    at: usize,
    /// From 1, counted in line feeds.
    line: usize,
}

impl<'b> Reader<'b> {
    /// Skips blank lines. False at the end of the body.
    fn find_row(&mut self) -> Result<bool, CodecError> {
        loop {
            match self.peek() {
                None => return Ok(false),
                Some(b'\r' | b'\n') => self.line_end()?,
                Some(_) => return Ok(true),
            }
        }
    }

    /// Reads one row to its end, and says how many cells it has.
    fn row(&mut self, values: &mut Vec<u8>) -> Result<usize, DecodeError> {
        let mut n_cells = 0;
        loop {
            let value = match number::decimal(self.body, self.at) {
                Some((value, end)) if self.is_cell_end(end) => {
                    self.at = end;
                    value
                }
                _ => self.odd_cell()?,
            };
            values.extend_from_slice(&value.to_le_bytes());
            n_cells += 1;
            if !self.next_cell()? {
                return Ok(n_cells);
            }
        }
    }

    fn skip_row(&mut self) -> Result<usize, CodecError> {
        let mut n_cells = 0;
        loop {
            self.cell()?;
            n_cells += 1;
            if !self.next_cell()? {
                return Ok(n_cells);
            }
        }
    }

    /// A cell that isn't a plain decimal.
    fn odd_cell(&mut self) -> Result<f64, DecodeError> {
        let line = self.line;
        let text = self.cell()?;
        if text.is_empty() {
            return Ok(f64::NAN);
        }
        number::cell(text).ok_or_else(|| Undecodable::CsvText { line }.into())
    }

    /// The text of a cell, within its quotes; doubled quotes stay, for no number has any.
    fn cell(&mut self) -> Result<&'b [u8], CodecError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            while !self.is_cell_end(self.at) {
                self.at += 1;
            }
            return Ok(self.body.get(start..self.at).unwrap_or_default());
        }
        let line = self.line;
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    return Err(CodecError::MalformedCsv {
                        line,
                        fault: CsvFault::UnclosedQuote,
                    });
                }
                Some(b'"') if self.body.get(self.at + 1) == Some(&b'"') => self.at += 2,
                Some(b'"') => break,
                Some(byte) => {
                    self.line += usize::from(byte == b'\n');
                    self.at += 1;
                }
            }
        }
        let text = self.body.get(start + 1..self.at).unwrap_or_default();
        self.at += 1;
        if self.is_cell_end(self.at) {
            Ok(text)
        } else {
            Err(self.fault(CsvFault::AfterQuote))
        }
    }

    /// After a cell: false if the row ends here too.
    #[inline]
    fn next_cell(&mut self) -> Result<bool, CodecError> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            None => Ok(false),
            Some(_) => self.line_end().map(|()| false),
        }
    }

    /// A line feed, carriage returns before it, or carriage returns at the very end.
    fn line_end(&mut self) -> Result<(), CodecError> {
        while self.peek() == Some(b'\r') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'\n') => {
                self.at += 1;
                self.line += 1;
                Ok(())
            }
            None => Ok(()),
            Some(_) => Err(self.fault(CsvFault::CarriageReturn)),
        }
    }

    fn fault(&self, fault: CsvFault) -> CodecError {
        CodecError::MalformedCsv {
            line: self.line,
            fault,
        }
    }

    #[inline]
    fn is_cell_end(&self, at: usize) -> bool {
        matches!(self.body.get(at), None | Some(b',' | b'\n' | b'\r'))
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }
}
