"""Playback copies of a plan: where their bytes are taken from, and when."""

from reconciler.model.playback import CopyStep
from tests.unit.planning.worlds import catalog, declaring, lecture, live, planned, sha256


def test_copies_before_the_commit_are_made_of_what_stands_before_it() -> None:
    known = live(catalog(lecture("s/c/a", title="A", number=1), lecture("s/c/b", title="B", number=2)))
    taken = declaring(known, lecture("s/c/a", title="X", number=9), lecture("s/c/b", title="A", number=1))

    copies = [copy for change in planned(taken).changes for copy in change.copies]

    aside = f"S/C/01 - A~{sha256('s/c/a.mp3')[:8]}.mp3"
    assert {(copy.step, copy.source, copy.key) for copy in copies} == {
        (CopyStep.KEEP, "S/C/01 - A.mp3", aside),
        (CopyStep.FILL, "S/C/01 - A.mp3", "S/C/09 - X.mp3"),
        (CopyStep.ALIAS, "S/C/02 - B.mp3", "S/C/01 - A.mp3"),
    }
    first = [copy for copy in copies if copy.step is not CopyStep.ALIAS]
    assert {copy.source_etag for copy in first} == {known.snapshot.objects["S/C/01 - A.mp3"].etag}
