import click

from reconciler.cli.project import open_project
from reconciler.model.errors import UsageError
from reconciler.model.values import counted


@click.group("notify")
def command() -> None:
    """Tell others what happens, through Apprise.

    They are told when an apply fails or does not finish, when a guard stops one, when the stores have
    drifted, and when a lease is taken over; each once, and again only when it is otherwise. The URLs stand in
    the environment variable ELMIFY_NOTIFY_URLS, parted by spaces; `notify:` in elmify.yaml says of what they
    want to hear.
    """


@command.command("test")
@click.pass_obj
def test(directory: str) -> None:
    """Send a trial message to every URL.

    Exits 1 and names those that could not be reached.
    """
    from reconciler.notifications.messages import of_trial, send

    settings = open_project(directory).settings
    urls = [url.reveal() for url in settings.notify.urls]
    if not urls:
        raise UsageError(
            f"{settings.notify.variable} is not set, so nobody is told anything",
            hint=f"Set it to the URLs of who is to be told, as Apprise writes them:\n"
            f"    export {settings.notify.variable}='slack://… mailto://…'",
        )
    send(urls, of_trial(settings.policy.environment, settings.actor))
    click.echo(f"Told {counted(len(urls), 'recipient')}.")
