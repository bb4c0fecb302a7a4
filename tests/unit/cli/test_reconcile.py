"""`numberflow reconcile` names who let it settle a step."""

from __future__ import annotations

from support.command import Command
from support.journals import new_purchase, plan, rent_line, take

from numberflow.journal import Event, IntentionState, Journal
from numberflow.journal.owner import this_person
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve


def test_the_audit_names_the_person(command: Command) -> None:
    """A lost reply is settled by looking; the audit says who looked."""
    simulator = Simulator(SimulatorSettings(seed=1, active=1, speed=0))
    (number,) = (each.phone_number for each in simulator.world.holdings)
    with serve(simulator) as running:
        command.set(running.environment)
        settings = Settings.load()
        with Journal.open(settings.journal_url) as journal:
            purchase = journal.open_purchase(new_purchase("PO-1", settings.project_id))
            lease = take(journal, purchase.resource)
            (row,) = plan(journal, lease, purchase, rent_line(number))
            leases = (lease, take(journal, row.resource))
            journal.begin(row.id, leases=leases)
            journal.record(row.id, leases=leases, events=(Event.LOSE,))
            journal.give_back_leases(leases)
        command("reconcile", "--json")
    with Journal.open(settings.journal_url) as journal:
        assert IntentionState.DONE is journal.history(row.id).intention.state
        last = [
            each.facts
            for each in journal.audit_entries()
            if each.facts.get("intention_id") == row.id
        ][-1]
    assert ("prove_applied", this_person()) == (last["event"], last.get("by"))
