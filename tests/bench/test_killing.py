"""A run that is killed at moments spread over it, and goes on."""

from bench import killing


def test_a_run_is_killed_goes_on_and_gives_the_same_bytes() -> None:
    told: list[str] = []
    found = killing.measure(100, 3, [], told.append)
    assert len(told) == 4
    assert [round(each.moment, 2) for each in found.kills] == [0.25, 0.5, 0.75]
    assert all(each.kept <= each.done for each in found.kills)
    assert {"links.nt", "fused.ttl"} < set(found.same)
    assert found.other == []


def test_files_with_other_bytes_are_told() -> None:
    kill = killing.Kill(moment=0.5, seconds=3.2, kept=2, done=4, ended=False)
    late = killing.Kill(moment=0.9, seconds=5.0, kept=4, done=9, ended=True)
    found = killing.Killed(100, 7.0, 4.0, [kill, late], ["links.nt"], ["fused.ttl"])
    said = killing.as_markdown(found)
    assert "**Other bytes: fused.ttl.**" in said
    assert "killed (SIGKILL) 1 times" in said, "what had ended by itself was not killed"
    assert "| 50% | 3 | 2 | 4 |" in said
