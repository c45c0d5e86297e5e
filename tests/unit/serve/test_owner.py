"""Changes that are committed together."""

from itertools import pairwise
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from mercer.events.log import Change
from mercer.schema.listing import DELETION
from mercer.serve.process import owner
from mercer.serve.process.owner import joined
from support.listing_rows import listing_rows

SIZES = st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=9)


def changes_of(sizes: list[tuple[bool, int]]) -> list[Change]:
    """Changes of listings and deletions of so many rows, each row with an id of its own."""
    made = []
    for at, (is_deletion, n) in enumerate(sizes):
        ids = [f"{at}-{i}" for i in range(n)]
        rows = listing_rows(*({"listing_id": one} for one in ids))
        if is_deletion:
            rows = rows.select(DELETION.names).cast(DELETION)
        made.append(Change("deletions" if is_deletion else "listings", rows))
    return made


def ids_of(change: Change) -> list[Any]:
    return change.rows.column("listing_id").to_pylist()


@given(SIZES, st.integers(1, 8))
def test_joined_changes_are_the_same_rows_in_the_same_order(sizes, most):
    """Nothing is lost, doubled or moved past a change of another kind; none is made larger than
    allowed, and none could have taken in the change that follows it."""
    changes = changes_of(sizes)
    with mock.patch.object(owner, "MAX_JOINED_ROWS", most):
        found = joined(changes)
    rows = [(change.kind, one) for change in changes for one in ids_of(change)]
    assert [(change.kind, one) for change in found for one in ids_of(change)] == rows
    given_ = [ids_of(change) for change in changes]
    assert all(len(c.rows) <= most or ids_of(c) in given_ for c in found)
    for before, after in pairwise(found):
        next_ = next(ids for ids in given_ if ids[0] == ids_of(after)[0])
        assert before.kind != after.kind or len(before.rows) + len(next_) > most


def test_a_change_alone_is_not_copied():
    """What has no neighbour of its kind is passed on as it is."""
    changes = changes_of([(False, 2), (True, 1), (False, 3)])
    assert all(a is b for a, b in zip(joined(changes), changes, strict=True))
