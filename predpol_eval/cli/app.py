"""The commands of ``predpol-eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from predpol_eval.cli.console import plain_errors
from predpol_eval.cli.trial_office import office
from predpol_eval.cli.trial_vendor import vendor
from predpol_eval.errors import InputError

app = typer.Typer(
    name="predpol-eval",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help=(
        "Does predictive policing work? Which forecaster would have flagged tomorrow's crimes, night after night, "
        "at the same cost?\n\nStart with `predpol-eval demo`."
    ),
)

trial = typer.Typer(
    no_args_is_help=True,
    help="The prospective comparison of vendors: predictions are sealed before the night and scored after it.",
)
trial.add_typer(office)
trial.add_typer(vendor)
app.add_typer(trial, name="trial")

Jobs = Annotated[int | None, typer.Option("--jobs", "-j", help="Worker processes; -1 for all cores.", show_default="1")]
Progress = Annotated[bool, typer.Option("--progress/--no-progress", help="Show a progress bar.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the results of another run in the folder.")]

WHERE, WHEN, WHAT, HOW = "Crimes and places", "Nights", "Forecasters and budgets", "Running"


def _version(wanted: bool) -> None:
    if wanted:
        from predpol_eval import __version__

        typer.echo(f"predpol-eval {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Say what is common to all commands: nothing but the version."""


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("demo-output"),
    jobs: Jobs = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two weeks instead of six.")] = False,
    progress: Progress = True,
    overwrite: Overwrite = False,
) -> None:
    """Run six forecasters on the built-in sample: two kinds of crime in Toronto, five areas, 45 nights of 2018.

    Needs no file and about a minute; results of an earlier demo are replaced.
    """
    with plain_errors():
        from predpol_eval.cli.work import run_demo

        run_demo(output, quick=quick, jobs=jobs, progress=progress, overwrite=overwrite)


