#!/usr/bin/env python3
"""What ess_openapi says of ess_api, ess_publish, ess_health and ess_metrics is
made of docs/openapi.yaml: paths with "%P" in place of their location, and what
they refer to.  Run it when that page has changed; a test compares."""

import json
import os
import sys

import yaml

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(TOP, "src", "openapi")

# file, the location in docs/openapi.yaml
PARTS = [("api", "/event-stream"), ("publish", "/publish"),
         ("health", "/healthz"), ("metrics", "/metrics")]


# what ess_events answers, which docs/openapi.yaml has not
EVENTS_DETAIL = {
    "description": "what is wrong",
    "content": {"application/json": {"schema": {
        "type": "object", "required": ["detail"], "properties": {
            "detail": {"type": ["string", "array"],
                       "items": {"type": "string"}}}}}}}
EVENTS_RESULTS = {
    "type": "array", "items": {
        "type": "object", "required": ["event_id", "success", "error"],
        "properties": {"event_id": {"type": "string"},
                       "success": {"type": "boolean"},
                       "error": {"type": "string",
                                 "examples": ["", "invalid_timestamp"]}}}}


def parts():
    """file -> its text"""

    with open(os.path.join(TOP, "docs", "openapi.yaml")) as f:
        spec = yaml.safe_load(f)
    made = {}
    for name, prefix in PARTS:
        paths = {}
        for path, item in spec["paths"].items():
            if path == prefix or path.startswith(prefix + "/"):
                # a server may have two locations of a kind
                for operation in item.values():
                    if isinstance(operation, dict):
                        operation.pop("operationId", None)
                paths["%P" + path[len(prefix):]] = item
        made[name] = paths
    components = spec["components"]
    components["responses"]["EventsDetail"] = EVENTS_DETAIL
    components["schemas"]["EventsResults"] = EVENTS_RESULTS
    made["components"] = dict(
        [(k, v) for k, v in components.items() if k != "schemas"],
        schemas=components["schemas"])
    return {name: json.dumps(value, indent=1, ensure_ascii=True)
            for name, value in made.items()}


def main():
    for name, text in parts().items():
        with open(os.path.join(FOLDER, name + ".json"), "w") as f:
            f.write(text)


if __name__ == "__main__":
    sys.exit(main())
