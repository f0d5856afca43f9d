"""The outputs that cross a network, as the options of a live run name them."""

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

from realtime_ser.commands.parser import WEBHOOK_SECRET
from realtime_ser.errors import SettingsError
from realtime_ser.live.network_sink import NetworkSink


def network_sinks(options: argparse.Namespace) -> list[NetworkSink[Any]]:
    """Return the sinks of ``--osc``, ``--mqtt`` and ``--webhook``, checked but not started.

    Raises:
        SettingsError: an address is wrong.
        OutputError: a package is missing, or a host is unknown.
    """
    sinks: list[NetworkSink[Any]] = []
    if options.osc:
        from realtime_ser.output.network.osc import OscSink

        sinks += _named("OSC output", options.osc, OscSink)
    if options.mqtt:
        from realtime_ser.output.network.mqtt import MqttSink

        sinks += _named("MQTT output", options.mqtt, MqttSink)
    if options.webhook:
        from realtime_ser.output.network.webhook import WebhookSink

        secret = options.webhook_secret
        if secret is None:
            secret = os.environ.get(WEBHOOK_SECRET)
        sinks += _named(
            "webhook", options.webhook, lambda url, name: WebhookSink(url, secret, name)
        )
    elif options.webhook_secret is not None:
        raise SettingsError("--webhook-secret signs nothing", "give --webhook too")
    return sinks


def _named(
    name: str, targets: Sequence[str], create: Callable[[str, str], NetworkSink[Any]]
) -> list[NetworkSink[Any]]:
    """Number the sinks of a kind if there are several: health events tell them apart by name."""
    return [
        create(target, name if number == 1 else f"{name} {number}")
        for number, target in enumerate(targets, 1)
    ]
