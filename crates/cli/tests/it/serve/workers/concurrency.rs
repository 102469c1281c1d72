//! Several requests in one worker: threads and coroutines.

use std::thread;

use super::{OCTETS, Served, Serving, error_in, pid_in, send, transform, wait_until};

/// Sends so many requests at once; their answers.
fn at_once(served: &Served, n: usize, body: &[u8]) -> Vec<String> {
    thread::scope(|scope| {
        let asking: Vec<_> = (0..n)
            .map(|_| scope.spawn(|| served.invoke(OCTETS, body)))
            .collect();
        asking
            .into_iter()
            .map(|asked| {
                let response = asked.join().unwrap();
                assert_eq!(response.status, 200, "{}", response.text());
                response.text()
            })
            .collect()
    })
}

#[test]
fn without_slots_one_request_is_executed_at_a_time_and_in_the_main_thread() {
    let served = transform(
        "import threading\nn_inside = 0\n\
         def transform(body):\n\
         \x20   global n_inside\n\
         \x20   n_inside += 1\n\
         \x20   time.sleep(0.005)\n\
         \x20   seen = n_inside\n\
         \x20   n_inside -= 1\n\
         \x20   return '%d %s' % (seen, threading.current_thread() is threading.main_thread())\n",
    )
    .ready();
    for answer in at_once(&served, 20, b"x") {
        assert_eq!(answer, "1 True");
    }
}

#[test]
fn slots_are_threads_of_functions() {
    // All four have to be there before one goes on.
    let served = transform(
        "import threading\nbarrier = threading.Barrier(4)\n\
         def transform(body):\n    barrier.wait(15)\n    return threading.current_thread().name\n",
    )
    .variable("OPTML_SLOTS", "4")
    .ready();
    let mut names = at_once(&served, 4, b"x");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(served.workers().len(), 1);
}

#[test]
fn slots_bound_what_is_executed_at_once() {
    let counting = "n_inside = n_most = 0\n";
    let threads = format!(
        "import threading, time\nlock = threading.Lock()\n{counting}\
         def model_fn(d): return None\n\
         def transform_fn(model, body, ct, accept):\n\
         \x20   global n_inside, n_most\n\
         \x20   with lock: n_inside += 1; n_most = max(n_most, n_inside)\n\
         \x20   time.sleep(0.01)\n\
         \x20   with lock: n_inside -= 1\n\
         \x20   return str(n_most)\n"
    );
    let coroutines = format!(
        "import asyncio\n{counting}\
         def model_fn(d): return None\n\
         async def transform_fn(model, body, ct, accept):\n\
         \x20   global n_inside, n_most\n\
         \x20   n_inside += 1; n_most = max(n_most, n_inside)\n\
         \x20   await asyncio.sleep(0.01)\n\
         \x20   n_inside -= 1\n\
         \x20   return str(n_most)\n"
    );
    for (name, source) in [("threads", threads), ("coroutines", coroutines)] {
        let served = Serving::functions(&source)
            .variable("OPTML_SLOTS", "3")
            .ready();
        let most = at_once(&served, 24, b"x").into_iter().max();
        assert_eq!(most.as_deref(), Some("3"), "{name}");
    }
}

#[test]
fn coroutines_run_together_and_64_of_them() {
    let served = Serving::functions(
        "import asyncio\nn_inside = 0\ndef model_fn(d): return None\n\
         async def transform_fn(model, body, ct, accept):\n\
         \x20   global n_inside\n\
         \x20   n_inside += 1\n\
         \x20   while n_inside < 64: await asyncio.sleep(0.005)\n\
         \x20   return 'together'\n",
    )
    .ready();
    assert!(
        at_once(&served, 64, b"x")
            .iter()
            .all(|answer| answer == "together")
    );
}

#[test]
fn functions_among_coroutines_run_in_threads() {
    let served = Serving::functions(
        "import asyncio, threading\n\
         barrier = threading.Barrier(3)\n\
         async def model_fn(d): return 'model'\n\
         def input_fn(body, content_type):\n    barrier.wait(15)\n    return body\n\
         async def predict_fn(data, model):\n    await asyncio.sleep(0)\n    return model\n\
         def output_fn(prediction, accept):\n\
         \x20   return prediction + str(threading.current_thread() is threading.main_thread())\n",
    )
    .ready();
    assert_eq!(at_once(&served, 3, b"x"), ["modelFalse"; 3]);
}

#[test]
fn a_hung_thread_takes_its_worker_along_and_the_others_are_told() {
    let served = transform(
        "def transform(body):\n\
         \x20   if body == b'pid': return str(os.getpid())\n\
         \x20   open(body.decode(), 'w').close()\n\
         \x20   time.sleep(60)\n",
    )
    .variable("OPTML_SLOTS", "2")
    .variable("OPTML_KILL_GRACE_S", "1")
    .ready();
    let pid = pid_in(&served.invoke(OCTETS, b"pid"));
    let mut neighbour = served.client();
    send(&mut neighbour, &[], b"neighbour");
    served.wait_for_file("neighbour");
    let headers = [
        ("Content-Type", OCTETS),
        ("X-Amzn-SageMaker-InvocationTimeoutSeconds", "1"),
    ];
    assert_eq!(
        served
            .request("POST", "/invocations", &headers, b"hung")
            .status,
        504
    );
    let response = neighbour.response("POST");
    assert_eq!(response.status, 502);
    assert!(
        error_in(&response).1.contains("another"),
        "{}",
        response.text()
    );
    wait_until("there is another worker", || {
        pid_in(&served.invoke(OCTETS, b"pid")) != pid
    });
}

#[test]
fn a_model_is_loaded_once_for_all_requests_of_a_worker() {
    let served = Serving::functions(
        "import os\n\
         def model_fn(d):\n\
         \x20   with open('loads', 'a') as log: log.write('%d\\n' % os.getpid())\n\
         \x20   return {'n': 0}\n\
         def transform_fn(model, body, ct, accept):\n    model['n'] += 1\n    return str(model['n'])\n",
    )
    .ready();
    let mut answers: Vec<usize> = at_once(&served, 10, b"x")
        .iter()
        .map(|n| n.parse().unwrap())
        .collect();
    answers.sort_unstable();
    assert_eq!(answers, (1..=10).collect::<Vec<_>>());
    let loads = std::fs::read_to_string(served.path("loads")).unwrap();
    assert_eq!(loads.lines().count(), 1);
}
