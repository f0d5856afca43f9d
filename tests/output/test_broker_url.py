"""The URL of ``--mqtt``: what it may hold, and what is refused."""

import pytest

from realtime_ser.errors import OutputError, SettingsError

pytest.importorskip("paho", reason="the mqtt extra is not installed")

from realtime_ser.output.network.mqtt import MqttSink, parse_broker


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "no scheme"),
        ("localhost", "no scheme"),
        ("localhost:1883", "no scheme"),
        ("http://localhost", "'http://'"),
        ("tcp://localhost", "give a URL that begins mqtt:// or mqtts://"),
        ("mqtt://", "not a URL with a host"),
        ("mqtt:///topic", "not a URL with a host"),
        ("mqtt://[::1", "not a URL with a host"),
        ("mqtt://localhost:0", "give 1 to 65535"),
        ("mqtt://localhost:65536", "give 1 to 65535"),
        ("mqtt://user:hunter2@localhost:x", "give 1 to 65535"),
        ("mqtt://localhost/a b", "space or control character"),
        ("mqtt://localhost/a/#", "contains #"),
        ("mqtt://user:pass#word@localhost", "contains #"),
        ("mqtt://localhost/a/%23", "leave out"),
        ("mqtt://localhost/+/b", "leave out"),
        ("mqtt://localhost/%00", "leave out"),
        ("mqtt://localhost/$SYS", "not beginning with"),
        ("mqtt://localhost/" + "a" * 201, "at most 200 bytes"),
        ("mqtt://localhost/a?discovery=b%2B", "leave out"),
        ("mqtt://localhost/a?qos=0", "does not know 'qos'"),
    ],
)
def test_a_wrong_url_is_refused(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        MqttSink(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_ports_have_their_defaults(scheme: str) -> None:
    broker = parse_broker(f"{scheme}://[::1]")
    assert broker.address.port == {"mqtt": 1883, "mqtts": 8883}[scheme]
    assert broker.tls == (scheme == "mqtts")
    assert (broker.user, broker.password, broker.topic) == (None, None, "realtime-ser")


def test_a_host_that_does_not_resolve_is_refused() -> None:
    with pytest.raises(OutputError, match=r"'nowhere\.invalid' of --mqtt is unknown"):
        MqttSink("mqtt://nowhere.invalid")
