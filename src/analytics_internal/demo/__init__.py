"""A realistic made-up portal: its people, its catalog and a year of their events.

`events` makes the events; `portal` has the people, teams, entities and docs; `year` has the dates of
what happened (launch, outage, change of frontend system); `catalog` is the catalog with its history, and `Truth` writes
down what is true of the events. The same arguments give the same result on every machine.
"""

from analytics_internal.demo.calendar import Year, year
from analytics_internal.demo.catalog import catalog
from analytics_internal.demo.portal import Doc, DocPage, Entity, Person, Portal, Team, portal
from analytics_internal.demo.stream import events
from analytics_internal.demo.truth import Truth, Written
