"""Which file has a unit test: each .c of these folders, but for those that
read the configuration, and each file that makes or takes apart bytes of a
wire."""

import glob
import os

from nginx import TOP

FOLDERS = ["fault", "src/stream", "src/subscriber", "src/client",
           "src/registry", "src/encoding", "src/transport", "src/rpc",
           "src/request"]

CODECS = ["src/ngx_ess_date.c", "src/ngx_ess_escape.c",
          "src/ngx_ess_header.c", "src/ngx_ess_json_canonical.c",
          "src/ngx_ess_json_number.c",
          "src/amqp/ngx_ess_amqp_codec.c", "src/amqp/ngx_ess_amqp_content.c",
          "src/amqp/ngx_ess_amqp_property.c", "src/amqp/ngx_ess_amqp_table.c",
          "src/amqp/ngx_ess_amqp_url.c", "src/api/ngx_ess_api_body.c",
          "src/api/ngx_ess_publish_batch.c", "src/auth/ngx_ess_jwt_token.c",
          "src/schema/ngx_ess_schema_build.c",
          "src/schema/ngx_ess_schema_judge.c",
          "src/schema/ngx_ess_schema_validate.c",
          "src/source/exchange/ngx_ess_exchange_item.c",
          "src/source/exchange/ngx_ess_topic.c"]


def name_of(path):
    return os.path.basename(path)[len("ngx_ess_"):-len(".c")]


def sources():
    found = [p for folder in FOLDERS for p in glob.glob(
        os.path.join(TOP, folder, "*.c")) if not p.endswith("_conf.c")]
    return [os.path.relpath(p, TOP) for p in found] + CODECS


def units(folder):
    """The names after "test_" in its folder of t/unit."""

    folder = os.path.relpath(folder, "src") if folder != "fault" else folder
    return {os.path.basename(p)[len("test_"):-len(".c")] for p in glob.glob(
        os.path.join(TOP, "t", "unit", folder, "test_*.c"))}


def without_unit(paths, units):
    """A unit test is of the file whose name is the longest that it begins
    with: test_log_read.c is of ngx_ess_log_read.c, test_log_holds.c of
    ngx_ess_log.c."""

    names = {name_of(p): p for p in paths}
    tested = set()
    for unit in units:
        of = [n for n in names if (unit + "_").startswith(n + "_")]
        tested |= {names[max(of, key=len)]} if of else set()
    return set(paths) - tested


def test_each_has_a_unit_test():
    paths = sources()
    assert len(paths) == len(set(paths)) and all(
        os.path.exists(os.path.join(TOP, p)) for p in paths)
    missing = set()
    for folder in {os.path.dirname(p) for p in paths}:
        there = glob.glob(os.path.join(TOP, folder, "*.c"))
        missing |= without_unit([os.path.relpath(p, TOP) for p in there],
                                units(folder)) & set(paths)
    assert not missing


def test_the_check_finds_something():
    paths = ["src/a/ngx_ess_log.c", "src/a/ngx_ess_log_read.c",
             "src/a/ngx_ess_gap.c", "src/a/ngx_ess_gapless.c"]
    assert without_unit(paths, {"log_read", "gap_in_time"}) == {
        "src/a/ngx_ess_log.c", "src/a/ngx_ess_gapless.c"}
    assert without_unit(paths, {"log_holds", "gapless", "crash"}) == {
        "src/a/ngx_ess_log_read.c", "src/a/ngx_ess_gap.c"}
