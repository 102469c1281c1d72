"""An HTTP server that does what a test asks for. Words: where to listen, and a folder for signs from and to the test."""

import http.server
import json
import os
import pathlib
import select
import socket
import sys
import time

PLACE, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])


def wait_for(name):
    for _ in range(2000):
        if (FOLDER / name).exists():
            return
        time.sleep(0.01)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def do_GET(self):
        if (FOLDER / "hang").exists():
            time.sleep(3)
        status = 500 if (FOLDER / "sick").exists() else 200
        body = self.path.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        getattr(self, self.path.strip("/").partition("?")[0])(body)

    def answer(self, body, **fields):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def predict(self, body):
        seen = {"path": self.path, "connection": str(self.client_address), "headers": self.headers.items(), "pid": os.getpid()}
        self.answer(body, Seen=json.dumps(seen))

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def stream(self, body):
        self.chunked()
        self.chunk(b"one")
        wait_for("go")
        self.chunk(b"two")
        self.chunk(b"")

    def flood(self, body):
        self.chunked()
        piece = b"x" * 65536
        n_bytes = 0
        try:
            while n_bytes < int(body):
                self.chunk(piece)
                n_bytes += len(piece)
                (FOLDER / "written").write_text(str(n_bytes))
            self.chunk(b"")
        except OSError:
            (FOLDER / "stopped").write_text(str(n_bytes))

    def die(self, body):
        os._exit(7)

    def die_inside(self, body):
        self.chunked()
        self.chunk(b"one")
        os._exit(7)

    def cut(self, body):
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"abc")
        self.close_connection = True

    def cut_chunks(self, body):
        self.chunked()
        self.chunk(b"one")
        self.close_connection = True

    def hang_up(self, body):
        self.close_connection = True

    def close_after(self, body):
        self.answer(b"closed")
        self.close_connection = True

    def nonsense(self, body):
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        self.close_connection = True

    def slow(self, body):
        (FOLDER / "begun").touch()
        readable, _, _ = select.select([self.connection], [], [], 20)
        if readable and not self.connection.recv(1):
            (FOLDER / "left").touch()
        self.close_connection = True

    def stop_listening(self, body):
        self.server.socket.close()
        self.answer(b"deaf")


class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        self.socket.bind(self.server_address)


class UnixServer(Server):
    address_family = socket.AF_UNIX


wait_for("start")
if PLACE.isdigit():
    Server(("127.0.0.1", int(PLACE)), Handler).serve_forever()
else:
    UnixServer(PLACE, Handler).serve_forever()
