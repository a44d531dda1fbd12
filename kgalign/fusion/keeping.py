"""Names that persist: what an earlier run called a thing it is called again, as far as it is the same thing.

Each name of the earlier run goes to the group that shares the most nodes with what the name stood for; a
group gets one name at most. Claims are granted by that number, the largest first, so that no name and no
group would both rather have each other than what they got: the one stable matching (Gale and Shapley, 1962).
docs/decisions says why it is not the assignment of the largest total.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kgalign.arrays import Flags, Positions, run_starts
from kgalign.fusion.groups import Canonical, Groups, mint
from kgalign.rdf.graph import Ids, TermKind, Terms
from kgalign.records.fused import term_ids
from kgalign.records.names import Names


@dataclass(frozen=True, slots=True)
class _Claims:
    """Which group may have which name, the best claim first."""

    name: Ids
    """(c,) index into ``names``."""
    group: Ids
    owner: Ids
    """(c,) the node whose IRI the name is, -1 where the graphs have none."""
    shared: Positions
    """(c,) nodes of the group for which the name stood."""
    names: pa.LargeStringArray

    def take(self, rows: Positions | Flags) -> "_Claims":
        """Some of them."""
        return _Claims(self.name[rows], self.group[rows], self.owner[rows], self.shared[rows], self.names)


def keep_names(terms: Terms, groups: Groups, names: Names, canonical: Canonical) -> Groups:
    """The same groups under the names that they had; with groups of one node for what had another name.

    An IRI that the graphs have names no group but its own, whatever it stood for: what a source says of it
    would else be taken for something about another thing. With ``mint`` it names no group of several IRIs at
    all. A node that is left alone of a thing that fell apart goes by its own IRI.

    :param terms: of both graphs, in canonical order.
    :param groups: as :func:`~kgalign.fusion.groups.group_nodes` gives them.
    :param names: what the earlier run called things.
    """
    if not len(names.name):
        return groups
    whole = _with_singles(terms, groups, names)
    granted = _granted(_allowed(terms, whole, _claims(terms, whole, names), canonical))
    texts = granted.names.take(pa.array(granted.name)).to_pylist()
    minted = dict(whole.minted)
    first = whole.member[whole.first]
    for group, owner, text in zip(granted.group.tolist(), granted.owner.tolist(), texts, strict=True):
        if owner < 0:
            minted[group] = text
        else:
            minted.pop(group, None)
            first[group] = owner
    new = sorted(minted.keys() - set(granted.group.tolist()))
    taken = set(names.name.to_pylist()) if new else set()
    for group in new:
        minted[group] = _fresh(terms, whole, group, taken)
    given = np.isin(np.arange(len(whole)), granted.group)
    stays = np.arange(len(whole)) < len(groups)
    return _ordered(whole, first, minted, stays | given)


def successors(terms: Terms, groups: Groups, names: Names) -> list[tuple[str, str]]:
    """The IRIs that name nothing any more, each with what stands for it now.

    :param groups: with the names that they keep.
    :param names: what the earlier run called things, and what was retired already: it is told again for as
        long as nothing has the name.
    :returns: sorted pairs, several for what was split; the second is empty where no node is left.
    """
    old = pc.unique(pa.concat_arrays([names.name, names.retired]))
    if not len(old):
        return []
    called = _Called(terms, groups)
    dead = old.filter(pa.array(~called.alive(old)))
    if not len(dead):
        return []
    wanted = pa.concat_arrays([dead, names.replaced_by.filter(pc.is_in(names.retired, dead))])
    rows = pc.is_in(names.name, wanted)
    stood = pa.concat_arrays([names.name.filter(rows), wanted])
    members = pa.concat_arrays([names.iri.filter(rows), wanted])
    after: dict[str, set[str]] = {}
    for name, now in zip(stood.to_pylist(), called.names(members), strict=True):
        if now:
            after.setdefault(name, set()).add(now)
    found = {name: set(after.get(name, ())) for name in dead.to_pylist()}
    for name, by in zip(names.retired.to_pylist(), names.replaced_by.to_pylist(), strict=True):
        if name in found:
            found[name] |= after.get(by, set())
    return sorted((name, each) for name, by in found.items() for each in by or {""})


class _Called:
    """What the fused graph calls the nodes of the inputs."""

    def __init__(self, terms: Terms, groups: Groups) -> None:
        self._terms, self._minted = terms, groups.minted
        self._group = _group_of(terms, groups)
        self._first = groups.member[groups.first]

    def alive(self, names: pa.LargeStringArray) -> Flags:
        """(n,) whether something has each name."""
        term = term_ids(self._terms, names)
        stays = self._stays(term)
        coined = pa.array(sorted(self._minted.values()), pa.large_string())
        found: Flags = (stays == term) & (term >= 0)
        found |= pc.is_in(names, coined).to_numpy(zero_copy_only=False)
        return found

    def names(self, iris: pa.LargeStringArray) -> Iterator[str]:
        """What each IRI is called, nothing where the graphs don't have it."""
        term = term_ids(self._terms, iris)
        stays = self._stays(term)
        texts = self._terms.value.take(pa.array(stays, mask=stays < 0)).to_pylist()
        groups = np.where(term >= 0, self._group[term], -1).tolist()
        for group, text in zip(groups, texts, strict=True):
            yield self._minted.get(group) or text or ""

    def _stays(self, term: Ids) -> Ids:
        """(n,) the node that stays of each; -1 where the graphs don't have it, or under a name of no node."""
        group = np.where(term >= 0, self._group[term], -1)
        stays = np.where(group >= 0, np.append(self._first, -1)[group], term)
        return np.where(np.isin(group, list(self._minted)), -1, stays).astype(np.int32)


