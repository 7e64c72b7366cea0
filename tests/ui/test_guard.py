"""Who may ask: nobody without the token, no page of another server, nothing out of what was opened."""

from __future__ import annotations

import httpx
import pytest
from served import noise

import inpaintkit


@pytest.fixture
def ask(page):
    """Asks the page's server without anything that a browser or a program would add."""
    with httpx.Client(base_url=page.address) as http:
        yield http


@pytest.fixture
def browser(page):
    """A browser that has opened the printed address."""
    with httpx.Client(base_url=page.address) as http:
        answer = http.get("/", params={"token": page.session.token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        yield http


PATHS = ("/", "/static/index.html", "/api/state", "/api/methods", "/api/events", "/api/jobs", "/api/photos/x")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic {token}"},
        {"authorization": "{token}"},
        {"cookie": "inpaintkit-{port}={token}"},
        {"cookie": "inpaintkit-1={secret}"},
        {"cookie": "inpaintkit={secret}"},
        {"authorization": "Bearer wrong", "cookie": "inpaintkit-{port}={secret}"},
    ],
    ids=str,
)
def test_without_the_token_there_is_nothing(page, ask, headers):
    from inpaintkit.ui.guard import Guard

    secret = Guard(None, page.session.token, "127.0.0.1", page.port).secret
    known = {"token": page.session.token, "port": page.port, "secret": secret}
    for path in PATHS:
        answer = ask.get(path, headers={name: value.format(**known) for name, value in headers.items()})
        assert answer.status_code == 401, path
        assert "Bearer" in answer.json()["error"]


def test_the_token_becomes_a_cookie_and_leaves_the_address(page, ask):
    assert ask.get("/", params={"token": page.session.token + "x"}).status_code == 401
    answer = ask.get("/", params={"token": page.session.token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"inpaintkit-{page.port}=")
    assert {part.strip() for part in cookie.split(";")[1:]} == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert page.session.token not in cookie
    assert ask.get("/").status_code == 200
    assert ask.get("/api/state").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "", "[::1"]
)
def test_another_host_is_refused(page, host):
    answer = page.http.get("/api/state", headers={"host": host.format(port=page.port)})
    assert answer.status_code == 403
    assert "is not this server" in answer.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_names_of_this_machine_are_not(page, host):
    assert page.http.get("/api/jobs", headers={"host": host.format(port=page.port)}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "reads", "writes"),
    [
        ({}, 200, 403),
        ({"origin": "{own}"}, 200, 200),
        ({"sec-fetch-site": "same-origin"}, 200, 200),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 200, 200),
        ({"origin": "null"}, 403, 403),
        ({"origin": "http://evil.example"}, 403, 403),
        ({"origin": "http://127.0.0.1:1"}, 403, 403),
        ({"origin": "https://127.0.0.1:{port}"}, 403, 403),
        ({"origin": "{own}", "sec-fetch-site": "cross-site"}, 403, 403),
        ({"sec-fetch-site": "same-site"}, 403, 403),
    ],
    ids=str,
)
def test_with_the_cookie_only_the_own_page_may_ask(page, browser, headers, reads, writes):
    known = {"own": page.address, "port": page.port}
    headers = {name: value.format(**known) for name, value in headers.items()}
    assert browser.get("/api/jobs", headers=headers).status_code == reads
    event = {"type": "stroke", "points": [[5, 5]], "width": 3}
    for method, path in (("POST", f"/api{page.photo}/events"), ("POST", f"/api{page.photo}/undo")):
        assert browser.request(method, path, headers=headers, json=event).status_code == writes
    assert browser.delete("/api/jobs/none", headers=headers).status_code == (404 if writes == 200 else writes)


