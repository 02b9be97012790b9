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
    timeout_seconds: float = Field(default=120.0, gt=0)
    """Longest wait for one answer; the SDKs would wait ten minutes."""
    reasks: int = Field(default=2, ge=0, le=10)
    """Times that an answer which its text does not bear out is given back to be mended. Each costs the whole conversation again."""
    resends: int = Field(default=4, ge=0, le=20)
    """Times that a request is sent again when nobody answered: half a minute in all with the four of the default."""
    max_length: int = Field(default=24_000, ge=2_000)
    """Characters of a text in one request, some 6,000 tokens. A longer text is read in parts that overlap, all or none of them."""
    redact: bool = True
    """Whether names, addresses, numbers and ids are replaced by pseudonyms before a text is sent. Leave it on for others' servers."""
    presidio: str | None = None
    """A spaCy pipeline, by name or folder (`en_core_web_lg`), with which Presidio looks for more names and places to replace; wants the extra."""
    hosts: dict[str, list[str]] = Field(default_factory=dict)
    """Hosts that texts of a region may be sent to: `{"eu": ["eu.api.openai.com"]}`. Empty: any. A host that is not here is refused."""
    max_tokens_per_run: int | None = Field(default=None, ge=1)
    """Tokens both ways after which a run asks for no further text; those already asked for are read to the end."""
    max_tokens_per_day: int | None = Field(default=None, ge=1)
    """The same over all runs of a day, UTC, counted from the readings kept in the store."""