def _group_of(terms: Terms, groups: Groups) -> Ids:
    """(terms,) the group of each, -1 where it is alone."""
    found = np.full(len(terms), -1, np.int32)
    found[groups.member] = groups.group
    return found


def _with_singles(terms: Terms, groups: Groups, names: Names) -> Groups:
    """The groups, and behind them one for each IRI that is alone and was called otherwise."""
    nodes = term_ids(terms, names.iri.filter(pc.not_equal(names.iri, names.name)))
    alone = np.setdiff1d(nodes[nodes >= 0], groups.member).astype(np.int32)
    number = len(groups) + np.arange(len(alone), dtype=np.int32)
    return Groups(
        np.concatenate([groups.member, alone]), np.concatenate([groups.group, number]), groups.minted
    )


def _claims(terms: Terms, groups: Groups, names: Names) -> _Claims:
    """Every name that stood for a node of a group: by how many, then what it would be called anew."""
    was = names.name.take(pc.index_in(terms.value.take(pa.array(groups.member)), names.iri))
    there = pc.is_valid(was).to_numpy(zero_copy_only=False) & (terms.kind[groups.member] == TermKind.IRI)
    was, of_group = was.filter(pa.array(there)), groups.group[there]
    texts = pc.unique(was)
    texts = texts.take(pc.sort_indices(texts))
    code = np.asarray(pc.index_in(was, texts).to_numpy(zero_copy_only=False), np.int32)
    order = np.lexsort((of_group, code))
    start = np.flatnonzero(run_starts(code[order], of_group[order]))
    shared = np.diff(np.append(start, len(order)))
    name, group = code[order][start], of_group[order][start]
    owner = term_ids(terms, texts)[name]
    rules = np.isin(group, list(groups.minted))
    ruled = ~rules & (owner == groups.member[groups.first][group])
    minted = pa.array([groups.minted.get(each) for each in group.tolist()], pa.large_string())
    ruled |= pc.equal(minted, texts.take(pa.array(name))).fill_null(False).to_numpy(zero_copy_only=False)
    lowest = np.full(len(groups), len(terms), np.int32)
    np.minimum.at(lowest, groups.group, groups.member)
    best = np.lexsort((lowest[group], name, ~ruled, -shared))
    return _Claims(name, group, owner, shared, texts).take(best)


def _allowed(terms: Terms, groups: Groups, claims: _Claims, canonical: Canonical) -> _Claims:
    """The claims without those that nobody may make (:func:`keep_names`)."""
    size = np.bincount(groups.group, minlength=len(groups))
    iris = np.bincount(groups.group, terms.kind[groups.member] == TermKind.IRI, minlength=len(groups))
    stood_for = np.bincount(claims.name, claims.shared, minlength=len(claims.names))
    own = np.append(_group_of(terms, groups), -1)[claims.owner] == claims.group
    if canonical == "mint":
        own &= iris[claims.group] == 1
    whole = (size[claims.group] > 1) | (claims.shared == stood_for[claims.name])
    return claims.take(np.where(claims.owner >= 0, own, whole))


def _granted(claims: _Claims) -> _Claims:
    """The claims to names that nobody with a better one has, of groups that got no better one."""
    names: set[int] = set()
    groups: set[int] = set()
    rows = []
    for row, (name, group) in enumerate(zip(claims.name.tolist(), claims.group.tolist(), strict=True)):
        if name not in names and group not in groups:
            names.add(name)
            groups.add(group)
            rows.append(row)
    return claims.take(np.array(rows, np.int64))


def _fresh(terms: Terms, groups: Groups, group: int, taken: set[str]) -> str:
    """The minted IRI of a group; another one where the earlier run had that for something else."""
    found = groups.minted[group]
    if found in taken:
        members = groups.member[groups.group == group]
        members = members[terms.kind[members] == TermKind.IRI]
        iris = terms.value.take(pa.array(members)).to_pylist()
        while found in taken:
            found = mint([*iris, found])
    return found


def _ordered(groups: Groups, first: Ids, minted: dict[int, str], wanted: Flags) -> Groups:
    """Some of the groups, each with the node before all others that stays."""
    rows = np.flatnonzero(wanted[groups.group])
    member, group = groups.member[rows], groups.group[rows]
    order = np.lexsort((first[group] != member, group))
    number = np.cumsum(wanted) - 1
    return Groups(
        member[order],
        number[group[order]].astype(np.int32),
        {int(number[each]): text for each, text in minted.items()},
    )
