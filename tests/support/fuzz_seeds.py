"""A small valid input of every kind of source, to be damaged: folder -> the `[[source]]` that reads it."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from drawn_hdf5 import write_aloha, write_demos, write_libero
from drawn_videos import draw_frames, draw_video
from lerobot_folders import write_v21, write_v30
from numpy.typing import NDArray
from PIL import Image
from rlds_folders import picture, plain_episode, write_rlds
from tfrecords import Values, example, field, tfrecord, varint

Tree = dict[str, Any]
SIZE = (200, 120)
ELEMENT = {"box": [10, 20, 60, 50], "text": "Send", "role": "button"}


def _write(path: Path, content: bytes | object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def _pixels(width: int, height: int) -> NDArray[np.uint8]:
    """Light and dark tiles of 6 pixels; (height, width, 3)."""
    rows, columns = np.indices((height, width)) // 6
    return np.where((rows + columns) % 2, 230, 60).astype(np.uint8)[..., None].repeat(3, axis=2)


def _draw(path: Path, size: tuple[int, int] = SIZE, **options: Any) -> Path:
    """A picture with something on every place, in the form that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_pixels(*size)).save(path, **options)
    return path


def _video(suffix: str) -> Callable[[Path], Tree]:
    return lambda folder: {"kind": "video", "path": str(draw_video(folder / f"a.{suffix}", frames=10))}


def _animated(suffix: str) -> Callable[[Path], Tree]:
    def make(folder: Path) -> Tree:
        first, *more = [Image.fromarray(one) for one in draw_frames(0, 10)]
        folder.mkdir(parents=True, exist_ok=True)
        first.save(folder / f"a.{suffix}", save_all=True, append_images=more, duration=40)
        return {"kind": "video", "path": str(folder)}

    return make


def _rows(folder: Path, kind: str, table: str, content: object, video: str, **more: str) -> Tree:
    draw_video(folder / "videos" / video, frames=30)
    annotations = folder / "rows" / table
    if isinstance(content, list) and table.endswith(".csv"):
        annotations.parent.mkdir(parents=True, exist_ok=True)
        with annotations.open("w", newline="") as file:
            csv.writer(file).writerows(content)
    else:
        _write(annotations, content)
    return {"kind": kind, "path": str(folder / "videos"), "annotations": str(annotations), **more}


def _annotated(folder: Path) -> Tree:
    rows = [
        ["video", "start_s", "stop_s", "text"],
        ["a.mp4", "0.1", "00:00:00.80", "lift it"],
        ["a.mp4", 0, 1, "x"],
    ]
    return _rows(folder, "annotated-video", "rows.csv", rows, "a.mp4")


def _epic_kitchens(folder: Path) -> Tree:
    header = ["participant_id", "video_id", "start_timestamp", "stop_timestamp", "narration"]
    rows = [header, ["P01", "P01_1", "00:00:00.10", "00:00:00.90", "cut it"]]
    return _rows(folder, "epic-kitchens", "a.csv", rows, "P01/videos/P01_1.mp4") | {
        "video": "{participant_id}/videos/{video_id}.mp4"
    }


def _ego4d(folder: Path) -> Tree:
    said = [
        {"timestamp_sec": 0.4, "narration_text": "#C C lifts it"},
        {"timestamp_sec": 0.8, "narration_text": "x"},
    ]
    passes = {"narration_pass_1": {"narrations": said}, "narration_pass_2": {"narrations": []}}
    return _rows(folder, "ego4d", "narration.json", {"uid1": passes}, "uid1.mp4")


def _ssv2(folder: Path) -> Tree:
    rows = [
        {"id": "7", "label": "Putting a cup", "template": "Putting [something]", "placeholders": ["a cup"]}
    ]
    labels = _write(folder / "labels" / "labels.json", {"Putting something": "0"})
    return _rows(folder, "ssv2", "train.json", rows, "7.mp4") | {"video": "{id}.mp4", "labels": str(labels)}


def _rlds(folder: Path) -> Tree:
    write_rlds(folder / "1.0.0", [[plain_episode(0, 4)]])
    return {"kind": "rlds", "path": str(folder)}


