"""The one runner of everything that is done with this repository; `nox -l` lists what there is."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

import nox

HERE = Path(__file__).parent
CONSTRAINTS = "requirements/constraints.txt"
PYTHONS = ("3.11", "3.12", "3.13")
PYTESTS = ("7.4", "newest")  # the oldest that the plugin works with, and what pip installs today
LOSS_PEERS = "pylogtap,pylogtap_own,otel,logstash_disk,sentry,queue_json"
PROJECT = nox.project.load_toml(HERE / "pyproject.toml")

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"  # take what is here
nox.options.sessions = ["check", "test", "docs", "wheels", "licences"]


def install(session: nox.Session, *groups: str) -> None:
    """
    Install both distributions as they stand here, and groups of dependencies.

    Does nothing under `nox --no-venv`: then the environment that runs nox
    has them, as bootstrap.py leaves it.
    """
    if not session.virtualenv.is_sandboxed:
        return
    wanted = nox.project.dependency_groups(PROJECT, *groups) if groups else ()
    session.install("-c", CONSTRAINTS, "-e", ".[fast,structlog,parquet]", "-e", "./collector", *wanted)


@nox.session
def check(session: nox.Session) -> None:
    """Look at the code without running it: format, lint, types, layers, dependencies."""
    install(session, "dev")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("deptry", "pylogtap")
    with session.chdir("collector"):
        session.run("deptry", ".")


@nox.session
def test(session: nox.Session) -> None:
    """Run all tests but the long proofs; arguments behind `--` go to pytest."""
    install(session, "dev")
    session.run("pytest", *session.posargs)


@nox.session(python=list(PYTHONS))
def pythons(session: nox.Session) -> None:
    """Run the same tests on every Python that we promise and that is here."""
    install(session, "dev")
    session.run("pytest", "-m", "not slow and not browser", *session.posargs)


@nox.session(python=list(PYTHONS))
@nox.parametrize("version", PYTESTS)
def pytests(session: nox.Session, version: str) -> None:
    """Run the tests of the pytest plugin with the oldest and the newest pytest, on each Python there is."""
    session.install("-c", CONSTRAINTS, "-e", ".[fast]", "-e", "./collector")
    wanted = "pytest" if version == "newest" else f"pytest=={version}.*"
    session.install(wanted, "pytest-xdist", "pytest-rerunfailures", "pytest-asyncio", "pytest-randomly")
    ours = "tests/integration/pytest_plugin"
    plain = ("-c", f"{ours}/any-pytest.ini", "--rootdir=.", "-p", "no:randomly")
    session.run("python", "-m", "pytest", *plain, ours, *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Try all that is promised at length, also of the peers, and write docs/explanation/promises.md."""
    install(session, "dev")
    if session.posargs:  # some of the tests say nothing about all promises
        session.run("pytest", "-m", "slow", "-s", *session.posargs)
        return
    folder = session.create_tmp()
    names = ("short", "long", "verified", "peers.json")
    short, long, verified, peers = (Path(folder, name).resolve() for name in names)
    for earlier in (short, long, verified, peers):
        earlier.unlink(missing_ok=True)
    seed = os.environ.get("PYLOGTAP_FAULT_SEED") or str(random.SystemRandom().randrange(10**6))
    noting = [str(each) for each in HERE.glob("tests/**/test_*.py") if "saw: Saw" in each.read_text()]
    failed = []
    for which, notes, where in (("not slow", short, noting), ("slow", long, ["--ignore=tests/contract"])):
        environment = {"PYLOGTAP_FAULT_NOTES": str(notes), "PYLOGTAP_FAULT_SEED": seed}
        try:
            session.run("pytest", "-m", which, "-s", *where, env=environment)
        except nox.command.CommandFailed:  # the page tells what was not kept; the session fails behind it
            failed.append(which)
    proof = ("verify", "--long", "--only", "bombs-and-silence", "--seed", seed, "--format", "json")
    with verified.open("w") as file:  # what no test tries in this form
        session.run("pylogtap", *proof, stdout=file, stderr=None, success_codes=[0, 1])
    command = (
        "python",
        "-m",
        "benchmarks.bench_loss",
        "--peers",
        LOSS_PEERS,
        "--kills",
        "10",
        "--seed",
        seed,
    )
    try:
        session.run(*command, "--python", peers_python(session), "--json", str(peers))
    except nox.command.CommandFailed:
        session.warn("the peers could not be tried here: the page says so")
    others = ("--otherwise", str(short), "--verified", str(verified))
    session.run("python", "-m", "tools.promises", str(long), str(peers), *others)
    if failed:
        session.error(f"not everything was kept by the tests that are {' and '.join(failed)}")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz all that reads what others wrote, and see how its time grows; `-- --seconds 600` longer, each."""
    install(session, "dev")
    seconds = "30"
    if session.posargs[:1] == ["--seconds"] and len(session.posargs) == 2:
        seconds = session.posargs[1]
    elif session.posargs:
        session.error("say `nox -s fuzz -- --seconds N`, the seconds for each reader")
    session.run("pytest", "-m", "slow", "-s", "tests/fuzz", env={"PYLOGTAP_FUZZ_SECONDS": seconds})


@nox.session
def schemathesis(session: nox.Session) -> None:
    """Try the whole API as each role at length, with all checks of schemathesis; prints seeds and a table."""
    install(session, "dev")
    session.run("pytest", "-m", "slow", "-s", *(session.posargs or ["tests/contract"]))


LICENCES = (  # that users of the packages can live with
    "Apache",
    "BSD",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Mozilla Public License 2.0",
    "PSF-2.0",
    "Public Domain",
    "Python Software Foundation",
    "Unlicense",
    "zlib",
)


def runtime(session: nox.Session, folder: str) -> str:
    """Install what users install into an environment of its own, and return its Python."""
    session.run("python", "-m", "virtualenv", "-q", folder)
    python = f"{folder}/bin/python"
    wanted = (".[fast,structlog,parquet]", "./collector")
    session.run(python, "-m", "pip", "install", "-q", "-c", CONSTRAINTS, *wanted, external=True)
    return python


@nox.session
def licences(session: nox.Session) -> None:
    """Look at the licences of everything that users install with the packages."""
    if session.virtualenv.is_sandboxed:
        session.install("-c", CONSTRAINTS, "virtualenv", "pip-licenses")
    with tempfile.TemporaryDirectory() as folder:
        python = runtime(session, folder)
        known = ["--partial-match", "--allow-only", ";".join(LICENCES)]
        ours = ["--ignore-packages", "pylogtap", "pylogtap-collector"]
        session.run("pip-licenses", "--python", python, "--from", "mixed", *known, *ours)


@nox.session
def audit(session: nox.Session) -> None:
    """Look for known holes in everything that users install with the packages; asks PyPI's advisories."""
    session.install("-c", CONSTRAINTS, "virtualenv", "pip-audit")
    with tempfile.TemporaryDirectory() as folder:
        python = runtime(session, folder)
        found = session.run(
            python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", external=True, silent=True
        )
        session.run("pip-audit", "--strict", "--path", str(found).strip())


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html; a warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session
def wheels(session: nox.Session) -> None:
    """Build both wheels into dist, and try them where nothing of this checkout can be imported."""
    if session.virtualenv.is_sandboxed:
        session.install("-c", CONSTRAINTS, "pip", "virtualenv")
    shutil.rmtree("dist", ignore_errors=True)
    for source in (".", "./collector"):
        session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", "dist", source)
    client, collector = (next(HERE.glob(f"dist/{name}-*.whl")) for name in ("pylogtap", "pylogtap_collector"))
    wanted = [f"pylogtap[collector] @ {client.as_uri()}", f"pylogtap-collector @ {collector.as_uri()}"]
    with tempfile.TemporaryDirectory() as elsewhere:
        session.run("python", "-m", "virtualenv", "-q", f"{elsewhere}/installed")
        python = f"{elsewhere}/installed/bin/python"
        session.run(python, "-m", "pip", "install", "-q", "-c", CONSTRAINTS, *wanted, external=True)
        with session.chdir(elsewhere):
            session.run(python, "-I", str(HERE / "tools" / "smoke.py"), external=True)


