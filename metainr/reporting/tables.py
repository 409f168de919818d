"""Tables of results: as rows of text, and as Markdown or aligned for a terminal."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from metainr.reporting import results as reading
from metainr.reporting.measures import Measure
from metainr.reporting.turning import told

Results = Mapping[str, Any]
NOTHING = "–"


class Table(NamedTuple):
    """A table of text.

    title: what it shows, in one line;
    header: the names of the columns;
    rows: one tuple of cells per row, as long as the header; some may be `emphasised`;
    note: what a reader must know of the numbers, "" for nothing.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def init_table(results: Results, setting: str) -> Table:
    """Table 1: by init the metric of comparison at step 0, at the step of reference and at the end,
    or at the steps that the setting says, and all others at the end; the best of each stands out.
    """
    data = results["settings"][setting]
    first, last, headline = data["steps"][0], data["steps"][-1], reading.headline_measure(data)
    shown = dict.fromkeys(data.get("shown") or [first, reading.match_step(data), last])
    inits = reading.ordered_inits(data)
    cells: dict[str, list[str]] = {"init": inits, "optimizer": [_rate(data, i) for i in inits]}
    measured = [(headline, step) for step in shown]
    for measure, step in [*measured, *((other, last) for other in reading.other_measures(data))]:
        cells[f"{measure.name}, step {step}"] = marked(measure, _means(data, inits, measure, step))
    cells["steps to match"] = [steps_to_match(results, setting, init) for init in inits]
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
    """The spread of the metric over trainings of several seeds; None with fewer than two."""
    seeds = reading.families(results).get("seed", {})
    if len(seeds) < 2:
        return None
    first = next(iter(seeds.values()))
    step, measure = reading.match_step(first), reading.headline_measure(first)
    rows = []
    for init in reading.all_inits({"settings": seeds}):
        values = [reading.metric_at(seed, init, measure.key, step)[0] for seed in seeds.values()]
        values = [value for value in values if value is not None]
        if len(values) > 1:
            spread = (statistics.mean(values), statistics.stdev(values), min(values), max(values))
            rows.append((init, str(len(values)), *map(measure.written, spread)))
    header = ("init", "seeds", "mean", "standard deviation", "lowest", "highest")
    title = f"{measure.name} after {in_steps(step)} over seeds"
    return Table(title, header, tuple(rows), f"{in_unit(measure)}; the deviation is of the sample.")


def family_tables(results: Results) -> list[Table]:
    """The metric by setting of each family (train_signals=…, views=…), early and at the end."""
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
    measure = reading.headline_measure(next(iter(group.values())))
    rows = tuple(
        (value, *marked(measure, _means(data, inits, measure, steps[value])))
        for value, data in group.items()
    )
    distinct = set(steps.values())
    when = in_steps(distinct.pop()) if len(distinct) == 1 else "the last step"
    trainings = {data.get("trainings", 1) for data in group.values()}
    over = f"{max(trainings)} trainings" if max(trainings) > 1 else "the test signals"
    alone = "" if len(trainings) == 1 else ", where there is one, over the test signals"
    note = f"{in_unit(measure)}: mean ± standard error over {over}{alone}."
    return Table(f"{measure.name} after {when} by {family}", (family, *inits), rows, note)


def verdict(results: Results) -> str:
    """The outcome in one sentence: the results' own, or of the setting that a report opens with."""
    if own := results.get("verdict"):
        return str(own)
    name = reading.headline(results)
    data = results["settings"][name]
    step = reading.match_step(data)
    measure = reading.headline_measure(data)
    found = {init: reading.metric_at(data, init, measure.key, step)[0] for init in data["inits"]}
    found = {init: value for init, value in found.items() if value is not None}
    if not found:
        return f"No {measure.name} was computed after {in_steps(step)}."
    where = "" if name == "default" else f" ({name})"
    learned = found.pop("meta", None)
    best = (min if measure.lower_is_better else max)(found, key=found.__getitem__, default=None)
    if learned is None:
        name = f"the {best} init" if best in reading.INITS else best
        return f"After {in_steps(step)}{where} {name} reaches {in_words(measure, found[best])}."
    rest = f"; the best other, {best}, {_number(measure, found[best])}" if best else ""
    said = in_words(measure, learned)
    return f"After {in_steps(step)}{where} the learned init reaches {said}{rest}."


