"""What a writing process remembers of the log, and what proves that a database still is that log.

The database behind a connection can change: failover to a standby that lags, a restored backup, a swapped database,
a pooler that leads elsewhere. Numbers that name something here may name something else there, or nothing. So every
batch proves in its own transaction that what was remembered for it holds:

* The database has the log's id, and the last batch of this process at its place. Whatever has that batch has all that
  was committed before it: every name that was remembered up to then.
* Names found or made since are seen again in that same transaction, number and text. They are remembered after it.

Where that fails the transaction is rolled back, everything here is forgotten, and the same events are stored anew.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from analytics_internal.log.rows import NewNames, Rows


class Proof(msgspec.Struct, frozen=True):
    """A batch that the remembering process committed: a database that has it has all that was committed before it."""

    log_id: UUID | None = None
    first_position: int | None = None
    batch_id: int | None = None


class Remembered:
    """Names of one state of the log. Forgotten by making a new one."""

    def __init__(self, proof: Proof) -> None:
        self.rows = Rows()
        self.proof = proof

    def prove(self, held: Proof, proof: Proof, new: NewNames) -> None:
        """A batch was committed where ``held`` held: ``proof`` takes its place, and the batch's names are known.

        Of batches that were under way at once, only one goes on: they may have been committed in two databases that
        both held the same before. The others' names are found again when they are needed.
        """
        if self.proof is held:
            self.proof = proof
            self.rows.remember(new)
