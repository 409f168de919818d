"""Compare finished runs of one experiment and class on one page.

    metainr compare runs/steps/* --workdir=runs/compared

Writes compared.md, figures/ and report.html: what differs between the runs, what each has learned
comes to after some steps, and what learning took.
"""

from absl import flags

from experiments import cli
from experiments.run import shared_flags
from metainr.output import say
from metainr.reporting import to_text
from metainr.reporting.learning import validations
from metainr.reporting.runs import read_runs, run_tables, write_runs_report
from metainr.training.workdir import check_no_run

flags.declare_key_flag(shared_flags.WORKDIR.name)


def main(workdirs: list[str]) -> None:
    """Compares the runs in these folders."""
    check_no_run(shared_flags.WORKDIR.value)
    report(workdirs, shared_flags.WORKDIR.value)


def report(workdirs: list[str], folder: str) -> None:
    """Compares runs, writes the page into a folder, and prints the tables."""
    runs = read_runs(workdirs)
    courses = {
        run.name: validations(run.path / "metrics", run.results.get("train_steps") or 0)
        for run in runs
    }
    paths = write_runs_report(folder, runs, courses)
    for table in run_tables(runs):
        say(to_text(table))
    say(f"report: {paths[-1]}")


if __name__ == "__main__":
    cli.run_on(main, cli.parse)
