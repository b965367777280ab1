"""Which addresses a provider may have."""

import ipaddress

import pytest
from hypothesis import given, strategies as st

from catalog.addresses import AddressRefused, address_is_public, base_url_check

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
]
NOT_PUBLIC = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3",
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200",
    "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::127.0.0.1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "ff02::1",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::",
    "2001:0:1::1", "2001:db8::1", "3fff::1", "fec0::1", "100::1", "5f00::1", "not an address", "", "127.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address):
    assert address_is_public(address)
    assert address_is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_of_our_own_network(address):
    assert not address_is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_no_better(ip):
    mapped = ipaddress.IPv6Address(f"::ffff:{ip}")
    assert address_is_public(mapped) == address_is_public(ip)
    assert not address_is_public(ipaddress.IPv6Address(f"64:ff9b::{ip}"))


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.example.com/v1", "https://api.example.com/v1"),
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("https://API.Example.com:8443/a/b", "https://API.Example.com:8443/a/b"),
        ("https://8.8.8.8/v1", "https://8.8.8.8/v1"),
        ("https://[2606:4700:4700::1111]/v1", "https://[2606:4700:4700::1111]/v1"),
        ("https://xn--bcher-kva.example/v1", "https://xn--bcher-kva.example/v1"),
        ("https://1password.com", "https://1password.com"),
    ],
)
def test_urls_of_providers(url, kept):
    assert base_url_check(url, private_allowed=False) == kept
    assert base_url_check(url, private_allowed=True) == kept


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1", "https://127.0.0.1/v1",
        "https://127.1", "https://127.0.1", "https://0x7f.1",
        "https://0x7F.0.0.0x1", "https://2130706433",
        "https://0x7f000001", "https://017700000001", "https://0177.0.0.1",
        "https://0", "https://0x0", "https://127.0.0.1.",
        "https://127.1.", "https://[::1]", "https://[::ffff:127.0.0.1]",
        "https://[::ffff:7f00:1]", "https://[64:ff9b::7f00:1]",
        "https://[fe80::1%25eth0]", "https://10.1", "https://192.168.257",
        "https://169.254.169.254/latest/meta-data", "https://0xa9fea9fe",
        "https://2852039166", "https://100.100.100.200",
        "https://localhost", "https://LOCALHOST", "https://localhost.",
        "https://a.localhost", "https://postgres", "https://db.local",
        "https://metadata.google.internal", "https://metadata.google.internal.",
        "https://nas.lan", "https://x.home.arpa",
        "https://168.63.129.16", "https://api.example.com./v1",
    ],
)  # fmt: skip
def test_urls_into_our_own_network_need_the_setting(url):
    with pytest.raises(AddressRefused):
        base_url_check(url, private_allowed=False)
    assert base_url_check(url, private_allowed=True) == url


@pytest.mark.parametrize("private_allowed", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        "", "api.example.com", "//api.example.com",
        "ftp://api.example.com", "file:///etc/passwd", "javascript:alert(1)",
        "https://", "https:///v1",
        "https://user@api.example.com", "https://user:pw@api.example.com", "https://@api.example.com",
        "https://good.example@127.0.0.1", "https://api.example.com?x=1",
        "https://api.example.com/v1?", "https://api.example.com#f",
        "https://api.example.com/#", "https://api.example.com:0",
        "https://api.example.com:99999", "https://api.example.com:",
        "https://api.example.com:x", "https://a b.example",
        "https://a\tb.example", "https://a\nb.example", "https://a\\b.example",
        "https://127。0。0。1", "https://①②⑦.0.0.1",
        "https://bücher.example", "https://a..example", "https://.example",
        "https://[::1", "https://[zz]", "https://%31%32%37.0.0.1",
        "https://a,b.example", "https://-a.example", "https://" + "a" * 600,
    ],
)  # fmt: skip
def test_urls_that_are_none_are_refused_everywhere(url, private_allowed):
    with pytest.raises(AddressRefused):
        base_url_check(url, private_allowed=private_allowed)


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.0.1", "https://256.1.1.1", "https://1.2.3.256", "https://09.1", "https://4294967296"],
)
def test_numbers_that_are_no_address_are_refused_in_public(url):
    with pytest.raises(AddressRefused, match="no valid host"):
        base_url_check(url, private_allowed=False)


@given(st.text(max_size=60))
def test_any_text_is_an_answer(text):
    """Nothing but the named refusal comes out, whatever goes in."""
    for url in (text, f"https://{text}"):
        try:
            base_url_check(url, private_allowed=False)
        except AddressRefused:
            continue


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_every_spelling_of_an_address_is_understood(value, form):
    ip = ipaddress.IPv4Address(value)
    url = f"https://{form.format(value)}"
    if address_is_public(ip):
        assert base_url_check(url, private_allowed=False) == url
    else:
        with pytest.raises(AddressRefused):
            base_url_check(url, private_allowed=False)
