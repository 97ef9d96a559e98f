import builtins
from typing import Any

import pytest

from reconciler.model.notifications import Message, NotificationKind
from reconciler.notifications.messages import DeliveryFailed, send
from tests.mailbox import mailbox

#: A library of Apprise's imports it on Python 3.11 and 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MESSAGE = Message(kind=NotificationKind.DRIFT, title="live has drifted", body="The Cow -> “البقرة”")


def test_a_message_arrives_whole() -> None:
    with mailbox() as box:
        send([box.url], MESSAGE)

    (arrived,) = box.messages
    assert (arrived["title"], arrived["message"]) == (MESSAGE.title, MESSAGE.body)


def test_one_that_cannot_be_reached_keeps_nobody_else_from_hearing() -> None:
    with mailbox() as good, mailbox() as bad:
        bad.status = 503
        with pytest.raises(DeliveryFailed) as caught:
            send([bad.url, good.url], MESSAGE)

    assert good.titles == [MESSAGE.title]
    (detail,) = caught.value.details
    assert detail.startswith("URL 1 (json://…): ")
    assert "503" in detail
    assert "planted" not in detail


def test_a_url_that_is_none_is_named_by_its_place() -> None:
    with pytest.raises(DeliveryFailed) as caught:
        send(["nonsense://planted"], MESSAGE)

    (detail,) = caught.value.details
    assert detail.startswith("URL 1 (nonsense://…): ")
    assert "planted" not in detail


def test_without_apprise_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)

    with pytest.raises(DeliveryFailed) as caught:
        send(["json://127.0.0.1"], MESSAGE)

    assert "pip install '.[notify]'" in caught.value.hint
