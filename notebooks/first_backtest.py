# %% [markdown]
# # A first backtest
#
# Which forecaster would have flagged tomorrow's crimes, night after night, at the same cost? This notebook answers it
# for break-ins and vehicle thefts in Toronto: load the crimes, fit a forecaster, look at its map, run several of them
# over many nights, and say how sure the answer is.
#
# The crimes are real records. Their publisher moved every point to the nearest intersection: nobody's home is in here.
# The five areas were drawn for this sample and have no other meaning.

# %% [markdown]
# ## Crimes

# %%
import predpol_eval as ppe

events = ppe.sample_events()
events

# %% [markdown]
# Every reader leaves a report: what was read, what was dropped and why, and what to know before using the
# rest. `ppe.read_events("my_file.csv", format="generic", ...)` reads a file of your own.

# %%
print(events.report)

# %% [markdown]
# ## Places
#
# Square boxes of 250 m over the areas. A box that a border cuts keeps the part inside, and every box belongs to the
# area that holds most of it.

# %%
grid = ppe.Grid.from_areas(ppe.sample_areas(), cell=250, label="area")
grid

# %% [markdown]
# ## One forecast
#
# A forecaster *is* its configuration. `fit` is handed what was known by `until`, and nothing else; `predict` gives the
# expected number of crimes in every box and window.

# %%
burglaries = events.select(kinds="Break and Enter")
night = ppe.Schedule(start="2018-06-08", end="2018-06-09", tz="America/Toronto").windows
fitted = ppe.KDE(bandwidth=500).fit(burglaries, grid, until="2018-06-08")
risk = fitted.predict(night)
print(risk.attrs["forecaster"], "learnt from", f"{risk.attrs['crimes_used']:,} crimes")
print("crimes expected in the study area that night:", round(float(risk.sum()), 1))

# %% [markdown]
# The map shows the risk, the ten boxes of each area that a budget of ten would flag, and the break-ins that
# then happened.

# %%
budget = ppe.TopCells(10, per="area")
ppe.plot_risk(risk, grid, flagged=budget, crimes=burglaries, note=events.report.attribution)

# %% [markdown]
# One night says next to nothing: a handful of crimes, caught or missed by luck. Hence many nights.
#
# ## Many nights
#
# The same for 45 nights, five forecasters and two kinds of crime. Each is fitted afresh for every night. The budgets make
# the comparison fair: ten boxes in each area, or 1 % of the ground.

# %%
forecasters = {
    "everywhere alike": ppe.Uniform(),
    "three-week map": ppe.CountMap(lookback="21D"),
    "KDE": ppe.KDE(bandwidth=500),
    "prospective": ppe.ProspectiveHotspot(),
    "self-exciting": ppe.SelfExciting(lookback="730D"),
}
nights = ppe.Schedule(start="2018-06-01", end="2018-07-16", tz="America/Toronto")
result = ppe.backtest(
    forecasters,
    events,
    grid,
    nights,
    budgets=[budget, ppe.Coverage(0.01)],
    kinds=["Break and Enter", "Auto Theft"],
    curve=[0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7],
    progress=False,
)
dict(result.sizes)

# %% [markdown]
# The result is a table of counts, and counts can be summed: over nights and areas first, then one
# division. `hits` can be a fraction, because boxes that are tied for the last places count by chance.

# %%
total = result.sum(["window", "area"])
table = total.sel(budget="1 % of the ground", kind="Break and Enter")
table[["hits", "events"]].to_dataframe()[["hits", "events"]].assign(
    hit_rate=ppe.hit_rate(table), pai=ppe.pai(table), pei=ppe.pei(table)
).round(3)

# %% [markdown]
# ## How sure is that?
#
# Crimes of one night are not independent, so the intervals draw whole nights, not crimes. They take nights as
# independent of each other; where one night resembles the next they are too narrow.

# %%
note = events.report.attribution
ppe.plot_metric(result, "hit_rate", seed=1, resamples=2000, note=note)

# %% [markdown]
# Bars that overlap do not mean "equal": all forecasters met the same nights, so the difference by night is
# what counts. Where its interval covers zero there is no clear difference, and that is what the sentence says.

# %%
for kind in ["Break and Enter", "Auto Theft"]:
    chosen = result.sel(kind=[kind], budget=["1 % of the ground"])
    found = ppe.difference_by_night(chosen, "hit_rate", baseline="three-week map", seed=1)
    print(f"{kind}. {ppe.differences_in_words(found)}")

# %% [markdown]
# Patrols seldom cover exactly 1 % of the ground. The capture curve shows all budgets at once: the share of the
# crimes against the share of the ground, the riskiest first.

# %%
ppe.plot_capture(result, note=note)

# %% [markdown]
# ## What this does not say
#
# It says which map would have named the right boxes, not whether patrolling them prevents crime. It is one city, 45
# nights of one summer, and *recorded* crime: the file is not complete, and how late crimes become known cannot be told
# from it. The settings are defaults, chosen before looking; tuning them to these nights would make the numbers better
# and worth less.
