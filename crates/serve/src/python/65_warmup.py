#part warmup
"""Requests that lie beside the code, and are made before anybody else's."""

import json

EXTENSIONS = {"json": JSON, "csv": CSV, "npy": NPY, "npz": NPZ, "jsonl": JSON_LINES, "jsonlines": JSON_LINES, "txt": TEXT,
              "pbr": RECORDIO}


def replay(folder, program):
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name.endswith(".meta.json") or name.startswith(".") or not os.path.isfile(path):
            continue
        request = warmup_request(path)
        try:
            answer = run_now_whole(program, request) if program.is_async else run_whole(program, request)
        except Exception as error:
            raise LoadError("warmup/%s: %s: %s" % (name, type(error).__name__, error)) from error
        if answer.status >= 500:
            raise LoadError("warmup/%s: answered with status %d" % (name, answer.status))


def warmup_request(path):
    meta = {}
    meta_path = os.path.splitext(path)[0] + ".meta.json"
    if os.path.isfile(meta_path):
        with open(meta_path, "rb") as file:
            meta = json.load(file)
    request = Request()
    with open(path, "rb") as file:
        request.body = file.read()
    extension = os.path.splitext(path)[1][1:].lower()
    request.id = request.flags = request.deadline_ns = 0
    request.stage = "input"
    request.context = request.watches = request.lent = request.incoming = None
    request.method, request.path, request.query, request.peer = b"POST", b"/invocations", b"", b""
    request.content_type = meta.get("content_type") or EXTENSIONS.get(extension, OCTETS)
    request.accept = meta.get("accept") or JSON
    request.headers = [(b"content-type", as_field(request.content_type)), (b"accept", as_field(request.accept))]
    return request


def run_whole(program, request):
    answer = program.execute(request)
    if answer.pieces is not None:
        for item in answer.pieces.items:
            answer.pieces.encode(item)
    return answer
