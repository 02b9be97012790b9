"""Options that many commands share."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
Reason = Annotated[str, typer.Option("--why", help="The reason, kept for ever.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; whoever is logged in, if left out.")]
