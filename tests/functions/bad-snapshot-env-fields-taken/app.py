from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    table: str = "none"
    extra: str = "none"

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **others):
        def more():
            return {"extra": env_settings.env_vars.get("my_extra", "none")}

        return init_settings, more, env_settings


settings = Settings()


def handler(event, context):
    return settings.model_dump()
