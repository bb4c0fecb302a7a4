"""Words of others in what a browser shows."""

from __future__ import annotations

import pytest

from numberflow.models.wording import harmless, typed

RUN = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("PO-1: **done**", "PO-1: **done**"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("<script>x</script>", "&lt;script>x&lt;/script>"),
        ("[approve](https://evil.example)", "[approve]\\(https://evil.example)"),
        ("![](https://evil.example/seen.png)", "![]\\(https://evil.example/seen.png)"),
        ("[a](javascript:x) [b](y)", "[a]\\(javascript:x) [b]\\(y)"),
        (f"run [{RUN}](http://127.0.0.1/runs)", f"run [{RUN}](http://127.0.0.1/runs)"),
        ("run `numberflow x --by <your-name>`", "run `numberflow x --by <your-name>`"),
        # A tick in a name opens no code across what follows, and none across lines.
        ("a ` <b> `c` <b>", "a ` <b> `c` &lt;b>"),
        ("- name `\n- <b>`", "- name `\n- &lt;b>`"),
        ("``` <b> ```", "``` <b> ```"),
        ("```\n<placeholder> [a](b)\n```\n<b>", "```\n<placeholder> [a](b)\n```\n&lt;b>"),
        ("``a`<b>", "``a`&lt;b>"),
        ("name \x1b[31m\x07", "name  [31m "),
    ],
)
def test_harmless(told: str, shown: str) -> None:
    """HTML becomes text and no link or image is made of others' words; code stays as it is."""
    assert shown == harmless(told)


def test_a_command_stays_typed() -> None:
    """A command with a tick in it is code to the end, and nothing in it is changed."""
    command = typed("numberflow x 'a`<b>`'")
    assert command == harmless(command)
