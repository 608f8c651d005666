"""A user's clone of this repository, in which a test commits and runs make."""

import os
import shutil
import subprocess

from cluster import GIVEN, HERE, REPOSITORY, STATE

# What git needs to commit on a machine where nobody has told it a name.
COMMITTER = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A user"), ("EMAIL", "user@example.test"))
}


class Checkout:
    """The files of this work tree, as one commit of a repository of their own."""

    def __init__(self, directory, cluster, namespace):
        self.directory = directory
        self._environment = {
            **os.environ,
            **COMMITTER,
            "KUBECONFIG": str(cluster.kubeconfig),
            "NAMESPACE": namespace,
        }
        self._environment.pop("MAKEFLAGS", None)  # of the make that runs the tests
        if not GIVEN:
            # up.sh's kubectl goes before the machine's own, and is its only one in CI.
            path = f"{cluster.programs}:{os.environ['PATH']}"
            load = str(HERE / "node/load-image.sh")
            self._environment.update(PATH=path, CONTAINER_TOOL="buildah", LOAD_IMAGE=load)
        self._copy()
        self._git("init", "--quiet")
        self.commit("all")

    def _copy(self):
        listed = ["git", "-C", REPOSITORY, "ls-files", "-z", "-co", "--exclude-standard"]
        for name in subprocess.check_output(listed, text=True).split("\0"):
            if (REPOSITORY / name).is_file():  # not one that is deleted but not committed so
                (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, self.directory / name)

    def _run(self, *command, timeout=60):
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        if done.returncode != 0:
            last = "\n".join(done.stdout.splitlines()[-40:])
            raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}:\n{last}")
        return done.stdout

    def _git(self, *arguments):
        return self._run("git", *arguments).strip()

    def commit(self, message):
        """Commits all, also if nothing has changed; the new color."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self._git("rev-parse", "HEAD")[:6]

    def edit(self, name, old, new):
        path = self.directory / name
        text = path.read_text()
        assert old in text, f"{name} holds no {old!r}"
        path.write_text(text.replace(old, new))

    def make(self, *arguments, timeout=600):
        if "image" in arguments and not GIVEN:
            self._note_color(arguments)
        return self._run("make", "--no-print-directory", *arguments, timeout=timeout)

    def _note_color(self, arguments):
        """For node/prune-images.sh."""
        given = [one.removeprefix("COLOR=") for one in arguments if one.startswith("COLOR=")]
        color = given[0] if given else self._git("rev-parse", "HEAD")[:6]
        with (STATE / "colors").open("a") as file:
            file.write(f"{color}\n")
