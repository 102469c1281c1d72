"""TLS in front of a server without it: `tls_terminator.py FOLDER UPSTREAM_PORT`.

Makes an authority of its own, whose certificate is FOLDER/ca.pem, and prints its port. Ends when its input does.
"""

import datetime
import socket
import ssl
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

folder, upstream = sys.argv[1], int(sys.argv[2])


def certificate(name, key, issuer, issuer_key, extension):
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(extension, critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def write(name, *parts):
    with open("{}/{}".format(folder, name), "wb") as file:
        file.write(b"".join(parts))


def pass_on(source, target):
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


def serve(raw):
    try:
        client = context.wrap_socket(raw, server_side=True)
    except OSError:
        return
    server = socket.create_connection(("127.0.0.1", upstream))
    threading.Thread(target=pass_on, args=(client, server), daemon=True).start()
    pass_on(server, client)


def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
authority = certificate("authority", authority_key, None, authority_key, x509.BasicConstraints(ca=True, path_length=0))
own = certificate("server", key, authority.subject, authority_key, x509.SubjectAlternativeName([x509.DNSName("localhost")]))
pem = serialization.Encoding.PEM
write("ca.pem", authority.public_bytes(pem))
write(
    "server.pem",
    key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    own.public_bytes(pem),
)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("{}/server.pem".format(folder))
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=accept, daemon=True).start()
print("port {}".format(listener.getsockname()[1]), flush=True)
sys.stdin.read()
