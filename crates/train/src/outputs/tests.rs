use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn limits(upload_wait: Duration) -> Limits {
    Limits {
        upload_wait,
        stop_grace: Duration::from_secs(110),
    }
}

#[test]
fn uploads_have_their_own_time_after_the_script() {
    let begin = Instant::now();
    assert_eq!(
        limits(15 * MINUTE).deadline(begin, None),
        begin + 15 * MINUTE
    );
}

#[test]
fn a_stop_signal_leaves_what_is_left_of_its_grace() {
    let stopped = Instant::now();
    let begin = stopped + Duration::from_secs(30);
    assert_eq!(
        limits(15 * MINUTE).deadline(begin, Some(stopped)),
        stopped + Duration::from_secs(110)
    );
    // It may also come while uploads are waited for.
    let late = begin + MINUTE;
    assert_eq!(
        limits(15 * MINUTE).deadline(begin, Some(late)),
        late + Duration::from_secs(110)
    );
}

#[test]
fn a_script_that_takes_all_of_the_grace_leaves_a_little_before_the_platform_kills_us() {
    let stopped = Instant::now();
    let begin = stopped + Duration::from_secs(110);
    let deadline = limits(15 * MINUTE).deadline(begin, Some(stopped));
    assert_eq!(deadline, begin + LAST_UPLOADS);
    assert!(deadline < stopped + 2 * MINUTE);
}

#[test]
fn a_stop_signal_never_gives_more_time_than_there_was() {
    let begin = Instant::now();
    let wait = Duration::from_secs(3);
    assert_eq!(limits(wait).deadline(begin, Some(begin)), begin + wait);
}

#[test]
fn only_stores_that_take_files_are_destinations() {
    for (text, reason) in [
        (
            "https://host/x?sig=hidden",
            "`https://host/x` takes no uploads",
        ),
        ("s3://", "`s3://` names no bucket"),
        ("/tmp/x", "is no address of a store"),
        ("hdfs://x/y", "is no address of a store"),
    ] {
        let failure = destination(text, "variable `X`").unwrap_err();
        let told = failure.exception.unwrap().message;
        assert!(told.starts_with("read variable `X`: "), "{told}");
        assert!(told.contains(reason), "{told}");
        assert!(!told.contains("hidden"), "{told}");
        assert_eq!(failure.phase, Phase::Configuration);
    }
    assert!(destination("gs://bucket/out", "variable `X`").is_ok());
}
