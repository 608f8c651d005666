"""A label is edited on a pod that runs: its agent follows, without a restart."""

import time

import pytest

from traffic import all_live
from waiting import until

# A change of the pod makes kubelet sync it, which writes the file anew, within a second as a rule;
# what this misses the next regular sync brings, after about a minute.
VOLUME_DELAY = 120


def test_a_color_label_edited_on_a_live_pod(demo, kubectl, sessions):
    color = demo.install("aa0001", replicas=1)
    demo.serve(color)
    (name,) = color.pod_names()
    stay = sessions.open(demo.address, demo.port("tcp"), 3)
    color.wait_for_open(3)
    (before,) = color.wait_for_verdict("selected")

    # Its ReplicaSet lets it go, and makes another pod.
    label(kubectl, name, color="out")
    document = follows(color, name, "draining", "out")
    assert document["selection"]["state"] == "deselected"
    assert document["connections"]["open"] == 3
    (other,) = (one for one in color.pod_names() if one != name)
    color.wait_for_verdict("selected", names=[other])

    label(kubectl, name, color=color.color)
    document = follows(color, name, "selected", color.color)
    assert document["selection"]["deselected_for"] is None
    assert document["agent"]["uptime"] > before["agent"]["uptime"]
    all_live(stay)


def label(kubectl, pod, **labels):
    pairs = [f"{key}={value}" for key, value in labels.items()]
    kubectl.run("label", "--overwrite", "pod", pod, *pairs)


def follows(color, name, verdict, label):
    began = time.monotonic()
    (document,) = color.wait_for_verdict(verdict, within=VOLUME_DELAY, names=[name])
    assert document["pod"]["labels"]["color"] == label
    print(f"{verdict} {time.monotonic() - began:.1f} s after the label was {label}")
    return document
