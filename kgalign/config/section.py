"""What all sections of the configuration have in common."""

from collections.abc import Sequence

from pydantic import AfterValidator, BaseModel, ConfigDict

from kgalign.base.doors import Group, offered


class Section(BaseModel):
    """Unknown keys are errors, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def one_of(own: Sequence[str], group: Group) -> AfterValidator:
    """Takes names that kgalign has itself, and those of the packages that bring more."""

    def check(name: str) -> str:
        if name in own or name in offered(group):
            return name
        *most, last = [f"'{each}'" for each in (*own, *offered(group))] or [""]
        if not last:
            raise ValueError(f"no package that is installed brings {name!r}, or any other one for {group}")
        raise ValueError(f"must be {', '.join(most)}{' or ' if most else ''}{last}, not {name!r}")

    return AfterValidator(check)
