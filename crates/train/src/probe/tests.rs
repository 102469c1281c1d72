use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use optml_contract::source::Process;
use optml_supervise::{Grace, Second, StopPolicy, Supervisor};

use super::{count_in_list, facts};

#[test]
fn lists_of_processors() {
    assert_eq!(count_in_list("0\n"), Some(1));
    assert_eq!(count_in_list("0-3,8,10-11\n"), Some(7));
    assert_eq!(count_in_list(""), None);
    assert_eq!(count_in_list("3-1"), None);
    assert_eq!(count_in_list("0-4294967295"), None);
}

#[test]
fn tools_on_the_path_are_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in [
        (
            "nvidia-smi",
            "#!/bin/sh\n[ \"$1\" = --list-gpus ] && printf 'GPU 0: A (UUID: GPU-1)\\nGPU 1: A (UUID: GPU-2)\\n'\n",
        ),
        ("neuron-ls", "#!/bin/sh\necho broken; exit 3\n"),
        ("smddprun", "#!/bin/sh\n"),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let grace = Grace {
        stop: Duration::from_mins(1),
        leftovers: Duration::from_secs(1),
        second: Second::Kill,
    };
    let supervisor = Supervisor::start(grace, StopPolicy::PassOn).unwrap();
    let facts = facts(
        &Process::new([("PATH".into(), folder.path().into())]),
        &supervisor,
    );
    assert_eq!(facts.machine.gpus.value, 2);
    assert_eq!(facts.machine.neurons.value, 0);
    assert!(facts.machine.cpus.value >= 1);
    assert!(facts.smddprun_installed && !facts.smddpmprun_installed);
}
