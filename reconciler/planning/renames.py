"""Which address each resource had before: by its own `previously:`, or carried along by a parent's."""

from collections.abc import Container, Mapping

from reconciler.model.address import Address, join, parent_of
from reconciler.model.catalog import Catalog


def previous_addresses(catalog: Catalog, recorded: Container[Address]) -> Mapping[Address, Address]:
    """Return the former address of every resource that has one; the catalog's parents come before children.

    An id in `previously:` is read beside the entry, under the parent's present address; where nothing is
    recorded there, it is meant under the address that the parent had before.
    """
    previous: dict[Address, Address] = {}
    for address, resource in catalog.resources.items():
        parent = parent_of(address)
        if resource.previously is not None:
            previous[address] = _as_recorded(resource.previously, previous, recorded)
        elif parent is not None and parent in previous:
            inherited = _under(previous[parent], address)
            if inherited not in catalog.resources:
                previous[address] = inherited
    return previous


def _as_recorded(said: Address, previous: Mapping[Address, Address], recorded: Container[Address]) -> Address:
    parent = parent_of(said)
    if said in recorded or parent is None or parent not in previous:
        return said
    return _under(previous[parent], said)


def _under(parent: Address, address: Address) -> Address:
    return join(parent, address.rpartition("/")[2])
