"""Large words in half-block characters: a narrow seven-pixel font with the letters needed here."""

from functools import cache

HEIGHT = 7
"""Height of a letter in pixels; a terminal cell holds two."""

_FONT = {
    " ": "  |  |  |  |  |  |  ",
    "A": " ## |#  #|#  #|####|#  #|#  #|#  #",
    "C": " ## |#  #|#   |#   |#   |#  #| ## ",
    "D": "### |#  #|#  #|#  #|#  #|#  #|### ",
    "E": "####|#   |#   |### |#   |#   |####",
    "F": "####|#   |#   |### |#   |#   |#   ",
    "G": " ## |#  #|#   |# ##|#  #|#  #| ## ",
    "H": "#  #|#  #|#  #|####|#  #|#  #|#  #",
    "I": "#|#|#|#|#|#|#",
    "L": "#   |#   |#   |#   |#   |#   |####",
    "M": "#   #|## ##|# # #|# # #|#   #|#   #|#   #",
    "N": "#  #|## #|## #|# ##|# ##|#  #|#  #",
    "O": " ## |#  #|#  #|#  #|#  #|#  #| ## ",
    "P": "### |#  #|#  #|### |#   |#   |#   ",
    "R": "### |#  #|#  #|### |# # |#  #|#  #",
    "S": " ###|#   |#   | ## |   #|   #|### ",
    "T": "#####|  #  |  #  |  #  |  #  |  #  |  #  ",
    "U": "#  #|#  #|#  #|#  #|#  #|#  #| ## ",
    "Y": "#   #|#   #| # # |  #  |  #  |  #  |  #  ",
    "0": " ## |#  #|#  #|#  #|#  #|#  #| ## ",
    "1": " #|##| #| #| #| #| #",
    "2": " ## |#  #|   #|  # | #  |#   |####",
    "3": "### |   #|   #| ## |   #|   #|### ",
    "4": "#  #|#  #|#  #|####|   #|   #|   #",
    "5": "####|#   |#   |### |   #|   #|### ",
    "6": " ## |#   |#   |### |#  #|#  #| ## ",
    "7": "####|   #|  # |  # | #  | #  | #  ",
    "8": " ## |#  #|#  #| ## |#  #|#  #| ## ",
    "9": " ## |#  #|#  #| ###|   #|   #| ## ",
    "%": "##  #|##  #|   # |  #  | #   |#  ##|#  ##",
}

_HALVES = {"  ": " ", "# ": "▀", " #": "▄", "##": "█"}


def rows_needed(scale: int) -> int:
    """Return how many terminal rows a word takes."""
    return (HEIGHT * scale + 1) // 2


def columns_needed(text: str) -> int:
    """Return how many terminal columns ``text`` takes at scale 1."""
    return len(lettering(text, 1)[0])


@cache
def lettering(text: str, scale: int) -> tuple[str, ...]:
    """Draw ``text`` (capitals, digits, ``%``) as rows of half-blocks, all of the same length."""
    glyphs = [_FONT[letter].split("|") for letter in text]
    pixels = [
        "".join(pixel * scale for pixel in " ".join(glyph[row] for glyph in glyphs))
        for row in range(HEIGHT)
        for _ in range(scale)
    ]
    if len(pixels) % 2:
        pixels.append(" " * len(pixels[0]))
    return tuple(
        "".join(_HALVES[upper + lower] for upper, lower in zip(*pair, strict=True))
        for pair in zip(pixels[::2], pixels[1::2], strict=True)
    )
