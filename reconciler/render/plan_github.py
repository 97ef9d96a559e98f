"""A plan where GitHub shows it: in a comment on a pull request, and in the summary of a run."""

from urllib.parse import quote

from reconciler.model.plan import Plan
from reconciler.render.comment import code
from reconciler.render.plan_markdown import MAX_BYTES, comment_marker, plan_in_short, plan_markdown

#: Under GitHub's limit of 1 MiB for a step.
_SUMMARY_MAX_BYTES = 1_000_000


def plan_comment(plan: Plan, commit: str, run_url: str) -> str:
    """Return the body of a comment, with the commit that was planned and a link to the run that did it."""
    foot = f"<p>Planned for commit {code(commit)} in {_link(run_url)}.</p>\n"
    text = plan_markdown(plan, max_bytes=MAX_BYTES - len(foot.encode()))
    if len(text.encode()) + len(foot.encode()) > MAX_BYTES:
        text = plan_in_short(plan, "The summary of the run names them all.")
    return text + foot


def no_plan_comment(environment: str, commit: str, run_url: str) -> str:
    """Return the body of a comment that takes the place of a plan that could not be made."""
    return (
        f"{comment_marker(environment)}\n<h3>elmify plan for {code(environment)}</h3>\n"
        f"<p><strong>No plan could be made for commit {code(commit)}.</strong> "
        f"The log says why: {_link(run_url)}.</p>\n"
    )


def plan_summary(plan: Plan) -> str:
    """Return what a run's summary shows of a plan."""
    text = plan_markdown(plan, max_bytes=_SUMMARY_MAX_BYTES)
    if len(text.encode()) <= _SUMMARY_MAX_BYTES:
        return text
    return plan_in_short(plan, "The plan file, which is kept with the run, names them all.")


def _link(run_url: str) -> str:
    return f'<a href="{quote(run_url, safe=":/")}">this run</a>'
