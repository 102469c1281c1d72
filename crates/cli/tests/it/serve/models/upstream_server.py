# A model behind an HTTP server of its own: the standard library's, on a port or on a Unix socket. `x-how` asks for odd ends.

import http.server, json, os, socketserver, sys, threading, time

place = sys.argv[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/execution-parameters":
            return self.answer(200, b'{"MaxPayloadInMB": 5}')
        is_well = self.path == os.environ.get("HEALTH", "/ping") and os.path.exists("well")
        self.answer(200 if is_well else 503, b"")

    def do_POST(self):
        body = self.body()
        how = self.headers.get("x-how", "echo")
        if how == "echo":
            self.answer(200, body, self.headers.get("content-type"))
        elif how == "tell":
            headers = [[name.lower(), value] for name, value in self.headers.items()]
            told = {"method": self.command, "path": self.path, "version": self.request_version, "headers": headers, "body": body.decode()}
            self.answer(200, json.dumps(told).encode(), "application/json")
        elif how == "teapot":
            self.answer(418, b"short and stout", "text/plain")
        elif how == "stream":
            self.stream()
        elif how == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "10000000")
            self.end_headers()
            self.wfile.write(b"only this")
            while not os.path.exists("seen"):
                time.sleep(0.002)
            self.close_connection = True
        elif how == "close":
            self.close_connection = True
        elif how == "garbage":
            self.wfile.write(b"this is not HTTP\r\n\r\n")
            self.close_connection = True
        elif how == "sleep":
            time.sleep(30)
        elif how == "die":
            os._exit(5)

    def body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while True:
            n_bytes = int(self.rfile.readline(), 16)
            body += self.rfile.read(n_bytes)
            self.rfile.readline()
            if not n_bytes:
                return body

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for n in range(3):
            while not os.path.exists("gate%d" % n):
                time.sleep(0.002)
            self.wfile.write(b"9\r\ndata: %d\n\n\r\n" % n)
        self.wfile.write(b"0\r\n\r\n")

    def answer(self, status, body, content_type=None):
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("X-Hop", "1")
        self.send_header("Connection", "keep-alive, X-Hop")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "somebody"

    def log_message(self, *words):
        pass


class OnPort(http.server.ThreadingHTTPServer):
    daemon_threads = True


class OnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


print("up", flush=True)
server = OnPort(("127.0.0.1", int(place)), Handler) if place.isdigit() else OnSocket(place, Handler)
server.serve_forever()
