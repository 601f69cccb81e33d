"""What became of the portal's template tasks: its scaffolder is asked, and the log gets a measurement of each."""

from analytics_internal.scaffolder.following import Outcomes, OutcomesStatus
from analytics_internal.scaffolder.tasks import Tasks
