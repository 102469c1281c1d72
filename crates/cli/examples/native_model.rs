//! A model in Rust, and the server around it, in one program: kind *native*.
//!
//! A straight line, fitted to points by least squares when the model is loaded; a request has the places to evaluate it at:
//!
//! ```console
//! $ printf '0,1\n1,3\n2,5\n' > model/points.csv
//! $ cargo run -p optml --example native_model &
//! $ curl -H 'Content-Type: text/csv' -d '10,20.5' localhost:8080/invocations
//! [21.0, 42.0]
//! ```
//!
//! All that `optml serve` reads from the environment counts here too: the port, limits, timeouts, the log.

use std::{fs, path::Path, process::ExitCode};

use optml::serve::{Handler, HandlerError, Invocation, Reply};

fn main() -> ExitCode {
    optml::serve::run(Line::default())
}

/// `y = slope * x + intercept`.
#[derive(Default)]
struct Line {
    slope: f64,
    intercept: f64,
}

impl Handler for Line {
    fn load(&mut self, model_dir: &str) -> Result<(), HandlerError> {
        let path = Path::new(model_dir).join("points.csv");
        let text = fs::read_to_string(&path)
            .map_err(|error| HandlerError::internal(format!("{}: {error}", path.display())))?;
        let points = text
            .lines()
            .map(|line| numbers(line).filter(|numbers| numbers.len() == 2))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| HandlerError::internal("points.csv has a line that is no point"))?;
        let sum = |term: fn(f64, f64) -> f64| {
            points
                .iter()
                .map(|point| term(point[0], point[1]))
                .sum::<f64>()
        };
        let n = sum(|_, _| 1.0);
        let (x, y) = (sum(|x, _| x), sum(|_, y| y));
        let (xx, xy) = (sum(|x, _| x * x), sum(|x, y| x * y));
        self.slope = (n * xy - x * y) / (n * xx - x * x);
        if !self.slope.is_finite() {
            return Err(HandlerError::internal(
                "points.csv has fewer than two places",
            ));
        }
        self.intercept = (y - self.slope * x) / n;
        Ok(())
    }

    fn invoke(&self, invocation: &Invocation) -> Result<Reply, HandlerError> {
        let places = str::from_utf8(invocation.body())
            .ok()
            .and_then(numbers)
            .ok_or_else(|| {
                HandlerError::bad_request("expected numbers with commas between them")
            })?;
        let values: Vec<f64> = places
            .iter()
            .map(|x| self.slope * x + self.intercept)
            .collect();
        Ok(Reply::json(format!("{values:?}")))
    }
}

/// Numbers with commas between them.
fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',')
        .map(|cell| cell.trim().parse().ok())
        .collect()
}
