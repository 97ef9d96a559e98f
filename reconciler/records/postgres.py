"""Records on PostgreSQL: the ports `RecordsReader` and `Records`.

The implementation is composed of one class for each noun.
"""

from reconciler.model.recorded import Recorded
from reconciler.records.aliases import AliasRecords
from reconciler.records.audit import AuditRecords
from reconciler.records.keys import KeyRecords
from reconciler.records.lease import LeaseRecords
from reconciler.records.resources import ResourceRecords
from reconciler.records.runs import RunRecords


class PostgresRecords(RunRecords, LeaseRecords, ResourceRecords, KeyRecords, AliasRecords, AuditRecords):
    """Records in schema `elmify`, through one connection.

    They work inside the transaction that is open on the connection.

    Implements `RecordsReader`, for which a role with only read access is enough, and `Records`, which
    needs READ COMMITTED: a statement that waited for a lock then sees what the previous holder
    committed. Keeps no state in the session, so a transaction pooler may be in between. Reading
    without the schema finds nothing; reading without the right to read raises `Denied`. Records of an
    earlier version are read as they are, and upgraded by the first write of a run. psycopg's own
    exceptions pass through.
    """

    def load(self) -> Recorded:
        """Return everything that is recorded.

        Takes a fixed number of statements. Without the schema, all of it is empty.
        """
        if not self._readable():
            return Recorded()
        return Recorded(
            identity=self._identity(),
            resources=self._resources(),
            keys=self._keys(),
            aliases=self.aliases(),
        )
