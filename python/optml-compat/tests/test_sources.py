"""Bringing code into a directory, and refusing archives that would leave it."""

import io
import logging
import os
import tarfile

import pytest

from optml_compat import archives, hosts, installing, sources

LOGGER = logging.getLogger("test")


def archive_of(path, members, mode="w:gz"):
    """A tar archive of (name, bytes or TarInfo) pairs."""
    with tarfile.open(str(path), mode) as archive:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                archive.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                info.mode = 0o777
                archive.addfile(info, io.BytesIO(content))
    return str(path)


def link(target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def special(kind, mode=0o644):
    info = tarfile.TarInfo()
    info.type, info.mode = kind, mode
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_an_archive_is_unpacked(tmp_path, mode):
    source = archive_of(tmp_path / "a", [("./train.py", b"1"), ("pkg/mod.py", b"2"), ("pkg/link", link("mod.py"))], mode)
    code = str(tmp_path / "code")
    sources.download_and_extract(source, code, LOGGER, None)
    assert sorted(os.listdir(code)) == ["pkg", "train.py"]
    with open(os.path.join(code, "pkg", "link")) as file:
        assert file.read() == "2"
    assert os.stat(os.path.join(code, "train.py")).st_mode & 0o022 == 0


@pytest.mark.parametrize(
    "name,content",
    [
        ("../out", b"x"),
        ("a/../../out", b"x"),
        ("/out", b"x"),
        ("link", link("/etc")),
        ("link", link("../out")),
        ("a/link", link("../../out")),
        ("hard", link("../out", tarfile.LNKTYPE)),
        ("fifo", special(tarfile.FIFOTYPE)),
        ("device", special(tarfile.CHRTYPE)),
        ("setuid", special(tarfile.REGTYPE, 0o4755)),
    ],
)
def test_a_hostile_archive_is_refused_whole(tmp_path, name, content):
    source = archive_of(tmp_path / "a", [("train.py", b"1"), (name, content)])
    code = str(tmp_path / "code")
    with pytest.raises(archives.HostileArchive, match="nothing of it was unpacked"):
        sources.download_and_extract(source, code, LOGGER, None)
    assert os.listdir(code) == []


def test_nothing_is_written_through_a_link_of_the_archive(tmp_path):
    source = archive_of(tmp_path / "a", [("inner/x", b""), ("link", link("inner")), ("link/train.py", b"1")])
    with pytest.raises(archives.HostileArchive, match="goes through a link"):
        sources.download_and_extract(source, str(tmp_path / "code"), LOGGER, None)


def test_folders_and_files(tmp_path):
    folder = tmp_path / "source"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "a.py").write_text("1")
    for number, uri in enumerate((str(folder), "file://" + str(folder))):
        code = str(tmp_path / "code{}".format(number))
        sources.download_and_extract(uri, code, LOGGER, None)
        assert os.path.exists(os.path.join(code, "pkg", "a.py"))
    # Code that is there already is kept.
    (folder / "b.py").write_text("2")
    sources.download_and_extract(str(folder), code, LOGGER, None)
    assert not os.path.exists(os.path.join(code, "b.py"))
    single = str(tmp_path / "single")
    sources.download_and_extract(str(folder / "b.py"), single, LOGGER, None)
    assert os.listdir(single) == ["b.py"]
    sources.download_and_extract(single, single, LOGGER, None)
    assert os.listdir(single) == ["b.py"]
    with pytest.raises(FileNotFoundError):
        sources.download_and_extract(str(tmp_path / "gone"), str(tmp_path / "empty"), LOGGER, None)


def test_an_object_of_a_store_is_downloaded_and_unpacked(tmp_path):
    asked = []

    def download(url, path):
        asked.append(url)
        archive_of(path, [("train.py", b"1")])

    code = str(tmp_path / "code")
    sources.download_and_extract("s3://bucket/key/sourcedir.tar.gz", code, LOGGER, download)
    assert asked == ["s3://bucket/key/sourcedir.tar.gz"] and os.listdir(code) == ["train.py"]


