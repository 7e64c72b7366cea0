"""Where VGG19's weights come from: a server in this process, and a cache folder for each test."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("torch")

from inpaintkit.prior import weights
from inpaintkit.prior.vgg import read


class Server:
    """A file served over http: with or without ranges, cut short on demand; it keeps the ranges it was asked for."""

    def __init__(self, content: bytes) -> None:
        self.content, self.ranges, self.cut, self.asked = content, True, None, []
        self.gate: threading.Event | None = None  # nothing is sent until it is open
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                begin = 0
                outer.asked.append(self.headers.get("Range"))
                if outer.ranges and outer.asked[-1]:
                    begin = int(outer.asked[-1].removeprefix("bytes=").rstrip("-"))
                    if begin >= len(outer.content):
                        self.send_error(416)
                        return
                self.send_response(206 if begin else 200)
                self.send_header("Content-Length", str(len(outer.content) - begin))
                self.end_headers()
                if outer.gate:
                    outer.gate.wait(60)
                self.wfile.write(outer.content[begin : outer.cut and begin + outer.cut])

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        digits = hashlib.sha256(content).hexdigest()[:8]
        self.url = f"http://127.0.0.1:{self.http.server_port}/models/vgg19-{digits}.pth"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(tiny_vgg):
    server = Server(tiny_vgg.read_bytes())
    yield server
    server.close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "user_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("INPAINTKIT_VGG19")
    return tmp_path / "cache"


def test_a_download_is_checked_and_only_the_first_layers_are_kept(server, cache, tiny_vgg):
    steps = []
    path = weights.fetch(lambda done, total: steps.append((done, total)), url=server.url)
    assert steps[-1] == (len(server.content), len(server.content))
    assert list(read(path).weights)[-1] == "relu4_2"
    whole = read(tiny_vgg).rms
    assert read(path).rms == pytest.approx({name: whole[name] for name in list(whole)[:10]})
    assert sorted(p.name for p in cache.iterdir()) == ["vgg19.pth", "vgg19.pth.sha256"]
    assert weights.located() == path
    assert weights.verify().layers[-1] == "relu4_2"


def test_a_download_cut_short_is_resumed(server, cache):
    server.cut = 1000
    with pytest.raises(OSError, match="which resumes it"):
        weights.fetch(url=server.url)
    assert [p.stat().st_size for p in cache.glob("*.part")] == [1000]
    server.cut = None
    weights.fetch(url=server.url)
    assert server.asked == [None, "bytes=1000-"]
    assert weights.verify().size > 1000
    assert not list(cache.glob("*.part"))


def test_a_server_without_ranges_and_a_download_that_is_complete(server, cache):
    name = server.url.rpartition("/")[2]
    cache.mkdir()
    (cache / f"{name}.part").write_bytes(server.content)
    weights.fetch(url=server.url)  # 416: it is complete
    (cache / f"{name}.part").write_bytes(b"the beginning of another file")
    server.ranges = False
    weights.fetch(url=server.url)
    assert server.asked[0] == f"bytes={len(server.content)}-"
    weights.verify()


def test_a_download_that_does_not_match_its_name_is_removed(server, cache):
    server.content = server.content[:-1] + b"?"
    with pytest.raises(ValueError, match="does not begin with"):
        weights.fetch(url=server.url)
    assert not list(cache.iterdir())
    with pytest.raises(ValueError, match="first digits of its SHA-256"):
        weights.fetch(url=server.url.replace("-", "_"))
    with pytest.raises(OSError, match=r"HTTP Error 501|cannot be downloaded"):
        weights.fetch(url="http://127.0.0.1:1/vgg19-dcbb9e9d.pth")


def test_a_named_file_comes_before_the_kept_one(tiny_vgg, tmp_path, monkeypatch):
    other = tmp_path / "other.pth"
    other.write_bytes(tiny_vgg.read_bytes())
    kept = weights.keep(tiny_vgg)
    assert weights.located() == kept
    monkeypatch.setenv("INPAINTKIT_VGG19", str(tiny_vgg))
    assert weights.located() == tiny_vgg
    assert weights.located(str(other)) == other
    with pytest.raises(FileNotFoundError, match="option weights"):
        weights.located(str(tmp_path / "none.pth"))
    monkeypatch.setenv("INPAINTKIT_VGG19", str(tmp_path / "none.pth"))
    with pytest.raises(FileNotFoundError, match="variable INPAINTKIT_VGG19"):
        weights.located()


def test_the_command(run, tiny_vgg, server, cache):
    assert "not kept" in run("weights", "list")[1]
    status, _, err = run("weights", "verify")
    assert status == 2
    assert "weights fetch" in err
    status, out, _ = run("weights", "fetch", "--url", server.url)
    assert (status, out) == (0, f"kept: {cache / 'vgg19.pth'}\n")
    assert "relu1_1 to relu4_2" in run("weights", "list")[1]
    assert run("weights", "verify")[0] == 0
    (cache / "vgg19.pth").write_bytes(b"damaged")
    status, _, err = run("weights", "verify")
    assert status == 2
    assert "was recorded" in err
    assert run("weights", "import", tiny_vgg)[0] == 0
    assert run("weights", "verify")[0] == 0
    assert run("weights", "remove")[1].count("removed") == 2
    assert "nothing was kept" in run("weights", "remove")[1]
    status, _, err = run("weights", "import", cache / "none.pth")
    assert status == 2
    assert "no such file" in err


def test_a_file_under_torchvisions_name_must_be_torchvisions(tiny_vgg, tmp_path):
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    path.write_bytes(tiny_vgg.read_bytes())
    with pytest.raises(ValueError, match="not torchvision's file"):
        weights.keep(path)


def test_torchvisions_name_stands_for_the_whole_digest(server, cache, monkeypatch):
    assert weights.SHA256.startswith("dcbb9e9d")
    assert len(weights.SHA256) == 64
    whole = hashlib.sha256(server.content).hexdigest()
    monkeypatch.setattr(weights, "SHA256", whole)
    assert weights.fetch(url=server.url) == cache / "vgg19.pth"
    monkeypatch.setattr(weights, "SHA256", whole[:60] + "0000")  # a file that agrees with the name's digits only
    with pytest.raises(ValueError, match=f"which does not begin with {whole[:60]}0000"):
        weights.fetch(url=server.url)
    assert not list(cache.glob("*.part"))
    weights.verify()  # what was kept before is still there


def test_two_downloads_at_once_are_one(server, cache, caplog):
    server.gate = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(weights.fetch, url=server.url)
        until(lambda: server.asked)
        second = pool.submit(weights.fetch, url=server.url)
        until(lambda: "waiting for it" in caplog.text)
        assert not second.done()
        server.gate.set()
        assert first.result(60) == second.result(60) == cache / "vgg19.pth"
    assert server.asked == [None]
    assert sorted(path.name for path in cache.iterdir()) == ["vgg19.pth", "vgg19.pth.sha256"]
    weights.verify()


def until(condition):
    """Wait for another thread."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")


