"""Tables and markup for notebooks: nothing of the data is markup, and progress is one line."""

import pickle
from html.parser import HTMLParser

import nbformat
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from nbclient import NotebookClient

from kgalign.base.notebook import ROWS, Html, Table, html, html_table, progress_here
from kgalign.base.progress import NoProgress

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table><iframe>",
    "&lt;b&gt;",
    "line\nbreak\u202egnp.exe\x1b[31m",
    "' onmouseover='alert(1)",
)


class _Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_what_data_holds_is_shown_and_is_no_markup(text: str) -> None:
    table = Table(pa.table({text: [text, None], "n": [0.5, 2.0]}))
    for shown in (html_table([text], [[text]]), table._repr_html_()):
        seen = _Seen(shown)
        assert seen.tags == {"div", "table", "thead", "tbody", "tr", "th", "td"}
        assert seen.attributes == {"style"}
        assert seen.text.count(_Seen(html(text)).text) == 2
        assert "\u202e" not in shown
        assert "\x1b" not in shown
    assert html(Html("<b>")) == "<b>"


def test_a_long_table_is_cut_and_says_so() -> None:
    long = Table(pa.table({"a": range(1234)}))
    assert long._repr_html_().count("<tr>") == ROWS + 1
    assert f"{ROWS} of 1,234 rows" in long._repr_html_()
    assert "rows" not in Table(pa.table({"a": range(ROWS)}))._repr_html_()


def test_data_frames_take_a_table_as_it_is() -> None:
    arrow = pa.table({"a": [1, 2], "b": ["x", "y"], "c": [[1.0], None]})
    table = Table(arrow, ("b", "a"))
    assert pa.table(table).equals(arrow)
    assert pl.DataFrame(table).to_dict(as_series=False) == arrow.to_pydict()
    assert table.to_pandas().equals(arrow.to_pandas())
    assert pd.api.interchange.from_dataframe(table.select(["a", "b"])).to_dict("list") == {
        "a": [1, 2],
        "b": ["x", "y"],
    }
    assert list(table) == [("x", 1), ("y", 2)]
    assert (len(table), table.column_names, table.num_rows) == (2, ["a", "b", "c"], 2)
    assert pickle.loads(pickle.dumps(table)).arrow.equals(arrow)
    with pytest.raises(AttributeError):
        table.nonsense  # noqa: B018


def test_outside_a_notebook_nothing_is_shown() -> None:
    assert isinstance(progress_here(), NoProgress)


CELL = """
import time
from kgalign.base.notebook import NotebookProgress, progress_here
assert isinstance(progress_here(), NotebookProgress)
quick = NotebookProgress()
with quick.task("not shown"):
    pass
shown, seen = NotebookProgress(delay=0, every=0.05), []
write = shown._write
shown._write = lambda text: (seen.append(text), write(text))
with shown.task("<b>reading", 1000, "entities") as task:
    with shown.task("within"):
        for _ in range(1000):
            task.advance()
    time.sleep(0.06)
    task.note("so far <i>")
    assert len(seen) < 100, len(seen)
"""


def test_in_a_notebook_progress_is_one_line_that_is_written_over_and_goes() -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL), nbformat.v4.new_code_cell("print(seen[0]); print(seen[-2])")]
    )
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    first, second = notebook.cells
    assert [each["data"]["text/html"] for each in first.outputs] == [""]
    assert second.outputs[0]["text"] == (
        '<div><progress value="0" max="1000"></progress> &lt;b&gt;reading, 0 of 1,000 entities</div>\n'
        '<div><progress value="1000" max="1000"></progress> &lt;b&gt;reading, 1,000 of 1,000 entities, '
        "so far &lt;i&gt;</div>\n"
    )
