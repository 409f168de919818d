"""What a killed run left of its metrics is trimmed, and what cannot be written is told."""

import json

import numpy as np
import pytest
from tensorboardX.proto import event_pb2

from metainr.errors import UserError
from metainr.training.metrics import MetricsWriter


def _records(directory):
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def _events(directory):
    """The records of all event files: length, its checksum, content, its checksum."""
    for path in sorted(directory.glob("events.out.tfevents.*")):
        content, position = path.read_bytes(), 0
        while position < len(content):
            size = int.from_bytes(content[position : position + 8], "little")
            yield event_pb2.Event.FromString(content[position + 12 : position + 12 + size])
            position += size + 16


def test_later_records_are_trimmed(tmp_path):
    with MetricsWriter(tmp_path, 0) as writer:
        for step in (10, 20, 30):
            writer.scalars(step, {"loss": step / 10})
    with MetricsWriter(tmp_path, 20) as writer:
        writer.scalars(30, {"loss": 7.0})
    expected = [{"step": 10, "loss": 1.0}, {"step": 20, "loss": 2.0}, {"step": 30, "loss": 7.0}]
    assert _records(tmp_path) == expected


@pytest.mark.parametrize("rubbish", ['{"step": 30, "lo', "\x00\x00\x00\n", '{"loss": 1}\n', "[]\n"])
def test_what_a_kill_left_half_written_is_dropped(tmp_path, rubbish):
    (tmp_path / "metrics.jsonl").write_text('{"step": 10, "loss": 1.0}\n' + rubbish)
    with MetricsWriter(tmp_path, 10) as writer:
        writer.scalars(20, {"loss": 2.0})
    assert _records(tmp_path) == [{"step": 10, "loss": 1.0}, {"step": 20, "loss": 2.0}]


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1}\n\xff\xfe\n{"step": 2}\n')
    MetricsWriter(tmp_path, 5).__exit__()
    assert _records(tmp_path) == [{"step": 1}, {"step": 2}]


def test_tensorboard_gets_scalars_pictures_and_where_a_run_went_on(tmp_path):
    with MetricsWriter(tmp_path, 0) as writer:
        writer.scalars(10, {"loss": 0.5})
        writer.image(10, "validation", np.linspace(-1, 2, 48).reshape(4, 4, 3))
    with MetricsWriter(tmp_path, 10):
        pass
    events = list(_events(tmp_path))
    values = {(e.step, v.tag): v for e in events for v in e.summary.value}
    assert values[10, "loss"].simple_value == 0.5
    assert (values[10, "validation"].image.height, values[10, "validation"].image.width) == (4, 4)
    starts = [e.step for e in events if e.session_log.status == event_pb2.SessionLog.START]
    assert starts == [1, 11]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write metrics to .*file.*checkpoints are kept"):
        MetricsWriter(tmp_path / "file", 0)
