#part threads
"""Several requests at once, of code that waits: threads that take turns. Whose turn it is reads one request, passes the turn on, and
executes what it has read: no request goes from one thread to another."""

import threading

need("alone")


def serve_in_threads(worker):
    """Starts the threads. The main one does nothing but wait, so that it can be disturbed at any time: see `on_wake`."""
    inbox = Inbox(worker.data_fd, DATA_LIMITS)
    gathering = Gathering()
    turn, lock = threading.Lock(), threading.Lock()

    def write(*parts):
        with lock:
            for part in parts:
                write_all(worker.data_fd, part)

    worker.write_frames = write
    for i in range(worker.concurrency):
        arguments = (worker, inbox, gathering, write, turn, lock)
        threading.Thread(target=take_turns, args=arguments, name="request-%d" % i, daemon=True).start()
    worker.is_idle = True
    while True:
        signal.pause()


def take_turns(worker, inbox, gathering, write, turn, lock):
    """One thread: reads a request, executes it, and waits for its next turn, until the process ends."""
    program = worker.program
    while True:
        with turn:
            request = read_request(worker, inbox, gathering, lock)
        if request.flags & ANNOUNCE and request.id not in worker.cancelled:
            write(pack_id(STARTED, request.id))
        try:
            frames = serve(program, request, write)
        except Breach as error:
            refuse(error)
        if frames:
            write(frames)
        # Before it waits: what it holds would be held until its next request.
        request = frames = None
        with lock:
            worker.n_open -= 1


def read_request(worker, inbox, gathering, lock):
    """The next request whose body is complete."""
    try:
        while True:
            frame = inbox.next()
            if frame is None:
                if worker.cancelled and worker.n_open == 0:
                    forget_answered(worker, ())
                if not inbox.fill():
                    leave(0)
                continue
            kind, flags, slot, begin, end = frame
            if kind == REQ:
                request = Request.parse(inbox.buffer, begin, end, flags, slot)
                worker.seen = request.id
                with lock:
                    worker.n_open += 1
                if flags & FORM != IN_CHUNKS:
                    return request
                gathering.add(request)
            elif kind == REQ_CHUNK:
                gathering.chunk(inbox.buffer, begin, end)
            elif kind == REQ_END:
                return gathering.end(inbox.buffer, begin, flags)
            elif kind == SLOT_FREE:
                worker.arena.take_back(slot)
    except Breach as error:
        refuse(error)
    except OSError:  # User code has closed the socket; the front will see that.
        leave(EXIT_BROKEN)
