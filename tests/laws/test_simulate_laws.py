"""Laws of the synthetic truth over random wishes, looks and texts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mercer.simulate import SimQuery, draw_look, generate_catalogue, grades, relevance
from mercer.simulate.picture.look import LOOK_ATTRIBUTES, Look
from mercer.simulate.truth import COLUMN, VOCABULARIES
from mercer.simulate.typing_error import mistype
from mercer.simulate.words.taxonomy import taxonomy

WORLD = generate_catalogue(n_listings=400, seed=9, now_ms=1_780_000_000_000)
BY_NAME = {v.name: v for v in VOCABULARIES}

stated = st.sampled_from([(name, value) for name, v in BY_NAME.items() for value in v.values])
limits = st.none() | st.integers(0, 300_000_000)


def _query(
    wanted: list[tuple[str, str]],
    unwanted: list[tuple[str, str]],
    low: int | None,
    high: int | None,
) -> SimQuery:
    return SimQuery("q", "text", "text", "specific", tuple(wanted), tuple(unwanted), low, high)


@given(st.lists(stated, max_size=3), st.lists(stated, max_size=2), limits, limits, stated)
@settings(max_examples=60, deadline=None)
def test_truth_obeys_every_wish(
    wanted: list[tuple[str, str]],
    unwanted: list[tuple[str, str]],
    low: int | None,
    high: int | None,
    more: tuple[str, str],
) -> None:
    """In [0, 1]; nothing refused or beyond a limit survives; a further refusal only removes."""
    t = WORLD.truth
    r = relevance(WORLD, _query(wanted, unwanted, low, high))
    assert ((r >= 0) & (r <= 1)).all()
    for name, value in unwanted:
        assert r[t.values[:, COLUMN[name]] == BY_NAME[name].index(value)].max(initial=0) == 0
    outside = (t.price_micros < (low or 0)) | (t.price_micros > (10**15 if high is None else high))
    assert r[outside].max(initial=0) == 0
    fewer = relevance(WORLD, _query(wanted, [*unwanted, more], low, high))
    assert ((fewer == r) | (fewer == 0)).all()
    assert (grades(fewer) <= grades(r)).all()


@given(
    st.integers(0, 10**12),
    st.sampled_from(taxonomy()),
    st.fixed_dictionaries({a: st.sampled_from(("", *BY_NAME[a].values)) for a in LOOK_ATTRIBUTES}),
    st.sampled_from(("", *BY_NAME["color"].values)),
    st.integers(0, 12),
    st.integers(16, 40),
)
@settings(max_examples=80, deadline=None)
def test_any_look_can_be_drawn(
    number: int, leaf: object, seen: dict[str, str], second: str, view: int, size: int
) -> None:
    """Whatever the attributes say, even nonsense, there is a picture of the size asked for."""
    look = Look(number, leaf, **seen, second_color=second)  # type: ignore[arg-type]
    image = draw_look(look, view=view, size_px=size)
    assert (image.size, image.mode) == ((size, size), "RGB")
    assert len(np.unique(np.asarray(image))) > 1


@given(st.text("abcdefghijklmnopqrstuvwxyz 0123456789-$", max_size=40), st.integers(0, 1_000))
@settings(max_examples=100, deadline=None)
def test_a_slip_is_one_slip(text: str, seed: int) -> None:
    """At most one character more or less, and digits are never touched."""
    wrong = mistype(text, np.random.default_rng(seed))
    assert abs(len(wrong) - len(text)) <= 1
    assert [c for c in wrong if c.isdigit()] == [c for c in text if c.isdigit()]
