"""Deployments by REST, of which the sandbox takes those that only check custom fields; each is done at the second look.

Source: Metadata API developer guide 63.0, "Deploy Metadata with Apex Testing Using REST", "Check Status of Deployment", "DeployResult",
"CustomObject".
"""

import io
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any
from xml.etree import ElementTree as ET

import orjson

from sandbox.salesforce import tooling
from sandbox.salesforce.custom_fields import read_metadata
from sandbox.salesforce.errors import Refusal, RowRefusal, malformed, not_found
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.state import SalesforceState

SPACE = "{http://soap.sforce.com/2006/04/metadata}"
REPEATED = frozenset({"value"})
"""Elements that stand for one entry of a list."""

Json = dict[str, Any]


class Deployments:
    """The deployments of one org; each is worked off when it is first looked at."""

    def __init__(self, state: SalesforceState) -> None:
        self._state = state
        self._results: dict[str, Json] = {}
        self._looked: set[str] = set()

    def begin(self, content_type: str, body: bytes) -> Json:
        """Check the fields of a package. Refusal for a request that is none, or that would do more than check."""
        parts = _parts(content_type, body)
        options = orjson.loads(parts["json"])["deployOptions"]
        if not options.get("checkOnly"):
            raise malformed("the sandbox deploys nothing; it only checks (checkOnly)")
        deployment = make_id("0Af", len(self._results) + 1)
        self._results[deployment] = self._result(deployment, parts["file"])
        return {"id": deployment, "deployOptions": options, "deployResult": None, "validatedDeployRequestId": None}

    def look(self, deployment: str, *, details: bool) -> Json:
        """How a deployment stands."""
        result = self._results.get(deployment)
        if result is None:
            raise not_found()
        if deployment not in self._looked:
            self._looked.add(deployment)
            result = {"id": deployment, "status": "InProgress", "done": False, "success": False, "checkOnly": True}
        shown = {key: value for key, value in result.items() if details or key != "details"}
        return {"id": deployment, "deployResult": shown, "validatedDeployRequestId": None}

    def _result(self, deployment: str, content: bytes) -> Json:
        told = list(self._checked(content))
        failures = [one for one in told if one["problem"]]
        return {
            "id": deployment, "status": "Failed" if failures else "Succeeded", "done": True, "success": not failures, "checkOnly": True,
            "numberComponentsTotal": len(told), "numberComponentErrors": len(failures),
            "details": {"componentFailures": failures, "componentSuccesses": [one for one in told if not one["problem"]]},
        }  # fmt: skip

    def _checked(self, content: bytes) -> Iterator[Json]:
        """What is said of each component: of the manifest for a member without a file, of a field for its definition."""
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            manifest = ET.fromstring(package.read("package.xml"))  # noqa: S314  # the sandbox reads what its own tests wrote
            named = {one.text for one in manifest.iter(f"{SPACE}members")}
            files = [name for name in package.namelist() if name.startswith("objects/")]
            found = {
                f"{name.removeprefix('objects/').removesuffix('.object')}.{_text(field, 'fullName')}": (name, field)
                for name in files
                for field in ET.fromstring(package.read(name)).iter(f"{SPACE}fields")  # noqa: S314
            }
        for full in sorted(named - found.keys(), key=str):
            problem = f"An object '{full}' of type CustomField was named in package.xml, but was not found in zipped directory"
            yield _component(str(full), "package.xml", problem)
        for full, (name, field) in found.items():
            yield _component(full, name, self._problem(full, _value(field)))

    def _problem(self, full: str, given: Json) -> str | None:
        try:
            tooling.checked(self._state, full, read_metadata({key: given[key] for key in given if key != "fullName"}))
        except (RowRefusal, Refusal) as refusal:
            return str(refusal)
        return None


def _component(full: str, file: str, problem: str | None) -> Json:
    return {
        "fullName": full, "fileName": file, "componentType": "CustomField", "problem": problem,
        "problemType": "Error" if problem else None, "success": problem is None,
    }  # fmt: skip


def _parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """The two parts of the form. Refusal if they are not there."""
    form = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts: dict[str, bytes] = {}
    for part in form.get_payload() if form.is_multipart() else []:
        assert isinstance(part, Message)  # noqa: S101  # a part of a form is one
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        parts[str(name)] = content if isinstance(content, bytes) else b""
    if not content_type.startswith("multipart/form-data") or parts.keys() != {"json", "file"}:
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "a deployment is a form of two parts, json and file")
    return parts


def _value(element: ET.Element) -> Any:
    """An element as JSON would have it."""
    if not len(element):
        return element.text or ""
    found: Json = {}
    for child in element:
        name, value = child.tag.removeprefix(SPACE), _value(child)
        if name in REPEATED:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(f"{SPACE}{name}") or ""
