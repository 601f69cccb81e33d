"""Answers about the demo portal are what its generator has written down."""

from __future__ import annotations

from typing import Any

from tests.insights.demo_portal import DemoPortal

MEASURED = ("tasks_succeeded", "tasks_failed", "tasks_cancelled")


def by(rows: list[dict[str, Any]], dimension: str, metric: str) -> dict[str, Any]:
    return {row[dimension]: row[metric]["value"] for row in rows if row[dimension] is not None}


async def test_the_totals_of_the_year(demo: DemoPortal) -> None:
    [row] = await demo.ask(metrics=["events", "views", "people", "sessions"])

    found = {name: figure["value"] for name, figure in row.items()}
    truth = demo.truth
    assert found == {
        "events": truth.accesses,
        "views": truth.views,
        "people": len(truth.people),
        "sessions": truth.sessions,
    }


async def test_each_days_accesses_and_people(demo: DemoPortal) -> None:
    rows = await demo.ask(metrics=["events", "people"], dimensions=["time:day"])

    assert by(rows, "time:day", "events") == demo.truth.accesses_by_day
    assert by(rows, "time:day", "people") == demo.truth.people_by_day


async def test_who_came_and_when_first(demo: DemoPortal) -> None:
    rows = await demo.ask(metrics=["events"], dimensions=["person"])
    new = await demo.ask(metrics=["new_people"], dimensions=["time:day"])

    assert sorted(row["person"] for row in rows) == demo.truth.people
    first_days = list(demo.truth.first_days.values())
    found = {day: people for day, people in by(new, "time:day", "new_people").items() if people}
    assert found == {day: first_days.count(day) for day in first_days}


async def test_who_could_have_come_and_did_not(demo: DemoPortal) -> None:
    rows = await demo.ask(metrics=["last_access"], dimensions=["person"], unused="only")
    [adoption] = await demo.ask(metrics=["adoption_rate"])

    assert sorted(row["person"] for row in rows) == demo.truth.never_came
    eligible = len(demo.truth.people) + len(demo.truth.never_came)
    assert adoption["adoption_rate"]["denominator"] == eligible
    assert adoption["adoption_rate"]["numerator"] == len(demo.truth.people)


async def test_how_many_could_have_come_on_each_day(demo: DemoPortal) -> None:
    rows = await demo.ask(metrics=["eligible_people"], dimensions=["time:day"], date_range={"last": "365d"})

    assert by(rows, "time:day", "eligible_people") == demo.truth.eligible_by_day


async def test_teams_with_their_parents_as_of_the_day(demo: DemoPortal) -> None:
    rows = await demo.ask(metrics=["events", "people"], dimensions=["team"])
    silent = await demo.ask(metrics=["people"], dimensions=["team"], unused="only")

    assert by(rows, "team", "events") == demo.truth.accesses_by_team
    assert by(rows, "team", "people") == demo.truth.people_by_team
    assert sorted(row["team"] for row in silent) == demo.truth.teams_without_access


async def test_owners_as_of_the_day(demo: DemoPortal) -> None:
    rows = await demo.ask(metrics=["views"], dimensions=["owner"], filters=["is", "action", ["navigate"]])

    assert by(rows, "owner", "views") == demo.truth.views_by_owner


async def test_docs_read_and_never_read(demo: DemoPortal) -> None:
    views = ["is", "action", ["navigate"]]
    rows = await demo.ask(metrics=["views"], dimensions=["doc_site"], filters=views)
    unread = await demo.ask(metrics=["views"], dimensions=["doc_site"], unused="only", filters=views)

    sites = {*demo.truth.reads_by_doc_site, *demo.truth.unread_doc_sites}
    # What is asked for and missing is a site too, and nobody has it.
    found = {site: reads for site, reads in by(rows, "doc_site", "views").items() if site in sites}
    assert found == demo.truth.reads_by_doc_site
    assert sorted(row["doc_site"] for row in unread) == demo.truth.unread_doc_sites