def _hdf5(kind: str, write: Callable[[Path], Path]) -> Callable[[Path], Tree]:
    def make(folder: Path) -> Tree:
        folder.mkdir(parents=True, exist_ok=True)
        return {"kind": kind, "path": str(write(folder / "a.hdf5"))}

    return make


def _llava(folder: Path) -> Tree:
    turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A page."}]
    _draw(folder / "coco" / "0.jpg")
    records = [{"id": "7", "image": "coco/0.jpg", "conversations": turns}]
    return {"kind": "llava", "path": str(_write(folder / "pairs.json", records))}


def _dom(folder: Path) -> Tree:
    _draw(folder / "page.png")
    element = {"tag": "button", "role": None, "name": "OK", "bbox_css": [10, 20, 50, 30], "markable": True}
    tree = {"image": "page.png", "viewport": [200, 120], "device_scale_factor": 1, "scroll": [0, 0]}
    _write(folder / "page.json", {**tree, "full_page": False, "elements": [element, element]})
    return {"kind": "dom", "path": str(folder)}


def _ui_jsonl(folder: Path) -> Tree:
    _draw(folder / "images" / "a.png")
    more = {"instruction": "press it", "elements": [ELEMENT, ELEMENT], "target": 0}
    records = [{"image": "a.png", **more}, {"image": "a.png", **more, "action": {"kind": "click"}}]
    table = _write(folder / "records.jsonl", "\n".join(map(json.dumps, records)).encode())
    return {"kind": "ui-jsonl", "path": str(folder / "images"), "annotations": str(table)}


def _screenshots(folder: Path) -> Tree:
    _draw(folder / "images" / "a.png")
    table = _write(folder / "boxes.jsonl", {"image": "a.png", "boxes": [ELEMENT]})
    return {"kind": "screenshots", "path": str(folder / "images"), "annotations": str(table)}


def _seeclick(folder: Path) -> Tree:
    _draw(folder / "images" / "page.png")
    elements = [{"instruction": "Buy", "bbox": [0.1, 0.2, 0.3, 0.4], "data_type": "text"}]
    record = {"img_filename": "page.png", "url": "https://shop.example/a", "elements": elements}
    return {
        "kind": "seeclick",
        "path": str(folder / "images"),
        "annotations": str(_write(folder / "web.json", [record])),
    }


def _spot(folder: Path) -> Tree:
    _draw(folder / "images" / "pc.png")
    record = {"img_filename": "pc.png", "bbox": [40, 60, 80, 20], "instruction": "close", "data_type": "icon"}
    table = _write(folder / "desktop.json", [{**record, "data_source": "windows"}])
    return {"kind": "screenspot", "path": str(folder / "images"), "annotations": str(table)}


def _spot_parquet(folder: Path) -> Tree:
    stored = {"bytes": _draw(folder / "x.png").read_bytes(), "path": "x.png"}
    (folder / "x.png").unlink()
    row = {
        "image": stored,
        "bbox": [0.1, 0.2, 0.3, 0.4],
        "instruction": "close",
        "data_type": "icon",
        "data_source": "windows",
    }
    path = folder / "data" / "test-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([{**row, "file_name": "x.png"}] * 2), path)
    return {"kind": "screenspot", "path": str(path.parent)}


def _candidate(node: int, box: str, **more: Any) -> Tree:
    attributes = {"backend_node_id": str(node), "bounding_box_rect": box}
    return {"attributes": json.dumps(attributes), "backend_node_id": str(node), "tag": "a", **more}


def _web_step(uid: str) -> Tree:
    target = _candidate(2, "20.5,10,50,25", is_original_target=True, is_top_level_target=True)
    html = '<html backend_node_id="1"><a backend_node_id="3"><text backend_node_id="7">Log</text></a></html>'
    return {
        "action_uid": uid,
        "cleaned_html": html,
        "operation": {"op": "CLICK", "original_op": "CLICK", "value": ""},
        "pos_candidates": [target],
        "neg_candidates": [_candidate(1, "0,0,200,120"), _candidate(3, "80,60,40,20")],
    }


