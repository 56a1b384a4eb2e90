"""What every engine that keeps the rooms' logs promises; test_log_contract.py says it of each of them."""

from __future__ import annotations

from testsuite.contract_appending import AppendingContract
from testsuite.contract_changes import ChangesContract
from testsuite.contract_faults import FaultsContract
from testsuite.contract_reading import ReadingContract


class RoomLogContract(AppendingContract, ReadingContract, ChangesContract, FaultsContract):
    """All of it. A class for an engine says where its log lies, and how it refuses."""
