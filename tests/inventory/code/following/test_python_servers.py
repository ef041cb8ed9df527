"""What servers, workers and runners of Python load that are told so on their command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from code_root import Root

from imds_probe.inventory.code import unread
from imds_probe.inventory.code.following.loads import Loads
from imds_probe.inventory.code.following.python_servers import MODULES, SERVERS, as_started

BIN = "/srv/venv/bin"
SITE = "/srv/venv/lib/python3.11/site-packages"
PYTHON = "/usr/bin/python3.11"
# What a package of an application has, and where it mostly lies.
APP = {
    "/srv/app/main.py": "import helper\n",
    "/srv/app/helper.py": "",
    "/srv/app/never.py": "",
    "/srv/app/shop/__init__.py": "",
    "/srv/app/shop/wsgi.py": "from shop.views import x\n",
    "/srv/app/shop/views.py": "",
    "/srv/app/shop/never.py": "",
}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "srv/venv/bin").mkdir(parents=True)
    (tmp_path / "srv/venv/bin/python3").symlink_to(PYTHON)
    installed = {
        "/usr/bin/python3.11": "",
        "/usr/lib/python3.11/os.py": "",
        "/usr/lib/python3.11/logging/__init__.py": "",
        "/srv/venv/pyvenv.cfg": "home = /usr/bin\n",
    }
    return Root(tmp_path).put({**installed, **APP})


def started(root: Root, *argv: str, cwd: str = "/srv/app", environment: Mapping[str, str] | None = None) -> Loads:
    """What one of them loads that an installer has put into a virtual environment."""
    name, *arguments = argv
    module = name.replace("-", "_").replace(".", "_")
    script = f"#!{BIN}/python3\nimport sys\nfrom {module}.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
    root.put({f"{BIN}/{name}": script, f"{SITE}/{module}/__init__.py": "", f"{SITE}/{module}/cli.py": ""})
    return root.follow(f"{BIN}/{name}", *arguments, directory=cwd, environment=environment)


def paths(loads: Loads) -> set[str]:
    """The application's own files among those that are loaded."""
    return {load.path for load in loads.files if not load.path.startswith(("/srv/venv/", "/usr/"))}


MAIN = {"/srv/app/main.py", "/srv/app/helper.py"}
SHOP = {"/srv/app/shop/__init__.py", "/srv/app/shop/wsgi.py", "/srv/app/shop/views.py"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("gunicorn main:app", MAIN),
        ("gunicorn -b 0.0.0.0:80 --workers 3 main:app --log-level info", MAIN),
        ("gunicorn shop.wsgi", SHOP),
        ("gunicorn -k uvicorn.workers.UvicornWorker shop.wsgi:create_app()", SHOP),
        ("gunicorn3 main", MAIN),
        ("uvicorn main:app --host localhost --port 80", MAIN),
        ("hypercorn --bind [::]:80 asgi:main:app", MAIN),
        ("granian --interface asgi main:app", MAIN),
        ("daphne -p 80 shop.wsgi:application", SHOP),
        ("waitress-serve --listen=*:80 --call main:create", MAIN),
        ("flask --app main run", MAIN),
        ("flask --app=shop.wsgi:create('x') run -h ::", SHOP),
        ("flask -Amain.py run", MAIN),
        ("celery -A main worker -l info -Q default", MAIN),
        ("celery --app=shop.wsgi:celery beat", SHOP),
        ("celery multi start w1 -A main", MAIN),
        ("dramatiq main shop.wsgi -p 4", MAIN | SHOP),
        ("huey_consumer main.huey -w 4", MAIN),
        ("huey_consumer.py main.huey", MAIN),
        ("arq shop.wsgi.WorkerSettings", SHOP),
        ("taskiq worker main:broker", MAIN),
        ("faust -A main worker", MAIN),
        ("procrastinate --app=main.app worker", MAIN),
        ("luigi --module main Task", MAIN),
        ("streamlit run main.py --server.port 80", MAIN),
        ("streamlit run /srv/app/main.py -- --more", MAIN),
        ("kopf run main.py --verbose", MAIN),
        ("kopf run -m main", MAIN),
        ("bokeh serve main.py", MAIN),
        ("locust -f main.py --headless", MAIN),
        ("locust --locustfile=main.py,shop/wsgi.py", MAIN | SHOP),
        ("coverage run main.py", MAIN),
        ("coverage run -m main", MAIN),
        ("torchrun --nproc_per_node 4 main.py --epochs 3", MAIN),
        ("accelerate launch main.py", MAIN),
        ("invoke -c main tag", MAIN),
        ("twistd -ny main.py", MAIN),
        ("dagster-daemon run -m main", MAIN),
        # No list has them all: what is given a name in a module, or a file, runs it.
        ("somebodys-server --port 80 main:app", MAIN),
        ("somebodys-runner main.py", MAIN),
    ],
)
def test_the_application_is_loaded_from_where_it_was_started(root: Root, line: str, found: set[str]) -> None:
    loads = started(root, *line.split())
    assert paths(loads) == found
    assert loads.cut_short == ""
    # What it was told tells it from others of the same server.
    assert loads.script in found


