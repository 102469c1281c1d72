#part life
"""From the first instruction to the last: descriptors, LOAD, the control socket, and the end."""

import _thread
import atexit
import faulthandler
import signal
import struct

CAN_ARENA, CAN_ARRAYS, CAN_ASYNC, CAN_STREAM, CAN_LOOK_AHEAD = 0x01, 0x02, 0x04, 0x08, 0x10
HOOK_SECONDS = 2.0
# Tells the main thread to look around while it waits. None that user code is likely to know.
WAKE_SIGNAL = getattr(signal, "SIGRTMIN", 34) + 7


def live(worker):
    """All of it. Doesn't return."""
    arena_fd = take_descriptors(worker)
    hide()
    send_control(HELLO, hello())
    inbox = Inbox(worker.control_fd, CONTROL_LIMITS)
    try:
        read_load(worker, inbox, arena_fd)
    except Breach as error:
        refuse(error)
    watch_forks(worker)
    need("replies")
    worker.windows = Windows()
    threading.Thread(target=listen, args=(worker, inbox), name="optml-control", daemon=True).start()
    try:
        load(worker)
    except BaseException as error:
        fail_to_load(worker, error)
    try:
        run(worker)
    except Breach as error:
        refuse(error)
    except BaseException:
        # The worker's own fault, or a signal handler of user code's that raises.
        sys.__excepthook__(*sys.exc_info())
        leave(EXIT_BROKEN)


def take_descriptors(worker):
    """Takes the sockets out of the reach of user code: of its children, and of most loops that close descriptors."""
    import fcntl

    os.close(int(os.environ.pop("OPTML_SOURCE_FD")))
    fds = []
    for name in ("OPTML_DATA_FD", "OPTML_CONTROL_FD", "OPTML_ARENA_FD"):
        text = os.environ.pop(name, "")
        fds.append(int(text) if text else -1)
    for i in (0, 1):
        try:
            high = fcntl.fcntl(fds[i], fcntl.F_DUPFD_CLOEXEC, 900)
        except OSError:  # The limit is lower.
            os.set_inheritable(fds[i], False)
        else:
            os.close(fds[i])
            fds[i] = high
        os.set_blocking(fds[i], True)
    worker.data_fd, worker.control_fd, arena_fd = fds
    if arena_fd >= 0:
        os.set_inheritable(arena_fd, False)
    return arena_fd


def hide():
    """Leaves user code a process as if nothing had run before it: `__main__` is empty, output goes line by line."""
    names = vars(sys.modules["__main__"])
    for name in [name for name in names if not name.startswith("__")]:
        del names[name]
    for stream in (sys.stdout, sys.stderr):
        try:
            # One write for a line, so that those of several workers don't mix.
            stream.reconfigure(line_buffering=True, write_through=False, errors="backslashreplace")
        except (AttributeError, ValueError):
            pass
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(WAKE_SIGNAL, on_wake)
    try:
        faulthandler.enable(2)
        faulthandler.register(signal.SIGUSR1, 2, all_threads=True, chain=False)
    except (OSError, ValueError):  # There is no descriptor 2.
        pass


def hello():
    runtime, version = sys.implementation.name.encode(), ("%d.%d.%d" % sys.version_info[:3]).encode()
    return struct.pack("<HHHH", 1, 1, len(runtime), len(version)) + runtime + version


def read_load(worker, inbox, arena_fd):
    frame = inbox.next()
    while frame is None:
        try:
            if not inbox.fill():
                os._exit(0)
        except OSError:
            os._exit(0)
        frame = inbox.next()
    kind, _, _, begin, end = frame
    if kind != LOAD:
        raise Breach("a frame of kind 0x%02x before LOAD" % kind)
    try:
        fields = struct.unpack_from("<HHHHIIH", inbox.buffer, begin)
        pairs, after_pairs = read_pairs(inbox.buffer, begin + 18, fields[6])
    except struct.error:
        raise Breach("a LOAD that is too short") from None
    version, worker.number, n_request, n_response, slot_bytes, worker.concurrency, _ = fields
    if version != 1 or after_pairs > end:
        raise Breach("a LOAD of version %d" % version)
    worker.settings = {name.decode("latin-1"): value for name, value in pairs}
    if arena_fd >= 0 and slot_bytes:
        need("arena")
        worker.arena = map_arena(arena_fd, n_request, n_response, slot_bytes, worker.setting("response_slots"))
    if arena_fd >= 0:
        os.close(arena_fd)


