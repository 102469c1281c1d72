use super::*;

const EIGHT: &[u8] = b"\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-0000)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-61a91e5b-1111)
GPU 2: NVIDIA A100-SXM4-40GB (UUID: GPU-61b0aaaa-2222)
  MIG 3g.20gb     Device  0: (UUID: MIG-aaaa-1)
  MIG 3g.20gb     Device  1: (UUID: MIG-bbbb-2)
GPU 3: NVIDIA A100-SXM4-40GB (UUID: GPU-fffff000-3333)
";

fn quota(quota_us: u64, period_us: u64) -> CpuQuota {
    CpuQuota {
        quota_us,
        period_us,
        file: "/cg/cpu.max".into(),
    }
}

#[test]
fn the_tightest_limit_on_processors_counts() {
    let count = |online, affinity, quota: Option<&CpuQuota>| {
        let count = Count::cpus(online, affinity, quota);
        (count.value, count.source)
    };
    assert_eq!(count(8, None, None), (8, "processors online".to_owned()));
    assert_eq!(count(8, Some(8), None), (8, "processors online".to_owned()));
    assert_eq!(
        count(8, Some(3), None),
        (3, "processor affinity".to_owned())
    );
    assert_eq!(
        count(8, Some(3), Some(&quota(150_000, 100_000))),
        (2, "CPU quota in `/cg/cpu.max`".to_owned())
    );
    assert_eq!(
        count(8, Some(3), Some(&quota(1_000, 100_000))),
        (1, "CPU quota in `/cg/cpu.max`".to_owned())
    );
    assert_eq!(
        count(8, Some(3), Some(&quota(u64::MAX, 1))),
        (3, "processor affinity".to_owned())
    );
    assert_eq!(count(0, Some(0), None).0, 1);
}

#[test]
fn visible_gpus_are_counted_as_cuda_counts_them() {
    let count = |visible: &str| Count::gpus(EIGHT, Some(OsStr::new(visible))).value;
    assert_eq!(
        Count::gpus(EIGHT, None),
        Count::new(4, "`nvidia-smi --list-gpus`")
    );
    assert_eq!(Count::gpus(b"", None).value, 0);
    assert_eq!(
        Count::gpus(b"No devices were found\n", Some(OsStr::new("0"))).value,
        0
    );
    for (visible, n_gpus) in [
        ("", 0),
        ("0", 1),
        ("3,1", 2),
        (" 0 , 2 ", 2),
        ("0,1,2,3,4", 4),
        ("0,9,1", 1),
        ("-1", 0),
        ("0,-1,1", 1),
        ("1,1", 0),
        ("all", 0),
        ("NoDevFiles", 0),
        ("GPU-5d5ba0d6-0000", 1),
        ("GPU-5d5b,GPU-fff", 2),
        ("GPU-61", 0),
        ("GPU-61a,GPU-61b", 2),
        ("GPU-404", 0),
        ("MIG-aaaa-1", 1),
        ("MIG-aaaa-1,MIG-bbbb-2", 2),
        ("0,GPU-5d5b", 0),
    ] {
        assert_eq!(count(visible), n_gpus, "{visible:?}");
    }
}

#[test]
fn neuron_cores_are_summed() {
    let listing = br#"[{"neuron_device": 0, "nc_count": 2}, {"neuron_device": 1, "nc_count": 2}]"#;
    assert_eq!(
        Count::neurons(listing).unwrap(),
        Count::new(4, "`neuron-ls -j`")
    );
    assert_eq!(Count::neurons(b"[]").unwrap().value, 0);
    assert!(matches!(
        Count::neurons(b"oops"),
        Err(ProbeError::NotJson(_))
    ));
    let not_devices: [&[u8]; 5] = [
        b"{}",
        b"[1]",
        br#"[{"nc_count": "2"}]"#,
        br#"[{"nc_count": -1}]"#,
        br#"[{"nc_count": 4294967295}, {"nc_count": 1}]"#,
    ];
    for listing in not_devices {
        assert_eq!(Count::neurons(listing), Err(ProbeError::NotDevices));
    }
    assert_eq!(Count::neurons_of("ml.trn2.48xlarge").unwrap().value, 64);
    assert_eq!(Count::neurons_of("ml.trn1.32xlarge"), None);
}
