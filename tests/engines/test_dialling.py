"""Where a call really goes: names that lie, change their answer, or have a certificate."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from memory_app.core.work import EngineFailed
from memory_app.openai_engine import OpenAI
from tests.engines.endpoint import Endpoint, points, says, sends
from tests.engines.works import GOOD, work

Maker = Callable[..., OpenAI]
NAME = "models.example"
good = says(points(*GOOD))


class Names:
    """A resolver that gives one answer after the other, the last one from then on."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.1"],
        ["fe80::1%lo"],
    ],
)
def test_a_name_that_leads_inside_is_never_connected_to(
    endpoint: Endpoint, model: Maker, found: list[str]
) -> None:
    endpoint.plays(good)
    engine = model(url=f"http://{NAME}:{endpoint.port}/v1", resolve=Names(found), local=False)
    with pytest.raises(EngineFailed) as caught:
        engine.summarise(work())
    assert (caught.value.reason, caught.value.retryable) == ("forbidden_address", False)
    assert endpoint.asked == []


def test_link_local_addresses_stay_forbidden_where_local_ones_are_allowed(
    endpoint: Endpoint, model: Maker
) -> None:
    engine = model(url=f"http://{NAME}/v1", resolve=Names(["169.254.169.254"]))
    with pytest.raises(EngineFailed, match="forbidden_address"):
        engine.summarise(work())


def test_a_url_that_may_not_be_called_is_refused_before_any_name_is_asked(model: Maker) -> None:
    names = Names(["127.0.0.1"])
    for url in ("http://127.0.0.1/v1", "http://0x7f.1/v1", f"http://key@{NAME}/v1"):
        with pytest.raises(EngineFailed, match="forbidden_address") as caught:
            model(url=url, resolve=names, local=False).summarise(work())
        assert url not in str(caught.value)
    assert names.asked == []


def test_the_checked_address_is_the_one_connected_to(
    endpoint: Endpoint, model: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver that says something else the second time is not asked a second time."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    connected: list[str] = []
    connect = socket.create_connection

    def watched(address: tuple[str, int], *rest: Any, **more: Any) -> socket.socket:
        connected.append(address[0])
        return connect(address, *rest, **more)

    monkeypatch.setattr("socket.create_connection", watched)
    endpoint.plays(good)
    model(url=f"http://{NAME}:{endpoint.port}/v1", resolve=names).summarise(work())
    assert names.asked == [(NAME, endpoint.port)]
    assert connected == ["127.0.0.1"]
    assert endpoint.headers[0]["host"] == f"{NAME}:{endpoint.port}"


def test_each_further_call_asks_and_checks_again(endpoint: Endpoint, model: Maker) -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    endpoint.plays(sends(b"", 500), good)
    with pytest.raises(EngineFailed, match="forbidden_address"):
        model(url=f"http://{NAME}:{endpoint.port}/v1", resolve=names).summarise(work())
    assert len(endpoint.asked) == 1


def test_the_next_address_is_tried_when_one_takes_no_connection(
    endpoint: Endpoint, model: Maker
) -> None:
    """The endpoint listens on 127.0.0.1 alone."""
    names = Names(["127.0.0.2", "127.0.0.1"])
    endpoint.plays(good)
    engine = model(url=f"http://{NAME}:{endpoint.port}/v1", resolve=names)
    assert len(engine.summarise(work())) == 3


def test_a_name_that_does_not_resolve_is_a_connection_that_failed(model: Maker) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError(f"no such name {host}")

    with pytest.raises(EngineFailed, match="connection"):
        model(url=f"http://{NAME}/v1", resolve=unknown).summarise(work())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its own certificate, for NAME and no address, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.parametrize(
    ("name", "trusted", "reason"),
    [(NAME, True, None), ("other.example", True, "connection"), (NAME, False, "connection")],
)
def test_tls_proves_the_name_though_an_address_is_dialled(
    certificate: Path,
    model: Maker,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    trusted: bool,
    reason: str | None,
) -> None:
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, server_name, _context: asked.append(server_name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Endpoint(context).running() as secured:
        secured.plays(good)
        engine = model(url=f"https://{name}:{secured.port}/v1", resolve=Names(["127.0.0.1"]))
        if reason is None:
            assert len(engine.summarise(work())) == 3
        else:
            with pytest.raises(EngineFailed, match=reason):
                engine.summarise(work())
            assert secured.asked == []
    assert set(asked) == {name}
