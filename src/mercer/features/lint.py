"""What is odd about a feature set that compiles."""

from collections.abc import Iterator
from dataclasses import dataclass

from mercer.features.declare import FeatureSet
from mercer.features.lineage import FeatureInfo, feature_infos


@dataclass(frozen=True, slots=True)
class Finding:
    """One oddity."""

    feature: str
    message: str


def lint(feature_set: FeatureSet) -> tuple[Finding, ...]:
    """Oddities in the order of the features.

    Raises:
        FeatureError: the set cannot be compiled.
    """
    infos = feature_infos(feature_set)
    return (*_undocumented(infos), *_unread(infos), *_doubled(infos))


def _undocumented(infos: tuple[FeatureInfo, ...]) -> Iterator[Finding]:
    for info in infos:
        if info.is_output and not info.doc:
            yield Finding(info.name, "has no doc; say in a sentence what it means")


def _unread(infos: tuple[FeatureInfo, ...]) -> Iterator[Finding]:
    for info in infos:
        if not info.is_output and not info.read_by:
            yield Finding(info.name, "is a [[node]] that no feature reads; remove it")


def _doubled(infos: tuple[FeatureInfo, ...]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for info in infos:
        key = repr((info.transform, info.inputs, sorted(info.params.items()), info.missing))
        if key in first:
            yield Finding(info.name, f"is the same as {first[key]!r}; let others read that one")
        first.setdefault(key, info.name)
