"""An object and its fields in the words of describe, as the asking user sees them.

Source: REST API developer guide 63.0, "sObject Describe"; SOAP API guide, "DescribeSObjectResult" and "Field" for the keys.
"""

import re
from typing import Any

from sandbox.salesforce.schema import NUMBERS, WORDS, Field, SObject
from sandbox.salesforce.sql import View

SOAP = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int", "date": "xsd:date",
    "datetime": "xsd:dateTime", "address": "urn:address",
}  # fmt: skip


def label_of(name: str) -> str:
    """`MobilePhone` as people read it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("__c").removesuffix("Id")).replace("_", " ") or name


def summary(sobject: SObject, data_url: str) -> dict[str, Any]:
    """The object as the list of objects shows it."""
    setup = not sobject.customizable
    base = f"{data_url}sobjects/{sobject.name}"
    return {
        "name": sobject.name, "label": label_of(sobject.name), "labelPlural": f"{label_of(sobject.name)}s",
        "keyPrefix": sobject.prefix, "custom": False, "customSetting": False, "deprecatedAndHidden": False,
        "activateable": False, "createable": sobject.name != "Organization", "deletable": sobject.name not in {"Organization", "User"},
        "updateable": True, "queryable": True, "retrieveable": True, "replicateable": sobject.replicateable,
        "searchable": not setup, "layoutable": not setup, "triggerable": not setup, "feedEnabled": False, "hasSubtypes": False,
        "isInterface": False, "isSubtype": False, "mergeable": sobject.name in {"Account", "Contact", "Lead", "Case", "Individual"},
        "mruEnabled": False, "undeletable": sobject.get("IsDeleted") is not None,
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }  # fmt: skip


def describe(sobject: SObject, data_url: str) -> dict[str, Any]:
    """The object with its fields."""
    compounds = {column: field.name for field in sobject.fields for _, column in field.parts}
    fields = [_field(field, compounds.get(field.name)) for field in sobject.fields]
    return {
        **summary(sobject, data_url), "fields": fields, "childRelationships": [], "recordTypeInfos": [], "namedLayoutInfos": [],
        "supportedScopes": [],
    }  # fmt: skip


def overview(view: View, data_url: str) -> dict[str, Any]:
    """All objects that the user sees."""
    objects = [summary(view[name], data_url) for name in sorted(view)]
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}


def _field(field: Field, compound: str | None) -> dict[str, Any]:
    filterable = field.filterable
    decimal = field.type in NUMBERS and field.type != "int"
    choices = [
        {"active": True, "defaultValue": value == field.default, "label": value, "validFor": None, "value": value}
        for value in field.values
    ]
    return {
        "name": field.name, "label": field.label or label_of(field.name), "type": field.type,
        "soapType": SOAP.get(field.type, "xsd:double" if decimal else "xsd:string"), "length": field.length,
        "byteLength": field.length * 3, "digits": field.precision if field.type == "int" else 0,
        "precision": field.precision if decimal else 0, "scale": field.scale, "nillable": not (field.required or field.type in {"id", "boolean"}),
        "defaultedOnCreate": field.default is not None or field.name == "OwnerId", "defaultValue": field.default,
        "defaultValueFormula": None, "createable": field.createable, "updateable": field.updateable, "custom": field.custom,
        "calculated": field.calculated, "calculatedFormula": None, "cascadeDelete": False, "restrictedDelete": False,
        "caseSensitive": field.case_sensitive, "compoundFieldName": compound, "controllerName": None, "dependentPicklist": False,
        "deprecatedAndHidden": False, "displayLocationInDecimal": False, "encrypted": False, "externalId": field.external_id,
        "extraTypeInfo": "plaintextarea" if field.type == "textarea" else None, "filterable": filterable,
        "filteredLookupInfo": None, "formulaTreatNullNumberAsZero": False, "groupable": filterable and not decimal,
        "highScaleNumber": False, "htmlFormatted": False, "idLookup": field.type == "id" or field.external_id,
        "inlineHelpText": field.help, "mask": None, "maskType": None, "nameField": field.name == "Name", "namePointing": False,
        "permissionable": field.custom, "picklistValues": choices, "polymorphicForeignKey": len(field.refers) > 1,
        "queryByDistance": False, "referenceTargetField": None, "referenceTo": list(field.refers),
        "relationshipName": field.relation, "relationshipOrder": None, "restrictedPicklist": field.restricted,
        "searchPrefilterable": False, "sortable": filterable, "unique": field.unique, "writeRequiresMasterRead": False,
        "aggregatable": filterable and (decimal or field.type in WORDS), "aiPredictionField": False, "autoNumber": field.name == "CaseNumber",
    }  # fmt: skip
