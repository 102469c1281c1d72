"""The text that the log shows before a script is started."""

import json

import optml


def secrets_in(value):
    """The texts in a nested value that stand under a name which says that they are secret."""
    found = set()
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str):
                if len(inner) >= 4 and optml.failure.is_secret_name(str(name)):
                    found.add(inner)
            else:
                found |= secrets_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            found |= secrets_in(inner)
    return found


def text(cmd, env_vars, training_env):
    """Command, variables and environment, without the secrets among them."""
    # A secret among the hyperparameters is in the words and in the variables that hold all of them, too.
    secrets = secrets_in(training_env) | secrets_in(env_vars)
    parts = (
        "Invoking user script",
        "Training Env:",
        json.dumps(training_env, indent=4),
        "Environment variables:",
        "\n".join("{}={}".format(name, value) for name, value in env_vars.items()),
        "Invoking script with the following command:",
        " ".join(cmd),
        "",
    )
    said = "\n\n".join(parts)
    for secret in sorted(secrets, key=len, reverse=True):
        for spelled in {secret, json.dumps(secret)[1:-1]}:
            said = said.replace(spelled, "******")
    return optml.failure.redact(said)
