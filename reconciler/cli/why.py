import click

from reconciler.cli.console import result
from reconciler.cli.options import option_format
from reconciler.cli.project import open_workspace
from reconciler.model.errors import Exit


@click.command("why")
@click.argument("name", metavar="ADDRESS|ROW|KEY")
@click.option("--online", is_flag=True, help="Also ask the public domain for the URL of every way.")
@option_format("text", "json")
@click.pass_obj
def command(directory: str, name: str, online: bool, format_: str) -> int:
    """Show by which ways a lecture plays, and why not.

    For each way of the apps: the URL that it asks for, the key that arrives, the object there and whose bytes
    it has. Then what the catalog, the row and the records say, who changed it last, and what to do. ROW is
    412 or unmanaged.lectures[412]; KEY is an object key or a public URL, and is told with all that finds or
    names it. Reads only.

    Exits 2 when a way that is not only reported does not play it, or when nothing stands under a key that
    is named.
    """
    from reconciler.operations.why import explain_playback
    from reconciler.render.why import why_json, why_text

    with open_workspace(directory) as workspace:
        found = explain_playback(workspace, name, online=online)
    result(why_json(found) if format_ == "json" else why_text(found))
    return Exit.OK if found.plays else Exit.DIFFERENCES