@pytest.mark.parametrize(
    "line",
    [
        "uvicorn main:app",
        "gunicorn main:app",
        "celery -A main worker",
        "aiohttp.web main:init",
        "cProfile -o x main.py",
    ],
)
def test_a_module_that_is_started_as_a_server(root: Root, line: str) -> None:
    root.put({f"{SITE}/{name}/__init__.py": "" for name in ("uvicorn", "gunicorn", "celery", "aiohttp")})
    root.put({f"{SITE}/{name}/__main__.py": "" for name in ("uvicorn", "gunicorn", "celery")})
    loads = root.follow(f"{BIN}/python3", "-m", *line.split(), directory="/srv/app")
    assert (paths(loads), loads.cut_short) == (MAIN, "")


@pytest.mark.parametrize(
    "line",
    [
        "gunicorn --chdir /srv/app main:app",
        "gunicorn --chdir=srv/app main:app",
        "gunicorn --pythonpath /srv/else,/srv/app main:app",
        "uvicorn --app-dir /srv/app main:app",
        "celery --workdir=/srv/app -A main worker",
        "dramatiq --path /srv/app -- main",
        "taskiq worker main:broker --app-dir /srv/app",
        "flask --app /srv/app/main.py run",
        "hypercorn /srv/app/main:app",
    ],
)
def test_a_directory_that_an_option_names(root: Root, line: str) -> None:
    loads = started(root, *line.split(), cwd="/")
    assert paths(loads) == MAIN
    assert loads.cut_short == ""


@pytest.mark.parametrize(
    ("line", "environment", "files"),
    [
        ("flask run", {"FLASK_APP": "main.py"}, {}),
        ("flask run", {"FLASK_APP": "main:create()"}, {}),
        ("flask run", {}, {"/srv/app/.flaskenv": "FLASK_ENV=x\nexport FLASK_APP='main.py'\n"}),
        ("flask run", {}, {"/srv/app/app.py": "import main\n"}),
        ("celery worker", {"CELERY_APP": "main"}, {}),
        ("gunicorn", {"GUNICORN_CMD_ARGS": "--bind=0:80 'main:app'"}, {}),
        ("gunicorn -c conf/g.py", {}, {"/srv/app/conf/g.py": "wsgi_app = 'main:app'\n"}),
        ("gunicorn", {}, {"/srv/app/gunicorn.conf.py": "bind = ':80'\nwsgi_app = \"main:app\"\n"}),
        ("gunicorn shop.wsgi -c g.py", {}, {"/srv/app/g.py": "import main\nchdir = '/srv/app'\n"}),
        ("locust", {}, {"/srv/app/locustfile.py": "import main\n"}),
        ("fab deploy", {}, {"/srv/app/fabfile.py": "import main\n"}),
        ("fastapi run", {}, {}),
        ("celery worker", {}, {"/srv/app/celeryconfig.py": "imports = ('main',)\n"}),
        ("scrapy crawl news", {}, {"/srv/scrapy.cfg": "[settings]\ndefault = app.main\n"}),
        ("pserve live.ini", {}, {"/srv/app/live.ini": "[app:main]\nuse = call:main:make\n"}),
        ("airflow scheduler", {"AIRFLOW_HOME": "/srv/flow"}, {"/srv/flow/airflow.cfg": "dags_folder = /srv/app\n"}),
    ],
)
def test_what_the_environment_and_settings_say(
    root: Root, line: str, environment: Mapping[str, str], files: Mapping[str, str]
) -> None:
    root.put(files)
    loads = started(root, *line.split(), environment=environment)
    assert paths(loads) >= MAIN
    assert loads.cut_short == ""


def test_tasks_that_an_application_lists_and_those_that_are_called_so(root: Root) -> None:
    root.put(
        {
            "/srv/app/work/__init__.py": "",
            "/srv/app/work/celery.py": "app = Celery(include=['jobs.mail'])\napp.autodiscover_tasks(['pay'])\n",
            "/srv/app/work/tasks.py": "",
            "/srv/app/work/other.py": "",
            "/srv/app/jobs/__init__.py": "",
            "/srv/app/jobs/mail.py": "",
            "/srv/app/jobs/other.py": "",
            "/srv/app/pay/__init__.py": "",
            "/srv/app/pay/tasks/__init__.py": "",
            "/srv/app/pay/tasks/cards.py": "",
        }
    )
    found = paths(started(root, "celery", "-A", "work", "worker"))
    assert found == {
        *(f"/srv/app/work/{name}.py" for name in ("__init__", "celery", "tasks")),
        *(f"/srv/app/jobs/{name}.py" for name in ("__init__", "mail")),
        *(f"/srv/app/pay/{name}.py" for name in ("__init__", "tasks/__init__", "tasks/cards")),
    }
    assert paths(started(root, "celery", "-A", "work.celery:app", "worker")) == found