def test_a_program_needs_no_origin(page):
    assert page.http.post(f"/api{page.photo}/undo", headers={"origin": "http://evil.example"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/state", "/api/none", "/static/none.js"])
def test_every_answer_says_what_a_browser_may_do_with_it(page, path):
    headers = page.http.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_tiles_with_a_version_stay_in_the_browser_and_others_do_not(page):
    path = f"/api{page.photo}/tiles/now/0/0/0"
    assert "immutable" in page.http.get(f"{path}?v=1").headers["cache-control"]
    assert page.http.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(page, monkeypatch, chunked):
    from inpaintkit.ui import app

    monkeypatch.setattr(app, "_MAX_JSON", 1000)
    body = b"[" + b"1," * 1000 + b"1]"
    content = iter([body[:500], body[500:]]) if chunked else body
    answer = page.http.post(f"/api{page.photo}/events", content=content)
    assert (answer.status_code, answer.json()["error"]) == (413, "the request has more than 1000 bytes of JSON")


def test_no_request_may_say_that_it_is_larger_than_is_taken(page):
    import socket

    head = f"POST /api/photos HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nAuthorization: Bearer {page.session.token}\r\n"
    with socket.create_connection(("127.0.0.1", page.port)) as connection:
        connection.sendall(f"{head}Content-Length: {2**31}\r\n\r\n".encode())
        assert b" 413 " in connection.recv(1000).splitlines()[0]


def test_too_many_pixels_are_refused(page, monkeypatch, photo_file):
    monkeypatch.setenv("INPAINTKIT_MAX_PIXELS", "1000")
    answer = page.http.post("/api/photos", files={"file": ("large.png", photo_file.read_bytes())})
    assert answer.status_code == 422
    assert "large.png" in answer.json()["error"]
    assert "INPAINTKIT_MAX_PIXELS" in answer.json()["error"]
    assert len(page.get("/state")["photos"]) == 1


@pytest.fixture
def folder(tmp_path):
    """A folder with a picture, links into and out of it, and a picture beside it."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for path in (tmp_path / "secret.png", folder / "a.png", folder / "sub" / "b.png"):
        inpaintkit.write(path, noise())
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "in.png").symlink_to(folder / "a.png")
    (folder / "up").symlink_to(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("a.png", 200),
        ("sub/b.png", 200),
        ("in.png", 200),
        ("out.png", 403),
        ("up/secret.png", 403),
        ("../secret.png", 403),
        ("sub/../../secret.png", 403),
        ("{folder}/a.png", 403),
        ("/etc/passwd", 403),
        ("none.png", 404),
        ("sub", 422),
        ("a.png\0", 403),
        ("", 422),
    ],
)
def test_only_the_folder_that_was_opened_is_reached(open_page, folder, path, status):
    page = open_page(folder)
    answer = page.http.post("/api/photos", json={"path": path.format(folder=folder)})
    assert answer.status_code == status, answer.text


def test_links_out_of_the_folder_are_listed_as_such_and_neither_shown_nor_filled(open_page, folder, tmp_path):
    before = (tmp_path / "secret.png").read_bytes()
    page = open_page(folder)
    listed = {photo["name"]: photo for photo in page.get("/state")["folder"]["photos"]}
    assert set(listed) == {"a.png", "sub/b.png", "in.png", "out.png"}
    assert [name for name, photo in listed.items() if photo["error"]] == ["out.png"]
    out = f"/api/photos/{listed['out.png']['id']}"
    for path in ("", "/thumbnail.png", "/tiles/now/0/0/0", "/download"):
        assert page.http.get(out + path).status_code == 403
    first = f"/photos/{listed['a.png']['id']}"
    page.post(f"{first}/events", {"type": "rect", "box": [10, 10, 10, 10]})
    asked = {"from": listed["a.png"]["id"], "use": "mask", "settings": {"method": "telea"}}
    result = page.job(page.post("/folder/fill", asked))["result"]
    assert [failure["photo"] for failure in result["failed"]] == ["out.png"]
    assert (tmp_path / "secret.png").read_bytes() == before
    assert not (folder / "repaired" / "out.png").exists()


@pytest.mark.parametrize("name", ["../x.png", "sub/x.png", "/tmp/x.png", "..", ".hidden.png", "a\\b.png", "", "x.txt"])
def test_a_name_to_save_under_stays_in_the_folder(page, photo_file, name):
    before = sorted(photo_file.parent.iterdir())
    status, _ = page.refused(f"{page.photo}/save", {"where": "beside", "name": name})
    assert status == (422 if name == "x.txt" else 403)
    assert sorted(photo_file.parent.iterdir()) == before


def test_what_was_sent_has_no_folder(page):
    sent = page.http.post("/api/photos", files={"file": ("../../x.png", open_bytes())}).json()
    assert sent["name"] == "x.png"
    assert sent["can"] == {"in_place": False, "beside": False, "formats": sent["can"]["formats"]}
    assert page.refused(f"/photos/{sent['id']}/save", {"where": "beside"})[0] == 403


def open_bytes():
    import io

    content = io.BytesIO()
    inpaintkit.write(content, noise(), format="png")
    return content.getvalue()


def test_on_another_host_the_numbers_of_the_machine_are_names_of_the_server(page):
    from inpaintkit.ui.guard import Guard, RefusalError

    everywhere = Guard(None, "t" * 20, "0.0.0.0", 80)
    for name in ("192.168.1.7", "127.0.0.1:80", "localhost"):
        everywhere._check_host({"host": name})
    for name in ("evil.example", "192.168.1.7:81"):
        with pytest.raises(RefusalError):
            everywhere._check_host({"host": name})
    named = Guard(None, "t" * 20, "printer.lan", 80)
    named._check_host({"host": "Printer.LAN"})
    with pytest.raises(RefusalError):
        named._check_host({"host": "192.168.1.7"})