@app.command()
def backtest(
    config: Annotated[
        Path | None, typer.Argument(help="Configuration file; options below override what it says.", show_default=False)
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            help="Recorded crimes, CSV (plain or gzip) or Parquet.", rich_help_panel=WHERE, show_default=False
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(help="Whose file it is; see `predpol-eval formats`.", rich_help_panel=WHERE, show_default=False),
    ] = None,
    read: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="What else the reader of the format is to be told, such as x=lon. Repeatable.",
            rich_help_panel=WHERE,
            show_default=False,
        ),
    ] = None,
    observed: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIRST,END",
            help="Days between which crimes were recorded, end excluded: 2014-01-01,2019-01-01. Repeatable. "
            "Default: first to last day of the file.",
            rich_help_panel=WHERE,
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="Kind of crime, fitted and counted by itself. Repeatable. Default: all crimes pooled.",
            rich_help_panel=WHERE,
            show_default=False,
        ),
    ] = None,
    pool: Annotated[
        bool | None, typer.Option("--pool", help="Pool the kinds into one.", rich_help_panel=WHERE, show_default=False)
    ] = None,
    areas: Annotated[
        Path | None,
        typer.Option(
            help="Polygons: GeoJSON, GeoPackage or shapefile. Converted to the crimes' coordinate system by itself.",
            rich_help_panel=WHERE,
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="Column of the areas with their names.", rich_help_panel=WHERE, show_default=False),
    ] = None,
    cell: Annotated[
        float | None, typer.Option(help="Side of a box in metres.", rich_help_panel=WHERE, show_default="250")
    ] = None,
    start: Annotated[str | None, typer.Option(help="First night.", rich_help_panel=WHEN, show_default=False)] = None,
    end: Annotated[
        str | None, typer.Option(help="The day after the last night.", rich_help_panel=WHEN, show_default=False)
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Time of day at which windows begin.", rich_help_panel=WHEN, show_default="00:00")
    ] = None,
    horizon: Annotated[
        str | None, typer.Option(help="Length of a window.", rich_help_panel=WHEN, show_default="1D")
    ] = None,
    step: Annotated[
        str | None, typer.Option(help="From one window to the next.", rich_help_panel=WHEN, show_default="1D")
    ] = None,
    lead: Annotated[
        str | None,
        typer.Option(help="How long before its start a window is forecast.", rich_help_panel=WHEN, show_default="0h"),
    ] = None,
    forecaster: Annotated[
        list[str] | None,
        typer.Option(
            help='Such as "KDE(bandwidth=500)" or "my map = CountMap(lookback=\'21D\')"; see `predpol-eval '
            "forecasters`. Repeatable.",
            rich_help_panel=WHAT,
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            help='What can be patrolled: "top 10 per area", "top 50", "1 %", "1 % per area". Repeatable.',
            rich_help_panel=WHAT,
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Forecaster that the others are compared with.", rich_help_panel=WHAT, show_default="the first"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for the results.", rich_help_panel=HOW, show_default="backtest-output"
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Folder for finished blocks of nights: a stopped run resumes there.",
            rich_help_panel=HOW,
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", help="Worker processes; -1 for all cores.", rich_help_panel=HOW, show_default="1"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many fits, minutes and GB.", rich_help_panel=HOW)
    ] = False,
    progress: Annotated[
        bool, typer.Option("--progress/--no-progress", help="Show a progress bar.", rich_help_panel=HOW)
    ] = True,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace the results of another run in the folder.", rich_help_panel=HOW),
    ] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print a configuration file to start from, and stop.", rich_help_panel=HOW)
    ] = False,
) -> None:
    r"""Run forecasters over many nights of recorded crime and count what they would have caught.

    Either from a configuration file:

    ```sh
    predpol-eval backtest --example > run.toml
    predpol-eval backtest run.toml --jobs 2
    ```

    or from options alone:

    ```sh
    predpol-eval backtest --events mci.csv.gz --format toronto \
      --kind "Break and Enter" --areas areas.geojson --label AREA_NAME \
      --start 2018-06-01 --end 2018-09-01 \
      --forecaster "CountMap(lookback='21D')" \
      --forecaster "KDE(bandwidth=500)" \
      --budget "top 10 per area" --budget "1 %" --output summer
    ```

    The folder of results holds results.nc (the tally), tallies.csv, summary.csv, summary.txt, a risk map, capture
    curves, hit rates and PAI as PNG, and run.json, the record of the run. Exit codes: 0 done, 1 every night failed,
    2 the input cannot be used, 130 stopped.
    """
    from predpol_eval.cli import options
    from predpol_eval.cli.work import run_config

    if example:
        typer.echo(options.example(), nl=False)
        return
    with plain_errors():
        given = options.tables(
            events=events, format=format, read=read, observed=observed, kind=kind, pool=pool, areas=areas, label=label,
            cell=cell, start=start, end=end, at=at, horizon=horizon, step=step, lead=lead, forecaster=forecaster,
            budget=budget, baseline=baseline, output=output, store=store, jobs=jobs,
        )  # fmt: skip
        if config is None and not given:
            raise InputError(
                "Nothing was asked for: give a configuration file (`predpol-eval backtest --example > run.toml` writes "
                "one) or options (`predpol-eval backtest --help`)."
            )
        run_config(config, given, dry_run=dry_run, progress=progress, overwrite=overwrite)


@app.command()
def formats(
    name: Annotated[str | None, typer.Argument(help="Show one of them in full.", show_default=False)] = None,
) -> None:
    """List the files of recorded crimes that can be read."""
    with plain_errors():
        from predpol_eval.cli.listings import format_in_full, format_list

        typer.echo(format_list() if name is None else format_in_full(name))


@app.command()
def forecasters() -> None:
    """List the forecasters and what each can be given."""
    with plain_errors():
        from predpol_eval.cli.listings import forecaster_list

        typer.echo(forecaster_list())
