"""What a writing process remembers of the log, and the proof that a database still holds that log.

The database behind a connection can change: failover to a lagging standby, a restored backup, a swapped database, a
pooler that leads elsewhere. A number may then stand for another name, or for none. So every batch proves in its own
transaction that what it relies on is there:

* The database has the log's id, and this process's last batch at its position. So it has everything committed before
  that batch: every name remembered up to then.
* Names found or made since are read again in that transaction, number and text. Only then are they remembered.

If the proof fails, the transaction is rolled back, everything here is forgotten, and the events are stored again.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from analytics_internal.log.rows import NewNames, Rows


class Proof(msgspec.Struct, frozen=True):
    """The last batch that this process committed. A database that has it has everything committed before it."""

    log_id: UUID | None = None
    first_position: int | None = None
    batch_id: int | None = None


class Remembered:
    """The names known of one state of the log. To forget them, make a new object."""

    def __init__(self, proof: Proof) -> None:
        self.rows = Rows()
        self.proof = proof

    def prove(self, held: Proof, proof: Proof, new: NewNames) -> None:
        """A batch that relied on ``held`` is committed: ``proof`` replaces it, and the batch's names are known.

        Of concurrent batches that relied on one proof only the first counts: the others may have been committed in
        another database with the same past. Their names are looked up again when needed.
        """
        if self.proof is held:
            self.proof = proof
            self.rows.remember(new)
