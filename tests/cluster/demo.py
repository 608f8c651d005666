"""The demo in a namespace of its own: the project's manifests, with the names of a test put in.

The manifests are written for the color 808080 in the namespace `default`. All colors here run one
image and get their color by an environment variable; test_walk_through.py and test_colors.py build
images of their own. NodePorts are the cluster's, so each test takes some of its own.
"""

import functools
import json
import os
import pathlib
import random
import re
import tempfile
import time

import agent
from cluster import REPOSITORY
from kubectl import KubectlError
from traffic import wait_until_answering
from waiting import until

MANIFESTS = REPOSITORY / "manifests"
COLOR, NAMESPACE = "808080", "default"
APP, AGENT = "color-server", "drainbow-agent"
# Short, since tests wait for it; see --quiet-period.
QUIET_PERIOD = "3s"
NODE_PORTS = range(30100, 31000)


@functools.cache
def manifests(kubectl, components=()):
    """The objects of manifests/demo with these of manifests/components, as JSON text."""
    with tempfile.TemporaryDirectory() as directory:
        # kustomize takes relative paths only.
        root = os.path.relpath(MANIFESTS, os.path.realpath(directory))
        kustomization = {
            "resources": [f"{root}/demo"],
            "components": [f"{root}/components/{name}" for name in components],
        }
        path = pathlib.Path(directory) / "kustomization.yaml"
        path.write_text(json.dumps(kustomization))
        made = kubectl.run("kustomize", directory)
    create = ["create", "--dry-run=client", "--output=json", "--filename=-"]
    return kubectl.inside(NAMESPACE).run(*create, stdin=made)


def render(text, color, namespace):
    text = re.sub(f"(?<!:){COLOR}", color, text)  # an image's tag stays
    group = "system:serviceaccounts:"
    text = text.replace(group + NAMESPACE, group + namespace)
    # kubectl prints a List, or the objects one after the other, depending on its version.
    objects, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        made, end = decoder.raw_decode(text)
        objects += made["items"] if made["kind"] == "List" else [made]
        text = text[end:]
    for one in objects:
        one["metadata"]["namespace"] = namespace
    return objects


def container(deployment, name):
    spec = deployment["spec"]["template"]["spec"]
    (found,) = (
        one for one in spec["containers"] + spec.get("initContainers", []) if one["name"] == name
    )
    return found


def set_environment(deployment, name, variables):
    environment = container(deployment, name).setdefault("env", [])
    environment[:] = [one for one in environment if one["name"] not in variables]
    environment += [{"name": key, "value": str(value)} for key, value in variables.items()]


class Color:
    """One color's Deployment and its pods."""

    def __init__(self, demo, color, deployment):
        self._kubectl = demo.kubectl
        self.color = color
        self.name = deployment["metadata"]["name"]
        self.labels = deployment["spec"]["template"]["metadata"]["labels"]
        self.selector = ",".join(
            f"{key}={value}" for key, value in deployment["spec"]["selector"]["matchLabels"].items()
        )
        self.replicas = deployment["spec"]["replicas"]

    def is_ready(self, within=60):
        self._kubectl.run("rollout", "status", f"deployment/{self.name}", f"--timeout={within}s")
        return self

    def pods(self):
        return self._kubectl.items("pods", f"--selector={self.selector}")

    def pod_names(self):
        return [pod["metadata"]["name"] for pod in self.pods()]

    def pod(self, name):
        return self._kubectl.get("pod", name)

    def delete(self):
        self._kubectl.run("delete", "deployment", self.name, "--wait=false")

    # What its agents say.

    def documents(self, names=None):
        """One document a pod, None where there is none."""
        return [agent.try_document(self._kubectl, name)[0] for name in names or self.pod_names()]

    def wait_for(self, predicate, what, within=30, names=None):
        """The documents of all pods, or of these, once the predicate holds for each of them."""
        names, seen = names or self.pod_names(), {}
        assert names, f"{self.name} has no pods"

        def holds():
            seen["documents"] = self.documents(names)
            return all(one and predicate(one) for one in seen["documents"])

        def failed():
            return f"{what} in each pod; the last: {[agent.summary(d) for d in seen['documents']]}"

        until(holds, failed, within)
        return seen["documents"]

    def wait_for_verdict(self, verdict, reason=None, within=30, names=None):
        return self.wait_for(
            lambda document: document["verdict"] == verdict
            and (reason is None or reason in agent.codes(document)),
            f"{verdict} {reason or ''}",
            within,
            names,
        )

    def open_connections(self):
        return sum(document["connections"]["open"] for document in self.documents())

    def wait_for_open(self, count, within=30):
        until(
            lambda: self.open_connections() == count,
            lambda: f"{count} open connections, not {self.open_connections()}",
            within,
        )


class Demo:
    """The demo's Service and its colors, in the namespace of one test."""

    def __init__(self, cluster, kubectl):
        self._cluster = cluster
        self.kubectl = kubectl
        self.address = cluster.address
        self.service = "drainbow-demo"
        self._ports = None

    def objects(self, color, components=()):
        text = manifests(self._cluster.kubectl, tuple(components))
        return render(text, color, self.kubectl.namespace)

    def find(self, color):
        """A color that `make install` has brought."""
        return Color(self, color, self.kubectl.get("deployment", f"{self.service}-{color}"))

    def install(self, color, replicas=2, agent_env=None, change=None, components=()):
        """A color beside the others, its pods Ready, but no Service. `change` may edit the
        Deployment before it is applied."""
        deployment, others = None, []
        for one in self.objects(color, components):
            if one["kind"] == "Deployment":
                deployment = one
            elif one["kind"] != "Service":
                others.append(one)
        deployment["spec"]["replicas"] = replicas
        set_environment(deployment, APP, {"DRAINBOW_COLOR": color})
        fast = {"DRAINBOW_QUIET_PERIOD": QUIET_PERIOD, **(agent_env or {})}
        set_environment(deployment, AGENT, fast)
        if change:
            change(deployment)
        self.kubectl.apply(*others, deployment)
        return Color(self, color, deployment).is_ready()

    def serve(self, color):
        """Makes the Service, selecting this color."""
        (service,) = (one for one in self.objects(color.color) if one["kind"] == "Service")
        self._apply_with_free_ports(service)
        wait_until_answering(self.address, self.port("tcp"), color.color)

    def _apply_with_free_ports(self, service):
        """Not with those that the API server chooses: it might hand out the walk-through's."""
        ports = service["spec"]["ports"]
        for attempt in range(5):
            for port, number in zip(ports, random.sample(NODE_PORTS, len(ports))):
                port["nodePort"] = number
            try:
                return self.kubectl.apply(service)
            except KubectlError as error:
                if "already allocated" not in str(error) or attempt == 4:
                    raise

    def switch_to(self, color):
        """Points the Service at a color; the time when the API server had it."""
        self.kubectl.patch(f"service/{self.service}", {"spec": {"selector": {"color": color}}})
        return time.monotonic()

    def port(self, name):
        """The NodePort of the Service's port `http` or `tcp`."""
        if self._ports is None:
            spec = self.kubectl.get("service", self.service)["spec"]
            self._ports = {port["name"]: port["nodePort"] for port in spec["ports"]}
        return self._ports[name]
