"""The completions server and who calls it: keys, names, pages, bodies that are too large, and figures."""

from __future__ import annotations

import pytest

pytest.importorskip("prometheus_client")

from afterglow.repl.serve.api_keys import ApiKeys
from afterglow.repl.serve.limits import Limits
from afterglow.repl.serve.origins import Origins

from .cli_helpers import RunCli
from .serve_clients import running

KEY = "a-key-of-24-characters--"
SENT = {"prompt": "The lamp", "max_tokens": 8, "seed": 7}
PLACES = ["/v1/models", "/v1/completions", "/metrics", "/elsewhere"]


async def test_with_keys_only_the_page_and_the_health_are_open() -> None:
    async with running(keys=ApiKeys([KEY])) as server:
        for place in PLACES:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                async with server.session.post(f"{server.address}{place}", json=SENT, headers=headers) as answer:
                    error = (await answer.json())["error"]
                    assert (answer.status, error["code"]) == (401, "invalid_api_key"), place
                    assert answer.headers["WWW-Authenticate"] == "Bearer"
                    assert KEY not in error["message"]
        async with server.session.get(f"{server.address}/health") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok"})
        permitted = {"Authorization": f"Bearer {KEY}"}
        async with server.session.post(f"{server.address}/v1/completions", json=SENT, headers=permitted) as answer:
            assert answer.status == 200


async def test_a_name_that_is_not_its_own_and_other_sites_are_refused_before_anything_else() -> None:
    evil = [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
    async with running() as server:
        for headers in evil:
            for place in PLACES:
                async with server.session.post(f"{server.address}{place}", json=SENT, headers=headers) as answer:
                    assert answer.status == 403
                    assert "start it with --allow-" in (await answer.json())["error"]["message"]
                    assert "Access-Control-Allow-Origin" not in answer.headers
        assert server.service.shelf.loaded_count == 0


async def test_a_permitted_page_may_ask_first_and_reads_answers_and_errors() -> None:
    named = Origins(frozenset({"glow.example"}), frozenset({"https://lite.koboldai.net"}))
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    async with running(origins=named, keys=ApiKeys([KEY])) as server:
        address = f"{server.address}/v1/completions"
        for origin in ("https://lite.koboldai.net", "http://localhost:5173"):
            page = {"Origin": origin, "Host": "glow.example"}
            async with server.session.options(address, headers=page | asked) as answer:
                assert (answer.status, await answer.text()) == (204, "")
                assert answer.headers["Access-Control-Allow-Headers"] == "authorization,content-type"
            for stream in (False, True):
                permitted = page | {"Authorization": f"Bearer {KEY}"}
                async with server.session.post(address, json=SENT | {"stream": stream}, headers=permitted) as answer:
                    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
            async with server.session.post(address, json=SENT, headers=page) as answer:
                assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, origin)


async def test_answers_are_not_kept_and_not_taken_for_something_else() -> None:
    async with running() as server:
        for place in ("/v1/models", "/health", "/elsewhere"):
            async with server.session.get(f"{server.address}{place}") as answer:
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-store"


async def test_a_body_that_is_too_large_is_not_read() -> None:
    limits = Limits(seed=1000)
    async with running(limits) as server:
        body = b" " * (limits.body_bytes + 1)
        async with server.session.post(f"{server.address}/v1/completions", data=body) as answer:
            assert answer.status == 413
            assert "error" in await answer.json()


async def test_figures_count_answers_by_route_and_status_and_name_no_address() -> None:
    async with running() as server:
        for place in ("/v1/models", "/elsewhere/secret", "/elsewhere"):
            async with server.session.get(f"{server.address}{place}"):
                pass
        async with server.session.get(f"{server.address}/metrics") as answer:
            figures = await answer.text()
        assert 'afterglow_requests_total{route="/v1/models",status="200"} 1.0' in figures
        assert 'afterglow_requests_total{route="other",status="404"} 2.0' in figures
        assert "secret" not in figures
        assert "afterglow_places 64.0" in figures


def test_a_server_for_other_machines_needs_a_key(run: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFTERGLOW_KEYS", raising=False)
    ran = run("serve", "--host", "0.0.0.0")  # noqa: S104
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "so it needs a key" in ran.err
    assert "AFTERGLOW_KEYS_FILE" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--allow-origin", "glow.example"], "'glow.example' is not a page's URL"),
        (["-m", "nobody"], "there is no model"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1, port 8080"),
    ],
)
def test_mistakes_are_said_before_anything_is_served(
    run: RunCli, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("AFTERGLOW_KEYS", KEY)
    ran = run("serve", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2 if "nobody" not in arguments else 1, "", 1)
    assert message in ran.err
