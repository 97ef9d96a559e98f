"""One comment on a pull request that is kept up to date, and the labels that go with it."""

from collections.abc import Collection, Mapping
from typing import Any

from reconciler.forge.client import Forge, ForgeRefused

_GONE = 404
#: Labels of ours; others on the pull request are not touched.
PREFIX = "elmify: "


def keep_comment(forge: Forge, pull: int, marker: str, body: str) -> None:
    """Put the body into the comment of ours that begins with the marker; make one when there is none.

    Only a comment that a workflow wrote counts: nobody else's is ever edited.
    """
    for comment in forge.pages("issues", pull, "comments"):
        if is_ours(comment, marker):
            forge.send("PATCH", "issues", "comments", comment["id"], body=body)
            return
    forge.send("POST", "issues", pull, "comments", body=body)


def is_ours(item: Mapping[str, Any], marker: str) -> bool:
    """Whether a workflow wrote a comment or an issue, and it begins with the marker."""
    author = item.get("user") or {}
    return author.get("type") == "Bot" and str(item.get("body") or "").startswith(marker)


def keep_labels(forge: Forge, pull: int, wanted: Collection[str]) -> None:
    """Give a pull request exactly these of our labels."""
    present = {label["name"] for label in forge.pages("issues", pull, "labels")}
    missing = sorted(set(wanted) - present)
    if missing:
        forge.send("POST", "issues", pull, "labels", labels=missing)
    for name in sorted(present - set(wanted)):
        if name.startswith(PREFIX):
            _remove(forge, pull, name)


def _remove(forge: Forge, pull: int, name: str) -> None:
    try:
        forge.send("DELETE", "issues", pull, "labels", name)
    except ForgeRefused as refused:
        if refused.status != _GONE:  # somebody else took it off in the meantime
            raise
