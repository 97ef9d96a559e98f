import io
import os

import pytest

from providers.objects.errors import Abandoned
from providers.objects.multipart import Window
from reconciler.model.errors import WrongBytes


def test_a_window_shows_its_part_alone() -> None:
    body = io.BytesIO(b"0123456789")
    body.seek(2)

    window = Window(body, start=2, size_bytes=5)

    assert len(window) == 5
    assert [window.read(3), window.read(), window.read(1)] == [b"234", b"56", b""]


def test_a_rewound_window_reads_again_and_reports_once() -> None:
    heard: list[int] = []
    body = io.BytesIO(b"xx12345")
    body.seek(2)
    window = Window(body, start=2, size_bytes=5, on_bytes=heard.append)
    window.read(4)

    assert window.seek(1) == window.tell() == 1
    assert window.read(2) == b"23"
    assert window.seek(0, os.SEEK_END) == 5
    assert window.seek(-2, os.SEEK_CUR) == 3
    assert window.read() == b"45"
    assert heard == [4, 1]


def test_a_body_that_ends_early_abandons_with_what_is_wrong() -> None:
    window = Window(io.BytesIO(b"12"), start=0, size_bytes=3)
    window.read(2)

    with pytest.raises(Abandoned) as raised:
        window.read(1)

    assert isinstance(raised.value.reason, WrongBytes)
    assert raised.value.reason.hint


def test_what_abandons_is_no_exception_that_a_client_would_take_for_a_network_fault() -> None:
    assert not issubclass(Abandoned, Exception)
