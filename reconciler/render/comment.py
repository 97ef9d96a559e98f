"""HTML for a comment or an issue on a forge, in which text from outside shows and does nothing."""

import re

from reconciler.render.escape import harmless

#: What Markdown, HTML, a mention, a reference or a CI runner could take for more than text.
_ENTITIES = {ord(character): f"&#{ord(character)};" for character in "&<>\"'`*_[]|~\\$@#!"}
#: What makes a mention, a reference or an address in a sentence: in `<code>` no forge follows it.
_REFERENCE = re.compile(r"&#(?:64|35);|://")
_UNFIT_FOR_A_MARKER = re.compile(r"[^A-Za-z0-9._-]|(?<=-)-|-$")


def code(text: str) -> str:
    """Return a text from outside as code; nothing for an empty one."""
    return f"<code>{_entities(text)}</code>" if text else ""


def prose(text: str) -> str:
    """Return a sentence that may quote what came from outside."""
    return _REFERENCE.sub(r"<code>\g<0></code>", _entities(text))


def marker_word(text: str) -> str:
    """Return a text as it may stand in a hidden comment, which it can then not close."""
    return _UNFIT_FOR_A_MARKER.sub("_", text)


def _entities(text: str) -> str:
    return harmless(text).translate(_ENTITIES).replace("::", "&#58;&#58;")
