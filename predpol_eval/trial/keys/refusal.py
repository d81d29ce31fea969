"""Why a signature is refused, in plain words and as a code for the record."""

from __future__ import annotations

from predpol_eval.errors import InputError

CODES = (
    "not signed",
    "wrong key",
    "wrong signature",
    "other file",
    "other plan",
    "other label",
    "other nights",
    "replayed",
)


class SignatureRefused(InputError):  # noqa: N818 - it says what happened to the signature
    """A submission that its envelope does not cover.

    Parameters
    ----------
    reason : str
        What was found, what was expected and what to do. It tells nothing that is secret, so it can be sent back.
    code : str
        One of `CODES`.

    Raises
    ------
    InputError
        If there is no such code.

    Examples
    --------
    >>> SignatureRefused("There is no envelope; sign the file.", "not signed").code
    'not signed'
    """

    def __init__(self, reason: str, code: str) -> None:
        if code not in CODES:
            raise InputError(f"{code!r} is no code of a refusal; give one of: {', '.join(CODES)}.")
        super().__init__(reason)
        self.reason = reason
        self.code = code

    def __reduce__(self) -> tuple[type[SignatureRefused], tuple[str, str]]:
        # So that it comes back whole from another process.
        return type(self), (self.reason, self.code)
