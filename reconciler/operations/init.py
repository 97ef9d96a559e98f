"""Creation of a new project that is ready to be planned.

The project has settings, an example catalog, and audio for the example.
"""

import io
import math
import wave
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from reconciler.loading.atomic_write import write_whole
from reconciler.loading.hashing import StatCache
from reconciler.loading.lockfile import write_lockfile
from reconciler.loading.locking import lock, survey
from reconciler.loading.media import MediaFolder
from reconciler.loading.workflows import workflow_texts
from reconciler.model.address import slug
from reconciler.model.diagnostics import Diagnostic, Position
from reconciler.model.errors import InvalidInput
from reconciler.model.plan import Stores
from reconciler.model.policy import TransferLimits
from reconciler.operations.workspace import stores_of
from reconciler.settings import load_settings
from reconciler.settings.stores import STORE_VARIABLES
from reconciler.settings.values import DirectoryStore, EmbeddedDatabase

_CONFIG = "elmify.yaml"
_CATALOG = "catalog"
_SPEAKER = f"{_CATALOG}/example-speaker"
_AUDIO = "Example Speaker/First Steps/01 - Welcome.wav"
#: An environment that names no store.
NO_VARIABLES: Mapping[str, str] = {}

_IGNORED = (".elmify/", "plans/", "media/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialised:
    """Result of init: the files written and the paths kept.

    All are paths under the folder. The kept paths already existed and stayed unchanged. `stores` are
    those that the project will use, when they are real ones: no example is written then. `mistakes` are
    what is wrong with how they are named.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    stores: Stores | None = None
    mistakes: tuple[Diagnostic, ...] = ()

    @property
    def is_real(self) -> bool:
        """Return whether real stores are named, and not those of an example."""
        return self.stores is not None or bool(self.mistakes)


def init_project(folder: Path, schema: str, environ: Mapping[str, str] = NO_VARIABLES) -> Initialised:
    """Create a project in a folder.

    The folder is created when absent. Nothing that exists is overwritten. `schema` is the JSON Schema
    of a catalog file, for editors. The example, its audio and its lockfile are written only when
    there is no catalog yet; together they are valid at once. Where the environment `environ` names real
    stores, no example is written: the next apply would put it there.
    """
    config = {_CONFIG: _text("elmify.yaml").replace("{environment}", _environment(folder))}
    written, kept = _write_texts(folder, config)
    stores, mistakes = _real_stores(folder, environ)
    texts = {}
    if not (folder / _CATALOG).exists():
        if stores is None and not mistakes:
            texts[f"{_SPEAKER}/speaker.yaml"] = _text("speaker.yaml")
            texts[f"{_SPEAKER}/first-steps.yaml"] = _text("first-steps.yaml")
        texts[f"{_CATALOG}/.schema/catalog.schema.json"] = schema
    done, there = _write_texts(folder, texts)
    written, kept = written + done, kept + there
    if f"{_SPEAKER}/first-steps.yaml" in written:
        written += _write_audio(folder)
    elif not texts:
        kept.append(f"{_CATALOG}/")
    if _extend_ignored(folder / ".gitignore"):
        written.append(".gitignore")
    return Initialised(written=tuple(written), kept=tuple(kept), stores=stores, mistakes=mistakes)


def _real_stores(folder: Path, environ: Mapping[str, str]) -> tuple[Stores | None, tuple[Diagnostic, ...]]:
    """Return the real stores that the project will use.

    Also what is wrong with how they are named; None and nothing where it will use stores of its own.
    """
    try:
        settings = load_settings(folder, environ)
        choice = settings.stores
        mistakes = (*choice.bucket_mistakes, *choice.database_mistakes)
        is_own = isinstance(choice.objects, DirectoryStore) and isinstance(choice.database, EmbeddedDatabase)
        if is_own and (not mistakes or not environ.keys() & STORE_VARIABLES):
            return None, ()
        return (None, mistakes) if mistakes else (stores_of(settings), ())
    except InvalidInput as wrong:
        return None, tuple(wrong.diagnostics)


def init_workflows(folder: Path, *, branch: str, package: str | None) -> Initialised:
    """Write the workflows of a GitHub repository.

    Existing files stay as they are. `branch` and `package` are those of `workflow_texts`.
    """
    written, kept = _write_texts(folder, workflow_texts(branch=branch, package=package))
    return Initialised(written=tuple(written), kept=tuple(kept))


def _text(name: str) -> str:
    return (files("reconciler.loading") / "example" / name).read_text("utf-8")


def _environment(folder: Path) -> str:
    """Return a name for the environment that YAML reads as text.

    The name comes from the folder, if the folder's name begins with a letter.
    """
    name = slug(folder.resolve().name)
    return name if name[:1].isalpha() and name not in {"no", "yes", "on", "off", "null"} else "my-library"


def _write_texts(folder: Path, texts: dict[str, str]) -> tuple[list[str], list[str]]:
    written, kept = list[str](), list[str]()
    for name, text in texts.items():
        if (folder / name).exists():
            kept.append(name)
        else:
            write_whole(folder / name, text)
            written.append(name)
    return written, kept


def _write_audio(folder: Path) -> list[str]:
    audio = folder / "media" / _AUDIO
    if not audio.exists():
        audio.parent.mkdir(parents=True, exist_ok=True)
        audio.write_bytes(_chime())
    references = {_AUDIO: Position(f"{_SPEAKER}/first-steps.yaml")}
    found = survey(MediaFolder(folder / "media"), references, {}, StatCache(), TransferLimits())
    write_lockfile(folder / _CATALOG / "elmify.lock", lock(found).files.values())
    return [f"media/{_AUDIO}", f"{_CATALOG}/elmify.lock"]


def _chime(seconds: int = 2, rate: int = 8000, pitch_hertz: int = 440) -> bytes:
    """Return a tone that fades away, as a WAV file."""
    loudest = 12_000  # a little over a third of full scale
    samples = (
        round(loudest * math.exp(-2 * place / rate) * math.sin(2 * math.pi * pitch_hertz * place / rate))
        for place in range(seconds * rate)
    )
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(array("h", samples).tobytes())
    return out.getvalue()


def _extend_ignored(path: Path) -> bool:
    """Add the missing lines to .gitignore.

    Returns False when no line is missing.
    """
    text = path.read_text("utf-8") if path.exists() else ""
    missing = [line for line in _IGNORED if line not in text.splitlines()]
    if missing:
        gap = "" if not text or text.endswith("\n") else "\n"
        write_whole(path, text + gap + "\n".join(missing) + "\n")
    return bool(missing)
