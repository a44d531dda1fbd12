"""What a value is, is the same for every stage: where entities are profiled, compared and fused."""

import numpy as np
import pytest

from kgalign.judge.evidence.correspond import value_similarity
from kgalign.judge.evidence.texts import prepare
from kgalign.select.kinds import kind_of
from kgalign.values import ValueKind, read, read_dates, read_numbers
from tests.evaluate.small import profile

ZERO = np.zeros(1, dtype=np.int32)
FUSED = {ValueKind.NUMBER: ValueKind.NUMBER, ValueKind.DATE: ValueKind.DATE}


@pytest.mark.parametrize(
    ("text", "kind", "same"),
    [
        (".5", ValueKind.NUMBER, "0.5"),
        ("1.234E5", ValueKind.NUMBER, "123400"),
        ("-12.50", ValueKind.NUMBER, "-12.5"),
        ("1961-2-2", ValueKind.DATE, "1961-02-02"),
        ("1961-02-02", ValueKind.DATE, "1961-02-02"),
        ("2001-02-03T24:00:00", ValueKind.DATE, "2001-02-03"),
    ],
)
def test_a_value_is_one_kind_of_value_in_every_stage(text: str, kind: ValueKind, same: str) -> None:
    assert kind_of([text], [""], 1.0) == kind
    sides = [profile(["http://e/0"], values={0: {"p": [each]}}, kind=kind) for each in (text, same)]
    assert value_similarity(kind, prepare(*sides), ZERO, ZERO)[0] == 1
    assert read(text).kind == FUSED[kind]
    column = read_dates([text]) if kind is ValueKind.DATE else read_numbers([text])[0]
    assert np.isfinite(column).all()


@pytest.mark.parametrize("text", ["1961-1965", "1.2.3", "spring 1961", "A-12"])
def test_what_is_no_date_and_no_number_is_none_in_any_stage(text: str) -> None:
    assert kind_of([text], [""], 1.0) not in FUSED
    assert read(text).kind == ValueKind.TEXT
    assert np.isnan(read_dates([text])).all()
    assert not read_numbers([text])[1].any()
