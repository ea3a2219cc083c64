"""Who we are for the artifact service: the two ids that the runtime token carries."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

from ptmobile.github.artifact.errors import NoServiceError

_SCOPE: Final = "Actions.Results"


@dataclass(frozen=True)
class BackendIds:
    """The run and the job, as the service names them: GUIDs on GitHub, numbers on act."""

    run: str
    job: str

    def fields(self) -> dict[str, str]:
        """The ids as every request carries them."""
        return {"workflow_run_backend_id": self.run, "workflow_job_run_backend_id": self.job}


def backend_ids(token: str) -> BackendIds:
    """Read the ids from a token's scopes, `Actions.Results:RUN:JOB`; the first scope of that name counts.

    The signature is not checked: the token is ours, and the service checks it.

    Raises:
        NoServiceError: the token is no JSON Web Token, or has no such scope.
    """
    claims = _claims(token)
    scopes = claims.get("scp") if isinstance(claims, dict) else None
    for scope in scopes.split(" ") if isinstance(scopes, str) else ():
        name, *ids = scope.split(":")
        if name == _SCOPE:
            if len(ids) == 2 and all(ids):
                return BackendIds(*ids)
            break
    raise NoServiceError("ACTIONS_RUNTIME_TOKEN does not carry the scope that uploading an artifact needs.")


def _claims(token: str) -> object:
    parts = token.split(".")
    if len(parts) < 2:
        return None
    payload = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        return json.loads(base64.b64decode(payload, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
