"""Asking the org whether it would take our fields, and making none: a deployment that only checks.

The Tooling API, by which fields are made, cannot be asked that; the Metadata API can, and needs a permission of its own.
Source: Metadata API developer guide 63.0, "Deploy Metadata with Apex Testing Using REST", "DeployResult", "CustomField",
https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy.htm.
"""

import io
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import orjson
from requests import Request

from connectors.base import FieldSpec, ProvisionStep
from connectors.errors import Fatal
from connectors.salesforce.bulk import looks
from connectors.salesforce.client import API_VERSION, Org
from connectors.salesforce.fields import metadata
from connectors.salesforce.provision import Wanted, inventory, wanted_fields
from connectors.salesforce.refusals import GRANT, VENDOR

SPACE = "http://soap.sforce.com/2006/04/metadata"
OPTIONS = {"checkOnly": True, "rollbackOnError": True, "singlePackage": True}
DOOR = "metadata/deployRequest"
ABOUT = "the trial deployment"


def validate(org: Org, specs: Sequence[FieldSpec]) -> list[ProvisionStep]:
    """What the org says of the fields that are missing: taken, or refused with its reason. Fatal if it may not be asked."""
    there = inventory(org)
    missing = [field for field in wanted_fields(org, specs) if field.full_name not in there]
    if not missing:
        return []
    parts = {
        "json": (None, orjson.dumps({"deployOptions": OPTIONS}), "application/json"),
        "file": ("fields.zip", _package(missing), "application/zip"),
    }
    form = Request("POST", "https://any.example", files=parts).prepare()  # for its encoding alone
    kind = form.headers["Content-Type"]
    try:
        begun = org.request("write", "POST", DOOR, about=ABOUT, body=form.body, kind=kind)
    except Fatal as error:
        permission = "'Modify Metadata Through Metadata API Functions'"
        raise Fatal(f"{error}; {GRANT} {permission}, or go by: sidecar provision plan", vendor=VENDOR) from error
    return list(_told(missing, _result(org, str(begun["id"]))))


def _told(missing: Sequence[Wanted], result: Mapping[str, Any]) -> Iterator[ProvisionStep]:
    failures = result.get("details", {}).get("componentFailures", [])
    reasons = {str(one["fullName"]): str(one["problem"]) for one in failures}
    for field in missing:
        if reason := reasons.pop(field.full_name, None):
            yield ProvisionStep(field.full_name, "refuse", reason)
        else:
            yield ProvisionStep(field.full_name, "create", "the org would take it")
    yield from (ProvisionStep(name, "refuse", reason) for name, reason in reasons.items())
    if not (result["success"] or failures):
        reason = str(result.get("errorMessage") or result["status"])
        yield ProvisionStep(ABOUT, "refuse", reason)


def _result(org: Org, deployment: str) -> dict[str, Any]:
    """How the trial ended. Retryable if it is at work still after 15 minutes."""
    path, params = f"{DOOR}/{deployment}", {"includeDetails": "true"}
    answers = (org.request("definition", "GET", path, about=ABOUT, params=params) for _ in looks(org, ABOUT))
    found: dict[str, Any] = next(one["deployResult"] for one in answers if one["deployResult"]["done"])
    return found


def _package(fields: Sequence[Wanted]) -> bytes:
    """A zip file with a manifest and one file for each object."""
    manifest, by_object = ET.Element("Package", xmlns=SPACE), defaultdict[str, list[Wanted]](list)
    types = ET.SubElement(manifest, "types")
    for field in fields:
        by_object[field.object].append(field)
        ET.SubElement(types, "members").text = field.full_name
    ET.SubElement(types, "name").text = "CustomField"
    ET.SubElement(manifest, "version").text = API_VERSION
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("package.xml", ET.tostring(manifest, "utf-8", xml_declaration=True))
        for name, some in by_object.items():
            whole = ET.Element("CustomObject", xmlns=SPACE)
            for field in some:
                _element(whole, "fields", {"fullName": field.name, **metadata(field.spec)})
            file.writestr(f"objects/{name}.object", ET.tostring(whole, "utf-8", xml_declaration=True))
    return content.getvalue()


def _element(parent: ET.Element, name: str, value: Any) -> None:
    """A value as elements of that name. The Metadata API calls an option by `fullName` alone."""
    if isinstance(value, list):
        for one in value:
            _element(parent, name, one)
        return
    element = ET.SubElement(parent, name)
    if isinstance(value, dict):
        for key in sorted(value.keys() - {"valueName"}):
            _element(element, key, value[key])
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)
