"""Every group of settings that the rooms read from the environment, vendors' own apart."""

from pydantic_settings import BaseSettings

from pipelines.stitch.attribution.settings import AttributionSettings
from pipelines.stitch.lens.settings import LensSettings
from pipelines.stitch.suggest.settings import SuggestSettings
from pipelines.understand.policy import Policy
from pipelines.understand.settings import LanguageModelSettings
from pipelines.workspace import WorkspaceSettings
from pipelines.write_back.limits import Limits

SETTINGS: tuple[type[BaseSettings], ...] = (
    WorkspaceSettings, SuggestSettings, AttributionSettings, LensSettings, Policy, LanguageModelSettings, Limits,
)  # fmt: skip
