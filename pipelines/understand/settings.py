"""Which language model reads, if any, and how much it may cost."""

from enum import StrEnum

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Mode(StrEnum):
    """How a model is made to answer in the schema; not every server can do every one."""

    tools = "tools"
    json_schema = "json_schema"
    json = "json"


class LanguageModelSettings(BaseSettings):
    """Variables that start with SIDECAR_LLM; without SIDECAR_LLM itself the embedded extractor reads."""

    model_config = SettingsConfigDict(
        env_prefix="SIDECAR_LLM_", extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    name: str | None = Field(default=None, validation_alias="SIDECAR_LLM")
    """The model in instructor's form, `provider/model`: `anthropic/claude-sonnet-4-6`, `openai/gpt-5.4-mini`, `ollama/llama3.1`."""
    base_url: str | None = Field(default=None, pattern=r"^https?://[^\s@]+$")
    """Another host that speaks the provider's protocol; for llama.cpp, vLLM or LM Studio: `openai/NAME` and `http://127.0.0.1:8080/v1`."""
    api_key: SecretStr | None = None
    """The key. Where it is empty the provider's usual variable counts (OPENAI_API_KEY, ANTHROPIC_API_KEY), but never for another host."""
    mode: Mode | None = None
    """Empty: `json_schema` with an OpenAI-compatible host, which rarely knows tools, else what suits the provider."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """Texts that are with the model at the same time."""
    max_tokens_per_run: int | None = Field(default=None, ge=1)
    """Tokens both ways after which a run asks for no further text; those already asked for are read to the end."""
    max_tokens_per_day: int | None = Field(default=None, ge=1)
    """The same over all runs of a day, UTC, counted from the readings kept in the store."""
