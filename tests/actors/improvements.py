# SPDX-License-Identifier: Apache-2.0
"""In what petiole is meant to differ from a Python worker. Each function asserts one such
difference between two recordings, and takes it out of both, so that all else must be equal."""

IMPROVEMENTS = {}


def improvement(function):
    IMPROVEMENTS[function.__name__] = function
    return function


@improvement
def ends(ours, theirs):
    """What a Python worker leaves pending for ever ends: behind a revoked or an expired
    task of a chain, an unknown task, a chord in a chord that failed."""
    assert "raised" in ours.got, f"the caller waits for ever: {ours.got}"
    more = ours.metas.keys() - theirs.metas.keys()
    assert more and all(ours.metas[id]["status"] in ("FAILURE", "REVOKED") for id in more)
    for id in more:
        del ours.metas[id]
    for recording in (ours, theirs):
        recording.keys, recording.got = [], None


@improvement
def publishes_errbacks(ours, theirs):
    """A Python worker calls an errback that takes several arguments itself, in the place of
    the failure; nobody but its log knows what came of it."""
    assert take_out_errbacks(ours) > take_out_errbacks(theirs)


def take_out_errbacks(recording):
    embeds = [m["body"][2] for m in recording.messages]
    names = {e["task"] for embed in embeds for e in embed.get("errbacks") or ()}
    names |= {e["task"] for embed in embeds for e in ((embed.get("chord") or {}).get("options") or {}).get("link_error") or ()}
    names |= {"demo.echo"} & {"demo.echo" for name in names if name.startswith("celery.")}
    gone = {m["headers"]["id"] for m in recording.messages
            if m["headers"]["task"] in names and m["headers"]["parent_id"]}
    while True:
        more = {m["headers"]["id"] for m in recording.messages if m["headers"]["parent_id"] in gone} - gone
        if not more:
            break
        gone |= more
    recording.messages = [m for m in recording.messages if m["headers"]["id"] not in gone]
    recording.metas = {id: meta for id, meta in recording.metas.items() if id not in gone}
    return len(gone)


@improvement
def knows_the_unknown(ours, theirs):
    """A Python worker forgets the group and the parent of a task that it does not know."""
    forgotten = 0
    for meta in ours.metas.values():
        if meta["status"] == "FAILURE" and meta["result"]["exc_type"] == "NotRegistered":
            forgotten += sum(meta.pop(name, None) is not None for name in ("group_id", "parent_id"))
    assert forgotten


@improvement
def writes_typed_values_as_they_came(ours, theirs):
    """In the argsrepr, which is for people."""
    for recording in (ours, theirs):
        for message in recording.messages:
            message["headers"]["argsrepr"] = None
