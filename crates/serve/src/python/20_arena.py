#part arena
"""The memory that is shared with the front, and who still refers to it.

A request slot may be given back only when nothing in this process can reach its bytes any more, else one request would see
those of another. Whatever user code derives from an array (slices, views, exported buffers, tensors) keeps alive the one object
below it, a memoryview that is made for that request alone; a weak reference tells when it is gone. What is derived from
that memoryview itself (`array.base.base[1:]`) refers to the mapping, whose references are counted.
"""

import mmap
import sys
import threading
import weakref


class Arena:
    """The mapping. Slots of one size: those of requests first, then those of answers, some of which are our own."""

    def __init__(self, fd, n_request, n_response, slot_bytes, own):
        self.memory = mmap.mmap(fd, (n_request + n_response) * slot_bytes)
        self.slot_bytes = slot_bytes
        self.n_request = n_request
        self.n_slots = n_request + n_response
        # `FIRST:COUNT`; all of them when nothing is said.
        first, count = (int(part) for part in own.split(":")) if own else (n_request, n_response)
        if not (n_request <= first and first + count <= self.n_slots):
            raise Breach("response slots %s outside of the arena" % own)
        self.free = list(range(first, first + count))
        self.own = frozenset(self.free)
        # Slots that user code still refers to, and how to see whether it does.
        self.held = {}
        self.lock = threading.Lock()
        self.out = memoryview(self.memory)
        # Arrays that were handed out and are not known to be gone: each refers to the mapping once.
        self.n_lent = 0
        self.n_own_references = self.n_references()

    def n_references(self):
        return sys.getrefcount(self.memory)

    def is_in_use(self, watches):
        """Whether anything refers to the bytes behind these. When in doubt it does."""
        for watch in watches:
            if watch() is not None:
                return True
        return self.n_references() - self.n_own_references > self.n_lent - len(watches)

    def start_of(self, slot, offset, n_bytes):
        if slot >= self.n_request or offset + n_bytes > self.slot_bytes:
            raise Breach("a body outside of its slot")
        return slot * self.slot_bytes + offset

    def copy(self, slot, offset, n_bytes):
        start = self.start_of(slot, offset, n_bytes)
        return self.memory[start : start + n_bytes]

    def lend(self, slot, offset, n_bytes):
        """A view of a body, and a way to see whether it is still in use."""
        if not use_numpy():
            # Views of a view can't be seen from here, only those of an array.
            return memoryview(bytearray(self.copy(slot, offset, n_bytes))), None
        array, watch = self.array(slot, offset, DTYPES[6], (n_bytes,), n_bytes)
        return memoryview(array), watch

    def array(self, slot, offset, dtype, shape, n_bytes):
        """The body as an array, and a way to see whether it is still in use."""
        start = self.start_of(slot, offset, n_bytes)
        if n_bytes == 0:
            return numpy.zeros(shape, dtype), None
        whole = numpy.frombuffer(self.memory, dtype, n_bytes // dtype.itemsize, start)
        # numpy before 1.20 has the mapping itself as the base: then the array is the lowest thing that is this request's own.
        lowest = whole.base if type(whole.base) is memoryview else whole
        with self.lock:
            self.n_lent += 1
        return whole.reshape(shape), weakref.ref(lowest)

    def take_back(self, slot):
        """The front has read an answer."""
        if slot not in self.own or slot in self.free:
            raise Breach("slot %d, which it did not have" % slot)
        self.free.append(slot)

    def put(self, body):
        """Copies a body into a slot of ours. `None`: none is free, or it is too long."""
        n_bytes = len(body)
        if n_bytes > self.slot_bytes:
            return None
        with self.lock:
            if not self.free:
                return None
            slot = self.free.pop()
        start = slot * self.slot_bytes
        self.out[start : start + n_bytes] = body
        return slot

    def give_back(self, slot, watches):
        """The frame that tells the front of a slot whose request is answered."""
        if watches is None:
            return pack_slot(SLOT_FREE, slot)
        with self.lock:
            if self.is_in_use(watches):
                self.held[slot] = watches
                return pack_slot(SLOT_HELD, slot)
            self.n_lent -= len(watches)
        return pack_slot(SLOT_FREE, slot)

    def look_again(self):
        """Frames for the slots that are not in use any more."""
        frames = b""
        with self.lock:
            for slot, watches in list(self.held.items()):
                if not self.is_in_use(watches):
                    del self.held[slot]
                    self.n_lent -= len(watches)
                    frames += pack_slot(SLOT_FREE, slot)
        return frames


DTYPE_NAMES = (None, "|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8")
# Those that the front writes: all but float16.
WRITABLE_CODES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12)
numpy = None
DTYPES = []
CODES = {}


def has_numpy():
    """Whether numpy is there, without importing it: that takes longer than everything else at the start."""
    if numpy is not None or "numpy" in sys.modules:
        return use_numpy()
    from importlib.util import find_spec

    try:
        return find_spec("numpy") is not None
    except (ImportError, ValueError):  # Something else is called so.
        return False


def use_numpy():
    """Imports numpy, and says whether it is there."""
    global numpy
    if numpy is None:
        try:
            import numpy as found
        except Exception:  # Not there, or broken: either way there are no arrays.
            return False
        DTYPES[:] = [name and found.dtype(name) for name in DTYPE_NAMES]
        CODES.update((DTYPES[code], code) for code in WRITABLE_CODES)
        numpy = found
    return True


def code_of(array):
    return CODES[array.dtype]


def array_of(request):
    """The array that a body is. Its memory is this request's own, and can be written to."""
    code, shape = request.array_form()
    dtype = DTYPES[code]
    if request.flags & FORM == IN_SLOT:
        array, watch = WORKER.arena.array(request.slot, request.offset, dtype, shape, request.n_bytes)
        request.watch_too(watch)
        return array
    return numpy.ndarray(shape, dtype, request.body)


def flat_bytes(array):
    """The elements of an array in C order, without a copy where they are so already."""
    if not array.flags.c_contiguous:
        array = numpy.ascontiguousarray(array)
    return memoryview(array.reshape(-1).view(numpy.uint8)) if array.nbytes else b""
