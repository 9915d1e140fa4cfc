"""The stand-in's gateway, with compression, sessions and RESUME.

Described at https://discord.com/developers/docs/events/gateway.
"""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from .discord_shapes import APPLICATION, BOT, GUILD, PRIVILEGED, guild

TOKEN = "a-token.for-the.stand-in"  # noqa: S105
HEARTBEAT = 41_250
DISPATCH, BEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11


class Session:
    """A client's session: every event sent to it, so that a new connection can resume."""

    def __init__(self, number: int, identity: dict[str, Any]) -> None:
        self.id = f"session-{number}"
        self.identity = identity
        self.events = list[str]()
        self.shard = tuple(identity.get("shard") or (0, 1))
        self.connection: Connection | None = None

    async def dispatch(self, name: str, data: Any) -> None:
        """Send an event, or store it until a client resumes."""
        self.events.append(json.dumps({"op": DISPATCH, "t": name, "s": len(self.events) + 1, "d": data}))
        if self.connection:
            await self.connection.send(self.events[-1])


class Connection:
    """A websocket. With ``compress`` all its messages form one zlib stream."""

    def __init__(self, socket: web.WebSocketResponse, compress: bool) -> None:
        self.socket = socket
        self._stream = zlib.compressobj() if compress else None

    async def send(self, text: str) -> None:
        """Send a message."""
        if self.socket.closed:
            return
        if self._stream is None:
            await self.socket.send_str(text)
        else:
            data = self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)
            await self.socket.send_bytes(data)

    async def op(self, number: int, data: Any = None) -> None:
        """Send a message that is not an event."""
        await self.send(json.dumps({"op": number, "d": data}))


class Gateway:
    """The gateway. ``changed`` is called after every message received."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self.identified: list[dict[str, Any]] = []
        self.resumed: list[str] = []
        self.close_codes: list[int | None] = []
        self.sessions: dict[str, Session] = {}
        self.refuses_with: int | None = None
        self.knows_token = True
        self.granted = 0
        self.guilds = {GUILD: guild()}
        self.url = ""
        self._changed = changed
        self._numbers = itertools.count(1)

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve a connection until it ends."""
        socket = web.WebSocketResponse(max_msg_size=0, autoclose=False)
        await socket.prepare(request)
        connection = Connection(socket, request.query.get("compress") == "zlib-stream")
        await connection.op(HELLO, {"heartbeat_interval": HEARTBEAT})
        while (frame := await socket.receive()).type is WSMsgType.TEXT:
            await self._handle_message(connection, json.loads(frame.data))
        # The client's close code, even if it did not wait for the answer to its close frame.
        code = frame.data if frame.type is WSMsgType.CLOSE else socket.close_code
        await socket.close()
        for session in self.sessions.values():
            session.connection = None if session.connection is connection else session.connection
        self.close_codes.append(code)
        await self._changed()
        return socket

    async def dispatch(self, name: str, data: Any) -> None:
        """Send an event to the shard of its server. Direct messages go to shard 0."""
        number = int(data.get("guild_id") or (data["id"] if name.startswith("GUILD") else 0))
        for session in list(self.sessions.values()):
            if (number >> 22) % session.shard[1] == session.shard[0]:
                await session.dispatch(name, data)

    def cut(self) -> None:
        """Drop all connections without a close frame."""
        for session in self.sessions.values():
            if session.connection and (transport := session.connection.socket._req.transport):  # type: ignore[union-attr]
                transport.abort()
                session.connection = None

    async def ask_to_reconnect(self) -> None:
        """Ask all clients to reconnect, as Discord does before a restart."""
        for session in self.sessions.values():
            if session.connection:
                await session.connection.op(RECONNECT)

    async def invalidate(self, resumable: bool) -> None:
        """Invalidate all sessions. They are lost unless ``resumable``."""
        for number, session in list(self.sessions.items()):
            if session.connection:
                await session.connection.op(INVALID, resumable)
            if not resumable:
                del self.sessions[number]

    async def _handle_message(self, connection: Connection, received: dict[str, Any]) -> None:
        if received["op"] == BEAT:
            await connection.op(ACK)
        if received["op"] in (IDENTIFY, RESUME):
            refusal = self._refusal(received["op"], received["d"])
            if refusal:
                await connection.socket.close(code=refusal)
                return
            await (self._identify if received["op"] == IDENTIFY else self._resume)(connection, received["d"])
            await self._changed()

    def _refusal(self, op: int, data: dict[str, Any]) -> int | None:
        if data["token"] != TOKEN or not self.knows_token:
            return 4004
        if op == IDENTIFY and data["intents"] & PRIVILEGED & ~self.granted:
            return 4014
        return self.refuses_with

    async def _identify(self, connection: Connection, data: dict[str, Any]) -> None:
        session = Session(next(self._numbers), data)
        self.sessions = {number: each for number, each in self.sessions.items() if each.shard != session.shard}
        self.sessions[session.id], session.connection = session, connection
        self.identified.append(data)
        own_guilds = [g for g in self.guilds.values() if (int(g["id"]) >> 22) % session.shard[1] == session.shard[0]]
        await session.dispatch("READY", self._ready(session, own_guilds))
        for each in own_guilds:
            await session.dispatch("GUILD_CREATE", each)

    async def _resume(self, connection: Connection, data: dict[str, Any]) -> None:
        session = self.sessions.get(data["session_id"])
        if session is None:
            await connection.op(INVALID, False)
            return
        session.connection = connection
        self.resumed.append(session.id)
        for event in session.events[data["seq"] :]:
            await connection.send(event)
        await session.dispatch("RESUMED", {})

    def _ready(self, session: Session, guilds: list[dict[str, Any]]) -> dict[str, Any]:
        ready = {
            "v": 10,
            "user": BOT,
            "guilds": [{"id": each["id"], "unavailable": True} for each in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "application": {"id": APPLICATION, "flags": 0},
        }
        return ready | ({"shard": list(session.shard)} if "shard" in session.identity else {})
