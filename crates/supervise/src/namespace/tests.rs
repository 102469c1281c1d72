use std::thread;

use super::OnlyThread;

#[test]
fn a_second_thread_is_noticed() {
    // The test runner has threads of its own, so this process is never alone.
    let error = thread::scope(|scope| scope.spawn(OnlyThread::prove).join().unwrap()).unwrap_err();
    assert!(
        error.to_string().starts_with("this process has "),
        "{error}"
    );
}
