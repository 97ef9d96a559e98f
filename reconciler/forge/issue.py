"""One issue for what drifted: opened, kept up to date, closed when there is nothing left."""

from typing import Any

from reconciler.forge.client import Forge
from reconciler.forge.comment import is_ours


def find_issue(forge: Forge, marker: str, label: str) -> dict[str, Any] | None:
    """Return the open issue of ours that begins with the marker; None when there is none."""
    for issue in forge.pages("issues", state="open", labels=label, direction="asc"):
        if "pull_request" not in issue and is_ours(issue, marker):
            found: dict[str, Any] = issue
            return found
    return None


def keep_issue(forge: Forge, marker: str, label: str, *, title: str, body: str, wanted: bool) -> str:
    """Open, update or close the one issue, and say which was done: `opened`, `updated`, `closed`.

    `nothing to do` when there is none, and none is wanted.
    """
    issue = find_issue(forge, marker, label)
    if issue is None and not wanted:
        return "nothing to do"
    if issue is None:
        forge.send("POST", "issues", title=title, body=body, labels=[label])
        return "opened"
    if wanted:
        if issue["body"] != body:
            forge.send("PATCH", "issues", issue["number"], title=title, body=body)
        return "updated"
    forge.send("PATCH", "issues", issue["number"], body=body, state="closed", state_reason="completed")
    return "closed"
