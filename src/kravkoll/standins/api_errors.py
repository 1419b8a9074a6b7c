"""How the interfaces say no: the agreed body `{code, message}`."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kravkoll.standins.answers import json_answer


class ApiError(Exception):
    """An answer other than yes; `code` is stable."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
        super().__init__(f"{status} {code}: {message}")


async def api_error(_request: Request, error: Exception) -> Response:
    """Handler for ApiError."""
    if not isinstance(error, ApiError):
        raise error
    return json_answer({"code": error.code, "message": error.message}, error.status, error.headers)


async def http_error(_request: Request, error: Exception) -> Response:
    """Handler for the framework's own 404 and 405."""
    if not isinstance(error, HTTPException):
        raise error
    return json_answer(
        {"code": f"http.{error.status_code}", "message": error.detail}, error.status_code, error.headers
    )
