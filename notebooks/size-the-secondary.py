# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How many nodes should the secondary keep warm?
#
# East US 2 is lost; a secondary in Central US idles with a few nodes and has to carry all users.
# How many nodes must it keep, so that users are served again within five minutes in at least 99 of
# 100 such losses?
#
# Two results of Tideover answer that. They are made by
#
# ```sh
# tideover mc scenarios/region-loss-warm.yaml --trials 1000
# tideover size scenarios/region-loss-warm.yaml
# ```
#
# and lie in `results/`, or where the environment variable `RESULTS` says.

# %%
import json
import math
import os
from pathlib import Path

import altair as alt
import polars as pl

RESULTS = Path(os.environ.get("RESULTS", "../results"))
STUDY = RESULTS / "region-loss-warm-mc"
SIZING = RESULTS / "region-loss-warm-size"


def read_json(path, schema):
    """The data of a result file, which must be of the schema that this notebook knows."""
    data = json.loads(path.read_text())
    assert data["schema"] == schema, f"{path}: read {data['schema']}, allowed: {schema}"
    return data


study = read_json(STUDY / "summary.json", "tideover/study/v1")
sizing = read_json(SIZING / "size.json", "tideover/size/v2")
types = {"rto_s": pl.Float64, "capacity_s": pl.Float64, "fingerprint": pl.String}
trials = pl.read_csv(STUDY / "trials.csv", schema_overrides=types)
assert trials.height == study["n_trials"]
print(f"{study['scenario']}: {trials.height} trials, seed {study['seed']}, {study['ended']}")

# %% [markdown]
# ## What happens with the nodes that the scenario keeps now
#
# One row a trial: the same failure with other phases of all controllers, other provisioning times,
# other start-up times. An infinite recovery time was not reached by the end of the run; it is
# longer than any other, and belongs to no mean.

# %%
distributions = {found["metric"]: found for found in study["distributions"]}


def quantile(metric, p):
    """A quantile of the study with the ends of its interval."""
    return next(found for found in distributions[metric]["quantiles"] if found["p"] == p)


# The notebook's own median is the one of summary.json: the value of rank ceil(n / 2).
recovery_times = sorted(trials["rto_s"].drop_nulls())
assert recovery_times[math.ceil(len(recovery_times) / 2) - 1] == quantile("rto_s", 0.5)["value"]

median, tail = quantile("rto_s", 0.5), quantile("rto_s", 0.99)
print(f"users are served again after {median['value']:.0f} s in one of two losses,")
print(f"and after {tail['value']:.0f} s in all but one of a hundred ({tail['low']} to {tail['high']})")

# %%
finite = trials.filter(pl.col("rto_s").is_finite())
recovery = (
    alt.Chart(finite)
    .mark_bar()
    .encode(
        x=alt.X("rto_s:Q", bin=alt.Bin(maxbins=40), title="recovery time [s]"),
        y=alt.Y("count()", title="trials"),
    )
    .properties(title="Until users are served again", width=420)
)
recovery

# %% [markdown]
# What decides the recovery time? Not detection, which takes the same half minute in every trial:
# the time until there is enough capacity.

# %%
milestones = finite.select("rto_s", "detect_s", "reroute_s", "capacity_s").drop_nulls()
causes = (
    alt.Chart(milestones)
    .transform_fold(["detect_s", "reroute_s", "capacity_s"], as_=["milestone", "seconds"])
    .mark_circle(opacity=0.4)
    .encode(
        x=alt.X("seconds:Q", title="milestone reached after [s]"),
        y=alt.Y("rto_s:Q", title="recovery time [s]"),
        color="milestone:N",
    )
    .properties(title="Recovery follows capacity", width=420)
)
causes

# %% [markdown]
# ## How many nodes are enough
#
# `size` runs the same trials for each design and finds the least number of nodes with which the
# objective holds. The HPA's `minReplicas` follow the nodes, since empty nodes help nobody.

# %%
designs = pl.DataFrame(
    {
        "nodes": [design["values"][0] for design in sizing["designs"]],
        "verdict": [design["verdict"] for design in sizing["designs"]],
        "trials": [design["n_trials"] for design in sizing["designs"]],
        "kept": [design["kept"][0] for design in sizing["designs"]],
        "rto_s_p95": [float(design["rto_s_p95"]) for design in sizing["designs"]],
    }
)
print(designs)

# %%
objective = sizing["objectives"][0]
shares = (
    alt.Chart(designs)
    .mark_point(filled=True, size=80)
    .encode(
        x=alt.X("nodes:Q", title="nodes that the secondary keeps"),
        y=alt.Y("kept:Q", title="share of trials that keep the limit"),
        color="verdict:N",
        tooltip=["nodes", "kept", "trials", "rto_s_p95"],
    )
    .properties(title=objective, width=420)
)
shares

# %% [markdown]
# ## The answer

# %%
# Charts are drawn by the browser; here it is enough that each of them is a valid one.
for chart in (recovery, causes, shares):
    chart.to_dict()

if sizing["answer"] is None:
    answer = "Nothing in range suffices: " + "; ".join(sizing["binds"])
else:
    nodes = sizing["answer"][0]
    answer = (
        f"Keep {nodes} nodes: with them {objective} holds, "
        f"with confidence {sizing['confidence']:.0%}."
    )
    assert designs.filter(pl.col("nodes") == nodes)["verdict"].item() == "met"
    less = sizing["one_less"]
    if less is not None:
        assert less["verdict"] != "met"
        answer += f"\nWhy not {less['values'][0]}: {less['words']}."
print(answer)
