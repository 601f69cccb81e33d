"""TLS in front of a PostgreSQL that is built without it. Connections without TLS are refused."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

# The first message of a client that wants TLS: its length, and a magic number in place of a protocol version.
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
ACCEPTED = b"S"


@contextlib.contextmanager
def tls_before(socket: Path, folder: Path) -> Iterator[tuple[int, str]]:
    """Yield a local port that leads to a server's socket, and the certificate authority to trust, as PEM."""
    authority, certificate = make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    ports: queue.Queue[int] = queue.Queue()
    is_over = threading.Event()

    async def listen() -> None:
        server = await asyncio.start_server(lambda *client: _serve(socket, context, *client), "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(is_over.wait)
        server.close()

    # In a thread, so that it answers while a test blocks.
    thread = threading.Thread(target=lambda: asyncio.run(listen()), name="tls")
    thread.start()
    try:
        yield ports.get(timeout=30), authority
    finally:
        is_over.set()
        thread.join()


async def _serve(
    socket: Path, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
            writer.close()
            return
        writer.write(ACCEPTED)
        await writer.drain()
        await writer.start_tls(context)
        server_reader, server_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(_copy(reader, server_writer), _copy(server_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


def make_certificates(folder: Path) -> tuple[str, Path]:
    """An authority as PEM, and a file with key and signed certificate of ``localhost``."""
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("an authority", "an authority", authority_key, authority_key)
    certificate = _certificate("localhost", "an authority", server_key, authority_key)
    key = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "localhost.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + key)
    return authority.public_bytes(Encoding.PEM).decode(), file


def _certificate(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, signed_with: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)]
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), critical=True)
    )
    if subject != issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
    return builder.sign(signed_with, hashes.SHA256())
