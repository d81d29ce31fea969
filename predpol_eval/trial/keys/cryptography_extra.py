"""The library behind signatures and sealing, which is an extra."""

from __future__ import annotations

from predpol_eval.errors import InputError

INSTALL = "pip install 'predpol-eval[trial]'"


def need_cryptography(what: str) -> None:
    """Refuse to go on where `cryptography` is missing.

    Parameters
    ----------
    what : str
        What needs it, to open the message.

    Raises
    ------
    InputError
        If it cannot be imported, with the command that installs it.
    """
    try:
        import cryptography.hazmat.primitives.asymmetric.ed25519
        import cryptography.hazmat.primitives.ciphers.aead
        import cryptography.hazmat.primitives.kdf.scrypt  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"{what} needs the library cryptography, which cannot be imported ({error}): {INSTALL}"
        ) from error
