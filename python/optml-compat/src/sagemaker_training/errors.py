"""Errors that end a job."""


class ClientError(Exception):
    """The user's code or settings are at fault."""


class SMTrainingCompilerConfigurationError(Exception):
    """A job asks for what the training compiler does not do."""


class _CalledProcessError(ClientError):
    """A process ended with an error.

    `return_code` is the text of its exit code, -N for signal N; `output` the end of what it said, text or bytes.
    """

    def __init__(self, cmd, return_code=None, output=None, info=None):
        super().__init__(cmd, return_code, output, info)
        self.return_code = str(return_code)
        self.cmd = cmd
        self.output = output
        self.extra_info = info

    def __str__(self):
        output = self.output or ""
        if isinstance(output, bytes):
            output = output.decode("utf-8", "replace")
        lines = [
            "{}:".format(type(self).__name__),
            "ExitCode {}".format(self.return_code),
            'ErrorMessage "{}"'.format(output),
        ]
        if self.extra_info is not None:
            lines.append('ExtraInfo "{}"'.format(self.extra_info))
        lines.append('Command "{}"'.format(self.cmd))
        return "\n".join(lines).strip()


class InstallModuleError(_CalledProcessError):
    """The user's package could not be installed."""


class InstallRequirementsError(_CalledProcessError):
    """The user's requirements could not be installed."""


class ImportModuleError(ClientError):
    """The user's module could not be imported."""


class ExecuteUserScriptError(_CalledProcessError):
    """The user's script ended with an error."""


class ChannelDoesNotExistError(Exception):
    """A channel was asked for that the job does not have."""

    def __init__(self, channel_name):
        super().__init__("Channel {} is not a valid channel".format(channel_name))


class UnsupportedFormatError(Exception):
    """There is no encoder or decoder for a content type."""

    def __init__(self, content_type, **kwargs):
        self.message = (
            "Content type {} is not supported by this framework.\n\nhint: read such a body in an input_fn of your own, or write "
            "such an answer in an output_fn".format(content_type)
        )
        super().__init__(self.message, **kwargs)