def map_arena(fd, n_request, n_response, slot_bytes, own):
    try:
        return Arena(fd, n_request, n_response, slot_bytes, own)
    except (OSError, ValueError):  # No memory of that size, or not that much in it: bodies come over the socket.
        return None


def watch_forks(worker):
    def in_child():
        # A child that has the sockets would hide this worker's death; one that comes back to the loop must not find them.
        for fd in (worker.data_fd, worker.control_fd):
            try:
                os.close(fd)
            except OSError:
                pass
        worker.data_fd = worker.control_fd = -1

    os.register_at_fork(after_in_child=in_child)


# ---- Loading


def load(worker):
    need("functions", "arena")
    sys.path[:0] = [path for path in search_paths(worker) if path not in sys.path]
    if worker.setting("kind", "functions") == "functions":
        load_functions(worker)
    else:
        need("application")
        load_application(worker)
    is_async = worker.program.is_async
    worker.concurrency = worker.concurrency or (DEFAULT_CONCURRENCY if is_async else 1)
    can = CAN_STREAM | CAN_LOOK_AHEAD
    can |= CAN_ARENA if worker.arena is not None else 0
    can |= CAN_ARRAYS if worker.program.uses_arrays and has_numpy() else 0
    can |= CAN_ASYNC if is_async else 0
    show_source()
    worker.loaded = struct.pack("<III", worker.concurrency, can, worker.program.bits)


def enter_phase(phase):
    WORKER.phase = phase
    send_control(LOADING, bytes([phase]))


def fail_to_load(worker, error):
    need("frames", "functions", "faults")
    status, name, message, detail, is_spent = failure_of(error)
    is_possible = worker.may_recover and (
        isinstance(error, OSError) or type(error).__name__.endswith("TimeoutError"))
    if isinstance(error, LoadError):
        detail = "" if error.__cause__ is None else detail
    # Out of memory while loading has a status of its own.
    is_memory = isinstance(error, MemoryError) or is_out_of_memory(error, message)
    status = 507 if is_memory else 500
    failure = pack_failure(status, name, message, detail, MAX_TEXT_BYTES - 2)
    send_control(LOAD_FAIL, bytes([worker.phase, int(is_possible)]) + failure)
    leave(1)


def run(worker):
    program = worker.program
    if program.is_async and (not hasattr(program, "respond") or hasattr(program, "steps")):
        worker.program = AsyncFunctions(program)
    if not program.is_async:
        need("threads" if worker.concurrency > 1 else "alone")
    send_control(LOADED, worker.loaded)
    if program.uses_arrays and has_numpy() and not use_numpy():
        # The front was told that arrays can come.
        complain("numpy is installed, and can't be imported")
        leave(1)
    if program.is_async:
        worker.loop.run()
    elif worker.concurrency > 1:
        serve_in_threads(worker)
    else:
        serve_alone(worker)


# ---- The control socket


def listen(worker, inbox):
    """The control thread."""
    try:
        wait = control_poll(worker)
        while True:
            frame = inbox.next()
            if frame is not None:
                kind, _, _, begin, end = frame
                obey(worker, kind, inbox.buffer, begin, end)
            elif wait() and not inbox.fill():
                os._exit(0)
    except Breach as error:
        refuse(error)
    except OSError:
        os._exit(0)


def control_poll(worker):
    """Waits for the socket; meanwhile it wakes the main thread when that has something to see to."""
    import select

    poll = select.poll()
    poll.register(worker.control_fd, select.POLLIN)

    def wait():
        n_vain = 0
        while not poll.poll(1000 if worker.drain_last is None else 20):
            if worker.loop is not None:
                if worker.is_done():
                    worker.loop.from_thread(worker.loop.end_if_done)
            elif worker.is_idle and (worker.is_done() or worker.arena is not None and worker.arena.held):
                wake(worker)
                n_vain += worker.is_done()
                if n_vain == MAX_VAIN_WAKES:
                    # User code has taken the signal away from the main thread.
                    start_thread(finish, worker)
        return True

    return wait


