"""The browser page: one static file of the package."""

import base64
import hashlib
import re
from pathlib import Path

PAGE = Path(__file__).with_name("page.html")

_INLINE = {
    kind: re.compile(rf"<{kind}>(.*?)</{kind}>".encode(), re.DOTALL) for kind in ("script", "style")
}


def security_headers(page: bytes) -> dict[str, str]:
    """Return the headers that let the page run its own script and style, and nothing else.

    See the Content Security Policy of the W3C, level 3. ``blob:`` is the page's AudioWorklet.
    """
    scripts, styles = (" ".join(_hashes(page, kind)) for kind in ("script", "style"))
    policy = (
        "default-src 'none'",
        f"script-src {scripts} blob:",
        f"style-src {styles}",
        "img-src data:",
        "connect-src 'self' ws: wss:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",  # its address may hold the token
        "Cache-Control": "no-cache",
    }


def _hashes(page: bytes, kind: str) -> list[str]:
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}'"
        for content in _INLINE[kind].findall(page)
    ]
