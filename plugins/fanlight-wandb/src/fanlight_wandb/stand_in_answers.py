"""
What the stand-in of the W&B server answers to each GraphQL operation of the SDK.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from fanlight_wandb.seen import SeenAlert
from fanlight_wandb.stand_in_run import HISTORY, SUMMARY, StoredRun

ENTITY: Final = "stand-in"

Variables: TypeAlias = Mapping[str, Any]


class Store:
    """All runs and artifacts of one server."""

    def __init__(self) -> None:
        self.url = ""
        self.lock = threading.RLock()
        self.runs: dict[tuple[str, str], StoredRun] = {}
        self.artifacts: list[str] = []
        """The clients' ids of the artifacts; an artifact's own id is its place here."""
        self.artifact_files: dict[str, bytes] = {}

    def run(self, project: str, run_id: str) -> StoredRun:
        """Return this run, made when it is new."""
        return self.runs.setdefault((project, run_id), StoredRun(run_id))

    def take_upload(self, path: str, body: bytes) -> None:
        """Keep an uploaded file by the URL that was given out for it."""
        kind, _, rest = path.removeprefix("/upload/").partition("/")
        if kind == "artifact":
            place, _, name = rest.partition("/")
            self.artifact_files[f"wandb-client-artifact://{self.artifacts[int(place)]}/{name}"] = body
        elif kind == "run":
            project, run_id, name = rest.split("/", 2)
            self.run(project, run_id).uploads[name] = body


def _viewer(_: Store, __: Variables) -> Any:
    teams = {"edges": [{"node": {"name": ENTITY}}]}
    who = {"entity": ENTITY, "username": ENTITY, "name": ENTITY, "email": "nobody@example.org"}
    return {"viewer": {"id": "viewer", "flags": "{}", "admin": False, "teams": teams, "apiKeys": {"edges": []}, **who}}


def _features(_: Store, __: Variables) -> Any:
    return {"serverInfo": {"features": []}}


def _project(variables: Variables) -> dict[str, Any]:
    entity = variables.get("entity") or ENTITY
    return {"id": "project", "name": variables["project"], "entity": {"id": "entity", "name": entity}}


def _upsert_bucket(store: Store, variables: Variables) -> Any:
    run = store.run(variables["project"], variables["name"])
    inserted = not run.bucket
    run.bucket.update({key: value for key, value in variables.items() if value is not None})
    run.bucket.setdefault("entity", ENTITY)
    name = run.bucket.get("displayName") or run.run_id
    bucket = {"id": run.key, "name": run.run_id, "displayName": name, "config": run.bucket.get("config")}
    more = {"description": None, "sweepName": None, "historyLineCount": len(run.lines_of(HISTORY))}
    return {"upsertBucket": {"bucket": {**bucket, **more, "project": _project(variables)}, "inserted": inserted}}


def _resume_status(store: Store, variables: Variables) -> Any:
    run = store.runs.get((variables["project"], variables["name"]))
    bucket = _resumable(run) if run and run.bucket else None
    return {"model": {**_project(variables), "bucket": bucket}}


def _resumable(run: StoredRun) -> dict[str, Any]:
    history, summary = run.lines_of(HISTORY), run.lines_of(SUMMARY)
    return {
        "id": run.key,
        "name": run.run_id,
        "displayName": run.bucket.get("displayName") or run.run_id,
        "config": run.bucket.get("config", "{}"),
        "wandbConfig": json.dumps({"t": 1}),
        "tags": run.bucket.get("tags", []),
        "notes": run.bucket.get("notes"),
        "summaryMetrics": summary[-1] if summary else "{}",
        "historyLineCount": len(history),
        "historyTail": json.dumps(history[-1:]),
        "logLineCount": 0,
        "eventsLineCount": 0,
        "eventsTail": "[]",
    }


def _stopped_status(_: Store, __: Variables) -> Any:
    return {"project": {"run": {"stopped": False}}}


def _create_run_files(store: Store, variables: Variables) -> Any:
    base = f"{store.url}/upload/run/{variables['project']}/{variables['run']}"
    files = [{"name": name, "uploadUrl": f"{base}/{name}"} for name in variables["files"]]
    run = store.run(variables["project"], variables["run"])
    return {"createRunFiles": {"runID": run.key, "uploadHeaders": [], "files": files}}


def _alert(store: Store, variables: Variables) -> Any:
    wait = variables.get("waitDuration") or 0
    alert = SeenAlert(variables["title"], variables["text"], variables["severity"], wait / 1000)
    store.run(variables["projectName"], variables["runName"]).alerts.append(alert)
    return {"notifyScriptableRunAlert": {"success": True}}


def _create_artifact(store: Store, variables: Variables) -> Any:
    store.artifacts.append(variables["input"]["clientID"])
    artifact = {"id": str(len(store.artifacts) - 1), "state": "PENDING", "artifactSequence": {"latestArtifact": None}}
    return {"createArtifact": {"artifact": artifact}}


def _artifact_type(_: Store, __: Variables) -> Any:
    return {"project": {"artifact": None}}


def _manifest(operation: str) -> Callable[[Store, Variables], Any]:
    def answer(store: Store, variables: Variables) -> Any:
        place = variables.get("artifactID") or variables["artifactManifestID"]
        file = {"id": "manifest", "uploadUrl": f"{store.url}/upload/manifest/{place}", "uploadHeaders": []}
        return {operation: {"artifactManifest": {"id": "manifest", "file": file}}}

    return answer


def _create_artifact_files(store: Store, variables: Variables) -> Any:
    return {"createArtifactFiles": {"files": {"edges": [_file(store, x) for x in variables["input"]["artifactFiles"]]}}}


def _file(store: Store, asked: Mapping[str, Any]) -> dict[str, Any]:
    place = f"{asked['artifactID']}/{asked['name']}"
    node: dict[str, Any] = {
        "storagePath": place,
        "uploadUrl": f"{store.url}/upload/artifact/{place}",
        "uploadHeaders": [],
        "uploadMultipartUrls": None,
        "artifact": {"id": asked["artifactID"]},
    }
    return {"node": node}


def _commit_artifact(_: Store, variables: Variables) -> Any:
    return {"commitArtifact": {"artifact": {"id": variables["artifactID"], "digest": "digest"}}}


ANSWERS: Final[dict[str, Callable[[Store, Variables], Any]]] = {
    "Viewer": _viewer,
    "ServerFeaturesQuery": _features,
    "UpsertBucket": _upsert_bucket,
    "RunResumeStatus": _resume_status,
    "RunStoppedStatus": _stopped_status,
    "CreateRunFiles": _create_run_files,
    "NotifyScriptableRunAlert": _alert,
    "CreateArtifact": _create_artifact,
    "ArtifactType": _artifact_type,
    "CreateArtifactManifest": _manifest("createArtifactManifest"),
    "UpdateArtifactManifest": _manifest("updateArtifactManifest"),
    "CreateArtifactFiles": _create_artifact_files,
    "CommitArtifact": _commit_artifact,
}