MAX_VAIN_WAKES = 25


def obey(worker, kind, buffer, begin, end):
    if kind == PING:
        send_control(PONG, bytes(buffer[begin : begin + 8]))
    elif kind == CREDIT:
        number, n_bytes = struct.unpack_from("<QI", buffer, begin)
        if worker.loop is not None:
            worker.loop.from_thread(worker.loop.credit, number, n_bytes)
        else:
            worker.windows.credit(number, n_bytes)
    elif kind == CANCEL:
        (number,) = struct.unpack_from("<Q", buffer, begin)
        worker.cancelled.add(number)
        if worker.loop is not None:
            worker.loop.from_thread(worker.loop.cancel, number)
        else:
            worker.windows.wake()
    elif kind == DRAIN:
        (worker.drain_last,) = struct.unpack_from("<Q", buffer, begin)
        if worker.loop is not None:
            worker.loop.from_thread(worker.loop.end_if_done)
        elif worker.is_idle:
            wake(worker)
    elif kind == BYE:
        end_now(worker)
    else:
        raise Breach("a second LOAD")


def wake(worker):
    """Has the main thread run `on_wake` although it waits for the front. It may miss one; then there is another."""
    signal.pthread_kill(threading.main_thread().ident, WAKE_SIGNAL)


def on_wake(signum, frame):
    # Only while it waits: nothing of user code's, and no frame half written, is interrupted then.
    if WORKER.is_idle:
        look_around(WORKER)


def look_around(worker):
    """What can be done between requests: ending, and giving back slots."""
    if worker.arena is not None and worker.arena.held:
        frames = worker.arena.look_again()
        if frames:
            if worker.write_frames is not None:
                worker.write_frames(frames)
            else:
                write_all(worker.data_fd, frames)
    if worker.is_done():
        # From here on it is not to be disturbed: the hooks may take their time.
        worker.is_idle = False
        finish(worker)


# ---- The end


def end_now(worker):
    """BYE from the front: whatever runs. Exit hooks have their time, in the main thread if it has nothing else to do."""
    worker.drain_last = worker.seen
    if worker.loop is None and worker.is_idle and worker.is_done():
        wake(worker)
        ENDING.wait(0.2)
    elif worker.loop is not None and worker.is_done():
        worker.loop.from_thread(worker.loop.end_if_done)
        ENDING.wait(0.2)
    if not ENDING.is_set():
        start_thread(finish, worker)
    ENDED.wait(HOOK_SECONDS)
    leave(0)


ENDING, ENDED = threading.Event(), threading.Event()
END_LOCK = threading.Lock()


def finish(worker):
    """The user's hooks, BYE, and the end. What hangs there is left behind."""
    if not END_LOCK.acquire(False):
        # Another thread is at it, and ends the process.
        END_LOCK.acquire()
    ENDING.set()
    start_thread(end_anyway, worker)
    run_hooks(worker)
    say_bye(worker)


def start_thread(function, worker):
    """A thread for the end. `threading` needs more of a process whole than user code may have left, and there may be no thread
    left to have."""
    try:
        _thread.start_new_thread(function, (worker,))
    except RuntimeError:
        pass


def run_hooks(worker):
    # One that has not loaded has nothing to shut down.
    shutdown = worker.program.functions.get("shutdown_fn") if worker.loaded else None
    try:
        if shutdown is not None and not shutdown.is_async:
            run_here(shutdown.step((), no_request()))
    except BaseException as error:
        complain("shutdown_fn failed: %s: %s" % (type(error).__name__, error))
    try:
        # Public by habit only, but there since 3.0: `multiprocessing` calls it in the same situation.
        atexit._run_exitfuncs()
    except BaseException as error:
        complain("an exit hook failed: %s: %s" % (type(error).__name__, error))


def end_anyway(worker):
    if not ENDED.wait(HOOK_SECONDS):
        complain("exit hooks did not end within %d s" % HOOK_SECONDS)
        say_bye(worker)


def say_bye(worker):
    if END_SAID.acquire(False):
        send_control(BYE)
        ENDED.set()
        leave(0)
    END_SAID.acquire()


END_SAID = threading.Lock()
