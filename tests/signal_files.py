"""Small files of a user's, for every class of signals that reads some.

FILES: name of the class -> a function that writes them into a folder and returns what its options
have to say of them.
"""

import numpy as np
from PIL import Image
from scene_files import write_photos, write_reconstruction, write_scene, write_shapenet
from signal_kinds import RATE


def pictures(folder):
    """Six pictures of smooth colours, none like another."""
    across, down = np.meshgrid(*[np.linspace(0, 1, 40)] * 2)
    for index in range(6):
        values = 255 * np.stack([across, down, np.full_like(across, index / 6)], -1)
        Image.fromarray(values.astype(np.uint8)).save(folder / f"{index}.png")
    return {"image_folder": str(folder)}


def picture(folder):
    pictures(folder)
    return {"files": (str(folder / "0.png"),)}


def prepared_sets(folder):
    from tfds_sets import write_tfds_sets

    write_tfds_sets(folder)
    return {"data_dir": str(folder)}


def slices(folder):
    ramp = np.linspace(0, 1000, 24 * 24, dtype=np.float32).reshape(24, 24)
    for index in range(6):
        np.save(folder / f"{index}.npy", ramp + 10 * index)
    return {"folder": str(folder)}


def sounds(folder):
    import soundfile

    times = np.arange(RATE // 8) / RATE
    for index in range(6):
        sound = 0.5 * np.sin(2 * np.pi * (300 + 100 * index) * times)
        soundfile.write(folder / f"{index}.wav", sound, RATE)
    return {"audio_folder": str(folder)}


def sound(folder):
    sounds(folder)
    return {"recording": str(folder / "0.wav")}


def clips(folder):
    """Folders of frames that grow brighter."""
    for index in range(6):
        (folder / str(index)).mkdir()
        for frame in range(8):
            grey = Image.new("L", (32, 32), 40 + 20 * frame + index)
            grey.save(folder / str(index) / f"{frame}.png")
    return {"video_folder": str(folder)}


def clip(folder):
    clips(folder)
    return {"clip": str(folder / "0")}


def meshes(folder):
    import trimesh

    for index in range(6):
        trimesh.creation.box((1, 1 + index, 2)).export(folder / f"{index}.ply")
    return {"mesh_folder": str(folder)}


def mesh(folder):
    meshes(folder)
    return {"mesh_file": str(folder / "0.ply")}


def scenes(folder):
    for index in range(6):
        write_scene(folder / str(index), grey=10 * index)
    return {"object_folder": str(folder)}


FILES = {
    "folder": pictures,
    "celeba": prepared_sets,
    "imagenette": prepared_sets,
    "image": picture,
    "slices": slices,
    "phototourism": lambda folder: {"photo_folder": str(write_photos(folder))},
    "colmap": lambda folder: {"photo_folder": str(write_reconstruction(folder))},
    "shapenet": lambda folder: {"object_folder": str(write_shapenet(folder))},
    "nerf_folder": scenes,
    "recordings": sounds,
    "recording": sound,
    "clips": clips,
    "clip": clip,
    "mesh_folder": meshes,
    "mesh": mesh,
}
