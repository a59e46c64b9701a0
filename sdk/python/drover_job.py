"""Handlers of Drover jobs in Python: one file, standard library, Python 3.10 or newer.

    from drover_job import job, run

    @job("word-count")
    def word_count(input, job):
        job.progress(0.5, "counting")
        return {"words": len(input["text"].split())}

    run()

A handler is a function, a generator (each ``yield`` is a value of the job, ``return`` gives its output), a coroutine function, or an async
generator (its output is what was assigned to ``job.output``). With ``concurrency: n`` in the job's definition, n jobs run in this process:
coroutines on one event loop, functions in threads.

What a handler prints is a line of the job's log. The protocol is in docs/handler-protocol.md of Drover.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import queue
import sys
import threading
import traceback
from typing import Any, Callable

__all__ = ["Cancelled", "Job", "Permanent", "RetryLater", "job", "run"]

PROTOCOL = 1
SDK = "python/1"
#: Values and checkpoints that may be on their way at once.
WINDOW = 64
#: The longest line, in bytes.
MAX_LINE = 8 * 1024 * 1024
#: The longest message of an error and the longest traceback, in characters.
MAX_MESSAGE = 10_000
MAX_STACK = 100_000


class Failure(Exception):
    """The job failed, with a code that clients see."""

    def __init__(self, message: str, code: str = "job_failed", *, retryable: bool = True, retry_after_ms: float | None = None):
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms


class Permanent(Failure):
    """Raise it to fail the job without another attempt."""

    def __init__(self, message: str, code: str = "job_failed"):
        super().__init__(message, code, retryable=False)


class RetryLater(Failure):
    """Raise it to set the delay before the next attempt, in milliseconds."""

    def __init__(self, after_ms: float, message: str | None = None, code: str = "job_failed"):
        super().__init__(message or f"try again in {after_ms:g} ms", code, retry_after_ms=after_ms)


class Cancelled(BaseException):
    """The job must stop. Not an Exception, so that ``except Exception`` does not swallow it."""


class Job:
    """The second argument of a handler."""

    def __init__(self, process: _Process, start: dict[str, Any]):
        self._process = process
        self._stop = threading.Event()
        self._acked = threading.Condition()
        self._stored = 0
        self._sent = 0
        self._refused: dict[int, dict[str, Any]] = {}
        self._is_over = False
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Event | None = None
        #: The same in all attempts: use it to make effects idempotent.
        self.id: str = start["id"]
        self.type: str = start["type"]
        self.tenant: str = start.get("tenant", "-")
        #: 1 for the first attempt.
        self.attempt: int = start.get("attempt", 1)
        self.max_attempts: int = start.get("max_attempts", 1)
        #: RFC 3339, or None.
        self.deadline_at: str | None = start.get("deadline_at")
        self.timeout_ms: int | None = start.get("timeout_ms")
        self.traceparent: str | None = start.get("traceparent")
        #: What the last checkpoint of an earlier start holds, or None.
        self.restored: Any = start.get("restored")
        #: Rises with every start of the job.
        self.fence: Any = start.get("fence")
        #: Why the job must stop: ``canceled``, ``timeout``, ``deadline_exceeded``, ``lock_lost`` or ``shutdown``; None while it may run.
        self.cancel_reason: str | None = None
        #: The output of an async generator.
        self.output: Any = None

    @property
    def cancelled(self) -> bool:
        """Whether the job must stop."""
        return self._stop.is_set()

    def raise_if_cancelled(self) -> None:
        """Raises Cancelled if the job must stop."""
        if self.cancelled:
            raise Cancelled(self.cancel_reason)

    def wait_cancelled(self, seconds: float) -> bool:
        """Waits for the job to be told to stop. Like ``time.sleep``, which a stop does not interrupt."""
        return self._stop.wait(seconds)

    def progress(self, fraction: float, message: str | None = None, data: Any = None) -> None:
        """Reports progress, from 0 to 1."""
        told = None if message is None else str(message)
        self._process.send({"progress": {"id": self.id, "fraction": float(fraction), "message": told, "data": data}}, self)

    def log(self, message: object, level: str = "info") -> None:
        """Adds a line to the job's log, which clients can read. Levels: debug, info, warn, error."""
        self._process.send({"log": {"id": self.id, "level": level, "message": str(message)}}, self)

    def checkpoint(self, state: Any) -> None:
        """Keeps a state for the next start of the job, which finds it in ``restored``; returns when it is stored.

        Values yielded before it count as part of it. Raises Failure if it is not kept, for example because it is larger than 256 KB.
        """
        n = self._send_checkpoint(state)
        with self._acked:
            self._acked.wait_for(lambda: self._stored >= n or n in self._refused)
        self._raise_if_refused(n)

    async def checkpoint_async(self, state: Any) -> None:
        """The same for coroutines."""
        n = self._send_checkpoint(state)
        while self._wake is not None and self._stored < n and n not in self._refused:
            self._wake.clear()
            await self._wake.wait()
        self._raise_if_refused(n)

    def _send_checkpoint(self, state: Any) -> int:
        self._sent += 1
        self._process.send({"checkpoint": {"id": self.id, "n": self._sent, "state": state}}, self)
        return self._sent

    def _raise_if_refused(self, n: int) -> None:
        if refused := self._refused.pop(n, None):
            raise Failure(refused["message"], refused["code"], retryable=refused.get("retryable", True))

    def _yield(self, value: Any) -> None:
        self._sent += 1
        self._process.send({"yield": {"id": self.id, "value": value}}, self)
        with self._acked:
            self._acked.wait_for(lambda: self._sent - self._stored < WINDOW or self.cancelled)

    async def _yield_async(self, value: Any) -> None:
        self._sent += 1
        self._process.send({"yield": {"id": self.id, "value": value}}, self)
        while self._wake is not None and self._sent - self._stored >= WINDOW:
            self._wake.clear()
            await self._wake.wait()

    def _on_ack(self, stored: int) -> None:
        with self._acked:
            self._stored = max(self._stored, stored)
            self._acked.notify_all()
        if self._wake is not None:
            self._process.loop.call_soon_threadsafe(self._wake.set)

    def _on_refused(self, refused: dict[str, Any]) -> None:
        self._refused[refused["n"]] = refused
        self._on_ack(refused["n"])

    def _on_cancel(self, reason: str) -> None:
        self.cancel_reason = reason
        self._stop.set()
        with self._acked:
            self._acked.notify_all()
        if self._task is not None:
            self._process.loop.call_soon_threadsafe(self._task.cancel)


