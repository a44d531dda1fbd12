"""The links in every format that a run folder holds."""

from pathlib import Path

from kgalign.base.version import __version__
from kgalign.config import Config
from kgalign.export.oaei import write_oaei
from kgalign.export.rows import Written, links_and_refused
from kgalign.export.same_as import write_links
from kgalign.export.sssom import write_sssom
from kgalign.records import Alignment, Profile, Verdicts
from kgalign.records.vocabularies import Vocabularies


def write_link_files(
    paths: tuple[Path, Path, Path],
    profiles: tuple[Profile, Profile],
    alignment: Alignment,
    verdicts: Verdicts,
    evidence: Verdicts,
    vocabularies: Vocabularies,
    config: Config,
) -> Written:
    """Write the links as owl:sameAs, as SSSOM and in the format of the OAEI, in this order.

    :param evidence: the verdicts without the votes.
    :returns: the links in the first of them, and those that it can't hold.
    :raises OSError: no room, or no permission.
    """
    written = write_links(paths[0], *profiles, alignment)
    write_sssom(
        paths[1],
        *profiles,
        alignment,
        verdicts,
        version=__version__,
        pairs=links_and_refused(alignment, verdicts, evidence, config.judge.match_probability),
        vocabularies=vocabularies,
        vocabulary=config.fuse.vocabulary,
    )
    write_oaei(paths[2], *profiles, alignment)
    return written
