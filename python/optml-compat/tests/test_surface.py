"""Every public name of the reference libraries is there, with the same parameters and properties.

surface.json was made from the sources of the three distributions: names, parameters and defaults, nothing else.
"""

import ast
import importlib
import inspect
import json
import os

import pytest

with open(os.path.join(os.path.dirname(__file__), "surface.json"), encoding="utf-8") as file:
    SURFACE = json.load(file)

MODULES = [(distribution, module) for distribution, modules in SURFACE.items() for module in modules]

# Parts of Flask, nginx, Java and paramiko: asking for one says what to use instead.
GONE = {
    "sagemaker_containers._server": {"UNIX_SOCKET_BIND", "nginx_config_file", "nginx_config_template_file"},
    "sagemaker_inference.model_server": {
        "DEFAULT_MMS_CONFIG_FILE",
        "DEFAULT_MMS_LOG_FILE",
        "DEFAULT_MMS_MODEL_EXPORT_DIRECTORY",
        "DEFAULT_MMS_MODEL_NAME",
        "MME_MMS_CONFIG_FILE",
        "MMS_CONFIG_FILE",
        "MMS_NAMESPACE",
        "MODEL_STORE",
    },
    "sagemaker_training.mpi": {"MPI_FINISHED_STATUS_FILE"},
    "sagemaker_training.smdataparallel": {"MPI_FINISHED_STATUS_FILE"},
}
# Classes that are Flask's in the reference, and what is Flask's of them here.
NOT_FLASK = {"flask.Flask", "flask.Response", "flask.Request"}
# Left over from loops at the top of a module.
ACCIDENTS = {"amount", "padding"}
# A default that was a mistake: `TorchDistributedRunner.run` had its two parameters in the other order than its callers.
MENDED = {("sagemaker_training.torch_distributed", "TorchDistributedRunner", "run")}


def parameters_of(function, is_method):
    parameters = list(inspect.signature(function).parameters.values())
    if is_method:
        parameters = parameters[1:]
    found = []
    for each in parameters:
        name = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "") + each.name
        found.append((name, each.default))
    return found


def assert_alike(wanted, function, is_method, module, where):
    found = parameters_of(function, is_method)
    assert [name for name, *_ in wanted] == [name for name, _ in found], where
    for (name, *default), (_, ours) in zip(wanted, found):
        if not default:
            assert ours is inspect.Parameter.empty, (where, name)
            continue
        try:
            value = ast.literal_eval(default[0])
        except ValueError:
            # A name of the module, such as a runner type or a path.
            value = eval(default[0], {"http_client": __import__("http").HTTPStatus, **names_of(module)})
        assert ours == value, (where, name)


def names_of(module):
    """The names that defaults of the reference use, in this module."""
    names = dict(vars(module))
    for full in ("errors", "environment", "runner", "content_types"):
        if full not in names:
            names[full] = names.get("_" + full)
    names.setdefault("_runner", names.get("runner"))
    return names


@pytest.mark.parametrize("distribution,name", MODULES, ids=[name for _, name in MODULES])
def test_public_names(distribution, name):
    module = importlib.import_module(name)
    wanted = SURFACE[distribution][name]
    for value in set(wanted.get("values", ())) - ACCIDENTS - GONE.get(name, set()):
        assert hasattr(module, value), "{}.{}".format(name, value)
    for function, parameters in wanted.get("functions", {}).items():
        assert_alike(parameters, getattr(module, function), False, module, "{}.{}".format(name, function))
    for class_name, facts in wanted.get("classes", {}).items():
        ours = getattr(module, class_name)
        where = "{}.{}".format(name, class_name)
        for base in set(facts["bases"]) - NOT_FLASK:
            assert base.split(".")[-1] in [each.__name__ for each in ours.__mro__], where
        for property_name in facts["properties"]:
            assert isinstance(inspect.getattr_static(ours, property_name), property), (where, property_name)
        for value in facts["values"]:
            assert hasattr(ours, value), (where, value)
        for method, parameters in facts["methods"].items():
            if (name, class_name, method) in MENDED:
                continue
            is_static = isinstance(inspect.getattr_static(ours, method), staticmethod)
            assert_alike(parameters, getattr(ours, method), not is_static, module, "{}.{}".format(where, method))


@pytest.mark.parametrize("name", sorted(GONE))
def test_names_without_meaning_say_what_to_use(name):
    module = importlib.import_module(name)
    for gone in GONE[name]:
        with pytest.raises(AttributeError, match="hint: .*optml"):
            getattr(module, gone)


def test_names_that_never_were_are_ordinary_attribute_errors():
    for name in GONE:
        with pytest.raises(AttributeError, match="has no attribute"):
            importlib.import_module(name).nonsense  # noqa: B018


def test_environments_have_the_properties_of_the_reference_and_no_other():
    from sagemaker_containers import _env
    from sagemaker_training import environment

    def properties(distribution, module, *classes):
        facts = SURFACE[distribution][module]["classes"]
        return sorted(name for each in classes for name in facts[each]["properties"])

    training = properties("sagemaker-training 5.1.4", "sagemaker_training.environment", "Environment")
    assert environment.Environment.properties(environment.Environment.__new__(environment.Environment)) == training
    for name in ("TrainingEnv", "ServingEnv"):
        ours = getattr(_env, name)
        theirs = properties("sagemaker-containers 2.8.6.post2", "sagemaker_containers._env", "_Env", name)
        assert ours.properties(ours.__new__(ours)) == theirs
