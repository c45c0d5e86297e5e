"""Several seeds in one option: 1..5, or 3,7."""

from mercer.schema.errors import ConfigError


def seeds_of(text: str) -> tuple[int, ...]:
    """The seeds that an option names, in its order.

    Raises:
        ConfigError: it names none, or something else than numbers of 0 or more.
    """
    first, dots, last = text.partition("..")
    try:
        named = range(int(first), int(last) + 1) if dots else [int(one) for one in text.split(",")]
    except ValueError:
        named = []
    if not len(named) or min(named) < 0:
        raise ConfigError(f"--seeds {text!r}: allowed are numbers of 0 or more, as 1..5 or 3,7")
    return tuple(named)
