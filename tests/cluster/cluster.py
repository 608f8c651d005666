"""The cluster under test: the node of node/up.sh, or the disposable one of another kubeconfig."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from kubectl import Kubectl
from waiting import until

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
STATE = pathlib.Path(os.environ.get("CLUSTER_STATE") or "/tmp/drainbow-cluster")
GIVEN = os.environ.get("DRAINBOW_TEST_KUBECONFIG")


class Cluster:
    def __init__(self):
        self.is_ours = not GIVEN
        self.kubeconfig = pathlib.Path(GIVEN or STATE / "kubeconfig/admin")
        self.programs = STATE / "bin"  # where is_ours
        program = shutil.which("kubectl") if GIVEN else self.programs / "kubectl"
        self.kubectl = Kubectl(program, self.kubeconfig)
        self._addresses = None

    @property
    def address(self):
        """Where NodePorts answer."""
        if self._addresses is None:
            nodes = self.kubectl.items("nodes")
            self._addresses = [
                address["address"]
                for node in nodes
                for address in node["status"]["addresses"]
                if address["type"] == "InternalIP"
            ]
        return self._addresses[0]

    # The node's own processes; up.sh has started them.

    def pid_of(self, component):
        return int((STATE / "pid" / component).read_text())

    def freeze(self, component):
        os.kill(self.pid_of(component), signal.SIGSTOP)

    def thaw(self, component):
        os.kill(self.pid_of(component), signal.SIGCONT)

    def kill(self, component):
        """SIGKILL: asked politely, the API server would serve its watches for another minute."""
        pid = self.pid_of(component)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not is_running(pid), f"the end of {component}")

    def repair(self):
        """Thaws what is frozen and starts what was killed; returns when the node is whole again."""
        for component in (STATE / "pid").iterdir():
            with contextlib.suppress(ProcessLookupError):
                self.thaw(component.name)
        environment = {**os.environ, **self.settings()}
        done = subprocess.run(
            [HERE / "node/up.sh"], capture_output=True, text=True, env=environment, timeout=120
        )
        if done.returncode != 0:
            raise RuntimeError(f"up.sh: {done.stderr.strip()}")

    def restart_clients(self):
        """The API server's own. Left alone, they wait for up to a minute after an outage."""
        for component in ("kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"):
            self.kill(component)
        self.repair()

    def settings(self):
        """What up.sh was told when it made this cluster."""
        _, kube, _, _, mode, *_ = (STATE / "settings").read_text().replace(",", "").split()
        return {"KUBE": kube, "PROXY_MODE": mode, "CLUSTER_STATE": str(STATE)}


def is_running(pid):
    """A process that has ended but was not waited for does not run."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
