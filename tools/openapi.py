#!/usr/bin/env python3
"""What ess_openapi says of ess_api, ess_publish, ess_health and ess_metrics is
made of docs/openapi.yaml: paths with "%P" in place of their location, "%if" as
src/openapi/ngx_ess_openapi_item.h has it, and what they refer to.  Run it when
that page has changed; a test compares."""

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
def events_detail(description, **headers):
    answer = {
        "description": description,
        "content": {"application/json": {"schema": {
            "$ref": "#/components/schemas/EventsDetail"}}}}
    if headers:
        answer["headers"] = {
            name.replace("_", "-"): {"description": text,
                                     "schema": {"type": "string"}}
            for name, text in headers.items()}
    return answer


EVENTS_RESPONSES = {
    "EventsDetail": events_detail("whatever else is refused"),
    "EventsUnauthorized": events_detail(
        "the credentials are missing, or not the right ones",
        WWW_Authenticate="which ones are taken"),
    "EventsUnknownCoding": events_detail(
        "the Content-Encoding is not known; nothing was stored",
        Accept_Encoding="which ones are known"),
    "EventsUnavailable": events_detail(
        "the database does not answer, or there is no room; nothing was "
        "stored, and it can be sent again", Retry_After="seconds")}
EVENTS_DETAIL = {
    "type": "object", "required": ["detail"], "properties": {
        "detail": {
            "description": "a list where parameters or the body are wrong",
            "oneOf": [{"type": "string"},
                      {"type": "array", "items": {"type": "string"}}]}}}
EVENTS_RESULTS = {
    "type": "array", "items": {
        "type": "object", "required": ["event_id", "success", "error"],
        "properties": {"event_id": {"type": "string"},
                       "success": {"type": "boolean"},
                       "error": {"type": "string",
                                 "examples": ["", "invalid_timestamp"]}}}}

# what rules before a location answer, where it has some
DOORS = {status: {"%if": status,
                  "$ref": "#/components/responses/Problem"}
         for status in ("401", "403")}


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
                        operation["responses"] = dict(sorted(dict(
                            DOORS, **operation["responses"]).items()))
                paths["%P" + path[len(prefix):]] = item
        made[name] = paths
    components = spec["components"]
    components["responses"].update(EVENTS_RESPONSES)
    components["schemas"]["EventsDetail"] = EVENTS_DETAIL
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
