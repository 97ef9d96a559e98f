"""elmify.yaml and the environment."""

import getpass
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model.errors import InvalidInput, UsageError
from reconciler.model.history import Actor
from reconciler.model.kinds import Slot
from reconciler.model.policy import (
    DEFAULT_TEMPLATES,
    FormatStyle,
    GuardLimits,
    Policy,
    ReferenceStyle,
    TransferLimits,
)
from reconciler.settings import (
    DirectoryStore,
    EmbeddedDatabase,
    RemoteBucket,
    RemoteDatabase,
    Secret,
    Settings,
    StoreChoice,
    find_root,
    load_settings,
    parse_duration,
    parse_size,
)

MINIMAL = "environment: production\n"
TRIAL = "environment: trial\n"
R2 = {
    "R2_ENDPOINT": "https://abc.r2.cloudflarestorage.com",
    "R2_ACCESS_KEY_ID": "id",
    "R2_SECRET_ACCESS_KEY": "s3cr3t",
    "R2_BUCKET_NAME": "audio",
}
DATABASE = {"DATABASE_URL": "postgresql://user:pa55@db.example.org:5432/app"}
REMOTE = {**R2, **DATABASE}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def load(root: Path, text: str = MINIMAL, environ: Mapping[str, str] | None = None) -> Settings:
    (root / "elmify.yaml").write_text(text, encoding="utf-8")
    return load_settings(root, environ or {})


