"""``realtime-ser serve``: recognition over WebSockets, and a page for the browser.

Needs the ``serve`` extra: Starlette, uvicorn, websockets, prometheus_client. The protocol is
described in docs/server.md.
"""
