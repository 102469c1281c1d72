//! What the code needs is installed before it runs, into an environment of its own, from a folder: nothing here reaches
//! for a network.
//!
//! `uv` must be on PATH: a test of it fails where it is missing, and does not pass unseen.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use optml_testkit::{Finished, OptMl, Proc};

use crate::rig::{binary, start};

/// Installs nothing but what is in the folder that it stands in: no `setuptools` is needed, and nothing is fetched.
pub(crate) const BACKEND: &str = r#"
import zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "optml_probe-1.0-py3-none-any.whl"
    info = "optml_probe-1.0.dist-info/"
    with zipfile.ZipFile(wheel_directory + "/" + name, "w") as wheel:
        for path in ["optml_probe.py"]:
            wheel.write(path)
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: optml-probe\nVersion: 1.0\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(info + "RECORD", "optml_probe.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n")
    return name
"#;

pub(crate) const PYPROJECT: &str = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\n[project]\nname = \"optml-probe\"\nversion = \"1.0\"\n";

/// Says where it was installed.
const PROBE: &str =
    "import sys\nWHERE = __file__\nif __name__ == '__main__':\n    print(WHERE, sys.argv[1:])\n";

/// A throw-away virtual environment.
pub(crate) struct Venv {
    folder: tempfile::TempDir,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Installer {
    Pip,
    Uv,
}

use Installer::{Pip, Uv};

impl Venv {
    /// With the `pip` of the tests' own interpreter, by a link: to install one anew takes seconds.
    pub(crate) fn new() -> Self {
        Self::with_flags(&[])
    }

    fn with_flags(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = python(
            &[
                &["-m", "venv", "--without-pip"],
                flags,
                &[folder.path().to_str().unwrap()],
            ]
            .concat(),
        );
        assert_eq!(made.code, Some(0), "{made:?}");
        let venv = Self { folder };
        let pip = python(&["-c", "import os, pip; print(os.path.dirname(pip.__file__))"]);
        assert_eq!(pip.code, Some(0), "the tests need pip: {}", pip.stderr);
        let tools = venv.folder.path().join("tools");
        fs::create_dir(&tools).unwrap();
        symlink(pip.stdout.trim_end(), tools.join("pip")).unwrap();
        fs::write(
            venv.site_packages().join("tools.pth"),
            format!("{}\n", tools.display()),
        )
        .unwrap();
        venv
    }

    pub(crate) fn python(&self) -> PathBuf {
        self.folder.path().join("bin/python")
    }

    fn site_packages(&self) -> PathBuf {
        let mut versions = fs::read_dir(self.folder.path().join("lib")).unwrap();
        versions
            .next()
            .unwrap()
            .unwrap()
            .path()
            .join("site-packages")
    }

    /// The variables that choose this environment and one installer.
    fn variables(installer: Installer, python: &str) -> Vec<(&str, &str)> {
        let mut variables = vec![
            ("OPTML_PYTHON", python),
            ("PIP_NO_CACHE_DIR", "1"),
            ("UV_NO_CACHE", "1"),
        ];
        if installer == Pip {
            // No uv there, nor anything else.
            variables.push(("PATH", "/nowhere"));
        }
        variables
    }

    /// Runs the job with this environment and one installer, of which it makes sure.
    #[track_caller]
    pub(crate) fn train(
        &self,
        tree: &OptMl,
        installer: Installer,
        more: &[(&str, &str)],
    ) -> Finished {
        let python = self.python();
        let variables = [&*Self::variables(installer, python.to_str().unwrap()), more].concat();
        let finished = start(tree, &["train"], &variables).wait();
        assert_installer(&finished, installer);
        finished
    }