def found(root: Path, text: str = MINIMAL, environ: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        load(root, text, environ).refuse_mistakes()
    return [(each.code, str(each.position)) for each in caught.value.diagnostics]


def test_only_the_environment_name_is_needed(root: Path) -> None:
    loaded = load(root, TRIAL)

    assert loaded == Settings(
        root=root,
        policy=Policy(environment="trial"),
        catalog_dir=root / "catalog",
        lock_path=root / "catalog" / "elmify.lock",
        media_root=root / "media",
        state_dir=root / ".elmify",
        cache_dir=None,
        stores=StoreChoice(
            objects=DirectoryStore(path=root / ".elmify" / "bucket"),
            database=EmbeddedDatabase(path=root / ".elmify" / "postgres"),
        ),
        actor=Actor(name=getpass.getuser()),
    )


def test_every_setting_reaches_its_place(root: Path) -> None:
    loaded = load(
        root,
        """
environment: staging
catalog: library
media: ../recordings
public_base_url: https://cdn.example.org/audio/
retention: 2w
keys:
  speaker_image: "speakers/{{ speaker.id }}/image.{{ ext }}"
  lecture_audio: "{{ speaker.id }}/{{ lecture.number | pad(3) }}.{{ ext }}"
columns: {image_url: key, cover_image_small_url: url, thumbnail_url: key, file_format: audio/mpeg}
guards: {delete_percent: 5, delete_floor: 1, delete_count: 3, user_rows: 2}
transfer: {concurrency: 4, single_put: 5 MiB, part_size: 1 GiB, cache_control: no-cache,
           playback_cache_control: private}
objects: {store: directory, directory: bucket}
database: {store: embedded, embedded: pg}
staging: {directory: staged, prefix_is_private: true, keep: 3d}
""",
    )

    policy = loaded.policy
    assert (policy.environment, policy.retention) == ("staging", timedelta(days=14))
    assert (loaded.catalog_dir, loaded.lock_path) == (root / "library", root / "library" / "elmify.lock")
    assert loaded.media_root == root / "../recordings"
    assert policy.layout.base_url == "https://cdn.example.org/audio"
    assert policy.layout.templates == {
        **DEFAULT_TEMPLATES,
        Slot.SPEAKER_IMAGE: "speakers/{{ speaker.id }}/image.{{ ext }}",
        Slot.LECTURE_AUDIO: "{{ speaker.id }}/{{ lecture.number | pad(3) }}.{{ ext }}",
    }
    assert policy.layout.references == {
        "speakers.image_url": ReferenceStyle.KEY,
        "collections.cover_image_small_url": ReferenceStyle.URL,
        "lectures.thumbnail_url": ReferenceStyle.KEY,
    }
    assert policy.layout.format_style is FormatStyle.MEDIA_TYPE
    assert policy.guards == GuardLimits(delete_percent=5, delete_floor=1, delete_count=3, user_rows=2)
    assert policy.transfer == TransferLimits(
        concurrency=4,
        single_put_bytes=5 * 1024**2,
        part_bytes=1024**3,
        cache_control="no-cache",
        playback_cache_control="private",
    )
    assert loaded.objects == DirectoryStore(path=root / "bucket")
    assert loaded.database == EmbeddedDatabase(path=root / "pg")
    assert loaded.staging == DirectoryStore(path=root / "staged")
    assert (policy.own_prefix_is_private, policy.staged_retention) == (True, timedelta(days=3))


def test_a_section_whose_lines_are_all_comments_is_not_there(root: Path) -> None:
    text = MINIMAL + "guards:\n#  user_rows: 3\nkeys:\ntransfer:\n  concurrency:\n"
    assert load(root, text).policy == Policy(environment="production")


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "EL106", "1:1"),
        ("media: x\n", "EL106", "1:1"),
        ("environment:\n", "EL106", "1:1"),
        ("environment: Production 1\n", "EL110", "1:14"),
        ("environment: no\n", "EL105", "1:14"),
        ("- a\n", "EL104", "1:1"),
        ("environment: a: b\n", "EL101", "1:15"),
        (MINIMAL + "environment: b\n", "EL102", "2:1"),
        (MINIMAL + "enviroment: b\n", "EL103", "2:1"),
        (MINIMAL + "guards: {user_row: 3}\n", "EL103", "2:10"),
        (MINIMAL + "guards: {user_rows: '3'}\n", "EL104", "2:21"),
        (MINIMAL + "guards: {user_rows: 1_000}\n", "EL105", "2:21"),
        (MINIMAL + "guards: {delete_percent: 101}\n", "EL108", "2:26"),
        (MINIMAL + "guards: {delete_count: -1}\n", "EL108", "2:24"),
        (MINIMAL + "guards: []\n", "EL104", "2:9"),
        (MINIMAL + "columns: {image_url: URL}\n", "EL108", "2:22"),
        (MINIMAL + "columns: {image_url: url}\n", "EL008", "2:22"),
        (MINIMAL + "columns: {file_format: m4a}\n", "EL108", "2:24"),
        (MINIMAL + "retention: 12h\n", "EL003", "2:12"),
        (MINIMAL + "staging: {keep: 12h}\n", "EL003", "2:17"),
        (MINIMAL + "staging: {prefix_is_private: 'yes'}\n", "EL104", "2:30"),
        (MINIMAL + "retention: soon\n", "EL003", "2:12"),
        (MINIMAL + "retention: 30\n", "EL105", "2:12"),
        (MINIMAL + "catalog: ../x\n", "EL003", "2:10"),
        (MINIMAL + "catalog: /x\n", "EL003", "2:10"),
        (MINIMAL + "public_base_url: cdn.example.org\n", "EL003", "2:18"),
        (MINIMAL + "public_base_url: https://a.org/?q=1\n", "EL003", "2:18"),
        (MINIMAL + "public_base_url: 'https://[::1'\n", "EL003", "2:18"),
        (MINIMAL + "transfer: {part_size: 64}\n", "EL105", "2:23"),
        (MINIMAL + "transfer: {part_size: 64 MB}\n", "EL003", "2:23"),
        (MINIMAL + "transfer: {part_size: 4 MiB}\n", "EL003", "2:23"),
        (MINIMAL + "transfer: {single_put: 6 GiB}\n", "EL003", "2:24"),
        (MINIMAL + "transfer: {concurrency: 0}\n", "EL108", "2:25"),
        (MINIMAL + "objects: {store: s3}\n", "EL108", "2:18"),
        (MINIMAL + "objects: {secret_access_key: abc}\n", "EL002", "2:11"),
        (MINIMAL + "database: {password: abc}\n", "EL002", "2:12"),
        (MINIMAL + "database: {url: 'postgresql://u:abc@h/d'}\n", "EL002", "2:17"),
        (MINIMAL + "database: {url: 'jdbc:postgresql://h/d?user=u&password=abc'}\n", "EL002", "2:17"),
        (MINIMAL + "keys: {lecture_audio: '{{ lecture.titel }}'}\n", "EL004", "2:23"),
        (MINIMAL + "keys: {lecture_audio: '{{ lecture.title'}\n", "EL004", "2:23"),
        (MINIMAL + "keys: {lecture_audio: '{% for x in y %}{% endfor %}'}\n", "EL004", "2:23"),
        (MINIMAL + "keys: {lecture_audio: '.elmify/{{ lecture.title }}'}\n", "EL004", "2:23"),
        (MINIMAL + "keys: {lecture_audio: '../{{ lecture.title }}'}\n", "EL004", "2:23"),
        (MINIMAL + "keys: {speaker_image: '{{ lecture.title }}'}\n", "EL004", "2:23"),
        (MINIMAL + "keys: {collection_cover: '{{ lecture.title }}'}\n", "EL004", "2:26"),
        (MINIMAL + "keys: {lecture: '{{ lecture.title }}'}\n", "EL103", "2:8"),
        (MINIMAL + "media: &x y\n", "EL111", "2:8"),
    ],
)
def test_a_mistake_in_the_file_reads_like_one_in_the_catalog(
    root: Path, text: str, code: str, place: str
) -> None:
    assert found(root, text) == [(code, f"elmify.yaml:{place}")]


