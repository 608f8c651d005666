"""A Prometheus on loopback, which runs what docs/monitoring.md tells."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import textwrap
import urllib.parse

from cluster import HERE, REPOSITORY
from waiting import until


class Guide:
    """The code blocks of docs/monitoring.md."""

    def __init__(self):
        text = (REPOSITORY / "docs/monitoring.md").read_text()
        blocks = re.findall(r"(?:^ {4}.*\n(?:\n(?= {4}))?)+", text, re.MULTILINE)
        blocks = [textwrap.dedent(block) for block in blocks]
        (self.scrape_job,) = (one for one in blocks if one.startswith("- job_name:"))
        (self.rules,) = (one for one in blocks if one.startswith("groups:"))
        (queries,) = (one for one in blocks if one.startswith("#"))
        # By the comment that each of them has.
        self.queries = {
            comment: query
            for comment, query in re.findall(r"^# (.*)\n((?:(?!#).*\n?)+)", queries, re.MULTILINE)
        }


def targets(pod):
    """As the role `pod` of Prometheus's discovery has them: one for each port of a container, with
    what is known of the pod."""
    metadata, prefix = pod["metadata"], "__meta_kubernetes"
    of_pod = {f"{prefix}_namespace": metadata["namespace"], f"{prefix}_pod_name": metadata["name"]}
    for key, value in metadata["labels"].items():
        of_pod[f"{prefix}_pod_label_{re.sub('[^a-zA-Z0-9_]', '_', key)}"] = value
    return [
        {
            "targets": [f"{pod['status']['podIP']}:{port['containerPort']}"],
            "labels": {**of_pod, f"{prefix}_pod_container_port_name": port["name"]},
        }
        for container in pod["spec"]["containers"] + pod["spec"]["initContainers"]
        for port in container.get("ports", [])
    ]


class Prometheus(contextlib.AbstractContextManager):
    """Scrapes by the guide's job, and judges by its rules. Debian's has no discovery in Kubernetes,
    so the pods are told to it, in the terms of that."""

    def __init__(self, directory):
        self._directory = directory
        guide = Guide()
        discovery = "file_sd_configs: [{files: [pods.json], refresh_interval: 1s}]"
        job = guide.scrape_job.replace("kubernetes_sd_configs: [{role: pod}]", discovery)
        assert discovery in job
        (directory / "rules.yml").write_text(guide.rules)
        (directory / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            "rule_files: [rules.yml]\n"
            "scrape_configs:\n" + textwrap.indent(job, "  ")
        )

    def discover(self, pods):
        text = json.dumps([target for pod in pods for target in targets(pod)])
        (self._directory / "new").write_text(text)
        (self._directory / "new").rename(self._directory / "pods.json")

    def __enter__(self):
        program = subprocess.check_output([HERE / "node/prometheus.sh"], text=True).strip()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._log = (self._directory / "log").open("w+")
        self._process = subprocess.Popen(
            [
                program,
                f"--config.file={self._directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        until(self._is_ready, lambda: f"Prometheus; it says: {self._said()}")
        return self

    def _is_ready(self):
        assert self._process.poll() is None, f"Prometheus has ended: {self._said()}"
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def _said(self):
        self._log.seek(0)
        return self._log.read()

    def _get(self, path):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, 10)) as client:
            client.request("GET", path)
            response = client.getresponse()
            return response.status, response.read()

    def _data(self, path):
        status, body = self._get(f"/api/v1/{path}")
        assert status == 200, f"{path}: {status}: {body}"
        return json.loads(body)["data"]

    def query(self, expression, *labels):
        """The values now, each by those labels of its series; by the only one's value."""
        found = {}
        for one in self._data(f"query?{urllib.parse.urlencode({'query': expression})}")["result"]:
            key = tuple(one["metric"].get(label) for label in labels)
            key = key[0] if len(key) == 1 else key
            assert key not in found, f"two series for {key}: {expression}"
            found[key] = float(one["value"][1])
        return found

    def rules(self):
        return [rule for group in self._data("rules")["groups"] for rule in group["rules"]]

    def alerts(self):
        """(alert, color) of those that are pending or firing."""
        alerts = self._data("alerts")["alerts"]
        return {(one["labels"]["alertname"], one["labels"].get("color")) for one in alerts}

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._log.close()
