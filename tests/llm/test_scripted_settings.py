import pytest

from kgalign.errors import ConfigError
from kgalign.llm.scripted import (
    Fault,
    Scripted,
    ScriptedSettings,
    parse,
)


def test_the_text_of_settings_is_read() -> None:
    settings = parse(
        " accuracy=.8, bias=0.2,seed=-3,structure=no,logprobs=TRUE,retry_after=none,busy=.1,adapter=x"
    )
    assert settings == ScriptedSettings(
        accuracy=0.8,
        bias=0.2,
        seed=-3,
        structure=False,
        retry_after=None,
        faults={Fault.BUSY: 0.1},
        adapter="x",
    )
    assert parse("") == ScriptedSettings()
    assert Scripted.from_spec("scripted").settings == ScriptedSettings()
    assert Scripted.from_spec("scripted:latency=2").settings.latency == 2


def test_one_share_is_spread_over_all_faults() -> None:
    shares = parse("fail=.2,empty=0").faults
    assert set(shares) == set(Fault)
    assert shares[Fault.EMPTY] == 0
    assert shares[Fault.BUSY] == pytest.approx(0.02)


def test_all_faults_of_a_text_are_listed() -> None:
    text = (
        "accuracy=2,bias=x,speed=3,latency=-1,seed=1.5,structure=maybe,busy=.6,busy=.6,error=.7,closed=.5,"
        "key=a,loud"
    )
    with pytest.raises(ConfigError) as raised:
        parse(text)
    said = "\n".join(raised.value.faults)
    for word in (
        "accuracy",
        "bias",
        "'speed'",
        "latency",
        "seed",
        "structure",
        "busy",
        "'key'",
        "'loud'",
        "above 1",
    ):
        assert word in said
    assert len(raised.value.faults) == 10


@pytest.mark.parametrize(
    "text", ["accuracy=nan", "latency=inf", "silence=nan", "retry_after=-1", "context=0", "empty=1.1"]
)
def test_numbers_that_can_not_be_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


def test_a_key_is_not_shown() -> None:
    assert "hush" not in repr(ScriptedSettings(key="hush"))
