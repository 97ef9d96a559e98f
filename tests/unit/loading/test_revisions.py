"""What the catalog said at an earlier revision, asked of real repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from reconciler.loading.catalog import load_catalog
from reconciler.loading.lockfile import read_lockfile, write_lockfile
from reconciler.loading.revisions import (
    Git,
    GitRefused,
    catalog_at,
    changed_addresses,
)
from reconciler.model.catalog import Catalog, MediaFile
from reconciler.model.errors import UsageError
from reconciler.model.policy import Layout

SPEAKER = "speaker: ali\nname: Ali\n"
QURAN = """\
collection: quran
title: Quran
lectures:
- {id: one, number: 1, title: One, audio: one.mp3}
- {id: two, number: 2, title: Two, audio: two.mp3}
"""


def git_at(folder: Path) -> Git:
    return Git(folder, os.environ)


class Repository:
    """A repository with a project in a folder of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "library"
        self.commits = 0
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        done = subprocess.run(
            ["git", *who, "-C", str(self.root), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, **files: str) -> None:
        folder = self.project / "catalog" / "ali"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.yaml").write_text(text, "utf-8")

    def lock(self, **hashes: str) -> None:
        lines = [
            MediaFile(
                path=f"{name}.mp3",
                size_bytes=1,
                media_type="audio/mpeg",
                sha256=sha * 64,
                md5=sha * 32,
                duration_seconds=1.0,
            )
            for name, sha in hashes.items()
        ]
        write_lockfile(self.project / "catalog" / "elmify.lock", lines)

    def commit(self) -> str:
        self.commits += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", f"commit {self.commits}")
        return self.git("rev-parse", "HEAD")

    def now(self) -> Catalog:
        lock = self.project / "catalog" / "elmify.lock"
        media, _ = read_lockfile(lock, self.project)
        loaded = load_catalog(
            self.project,
            catalog_dir=self.project / "catalog",
            lock_path=lock,
            media=media,
            media_root=self.project / "media",
            layout=Layout(),
        )
        assert loaded.catalog is not None, loaded.diagnostics
        return loaded.catalog

    def at(self, revision: str) -> Catalog:
        return catalog_at(
            revision,
            git_at(self.project),
            catalog_dir=self.project / "catalog",
            lock_path=self.project / "catalog" / "elmify.lock",
            media_root=self.project / "media",
            layout=Layout(),
        )

    def changed(self, revision: str = "HEAD") -> set[str]:
        return set(changed_addresses(self.at(revision), self.now()))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path)
    repository.write(speaker=SPEAKER, quran=QURAN)
    repository.lock(one="a", two="b")
    repository.commit()
    return repository


def test_nothing_changed_is_nothing(repository: Repository) -> None:
    assert repository.changed() == set()


def test_an_entry_that_only_stands_elsewhere_says_the_same(repository: Repository) -> None:
    repository.write(quran="# a comment\n\n" + QURAN)

    assert repository.changed() == set()


def test_an_edited_entry_is_named_and_its_neighbour_is_not(repository: Repository) -> None:
    repository.write(quran=QURAN.replace("title: Two", "title: Second"))

    assert repository.changed() == {"ali/quran/two"}


def test_a_lockfile_line_names_the_entry_whose_bytes_it_means(repository: Repository) -> None:
    repository.lock(one="a", two="c")

    assert repository.changed() == {"ali/quran/two"}


def test_what_came_and_what_went_is_named(repository: Repository) -> None:
    repository.write(quran=QURAN.replace("id: two", "id: second"))

    assert repository.changed() == {"ali/quran/two", "ali/quran/second"}


def test_a_default_names_every_entry_that_it_reaches(repository: Repository) -> None:
    repository.write(quran=QURAN.replace("lectures:", "defaults: {genre: tafsir}\nlectures:"))

    assert repository.changed() == {"ali/quran/one", "ali/quran/two"}


def test_what_is_let_go_is_named(repository: Repository) -> None:
    shorter = "\n".join(QURAN.splitlines()[:-1])
    repository.write(quran=shorter)
    repository.commit()
    repository.write(quran=f"{shorter}\nforget: [two]\n")

    assert repository.changed() == {"ali/quran/two"}


