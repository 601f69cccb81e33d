"""Backstage's ``POST /api/permission/authorize``: what it takes, and what a policy answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACTIONS = ("create", "read", "update", "delete")


def authorize(policy: Mapping[str, str], person: str, body: Any) -> dict[str, Any]:
    """The decisions on a batch. A permission that the policy does not know for a person is denied.

    Raises:
        ValueError: the body is none that the router's schema takes.
    """
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        raise ValueError("items: expected array")
    for item in body["items"]:
        _check(item)
    return {
        "items": [
            {"id": item["id"], **_decision(policy.get(f"{person} {item['permission']['name']}", "DENY"))}
            for item in body["items"]
        ]
    }


def _decision(result: str) -> dict[str, Any]:
    if result != "CONDITIONAL":
        return {"result": result}
    conditions = {"rule": "IS_OWNER", "resourceType": "analytics", "params": {}}
    return {"result": result, "pluginId": "analytics-internal", "resourceType": "analytics", "conditions": conditions}


def _check(item: Any) -> None:
    """As the zod schemas of the permission backend's router."""
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        raise ValueError("id: expected string")
    permission = item.get("permission")
    if not isinstance(permission, dict) or not isinstance(permission.get("name"), str):
        raise ValueError("permission.name: expected string")
    if permission.get("type") not in ("basic", "resource"):
        raise ValueError("permission.type: expected basic or resource")
    if permission["type"] == "resource" and not (
        isinstance(permission.get("resourceType"), str) and isinstance(item.get("resourceRef"), str)
    ):
        raise ValueError("Resource permissions require a resourceRef to be set.")
    attributes = permission.get("attributes")
    if not isinstance(attributes, dict) or attributes.get("action", "read") not in ACTIONS:
        raise ValueError("permission.attributes: expected object with a known action")
