from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    table: str = "none"
    retries: int = 3


settings = Settings()
