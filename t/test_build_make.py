"""The Makefile's targets, as far as they can be tried without a network."""

import json
import os
import re
import shutil
import subprocess

from nginx import TOP


def make(*args, folder=TOP, **env):
    clean = {k: v for k, v in os.environ.items()
             if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "T", "SANITIZE",
                          "FAULT", "VALGRIND", "REPEAT")}
    clean.update(env)
    return subprocess.run(["make", "-C", folder, *args], env=clean, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def test_help_lists_the_targets():
    p = make("--no-print-directory", "help")
    assert p.returncode == 0
    for target in ("all", "deps", "run", "test", "unit", "fuzz", "install",
                   "clean", "help"):
        assert re.search(r"(?m)^make %s +\S" % target, p.stdout), target


def test_deps_is_silent_when_all_is_there():
    p = subprocess.run([os.path.join(TOP, "tools/deps.sh"), "make", "gcc"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    assert (p.returncode, p.stdout) == (0, "")


def shadowed(tmp_path, **programs):
    """A PATH on which these programs are scripts."""

    for name, text in programs.items():
        program = tmp_path / name.replace("_", "-")
        program.write_text("#!/bin/sh\n" + text)
        program.chmod(0o755)
    return "%s:/usr/bin:/bin" % tmp_path


def deps(path, *packages):
    return subprocess.run([os.path.join(TOP, "tools/deps.sh"), *packages],
                          env=dict(os.environ, PATH=path), text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def test_deps_without_root_says_what_is_missing(tmp_path):
    path = shadowed(tmp_path, id="echo 1000", apt_get="exit 1",
                    dpkg_query="echo 'ii  make'", sudo="exit 1")
    os.unlink(tmp_path / "sudo")
    os.symlink("/nonexistent", tmp_path / "sudo")
    if os.path.exists("/usr/bin/sudo"):
        return
    p = deps(path, "make", "no-such-package")
    assert p.returncode == 1
    assert "installing them takes root: no-such-package\n" in p.stdout


def test_deps_updates_only_when_needed(tmp_path):
    log = tmp_path / "log"
    path = shadowed(tmp_path, id="echo 0", dpkg_query="echo 'ii  make'",
                    apt_get="echo \"$*\" >> %s" % log)
    assert deps(path, "make", "one", "two").returncode == 0
    lines = log.read_text().splitlines()
    assert len(lines) == 2 and "--dry-run" in lines[0]
    assert lines[1].endswith("install one two")
    assert not any("update" in line for line in lines)

    log.unlink()
    path = shadowed(tmp_path, apt_get=(
        "echo \"$*\" >> %s; case $* in *dry-run*) exit 100 ;; esac" % log))
    assert deps(path, "make", "one").returncode == 0
    lines = log.read_text().splitlines()
    assert [("update" in line) for line in lines] == [False, True, False]


def test_deps_starts_no_service(tmp_path):
    """While apt-get runs there is a policy-rc.d, and only then."""

    policy = "/usr/sbin/policy-rc.d"
    before = os.path.lexists(policy)
    path = shadowed(tmp_path, id="echo 0", dpkg_query=":",
                    apt_get="%s; echo \"policy: $?\"; exit 1" % policy)
    if os.geteuid() != 0 and not before:
        return
    p = deps(path, "one")
    assert p.returncode != 0
    assert "policy: 101" in p.stdout
    assert os.path.lexists(policy) == before


def test_install(tmp_path):
    p = make("install", "DESTDIR=%s" % tmp_path)
    assert p.returncode == 0, p.stdout
    module = tmp_path / "usr/lib/nginx/modules/ngx_ess_module.so"
    assert module.stat().st_size > 10000
    conf = tmp_path / "usr/share/nginx/modules-available/mod-ess.conf"
    assert conf.read_text() == "load_module modules/ngx_ess_module.so;\n"
    module = module.parent / "ngx_ess_postgresql_module.so"
    assert module.stat().st_size > 10000
    conf = conf.parent / "mod-ess-postgresql.conf"
    assert conf.read_text() == (
        "load_module modules/ngx_ess_postgresql_module.so;\n")


def test_make_again_does_nothing():
    assert make().returncode == 0
    before = os.stat(os.path.join(TOP, "build/ngx_ess_module.so")).st_mtime_ns
    p = make("--no-print-directory")
    assert (p.returncode, p.stdout) == (0, "")
    after = os.stat(os.path.join(TOP, "build/ngx_ess_module.so")).st_mtime_ns
    assert before == after


def test_docker_uses_make_targets():
    """Each make call of the Dockerfile is one that make knows."""

    with open(os.path.join(TOP, "docker/Dockerfile")) as f:
        text = f.read()
    targets = set(re.findall(r"\bmake ([a-z-]+)(?= |$)", text, re.M))
    assert {"build-deps", "runtime-deps", "install", "test"} <= targets
    with open(os.path.join(TOP, "Makefile")) as f:
        makefile = f.read()
    for target in targets:
        assert re.search("(?m)^%s:" % target, makefile), target
    for source in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", text):
        for name in source.split():
            assert os.path.exists(os.path.join(TOP, name)), name


def test_ci_runs_from_anywhere(tmp_path):
    """.ci/run with a make that only notes what it was asked for."""

    log = tmp_path / "log"
    path = shadowed(tmp_path, make="echo \"$PWD $*\" >> %s" % log)
    p = subprocess.run([os.path.join(TOP, ".ci/run")], cwd=tmp_path,
                       env=dict(os.environ, PATH=path))
    assert p.returncode == 0
    assert log.read_text().splitlines() == [
        "%s %s" % (TOP, args) for args in
        ("test", "test SANITIZE=1", "check-nginx SANITIZE=1 T=http3",
         "test-peers", "test-proxies", "test-arm64", "test-conf",
         "deb LINT=1", "test-long SANITIZE=1 T=test_many_http2",
         "test-long SANITIZE=1 T=test_memory",
         "fuzz FUZZ_SECONDS=10", "bench QUICK=1")]


def test_ci_stops_where_something_fails(tmp_path):
    path = shadowed(tmp_path, make="case $* in test-proxies) exit 3 ;; "
                    "esac; echo $*")
    p = subprocess.run([os.path.join(TOP, ".ci/run")], text=True,
                       env=dict(os.environ, PATH=path),
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 3
    assert re.search(r"== make test-peers: \d+ min \d+ s\n"
                     r"== make test-proxies\n$", p.stdout)


def test_compile_commands():
    """What clangd reads has each source, and is what make would run."""

    p = make("--no-print-directory", "compile_commands")
    assert (p.returncode, p.stdout) == (0, "")
    with open(os.path.join(TOP, "compile_commands.json")) as f:
        commands = json.load(f)
    files = {c["file"] for c in commands}
    sources = {os.path.join(folder, name)
               for folder, _, names in os.walk(os.path.join(TOP, "src"))
               for name in names if name.endswith(".c")}
    assert sources <= files
    one = next(c for c in commands if c["file"].endswith("_module.c"))
    p = subprocess.run(
        [w for w in one["arguments"] if w != "-o" and not w.endswith(".o")]
        + ["-fsyntax-only"], cwd=one["directory"])
    assert p.returncode == 0


def test_man(tmp_path):
    p = make("--no-print-directory", "man", "TOP=%s" % tmp_path)
    assert p.returncode == 0, p.stdout
    assert (tmp_path / "man" / "libnginx-mod-ess.7").stat().st_size > 10000


def test_clean_run_removes_what_run_keeps(tmp_path):
    for name in "Makefile", "config":
        shutil.copy(os.path.join(TOP, name), tmp_path)
    (tmp_path / "run" / "nginx").mkdir(parents=True)
    p = make("clean-run", folder=str(tmp_path))
    assert p.returncode == 0, p.stdout
    assert sorted(os.listdir(tmp_path)) == ["Makefile", "config"]
