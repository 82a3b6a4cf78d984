# SPDX-License-Identifier: Apache-2.0
"""TLS towards Redis: who is verified, how, and what is said when it fails. The URLs and
settings are those of Python applications, and the producers are Python's own."""

import pytest

from actors.authority import Authority
from actors.redis_server import free_port


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(str(tmp_path_factory.mktemp("ca")))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(str(tmp_path_factory.mktemp("stranger")), "stranger")


@pytest.fixture
def secure(stage, authority):
    """secure(**options): a Redis that also speaks TLS; its plain port is for the test."""

    def start(cert=None, auth_clients="no", **options):
        cert, key = cert or authority.issue("server")
        server = stage.redis(tls_port=free_port(), tls_cert_file=cert, tls_key_file=key,
                             tls_ca_cert_file=authority.file, tls_auth_clients=auth_clients,
                             **options)
        server.tls_url = lambda query="", db=0, host="127.0.0.1": (
            f"rediss://{host}:{server._options['tls_port']}/{db}{query}")
        return server

    return start


def runs(producer, url):
    producer.connect(url, url)
    return producer.get(producer.send("demo.add", 2, 3), timeout=30)["value"] == 5


def encrypted_clients(server):
    """How many connections came in over TLS: all but those to the plain port."""
    return [c for c in server.client().client_list()
            if c["laddr"].endswith(f":{server._options['tls_port']}")]


def test_a_worker_and_python_share_an_encrypted_redis(stage, kind, secure, clients, version, authority):
    server = secure()
    url = server.tls_url(f"?ssl_cert_reqs=required&ssl_ca_certs={authority.file}")
    worker = stage.worker(kind, server, broker=url, backend=url)
    assert runs(clients[version], url)
    assert len(encrypted_clients(server)) >= 3
    assert worker.count(r"rediss://:\*\*@127.0.0.1:\d+/0")


def test_a_large_message_and_result_pass(stage, kind, secure, clients, authority):
    server = secure()
    url = server.tls_url(f"?ssl_cert_reqs=required&ssl_ca_certs={authority.file}")
    stage.worker(kind, server, broker=url, backend=url)
    clients["new"].connect(url, url)
    text = "x" * 3_000_000
    assert clients["new"].get(clients["new"].send("demo.echo", text), timeout=60)["value"] == text


def test_a_name_is_verified_as_well_as_an_address(stage, kind, secure, clients, authority):
    server = secure()
    url = server.tls_url(f"?ssl_cert_reqs=required&ssl_ca_certs={authority.file}", host="localhost")
    stage.worker(kind, server, broker=url, backend=url)
    assert runs(clients["new"], url)


def test_without_options_a_broker_verifies_nothing_and_warns(stage, kind, secure, clients):
    server = secure()
    worker = stage.worker(kind, server, broker=server.tls_url(), backend=server.url(1))
    clients["new"].connect(server.url(), server.url(1))
    assert clients["new"].get(clients["new"].send("demo.add", 2, 3))["value"] == 5
    worker.stop()
    assert worker.count(r"Secure redis scheme specified \(rediss\) with no ssl options, "
                        r"defaulting to insecure SSL behaviour\.")


def test_settings_say_the_same_as_the_url(stage, kind, secure, clients, authority):
    server = secure()
    use_ssl = {"ssl_cert_reqs": 2, "ssl_ca_certs": authority.file}
    url = server.tls_url()
    stage.worker(kind, server, broker=url, backend=url,
                 config={"broker_use_ssl": use_ssl, "redis_backend_use_ssl": use_ssl})
    assert runs(clients["new"], server.tls_url(
        f"?ssl_cert_reqs=required&ssl_ca_certs={authority.file}"))


def test_a_client_certificate_is_shown(stage, kind, secure, clients, authority):
    server = secure(auth_clients="yes")
    cert, key = authority.issue("worker")
    url = server.tls_url(f"?ssl_cert_reqs=required&ssl_ca_certs={authority.file}"
                         f"&ssl_certfile={cert}&ssl_keyfile={key}")
    stage.worker(kind, server, broker=url, backend=url)
    assert runs(clients["new"], url)


@pytest.mark.petiole_only
@pytest.mark.timeout(60)
@pytest.mark.parametrize("what, line", [
    ("stranger", r"the server's certificate is refused: .*(issuer|self.signed).*name its authority in ssl_ca_certs"),
    ("name", r"the server's certificate is refused: .*mismatch \(it names other hosts than the URL\)"),
    ("no certificate", r"certificate required \(the server wants a client certificate"),
    ("plain port", r"no TLS handshake within 4\.0 s \(is this the server's TLS port\?\)"),
    ("no file", r"ssl_ca_certs '/nowhere' cannot be used"),
    ("tls port", r"does this port want TLS\? then write rediss://"),
])
def test_what_is_wrong_is_said_in_one_line(stage, kind, secure, authority, stranger, what, line):
    other = authority.issue("other", "subjectAltName=DNS:elsewhere")
    server = secure(cert=stranger.issue("server") if what == "stranger" else
                    other if what == "name" else None,
                    auth_clients="yes" if what == "no certificate" else "no")
    ca = "/nowhere" if what == "no file" else authority.file
    url = server.tls_url(f"?ssl_cert_reqs=required&ssl_ca_certs={ca}")
    if what == "plain port":
        url = url.replace(str(server._options["tls_port"]), str(server.port))
    if what == "tls port":
        url = server.tls_url().replace("rediss", "redis")
    worker = stage.worker(kind, server, broker=url, backend="", ready=False)
    worker.wait_line(r"Cannot connect to rediss?://.*" + line, 20)


@pytest.mark.petiole_only
def test_a_server_that_never_answers_the_handshake_is_left(stage, kind, redis_server):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rediss://127.0.0.1:{silent.getsockname()[1]}/0?socket_connect_timeout=1"
        worker = stage.worker(kind, redis_server, broker=url, backend="", ready=False)
        worker.wait_line(r"Cannot connect to .*no TLS handshake within 1\.0 s", 15)


@pytest.mark.petiole_only
def test_a_result_backend_must_say_whether_it_verifies(stage, kind, redis_server):
    worker = stage.worker(kind, redis_server, backend="rediss://127.0.0.1/0", ready=False)
    worker.wait_line("A rediss:// URL must have parameter ssl_cert_reqs", 15)


@pytest.mark.petiole_only
def test_openssl_is_mapped_only_where_it_is_used(stage, kind, secure, redis_server):
    def maps(worker):
        with open(f"/proc/{worker.pid}/maps") as f:
            return f.read()

    plain = stage.worker(kind, redis_server)
    assert "libssl" not in maps(plain)
    server = secure()
    encrypted = stage.worker(kind, server, broker=server.tls_url(), backend="")
    assert "libssl" in maps(encrypted)
