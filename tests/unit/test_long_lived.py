"""What a process that lives for weeks must not do: nothing below the doors changes or fills it."""

import ast
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

import providers
import reconciler
from reconciler.model.values import shared, sharing_texts

ROOTS = [Path(package.__path__[0]) for package in (reconciler, providers)]
BELOW = [
    path
    for root in ROOTS
    for path in sorted(root.rglob("*.py"))
    if path.relative_to(root).parts[0] != "cli"  # its process is its own
]

#: What has few values whatever is read: an unbounded cache of these is bounded.
CLOSED = {"Kind", "Slot"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{name.name}" for name in names)


def unbounded_caches(tree: ast.Module) -> Iterator[str]:
    """Yield the functions of a module whose cache grows with what they are called with."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(map(_is_unbounded, node.decorator_list)):
            arguments = [ast.unparse(each.annotation) for each in node.args.args if each.annotation]
            if not set(arguments) <= CLOSED:
                yield node.name


def _is_unbounded(decorator: ast.expr) -> bool:
    return ast.unparse(decorator) in {
        "cache",
        "functools.cache",
        "lru_cache(maxsize=None)",
        "lru_cache(None)",
    }


@pytest.mark.parametrize("path", BELOW, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_module_touches_the_collector_interns_or_caches_without_bound(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))

    assert [name for name in imported(tree) if name.partition(".")[0] == "gc" or name == "sys.intern"] == []
    assert "sys.intern" not in {
        ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    assert list(unbounded_caches(tree)) == []
    assert "ThreadPoolExecutor" not in path.read_text("utf-8")  # `reconciler.concurrency` has what is needed


def test_texts_are_shared_inside_the_block_alone() -> None:
    first, second = bytes(range(97, 99)).decode(), bytes(range(97, 99)).decode()
    assert first is not second
    assert shared(second) is second

    with sharing_texts():
        assert shared(first) is first
        assert shared(second) is first

    assert shared(second) is second
    assert gc.isenabled()
