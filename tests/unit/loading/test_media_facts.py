import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.loading import media_codes as codes
from reconciler.loading.media_facts import MEDIA_TYPES, Facts, Unfit, extension, read_facts
from tests.media_files import JPEG, PNG, WEBP, adts, flac, sample, wav


def facts(data: bytes, path: str) -> Facts:
    return read_facts(io.BytesIO(data), path, len(data))


def refusal(data: bytes, path: str) -> Unfit:
    with pytest.raises(Unfit) as refused:
        facts(data, path)
    return refused.value


@pytest.mark.parametrize(
    ("data", "path", "media_type"),
    [
        (PNG, "a.png", "image/png"),
        (JPEG, "a.jpg", "image/jpeg"),
        (JPEG, "a.JPEG", "image/jpeg"),
        (WEBP, "a.webp", "image/webp"),
        (sample(".png"), "a.png", "image/png"),
        (sample(".jpg"), "a.jpg", "image/jpeg"),
        (sample(".webp"), "a.webp", "image/webp"),
    ],
)
def test_an_image_is_known_by_its_first_bytes(data: bytes, path: str, media_type: str) -> None:
    assert facts(data, path) == Facts(media_type=media_type)


@pytest.mark.parametrize(
    ("data", "path", "media_type", "seconds", "rate"),
    [
        (wav(1.5), "a.wav", "audio/wav", 1.5, 8000),
        (flac(), "a.flac", "audio/flac", 2.0, 8000),
        (adts(), "a.aac", "audio/aac", 0.464, 44100),
        (sample(".mp3"), "a.mp3", "audio/mpeg", 3.03, 22050),
        (sample(".ogg"), "a.ogg", "audio/ogg", 3.7, 48000),
        (sample(".m4a"), "a.m4a", "audio/mp4", 3.2, 22050),
    ],
)
def test_audio_tells_its_duration_bitrate_and_sample_rate(
    data: bytes, path: str, media_type: str, seconds: float, rate: int
) -> None:
    found = facts(data, path)

    assert found.media_type == media_type
    assert found.duration_seconds == pytest.approx(seconds, abs=0.3)
    assert found.duration_seconds == round(found.duration_seconds or 0, 3)
    assert found.sample_rate == rate
    assert found.bitrate is not None
    assert found.bitrate > 100


def test_an_mp3_behind_a_tag_is_known_by_what_follows_the_tag() -> None:
    tag = b"ID3\x04\0\0\0\0\x01\x00" + bytes(128)

    assert facts(tag + sample(".mp3"), "a.mp3").media_type == "audio/mpeg"
    assert refusal(tag + adts(), "a.mp3").code == codes.MEDIA_TYPE_DISAGREES


def test_a_file_without_bytes_is_refused() -> None:
    assert refusal(b"", "a.mp3").code == codes.MEDIA_EMPTY
    assert refusal(b"", "a.png").code == codes.MEDIA_EMPTY


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (wav(), "a.mp3"),
        (PNG, "a.jpg"),
        (sample(".mp3"), "a.m4a"),
        (sample(".mp3"), "a.aac"),
        (PNG, "a.mp3"),
        (wav(), "a.png"),
    ],
)
def test_content_that_is_not_what_the_extension_promises_is_refused(data: bytes, path: str) -> None:
    assert refusal(data, path).code == codes.MEDIA_TYPE_DISAGREES


@pytest.mark.parametrize(
    "path", ["a.mp3", "a.m4a", "a.wav", "a.flac", "a.aac", "a.ogg", "a.png", "a.jpg", "a.webp"]
)
def test_what_is_no_media_at_all_is_unreadable(path: str) -> None:
    assert refusal(b"<!doctype html><title>404</title>" * 40, path).code == codes.MEDIA_UNREADABLE


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".ogg"])
def test_audio_that_breaks_off_in_its_header_is_unreadable(suffix: str) -> None:
    assert refusal(sample(suffix)[:20], f"a{suffix}").code == codes.MEDIA_UNREADABLE


def test_a_single_frame_in_noise_is_no_mp3() -> None:
    frame = b"\xff\xfb\x90\x00" + bytes(413)

    assert refusal(frame + b"\x11" * 5000, "a.mp3").code == codes.MEDIA_UNREADABLE
    assert refusal(frame * 2 + b"\x11" * 5000, "a.mp3").code == codes.MEDIA_UNREADABLE


def test_audio_of_no_length_is_refused() -> None:
    assert refusal(wav(0), "a.wav").code == codes.MEDIA_WITHOUT_DURATION
    assert refusal(flac(samples=0), "a.flac").code == codes.MEDIA_WITHOUT_DURATION


@pytest.mark.parametrize("path", ["a.gif", "a", "a.mp4", ".mp3"])
def test_an_unknown_extension_is_refused(path: str) -> None:
    assert refusal(PNG, path).code == codes.MEDIA_TYPE_UNKNOWN


def test_the_extension_is_what_follows_the_last_dot_of_the_name() -> None:
    assert extension("Dr. X/01 - A.b.MP3") == "mp3"
    assert extension("Dr. X/no extension") == ""


_FILES = {
    "mp3": sample(".mp3"),
    "m4a": sample(".m4a"),
    "ogg": sample(".ogg"),
    "wav": wav(),
    "flac": flac(),
    "aac": adts(),
}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(_FILES)), st.data())
def test_damaged_audio_is_either_read_or_refused(suffix: str, data: st.DataObject) -> None:
    damaged = bytearray(_FILES[suffix])
    for _ in range(data.draw(st.integers(1, 20))):
        damaged[data.draw(st.integers(0, min(len(damaged), 600) - 1))] = data.draw(st.integers(0, 255))
    whole = bytes(damaged)[: data.draw(st.integers(1, len(damaged)))]

    try:
        outcome = facts(whole, f"a.{suffix}").media_type
    except Unfit as unfit:
        outcome = unfit.code

    assert outcome in {MEDIA_TYPES[suffix], *codes.MEDIA_CODES}
