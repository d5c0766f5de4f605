"""A certificate for the servers of one run, signed by an authority that is as short-lived."""

import pathlib
import subprocess

AUTHORITY = """\
[req]
distinguished_name = name
prompt = no
x509_extensions = extensions
[name]
CN = Duplex conformance run
[extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

SERVER = """\
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectKeyIdentifier = hash
subjectAltName = {names}
"""


def openssl(folder: pathlib.Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, text=True)


def make(folder: pathlib.Path, hosts: list[str], addresses: list[str]) -> None:
    """Writes ca.pem, which clients are to trust, and server.pem with server.key."""
    names = ", ".join([*(f"DNS:{host}" for host in hosts), *(f"IP:{address}" for address in addresses)])
    (folder / "ca.cnf").write_text(AUTHORITY)
    (folder / "server.cnf").write_text(SERVER.format(names=names))
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(folder, "req", "-x509", *key, "-config", "ca.cnf", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2")
    openssl(folder, "req", *key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "1",
        "-extfile", "server.cnf", "-out", "server.pem", "-days", "2",
    )  # fmt: skip
