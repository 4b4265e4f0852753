"""The workers of a dask.distributed cluster as an executor for ``grade_class``."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor

CONNECT_SECONDS = 10


class ClusterError(Exception):
    """A cluster cannot grade: it is lost, or it has another version of the grader."""


@contextlib.contextmanager
def dask_cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """An executor on the workers of a scheduler, and how many submissions it should have at a time.

    The cluster must be trusted, because the checks are sent to it. Each worker starts its own sandboxes.

    Args:
        address: of the scheduler, such as ``tcp://192.168.0.7:8786``.

    Raises:
        ClusterError: dask is not installed, no scheduler answers, or it has no worker.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError("--dask needs dask.distributed: pip install 'lecture-utils[dask]'") from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no dask scheduler answers at {address} ({error})") from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ClusterError(f"the scheduler at {address} has no workers yet")
        yield client.get_executor(retries=2), 2 * threads  # the next submission is sent while one runs
