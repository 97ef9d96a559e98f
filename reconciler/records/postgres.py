"""Records on PostgreSQL: the ports `RecordsReader` and `Records`, composed of one class for each noun."""

from reconciler.model.recorded import Recorded
from reconciler.records.audit import AuditRecords
from reconciler.records.keys import KeyRecords
from reconciler.records.lease import LeaseRecords
from reconciler.records.resources import ResourceRecords
from reconciler.records.runs import RunRecords


class PostgresRecords(RunRecords, LeaseRecords, ResourceRecords, KeyRecords, AuditRecords):
    """Schema `elmify` through one connection, inside the transaction that is open on it.

    Implements `RecordsReader`, for which a role that may only read is enough, and `Records`, which wants
    READ COMMITTED: what waited for a lock then sees what the one before it committed. Keeps no state in the
    session, so a transaction pooler may be in between. Reading without the schema finds nothing, reading
    without the right to raises `Denied`; records of an earlier version are read as they are, and upgraded by
    the first write of a run. psycopg's own exceptions pass through.
    """

    def load(self) -> Recorded:
        """Return everything recorded, in a fixed number of statements; all of it empty without the schema."""
        if not self._readable():
            return Recorded()
        return Recorded(identity=self._identity(), resources=self._resources(), keys=self._keys())
