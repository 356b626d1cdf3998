# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Services called from an asyncio loop in another thread than the one that spins the node."""

from __future__ import annotations

import asyncio
from typing import Any

from rcl_interfaces.srv import SetParameters

from il_ros.core.errors import GraphError

TIMEOUT_S, POLL_S = 10.0, 0.1


async def wait_for_service(client: Any) -> None:
    """Wait a while for a service whose node may still be starting."""
    limit = asyncio.get_running_loop().time() + TIMEOUT_S
    while not client.service_is_ready() and asyncio.get_running_loop().time() < limit:
        await asyncio.sleep(POLL_S)


def _resolve(answered: asyncio.Future[Any], response: Any) -> None:
    if not answered.done():  # nobody has given up waiting for it
        answered.set_result(response)


async def call_service(client: Any, request: Any) -> str:
    """Call a Trigger, SetBool or SetParameters service and return its message.

    Raises:
        GraphError: if the service is not there, does not answer in time, or refuses.
    """
    if not client.service_is_ready():
        raise GraphError(f"{client.srv_name} is not there; is its node running?")
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Any] = loop.create_future()

    def on_response(future: Any) -> None:
        loop.call_soon_threadsafe(_resolve, answered, future.result())

    client.call_async(request).add_done_callback(on_response)
    try:
        response = await asyncio.wait_for(answered, TIMEOUT_S)
    except asyncio.TimeoutError as error:
        late = f"{client.srv_name} did not answer within {TIMEOUT_S:g} s"
        raise GraphError(f"{late}; see the log of its node") from error
    if isinstance(response, SetParameters.Response):
        (result,) = response.results
        success, message = result.successful, result.reason
    else:
        success, message = response.success, response.message
    if not success:
        raise GraphError(message)
    return str(message)
