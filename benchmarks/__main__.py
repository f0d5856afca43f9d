"""Runs the benchmarks and prints a table, or one JSON object."""

import argparse
import json
import sys
from dataclasses import asdict

import soundfile

from benchmarks import hub, label_changes, latency, network, painting, silence
from benchmarks.report import Effort, Report, as_text
from realtime_ser.bench.report import spread, this_machine
from realtime_ser.bench.stages import measure_stages
from realtime_ser.commands.bench import progress_on_terminal
from realtime_ser.demo import demo_clip
from realtime_ser.emotion.model import EmotionModel
from realtime_ser.errors import RealtimeSerError

QUICK = Effort(hops=20, paints=5, paint_delays=3, idle_seconds=0.5, replay_seconds=1.8, hub_hops=10)
THOROUGH = Effort(
    hops=2000, paints=1000, paint_delays=80, idle_seconds=8.0, replay_seconds=11.0, hub_hops=200
)


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="few runs: a trial, not a measurement")
    parser.add_argument("--model", metavar="DIR", help="model folder instead of the bundled one")
    parser.add_argument(
        "--compare-hub", action="store_true", help="also measure TF Hub's YAMNet (train extra)"
    )
    options = parser.parse_args()
    try:
        if options.compare_hub:
            hub.check_installed()
        model = EmotionModel(options.model)
        report = measure(model, QUICK if options.quick else THOROUGH, options.compare_hub)
    except RealtimeSerError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(asdict(report)) if options.json else as_text(report))
    return 0


def measure(model: EmotionModel, effort: Effort, compare_hub: bool) -> Report:
    """Take all measurements.

    Raises:
        RealtimeSerError: what ``compare_hub`` needs is missing.
    """
    progress = progress_on_terminal()
    machine = this_machine()
    clip, _ = soundfile.read(demo_clip(), dtype="int16")
    progress("silence")
    idle = silence.idle_cpu_percent(effort.idle_seconds)
    progress("the terminal UI")
    snapshots = painting.snapshots_of(model, clip)
    paints = painting.paint_times(snapshots, effort.paints)
    delays = painting.paint_delays(snapshots, effort.paint_delays)
    progress("latency")
    events = latency.event_delays(model, clip, effort.replay_seconds)
    with latency.other_cores_busy():
        busy = latency.event_delays(model, clip, effort.replay_seconds)
    progress("label changes")
    changes = label_changes.measure_label_changes(model, clip)
    progress("the network")
    embed = measure_stages(model, clip, effort.hops).stages["embed"]
    limit = network.compare_with_peak(model.folder, embed.median)
    comparison = None
    if compare_hub:  # last, because TensorFlow's threads and memory stay
        progress("TF Hub")
        from train.model.yamnet import published_yamnet

        comparison = hub.compare(published_yamnet(), model, clip, effort.hub_hops)
    return Report(
        machine,
        model.manifest.name,
        idle,
        spread(paints),
        spread(delays),
        spread(events),
        spread(busy),
        changes,
        limit,
        comparison,
    )


if __name__ == "__main__":
    sys.exit(main())
