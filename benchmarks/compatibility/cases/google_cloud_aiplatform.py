"""Messages of the service, its clients and a path."""

from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from google.cloud.aiplatform_v1 import ModelServiceClient, types

EXPECTED = ["projects/p/locations/l/models/m", {"name": "n", "displayName": "d"}, "europe-west1"]


def use():
    path = ModelServiceClient.model_path("p", "l", "m")
    model = types.Model.deserialize(types.Model.serialize(types.Model(name="n", display_name="d")))
    aiplatform.init(project="p", location="europe-west1", credentials=AnonymousCredentials())
    values = {"name": model.name, "displayName": model.display_name}
    return [path, values, aiplatform.initializer.global_config.location]
