"""Settings from the environment and a file."""

import os
import tempfile
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

EXPECTED = [7, "from the file", {"host": "h", "port": 5}, "**********"]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="COMPAT_", env_nested_delimiter="__")
    number: int
    text: str = "default"
    server: dict[str, int | str] = Field(default_factory=dict)
    secret: SecretStr = SecretStr("x")


def use():
    os.environ |= {"COMPAT_NUMBER": "7", "COMPAT_SERVER": '{"host": "h", "port": 5}'}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, ".env")
        file.write_text("COMPAT_TEXT='from the file'\nCOMPAT_NUMBER=8\n")
        found = Settings(_env_file=file)
    return [found.number, found.text, found.server, str(found.secret)]