def peers_python(session: nox.Session) -> str:
    """Return the Python of an environment with the peers; their dependencies never mix with ours."""
    peers = session.cache_dir / "peers"
    python = str(peers / "bin" / "python")
    if not peers.exists():
        session.run("python", "-m", "virtualenv", "-q", str(peers))
        session.run(
            python, "-m", "pip", "install", "-q", "-r", "benchmarks/requirements-peers.txt", external=True
        )
    return python


@nox.session
def bench(session: nox.Session) -> None:
    """Print the tables of all benchmarks; `-- --quick` only shows that they run."""
    install(session, "dev")
    python = peers_python(session)
    for program in ("bench_import", "bench_call", "bench_loss"):
        session.run("python", "-m", f"benchmarks.{program}", "--python", python, *session.posargs)
    for program in ("bench_ingest", "bench_access", "bench_backup"):
        session.run("python", "-m", f"benchmarks.{program}", *session.posargs)
    patterns = ["python", "-m", "benchmarks.bench_patterns", "--python", python, *session.posargs]
    session.run(*patterns, success_codes=[0, 2])  # 2: there are no samples here, it says where to get them


@nox.session
def suites(session: nox.Session) -> None:
    """Compare what the pytest plugin tells of other people's suites with their JUnit XML; downloads them."""
    install(session, "dev")
    session.run("python", "-m", "benchmarks.bench_suites", *(session.posargs or ["--rounds", "0"]))


@nox.session
def screenshots(session: nox.Session) -> None:
    """Take the pictures of the page that README and docs show; needs chromium."""
    install(session, "dev")
    session.run("python", "-m", "tools.screenshots", "docs/_static", *session.posargs)


@nox.session
def constraints(session: nox.Session) -> None:
    """Write the newest versions that fit together into requirements/constraints.txt; needs uv."""
    if session.virtualenv.is_sandboxed:
        session.install("uv")
    own = [word for name in ("pylogtap", "pylogtap-collector") for word in ("--no-emit-package", name)]
    plain = ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header"]
    sources = ["pyproject.toml", "collector/pyproject.toml", "--group", "dev", "--all-extras"]
    everywhere = ["--universal", "--python-version", PYTHONS[0], "--upgrade"]
    found = session.run(
        "uv", "pip", "compile", "-q", *sources, *everywhere, *plain, *own, external=True, silent=True
    )
    head = (
        "# Versions that are tested together, on every Python we support. Written by `nox -s constraints`.\n"
    )
    (HERE / CONSTRAINTS).write_text(f"{head}{found}")
