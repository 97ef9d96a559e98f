"""Subjects: meaning of an address, a row, a key or a URL."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice

from reconciler.model.actual import Row
from reconciler.model.address import Address
from reconciler.model.errors import UsageError
from reconciler.model.explanation import LectureName, Subject
from reconciler.model.kinds import Kind
from reconciler.model.remedies import Sentence, Verify
from reconciler.model.values import nfc
from reconciler.planning.playback import Library, canonical_key
from reconciler.planning.references import split_reference
from reconciler.planning.row_merge import row_number
from reconciler.planning.verification.context import VerifyContext

_OBJECT = re.compile(r"unmanaged\.object\[(.+)\]", re.DOTALL)
_DEPTH_OF_LECTURES = 2
_NEAR_AMONG = 20_000  # names that are compared with one that nobody knows
_NEAR_MOST = 3


def find_subject(context: VerifyContext, asked: str) -> Subject:
    """Return what a person means by an address, a row, a key or a URL.

    Raises `UsageError` with the names that look alike when there is nothing of that name, and for the
    address of a speaker or a collection.
    """
    addresses = rows_by_address(context)
    if (number := row_number(asked)) is not None:
        return Subject(asked=asked, lectures=(_of_row(context, addresses, number),))
    address = Address(asked)
    if address in addresses:
        if address.count("/") != _DEPTH_OF_LECTURES:
            raise UsageError(
                f"{asked} is no lecture",
                code="not-a-lecture",
                remedies=[Sentence(text="Name a lecture below it, or check all of them:"), Verify()],
            )
        return Subject(asked=asked, lectures=(LectureName(address, addresses[address]),))
    key = _key_in(context, asked)
    if key is not None:
        owners = owners_of(context)
        found = (
            LectureName(owners.get((row.kind, row.id)), row) for row in found_by(context.world.library, key)
        )
        return Subject(asked=asked, lectures=tuple(found), key=key)
    raise UsageError(f"nothing is called {asked!r}", code="unknown-name", hint=_near(context, asked))


def rows_by_address(context: VerifyContext) -> Mapping[Address, Row | None]:
    """Return the row of each address that is declared or recorded."""
    bound = {address: binding.row for address, binding in context.identities.bound.items()}
    return {**dict.fromkeys(context.world.catalog.resources), **context.identities.vanished, **bound}


def owners_of(context: VerifyContext) -> Mapping[tuple[Kind, int], Address]:
    """Return the address of each row that has one, by kind and id."""
    addresses = rows_by_address(context)
    return {(row.kind, row.id): address for address, row in addresses.items() if row is not None}


def _of_row(context: VerifyContext, addresses: Mapping[Address, Row | None], number: int) -> LectureName:
    row = context.world.snapshot.rows[Kind.LECTURE].get(number)
    if row is not None:
        return LectureName(owners_of(context).get((Kind.LECTURE, number)), row)
    for address, record in context.world.recorded.resources.items():
        if record.kind is Kind.LECTURE and record.row == number and addresses.get(address) is None:
            return LectureName(address, None)
    raise UsageError(
        f"there is no row {number} of lectures",
        code="unknown-name",
        hint="Name a row that exists, an address of the catalog, or a key.",
    )


def _key_in(context: VerifyContext, asked: str) -> str | None:
    """Return the NFC key of a key or of a public URL; None for neither."""
    library, recorded = context.world.library, context.world.recorded
    named = _OBJECT.fullmatch(asked)
    forms = [nfc(named[1] if named else asked)]
    base, key = split_reference(asked)
    if base is not None:
        bases = (context.world.policy.layout.base_url, *(way.base_url for way in library.ways))
        below = (nfc(asked.removeprefix(f"{base_url}/")) for base_url in bases if base_url)
        within = [split_reference(f"https://-/{form}")[1] for form in below if form != nfc(asked)]
        forms = [*forms, *within, key]
        forms += [form.partition("?")[0].partition("#")[0] for form in forms]
    return next(
        (
            form
            for form in forms
            if form in library.contents or form in recorded.keys or any(found_by(library, form))
        ),
        None,
    )


def found_by(library: Library, key: str) -> Iterator[Row]:
    """Yield the lectures that a key is heard for, or is the `file_path` of."""
    for row in library.rows[Kind.LECTURE].values():
        if key in library.keys(row) or canonical_key(row) == key:
            yield row


def _near(context: VerifyContext, asked: str) -> str:
    lectures = (name for name in rows_by_address(context) if name.count("/") == _DEPTH_OF_LECTURES)
    names = (*lectures, *context.world.library.contents)
    low = asked.casefold()
    near = list(islice((name for name in names if low and low in name.casefold()), _NEAR_MOST))
    near = near or get_close_matches(asked, names[:_NEAR_AMONG], n=_NEAR_MOST)
    if not near:
        return "Name a lecture by its address, its row (412), or a key or URL."
    return f"Did you mean {' or '.join(f'`{name}`' for name in near)}?"