def test_a_protection_is_a_change(repository: Repository) -> None:
    repository.write(speaker=SPEAKER + "protect: true\n")

    assert repository.changed() == {"ali"}


def test_an_uncommitted_file_counts_as_it_stands(repository: Repository) -> None:
    repository.write(hadith="collection: hadith\ntitle: Hadith\n")

    assert repository.changed() == {"ali/hadith"}


def test_before_there_was_a_project_there_was_nothing(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "before")
    repository.git("rm", "-r", "--quiet", "--cached", ".")
    repository.git("commit", "--quiet", "--allow-empty", "-m", "x")
    repository.git("checkout", "--quiet", "-f", "main")

    assert repository.changed("before") == {"ali", "ali/quran", "ali/quran/one", "ali/quran/two"}


def test_an_earlier_catalog_with_mistakes_is_refused_with_the_first(repository: Repository) -> None:
    repository.write(speaker="speaker: ali\nnaem: Ali\n")
    repository.commit()
    repository.write(speaker=SPEAKER)

    with pytest.raises(GitRefused) as refused:
        repository.at("HEAD")

    assert refused.value.details[0].startswith("catalog/ali/speaker.yaml:1:1: ")


@pytest.mark.parametrize("revision", ["nowhere", "--output=/tmp/x", "", "HEAD:library", "HEAD~99"])
def test_what_names_no_commit_is_a_usage_error(repository: Repository, revision: str) -> None:
    with pytest.raises(UsageError) as refused:
        repository.at(revision)

    assert refused.value.message.startswith(f"{revision} ")
    assert "git fetch --unshallow" in refused.value.hint


def test_outside_a_repository_git_says_so(tmp_path: Path) -> None:
    with pytest.raises(GitRefused, match="not a git repository"):
        git_at(tmp_path).commit_of("HEAD")


def test_another_repository_in_the_environment_is_not_asked(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))

    assert repository.changed() == set()


def test_the_commits_of_a_branch_are_told_oldest_first_without_those_of_merged_ones(
    repository: Repository,
) -> None:
    first = git_at(repository.root).commit_of("HEAD")
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    second = repository.commit()
    repository.git("merge", "--quiet", "--no-ff", "-m", "merge", "side")
    merge = git_at(repository.root).commit_of("HEAD")

    assert git_at(repository.root).commits_since(first, merge) == [second, merge]
    assert git_at(repository.root).commits_since(None, merge) == [first, second, merge]
    assert git_at(repository.root).is_ancestor(first, merge)
    assert not git_at(repository.root).is_ancestor(merge, first)
    assert not git_at(repository.root).is_ancestor("0" * 40, merge)


def test_a_shallow_clone_does_not_guess_what_was_merged(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth=1", repository.root.as_uri(), str(shallow))

    with pytest.raises(GitRefused) as refused:
        git_at(shallow).commits_since(None, "HEAD")

    assert "fetch-depth: 0" in refused.value.hint


def test_a_file_was_brought_by_the_commit_that_first_had_it(repository: Repository) -> None:
    brought = git_at(repository.root).commit_of("HEAD")
    repository.write(speaker=SPEAKER + "bio: x\n")
    repository.commit()

    assert git_at(repository.root).added_in("library/catalog/ali/speaker.yaml", "HEAD") == brought
    assert git_at(repository.root).added_in("library/nothing.yaml", "HEAD") is None
    assert git_at(repository.project).top().folder == repository.root.resolve()


def test_a_folder_that_poses_as_a_bare_repository_is_not_asked(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    ran = tmp_path / "ran"
    for name, text in {
        "HEAD": "ref: refs/heads/main\n",
        "config": f"[log]\n\tshowSignature = true\n[gpg]\n\tprogram = /bin/sh -c ': > {ran}'\n",
        "objects/kept": "",
        "refs/kept": "",
    }.items():
        file = repository.project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    with pytest.raises(GitRefused):
        git_at(repository.project).top()
    with pytest.raises(GitRefused):
        git_at(repository.project).commit_of("HEAD")

    assert not ran.exists()
