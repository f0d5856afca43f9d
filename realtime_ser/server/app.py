"""The server's routes."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from realtime_ser import __version__
from realtime_ser.server.access import has_token
from realtime_ser.server.listener import ListenerConnection
from realtime_ser.server.page import PAGE, security_headers
from realtime_ser.server.state import ServerState
from realtime_ser.server.stream import StreamConnection

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def build_app(server: ServerState) -> Starlette:
    """Return the application that serves ``server``."""
    content = PAGE.read_bytes()
    headers = security_headers(content)

    async def page(_: Request) -> Response:
        return Response(content, media_type="text/html", headers=headers)

    async def health(_: Request) -> Response:
        return _health(server)

    async def metrics(request: Request) -> Response:
        if not has_token(request, server.options.access):
            headers = {"WWW-Authenticate": "Bearer"}
            return PlainTextResponse("the token is missing or wrong\n", 401, headers)
        return Response(_metrics(server), media_type=METRICS_TYPE)

    async def stream(websocket: WebSocket) -> None:
        await StreamConnection(websocket, server).run()

    async def events(websocket: WebSocket) -> None:
        await ListenerConnection(websocket, server).run()

    return Starlette(
        routes=[
            Route("/", page),
            Route("/healthz", health),
            Route("/metrics", metrics),
            WebSocketRoute("/v1/stream", stream),
            WebSocketRoute("/v1/events", events),
        ]
    )


def _health(server: ServerState) -> Response:
    """Return 200 while streams can be served, else 503."""
    status = "draining" if server.sessions.draining else "ok"
    if not server.pool.running:
        status = "no worker is running"
    state = {
        "status": status,
        "version": __version__,
        "events": server.live.kind if server.live else None,
        "profiles": server.options.access.profiles,
    }
    return JSONResponse(state, 200 if status == "ok" else 503, {"Cache-Control": "no-store"})


def _metrics(server: ServerState) -> bytes:
    server.sessions.update_metrics()
    server.metrics.lag.set(server.pool.lag_seconds())
    server.metrics.workers.set(server.pool.running)
    server.metrics.restarts.set(server.pool.restarts)
    return server.metrics.text()
