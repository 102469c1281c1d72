//! Workers that are replaced before they do harm.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::{OCTETS, Served, is_alive, pid_in, transform, wait_until};

/// Some clients ask until `is_enough` says so of the answers by worker; no request may fail.
#[track_caller]
fn ask_until(
    served: &Served,
    is_enough: impl Fn(&BTreeMap<i32, usize>) -> bool,
) -> BTreeMap<i32, usize> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = served.client();
                    let mut pids = Vec::new();
                    while !is_over.load(Ordering::Relaxed) {
                        let headers = [("Content-Type", OCTETS)];
                        let response = client.request("POST", "/invocations", &headers, b"x");
                        assert_eq!(response.status, 200, "{}", response.text());
                        pids.push(response.text().parse().unwrap());
                    }
                    pids
                })
            })
            .collect();
        let mut seen = BTreeMap::new();
        let mut client = served.client();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !is_enough(&seen) && std::time::Instant::now() < deadline {
            let response =
                client.request("POST", "/invocations", &[("Content-Type", OCTETS)], b"x");
            if response.status != 200 {
                is_over.store(true, Ordering::Relaxed);
                panic!("{}: {}", response.status, response.text());
            }
            *seen.entry(response.text().parse().unwrap()).or_default() += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        for pid in asking.into_iter().flat_map(|asked| asked.join().unwrap()) {
            *seen.entry(pid).or_default() += 1;
        }
        assert!(is_enough(&seen), "{seen:?}");
        seen
    })
}

#[test]
fn f15_a_worker_is_replaced_after_so_many_requests_and_none_fails() {
    // Of all 50 one descriptor is left, and of each a child that is not waited for.
    let served = transform(
        "kept = []\ndef transform(body):\n\
         \x20   kept.append(open('/dev/null'))\n\
         \x20   if os.fork() == 0: os._exit(0)\n\
         \x20   return str(os.getpid())\n",
    )
    .variable("OPTML_MAX_REQUESTS", "50")
    .ready();
    let seen = ask_until(&served, |seen| seen.len() >= 4);
    // A worker goes on while its successor loads.
    assert!(seen.values().max() > Some(&49), "{seen:?}");
    let last = pid_in(&served.invoke(OCTETS, b"x"));
    for pid in seen.keys().filter(|pid| **pid != last) {
        wait_until("the old one is gone", || !is_alive(*pid));
    }
}

#[test]
fn f15_a_worker_that_leaks_is_replaced_and_no_request_fails() {
    let served = transform(
        "kept = []\ndef transform(body):\n\
         \x20   if len(kept) < 150: kept.append(b'x' * (1 << 20))\n\
         \x20   time.sleep(0.002)\n\
         \x20   return str(os.getpid())\n",
    )
    .variable("OPTML_MAX_RSS_MB", "120")
    .ready();
    let first = served.workers()[0];
    let seen = ask_until(&served, |seen| seen.len() >= 2);
    assert!(seen.contains_key(&first), "{seen:?}");
    served.proc.stderr_line("its memory");
    wait_until("the leak is gone", || !is_alive(first));
}

#[test]
fn a_worker_below_its_bounds_stays() {
    let served = transform("def transform(body): return str(os.getpid())\n")
        .variable("OPTML_MAX_RSS_MB", "2000")
        .variable("OPTML_MAX_REQUESTS", "100000")
        .ready();
    let seen = ask_until(&served, |seen| seen.values().sum::<usize>() > 300);
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[test]
fn a_successor_that_cannot_be_loaded_leaves_the_old_worker_in_place() {
    let served = super::Serving::functions(
        "import os\n\
         def model_fn(d):\n\
         \x20   if os.path.exists('loaded'): raise ValueError('not twice')\n\
         \x20   open('loaded', 'w').close()\n\
         def transform_fn(model, body, ct, accept): return str(os.getpid())\n",
    )
    .variable("OPTML_MAX_REQUESTS", "5")
    .ready();
    let mut client = served.client();
    let mut pids = Vec::new();
    for _ in 0..30 {
        let response = client.request("POST", "/invocations", &[("Content-Type", OCTETS)], b"x");
        pids.push(pid_in(&response));
    }
    served.proc.stderr_line("not twice");
    pids.push(pid_in(&served.invoke(OCTETS, b"x")));
    pids.dedup();
    assert_eq!(pids.len(), 1);
    assert_eq!(served.ping(), 200);
    assert!(fs::exists(served.path("loaded")).unwrap());
}