def test_stores_without_a_client_say_what_to_use(run_python):
    code = """
import sys
sys.modules["boto3"] = None
from sagemaker_training import files
try:
    files.s3_download("s3://b/k", "x")
except ImportError as error:
    assert error.name == "boto3" and "hint: `optml train`" in str(error)
else:
    raise AssertionError
try:
    files.s3_download("http://b/k", "x")
except ValueError as error:
    assert "Expecting 's3' scheme, got: http" in str(error)
else:
    raise AssertionError
"""
    run_python(code)


def test_a_token_is_in_no_word_of_a_command(monkeypatch):
    monkeypatch.setenv("CA_REPOSITORY_ARN", "arn:aws:codeartifact:eu-west-1:123:repository/dom/repo")
    monkeypatch.setattr(installing, "index_url", lambda arn: "https://aws:TOKEN@host/pypi/repo/simple/")
    assert installing.environment()["PIP_INDEX_URL"] == "https://aws:TOKEN@host/pypi/repo/simple/"
    assert "TOKEN" not in " ".join(installing.requirements_command())
    monkeypatch.undo()
    with pytest.raises(ValueError, match="CA_REPOSITORY_ARN: `nonsense`.*\n?hint: "):
        installing.index_url("nonsense")


def test_a_module_is_prepared_installed_and_imported(tree, run_python, tmp_path):
    tree.write("source/the_module.py", "VALUE = 7\n")
    site = str(tmp_path / "site")
    variables = {**tree.variables, "PIP_TARGET": site, "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PYTHONPATH": site}
    code = """
import sys
from sagemaker_containers.beta.framework import modules
module = modules.import_module(sys.argv[1], "the_module")
assert module.VALUE == 7 and module.__file__.startswith(sys.argv[2]), module.__file__
assert modules.exists("the_module") and not modules.exists("no_such_module")
"""
    run_python(code, variables, words=[tree.path("source"), site], timeout=300)
    # Written before it can be installed, in the code directory and not where the code came from.
    assert sorted(os.listdir(tree.path("source"))) == ["the_module.py"]
    assert {"setup.py", "setup.cfg", "MANIFEST.in", "the_module.py"} <= set(os.listdir(tree.path("code")))


def test_hosts_are_waited_for_at_once(monkeypatch):
    asked = []

    def lookup(host):
        asked.append(host)
        if host == "algo-1" or asked.count(host) > 2 and host != "never":
            return "127.0.0.1"
        raise OSError("no such name")

    monkeypatch.setattr(hosts.socket, "gethostbyname", lookup)
    hosts.wait(["algo-1", "algo-2"], 30)
    assert asked.count("algo-2") == 3
    with pytest.raises(RuntimeError, match="no address for 1 of 3 hosts after 0 s: never"):
        hosts.wait(["algo-1", "never", "algo-2"], 0.2)
    asked.clear()
    hosts.wait(["never"])
    monkeypatch.setenv("SM_STUDIO_LOCAL_MODE", "True")
    hosts.wait(["never", "algo-1"])
    assert asked == []


def test_uploads_are_left_to_the_binary(tree, run_python):
    code = """
import os
from sagemaker_containers import _intermediate_output as older
from sagemaker_training import intermediate_output as newer
for module in (older, newer):
    assert module.start_sync(None, "region") is None
    for address, error in (("s3://b/k", RuntimeError), ("http://b/k", ValueError)):
        try:
            module.start_sync(address, "region")
        except error as raised:
            assert "optml train" in str(raised) or error is ValueError
        else:
            raise AssertionError
assert not os.path.exists(newer.intermediate_path)
assert newer.start_sync("file:///x", "region") is None and os.path.isdir(newer.intermediate_path)
assert newer.start_sync("s3://b/k", "region") is None
"""
    run_python(code, tree.variables)
