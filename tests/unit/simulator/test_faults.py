"""Which request meets which fault: rules, counting, chaos; and page tokens."""

import pytest

from numberflow.simulator.faults import FAULTS, STALE, BadRule, Faults
from numberflow.simulator.pages import BadToken, make_token, read_token


def names(
    faults: Faults, count: int, operation="rent", method="POST", path="/x"
) -> list[str | None]:
    met = [faults.meet(operation, method, path) for _ in range(count)]
    return [fault.label if fault else None for fault in met]


def test_a_rule_fires_once_by_default():
    """A rule without `times` strikes one request."""
    faults = Faults(1)
    faults.add({"operation": "rent", "fault": "reset_after"})
    assert names(faults, 3) == ["reset_after", None, None]


def test_nth_counts_from_the_rule():
    """`nth` is the k-th matching request since the rule was made; others do not count."""
    faults = Faults(1)
    names(faults, 5)
    faults.add({"operation": "rent", "nth": 2, "fault": "error_before"})
    assert names(faults, 1, operation="search", method="GET") == [None]
    assert names(faults, 3) == [None, "error_before", None]


def test_times_and_unlimited():
    """`times` bounds how often a rule strikes; null lifts the bound."""
    faults = Faults(1)
    faults.add({"operation": "rent", "fault": "delay", "times": 2})
    faults.add({"operation": "rent", "fault": "empty_200", "times": None})
    assert names(faults, 4) == ["delay", "delay", "empty_200", "empty_200"]


def test_method_and_path():
    """Method and path narrow a rule; the path is a regular expression."""
    faults = Faults(1)
    faults.add({"method": "POST", "path": r"\+1307\d+:rent$", "fault": "delay", "times": None})
    assert names(faults, 1, path="/a/+12125550100:rent") == [None]
    assert names(faults, 1, method="GET", path="/a/+13075550100:rent") == [None]
    assert names(faults, 1, path="/a/+13075550100:rent") == ["delay"]


def test_probability_is_seeded():
    """A probability strikes about that share, and the same requests for the same seed."""
    runs = []
    for _ in range(2):
        faults = Faults(8)
        faults.add({"fault": "delay", "probability": 0.25, "times": None})
        runs.append(names(faults, 400))
    assert runs[0] == runs[1]
    assert 60 < runs[0].count("delay") < 140


def test_lag_comes_beside_another_fault():
    """A stale rule does not use up the request: a reset and a lag can strike together."""
    faults = Faults(1)
    faults.add({"fault": "stale_reads", "operation": "rent", "lag_reads": 2})
    faults.add({"fault": "reset_after", "operation": "rent"})
    met = faults.meet("rent", "POST", "/x")
    assert (met.name, met.lag.reads) == ("reset_after", 2)


def test_stale_rules_wait_for_a_change():
    """A stale rule for any operation passes reads by and strikes the first change."""
    faults = Faults(1)
    faults.add({"fault": "stale_list", "lag_s": 3})
    assert names(faults, 1, operation="search", method="GET") == [None]
    assert names(faults, 1, operation="release") == ["stale_list"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "fault"),
        ({"fault": "explode"}, "fault"),
        ({"fault": "delay", "colour": 1}, "colour"),
        ({"fault": "delay", "operation": "fly"}, "operation"),
        ({"fault": "delay", "path": "("}, "path"),
        ({"fault": "delay", "nth": "first"}, "nth"),
        ({"fault": "delay", "times": -1}, "times"),
        ({"fault": "delay", "probability": "often"}, "probability"),
        ({"fault": "delay", "delay_s": True}, "delay_s"),
        ({"fault": "error_before", "status": 404}, "status"),
        ({"fault": "rate_limited", "retry_after": "soon"}, "retry_after"),
        ({"fault": "stale_reads"}, "lag_s"),
        ({"fault": "stale_reads", "operation": "get_active", "lag_s": 1}, "operation"),
        ({"fault": "rival", "operation": "release"}, "operation"),
    ],
)
def test_bad_rules_name_their_field(spec, field):
    """A rule that makes no sense is refused; the message begins with the field."""
    with pytest.raises(BadRule, match=f"^{field}:"):
        Faults(1).add(spec)


def test_every_fault_can_be_asked_for():
    """Each fault name makes a rule that strikes a rent."""
    for name in FAULTS:
        faults = Faults(1)
        faults.add({"fault": name, "operation": "rent"} | ({"lag_s": 1} if name in STALE else {}))
        assert [name] == names(faults, 1)


def test_chaos_is_seeded_and_spares_the_token_endpoint():
    """Chaos strikes about its rate, repeatably; the token endpoint meets harmless faults only."""
    runs = [
        names(Faults(5, chaos=0.3), 500, operation="get_active", method="GET") for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert 100 < sum(name is not None for name in runs[0]) < 200
    assert len(set(runs[0])) > 8
    assert {None, "delay", "error_before", "rate_limited"} == set(
        names(Faults(5, chaos=0.5), 300, operation="token")
    )


def test_chaos_lets_reads_lag_after_changes():
    """Under chaos every change is followed by up to a second of stale reads."""
    met = [Faults(seed, chaos=0.01).meet("rent", "POST", "/x") for seed in range(20)]
    assert all(fault is not None and 0 <= fault.lag.seconds <= 1 for fault in met)


@pytest.mark.parametrize("harsh", [False, True])
def test_tokens_give_their_position_back(harsh):
    """A token returns its position to its own query only, and is no plain text."""
    for number in range(50):
        position = ["name", f"+1307555{number:04d}"]
        token = make_token(b"k", "query", position, harsh=harsh)
        assert position == read_token(b"k", "query", token)
        assert "307555" not in token
        assert harsh == (set("+/=") <= set(token))
    with pytest.raises(BadToken):
        read_token(b"k", "another query", token)


@pytest.mark.parametrize("token", ["", "x", "AAAA", "!!!!", "AAAAAAAAAAAAAAAAAAAAAAAA", "ä"])
def test_made_up_tokens_are_refused(token):
    """What was not made here is refused."""
    with pytest.raises(BadToken):
        read_token(b"k", "query", token)
