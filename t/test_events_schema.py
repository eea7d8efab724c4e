"""What is no schema fails nginx -t with the file, the place in it, and what
would be right; what is shipped, and all that a schema may have, does not."""

import json
import os
import re

import pytest

from nginx import TOP

CONF = """
http {
    ess_event_log audit %%DB%% schema=%%SCHEMA%% id=event_id
                  time=timestamp type=type;
    server { listen 127.0.0.1:%%PORT0%%; }
}
"""

ALL = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:example:event", "$comment": "all", "title": "Event",
    "type": ["object", "null"], "examples": [{}], "default": {},
    "properties": {
        "a": {"$ref": "#/$defs/text", "deprecated": True, "readOnly": True},
        "n": {"minimum": 0, "exclusiveMaximum": 1e3, "multipleOf": 0.1},
        "more": {"items": {"$ref": "#"}, "prefixItems": [True],
                 "minItems": 1, "maxItems": 3, "uniqueItems": True},
    },
    "patternProperties": {"^x-": True}, "additionalProperties": False,
    "required": ["a"], "minProperties": 1, "maxProperties": 5,
    "dependentRequired": {"n": ["a"]},
    "allOf": [True], "anyOf": [True], "oneOf": [{"const": 1}, {"not": {
        "enum": [1]}}],
    "if": True, "then": True, "else": False,
    "$defs": {"text": {"minLength": 1, "maxLength": 9, "pattern": "^\\S+$",
                       "format": "date-time", "x-ess-time": "past"}},
}


def check(nginx, tmp_path, text, code):
    path = tmp_path / "event.schema.json"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    n = nginx(CONF, start=False, db=str(tmp_path / "audit.db"),
              schema=str(path))
    if code:
        n.expect(r"\[emerg\]")
    rc, output = n.test()
    assert rc == code, output
    return output


WRONG = [
    ({"properties": {"a": {"contains": {}}}},
     r'event.schema.json", at #/properties/a/contains: the keyword .*contains'),
    ({"type": "text"}, r"at #/type: it must be one of"),
    ({"pattern": "("}, r"at #/pattern: it must be a regular expression: "),
    ({"$ref": "#/$defs/a"}, r"at #: .*there is no schema"),
    ({"$ref": "#"}, r"at #: it leads to itself"),
    ([], r"at #: a schema is an object, or true, or false"),
]


@pytest.mark.parametrize("schema,message", WRONG)
def test_wrong_schema_is_refused(nginx, tmp_path, schema, message):
    output = check(nginx, tmp_path, json.dumps(schema), 1)
    assert re.search(message, output), output
    assert re.search(r"in .*nginx.conf:\d+", output)


@pytest.mark.parametrize("text,message", [
    ("", "it is not JSON"),
    ('{"title":"a","title":"b"}', "it has a member twice"),
    (b'{"title":"\xff"}', "it is not valid UTF-8"),
    ("true" + " " * (256 * 1024), "is larger than 256 KB"),
    ('{"items":' * 65 + "true" + "}" * 65, "at #: "),
    (None, "No such file or directory"),
], ids=["empty", "twice", "utf8", "large", "deep", "none"])
def test_what_is_no_file_of_json_is_refused(nginx, tmp_path, text, message):
    assert message in check(nginx, tmp_path, text, 1)


def test_all_keywords_are_taken(nginx, tmp_path):
    check(nginx, tmp_path, json.dumps(ALL), 0)


def test_the_schema_that_is_shipped_is_one(nginx, tmp_path):
    with open(os.path.join(TOP, "conf", "event.schema.json")) as f:
        check(nginx, tmp_path, f.read(), 0)