def test_a_project_of_django_behind_a_server(root: Root) -> None:
    root.put(
        {
            "/srv/app/shop/wsgi.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
            "/srv/app/shop/settings.py": "",
            "/srv/app/pay/models.py": "",
            "/srv/app/pay/cards.py": "",
            "/srv/app/pay/management/commands/report.py": "",
            "/srv/app/scripts/old.py": "",
        }
    )
    found = paths(started(root, "gunicorn", "shop.wsgi:application"))
    assert {"/srv/app/pay/models.py", "/srv/app/pay/cards.py", "/srv/app/shop/settings.py"} <= found
    assert found.isdisjoint(
        {"/srv/app/pay/management/commands/report.py", "/srv/app/scripts/old.py", "/srv/app/main.py"}
    )


def test_an_application_that_is_installed(root: Root) -> None:
    root.put({f"{SITE}/site_app/__init__.py": "", f"{SITE}/site_app/wsgi.py": ""})
    loads = started(root, "gunicorn", "site_app.wsgi:app", cwd="/")
    assert {load.path: load.package_root for load in loads.files}[f"{SITE}/site_app/wsgi.py"] == f"{SITE}/site_app"
    assert (loads.script, loads.cut_short) == (f"{SITE}/site_app/wsgi.py", "")


@pytest.mark.parametrize(
    "line",
    [
        "gunicorn gone:app",
        "gunicorn -k uvicorn.workers.UvicornWorker gone:app",
        "uvicorn gone:app --log-level info",
        "celery -A gone worker",
        "celery worker",
        "flask run",
        "streamlit run gone.py",
        "dramatiq gone",
        "dagster-daemon run",
        "scrapy crawl news",
    ],
)
def test_one_whose_application_is_not_found_was_not_read(root: Root, line: str) -> None:
    assert started(root, *line.split()).cut_short == unread.NO_SCRIPT


@pytest.mark.parametrize(
    "line",
    ["gunicorn --version", "celery --version", "flask --help", "coverage report", "streamlit version", "black main.py",
     "flake8 main.py", "somebodys-tool redis:localhost 127.0.0.1:http gone.py"],
)  # fmt: skip
def test_what_serves_nothing_leaves_nothing_open(root: Root, line: str) -> None:
    loads = started(root, *line.split())
    assert (paths(loads), loads.cut_short) == (set(), "")


def test_a_script_of_ones_own_that_is_called_as_a_server_is(root: Root) -> None:
    """It is a script as any other, and its directory is the one that it imports from."""
    root.put(
        {"/srv/own/fab": f"#!{BIN}/python3\nx = 1\n", "/srv/own/serve.py": "import beside\n", "/srv/own/beside.py": ""}
    )
    assert root.follow(f"{BIN}/python3", "/srv/own/fab", "deploy", directory="/srv/app").cut_short == ""
    own = root.follow(f"{BIN}/python3", "/srv/own/serve.py", "host:name", "main.py", directory="/srv/app")
    assert (paths(own), own.cut_short) == ({"/srv/own/serve.py", "/srv/own/beside.py"}, "")
    assert paths(root.follow(f"{BIN}/python3", "/srv/own/serve.py", "main:app", directory="/srv/app")) >= {
        *MAIN, "/srv/own/serve.py", "/srv/own/beside.py"
    }  # fmt: skip


def test_a_queue_may_be_asked_for_anything_that_lies_there(root: Root) -> None:
    loads = started(root, "rq", "worker", "high")
    assert (loads.cut_short, "/srv/app" in loads.environment) == (unread.NO_SCRIPT, True)
    assert paths(loads) == set()
    elsewhere = started(root, "rq", "worker", "--path", "/srv/else", cwd="/")
    assert ("/srv/else" in elsewhere.environment, "/" in elsewhere.environment) == (True, False)


@pytest.mark.parametrize(
    "line",
    [
        "newrelic-admin run-program gunicorn main:app",
        "ddtrace-run gunicorn -b :80 main:app",
        "opentelemetry-instrument --traces_exporter console gunicorn main:app",
        "watchmedo auto-restart -d . -- gunicorn main:app",
    ],
)
def test_what_runs_another_program(root: Root, line: str) -> None:
    started(root, "gunicorn", "--version")
    environment = {"PATH": f"{BIN}:/usr/bin"}
    assert paths(started(root, *line.split(), environment=environment)) >= MAIN


def test_a_title_in_the_place_of_the_command_line(root: Root) -> None:
    for title in (
        "gunicorn: master [main:app]",
        "gunicorn: worker [shop.wsgi]",
        "[celeryd: celery@h:MainProcess] -active- (-A main worker)",
    ):
        loads = root.follow(title, executable=PYTHON, directory="/srv/app", mapped=("/usr/lib/libpython3.11.so.1.0",))
        assert "/srv/app/main.py" in paths(loads) or paths(loads) >= SHOP, title
    # What somebody has called it may be another name.
    named = root.follow(
        "gunicorn: worker [main]", executable=PYTHON, directory="/srv/app", mapped=("/usr/lib/libpython3.11.so.1.0",)
    )
    assert (named.cut_short, "/srv/app" in named.environment) == (unread.NO_SCRIPT, True)
    assert as_started(["gunicorn: starting"]) == ["gunicorn: starting"]


def test_no_name_stands_in_both_tables() -> None:
    assert not SERVERS.keys() & MODULES.keys()
