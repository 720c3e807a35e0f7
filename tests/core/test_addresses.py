"""Which URLs and addresses a server may call."""

from __future__ import annotations

import pytest

from sessions_app.core.addresses import Forbidden, Target, check, target

PUBLIC = ("8.8.8.8", "104.18.7.192", "2606:4700::6812:7c0", "::ffff:8.8.8.8")
OWN = (
    *("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"),
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "::ffff:192.168.0.1", "fd00::1", "fc00:ec2::254"),
    "100.64.0.1",
)
NEVER = (
    "0.0.0.0",  # noqa: S104 - refused, so never bound
    *("0.1.2.3", "::", "::ffff:0.0.0.0", "255.255.255.255", "240.0.0.1", "224.0.0.1"),
    *("169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "fe80::1", "fe80::1%eth0"),
    *("ff02::1", "fec0::1", "::7f00:1", "::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
    *("2002:7f00:1::", "2001:0:7f00:1::", "100::1", "168.63.129.16", "::ffff:168.63.129.16"),
    *("", "localhost", "8.8.8", "0x7f.0.0.1", "2130706433", "8.8.8.8 ", "0177.0.0.1"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    assert check([address]) == [address]
    assert check([address], local=True) == [address]


@pytest.mark.parametrize("address", OWN)
def test_an_address_of_this_machine_or_network_needs_the_operators_word(address: str) -> None:
    assert check([address], local=True) == [address]
    with pytest.raises(Forbidden):
        check([address])


@pytest.mark.parametrize("address", NEVER)
def test_other_addresses_are_never_called(address: str) -> None:
    for local in (False, True):
        with pytest.raises(Forbidden):
            check([address], local=local)


@pytest.mark.parametrize("bad", ["10.0.0.1", "169.254.169.254"])
def test_one_forbidden_address_of_several_forbids_them_all(bad: str) -> None:
    for mixed in (["8.8.8.8", bad], [bad, "8.8.8.8"]):
        with pytest.raises(Forbidden):
            check(mixed)


def test_a_host_without_any_address_leads_nowhere() -> None:
    with pytest.raises(Forbidden, match="nowhere"):
        check([])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.openai.com/v1", Target("https", "api.openai.com", 443)),
        ("http://models.example:8080/v1/", Target("http", "models.example", 8080)),
        ("https://[2606:4700::1]/v1", Target("https", "2606:4700::1", 443)),
        ("HTTPS://8.8.8.8", Target("https", "8.8.8.8", 443)),
        ("https://xn--bcher-kva.example", Target("https", "xn--bcher-kva.example", 443)),
    ],
)
def test_a_url_says_where_it_leads(url: str, expected: Target) -> None:
    assert target(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.openai.com/v1", "//api.openai.com", "ftp://x.example", "file:///etc/passwd"),
        *("gopher://x.example", "unix:///run/x.sock", "https://", "https:///v1", "https://:443/"),
        *("https://user@x.example", "https://user:pw@x.example", "https://:@x.example"),
        *("https://x.example/v1?key=1", "https://x.example/#a", "https://x.example:0"),
        *("https://x.example:99999", "https://x.example:http", "https://x.example:-1"),
        *(
            "https://x.example\\@10.0.0.1",
            "https://x .example",
            "https://x.example\n",
            "\thttp://x",
        ),
        *("https://b\u00fccher.example", "https://\uff11\uff12\uff17.0.0.1", "https://%31.example"),
        *("https://2130706433", "https://0x7f000001", "https://0x7f.0.0.1", "https://017700000001"),
        *("https://0177.0.0.1", "https://127.1", "https://127.0.1", "https://127.0.0.1."),
        *("https://1.2.3.256", "https://8.8.8.8.8", "https://x.0x7f", "https://[fe80::1%25eth0]"),
        *("https://[::1", "https://[v1.x]", "https://[::ffff:169.254.169.254]", "https://0.0.0.0"),
        *("http://169.254.169.254/latest/meta-data", "http://[::]/", "https://0"),
    ],
)
def test_a_url_that_may_not_be_called_is_refused_whatever_the_operator_allows(url: str) -> None:
    for local in (False, True):
        with pytest.raises(Forbidden):
            target(url, local=local)


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost:11434/v1", "http://LOCALHOST.", "http://a.localhost"),
        *("http://127.0.0.1:8000/v1", "http://[::1]:8000", "http://10.1.2.3", "http://[fd00::5]"),
    ],
)
def test_a_local_url_needs_the_operators_word(url: str) -> None:
    assert target(url, local=True).scheme == "http"
    with pytest.raises(Forbidden):
        target(url)


@pytest.mark.parametrize("url", ["https://sk-secret@x.example", "ftp://sk-secret", "sk-secret"])
def test_a_refusal_repeats_nothing_of_the_url(url: str) -> None:
    with pytest.raises(Forbidden) as caught:
        target(url)
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
