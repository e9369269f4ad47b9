"""Names, links and a model card, without a network."""

import tempfile

from huggingface_hub import HfApi, ModelCard, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

EXPECTED = ["/org/name/resolve/main/a.json", "mit", "refused", True]


def use():
    url = hf_hub_url("org/name", "a.json")
    card = ModelCard("---\nlicense: mit\ntags: [x]\n---\n# Title\n")
    try:
        validate_repo_id("not//valid")
        last = "accepted"
    except HFValidationError:
        last = "refused"
    with tempfile.TemporaryDirectory() as folder:
        cached = try_to_load_from_cache("org/name", "a.json", cache_dir=folder)
    assert HfApi().endpoint.startswith("https://")
    return ["/" + url.split("/", 3)[3], card.data.license, last, cached is None]
