"""A time limit for a block of code."""

import contextlib
import signal


class TimeoutError(Exception):
    """The block took longer than its limit. Not the built-in class of that name, as in the reference."""


@contextlib.contextmanager
def timeout(seconds=0, minutes=0, hours=0):
    """Raises `TimeoutError` in the block when the sum of the three is over. For the main thread only: SIGALRM does it.

    The handler and the timer that were there before are put back; a limit of 0 is none.
    """
    limit = seconds + 60 * minutes + 3600 * hours

    def expire(_number, _frame):
        raise TimeoutError("timed out after {} seconds".format(limit))

    handler = signal.signal(signal.SIGALRM, expire)
    timer = signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
