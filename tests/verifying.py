"""Verifying and repairing a stand, and a live project."""

import io
import urllib.request
from pathlib import Path
from typing import Any

from reconciler.applying.apply import apply, request_of
from reconciler.model.outcomes import Outcome
from reconciler.model.plan import Plan
from reconciler.model.ports import Upload
from reconciler.operations.verify import verify as verify_library
from reconciler.planning.verification.findings import Condition, Verification, VerifyFinding
from reconciler.planning.verification.repair import repair_request
from reconciler.render.plan.json import dump_plan, load_plan
from tests.live.project import LiveProject
from tests.stand import Stand
from tests.uploads import md5_of

OPENING = "Ali/Quran/01 - The Opening.mp3"


def applied_stand(folder: Path, url: str) -> Stand:
    """Return a stand with two lectures and an image, applied."""
    stand = Stand(folder, url)
    stand.record("ali.jpg", b"a face")
    stand.declare("ali", name="Ali", media={"image": "ali.jpg"})
    stand.declare("ali/quran", title="Quran")
    stand.declare("ali/quran/opening", title="The Opening", number=1)
    stand.declare("ali/quran/cow", title="The Cow", number=2)
    stand.apply()
    return stand


def verify(stand: Stand, **changes: Any) -> Verification:
    """Verify a stand, with some of its handles changed."""
    return verify_library(stand.workspace(**changes))


def verify_live(live: LiveProject) -> Verification:
    with live.opened() as workspace:
        return verify_library(workspace)


def conditions(found: Verification) -> set[Condition]:
    return {finding.condition for finding in found.findings}


def the_only(found: Verification, condition: Condition) -> VerifyFinding:
    """Return the one finding in a condition."""
    (finding,) = (finding for finding in found.findings if finding.condition is condition)
    return finding


def saved(plan: Plan) -> Plan:
    """Return a plan as it comes back from its file."""
    return load_plan(dump_plan(plan), "repair.json")


def repair_plan(stand: Stand) -> Plan:
    request = repair_request(verify(stand).findings)
    assert request is not None
    return saved(stand.plan(request))


def repair(stand: Stand) -> Outcome:
    """Plan every repair, save it, and carry out what was saved."""
    plan = repair_plan(stand)
    return stand.apply(request_of([plan]), [plan])


def repair_live(live: LiveProject) -> Plan:
    """Plan every repair of a live project, save it, and carry out what was saved; return the plan."""
    request = repair_request(verify_live(live).findings)
    assert request is not None
    plan = saved(live.plan(request))
    with live.opened() as workspace:
        apply(workspace, request_of([plan]), [plan])
    return plan


# What other hands do.


def put(stand: Stand, key: str, content: bytes = b"stray", media_type: str = "audio/mpeg") -> None:
    stand.objects.put(
        Upload(
            key=key,
            body=io.BytesIO(content),
            size_bytes=len(content),
            md5=md5_of(content),
            media_type=media_type,
        )
    )


def replace_object(stand: Stand, key: str, content: bytes, media_type: str = "audio/mpeg") -> None:
    stand.objects.delete(key)
    put(stand, key, content, media_type)


def begin_upload(url: str) -> None:
    """Begin a multipart upload that nobody will ever complete."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}?uploads", method="POST")):
        return
