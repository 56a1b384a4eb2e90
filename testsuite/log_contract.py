"""What a log promises on every engine; test_log_contract.py tests each engine."""

from __future__ import annotations

from testsuite.contract_appending import AppendingContract
from testsuite.contract_changes import ChangesContract
from testsuite.contract_faults import FaultsContract
from testsuite.contract_messages import MessagesContract
from testsuite.contract_reading import ReadingContract
from testsuite.contract_search import SearchContract
from testsuite.contract_tasks import TasksContract


class RoomLogContract(
    AppendingContract,
    ReadingContract,
    MessagesContract,
    TasksContract,
    ChangesContract,
    FaultsContract,
    SearchContract,
):
    """The whole contract. A class for an engine says where its log is, and how it refuses."""
