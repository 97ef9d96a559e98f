"""Hashes files as fast as Python can, with nothing around it: what `elmify lock` is held against.

python -m benchmarks.bare FOLDER
"""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reconciler.loading.hashing import BUFFER_BYTES
from reconciler.loading.locking import processors


def hash_all(folder: Path) -> list[tuple[str, str]]:
    """Return SHA-256 and MD5 of every file under a folder, from one read of each, on all processors."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    with ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(_hash, files))


def _hash(path: Path) -> tuple[str, str]:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    buffer = memoryview(bytearray(BUFFER_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            sha256.update(buffer[:count])
            md5.update(buffer[:count])
    return sha256.hexdigest(), md5.hexdigest()


if __name__ == "__main__":
    hash_all(Path(sys.argv[1]))
