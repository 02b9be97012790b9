"""The clients of language models' providers: keys, hosts, and how each is made to answer in a schema.

With `language_model.py`, `offline.py` and `batch_api.py` the only module that imports the SDKs and instructor.
"""

import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from anthropic import APIConnectionError as AnthropicIsLost
from anthropic import AsyncAnthropic
from instructor import AsyncInstructor, from_provider
from instructor import Mode as InstructorMode
from instructor.core.exceptions import InstructorError
from instructor.v2.core.patch import patch_v2
from openai import APIConnectionError as OpenAIIsLost
from openai import AsyncOpenAI

from pipelines.understand.extractor import ExtractorUnusable
from pipelines.understand.settings import LanguageModelSettings, Mode

LOST = (OpenAIIsLost, AnthropicIsLost, httpx.TransportError, OSError)
"""How SDKs say that there is no connection: the two that ship, and what others let through."""
KEYS = {
    "anthropic": "ANTHROPIC_API_KEY", "cerebras": "CEREBRAS_API_KEY", "cohere": "CO_API_KEY", "deepseek": "DEEPSEEK_API_KEY",
    "fireworks": "FIREWORKS_API_KEY", "google": "GOOGLE_API_KEY", "groq": "GROQ_API_KEY", "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY", "openrouter": "OPENROUTER_API_KEY", "perplexity": "PERPLEXITY_API_KEY", "together": "TOGETHER_API_KEY",
    "writer": "WRITER_API_KEY", "xai": "XAI_API_KEY",
}  # fmt: skip
"""Where each provider's SDK looks for a key by itself; one that is missing here says so in its own words."""
NO_KEY = "none"
"""What a server of one's own is sent where it asks for no key."""
QUIET = {"instructor": logging.CRITICAL + 1, "openai": logging.WARNING, "anthropic": logging.WARNING}
"""Below these levels they log requests, and instructor whole errors: customers' words."""


Send = Callable[..., Awaitable[Any]]
"""What an SDK's `create` is: takes the body of a request as arguments, gives the provider's answer."""


def connect(settings: LanguageModelSettings, send: Send | None = None) -> AsyncInstructor:
    """The client of the model's provider. Errors: ExtractorUnusable, in one sentence.

    Shape: `send` is given every request in place of the provider, as it would go out, and answers in the SDK's own objects.
    """
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    name = settings.name or ""
    provider = name.partition("/")[0]
    if provider == "litellm":  # instructor 1.17 drops the model's name
        raise ExtractorUnusable(
            "SIDECAR_LLM cannot go through litellm; name the provider itself, or openai/MODEL with SIDECAR_LLM_BASE_URL."
        )
    mode = settings.mode or (Mode.json_schema if settings.base_url and provider == "openai" else None)
    try:
        client = from_provider(
            name,
            async_client=True,
            mode=InstructorMode[mode.upper()] if mode else None,
            api_key=_key(settings, provider),
        )
    except (InstructorError, ImportError) as error:
        raise ExtractorUnusable(
            f"SIDECAR_LLM (on the sandbox SIDECAR_PRACTICE_LLM) names {name!r}, which cannot be used: {error}"
        ) from error
    sdk = client.client
    if isinstance(sdk, AsyncOpenAI | AsyncAnthropic):
        sdk.max_retries, sdk.timeout = 0, settings.timeout_seconds
        if settings.base_url:
            sdk.base_url = settings.base_url
    elif settings.base_url:
        raise ExtractorUnusable(
            f"SIDECAR_LLM_BASE_URL cannot be used with {name}; name the model openai/MODEL, or unset it."
        )
    if settings.hosts and not regions(settings, client):
        raise ExtractorUnusable(
            f"{name} would be asked at {host(client) or 'a host that cannot be told'}, which SIDECAR_LLM_HOSTS does not allow; add it there, or name another model."
        )
    if send:
        model = name.partition("/")[2]
        client.create_fn = patch_v2(send, provider=client.provider, mode=client.mode, default_model=model)
    return client


def host(client: AsyncInstructor) -> str | None:
    """The host that is sent texts; None where an SDK does not say."""
    sdk = client.client
    return sdk.base_url.host if isinstance(sdk, AsyncOpenAI | AsyncAnthropic) else None


def regions(settings: LanguageModelSettings, client: AsyncInstructor) -> frozenset[str] | None:
    """Regions whose texts the host may be sent; None for all of them."""
    if not settings.hosts:
        return None
    return frozenset(region for region, allowed in settings.hosts.items() if host(client) in allowed)


def _key(settings: LanguageModelSettings, provider: str) -> str | None:
    """The key to send; None leaves it to the SDK. Another host never gets the provider's own key."""
    if settings.api_key:
        return settings.api_key.get_secret_value()
    if settings.base_url:
        return NO_KEY
    variable = KEYS.get(provider)
    if variable and not os.environ.get(variable):
        raise ExtractorUnusable(
            f"SIDECAR_LLM (on the sandbox SIDECAR_PRACTICE_LLM) names {settings.name}, which needs a key: set SIDECAR_LLM_API_KEY or {variable}."
        )
    return None