    #[track_caller]
    pub(crate) fn assert_inside(&self, path: &str) {
        let site_packages = self.site_packages().canonicalize().unwrap();
        let path = Path::new(path).canonicalize().unwrap();
        assert!(
            path.starts_with(&site_packages),
            "{} is not in {}",
            path.display(),
            site_packages.display()
        );
    }
}

#[track_caller]
fn assert_installer(finished: &Finished, installer: Installer) {
    let command = finished
        .stderr
        .lines()
        .find(|line| line.contains("optml: installing "));
    let command = command.unwrap_or_else(|| panic!("nothing is installed: {}", finished.stderr));
    let wanted = match installer {
        Pip => " -m pip install ",
        Uv => "uv pip install ",
    };
    assert!(
        command.contains(wanted),
        "these tests need `uv` on PATH: {command}"
    );
}

fn python(words: &[&str]) -> Finished {
    Proc::start("python3", words, &[]).wait()
}

/// Puts the wheel `optml_probe` into `folder` of the tree.
fn with_wheel(tree: OptMl, folder: &str) -> OptMl {
    let tree = tree
        .file("source/optml_probe.py", PROBE)
        .file("source/backend.py", BACKEND)
        .file(&format!("{folder}/.keep"), "");
    let source = tree.path("source");
    let build = format!(
        "import os, sys\nos.chdir(sys.argv[1])\nsys.path.insert(0, '')\n{BACKEND}\nbuild_wheel(sys.argv[2])"
    );
    let built = python(&[
        "-c",
        &build,
        source.to_str().unwrap(),
        tree.path(folder).to_str().unwrap(),
    ]);
    assert_eq!(built.code, Some(0), "{built:?}");
    tree
}

const IMPORTS: &str = "import optml_probe\nprint(optml_probe.WHERE)\n";

#[track_caller]
fn installs_a_named_folder(installer: Installer) {
    let tree =
        OptMl::with_script("train.py", IMPORTS).file("code/requirements.txt", "optml-probe==1.0\n");
    let tree = with_wheel(tree, "elsewhere");
    let venv = Venv::new();
    let wheels = tree.path("elsewhere");
    let finished = venv.train(
        &tree,
        installer,
        &[("OPTML_WHEELS", wheels.to_str().unwrap())],
    );
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    venv.assert_inside(finished.stdout.lines().last().unwrap());
}

#[test]
fn pip_installs_from_the_folder_that_is_named() {
    installs_a_named_folder(Pip);
}

#[test]
fn uv_installs_from_the_folder_that_is_named() {
    installs_a_named_folder(Uv);
}

#[track_caller]
fn finds_the_folder(installer: Installer, name: &str) {
    let tree =
        OptMl::with_script("train.py", IMPORTS).file("code/requirements.txt", "optml-probe\n");
    let tree = with_wheel(tree, &format!("code/{name}"));
    let venv = Venv::new();
    let finished = venv.train(&tree, installer, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    venv.assert_inside(finished.stdout.lines().last().unwrap());
}

#[test]
fn pip_finds_the_folder_beside_the_code() {
    finds_the_folder(Pip, "wheels");
}

#[test]
fn uv_finds_the_folder_beside_the_code() {
    finds_the_folder(Uv, "wheelhouse");
}

/// The code directory is a package with an in-tree builder: `python -m` runs it where it was installed.
#[track_caller]
fn runs_a_package(installer: Installer, files: &[(&str, &str)], program: &str) {
    let mut tree = OptMl::new()
        .file("code/optml_probe.py", PROBE)
        .file("code/backend.py", BACKEND)
        .file("code/pyproject.toml", PYPROJECT)
        .hyperparameter("sagemaker_program", program)
        .hyperparameter("lr", "0.1");
    for (name, content) in files {
        tree = tree.file(&format!("code/{name}"), content);
    }
    let venv = Venv::new();
    let finished = venv.train(&tree, installer, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(
        finished.stderr.contains(" -m optml_probe --lr 0.1"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stdout.ends_with(" ['--lr', '0.1']\n"),
        "{}",
        finished.stdout
    );
    // `-m` finds the code directory, the working directory, first; the package is there all the same.
    assert!(venv.site_packages().join("optml_probe.py").exists());
}

#[test]
fn pip_installs_a_package_with_setup_py_that_runs_as_a_module() {
    runs_a_package(
        Pip,
        &[("setup.py", "raise SystemExit('the builder is another')")],
        "optml_probe.py",
    );
}

#[test]
fn uv_installs_a_package_with_setup_py_that_runs_as_a_module() {
    runs_a_package(
        Uv,
        &[("setup.py", "raise SystemExit('the builder is another')")],
        "optml_probe.py",
    );
}

#[test]
fn pip_installs_a_package_with_pyproject_alone() {
    runs_a_package(Pip, &[], "optml_probe");
}

#[test]
fn uv_installs_a_package_with_pyproject_alone() {
    runs_a_package(Uv, &[], "optml_probe");
}

#[test]
fn a_script_beside_a_pyproject_is_a_script() {
    let tree = OptMl::with_script("train.py", "print('plain', __name__, __file__)")
        .file("code/pyproject.toml", PYPROJECT);
    let finished = crate::rig::train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (
            Some(0),
            &*format!("plain __main__ {}\n", tree.path("code/train.py").display())
        )
    );
    assert!(
        !finished.stderr.contains("installing"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_package_and_its_requirements_are_installed_together() {
    let tree = OptMl::new()
        .file("code/setup.py", "")
        .file(
            "code/pyproject.toml",
            PYPROJECT.replace("optml-probe", "my-package"),
        )
        .file(
            "code/backend.py",
            BACKEND
                .replace("optml_probe", "my_package")
                .replace("optml-probe", "my-package"),
        )
        .file("code/my_package.py", IMPORTS)
        .file("code/requirements.txt", "optml-probe\n")
        .hyperparameter("sagemaker_program", "my_package");
    let tree = with_wheel(tree, "code/wheels");
    for installer in [Pip, Uv] {
        let venv = Venv::new();
        let finished = venv.train(&tree, installer, &[]);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        venv.assert_inside(finished.stdout.lines().last().unwrap());
        assert_eq!(
            finished.stderr.matches("optml: installing ").count(),
            1,
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn requirements_count_for_shell_scripts_too() {
    let venv = Venv::new();
    let script = format!(
        "#!/bin/sh\nexec '{}' -c 'import optml_probe; print(optml_probe.WHERE)'\n",
        venv.python().display()
    );
    let tree =
        OptMl::with_script("train.sh", &script).file("code/requirements.txt", "optml-probe\n");
    let tree = with_wheel(tree, "code/wheels");
    let finished = venv.train(&tree, Uv, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    venv.assert_inside(finished.stdout.lines().last().unwrap());
}

#[test]
fn where_the_environment_is_read_only_the_job_gets_its_own_folder() {
    // A virtual environment that has a user's folder at all.
    let venv = Venv::with_flags(&["--system-site-packages"]);
    let script = "import os, sys\nimport optml_probe\nprint(optml_probe.WHERE)\nprint(os.environ['PYTHONUSERBASE'])\n";
    let tree =
        OptMl::with_script("train.py", script).file("code/requirements.txt", "optml-probe\n");
    let tree = with_wheel(tree, "code/wheels");
    let site_packages = venv.site_packages();
    fs::set_permissions(&site_packages, fs::Permissions::from_mode(0o555)).unwrap();
    let python = venv.python();
    let mut variables = Venv::variables(Uv, python.to_str().unwrap());
    variables.push(("SAGEMAKER_BASE_DIR", tree.base().to_str().unwrap()));
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_ref()))
        .collect();
    let binary = binary();
    let binary = binary.to_str().unwrap();
    // Root may write everywhere, as long as it has this capability.
    let finished = if rustix::process::geteuid().is_root() {
        let drop = "-dac_override,-dac_read_search,-fowner";
        let words = [
            &format!("--bounding-set={drop}"),
            &format!("--inh-caps={drop}"),
            "--",
            binary,
            "train",
        ];
        Proc::start("setpriv", words, &variables).wait()
    } else {
        Proc::start(binary, ["train"], &variables).wait()
    };
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains(" --user "), "{}", finished.stderr);
    let mut lines = finished.stdout.lines().rev();
    let (user_base, found) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(found.starts_with(user_base), "{found} is in {user_base}");
    assert!(!Path::new(user_base).exists(), "it was for this job alone");
    assert!(!site_packages.join("optml_probe.py").exists());
}

/// Runs a job whose requirements cannot be had. The failure report, and all that was printed.
#[track_caller]
fn failing(
    installer: Installer,
    requirements: &str,
    variables: &[(&str, &str)],
) -> (String, Finished, OptMl) {
    let tree = OptMl::with_script("train.py", "print('never')")
        .file("code/requirements.txt", requirements)
        .file("empty/.keep", "");
    let venv = Venv::new();
    let finished = venv.train(&tree, installer, variables);
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    assert!(!finished.stdout.contains("never"));
    assert!(!tree.path("output/success").exists());
    (tree.read("output/failure"), finished, tree)
}

#[track_caller]
fn gives_the_reason_first(installer: Installer) {
    let empty = tempfile::tempdir().unwrap();
    let wheels = ("OPTML_WHEELS", empty.path().to_str().unwrap());
    let (report, ..) = failing(
        installer,
        "# what it needs\nno-such-package==9\n",
        &[wheels],
    );
    let first = report.lines().next().unwrap();
    assert!(first.contains("no-such-package"), "{report}");
    assert!(
        report.contains("exit code") && report.contains("install"),
        "{report}"
    );
    let (report, ..) = failing(installer, "-r not-there.txt\n", &[wheels]);
    assert!(
        report.lines().next().unwrap().contains("not-there.txt"),
        "{report}"
    );
    let (report, ..) = failing(installer, "this is === no requirement\n", &[wheels]);
    let first = report.lines().next().unwrap();
    assert!(first.contains("this is"), "{report}");
}

#[test]
fn the_reason_of_pip_is_the_first_line() {
    gives_the_reason_first(Pip);
}

#[test]
fn the_reason_of_uv_is_the_first_line() {
    gives_the_reason_first(Uv);
}

#[track_caller]
fn keeps_the_token(installer: Installer) {
    const SECRET: &str = "hunter2XYZ";
    let index = format!("https://aws:{SECRET}@127.0.0.1:1/simple");
    let requirements = format!("--extra-index-url {index}\noptml-probe\n");
    let variables = [
        ("PIP_INDEX_URL", &*index),
        ("PIP_RETRIES", "0"),
        ("UV_DEFAULT_INDEX", &index),
        ("UV_HTTP_RETRIES", "0"),
        ("OPTML_LOG_LEVEL", "trace"),
    ];
    for requirements in ["optml-probe\n", &requirements] {
        let (report, finished, tree) = failing(installer, requirements, &variables);
        assert!(report.contains("optml-probe"), "{report}");
        for text in [
            report,
            tree.read("output/failure.json"),
            finished.stdout,
            finished.stderr,
        ] {
            assert!(!text.contains(SECRET), "{text}");
        }
    }
}

#[test]
fn the_token_of_an_index_stays_out_of_what_is_said_with_pip() {
    keeps_the_token(Pip);
}

#[test]
fn the_token_of_an_index_stays_out_of_what_is_said_with_uv() {
    keeps_the_token(Uv);
}
