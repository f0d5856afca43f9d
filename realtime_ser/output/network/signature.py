"""Signatures of webhooks: HMAC-SHA256, as Standard Webhooks defines them.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac

from realtime_ser.errors import SettingsError

SECRET_PREFIX = "whsec_"


class Signer:
    """Signs the bodies of webhooks.

    Args:
        secret: ``whsec_`` and the key in base64, as Standard Webhooks writes it; any other text is
            the key itself, in UTF-8.

    Raises:
        SettingsError: the secret is empty, or not base64 after ``whsec_``.
    """

    def __init__(self, secret: str) -> None:
        self._key = secret.encode("utf-8", "surrogateescape")
        if secret.startswith(SECRET_PREFIX):
            try:
                self._key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
            except (binascii.Error, ValueError):
                raise SettingsError(
                    f"the webhook secret is not base64 after {SECRET_PREFIX}",
                    f"give base64, or a secret without {SECRET_PREFIX}",
                ) from None
        if not self._key:
            raise SettingsError("the webhook secret is empty", "give one, or leave it out")

    def sign(self, identifier: str, timestamp: int, body: bytes) -> str:
        """Return the header ``webhook-signature``.

        Args:
            identifier: the header ``webhook-id``.
            timestamp: the header ``webhook-timestamp``, in seconds since 1970.
            body: of the request.
        """
        signed = f"{identifier}.{timestamp}.".encode() + body
        digest = hmac.new(self._key, signed, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(digest).decode()}"
