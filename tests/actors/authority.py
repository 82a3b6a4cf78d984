# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of the test's own, made by the openssl program."""

import os
import subprocess

SUBJECT_ALT = "subjectAltName=DNS:localhost,IP:127.0.0.1"


class Authority:
    def __init__(self, directory, name="ca"):
        self.directory = directory
        self.file = os.path.join(directory, f"{name}.pem")
        self._key = os.path.join(directory, f"{name}.key")
        self._openssl("req", "-x509", *self._new_key(self._key), "-out", self.file, "-days", "2",
                      "-subj", f"/CN=petiole test {name}")

    def issue(self, name, alt=SUBJECT_ALT):
        """(certificate, key) files for a server or a client."""
        cert, key = (os.path.join(self.directory, f"{name}.{end}") for end in ("pem", "key"))
        request = os.path.join(self.directory, f"{name}.csr")
        extensions = os.path.join(self.directory, f"{name}.ext")
        with open(extensions, "w") as f:
            f.write(alt)
        self._openssl("req", *self._new_key(key), "-out", request, "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key,
                      "-CAcreateserial", "-out", cert, "-days", "2", "-extfile", extensions)
        return cert, key

    @staticmethod
    def _new_key(file):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", file]

    @staticmethod
    def _openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True)
