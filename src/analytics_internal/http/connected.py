"""Work ends when its client has left."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analytics_internal.http.bodies import Reading


class WhileConnected:
    """Cancels the application as soon as the client has left, also while it does not read the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # One at a time: a body is read no faster than it is used.
        messages: asyncio.Queue[Message] = asyncio.Queue(1)
        reading = Reading(receive)
        listening = asyncio.create_task(_listen(reading, messages))

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start" and not reading.is_over:
                listening.cancel()  # whoever sends an early answer reads the rest of the body
            await send(message)

        working = asyncio.ensure_future(self._app(scope, messages.get, send_on))
        try:
            await asyncio.wait({listening, working}, return_when=asyncio.FIRST_COMPLETED)
            if listening.cancelled():
                await asyncio.wait({working})
        finally:
            listening.cancel()
            if not working.done():
                working.cancel()
                await asyncio.wait({working})
        if not working.cancelled():
            working.result()


async def _listen(receive: Receive, messages: asyncio.Queue[Message]) -> None:
    while (message := await receive())["type"] != "http.disconnect":
        await messages.put(message)
