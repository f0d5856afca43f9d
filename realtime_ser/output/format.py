"""Times, probabilities and counts as every output writes them."""


def clock(seconds: float, *, hundredths: bool = False) -> str:
    """Return a time as ``m:ss``, from one hour on as ``h:mm:ss``.

    Args:
        seconds: at least 0; the time is rounded down, or to the nearest hundredth.
        hundredths: append ``.cc``.

    >>> clock(61.9), clock(3661), clock(61.5, hundredths=True)
    ('1:01', '1:01:01', '1:01.50')
    """
    total = round(100 * seconds) if hundredths else 100 * int(seconds)
    minutes, rest = divmod(total, 6000)
    second = f"{rest // 100:02}.{rest % 100:02}" if hundredths else f"{rest // 100:02}"
    if minutes < 60:
        return f"{minutes}:{second}"
    return f"{minutes // 60}:{minutes % 60:02}:{second}"


def percent(probability: float, gap: str = "") -> str:
    """Return a probability in whole percent, with ``gap`` before the sign.

    >>> percent(0.876), percent(0.876, " ")
    ('88%', '88 %')
    """
    return f"{100 * probability:.0f}{gap}%"


def counted(number: int, noun: str = "correction") -> str:
    """Return a number with its noun, in the plural where needed.

    >>> counted(1), counted(2), counted(0, "utterance")
    ('1 correction', '2 corrections', '0 utterances')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