def _mind2web(folder: Path) -> Tree:
    _draw(folder / "images" / "t1-u0.jpg")
    task = {
        "annotation_id": "t1",
        "website": "shop",
        "confirmed_task": "Find a lamp",
        "action_reprs": ["[a] x -> CLICK"],
    }
    table = _write(folder / "train_0.json", [{**task, "actions": [_web_step("u0")]}])
    return {"kind": "mind2web", "path": str(folder / "images"), "annotations": str(table)}


def _mind2web_parquet(folder: Path) -> Tree:
    shot = {"bytes": _draw(folder / "x.jpg").read_bytes(), "path": None}
    (folder / "x.jpg").unlink()
    step = _web_step("u0")
    row = {name: json.dumps(step[name]) for name in ("operation",)}
    row |= {name: [json.dumps(one) for one in step[name]] for name in ("pos_candidates", "neg_candidates")}
    more = {
        "annotation_id": "t1",
        "website": "shop",
        "confirmed_task": "Find",
        "action_reprs": ["[a] x -> CLICK"],
    }
    path = folder / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    whole = {"action_uid": "u0", "cleaned_html": step["cleaned_html"], **row, **more, "screenshot": shot}
    pq.write_table(pa.Table.from_pylist([{**whole, "target_action_index": "0"}]), path)
    return {"kind": "mind2web", "path": str(path)}


def _webui(folder: Path) -> Tree:
    device, page = "iPhone-13 Pro", folder / "17"
    node = {"ignored": False, "role": {"type": "role", "value": "link"}, "properties": []}
    nodes = [
        {
            **node,
            "nodeId": str(1000 + k),
            "name": {"type": "computedString", "value": f"n{k}"},
            "backendDOMNodeId": k,
        }
        for k in (1, 2)
    ]
    nodes[0]["role"] = {"type": "role", "value": "RootWebArea"}
    boxes = {
        "1": {"x": 0, "y": 0, "width": 100, "height": 60},
        "2": {"x": 10, "y": 20, "width": 30, "height": 10},
    }
    for name, tree in (("axtree", {"nodes": nodes}), ("bb", boxes), ("viewport", {"2": True})):
        _write(page / f"{device}-{name}.json.gz", gzip.compress(json.dumps(tree).encode(), mtime=0))
    _write(page / f"{device}-url.txt", b"https://a.example/x\n")
    _draw(page / f"{device}-screenshot.webp")
    _draw(page / f"{device}-screenshot-full.webp", (200, 240))
    return {"kind": "webui", "path": str(folder)}


def _rico(folder: Path) -> Tree:
    _draw(folder / "7.jpg", (540, 960))
    view = {
        "class": "android.widget.TextView",
        "clickable": True,
        "visible-to-user": True,
        "visibility": "visible",
    }
    children = [
        {**view, "bounds": [100, 200, 400, 400], "text": "Send", "content-desc": [None], "children": []}
    ] * 2
    root = {**view, "bounds": [0, 0, 1440, 2560], "content-desc": [None], "children": children}
    _write(
        folder / "7.json", {"activity_name": "org.drawn/.Main", "activity": {"root": root}, "request_id": "1"}
    )
    return {"kind": "rico", "path": str(folder)}


def _droidbot(folder: Path) -> Tree:
    view = {
        "class": "android.widget.Button",
        "visible": True,
        "enabled": True,
        "clickable": True,
        "text": None,
    }
    root = {
        **view,
        "temp_id": 0,
        "view_str": "v0",
        "bounds": [[0, 0], [1440, 2560]],
        "content_description": None,
    }
    send = {**root, "temp_id": 1, "view_str": "v1", "bounds": [[100, 200], [300, 400]], "text": "Send"}
    _write(folder / "state_t0.json", {"tag": "t0", "state_str": "s0", "views": [root, send]})
    _draw(folder / "screen_t0.jpg", (720, 1280)).rename(folder / "screen_t0.png")
    touch = {"event_type": "touch", "x": None, "y": None, "view": send}
    _write(folder / "event_t0.json", {"tag": "t0", "start_state": "s0", "stop_state": "?", "event": touch})
    return {"kind": "droidbot", "path": str(folder)}


