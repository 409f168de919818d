"""One colour per init in every figure and on every page, told apart by colour-blind readers too.

So have the curves of learning. The hues of the known ones are those of Okabe and Ito, with a grey
for the random init that all others are held against; the second of each pair is a lighter one for
dark pages.
"""

COLOURS = {
    "standard": ("#6f6f6f", "#a9adb3"),
    "mean": ("#0072b2", "#4aa8e0"),
    "matched": ("#00875f", "#2cc295"),
    "shuffled": ("#ad5286", "#df93bd"),
    "meta": ("#c94f00", "#ff8a3d"),
    "training": ("#6f6f6f", "#a9adb3"),
    "validation": ("#c94f00", "#ff8a3d"),
}
OTHERS = (
    *(("#8f6b00", "#e6b422"), ("#3f3f9f", "#9a9af0"), ("#7a4b2a", "#c79a77")),
    *(("#00707a", "#3cc4d0"), ("#a3153f", "#ff7a96"), ("#567300", "#a9cf3a")),
    *(("#7a2fa0", "#cf8df0"), ("#30506e", "#8fb4d6"), ("#1a1a1a", "#e0e0e0")),
)

MARKERS = {"standard": "o", "mean": "s", "matched": "^", "shuffled": "D", "meta": "o"}


def colours(inits: list[str]) -> dict[str, tuple[str, str]]:
    """{init: (colour on white, colour on black)}; unknown inits take further colours in turn."""
    unknown = [init for init in inits if init not in COLOURS]
    return {
        init: COLOURS[init] if init in COLOURS else OTHERS[unknown.index(init) % len(OTHERS)]
        for init in inits
    }
