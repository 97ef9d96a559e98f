import json

import click

from reconciler.cli.console import result


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the catalog.

    For editors: `# yaml-language-server: $schema=…` at the top of a file names where it was saved.
    """
    from reconciler.loading.schema import catalog_schema

    result(json.dumps(catalog_schema(), indent=2, ensure_ascii=False))
