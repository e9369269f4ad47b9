"""Reads a configuration and an object."""

import json

from kubernetes import client, config

EXPECTED = ["https://127.0.0.1:6443", "web", 3, {"name": "x", "image": "i"}]
CONFIG = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: "https://127.0.0.1:6443"}}]
users: [{name: u, user: {token: t}}]
"""
POD = {"items": [{"metadata": {"name": "web"}, "spec": {"containers": []}}] * 3}


class Response:
    data = json.dumps(POD)


def use():
    import yaml

    options = client.Configuration()
    config.load_kube_config_from_dict(yaml.safe_load(CONFIG), client_configuration=options)
    with client.ApiClient(options) as api:
        try:
            pods = api.deserialize(Response, "V1PodList")
        except TypeError:
            pods = api.deserialize(Response.data, "V1PodList", "application/json")
        container = api.sanitize_for_serialization(client.V1Container(name="x", image="i"))
    return [options.host, pods.items[0].metadata.name, len(pods.items), container]
