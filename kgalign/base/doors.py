"""Doors for others: what installed packages bring by entry points, by group and name.

A package names an object in its ``pyproject.toml``, such as ``isbn = "my_package:ISBN"`` under
``[project.entry-points."kgalign.values"]``. Nothing of it is imported before a configuration or a command
names it, and what kgalign has itself under a name comes first.
"""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_args

from kgalign.errors import KgalignError

Group = Literal["kgalign.channels", "kgalign.values", "kgalign.judges", "kgalign.policies", "kgalign.formats"]
GROUPS: tuple[Group, ...] = get_args(Group)


@cache
def offered(group: Group) -> dict[str, EntryPoint]:
    """Name → what a package brings under it, in the order of the names.

    :raises KgalignError: two packages bring one name.
    """
    found: dict[str, EntryPoint] = {}
    for each in sorted(entry_points(group=group), key=lambda point: (point.name, package_of(point))):
        other = found.setdefault(each.name, each)
        if other.value != each.value or package_of(other) != package_of(each):
            raise KgalignError(
                f"{package_of(other)} and {package_of(each)} both bring {each.name} for {group}",
                "Uninstall one of them",
            )
    return found


def package_of(point: EntryPoint) -> str:
    """Name and version of the package that brings it."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def bring(group: Group, name: str, kind: type | tuple[type, ...]) -> Any:  # noqa: ANN401 - checked here
    """Import what a package brings under a name.

    :param kind: what it has to be.
    :raises KgalignError: nobody brings it, it can't be imported, or it is something else.
    """
    point = offered(group).get(name)
    if point is None:
        have = ", ".join(offered(group)) or "none"
        raise KgalignError(
            f"No package brings {name} for {group}", f"Install the one that does; there are: {have}"
        )
    try:
        found = point.load()
    except Exception as error:
        raise KgalignError(
            f"{name} of {package_of(point)} can't be imported: {type(error).__name__}: {error}",
            "Mend or update that package, or don't name it",
        ) from error
    if not isinstance(found, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        raise KgalignError(
            f"{name} of {package_of(point)} is a {type(found).__name__}, and for {group} has to be a "
            f"{' or a '.join(each.__name__ for each in kinds)}",
            "Mend or update that package, or don't name it",
        )
    return found


def brought(group: Group, names: Sequence[str]) -> dict[str, str]:
    """Name → name and version of the package that brings it: a part of a fingerprint."""
    points = offered(group) if names else {}
    return {name: package_of(points[name]) for name in names if name in points}