def _aitz(folder: Path) -> Tree:
    _draw(folder / "E-77_0.png", (200, 400))
    step = {
        "episode_id": "77",
        "step_id": 0,
        "instruction": "open the clock",
        "ui_positions": "[[10, 20, 30, 40], [100, 110, 20, 10]]",
        "ui_text": '["a", ""]',
        "ui_types": '["TEXT", "ICON_PLAY"]',
        "result_action_type": 4,
        "result_action_text": "",
        "result_touch_yx": "[0.06, 0.2]",
        "result_lift_yx": "[0.06, 0.2]",
        "image_path": "single/E-77/E-77_0.png",
    }
    _write(folder / "E-77.json", [step])
    return {"kind": "aitz", "path": str(folder)}


def _aitw(folder: Path) -> Tree:
    def step(number: int) -> dict[str, Values]:
        return {
            "image/encoded": [_pixels(96, 80).tobytes()],
            "image/channels": [3],
            "image/height": [80],
            "image/width": [96],
            "image/ui_annotations_positions": [0.25, 0.5, 0.125, 0.25, 0.5, 0.0, 0.25, 0.5],
            "image/ui_annotations_text": [b"a", b""],
            "image/ui_annotations_ui_types": [b"TEXT", b"ICON_PLAY"],
            "episode_id": [b"e1"],
            "episode_length": [2],
            "step_id": [number],
            "goal_info": [b"open"],
            "results/action_type": [4],
            "results/type_action": [b""],
            "results/yx_touch": [0.3, 0.6],
            "results/yx_lift": [0.3, 0.6],
        }

    _write(
        folder / "general-00000-of-00001",
        gzip.compress(tfrecord(map(example, (step(0), step(1)))), 1, mtime=0),
    )
    return {"kind": "aitw", "path": str(folder)}


def _android_control(folder: Path) -> Tree:
    """Its trees are protobuf: a window with a node that is clickable."""
    box = b"".join(
        varint(number << 3) + varint(value) for number, value in ((1, 10), (2, 20), (3, 50), (4, 60))
    )
    flags = b"".join(varint(number << 3) + varint(1) for number in (14, 16, 23))
    node = (
        varint(1 << 3)
        + varint(0)
        + field(2, box)
        + field(3, b"android.widget.Button")
        + field(7, b"Go")
        + flags
    )
    forest = field(1, field(11, field(1, node)))
    shots = [picture(number) for number in range(2)]
    episode: dict[str, Values] = {
        "episode_id": [1],
        "goal": [b"open it"],
        "screenshots": shots,
        "screenshot_widths": [128] * 2,
        "screenshot_heights": [96] * 2,
        "accessibility_trees": [forest] * 2,
        "actions": [b'{"action_type": "click", "x": 30, "y": 40}'],
        "step_instructions": [b"step 0"],
    }
    _write(folder / "android_control-00000-of-00001", gzip.compress(tfrecord([example(episode)]), 1, mtime=0))
    return {"kind": "android-control", "path": str(folder)}


SEEDS: dict[str, Callable[[Path], Tree]] = {
    **{f"video {suffix}": _video(suffix) for suffix in ("mp4", "mov", "mkv", "avi", "ts", "mpg")},
    **{f"video {suffix}": _animated(suffix) for suffix in ("gif", "webp")},
    "annotated-video": _annotated,
    "epic-kitchens": _epic_kitchens,
    "ego4d": _ego4d,
    "ssv2": _ssv2,
    "lerobot v2.1": lambda folder: {"kind": "lerobot", "path": str(write_v21(folder, {0: 12}))},
    "lerobot v3.0": lambda folder: {"kind": "lerobot", "path": str(write_v30(folder, [8, 8]))},
    "rlds": _rlds,
    "robomimic": _hdf5("robomimic", lambda path: write_demos(path, {"demo_0": 6})),
    "libero": _hdf5("libero", write_libero),
    "aloha": _hdf5("aloha", lambda path: write_aloha(path, "padded")),
    "llava": _llava,
    "dom": _dom,
    "ui-jsonl": _ui_jsonl,
    "screenshots": _screenshots,
    "seeclick": _seeclick,
    "screenspot": _spot,
    "screenspot parquet": _spot_parquet,
    "mind2web": _mind2web,
    "mind2web parquet": _mind2web_parquet,
    "webui": _webui,
    "rico": _rico,
    "droidbot": _droidbot,
    "aitz": _aitz,
    "aitw": _aitw,
    "android-control": _android_control,
}
