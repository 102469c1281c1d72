"""Serves an S3 of nobody on a free port of loopback, says which, and ends with whoever holds its standard input."""

import sys

from moto.server import ThreadedMotoServer
from moto.moto_server.werkzeug_app import MotoRequestHandler

# Bodies of unknown length need it, and `100 Continue`.
MotoRequestHandler.protocol_version = "HTTP/1.1"


def main():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    print("port", server.get_host_and_port()[1], flush=True)
    sys.stdin.buffer.read()


main()
