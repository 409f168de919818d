"""Tables of results: as rows of text, and as Markdown or aligned for a terminal."""

import statistics
from collections.abc import Mapping
from typing import Any, NamedTuple

from metainr.reporting import results as reading

Results = Mapping[str, Any]
NOTHING = "–"


class Table(NamedTuple):
    """A table of text.

    title: what it shows, in one line;
    header: the names of the columns;
    rows: one tuple of cells per row, as long as the header;
    note: what a reader must know of the numbers, "" for nothing.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def init_table(results: Results, setting: str) -> Table:
    """Table 1: each init's PSNR at step 0, at the step of reference and at the end, and at the end
    all other metrics.
    """
    data = results["settings"][setting]
    first, last = data["steps"][0], data["steps"][-1]
    shown = dict.fromkeys([first, reading.match_step(data), last])
    columns: dict[str, Any] = {"init": lambda init: init, "optimizer": lambda i: _rate(data, i)}
    for step in shown:
        columns[f"PSNR, step {step}"] = lambda i, s=step: _cell(data, i, "psnr", s, 2)
    columns[f"SSIM, step {last}"] = lambda init: _cell(data, init, "ssim", last, 3)
    for metric in reading.further_metrics(data):
        name = f"{metric.replace('_', ' ')}, step {last}"
        columns[name] = lambda i, m=metric: _significant(*reading.metric_at(data, i, m, last))
    columns["steps to match"] = lambda init: steps_to_match(results, setting, init)
    inits = reading.ordered_inits(data)
    cells = {name: [cell(init) for init in inits] for name, cell in columns.items()}
    kept = [name for name in cells if any(cell != NOTHING for cell in cells[name])]
    rows = tuple(zip(*(cells[name] for name in kept)))
    compared = "Inits" if set(inits) & set(reading.INITS) else "Networks"
    title = f"{compared} compared" + ("" if setting == "default" else f", {setting}")
    return Table(title, tuple(kept), rows, _init_note(results, data, kept))


def steps_to_match(results: Results, setting: str, init: str) -> str:
    """How many steps an init needs for meta's quality: "37.9 (3 of 32 missed)", "–" for meta."""
    data = results["settings"][setting]
    fit = data["inits"][init]
    mean, missed = fit.get("steps_to_match"), fit.get("missed") or 0
    if init == "meta" or (mean is None and not missed):
        return NOTHING
    reached = f"> {data['steps'][-1]}" if mean is None else f"{mean:.1f}"
    return f"{reached} ({missed} of {results.get('num_test', '?')} missed)" if missed else reached


def seed_table(results: Results) -> Table | None:
    """The spread of PSNR over trainings that differ in their seed; None with fewer than two."""
    seeds = reading.families(results).get("seed", {})
    if len(seeds) < 2:
        return None
    step = reading.match_step(next(iter(seeds.values())))
    rows = []
    for init in reading.all_inits({"settings": seeds}):
        values = [reading.metric_at(setting, init, "psnr", step)[0] for setting in seeds.values()]
        values = [value for value in values if value is not None]
        if len(values) > 1:
            spread = (statistics.mean(values), statistics.stdev(values), min(values), max(values))
            rows.append((init, str(len(values)), *(f"{value:.2f}" for value in spread)))
    header = ("init", "seeds", "mean", "standard deviation", "lowest", "highest")
    title = f"PSNR after {_steps(step)} over seeds"
    return Table(title, header, tuple(rows), "PSNR in dB; the deviation is that of the sample.")


def family_tables(results: Results) -> list[Table]:
    """PSNR by setting of each family (train_signals=…, views=…), early and at the end."""
    tables = []
    for family, group in reading.families(results).items():
        if family == "seed" or len(group) < 2:
            continue
        early = {value: reading.match_step(data) for value, data in group.items()}
        final = {value: data["steps"][-1] for value, data in group.items()}
        for steps in [early, final] if early != final else [final]:
            tables.append(_family_table(family, group, steps))
    return tables


