"""The messages that go to the echo server and back, as Python's clients make them; shapes.mjs makes JavaScript's."""
import random

# Around each length that RFC 6455 §5.2 writes differently, and some that no buffer holds in one piece.
SIZES = [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 5_000_000]
FLIGHT = 2_000
# How many bytes of all these deflate to nearly nothing, and how many to nothing less.
TEXT_BYTES = BINARY_BYTES = sum(SIZES)
COUNT = 2 * len(SIZES)

PATTERN = "nosocks keeps ☂ a folder é the same 🙂 on many machines. "


def text(size):
    """So many bytes of UTF-8."""
    whole = PATTERN.encode() * (size // len(PATTERN.encode()) + 1)
    kept = whole[:size].decode(errors="ignore")
    return kept + "." * (size - len(kept.encode()))


def binary(size):
    return random.Random(size).randbytes(size)


def messages():
    return [make(size) for size in SIZES for make in (text, binary)]


def flight():
    """Many small messages, each another."""
    return [text(number % 700) if number % 2 else number.to_bytes(4, "big") + binary(number % 1_500)
            for number in range(FLIGHT)]
