"""Small charts as SVG, for the report and for notebooks: no library, no script, no style of their own."""

from kgalign.charts.bars import Dots, dot_rows, plain_bar, step_bar
from kgalign.charts.curves import Curve, chart
from kgalign.charts.flows import Stream, flow
from kgalign.charts.histograms import Layer, histogram
from kgalign.charts.networks import Line, Network, network

__all__ = [
    "Curve",
    "Dots",
    "Layer",
    "Line",
    "Network",
    "Stream",
    "chart",
    "dot_rows",
    "flow",
    "histogram",
    "network",
    "plain_bar",
    "step_bar",
]
