#part threads
"""Several requests at once, of code that waits: a thread for each, and the main one reads."""

import queue
import threading

need("alone")


def serve_in_threads(worker):
    program = worker.program
    inbox = Inbox(worker.data_fd, DATA_LIMITS)
    gathering = Gathering()
    waiting = queue.SimpleQueue()
    lock = threading.Lock()

    def write(*parts):
        with lock:
            for part in parts:
                write_all(worker.data_fd, part)

    worker.write_frames = write
    for i in range(worker.concurrency):
        arguments = (worker, program, waiting, write, lock)
        threading.Thread(target=execute_all, args=arguments, name="request-%d" % i, daemon=True).start()
    while True:
        frame = inbox.next()
        if frame is None:
            if worker.cancelled and worker.n_open == 0:
                forget_answered(worker, ())
            if not wait_for_front(worker, inbox):
                leave(0)
            continue
        kind, flags, slot, begin, end = frame
        request = None
        if kind == REQ:
            request = Request.parse(inbox.buffer, begin, end, flags, slot)
            worker.seen = request.id
            with lock:
                worker.n_open += 1
            if flags & FORM == IN_CHUNKS:
                gathering.add(request)
                request = None
        elif kind == REQ_CHUNK:
            gathering.chunk(inbox.buffer, begin, end)
        elif kind == REQ_END:
            request = gathering.end(inbox.buffer, begin, flags)
        elif kind == SLOT_FREE:
            worker.arena.take_back(slot)
        if request is not None:
            waiting.put(request)
            request = None


def execute_all(worker, program, waiting, write, lock):
    """One thread: takes requests until the process ends."""
    while True:
        request = waiting.get()
        if request.flags & ANNOUNCE and request.id not in worker.cancelled:
            write(pack_id(STARTED, request.id))
        try:
            frames = serve(program, request, write)
        except Breach as error:
            refuse(error)
        if frames:
            write(frames)
        # Before it waits: what it holds would be held until the next request.
        request = frames = None
        with lock:
            worker.n_open -= 1
