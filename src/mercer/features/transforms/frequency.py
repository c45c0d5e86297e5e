"""frequency: the share of fitted rows that have the same text or id; 0 for one never seen."""

from mercer.features.fits import KeyCountsFit
from mercer.features.key_table import look_up_key, plain_look_up_key
from mercer.features.transform import Arrays, Params, RowKernel, Table, Transform


def twin(key: int, *, params: Params, fitted: Arrays) -> float:
    """The same of one value."""
    return plain_look_up_key(key, table(params, fitted))


def table(params: Params, fitted: Arrays) -> Table:
    """Shares of the rows that had a key."""
    total = max(int(fitted["counts"].sum()), 1)
    return Table(fitted["keys"], fitted["counts"] / total)


TRANSFORM = Transform(
    name="frequency",
    summary="The share of the fitted rows that have the same text or id.",
    inputs=(("id",),),
    output="number",
    run=RowKernel(look_up_key, table),
    twin=twin,
    fit=KeyCountsFit(),
)
