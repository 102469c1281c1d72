//! Memory that the server shares with its workers: one request never sees another.

use super::{Serving, adler32, each, send};

const NPY: &str = "application/x-npy";

/// An NPY file of float64.
fn npy(values: &[f64]) -> Vec<u8> {
    let mut header = format!(
        "{{'descr': '<f8', 'fortran_order': False, 'shape': ({},), }}",
        values.len()
    );
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    file
}

/// Ways to keep what a request has brought, or a part of it.
const KEEPING: &[(&str, &str)] = &[
    ("itself", "data"),
    ("a slice", "data[10:]"),
    ("a view", "data.view()"),
    ("another shape", "data.reshape(-1, 4).T"),
    ("an exported buffer", "memoryview(data)"),
    (
        "an array of a buffer",
        "numpy.frombuffer(memoryview(data), 'f8')",
    ),
    (
        "what is below it",
        "data.base if data.base is not None else data",
    ),
];

#[test]
fn arrays_that_user_code_keeps_stay_what_they_are() {
    for slots in ["1", "4"] {
        let mut source = "import numpy, threading\n\
            lock = threading.Lock()\n\
            def model_fn(model_dir): return []\n\
            def predict_fn(data, model):\n\
            \x20   with lock:\n\
            \x20       n = len(model)\n\
            \x20       kept = KEEPING[n % len(KEEPING)](data)\n\
            \x20       first = numpy.asarray(kept).reshape(-1).view('u1').tobytes()\n\
            \x20       model.append((kept, first))\n\
            \x20       data[:] = data\n\
            \x20       broken = [i for i, (kept, first) in enumerate(model)\n\
            \x20                 if numpy.asarray(kept).reshape(-1).view('u1').tobytes() != first]\n\
            \x20   return [float(data[0]), float(data[-1]), len(broken)]\n\
            KEEPING = [\n"
            .to_owned();
        source += &each(KEEPING, |_, (_, expression)| {
            format!("lambda data: {expression},\n")
        });
        source += "]\n";
        let served = Serving::functions(&source)
            .variable("OPTML_SLOTS", slots)
            .ready();
        let mut client = served.client();
        // More than there are slots, and each larger than what goes through the socket.
        for i in 0..80_u32 {
            let value = f64::from(i) + 0.5;
            let headers = [("Content-Type", NPY), ("Accept", "application/json")];
            let response =
                client.request("POST", "/invocations", &headers, &npy(&vec![value; 40_000]));
            let expected = format!("[{value}, {value}, 0.0]");
            let text = response.text();
            let text = text.replace(", 0]", ", 0.0]");
            assert_eq!(
                (response.status, text),
                (200, expected),
                "request {i}, {slots} slots"
            );
        }
    }
}

#[test]
fn bodies_that_user_code_keeps_stay_what_they_are() {
    let served = Serving::functions(
        "import zlib\n\
         def model_fn(model_dir): return []\n\
         def transform_fn(model, body, content_type, accept, context):\n\
         \x20   view = context.body_view\n\
         \x20   model.append((body, view, zlib.adler32(body)))\n\
         \x20   model[:-8] = []\n\
         \x20   for kept, view, sum in model: assert zlib.adler32(kept) == zlib.adler32(view) == sum\n\
         \x20   return str(zlib.adler32(body))\n",
    )
    .ready();
    let mut client = served.client();
    for i in 0..40_u8 {
        let body = vec![i; 300_000 + usize::from(i)];
        let headers = [("Content-Type", super::OCTETS)];
        let response = client.request("POST", "/invocations", &headers, &body);
        assert_eq!(
            (response.status, response.text()),
            (200, adler32(&body).to_string()),
            "{i}"
        );
    }
}

#[test]
fn an_answer_that_is_still_being_read_is_not_written_over() {
    let served = super::transform(
        "def transform(body): return body[:1] * int(body[1:]), 'application/octet-stream'\n",
    )
    .ready();
    let n_bytes = 12_000_000;
    let mut slow: Vec<_> = (b'a'..=b'c')
        .map(|letter| {
            let mut client = served.client();
            send(
                &mut client,
                &[],
                format!("{}{n_bytes}", char::from(letter)).as_bytes(),
            );
            (letter, client)
        })
        .collect();
    for i in 0..20 {
        let answer = served.invoke(super::OCTETS, b"z400000");
        assert!(
            answer.body.iter().all(|byte| *byte == b'z') && answer.body.len() == 400_000,
            "{i}"
        );
    }
    for (letter, client) in &mut slow {
        // All of them were executed before the others, and most of them has no place in the sockets.
        let body = client.response("POST").body;
        assert_eq!(body.len(), n_bytes);
        assert!(
            body.iter().all(|byte| byte == letter),
            "{}",
            char::from(*letter)
        );
    }
}

#[test]
fn arrays_are_the_requests_own_to_write_to() {
    let served = Serving::functions(
        "def model_fn(model_dir): return None\n\
         def predict_fn(data, model):\n\
         \x20   data += 1\n\
         \x20   return data\n",
    )
    .ready();
    for n in [3, 50_000] {
        let response = served.request(
            "POST",
            "/invocations",
            &[("Content-Type", NPY), ("Accept", NPY)],
            &npy(&vec![1.5; n]),
        );
        assert_eq!(response.status, 200, "{}", response.text());
        assert!(response.body == npy(&vec![2.5; n]), "{n}");
    }
}
