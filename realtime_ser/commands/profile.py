"""``realtime-ser profile``: what is stored of whom, and how to delete it."""

import argparse
import json
import time
from collections import Counter
from typing import Any

from realtime_ser.commands.common import DONE
from realtime_ser.emotion.adaptation import AdaptationSettings
from realtime_ser.errors import printable
from realtime_ser.output.format import clock, counted, percent
from realtime_ser.profiles.profile import Profile
from realtime_ser.profiles.store import ProfileStore, StoredProfile


def run(options: argparse.Namespace) -> int:
    """List the profiles, show one, or forget one."""
    store = ProfileStore()
    lines = {"list": _listed, "show": _shown, "forget": _forgotten}[options.action]
    for line in lines(store, options):
        print(line, flush=True)
    return DONE


def _listed(store: ProfileStore, options: argparse.Namespace) -> list[str]:
    names = store.names()
    width = max(map(len, names), default=0)
    lines = []
    for name in names:
        files = store.stored(name)
        if options.json:
            lines.append(json.dumps(_profile_values(name, store, files)))
        else:
            lines.append(f"{name:<{width}}  {_summary(files[0]) if files else 'empty'}")
    if not lines and not options.json:
        lines.append(f"There are no profiles in {printable(str(store.folder))}.")
    return lines


def _shown(store: ProfileStore, options: argparse.Namespace) -> list[str]:
    files = store.stored(options.name)
    if options.json:
        return [json.dumps(_profile_values(options.name, store, files))]
    lines = [f"Profile {options.name}: numbers that describe a voice; no audio, no words."]
    for file in files:
        lines += ["", f"model {file.model}", f"  {_summary(file)}"]
        if file.profile is not None:
            if counts := _counts(file.profile):
                lines.append(
                    "  corrections: " + ", ".join(f"{n} {label}" for label, n in counts.items())
                )
            channels = file.profile.statistics.channels
            lines.append(f"  mean and variance of {channels} channels of the model's embeddings")
        lines.append(f"  {printable(str(file.path))}, {file.size} bytes")
    for path in store.damaged_files(options.name):
        lines += ["", f"damaged, set aside: {printable(str(path))}"]
    folder = printable(str(store.folder / options.name))
    lines += ["", f"To delete it: realtime-ser profile forget '{options.name}', or delete {folder}"]
    return lines


def _forgotten(store: ProfileStore, options: argparse.Namespace) -> list[str]:
    folder = str(store.folder / options.name)
    store.forget(options.name)
    if options.json:
        return [json.dumps({"name": options.name, "forgotten": True, "folder": folder})]
    return [f"Profile {options.name} is forgotten: {printable(folder)} is deleted."]


def _summary(file: StoredProfile) -> str:
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(file.changed))
    if file.profile is None:
        return f"cannot be used ({file.problem}), last saved {changed}"
    return (
        f"knows the voice {percent(_share(file.profile), ' '):>5},"
        f" from {clock(file.profile.seconds)} of speech,"
        f" {counted(len(file.profile.corrections))}, last saved {changed}"
    )


def _counts(profile: Profile) -> dict[str, int]:
    return dict(Counter(correction.label for correction in profile.corrections))


def _share(profile: Profile) -> float:
    """Return how well the voice is known, as events report it in ``adaptation``."""
    count = profile.statistics.count
    return count / (count + AdaptationSettings().prior)


def _profile_values(name: str, store: ProfileStore, files: list[StoredProfile]) -> dict[str, Any]:
    return {
        "name": name,
        "folder": str(store.folder / name),
        "models": [_file_values(file) for file in files],
        "damaged": [str(path) for path in store.damaged_files(name)],
    }


def _file_values(file: StoredProfile) -> dict[str, Any]:
    values: dict[str, Any] = {
        "model": file.model,
        "path": str(file.path),
        "size": file.size,
        "saved": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(file.changed)),
        "problem": file.problem,
    }
    if file.profile is None:
        return values
    return values | {
        "adaptation": round(_share(file.profile), 4),
        "seconds": round(file.profile.seconds, 2),
        "corrections": _counts(file.profile),
    }
