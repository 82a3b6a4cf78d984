# SPDX-License-Identifier: Apache-2.0
"""Makes keys and certificates, and records bodies that Celery's auth serializer signed.

    python3.11 -m venv venv && venv/bin/pip install -r ../../requirements-new.txt
    venv/bin/python make_signed.py

The keys sign nothing but these files."""
import datetime
import pathlib

from celery.security.serialization import SecureSerializer
from celery.security.certificate import Certificate, CertStore
from celery.security.key import PrivateKey
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).parent
BODY = [[2, 3], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
START = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


def certificate(key, name, serial, until):
    issuer = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
                        x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"Prüfstelle {name}"),
                        x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (x509.CertificateBuilder().subject_name(issuer).issuer_name(issuer).public_key(key.public_key())
            .serial_number(serial).not_valid_before(START).not_valid_after(until)
            .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def pem(key, password=None):
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def write(name, data):
    (HERE / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def main():
    far = START.replace(year=2120)
    keys = {name: rsa.generate_private_key(65537, 2048) for name in ("alice", "mallory")}
    for serial, (name, key) in enumerate(keys.items()):
        write(f"{name}.pem", certificate(key, name, 12345678901234567890 + serial, far))
    write("alice.key", pem(keys["alice"]))
    write("alice_encrypted.key", pem(keys["alice"], b"secret"))
    write("expired.pem", certificate(keys["alice"], "alice", 7, START.replace(year=2021)))
    curve = ec.generate_private_key(ec.SECP256R1())
    write("curve.pem", certificate(curve, "curve", 8, far))
    write("curve.key", pem(curve))
    for name in keys:
        for digest in ("sha256", "sha512"):
            signer = SecureSerializer(PrivateKey(pem(keys[name])), Certificate((HERE / f"{name}.pem").read_bytes()),
                                      CertStore(), digest)
            write(f"{name}_{digest}.body.txt", signer.serialize(BODY))


if __name__ == "__main__":
    main()
