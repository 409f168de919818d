"""Work done on threads ahead of who needs it, a bounded amount of it."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def map_ahead(
    function: Callable[[Any], Any], items: Iterable[Any], num_threads: int, depth: int
) -> Generator[Any, None, None]:
    """Yields `function(item)` of every item, in order, computed on threads while others work.

    At most `depth` items beyond the one waited for have been taken, so that memory does not grow
    with their number. What `function` raises is raised in its turn; the rest is then not begun.
    """
    pool = ThreadPoolExecutor(num_threads)
    pending = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > depth:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
