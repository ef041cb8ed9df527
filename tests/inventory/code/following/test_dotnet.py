from __future__ import annotations

from pathlib import Path

from code_root import Root


def test_assemblies_beside_a_program_but_the_frameworks_own(tmp_path: Path) -> None:
    root = Root(tmp_path).put(
        {
            "/usr/bin/dotnet": "",
            "/srv/app/App.dll": "",
            "/srv/app/Client.dll": "",
            "/srv/app/System.Text.Json.dll": "",
            "/srv/app/App.deps.json": "{}",
        }
    )
    assert root.loaded("dotnet", "exec", "App.dll", directory="/srv/app") == {
        "/srv/app/App.dll": None,
        "/srv/app/Client.dll": None,
    }
    # Published as a program by itself.
    root.put({"/srv/app/App": ""})
    found = root.loaded("/srv/app/App", executable="/srv/app/App", mapped=("/srv/app/libcoreclr.so",))
    assert set(found) == {"/srv/app/App", "/srv/app/App.dll", "/srv/app/Client.dll"}
    assert root.follow("dotnet").cut_short == "its script is not known"


def test_mono(tmp_path: Path) -> None:
    root = Root(tmp_path).put({"/usr/bin/mono-sgen": "", "/srv/app/App.exe": "", "/srv/app/Client.dll": ""})
    assert set(root.loaded("mono", "--debug", "App.exe", executable="/usr/bin/mono-sgen", directory="/srv/app")) == {
        "/srv/app/App.exe",
        "/srv/app/Client.dll",
    }
    root.put({"/srv/app/host": ""})
    found = root.loaded("host", executable="/srv/app/host", mapped=("/usr/lib/libmonosgen-2.0.so.1",))
    assert "/srv/app/Client.dll" in found
