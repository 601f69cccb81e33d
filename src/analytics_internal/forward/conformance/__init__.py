"""What every type of destination has to do, as tests. Whoever writes a type runs them against it and a real receiver:

    class TestPigeon(Conformance):
        kind = Pigeon

        @pytest.fixture
        def receiver(self):
            with running_pigeonry() as pigeonry:
                yield pigeonry          # a subclass of Receiver

The service itself never imports this package.
"""

from analytics_internal.forward.conformance.checks import Conformance
from analytics_internal.forward.conformance.events import large_events, nasty_events, ordinary_events, recorded_events
from analytics_internal.forward.conformance.receiver import Receiver
from analytics_internal.forward.conformance.worker import Worker

__all__ = [
    "Conformance",
    "Receiver",
    "Worker",
    "large_events",
    "nasty_events",
    "ordinary_events",
    "recorded_events",
]
