"""A world with both stores, and the environment in which every program finds them."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Contestant, do_nothing, read_events, read_output
from benchmarks.peers import ELMIFY
from benchmarks.servers import ACCESS_KEY, REGION, SECRET_KEY, new_database, object_server
from benchmarks.worlds import World, write_world

_NOTHING_TO_DO = "No changes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A world, a bucket and a database of its own.

    `folder` holds the world's files, the server's buckets and what programs keep at home.
    """

    folder: Path
    world: World
    endpoint: str
    database_url: str
    bucket: str

    def elmify(self, *arguments: str) -> Sequence[str]:
        """Return the command that runs elmify on this world."""
        return [str(ELMIFY), "--project", str(self.world.root), *arguments]

    @property
    def environment(self) -> Mapping[str, str]:
        """What elmify and every peer need to know of the stores, and nothing else of this machine."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "R2_ENDPOINT": self.endpoint,
            "R2_BUCKET_NAME": self.bucket,
            "R2_ACCESS_KEY_ID": ACCESS_KEY,
            "R2_SECRET_ACCESS_KEY": SECRET_KEY,
            "DATABASE_URL": self.database_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CONFIG_PEER_TYPE": "s3",
            "RCLONE_CONFIG_PEER_PROVIDER": "Rclone",
            "RCLONE_CONFIG_PEER_ENDPOINT": self.endpoint,
            "RCLONE_CONFIG_PEER_ACCESS_KEY_ID": ACCESS_KEY,
            "RCLONE_CONFIG_PEER_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def contestant(self, name: str, command: Sequence[str], *, anew: bool = False) -> Contestant:
        """Return a command of elmify's or a peer's on these stores; `anew` empties elmify's cache first."""
        prepare = self.forget if anew else do_nothing
        return Contestant(name=name, command=command, environment=self.environment, prepare=prepare)

    def forget(self) -> None:
        """Make the next command read every file of the catalog, and look into all of the media, anew."""
        for cache in (self.folder / "home", self.world.root / ".elmify"):
            shutil.rmtree(cache, ignore_errors=True)

    def fill_bucket(self) -> None:
        """Put every media file in the bucket, behind the server's back: it must not have looked there yet."""
        bucket = self.folder / "buckets" / self.bucket
        for folder, _, names in os.walk(self.world.media):
            target = bucket / Path(folder).relative_to(self.world.media)
            target.mkdir(parents=True, exist_ok=True)
            for name in names:
                os.link(Path(folder, name), target / name)

    def commit(self) -> float:
        """Create every row and record in one commit, and return how many seconds the commit took.

        The objects have to be in the bucket, so that nothing is uploaded between plan and commit.
        """
        heard = read_events(self.elmify("apply", "--auto-approve", "--format", "json"), self.environment)
        return heard["committed"] - heard["planned"]

    def check_matching(self) -> None:
        """Raise unless elmify finds nothing to do here."""
        said = read_output(self.elmify("plan"), self.environment)
        if _NOTHING_TO_DO not in said:
            raise RuntimeError(f"the stores do not match the world:\n{said}")


@contextmanager
def empty_stands(
    folder: Path, postgres: str, lectures: int, audio_bytes: int, count: int
) -> Iterator[Sequence[Stand]]:
    """Write a world, and yield it with `count` pairs of an empty bucket and an empty database."""
    world = write_world(folder / "world", lectures, audio_bytes)
    names = [f"{folder.name}-{place}" for place in range(count)]
    for name in names:
        (folder / "buckets" / name).mkdir(parents=True)
    with object_server(folder / "buckets") as endpoint:
        yield [
            Stand(
                folder=folder,
                world=world,
                endpoint=endpoint,
                database_url=new_database(postgres, name.replace("-", "_")),
                bucket=name,
            )
            for name in names
        ]
