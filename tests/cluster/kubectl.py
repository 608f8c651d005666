"""kubectl, one namespace at a time: JSON in, JSON out, and what it says when it fails."""

import http.client
import json
import pathlib
import socket
import subprocess
import tempfile

from waiting import until


class KubectlError(RuntimeError):
    pass


class Kubectl:
    def __init__(self, program, kubeconfig, namespace=None, proxy=None):
        self._program = str(program)
        self._kubeconfig = str(kubeconfig)
        self.namespace = namespace
        self._proxy = proxy or Proxy(self)

    def inside(self, namespace):
        return Kubectl(self._program, self._kubeconfig, namespace, self._proxy)

    def command(self, *argv):
        scope = ["--namespace", self.namespace] if self.namespace else []
        return [self._program, "--kubeconfig", self._kubeconfig, *scope, *map(str, argv)]

    def try_run(self, *argv, stdin=None, timeout=120):
        return subprocess.run(
            self.command(*argv), input=stdin, capture_output=True, text=True, timeout=timeout
        )

    def run(self, *argv, stdin=None, timeout=120):
        done = self.try_run(*argv, stdin=stdin, timeout=timeout)
        if done.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(map(str, argv))}: {done.stderr.strip()}")
        return done.stdout

    # Objects.

    def get(self, *what):
        return json.loads(self.run("get", *what, "--output=json"))

    def items(self, *what):
        return self.get(*what)["items"]

    def apply(self, *objects):
        everything = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.run("apply", "--filename=-", stdin=json.dumps(everything))

    def patch(self, what, patch, kind="merge"):
        self.run("patch", what, f"--type={kind}", f"--patch={json.dumps(patch)}")

    def wait(self, *argv, within=60):
        """`kubectl wait`: for conditions, deletion or a value, by a watch."""
        self.run("wait", *argv, f"--timeout={within}s", timeout=within + 30)

    # Plain requests, which cost no process each and so can be repeated often.

    def raw(self, path):
        """Status and body of a GET of the API server."""
        return self._proxy.get(path)

    def close(self):
        self._proxy.close()


class Proxy:
    """`kubectl proxy` on a Unix socket: it knows how to log in, whatever the kubeconfig says."""

    def __init__(self, kubectl):
        self._kubectl = kubectl
        self._process = None
        self._directory = None

    def get(self, path, timeout=20):
        if self._process is None:
            self._start()
        client = http.client.HTTPConnection("localhost")  # it forbids any other name
        client.sock = socket.socket(socket.AF_UNIX)
        client.sock.settimeout(timeout)
        with client.sock:
            client.sock.connect(self._path)
            client.request("GET", path)
            response = client.getresponse()
            return response.status, response.read().decode()

    def _start(self):
        self._directory = tempfile.TemporaryDirectory(prefix="drainbow-test-")
        self._path = str(pathlib.Path(self._directory.name) / "api")
        self._process = subprocess.Popen(
            self._kubectl.command("proxy", f"--unix-socket={self._path}"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        until(self._answers, "kubectl proxy to answer", 10)

    def _answers(self):
        if self._process.poll() is not None:
            raise KubectlError(f"kubectl proxy ended with {self._process.returncode}")
        try:
            return self.get("/version")[0] == 200
        except OSError:
            return False

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._directory.cleanup()
