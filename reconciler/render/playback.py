"""Sentences about playback: what plays by which way, and what is copied."""

from collections import Counter
from collections.abc import Iterable, Iterator

from reconciler.model.outcomes import Purge
from reconciler.model.plan import Plan
from reconciler.model.playback import CopyStep, WayCount
from reconciler.model.values import counted, first_few
from reconciler.render.escape import arrow, harmless


def playback_sentence(plan: Plan) -> str:
    """Return how many lectures play now and after the plan, by way.

    Empty without lectures.
    """
    told = [_way(count) for count in plan.playback if count.lectures or count.lectures_after]
    return f"Lectures that play, now -> after: {'; '.join(told)}." if told else ""


def ways_text(counts: Iterable[WayCount]) -> str:
    """Return how many lectures play now, by way."""
    return ", ".join(map(_way, counts))


def _way(count: WayCount) -> str:
    now, after = (
        f"{count.plays:,} of {count.lectures:,}",
        f"{count.plays_after:,} of {count.lectures_after:,}",
    )
    report = " (reported only)" if count.report else ""
    return f"{harmless(count.way)} {now if now == after else arrow(now, after)}{report}"


def copies_sentence(plan: Plan) -> str:
    """Return how many playback copies a plan makes; empty without any."""
    copies = [copy for change in plan.changes for copy in change.copies]
    if not copies:
        return ""
    steps = Counter(copy.step for copy in copies)
    told = [f"{counted(steps[step], singular)} {what}" for step, singular, what in _COPIES if steps[step]]
    return f"Playback copies: {', '.join(told)}."


def purge_lines(purge: Purge) -> Iterator[str]:
    """Yield what became of the URLs that a CDN may keep; nothing without any."""
    left = counted(len(purge.left), "URL")
    if purge.problem is not None:
        yield f"\nWarning: {left} could not be purged from the CDN: {harmless(purge.problem)}."
        yield "Purge them there:"
    elif purge.left:
        yield f"\nA CDN may answer {left} from its cache for a while. To be sure, purge them there:"
    elif purge.urls:
        yield f"Purged {counted(len(purge.urls), 'URL')} from the CDN."
    yield from (f"    {harmless(url)}" for url in first_few(purge.left, _URLS_SHOWN))


_URLS_SHOWN = 3  # all of them are in the JSON

_COPIES = (
    (CopyStep.FILL, "key", "filled before the commit"),
    (CopyStep.KEEP, "recording", "kept under a key of its own"),
    (CopyStep.ALIAS, "key", "overwritten right after the commit"),
)
