"""The model on loopback with its provider's batches: takes files and lists of requests, answers them when told that a day has passed.

Sources: https://platform.openai.com/docs/api-reference/batch, https://platform.claude.com/docs/en/api/creating-message-batches.
"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.pipelines.understand.llm_stub import TOKENS_IN, TOKENS_OUT, Reply, Stub, completion

CREATED = 1_793_610_000  # after the tests' present


class BatchStub(Stub):
    """`batches` holds what was handed over; after `pass_a_day` they are done. `broken` are ways in which the next hand-over goes wrong."""

    def __init__(self, *script: Reply, **more: Any) -> None:
        super().__init__(*script, **more)
        self.files: dict[str, list[dict[str, Any]]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.lose_reply = False
        """Take the next batch, and break off before saying so."""
        self.failed: set[int] = set()
        """Numbers of requests that are answered with an error."""
        self.app.router.routes[:0] = [
            Route("/v1/files", self._upload, methods=["POST"]),
            Route("/v1/files/{id}/content", self._content),
            Route("/v1/batches", self._openai_batches, methods=["GET", "POST"]),
            Route("/v1/batches/{id}", self._openai_batch),
            Route("/v1/messages/batches", self._anthropic_batches, methods=["GET", "POST"]),
            Route("/v1/messages/batches/{id}", self._anthropic_batch),
            Route("/v1/messages/batches/{id}/results", self._results),
        ]

    @property
    def handed_over(self) -> list[str]:
        """Custom ids of all requests of all batches, in order."""
        return [row["custom_id"] for batch in self.batches.values() for row in batch["rows"]]

    def pass_a_day(self, status: str = "completed") -> None:
        """Everything that waits is done."""
        for batch in self.batches.values():
            if batch["status"] == "in_progress":
                batch["status"] = status
                batch["replies"] = [self._reply(row.get("body") or row["params"]) for row in batch["rows"]]

    def _reply(self, body: dict[str, Any]) -> Reply:
        self.calls.append(body)
        return self.script.pop(0) if self.script else self.always(self.sent[-1])

    async def _upload(self, request: Request) -> Response:
        raw = (await request.body()).decode()
        name = f"file-{len(self.files)}"
        self.files[name] = [json.loads(line) for line in raw.splitlines() if line.startswith('{"custom_id"')]
        return JSONResponse({**FILE, "id": name})

    async def _content(self, request: Request) -> Response:
        batch = self.batches[request.path_params["id"].removeprefix("out-")]
        lines = []
        for number, (row, reply) in enumerate(zip(batch["rows"], batch["replies"], strict=True)):
            words = reply if isinstance(reply, str) else json.dumps({"claims": reply})
            message: dict[str, Any] = {"role": "assistant", "content": words}
            if "tools" in row["body"]:
                function = {"name": row["body"]["tools"][0]["function"]["name"], "arguments": words}
                call = {"id": "c1", "type": "function", "function": function}
                message = {"role": "assistant", "content": None, "tool_calls": [call]}
            code = 500 if number in self.failed else 200
            response = {"status_code": code, "body": completion(message) if code == 200 else {"error": {}}}
            lines.append(json.dumps({"id": "r", "custom_id": row["custom_id"], "response": response, "error": None}))
        return PlainTextResponse("\n".join(reversed(lines)))

    async def _openai_batches(self, request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"object": "list", "data": [self._shown(id_) for id_ in reversed(self.batches)]})
        asked = await request.json()
        return self._taken(f"batch_{len(self.batches)}", self.files[asked["input_file_id"]], asked.get("metadata"))

    async def _openai_batch(self, request: Request) -> Response:
        return JSONResponse(self._shown(request.path_params["id"]))

    def _taken(self, id_: str, rows: list[dict[str, Any]], metadata: Any = None) -> Response:
        self.batches[id_] = {"rows": rows, "metadata": metadata, "status": "in_progress", "replies": []}
        if self.lose_reply:
            self.lose_reply = False
            return Response(status_code=502)
        return JSONResponse(self._shown(id_))

    def _shown(self, id_: str) -> dict[str, Any]:
        batch = self.batches[id_]
        if id_.startswith("msgbatch"):
            waiting = batch["status"] == "in_progress"
            counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
            counts["processing" if waiting else "succeeded"] = len(batch["rows"])
            when = "2026-11-02T09:00:00Z"
            return {
                "id": id_, "type": "message_batch", "processing_status": "in_progress" if waiting else "ended", "request_counts": counts,
                "created_at": when, "expires_at": when, "results_url": None if waiting else f"/v1/messages/batches/{id_}/results", "ended_at": None, "archived_at": None,
                "cancel_initiated_at": None,
            }  # fmt: skip
        done = f"out-{id_}" if batch["status"] == "completed" else None
        return {
            "id": id_, "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "f", "completion_window": "24h",
            "status": batch["status"], "created_at": CREATED, "metadata": batch["metadata"], "output_file_id": done,
        }  # fmt: skip

    async def _anthropic_batches(self, request: Request) -> Response:
        if request.method == "GET":
            data = [self._shown(id_) for id_ in reversed(self.batches)]
            return JSONResponse({"data": data, "has_more": False, "first_id": None, "last_id": None})
        return self._taken(f"msgbatch_{len(self.batches)}", (await request.json())["requests"])

    async def _anthropic_batch(self, request: Request) -> Response:
        return JSONResponse(self._shown(request.path_params["id"]))

    async def _results(self, request: Request) -> Response:
        batch = self.batches[request.path_params["id"]]
        lines = []
        for number, (row, reply) in enumerate(zip(batch["rows"], batch["replies"], strict=True)):
            tool = row["params"]["tools"][0]["name"]
            message = {
                "id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "stop_sequence": None,
                "content": [{"type": "tool_use", "id": "t", "name": tool, "input": {"claims": reply}}],
                "usage": {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT},
            }  # fmt: skip
            result = {"type": "expired"} if number in self.failed else {"type": "succeeded", "message": message}
            lines.append(json.dumps({"custom_id": row["custom_id"], "result": result}))
        return PlainTextResponse("\n".join(reversed(lines)), media_type="application/x-jsonl")


FILE = {"object": "file", "bytes": 1, "created_at": CREATED, "filename": "f", "purpose": "batch", "status": "processed"}
