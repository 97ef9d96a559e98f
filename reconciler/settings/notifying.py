"""Whom to tell what: what elmify.yaml says of it, and the URLs that only the environment holds."""

import re
from collections.abc import Mapping

from reconciler.model.occasions import Occasion
from reconciler.settings.source import Source
from reconciler.settings.values import Notify, Secret

#: URLs are parted by white space, or by a comma that another scheme follows: a URL may hold a comma itself.
_BETWEEN = re.compile(r"\s+|,\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)")


def read_notify(source: Source, environ: Mapping[str, str]) -> Notify:
    """Return whom to tell what. Without a section `ELMIFY_NOTIFY_URLS` says whom, and it is everything."""
    section = source.section("notify")
    variable = section.get("urls_from", Notify().variable)
    texts = filter(None, _BETWEEN.split(environ.get(variable, "").strip()))
    return Notify(
        urls=tuple(map(Secret, texts)),
        variable=variable,
        on=frozenset(map(Occasion, section["on"])) if "on" in section else frozenset(Occasion),
    )
