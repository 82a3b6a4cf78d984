# SPDX-License-Identifier: Apache-2.0
"""Uploads documents to the application, watches them being encoded, asks a question.

    drive.py URL [--ask QUESTION] FILE…

On a terminal with progress bars, elsewhere in plain lines."""

import argparse
import pathlib
import re
import sys
import time

import httpx
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

FINAL = {"SUCCESS", "FAILURE", "REVOKED"}


def upload(client, path):
    with path.open("rb") as file:
        answer = client.post("/documents", files={"file": (path.name, file)})
    answer.raise_for_status()
    return answer.json()["task_id"]


class Document:
    def __init__(self, client, path):
        self.path = path
        self.begun = time.monotonic()
        self.task_id = upload(client, path)
        self.state, self.info, self.error, self.milliseconds = "PENDING", {}, None, None

    def look(self, client):
        """True if something changed since the last look."""
        answer = client.get(f"/tasks/{self.task_id}")
        answer.raise_for_status()
        answer = answer.json()
        before = self.state, self.info
        self.state, self.info, self.error = answer["state"], answer.get("info"), answer.get("error")
        if self.state in FINAL and self.milliseconds is None:
            self.milliseconds = round((time.monotonic() - self.begun) * 1000)
        return before != (self.state, self.info)

    @property
    def finished(self):
        return self.state in FINAL

    @property
    def percent(self):
        if self.state == "SUCCESS":
            return 100
        return self.info.get("progress", 0) if isinstance(self.info, dict) else 0

    @property
    def status(self):
        if self.error:
            return self.error
        if self.state == "PROCESSING":
            return self.info.get("status", "")
        return {"PENDING": "waiting", "STARTED": "started", "SUCCESS": "done"}.get(self.state, self.state)


def poll(client, documents, deadline_s, changed):
    """Asks the status endpoint, as a page in a browser would, until all are finished."""
    deadline = time.monotonic() + deadline_s
    while not all(d.finished for d in documents):
        if time.monotonic() > deadline:
            sys.exit(f"drive.py: not finished within {deadline_s} s: " +
                     ", ".join(f"{d.path.name} ({d.state})" for d in documents if not d.finished))
        for document in documents:
            if not document.finished and document.look(client):
                changed(document)
        time.sleep(0.05)


def watch(console, client, documents, deadline_s):
    if not console.is_terminal:
        poll(client, documents, deadline_s, lambda d: print(
            f"{d.path.name:<28} {d.state:<11} {d.percent:>3} %  {d.status}", flush=True))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
               TextColumn("{task.fields[status]}", style="dim"))
    with Progress(*columns, console=console) as progress:
        bars = {d: progress.add_task(d.path.name, total=100, status="waiting") for d in documents}
        poll(client, documents, deadline_s, lambda d: progress.update(
            bars[d], completed=d.percent, status=d.status))


def show(console, documents):
    if not console.is_terminal:
        console.width = 110
    table = Table(box=box.SIMPLE_HEAD, title="What the worker made of them")
    table.add_column("document")
    table.add_column("format")
    for name in ("chunks", "tokens", "language", "dimension", "ms"):
        table.add_column(name, justify="right")
    for d in documents:
        made = d.info if d.state == "SUCCESS" else {}
        values = [made.get(k) for k in ("chunks", "tokens", "language", "dimension")]
        if d.state != "SUCCESS":
            values = [d.state, "", "", ""]
        table.add_row(d.path.name, d.path.suffix.lstrip(".") or "text",
                      *("" if v is None else str(v) for v in values), str(d.milliseconds))
    console.print(table)


def passage(text, question, length=300):
    """The part of a chunk that has most of the question's words, the rarer the better."""
    words = re.findall(r"\w+", question.lower())
    lowered = text.lower()
    places = {w: [m.start() for m in re.finditer(rf"\b{re.escape(w)}\b", lowered)] for w in words}

    def weight(start):
        return sum(1 / len(found) for found in places.values()
                   if any(start <= place < start + length for place in found))

    starts = [0] + [m.end() for m in re.finditer(r"[.?!:;] ", text)]
    start = max(starts, key=weight)
    end = start + length
    return ("… " if start else "") + text[start:end] + ("…" if end < len(text) else "")


def ask(console, client, documents, question):
    done = [d.task_id for d in documents if d.state == "SUCCESS"]
    answer = client.post("/questions", json={"text": question, "task_ids": done}, timeout=60)
    answer.raise_for_status()
    console.print(f"\n[bold]{question}[/bold]")
    for chunk in answer.json()["chunks"]:
        text = " ".join(chunk["text"].split())
        console.print(f"\n  [green]{chunk['score']:.3f}[/green]  {chunk['document']}", highlight=False)
        shown = Text(passage(text, question), style="dim")
        console.print(Padding(shown, (0, 2, 0, 9)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--ask", default="How far can the lighthouse be seen?")
    parser.add_argument("--deadline", type=float, default=300, help="seconds")
    options = parser.parse_args()
    console = Console()
    with httpx.Client(base_url=options.url, timeout=30, trust_env=False) as client:
        documents = [Document(client, path) for path in options.files]
        watch(console, client, documents, options.deadline)
        show(console, documents)
        ask(console, client, documents, options.ask)
    failed = [d for d in documents if d.state != "SUCCESS"]
    for d in failed:
        print(f"drive.py: {d.path.name} ended as {d.state}: {d.error}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