Handler = Callable[[Any, Job], Any]
_handlers: dict[str, Handler] = {}


def job(type: str | Handler) -> Any:
    """Declares the handler of a job type: `@job("word-count")`, or `@job` above a function `word_count`."""
    if not isinstance(type, str):
        return job(type.__name__.replace("_", "-"))(type)

    def declare(handler: Handler) -> Handler:
        if type in _handlers:
            raise ValueError(f"there are two handlers of the job type {type!r}")
        _handlers[type] = handler
        return handler

    return declare


def run() -> None:
    """Serves jobs until Drover closes the channel."""
    fds = os.environ.get("DROVER_FDS")
    if fds is None:
        sys.exit("this program is started by Drover: name it as the command of a job type (see docs/handler-protocol.md)")
    read_fd, write_fd = (int(fd) for fd in fds.split(","))
    _Process(read_fd, write_fd).serve()


class _Process:
    def __init__(self, read_fd: int, write_fd: int):
        for fd in (read_fd, write_fd):
            os.set_inheritable(fd, False)
        self._lines = os.fdopen(read_fd, "rb")
        self._write_fd = write_fd
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._is_main_busy = False
        self._starts: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._is_async = any(inspect.iscoroutinefunction(h) or inspect.isasyncgenfunction(h) for h in _handlers.values())
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()

    def serve(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(line_buffering=True)
        self.send({"hello": {"protocol": PROTOCOL, "sdk": SDK, "types": list(_handlers)}})
        threading.Thread(target=self._read, name="drover", daemon=True).start()
        if self._is_async:
            self.loop.run_forever()
            return
        while (start := self._starts.get()) is not None:
            self._run(start)

    def send(self, message: dict[str, Any], current: Job | None = None, *, is_last: bool = False) -> None:
        line = json.dumps(message, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        if len(line) > MAX_LINE:
            raise ValueError(f"the message has {len(line)} bytes, and may have {MAX_LINE}")
        rest = memoryview(line + b"\n")
        with self._lock:
            if current is not None:
                # What a thread that the handler left behind says about a job that has ended would break the protocol.
                if current._is_over:
                    return
                current._is_over = is_last
            if is_last:
                # First: the next start, also of the same job, may come as soon as this is written.
                self._jobs.pop(current.id, None)
                if threading.current_thread() is threading.main_thread():
                    self._is_main_busy = False
            while rest:
                rest = rest[os.write(self._write_fd, rest) :]

    def _read(self) -> None:
        """In a thread of its own, so that a handler that computes is told of a cancel, and pings are answered."""
        try:
            self._read_lines()
        except BaseException:
            # For example an input that is nested too deeply: without this thread no job would end.
            traceback.print_exc()
            os._exit(1)
        if self._jobs:
            # Drover is gone: nothing that these jobs do counts.
            os._exit(1)
        self._starts.put(None)
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _read_lines(self) -> None:
        for line in self._lines:
            message = json.loads(line)
            if "start" in message:
                self._start(message["start"])
            elif "ping" in message:
                self.send({"pong": message["ping"]})
            elif "cancel" in message:
                if found := self._jobs.get(message["cancel"]["id"]):
                    found._on_cancel(message["cancel"].get("reason", "canceled"))
            elif "refused" in message:
                if found := self._jobs.get(message["refused"]["id"]):
                    found._on_refused(message["refused"])
            elif "ack" in message:
                if found := self._jobs.get(message["ack"]["id"]):
                    found._on_ack(message["ack"]["n"])

    def _start(self, start: dict[str, Any]) -> None:
        self._jobs[start["id"]] = Job(self, start)
        handler = _handlers.get(start["type"])
        if inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler):
            self.loop.call_soon_threadsafe(self._start_task, start)
        elif self._is_async or self._is_main_busy:
            threading.Thread(target=self._run, args=(start,), daemon=True).start()
        else:
            self._is_main_busy = True
            self._starts.put(start)

    def _run(self, start: dict[str, Any]) -> None:
        current = self._jobs[start["id"]]
        try:
            handler = self._handler_of(current)
            result = handler(start["input"], current)
            if inspect.isgenerator(result):
                result = _drive(result, current)
            self._end(current, result)
        except BaseException as error:
            self._fail(current, error)

    def _start_task(self, start: dict[str, Any]) -> None:
        current = self._jobs[start["id"]]
        current._wake = asyncio.Event()
        # A cancel that came before is seen by its first step: a task that is canceled before that would never say how the job ended.
        current._task = self.loop.create_task(self._run_async(start["input"], current))

    async def _run_async(self, input: Any, current: Job) -> None:
        try:
            handler = self._handler_of(current)
            if inspect.isasyncgenfunction(handler):
                async with contextlib.aclosing(handler(input, current)) as values:
                    async for value in values:
                        await current._yield_async(value)
                result = current.output
            else:
                result = await handler(input, current)
            self._end(current, result)
        except BaseException as error:
            self._fail(current, error)

    def _handler_of(self, current: Job) -> Handler:
        handler = _handlers.get(current.type)
        if handler is None:
            raise Permanent(f"this program has no handler of the job type {current.type!r}", "unknown_job_type")
        current.raise_if_cancelled()
        return handler

    def _end(self, current: Job, output: Any) -> None:
        try:
            self._last({"result": {"id": current.id, "output": output}}, current)
        except (TypeError, ValueError, RecursionError) as error:
            raise Permanent(f"the output cannot be sent: {error}", "invalid_output") from error

    def _fail(self, current: Job, error: BaseException) -> None:
        told: dict[str, Any] = {"id": current.id}
        if isinstance(error, Failure):
            told |= {"message": str(error)[:MAX_MESSAGE], "code": error.code, "retryable": error.retryable, "retry_after_ms": error.retry_after_ms}
        elif isinstance(error, (Cancelled, asyncio.CancelledError)) and current.cancelled:
            told |= {"message": f"stopped: {current.cancel_reason}", "code": current.cancel_reason, "retryable": True}
        else:
            text = str(error)
            name = type(error).__name__
            message = f"{name}: {text}" if text else name
            told |= {"message": message[:MAX_MESSAGE], "stack": "".join(traceback.format_exception(error))[:MAX_STACK]}
        try:
            self._last({"error": told}, current)
        except (TypeError, ValueError, RecursionError) as problem:
            self._last({"error": {"id": current.id, "message": f"the error cannot be sent: {problem}"}}, current)

    def _last(self, message: dict[str, Any], current: Job) -> None:
        """The last word on a job: what it printed comes before it."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.send(message, current, is_last=True)


def _drive(values: Any, current: Job) -> Any:
    try:
        value = next(values)
        while True:
            try:
                current._yield(value)
                current.raise_if_cancelled()
            except (Cancelled, TypeError, ValueError, RecursionError) as error:
                reason = error if isinstance(error, Cancelled) else Permanent(f"the value cannot be sent: {error}", "invalid_output")
                value = values.throw(reason)
            else:
                value = next(values)
    except StopIteration as end:
        return end.value
