"""What of the captured events is counted: the rules of the module's README once more, in plain Python.

Written from the README alone, so that the module and its promise are compared, not the module with itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby

from tests.walk.captured import ACT, Captured

NAVIGATION = timedelta(seconds=1)
SEARCH = timedelta(seconds=2)
# What is done on the pages and in the card of analytics-internal itself is not captured.
OWN_PLUGIN = "analytics-internal"

Item = tuple[str, str]


def counted(calls: Iterable[Captured]) -> Counter[Item]:
    """How often each item (action, and subject or path) counts, of the calls of one person in one session."""
    counts: Counter[Item] = Counter()
    for _, load in groupby(calls, key=lambda call: call.load):
        counts.update(
            item_of(call.event["action"], call.event["subject"])
            for call in collapsed(list(load))
            if call.event["context"].get("pluginId") != OWN_PLUGIN
        )
    if counts["signIn", "success"]:
        counts["signIn", "success"] = 1
    return counts


def collapsed(calls: list[Captured]) -> list[Captured]:
    """The calls of one page load without those that another one stands for."""
    kept: list[Captured] = []
    is_loading = False
    # Until the sign-in nobody sees a page: what is done then is the sign-in.
    is_early = True
    navigation: Captured | None = None
    search: Captured | None = None
    # Whether the last navigation is the last that happened, and whether it was before the sign-in.
    is_directly_before = is_before_sign_in = False
    for call in calls:
        if call.event["action"] == ACT:
            is_directly_before &= is_early
            continue
        if call.event["action"] == "navigate":
            if navigation is not None and (
                is_same_navigation(navigation, call, is_loading)
                or (is_directly_before and is_redirect(navigation, call, is_before_sign_in))
            ):
                kept.remove(navigation)
            if navigation is not None and path_of(navigation) != path_of(call):
                search = None
            # The root of the new frontend system reports a page before anybody is signed in, its plugin after that.
            is_loading = not kept and call.event["context"].get("extensionId") == "app/root"
            navigation = call
            is_directly_before, is_before_sign_in = True, is_early
        elif call.event["action"] == "search":
            if search is not None and is_typed_on(search, call):
                kept.remove(search)
            search = call
        else:
            search = None
        if call.event["action"] == "signIn":
            is_early = False
        elif call.event["action"] != "navigate":
            is_directly_before = False
        kept.append(call)
    return kept


def is_same_navigation(earlier: Captured, later: Captured, is_loading: bool) -> bool:
    """To one path within a second; while a page loads, however long that takes."""
    return path_of(earlier) == path_of(later) and (is_loading or later.at - earlier.at < NAVIGATION)


def is_redirect(earlier: Captured, later: Captured, is_before_sign_in: bool) -> bool:
    """To another path within a second, with nothing done in between; or from before the sign-in."""
    return is_before_sign_in or (path_of(earlier) != path_of(later) and later.at - earlier.at < NAVIGATION)


def is_typed_on(earlier: Captured, later: Captured) -> bool:
    """The words of one search while they are typed: longer, shorter or the same within two seconds."""
    before, after = earlier.event["subject"], later.event["subject"]
    return later.at - earlier.at < SEARCH and (after.startswith(before) or (after != "" and before.startswith(after)))


def path_of(call: Captured) -> str:
    return item_of("navigate", call.event["subject"])[1]


def item_of(action: str, subject: str) -> Item:
    """What the service counts an event under: of an address the path alone."""
    if subject.startswith("/"):
        subject = subject.partition("?")[0].partition("#")[0].rstrip("/") or "/"
    return action, subject
