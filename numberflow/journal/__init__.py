"""The journal: what makes a costly step safe. Import from here, not from its modules.

`transitions` (states), `store` (rows), `leases` (who may act), `billable` (run one step). It knows
neither Prefect nor the vendor's client.
"""

from numberflow.journal.audit import AuditEnd
from numberflow.journal.billable import Applied, Attempt, Evidence, run_costly_step
from numberflow.journal.brake import STOP_FILE, Brake
from numberflow.journal.callback_rows import CallbackEntry, InboxCounts, NewCallback
from numberflow.journal.counter_rows import CounterKey, Counts, Figures
from numberflow.journal.custody_rows import CustodyEntry, Said
from numberflow.journal.entries import (
    ORDER_OPERATIONS,
    AttemptEntry,
    EvidenceEntry,
    Finding,
    History,
    Intention,
    NewIntention,
    NewPurchase,
    Operation,
    OrderKind,
    Outcome,
    PendingWork,
    Purchase,
    Spend,
    SpendLine,
    checked_reference,
    folded,
    number_in,
    number_resource,
    opened_order,
    purchase_resource,
)
from numberflow.journal.lease_rows import Busy
from numberflow.journal.leases import Lease, LeaseKeeper
from numberflow.journal.paces import Paces
from numberflow.journal.purchase_rows import purchase_id_of
from numberflow.journal.settling import Patience, SettlePolicy
from numberflow.journal.stop_rows import ALL as ALL_PROJECTS
from numberflow.journal.stop_rows import Stop
from numberflow.journal.store import Journal, Verdict
from numberflow.journal.transitions import (
    FINAL_STATES,
    OPEN_STATES,
    Event,
    IntentionState,
    next_state,
)

__all__ = [
    "ALL_PROJECTS",
    "FINAL_STATES",
    "OPEN_STATES",
    "ORDER_OPERATIONS",
    "STOP_FILE",
    "Applied",
    "Attempt",
    "AttemptEntry",
    "AuditEnd",
    "Brake",
    "Busy",
    "CallbackEntry",
    "CounterKey",
    "Counts",
    "CustodyEntry",
    "Event",
    "Evidence",
    "EvidenceEntry",
    "Figures",
    "Finding",
    "History",
    "InboxCounts",
    "Intention",
    "IntentionState",
    "Journal",
    "Lease",
    "LeaseKeeper",
    "NewCallback",
    "NewIntention",
    "NewPurchase",
    "Operation",
    "OrderKind",
    "Outcome",
    "Paces",
    "Patience",
    "PendingWork",
    "Purchase",
    "Said",
    "SettlePolicy",
    "Spend",
    "SpendLine",
    "Stop",
    "Verdict",
    "checked_reference",
    "folded",
    "next_state",
    "number_in",
    "number_resource",
    "opened_order",
    "purchase_id_of",
    "purchase_resource",
    "run_costly_step",
]
