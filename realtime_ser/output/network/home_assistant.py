"""Discovery messages, by which Home Assistant adds the sensors by itself.

Source: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from realtime_ser.events import LABELS, UNCERTAIN

DEFAULT_PREFIX = "homeassistant"


def discovery_messages(topic: str, prefix: str = DEFAULT_PREFIX) -> Iterator[tuple[str, str]]:
    """Yield the topic and the payload of each sensor's configuration.

    Args:
        topic: below which the sink publishes, such as ``realtime-ser``.
        prefix: the discovery prefix of Home Assistant.
    """
    from realtime_ser import __version__

    identifier = re.sub(r"[^a-zA-Z0-9_-]+", "-", topic)
    shared = {
        "availability_topic": f"{topic}/availability",
        "device": {"identifiers": [identifier], "name": topic, "sw_version": __version__},
        "origin": {"name": "realtime-ser", "sw_version": __version__},
    }
    for component, name, config in _sensors(topic):
        yield (
            f"{prefix}/{component}/{identifier}/{name}/config",
            json.dumps({**config, **shared, "unique_id": f"{identifier}_{name}"}),
        )


def _sensors(topic: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield component, name and configuration of each sensor."""
    state, health = {"state_topic": f"{topic}/state"}, {"state_topic": f"{topic}/health"}
    percent = {"unit_of_measurement": "%", "suggested_display_precision": 0}
    yield (
        "sensor",
        "emotion",
        {
            "name": "Emotion",
            "icon": "mdi:emoticon-outline",
            "device_class": "enum",
            "options": [*LABELS, UNCERTAIN],
            "value_template": "{{ value_json.label }}",
            "json_attributes_topic": f"{topic}/state",
            "json_attributes_template": "{{ value_json.probabilities | tojson }}",
            **state,
        },
    )
    yield (
        "sensor",
        "confidence",
        {
            "name": "Confidence",
            "value_template": "{{ (value_json.confidence or 0) * 100 }}",
            **percent,
            **state,
        },
    )
    yield (
        "binary_sensor",
        "speech",
        {
            "name": "Speech",
            "device_class": "sound",
            "value_template": "{{ 'ON' if value_json.speech else 'OFF' }}",
            **state,
        },
    )
    yield (
        "sensor",
        "level",
        {
            "name": "Input level",
            "entity_category": "diagnostic",
            "unit_of_measurement": "dBFS",
            "value_template": "{{ value_json.input_dbfs }}",
            **health,
        },
    )
