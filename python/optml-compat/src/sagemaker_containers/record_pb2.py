"""Messages of `aialgs.data`: `Record`, `Value`, `Bytes` and the tensors. protobuf is imported when one of them is used."""

from optml_compat import records


def __getattr__(name):
    return records.message_class(__name__, name)


def __dir__():
    return [*globals(), *records.MESSAGES, "DESCRIPTOR"]
