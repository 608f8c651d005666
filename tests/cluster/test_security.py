"""What the pods may do: as little as Pod Security's level `restricted` allows, and of the API
server nothing but which Services there are."""

import json
import pathlib

import pytest

from demo import AGENT, APP, container
from kubectl import KubectlError
from node_view import cgroup

TOKEN = "var/run/secrets/kubernetes.io/serviceaccount/token"
ENFORCE = "pod-security.kubernetes.io/enforce=restricted"


def enforce_restricted(kubectl):
    kubectl.run("label", "namespace", kubectl.namespace, ENFORCE)


def process(pod, name):
    """/proc/PID of a container's one process, as the node sees it."""
    (pid,) = (cgroup(pod, name) / "cgroup.procs").read_text().split()
    return pathlib.Path("/proc") / pid


def has_token(pod, name):
    token = process(pod, name) / "root" / TOKEN
    return token.is_file() and token.read_text().count(".") == 2


@pytest.mark.smoke
def test_the_pods_run_where_restricted_is_enforced(demo, kubectl):
    enforce_restricted(kubectl)
    color = demo.install("aa0001", replicas=1)
    demo.serve(color)
    color.wait_for_verdict("selected")


@pytest.mark.parametrize("part", [AGENT, APP])
def test_restricted_is_really_enforced(demo, kubectl, part):
    enforce_restricted(kubectl)
    (deployment,) = (one for one in demo.objects("aa0001") if one["kind"] == "Deployment")
    del container(deployment, part)["securityContext"]["capabilities"]
    template = deployment["spec"]["template"]
    metadata = {**template["metadata"], "name": "any", "namespace": kubectl.namespace}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    create = ["create", "--dry-run=server", "--filename=-"]
    with pytest.raises(KubectlError, match="violates PodSecurity .restricted:latest.*capabilities"):
        kubectl.run(*create, stdin=json.dumps(pod))


@pytest.mark.node
def test_what_the_processes_are(demo):
    color = demo.install("aa0001", replicas=1)
    (pod,) = color.pods()
    for name in (AGENT, APP):
        directory = process(pod, name)
        text = (directory / "status").read_text()
        status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        assert status["Uid"].split() == status["Gid"].split() == ["65532"] * 4, name
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == 0, f"{name}: {kind} {status[kind]}"
        assert status["NoNewPrivs"] == "1", name
        assert status["Seccomp"] == "2", name  # a filter
        mounts = dict(mount(line) for line in (directory / "mountinfo").read_text().splitlines())
        assert "ro" in mounts["/"], name
    assert not has_token(pod, APP) and has_token(pod, AGENT)


def mount(line):
    """Mount point and options of a line of mountinfo."""
    fields = line.split()
    return fields[4], fields[5].split(",")


@pytest.mark.node
@pytest.mark.parametrize("app_has_token", [True, False])
def test_any_service_account_will_do(demo, kubectl, app_has_token):
    """The app's own needs neither a permission nor a token for the agent's sake."""

    def change(deployment):
        spec = deployment["spec"]["template"]["spec"]
        spec["serviceAccountName"] = "shop"
        spec["automountServiceAccountToken"] = app_has_token

    metadata = {"name": "shop", "namespace": kubectl.namespace}
    kubectl.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    color = demo.install("aa0001", replicas=1, change=change)
    color.wait_for_verdict("standby")
    demo.serve(color)
    color.wait_for_verdict("selected")
    (pod,) = color.pods()
    assert has_token(pod, APP) == app_has_token and has_token(pod, AGENT)


def rules(kubectl, account):
    """All that a ServiceAccount may do in this namespace: (verb, group, resource, name). The API
    server calls it incomplete: what it lets kubelets do is not in such lists."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": kubectl.namespace},
    }
    user = f"--as=system:serviceaccount:{account}"
    create = ["create", user, "--validate=false", "--output=json", "--filename=-"]
    status = json.loads(kubectl.run(*create, stdin=json.dumps(review)))["status"]
    return {
        (verb, group, resource, name)
        for rule in status["resourceRules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
    }


def test_the_agent_may_list_and_watch_services_and_nothing_else(demo, kubectl):
    inside = f"{kubectl.namespace}:default"
    before = rules(kubectl, inside)
    (role, binding) = (one for one in demo.objects("aa0001") if one["kind"].startswith("Role"))
    kubectl.apply(role, binding)
    services = {(verb, "", "services", "") for verb in ("list", "watch")}
    assert rules(kubectl, inside) - before == services
    # Those of this namespace only, and whichever of its ServiceAccounts it is.
    assert services <= rules(kubectl, f"{kubectl.namespace}:shop")
    assert not services & rules(kubectl, "kube-system:default")
    for other in ("get services", "list pods", "list secrets", "patch services", "list endpoints"):
        assert not may(kubectl, inside, *other.split()), other
    assert may(kubectl, inside, "list", "services")
    everywhere = kubectl.inside("kube-system")
    assert not may(everywhere, inside, "list", "services")


def may(kubectl, account, *action):
    user = f"--as=system:serviceaccount:{account}"
    answer = kubectl.try_run("auth", "can-i", user, *action).stdout.strip()
    assert answer in ("yes", "no"), answer
    return answer == "yes"
