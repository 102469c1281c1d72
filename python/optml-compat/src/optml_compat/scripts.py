"""The user's script: what kind of program it is, and with which words it is started."""

import os
import re
import stat

from optml_compat import layout

NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._+-]*(/[A-Za-z0-9._+-]+)*")

PACKAGE, PROGRAM, COMMAND = "PYTHON_PACKAGE", "PYTHON_PROGRAM", "COMMAND"


def kind(path, name):
    """What `name` in the directory `path` is: a package for `python -m`, a Python script, or a program."""
    if name.endswith(".sh"):
        return COMMAND
    found = os.listdir(path)
    if "setup.py" in found or ("pyproject.toml" in found and not os.path.exists(os.path.join(path, name))):
        return PACKAGE
    return PROGRAM if name.endswith(".py") else COMMAND


def fault(name):
    """Why `name` can't be an entry point; None when it can."""
    if not name:
        return "is empty"
    if name.startswith("./"):
        name = name[2:]
    odd = sorted({letter for letter in name if not re.match(r"[A-Za-z0-9._+/-]", letter)})
    if odd:
        return "contains {}".format(", ".join(repr(letter) for letter in odd))
    if name.startswith("-"):
        return "begins with `-`, as an option does"
    if name.startswith("/"):
        return "is an absolute path"
    if any(part in (".", "..") for part in name.split("/")):
        return "has `.` or `..` among its folders"
    if not NAME.fullmatch(name):
        return "is no relative path of letters, digits, `.`, `_`, `+`, `-` and `/`"
    return None


def validated(name, error_class):
    """The name of an entry point, when it can be one; else raises `error_class`."""
    found = fault(name)
    if found is not None:
        raise error_class(
            "entry point `{}` {}\nhint: set the hyperparameter sagemaker_program, or the variable SAGEMAKER_PROGRAM, to the path of "
            "the script in its directory, such as `train.py` or `bin/train.sh`".format(name, found)
        )
    return name


def inside(path, name):
    """The file of an entry point; None when its name leads out of the directory, through links or otherwise."""
    root = os.path.realpath(path)
    target = os.path.realpath(os.path.join(root, name))
    return target if os.path.commonpath([root, target]) == root else None


def make_executable(file):
    """Lets whoever may read a file run it."""
    mode = stat.S_IMODE(os.stat(file).st_mode)
    wanted = mode | ((mode & 0o444) >> 2)
    if wanted != mode:
        os.chmod(file, wanted)


def program_words(path, name):
    """How a file that is no Python script is started: itself, or by `sh` when it does not say by whom.

    No shell in between: it would drop variables such as `SM_HP_LEARNING-RATE`, and parse the words again.
    """
    plain = name[2:] if name.startswith("./") else name
    words = [os.path.join(".", plain)]
    if name.endswith(".sh"):
        try:
            with open(os.path.join(path, plain), "rb") as file:
                if file.read(2) != b"#!":
                    words.insert(0, "/bin/sh")
        except OSError:
            # Whoever starts it says better what is wrong.
            pass
    return words


def words(path, name, args, python):
    """The command of an entry point. `python` are the words of the interpreter, a launcher's among them."""
    what = kind(path, name)
    if what == PACKAGE:
        module = name[:-3] if name.endswith(".py") else name
        return [*python, "-m", module.replace("/", "."), *args]
    if what == PROGRAM:
        # The end of options is marked for the bare interpreter; a launcher would take the mark for a script.
        mark = ["--"] if python == [layout.interpreter()] else []
        return [*python, *mark, name, *args]
    return [*program_words(path, name), *args]
