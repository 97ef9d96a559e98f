"""No secret is in anything a command says, writes, records or shows in the list of processes."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.cli import COMMANDS
from tests import postgres
from tests.acceptance.gates import Gate, puts_of
from tests.acceptance.projects import Project
from tests.buckets import bucket_at
from tests.media_files import wav
from tests.servers import ACCESS_KEY, make_bucket

BUCKET_SECRET = "planted-bucket-secret"
PASSWORD = "planted-password"
TOKEN = "planted-token-of-a-channel"
FORGE_TOKEN = "planted-token-of-the-forge"
SECRETS = (BUCKET_SECRET, PASSWORD, TOKEN, FORGE_TOKEN)

GRANTS = """
    grant all on all tables in schema public to {role};
    grant all on all sequences in schema public to {role};
    do $$ begin
        execute format('grant create, temporary on database %I to {role}', current_database());
    end $$;
"""

#: Every command, as somebody may call it, in an order in which each has something to do.
CALLS: dict[str, Sequence[Sequence[str]]] = {
    "init": [("init", "elsewhere", "--ci", "github")],
    "new": [("new", "lecture", "incoming/late.wav", "--collection", "ali/quran")],
    "lock": [("lock",)],
    "validate": [("validate",), ("validate", "--format", "sarif")],
    "fmt": [("fmt",)],
    "schema": [("schema",)],
    "completion": [("completion", "bash")],
    "plan": [
        ("plan", "--out", "plan.json", "--json-into", "other.json"),
        ("plan", "--format", "markdown"),
        ("plan", "--format", "html", "--presign", "15m"),
    ],
    "show": [("show", "plan.json")],
    "stage": [("stage", "--check"), ("stage",)],
    "apply": [("apply", "plan.json"), ("apply", "--auto-approve")],
    "status": [("status",)],
    "verify": [("verify", "--deep", "--out", "verify.json")],
    "drift": [("drift",), ("drift", "--issue-body", "issue.md")],
    "adopt": [("adopt", "ali/quran/opening")],
    "reconcile": [("reconcile", "--script", "repair.sh")],
    "why": [("why", "ali/quran/opening"), ("why", "ali/quran/opening", "--format", "json")],
    "import": [("import", "live"), ("import", "files", "media"), ("import", "manifest", "manifest.json")],
    "export": [("export", "manifest")],
    "merge": [("merge", "1", "2")],
    "rollback": [("rollback", "--auto-approve")],
    "gc": [("gc", "--older-than", "24h")],
    "lease": [("lease",)],
    "unlock": [("unlock", "1")],
    "runs": [("runs",)],
    "audit": [("audit",), ("audit", "--verify")],
    "identity": [("identity",)],
    "doctor": [("doctor",)],
    "metrics": [("metrics", "--textfile", "metrics.prom")],
    "notify": [("notify", "test")],
    "ci": [("ci", "comment", "plan.json"), ("ci", "plans", "plans"), ("ci", "issue", "issue.md")],
}


@pytest.fixture
def team(project: Project, s3_url: str, entrance: Gate) -> Iterator[Project]:
    """A project on an S3 server and PostgreSQL whose every secret is planted."""
    project.media.clear()
    (project.root / "media" / "opening.mp3").unlink()
    (project.root / "media" / "opening.wav").write_bytes(wav())
    (project.root / "incoming").mkdir()
    (project.root / "incoming" / "late.wav").write_bytes(wav(2))
    project.lecture("opening", audio="opening.wav")
    with postgres.role(project.database_url, GRANTS, password=PASSWORD) as url:
        project.environ |= {
            "DATABASE_URL": url,
            "R2_ENDPOINT": entrance.url,
            "R2_ACCESS_KEY_ID": ACCESS_KEY,
            "R2_SECRET_ACCESS_KEY": BUCKET_SECRET,
            "R2_BUCKET_NAME": make_bucket(s3_url),
            "ELMIFY_NOTIFY_URLS": f"json://{TOKEN}@127.0.0.1:1/{TOKEN}",
            "GITHUB_TOKEN": FORGE_TOKEN,
            "GITHUB_REPOSITORY": "team/library",
            "GITHUB_API_URL": "http://127.0.0.1:1",
        }
        project.settings = "staging: {prefix_is_private: true}\n"
        project.write()
        project.elmify("lock")
        yield project


def said_by(project: Project, *arguments: str, **env: str) -> list[str]:
    ran = project.start("-vv", *arguments, env=env).end()
    assert "Traceback" not in ran.err, (arguments, ran.err)
    return [ran.out, ran.err]


def written(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".mp3", ".wav"}]
    return [path.read_text("utf-8", errors="replace") for path in files]


def leaking(texts: Sequence[str]) -> list[str]:
    return [text for text in texts if any(secret in text for secret in SECRETS)]


def test_every_command_is_called_here() -> None:
    assert set(CALLS) == set(COMMANDS)


def test_no_command_says_writes_or_records_a_secret(team: Project, s3_url: str) -> None:
    texts = [text for calls in CALLS.values() for call in calls for text in said_by(team, *call)]

    assert leaking(texts) == []
    assert leaking(written(team.root.parent)) == []
    rows = [
        str(team.sql(f"select t::text from elmify.{row['table_name']} t"))
        for row in team.sql("select table_name from information_schema.tables where table_schema = 'elmify'")
    ]
    assert len(rows) > 5
    assert leaking(rows) == []
    store = bucket_at(s3_url, team.environ["R2_BUCKET_NAME"])
    kept = [store.read(stored.key).decode("utf-8", "replace") for stored in store.list()]
    store.close()
    assert kept
    assert leaking(kept) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"R2_BUCKET_NAME": "absent"},
        {"R2_ENDPOINT": "http://127.0.0.1:1"},
        {"R2_ENDPOINT": "not a url"},
        {"DATABASE_URL": f"postgresql://nobody:{PASSWORD}@127.0.0.1:1/x"},
        {"DATABASE_URL": f"mysql://nobody:{PASSWORD}@127.0.0.1/x"},
        {"DATABASE_URL": f"postgresql://nobody:{PASSWORD}@[/x"},
    ],
    ids=["bucket", "endpoint", "no-url", "database", "scheme", "brackets"],
)
def test_no_failure_tells_a_secret(team: Project, broken: dict[str, str]) -> None:
    for arguments in (("plan",), ("doctor",), ("verify", "--format", "json"), ("apply", "--auto-approve")):
        assert leaking(said_by(team, *arguments, **broken)) == []


def test_no_signature_of_a_link_is_logged(team: Project) -> None:
    team.elmify("stage")

    page, log = said_by(team, "plan", "--format", "html", "--presign", "15m")

    assert "X-Amz-Signature" in page
    assert "X-Amz-Signature" not in log


def test_no_secret_is_in_the_list_of_processes(team: Project, entrance: Gate) -> None:
    entrance.hold(puts_of(".wav"))
    running = team.start("apply", "--auto-approve")
    entrance.wait_until_held()

    told = list(command_lines())
    running.process.kill()
    running.end()

    assert any("apply" in line for line in told)
    assert leaking(told) == []


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            yield path.read_text("utf-8", errors="replace")
