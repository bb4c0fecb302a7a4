"""Reads the certificates of all authorities once a process.

That takes 25 ms of CPU. Each HTTP client does it, Prefect's too, and tests make thousands of them.
To import this is enough; the context is ready for children that are forked afterwards.
"""

import functools
import ssl

import httpx

ssl.create_default_context = functools.cache(ssl.create_default_context)
httpx.create_ssl_context()