async def test_searches_what_they_found_and_what_was_taken(demo: DemoPortal) -> None:
    [row] = await demo.ask(metrics=["searches", "zero_result_rate", "click_through_rate", "mean_rank"])
    terms = await demo.ask(
        metrics=["searches", "zero_result_rate"], dimensions=["search_term"], filters=["is", "action", ["search"]]
    )

    truth = demo.truth
    assert row["searches"]["value"] == truth.searches
    rate = row["zero_result_rate"]
    assert (rate["numerator"], rate["denominator"]) == (truth.searches_without_result, truth.searches)
    rate = row["click_through_rate"]
    assert (rate["numerator"], rate["denominator"]) == (truth.searches_with_click, truth.searches)
    assert (row["mean_rank"]["numerator"], row["mean_rank"]["denominator"]) == (
        truth.sum_of_ranks,
        truth.clicks_on_results,
    )
    found = {
        term["search_term"].casefold(): (term["searches"]["value"], term["zero_result_rate"]["numerator"])
        for term in terms
    }
    assert found == {name: (term.searches, term.without_result) for name, term in truth.terms.items()}


async def test_templates_from_the_form_to_the_tasks_end(demo: DemoPortal) -> None:
    outcomes = await demo.ask(metrics=[*MEASURED, "minutes_saved"], dimensions=["template"])
    forms = ["contains", "subject", ["/create/templates/"]]
    opened = await demo.ask(metrics=["views"], dimensions=["template"], filters=forms)
    created = await demo.ask(metrics=["events"], dimensions=["template"], filters=["is", "action", ["create"]])
    unused = await demo.ask(metrics=["events"], dimensions=["template"], unused="only")

    truth = demo.truth.templates
    for metric in (*MEASURED, "minutes_saved"):
        name = metric.removeprefix("tasks_")
        expected = {ref: getattr(one, name) for ref, one in truth.items() if getattr(one, name)}
        assert {ref: value for ref, value in by(outcomes, "template", metric).items() if value} == expected
    assert {ref: n for ref, n in by(opened, "template", "views").items() if n} == {
        ref: one.opened for ref, one in truth.items() if one.opened
    }
    assert by(created, "template", "events") == {ref: one.created for ref, one in truth.items() if one.created}
    assert sorted(row["template"] for row in unused) == demo.truth.unused_templates


async def test_where_people_give_up_on_a_template(demo: DemoPortal) -> None:
    ref, template = max(demo.truth.templates.items(), key=lambda one: one[1].opened)
    of_template = ["is", "template", [ref]]
    steps = [
        ["and", of_template, ["is", "action", ["navigate"]]],
        ["and", of_template, ["is", "subject", ["Next Step (1)"]]],
        ["and", of_template, ["is", "action", ["create"]]],
    ]

    rows = (await demo.answer({"kind": "funnel", "steps": steps, "within": "1d", "date_range": {"last": "53w"}}))[
        "results"
    ]

    opened, started, created = (row["people"]["value"] for row in rows)
    assert opened >= started >= created > 0
    assert rows[2]["events"]["value"] <= template.created


async def test_engaged_time(demo: DemoPortal) -> None:
    [row] = await demo.ask(metrics=["engaged_seconds"])
    sites = await demo.ask(metrics=["engaged_seconds"], dimensions=["doc_site"])

    assert row["engaged_seconds"]["value"] == demo.truth.engaged_seconds
    found = {site: seconds for site, seconds in by(sites, "doc_site", "engaged_seconds").items() if seconds}
    gone = found.keys() - demo.truth.engaged_seconds_by_doc_site.keys()
    assert {site: found[site] for site in found.keys() - gone} == demo.truth.engaged_seconds_by_doc_site
    assert all("old-" in site or "legacy" in site or "soap" in site or "jenkins" in site for site in gone)


async def test_programs_are_a_series_of_their_own(demo: DemoPortal) -> None:
    rows = await demo.ask(metrics=["events"], dimensions=["agent"])

    assert by(rows, "agent", "events") == demo.truth.calls_by_agent
    assert sum(row["events"]["value"] for row in rows if row["agent"] is None) == demo.truth.accesses
