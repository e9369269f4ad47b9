from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict


class Database(BaseModel):
    host: str = "localhost"
    port: int = 5432


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="SHOP_", env_nested_delimiter="__", env_file=".env"
    )
    table: str = "none"
    retries: int = 3
    database: Database = Database()


class Exact(BaseSettings, case_sensitive=True):
    Stage: str = "none"


settings = Settings()
exact = Exact()


def handler(event, context):
    return settings.model_dump() | exact.model_dump()
