"""The messages of the suites. messages_test.go has the same ones in Go."""

from typing import Any, ClassVar, Optional

from pydantic import BaseModel

from sdk import StreamingSynapse, Synapse, Tensor


class Numbers(Synapse):
    a: int
    b: float
    flag: bool = False
    c: Optional[int] = None
    big: int = 0
    floats: list[float] = []
    seen: str = ""
    required_hash_fields: ClassVar[tuple[str, ...]] = ("a", "b", "flag", "c", "big", "floats")


class Texts(Synapse):
    s: str
    strs: list[str] = []
    seen: str = ""
    required_hash_fields: ClassVar[tuple[str, ...]] = ("s", "strs")


class Containers(Synapse):
    d: dict[str, Any]
    by_int: dict[int, str] = {}
    pair: tuple[int, ...] = ()
    anything: Any = None
    seen: str = ""
    required_hash_fields: ClassVar[tuple[str, ...]] = ("d", "by_int", "pair", "anything")


class Inner(BaseModel):
    id: int
    label: str = "x"
    score: Optional[float] = None


class Models(Synapse):
    one: Optional[Inner] = None
    many: list[Inner] = []
    seen: str = ""
    required_hash_fields: ClassVar[tuple[str, ...]] = ("one", "many")


class Tensors(Synapse):
    t: Optional[Tensor] = None
    doubled: Optional[Tensor] = None
    seen: str = ""
    required_hash_fields: ClassVar[tuple[str, ...]] = ("t",)


class Hooked(Synapse):
    """What happens to it depends on how."""

    how: str
    seen: str = ""
    required_hash_fields: ClassVar[tuple[str, ...]] = ("how",)


class Refused(Synapse):
    """Blacklisted by every axon of the suites."""


class Guarded(Synapse):
    """Served only to who has the password as its id."""

    seen: str = ""


class Prioritized(Synapse):
    seen: str = ""


class Unattached(Synapse):
    """Attached nowhere."""


class Streamed(StreamingSynapse):
    prompt: str
    text: str = ""
    required_hash_fields: ClassVar[tuple[str, ...]] = ("prompt",)

    async def process_streaming_response(self, response):
        self._read = ""
        async for chunk in response.content.iter_any():
            piece = chunk.decode("utf-8")
            self._read += piece
            yield piece

    def extract_response_json(self, response) -> dict:
        headers = {k.decode("utf-8"): v.decode("utf-8") for k, v in response.__dict__["_raw_headers"]}

        def terminal(prefix):
            return {k[len(prefix):]: v for k, v in headers.items() if k.startswith(prefix)}

        return {
            "name": headers.get("name", ""),
            "timeout": float(headers.get("timeout", 0)),
            "dendrite": terminal("bt_header_dendrite_"),
            "axon": terminal("bt_header_axon_"),
            "prompt": self.prompt,
            "text": self._read,
        }

    _read: str = ""

    def deserialize(self):
        return self
