from pathlib import Path

from bench.results import relative, table, write_section


def test_each_section_replaces_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    write_section(path, "one", "One", "python -m bench one", "first \\1")
    write_section(path, "two", "Two", "python -m bench two", "second")
    path.write_text(path.read_text() + "\nby hand\n")
    write_section(path, "one", "One", "python -m bench one", "third")
    text = path.read_text()
    assert "first" not in text
    assert text.index("# Results") < text.index("third") < text.index("second") < text.index("by hand")
    assert text.count("<!-- one: begin -->") == text.count("<!-- one: end -->") == 1
    assert "    python -m bench two\n" in text
    assert [each.name for each in tmp_path.iterdir()] == ["RESULTS.md"]


def test_a_section_says_on_what_it_was_measured(tmp_path: Path) -> None:
    write_section(tmp_path / "RESULTS.md", "one", "One", "python -m bench one", "first")
    text = (tmp_path / "RESULTS.md").read_text()
    assert "cores" in text
    assert "pyoxigraph" in text


def test_cells_do_not_break_a_table() -> None:
    assert table(("a", "b"), [["x|y", "1"]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"


def test_paths_are_shown_from_where_the_command_is_run() -> None:
    assert relative(Path.cwd() / "data" / "align") == "data/align"
    assert relative(Path.cwd().parent / "shared") == "../shared"
