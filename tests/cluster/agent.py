"""What the agents of a color say: their documents, read through the API server's pod proxy, or
directly."""

import contextlib
import http.client
import json

PORT = 9911


def try_document(kubectl, pod):
    """The agent's document, or None and why there is none."""
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}:{PORT}/proxy/status"
    try:
        status, body = kubectl.raw(path)
    except OSError as error:
        return None, str(error)
    if status != 200:
        return None, f"{status}: {body.strip()}"
    return json.loads(body), ""


def ask(address, path="/status"):
    """Status and document of the agent at a pod's address, which the host reaches on our node."""
    client = http.client.HTTPConnection(address, PORT, timeout=5)
    with contextlib.closing(client):
        client.request("GET", path)
        response = client.getresponse()
        return response.status, json.loads(response.read())


def document_from_pod(kubectl, pod, address="127.0.0.1"):
    """The document of the agent at this address, as a client inside `pod` gets it."""
    probe = ["/drainbow-probe", "status", "--json", f"--agent={address}:{PORT}"]
    done = kubectl.try_run("exec", pod, "--container=drainbow-agent", "--", *probe)
    assert done.stdout, f"drainbow-probe in {pod}: {done.stderr}"
    return json.loads(done.stdout)


def codes(document):
    return [reason["code"] for reason in document["reasons"]]


def summary(document):
    """What a failed test says of a document, in one line."""
    if document is None:
        return "no document"
    reasons = "; ".join(reason["message"] for reason in document["reasons"])
    return f"{document['pod']['name']}: {document['verdict']} ({reasons})"
