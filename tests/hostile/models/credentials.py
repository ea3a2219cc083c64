from attacking import Innocent, attempt, read


def make():
    for path in (
        "/github/runner_temp/git-credentials.config",
        "/github/workspace/.git/config",
        "/github/home/.docker/config.json",
        "/github/workflow/event.json",
        "/etc/shadow",
    ):
        attempt(path, lambda path=path: read(path))
    return Innocent()
