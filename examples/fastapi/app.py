# SPDX-License-Identifier: Apache-2.0
"""A FastAPI application that hands documents to Celery tasks and answers questions.

It knows the tasks by name only, as an application does whose workers live elsewhere.
Nothing in it says in which language they are written."""

import os
import pathlib
import shutil
import uuid

from celery import Celery
from celery.exceptions import TimeoutError
from celery.result import AsyncResult
from fastapi import FastAPI, HTTPException, UploadFile
from pydantic import BaseModel

celery_app = Celery(
    "library",
    broker=os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0"),
    backend=os.environ.get("CELERY_RESULT_BACKEND", "redis://localhost:6379/0"),
)

UPLOADS = pathlib.Path(os.environ.get("UPLOADS", "uploads")).resolve()
UPLOADS.mkdir(parents=True, exist_ok=True)

api = FastAPI(title="Library")


class Question(BaseModel):
    text: str
    task_ids: list[str]
    best: int = 3


@api.post("/documents", status_code=202)
def upload(file: UploadFile):
    folder = UPLOADS / uuid.uuid4().hex
    folder.mkdir()
    path = folder / pathlib.Path(file.filename or "document").name
    with path.open("wb") as out:
        shutil.copyfileobj(file.file, out)
    task = celery_app.send_task("documents.encode", args=[str(path)])
    return {"task_id": task.id}


@api.get("/tasks/{task_id}")
def status(task_id: str):
    # Read once: AsyncResult would ask Redis for the state and again for what belongs to it.
    meta = celery_app.backend.get_task_meta(task_id)
    if isinstance(meta["result"], Exception):
        return {"state": meta["status"], "error": str(meta["result"])}
    return {"state": meta["status"], "info": meta["result"]}


@api.post("/questions")
def ask(question: Question):
    """Searches the given documents and returns the best chunks of them all."""
    searches = []
    for task_id in question.task_ids:
        encoded = AsyncResult(task_id, app=celery_app)
        if not encoded.successful():
            raise HTTPException(409, f"{task_id} is not encoded: {encoded.state}")
        index = encoded.result["index_file"]
        document = encoded.result["document"]
        search = celery_app.signature("documents.search", args=[index, question.text, question.best])
        searches.append((document, search.apply_async(expires=30)))
    found = []
    for document, search in searches:
        try:
            found += [{"document": document, **chunk} for chunk in search.get(timeout=30)]
        except TimeoutError:
            raise HTTPException(504, "the search took too long") from None
    found.sort(key=lambda chunk: chunk["score"], reverse=True)
    return {"chunks": found[: question.best]}