def _family_table(family: str, group: Mapping[str, Any], steps: Mapping[str, int]) -> Table:
    inits = reading.all_inits({"settings": group})
    rows = tuple(
        (value, *(_cell(data, init, "psnr", steps[value], 2) for init in inits))
        for value, data in group.items()
    )
    distinct = set(steps.values())
    when = _steps(distinct.pop()) if len(distinct) == 1 else "the last step"
    note = "PSNR in dB: mean ± standard error over the test signals."
    return Table(f"PSNR after {when} by {family}", (family, *inits), rows, note)


def verdict(results: Results) -> str:
    """The outcome in one sentence, from the setting that a report opens with."""
    name = reading.headline(results)
    data = results["settings"][name]
    step = reading.match_step(data)
    found = {init: reading.metric_at(data, init, "psnr", step)[0] for init in data["inits"]}
    found = {init: value for init, value in found.items() if value is not None}
    if not found:
        return f"No PSNR was computed after {_steps(step)}."
    where = "" if name == "default" else f" ({name})"
    learned = found.pop("meta", None)
    best = max(found, key=found.__getitem__, default=None)
    if learned is None:
        name = f"the {best} init" if best in reading.INITS else best
        return f"After {_steps(step)}{where} {name} reaches {found[best]:.1f} dB."
    rest = f"; the best other, {best}, {found[best]:.1f} dB" if best else ""
    return f"After {_steps(step)}{where} the learned init reaches {learned:.1f} dB{rest}."


def to_markdown(table: Table) -> str:
    """The table as Markdown, with its title above and its note below."""
    align = ["---", *("---:" for _ in table.header[1:])]
    lines = [_row(table.header), _row(align), *map(_row, table.rows)]
    parts = [f"**{table.title}**", "\n".join(lines), table.note]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_text(table: Table) -> str:
    """The table with aligned columns, for a terminal."""
    lines = [table.header, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    rule = "  ".join("-" * width for width in widths)
    aligned = [_aligned(cells, widths) for cells in lines]
    parts = [table.title, aligned[0], rule, *aligned[1:], table.note]
    return "\n".join(part for part in parts if part) + "\n"


def _row(cells: Any) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    first, *others = widths
    padded = [cell.rjust(width) for cell, width in zip(cells[1:], others)]
    return "  ".join([cells[0].ljust(first), *padded]).rstrip()


def plus_minus(mean: float | None, stderr: float | None, digits: int) -> str:
    """A mean with its standard error, "50.12 ± 0.31"; "–" where there is none."""
    if mean is None:
        return NOTHING
    return f"{mean:.{digits}f}" + ("" if stderr is None else f" ± {stderr:.{digits}f}")


def _significant(mean: float | None, stderr: float | None) -> str:
    """As `plus_minus`, for numbers of any size."""
    if mean is None:
        return NOTHING
    return f"{mean:.3g}" + ("" if stderr is None else f" ± {stderr:.1g}")


def _cell(data: Mapping[str, Any], init: str, metric: str, step: int, digits: int) -> str:
    return plus_minus(*reading.metric_at(data, init, metric, step), digits)


def _rate(data: Mapping[str, Any], init: str) -> str:
    fit = data["inits"][init]
    rate = fit.get("learning_rate")
    text = "" if rate is None else f" {rate:g}" if rate >= 0.1 or rate == 0 else f" {rate:.2e}"
    if "e" in text:  # 1.00e-04 as people write it: 1e-4
        digits, _, exponent = text.partition("e")
        text = f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"
    return (fit.get("optimizer") or "") + text or NOTHING


def _steps(step: int) -> str:
    return f"{step} step" if step == 1 else f"{step} steps"


def _init_note(results: Results, data: Mapping[str, Any], columns: list[str]) -> str:
    count = results.get("num_test")
    signals = "the test signals" if count is None else f"{count} test signals"
    notes = [f"PSNR in dB; mean ± standard error over {signals}."]
    if "steps to match" in columns:
        step = data.get("match_step")
        reference = "meta's early quality" if step is None else f"meta's PSNR after {_steps(step)}"
        notes.append(f"Steps to match: steps to {reference}, mean over the signals that reach it.")
    fits = {init: data["inits"][init].get("fit_error") for init in reading.ordered_inits(data)}
    errors = ", ".join(f"{init} {error:.2g}" for init, error in fits.items() if error is not None)
    if errors:
        notes.append(f"Error left in the fitted inits: {errors}.")
    return " ".join(notes)
