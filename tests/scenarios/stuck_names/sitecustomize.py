"""Read by Python at its start where this folder is on the path: names below stuck.test take half a minute to fail.

A resolver whose servers don't answer does just that, in a thread that nobody can end.
"""

import socket
import time
from typing import Any

resolve = socket.getaddrinfo


def stuck(host: Any, *rest: Any, **more: Any) -> Any:
    if str(host).endswith("stuck.test"):
        time.sleep(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return resolve(host, *rest, **more)


socket.getaddrinfo = stuck