def test_all_mistakes_are_shown_at_once(root: Path) -> None:
    text = "environment: X\nretention: [1]\ngards: {}\nobjects: {token: x}\n"
    assert [code for code, _ in found(root, text)] == ["EL110", "EL104", "EL103", "EL002"]

    text = MINIMAL + "retention: 1h\ncatalog: /x\nkeys: {lecture_audio: '{{ x }}'}\n"
    assert [code for code, _ in found(root, text, R2)] == ["EL003", "EL003", "EL004"]


def test_an_absent_or_unreadable_file_says_so(root: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_settings(root, {})
    assert [each.code for each in caught.value.diagnostics] == ["EL001"]

    (root / "elmify.yaml").mkdir()
    with pytest.raises(InvalidInput) as caught:
        load_settings(root, {})
    assert [each.code for each in caught.value.diagnostics] == ["EL001"]


def test_the_project_is_the_nearest_folder_with_the_file(root: Path) -> None:
    (root / "elmify.yaml").write_text(MINIMAL)
    inner = root / "catalog" / "a"
    inner.mkdir(parents=True)

    assert find_root(inner) == root
    assert find_root(root) == root


def test_outside_of_every_project_init_is_proposed(root: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        find_root(root)

    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "EL001"
    assert "elmify init" in diagnostic.hint


class TestStores:
    """Which bucket and which database."""

    def test_the_variables_name_both(self, root: Path) -> None:
        loaded = load(root, MINIMAL, REMOTE)

        assert loaded.objects == RemoteBucket(
            endpoint="https://abc.r2.cloudflarestorage.com",
            bucket="audio",
            region="auto",
            access_key_id="id",
            secret_access_key=Secret("s3cr3t"),
        )
        assert loaded.database == RemoteDatabase(
            url=Secret(DATABASE["DATABASE_URL"]), variable="DATABASE_URL"
        )

    def test_an_account_makes_the_endpoint(self, root: Path) -> None:
        environ = {**REMOTE, "R2_ACCOUNT_ID": "f00"}
        del environ["R2_ENDPOINT"]

        bucket = load(root, MINIMAL, environ).objects

        assert isinstance(bucket, RemoteBucket)
        assert bucket.endpoint == "https://f00.r2.cloudflarestorage.com"

    def test_an_account_in_the_environment_stands_over_an_endpoint_in_the_file(self, root: Path) -> None:
        environ = {**REMOTE, "R2_ACCOUNT_ID": "f00"}
        del environ["R2_ENDPOINT"]

        bucket = load(root, MINIMAL + "objects: {endpoint: 'https://other.example.com'}\n", environ).objects

        assert isinstance(bucket, RemoteBucket)
        assert bucket.endpoint == "https://f00.r2.cloudflarestorage.com"

    def test_the_file_may_name_what_is_no_secret(self, root: Path) -> None:
        text = MINIMAL + "objects: {endpoint: 'http://127.0.0.1:9000/', bucket: b, region: eu}\n"
        keys = {name: R2[name] for name in ("R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY")}

        bucket = load(root, text, {**keys, **DATABASE}).objects

        assert isinstance(bucket, RemoteBucket)
        assert (bucket.endpoint, bucket.bucket, bucket.region) == ("http://127.0.0.1:9000", "b", "eu")

    @pytest.mark.parametrize("missing", sorted(R2))
    @pytest.mark.parametrize("how", ["unset", "empty"])
    def test_half_a_bucket_is_never_the_embedded_one(self, root: Path, missing: str, how: str) -> None:
        environ = {**REMOTE, missing: ""}
        if how == "unset":
            del environ[missing]

        with pytest.raises(InvalidInput) as caught:
            load(root, MINIMAL, environ).refuse_mistakes()

        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.code == "EL006"
        assert missing in diagnostic.detail
        assert ("empty" in diagnostic.detail) is (how == "empty")

    @pytest.mark.parametrize(
        "field", ["bucket: b", "endpoint: 'https://x.org'", "account_id: f00", "store: r2"]
    )
    def test_a_bucket_named_in_the_file_alone_is_half_set(self, root: Path, field: str) -> None:
        assert found(root, MINIMAL + f"objects: {{{field}}}\n") == [("EL006", "elmify.yaml:2:10")]

    def test_all_variables_empty_is_not_the_embedded_bucket(self, root: Path) -> None:
        assert found(root, MINIMAL, dict.fromkeys(REMOTE, "")) == [("EL006", "elmify.yaml:1:1")] * 2

    @pytest.mark.parametrize(
        ("text", "environ"),
        [
            (MINIMAL + "objects: {store: r2}\n", {}),
            (MINIMAL + "database: {url_from: LIBRARY_URL}\n", {}),
            (MINIMAL, {"R2_BUCKET_NAME": "audio"}),
            (MINIMAL, DATABASE),
            (MINIMAL, {**REMOTE, "DATABASE_URL": "mysql://host/db"}),
            (MINIMAL, {**REMOTE, "R2_STAGING_BUCKET": "audio"}),
        ],
    )
    def test_what_is_wrong_with_the_stores_only_counts_for_who_opens_them(
        self, root: Path, text: str, environ: Mapping[str, str]
    ) -> None:
        loaded = load(root, text, environ)

        assert loaded.catalog_dir == root / "catalog"
        with pytest.raises(InvalidInput):
            loaded.refuse_mistakes()

    @pytest.mark.parametrize("name", ["prod", "production", "live", "staging"])
    def test_a_real_environment_never_gets_embedded_stores_that_nobody_named(
        self, root: Path, name: str
    ) -> None:
        assert found(root, f"environment: {name}\n") == [("EL009", "elmify.yaml:1:1")] * 2

    def test_a_real_environment_may_name_the_embedded_stores(self, root: Path) -> None:
        named = MINIMAL + "objects: {store: directory}\ndatabase: {store: embedded}\n"

        load(root, named).refuse_mistakes()

        assert found(root, MINIMAL + "database: {store: embedded}\n") == [("EL009", "elmify.yaml:1:1")]

    def test_who_opens_the_bucket_alone_needs_no_database(self, root: Path) -> None:
        loaded = load(root, MINIMAL, R2)

        assert isinstance(loaded.objects, RemoteBucket)
        assert loaded.staging is None
        with pytest.raises(InvalidInput):
            _ = loaded.database

    def test_a_bucket_that_nobody_named_is_not_opened_alone(self, root: Path) -> None:
        loaded = load(root, MINIMAL, DATABASE)

        for name in ("objects", "staging"):
            with pytest.raises(InvalidInput):
                getattr(loaded, name)

    def test_an_endpoint_in_the_file_that_is_none_counts_for_everybody(self, root: Path) -> None:
        with pytest.raises(InvalidInput) as caught:
            load(root, MINIMAL + "objects: {store: directory, endpoint: abc}\n")

        assert [each.code for each in caught.value.diagnostics] == ["EL005"]

    def test_the_direct_database_is_preferred_to_the_pooled_one(self, root: Path) -> None:
        direct = "postgres://u@direct/app"

        loaded = load(root, MINIMAL, {**REMOTE, "DATABASE_UNPOOLED_URL": direct})
        assert loaded.database == RemoteDatabase(url=Secret(direct), variable="DATABASE_UNPOOLED_URL")

        loaded = load(root, MINIMAL, {**REMOTE, "DATABASE_UNPOOLED_URL": ""})
        assert isinstance(loaded.database, RemoteDatabase)
        assert loaded.database.variable == "DATABASE_URL"

    def test_the_file_may_name_another_variable(self, root: Path) -> None:
        text = MINIMAL + "database: {url_from: LIBRARY_URL}\n"

        loaded = load(root, text, {**REMOTE, "LIBRARY_URL": "jdbc:postgresql://h/d"})

        assert loaded.database == RemoteDatabase(url=Secret("jdbc:postgresql://h/d"), variable="LIBRARY_URL")
        assert found(root, text, REMOTE) == [("EL006", "elmify.yaml:2:11")]

    @pytest.mark.parametrize("store", ["postgresql"])
    def test_a_wanted_database_without_its_variable_is_half_set(self, root: Path, store: str) -> None:
        assert found(root, MINIMAL + f"database: {{store: {store}}}\n", R2) == [("EL006", "elmify.yaml:2:11")]

    def test_one_store_embedded_and_one_not_must_be_said(self, root: Path) -> None:
        assert found(root, MINIMAL, DATABASE) == [("EL007", "elmify.yaml:1:1")]
        assert found(root, MINIMAL, R2) == [("EL007", "elmify.yaml:1:1")]

        text = MINIMAL + "objects: {store: directory}\n"
        assert isinstance(load(root, text, DATABASE).objects, DirectoryStore)
        text = MINIMAL + "database: {store: embedded}\n"
        assert isinstance(load(root, text, R2).database, EmbeddedDatabase)

    def test_what_the_file_says_stands_over_the_variables(self, root: Path) -> None:
        text = MINIMAL + "objects: {store: directory}\ndatabase: {store: embedded}\n"

        loaded = load(root, text, REMOTE)

        assert isinstance(loaded.objects, DirectoryStore)
        assert isinstance(loaded.database, EmbeddedDatabase)

    def test_nothing_names_a_staging_bucket(self, root: Path) -> None:
        assert load(root, MINIMAL, REMOTE).staging is None
        assert load(root, TRIAL).staging is None

    def test_the_staging_bucket_is_of_the_same_account(self, root: Path) -> None:
        loaded = load(root, MINIMAL, {**REMOTE, "R2_STAGING_BUCKET": "staged"})

        assert isinstance(loaded.objects, RemoteBucket)
        assert loaded.staging == replace(loaded.objects, bucket="staged")
        assert load(root, MINIMAL + "staging: {bucket: staged}\n", REMOTE).staging == loaded.staging

    def test_the_staging_bucket_may_have_a_key_of_its_own(self, root: Path) -> None:
        own = {
            "R2_STAGING_BUCKET": "staged",
            "R2_STAGING_ACCESS_KEY_ID": "other",
            "R2_STAGING_SECRET_ACCESS_KEY": "0ther",
        }

        loaded = load(root, MINIMAL, {**REMOTE, **own})

        assert isinstance(loaded.staging, RemoteBucket)
        assert (loaded.staging.access_key_id, loaded.staging.secret_access_key) == ("other", Secret("0ther"))
        del own["R2_STAGING_ACCESS_KEY_ID"]
        assert found(root, MINIMAL, {**REMOTE, **own}) == [("EL006", "elmify.yaml:1:1")]

    def test_the_librarys_bucket_is_no_staging_bucket(self, root: Path) -> None:
        assert found(root, MINIMAL, {**REMOTE, "R2_STAGING_BUCKET": "audio"}) == [
            ("EL005", "elmify.yaml:1:1")
        ]

    def test_a_staging_bucket_without_the_other_variables_is_half_set(self, root: Path) -> None:
        codes = [code for code, _ in found(root, MINIMAL, {"R2_STAGING_BUCKET": "staged"})]

        assert codes == ["EL006"]

    def test_an_empty_staging_bucket_is_none_at_all(self, root: Path) -> None:
        assert load(root, MINIMAL, {**REMOTE, "R2_STAGING_BUCKET": ""}).staging is None
        assert isinstance(load(root, TRIAL, {"R2_STAGING_BUCKET": ""}).objects, DirectoryStore)

    def test_a_chosen_directory_has_no_bucket_beside_it(self, root: Path) -> None:
        text = MINIMAL + "objects: {store: directory}\n"

        assert load(root, text, {**REMOTE, "R2_STAGING_BUCKET": "staged"}).staging is None

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("R2_ENDPOINT", "abc.r2.cloudflarestorage.com"),
            ("R2_ENDPOINT", "https://abc.r2.cloudflarestorage.com/audio"),
            ("R2_ENDPOINT", "https://[::1"),
            ("DATABASE_URL", "mysql://user:pa55@host/db"),
            ("DATABASE_URL", "host=db password=pa55"),
        ],
    )
    def test_a_variable_of_another_form_is_refused_and_not_shown(
        self, root: Path, variable: str, value: str
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            load(root, MINIMAL, {**REMOTE, variable: value}).refuse_mistakes()

        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.code == "EL005"
        assert variable in diagnostic.detail
        assert value not in diagnostic.detail + diagnostic.hint


class TestSecrets:
    """What must never be seen."""

    def test_settings_do_not_show_them(self, root: Path) -> None:
        shown = repr(load(root, MINIMAL, REMOTE))

        assert "s3cr3t" not in shown
        assert "pa55" not in shown
        assert "***" in shown

    def test_one_in_the_file_is_not_repeated(self, root: Path) -> None:
        text = MINIMAL + "objects: {secret_access_key: s3cr3t}\ndatabase: {url: 'postgres://u:pa55@h/d'}\n"
        with pytest.raises(InvalidInput) as caught:
            load(root, text)

        assert [each.code for each in caught.value.diagnostics] == ["EL002", "EL002"]
        assert not any("s3cr3t" in str(each) or "pa55" in str(each) for each in caught.value.diagnostics)

    def test_it_is_revealed_to_whoever_asks(self) -> None:
        secret = Secret("x")

        assert (str(secret), f"{secret}", repr(secret), secret.reveal()) == ("***", "***", "***", "x")
        assert secret == Secret("x") != Secret("y")


@pytest.mark.parametrize(
    ("environ", "actor"),
    [
        ({}, Actor(name=getpass.getuser())),
        ({"USER": "amina"}, Actor(name="amina")),
        ({"USER": "runner", "GITHUB_ACTOR": "amina"}, Actor(name="amina")),
        ({"ELMIFY_ACTOR": "robot", "GITHUB_ACTOR": "amina"}, Actor(name="robot")),
        (
            {
                "GITHUB_ACTOR": "amina",
                "GITHUB_SHA": "c0ffee",
                "GITHUB_SERVER_URL": "https://git.example.org",
                "GITHUB_REPOSITORY": "team/library",
                "GITHUB_RUN_ID": "7",
            },
            Actor(name="amina", commit="c0ffee", url="https://git.example.org/team/library/actions/runs/7"),
        ),
        (
            {
                "GITLAB_USER_LOGIN": "amina",
                "CI_COMMIT_SHA": "c0ffee",
                "CI_JOB_URL": "https://ci.example.org/7",
            },
            Actor(name="amina", commit="c0ffee", url="https://ci.example.org/7"),
        ),
    ],
)
def test_the_actor_is_who_ci_or_the_session_says(root: Path, environ: dict[str, str], actor: Actor) -> None:
    assert load(root, MINIMAL, environ).actor == actor


@pytest.mark.parametrize(
    ("environ", "cache"),
    [
        ({"XDG_CACHE_HOME": "/var/x"}, "/var/x/elmify"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/a"}, "/home/a/.cache/elmify"),
        ({"HOME": "/home/a"}, "/home/a/.cache/elmify"),
        ({"HOME": "/home/a", "ELMIFY_CACHE": "off"}, None),
        ({"HOME": "/home/a", "ELMIFY_CACHE": "OFF"}, None),
        ({}, None),
    ],
)
def test_caches_are_kept_outside_of_the_project(
    root: Path, environ: dict[str, str], cache: str | None
) -> None:
    assert load(root, MINIMAL, environ).cache_dir == (Path(cache) if cache else None)


@pytest.mark.parametrize(
    ("text", "size"), [("0 B", 0), ("1KiB", 1024), ("64 MiB", 64 * 1024**2), (" 5 GiB ", 5 * 1024**3)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "hours"), [("90m", 1.5), ("12h", 12), ("30d", 720), ("2w", 336), ("3600 s", 1)]
)
def test_durations_are_read(text: str, hours: float) -> None:
    assert parse_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1d2h", "٣d", "9999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "64", "64 MB", "-1 MiB", "1.5 GiB", "MiB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_size(text)


@given(data=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_make_it_fail_in_another_way(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "elmify.yaml").write_bytes(data)
    with pytest.raises(InvalidInput):
        load_settings(tmp_path, {})


_FIELDS = [
    *(
        "environment: e",
        "catalog: c",
        "media: m",
        "retention: 30d",
        "retention: 1h",
        "public_base_url: https://x.org",
    ),
    *(
        "keys: {lecture_audio: x}",
        "keys: []",
        "columns: {image_url: url}",
        "guards: {user_rows: 1}",
        "guards:",
    ),
    *(
        "transfer: {part_size: 1 B}",
        "objects: {store: r2}",
        "objects: {bucket: b}",
        "database: {url_from: X}",
    ),
    *("cdn:", "cdn: {}", "cdn: {token_from: X}", "cdn: {zone: 0123456789abcdef0123456789abcdef}"),
    *("database: {store: embedded}", "objects: 7", "secret: x", "environment: 2025-01-01", "? [a]"),
]


@given(lines=st.lists(st.sampled_from(_FIELDS), max_size=6), names=st.sets(st.sampled_from(sorted(REMOTE))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_settings_are_good_or_refused_and_never_half_of_either(
    tmp_path: Path, lines: list[str], names: set[str]
) -> None:
    (tmp_path / "elmify.yaml").write_text("\n".join(lines) + "\n")
    try:
        loaded = load_settings(tmp_path, {name: REMOTE[name] for name in names})
        loaded.refuse_mistakes()
        embedded = isinstance(loaded.objects, DirectoryStore)
    except InvalidInput:
        return
    optional = {"cache_dir", "cdn"}
    assert all(getattr(loaded, each.name) is not None for each in fields(loaded) if each.name not in optional)
    named = {"R2_BUCKET_NAME"} if "objects: {bucket: b}" in lines else set()
    assert embedded or set(R2) <= names | named
    assert not embedded or not names & set(R2)
