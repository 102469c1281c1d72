import os, sys
source = b""
while True:
    piece = os.pread(int(os.environ["OPTML_SOURCE_FD"]), 1 << 20, len(source))
    if not piece:
        break
    source += piece
if sys.path and sys.path[0] == "":
    del sys.path[0]
source = source.decode()
exec(compile(source[: source.index("\n#part ") + 1], "<optml worker>", "exec"), {"__name__": "__optml_worker__", "SOURCE": source})
