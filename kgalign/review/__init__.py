"""What people are asked of a finished run, one entity at a time, and where their answers go.

The page in a browser and the terminal show the same queue: :class:`Review` says what comes next and keeps
what is answered. The web server needs the extra ``review``, the rest does not.
"""

from kgalign.review.questions import Filter, Question, Queue, Turn
from kgalign.review.session import Review

__all__ = ["Filter", "Question", "Queue", "Review", "Turn"]