def in_words(measure: Measure, value: float) -> str:
    """A value in a sentence: "27.6 dB", "a relative error of 0.12"."""
    number = _number(measure, value)
    return number if measure.unit else f"a {measure.name} of {number}"


def _number(measure: Measure, value: float) -> str:
    return f"{value:.1f} {measure.unit}" if measure.unit else measure.written(value)


def in_unit(measure: Measure) -> str:
    """A measure's name as the beginning of a note: "PSNR in dB"."""
    name = measure.name[0].upper() + measure.name[1:]
    return f"{name} in {measure.unit}" if measure.unit else name


def to_markdown(table: Table) -> str:
    """The table as Markdown, with its title above and its note below."""
    align = ["---", *("---:" for _ in table.header[1:])]
    lines = [_row(table.header), _row(align), *map(_row, table.rows)]
    parts = [f"**{table.title}**", "\n".join(lines), table.note]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_text(table: Table) -> str:
    """The table with aligned columns, for a terminal."""
    lines = [table.header, *(tuple(map(plain, row)) for row in table.rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    rule = "  ".join("-" * width for width in widths)
    aligned = [_aligned(cells, widths) for cells in lines]
    parts = [table.title, aligned[0], rule, *aligned[1:], table.note]
    return "\n".join(part for part in parts if part) + "\n"


def emphasised(cell: str) -> str:
    """A cell that stands out, as Markdown has it."""
    return f"**{cell}**"


def marked(measure: Measure, found: Sequence[tuple[float | None, float | None]]) -> list[str]:
    """Cells of means with their standard errors, of which the best one stands out among others."""
    means = {mean for mean, _ in found if mean is not None}
    best = (min if measure.lower_is_better else max)(means) if len(means) > 1 else None
    cells = [NOTHING if mean is None else measure.written(mean, error) for mean, error in found]
    return [emphasised(c) if c != NOTHING and m == best else c for c, (m, _) in zip(cells, found)]


def plain(cell: str) -> str:
    """A cell's text, whether it stands out or not."""
    return cell.removeprefix("**").removesuffix("**")


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


def _means(data, inits, measure, step):
    """(mean, standard error) of each init."""
    return [reading.metric_at(data, init, measure.key, step) for init in inits]


def _rate(data: Mapping[str, Any], init: str) -> str:
    fit = data["inits"][init]
    finish = fit.get("finish")
    return _optimizer(fit) + (f", then {_optimizer(finish)}" if finish else "") or NOTHING


def _optimizer(steps: Mapping[str, Any]) -> str:
    rate = steps.get("learning_rate")
    text = "" if rate is None else f" {rate:g}" if rate >= 0.1 or rate == 0 else f" {rate:.2e}"
    if "e" in text:  # 1.00e-04 as people write it: 1e-4
        digits, _, exponent = text.partition("e")
        text = f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"
    return (steps.get("optimizer") or "") + text


def counted(count: int, thing: str) -> str:
    """So many things in words: "1 step", "2 steps"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def in_steps(step: int) -> str:
    """A number of steps in words: "1 step", "2 steps"."""
    return counted(step, "step")


def over_signals(count: int | None) -> str:
    """What is behind numbers with ±, by the number of test signals; None: it is not known."""
    if count == 1:
        return ", of one test signal"
    return f"; mean ± standard error over {'the' if count is None else count} test signals"


def _init_note(results: Results, data: Mapping[str, Any], columns: list[str]) -> str:
    measure = reading.headline_measure(data)
    notes = [f"{in_unit(measure)}{over_signals(results.get('num_test'))}."]
    if "steps to match" in columns:
        step = data.get("match_step")
        reference = (
            "meta's early quality"
            if step is None
            else f"meta's {measure.name} after {in_steps(step)}"
        )
        notes.append(f"Steps to match: steps to {reference}, mean over the signals that reach it.")
    fits = {init: data["inits"][init].get("fit_error") for init in reading.ordered_inits(data)}
    errors = ", ".join(f"{init} {error:.2g}" for init, error in fits.items() if error is not None)
    if errors:
        notes.append(f"Loss left in the inits that were fitted: {errors}.")
    if turned := told(data):
        notes.append(turned)
    return " ".join(notes)
