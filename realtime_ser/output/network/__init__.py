"""Sinks that cross a network: OSC, MQTT and webhooks."""