def test_one_waits_in_vain_where_the_other_fails(server, cache, caplog):
    server.gate, server.cut = threading.Event(), 1000
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(weights.fetch, url=server.url)
        until(lambda: server.asked)
        second = pool.submit(weights.fetch, url=server.url)
        until(lambda: "waiting for it" in caplog.text)
        server.gate.set()
        with pytest.raises(OSError, match="which resumes it"):
            first.result(60)
        with pytest.raises(OSError, match="which resumes it"):
            second.result(60)
    assert server.asked == [None, "bytes=1000-"]  # it went on where the first one had come to
    server.cut = None
    weights.fetch(url=server.url)
    weights.verify()


def test_a_full_disk_leaves_a_download_to_be_resumed(server, cache, monkeypatch):
    class Full:
        def __init__(self, file):
            self.file, self.left = file, 3000

        def write(self, data):
            self.file.write(data[: self.left])
            raise OSError(28, "No space left on device")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

    plain = weights.Path.open
    with monkeypatch.context() as patch:
        patch.setattr(
            weights.Path,
            "open",
            lambda path, mode="r": Full(plain(path, mode)) if mode[0] in "aw" else plain(path, mode),
        )
        with pytest.raises(OSError, match=r"\.part cannot be written \(No space left on device\)"):
            weights.fetch(url=server.url)
    weights.fetch(url=server.url)
    assert server.asked == [None, "bytes=3000-"]
    weights.verify()


def test_a_file_that_is_kept_anew_has_no_digest_of_the_old_one(tiny_vgg, cache, monkeypatch):
    weights.keep(tiny_vgg)
    monkeypatch.setattr(weights.torch, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        weights.keep(tiny_vgg)
    assert [path.name for path in cache.iterdir()] == ["vgg19.pth"]
    with pytest.raises(FileNotFoundError, match="fetch or import it again"):
        weights.verify()
