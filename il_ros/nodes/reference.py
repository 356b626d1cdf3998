# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page of the nodes, ``docs/nodes.md``, from the nodes themselves: ``python -m il_ros.nodes.reference``.

Every node is made once, and asked what it hears, says, serves and can be told; nothing is spun.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import rclpy
from rclpy.qos import QoSProfile

from il_ros.core import topics as topic_table
from il_ros.core.topics import Topic
from il_ros.nodes import container_node
from il_ros.ros.lifecycle import ManagedNode
from il_ros.ros.parameters import SEEDS

HEAD = """# The nodes

Made by `python -m il_ros.nodes.reference` from the code; `make test` holds it to that.

Names are relative: namespaces and remappings come from the launch file or the command line, and several arms live side
by side in namespaces of their own. The topics of observation and command are those of the contract, here `panda_plane`.
`container_node` composes nodes in one process: same names, same parameters.

**Parameters** are checked before anything changes, and a change that is refused has no effect at all. Those that are
*fixed* are settled at the start. A value that cannot be ends the process at the start with one line and exit code 2.

**Quality of service**: each topic below may be overridden at the start by
`qos_overrides.<topic>.<publisher|subscription>.<reliability|durability|history|depth>`, with the topic's full name. A
peer whose type or quality of service does not go with ours is named in the log and the diagnostics within 2 s, with the
parameter that mends it.

**Diagnostics**: every node hears and publishes `/diagnostics`, once a second: what it complains of, which of our nodes
it hears (`hears`), whether its subscribers are connected (`matched`), which of the nodes of its name it is (`instance`:
host, process, and a gid), the messages a second of each topic that it hears (`... Hz`), and facts of its own. What is
wrong with the graph around it is told as a warning, and repeated in the log every 10 s:

- `no diagnostics of gate_node for 2 s`: the diagnostics of one of our nodes have stopped and discovery still lists
  it, so it was killed, hangs or is cut off. Every node tells that within 2 s of the last ones, until it is heard
  again. A node that has ended properly is not told of.
- `two nodes of one name run`, `two graphs run in one domain`: the diagnostics of several nodes come under one full
  name, or under several. Every node tells that.
- `several publishers of /command`: discovery lists more than one. Every node that publishes or hears the topic tells
  that, of each topic below but `recorder/episode`, `trainer/checkpoint` and `push`. A node of ours that was killed
  and started anew counts once.
- `several publishers of panda_joint1 of /joint_states`: they share a joint. The gate, the policy, the expert, the
  recorder and `resync_node` tell that of the JointStates that they hear; several publishers with joints of their own
  each are as it should be.
- `50% of the observations never became complete`: of the last ten or more, more than a fifth lacked a message with
  their stamp. The gate, the policy and the expert tell that, with the rates of the topics.
- `the clock stands at 0`, `/clock has stood still`: for 0.75 s, with `use_sim_time`. Every node tells that but
  `sim_node` and `gym_node`, which make the time. Between two episodes a simulated clock stands still, too.
- `... is not received on ...`, `... does not receive ...`: types or qualities of service do not go together. Either
  side tells that.

**Time**: watchdogs run on the steady clock. `use_sim_time` is for the stamps of diagnostics and of what hands do;
answers carry the stamp of their observation.

**Life cycle**: managed nodes answer `ros2 lifecycle`. By default they configure and activate by themselves; with
`autostart:=false` they wait to be told, and what cannot be configured leaves them unconfigured with the reason in the
diagnostics.

**The end**: SIGINT and SIGTERM end a node with exit code 0 once what is under way is finished; further signals change
nothing. A node that was started with SIGINT ignored (`nohup`, `&` in a script) hears it all the same.

A simulation that starts its episodes by itself (`auto_reset`) begins the first one once all nodes that its launch file
names in `awaits` hear each other: gate, policy, expert (not in `gym`) and recorder, as far as the file starts them.
"""
ENDS = (
    ("`sim_node`, `gym_node`", "all", "there is nothing left to drive"),
    ("`gate_node`", "all", "nobody commands the arm"),
    ("`recorder_node`", "all", "nobody is to drive for an hour unrecorded"),
    (
        "`expert_node`",
        "all, but nothing in `gym`",
        "who is to correct the policy cannot; a rollout in `gym` needs none",
    ),
    ("`web_ui_node`", "all", "whoever drives at the page sees nothing, and cannot stop the arm there"),
    ("`container_node`", "all", "it is all the others in one process"),
    (
        "`policy_node`",
        "all in `rollout`",
        "there is nobody else to drive; in the others the expert does, or the arm holds",
    ),
    (
        "`trainer_node`",
        "all in `train`",
        "in the others the episodes are kept, and one that is started anew finds them",
    ),
    ("`camera_node`", "nothing", "the page marks its picture"),
)
"""What the end of a node, however it comes about, ends in our launch files; a test holds them to it."""
COMMON = ("parameter", "get_type_description", "get_state", "change_state", "get_available", "get_transition_graph")
"""Services that every node has, or every managed one."""


def page() -> str:
    """The whole page, in Markdown; rclpy must not have been started."""
    ends = "In our launch files the end of one node, however it comes about, may end all (`on_exit: shutdown`):\n\n"
    ends += _table(("node", "its end ends", "since"), ENDS)
    return "\n".join([HEAD, ends, *(section(name) for name in container_node.NODES), _about("container_node")])


def section(name: str) -> str:
    """What one node does, hears, says, serves and can be told."""
    with _made(name) as node:
        ends = [("says", *end) for end in node.said] + [("hears", *end) for end in node.heard]
        topics = [_topic(*end) for end in ends if end[1] is not topic_table.DIAGNOSTICS]
        services = [_service("serves", s, node.get_name()) for s in node.services if not _is_common(s)]
        services += [_service("calls", c, node.get_name()) for c in node.clients]
        parameters = [_parameter(field) for field in dataclasses.fields(node.parameters)]
        managed = "\nA managed node.\n" if isinstance(node, ManagedNode) else ""
    return "\n".join(
        [
            _about(name) + managed,
            _table(("topic", "type", "", "quality of service"), topics),
            *([_table(("service", "type", ""), services)] if services else []),
            _table(("parameter", "default", "range", "", "meaning"), parameters),
        ]
    )


@contextlib.contextmanager
def _made(name: str) -> Iterator[Any]:
    """A node, made as it is by itself and not started."""
    rclpy.init(args=["--ros-args", "-p", "autostart:=false", "--log-level", "error"])
    try:
        node = container_node.Factory(name)()
        yield node
        node.close()
    finally:
        rclpy.try_shutdown()


def _about(name: str) -> str:
    text = importlib.import_module(f"il_ros.nodes.{name}").__doc__ or ""
    return f"## {name}\n\n{text.strip()}\n".replace("``", "`").replace("When things fail:", "**When things fail:**")


def _quality(qos: QoSProfile) -> str:
    words = [qos.reliability.name.lower().replace("_", " "), f"depth {qos.depth}"]
    return ", ".join([*words, "latched"] if qos.durability.name == "TRANSIENT_LOCAL" else words)


def _topic(side: str, topic: Topic, ours: Any) -> tuple[str, ...]:
    return f"`{topic.name}`", topic.type_name, side, _quality(ours.qos_profile)


def _is_common(service: Any) -> bool:
    return any(word in service.srv_name.rpartition("/")[2] for word in COMMON)


def _service(side: str, service: Any, node: str) -> tuple[str, ...]:
    kind = service.srv_type
    return f"`{service.srv_name.replace('~', node)}`", f"{kind.__module__.split('.')[0]}/srv/{kind.__name__}", side


def _parameter(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    told = field.metadata
    within = "" if told["within"] is None else "{} to {}".format(*told["within"]).replace(str(SEEDS[1]), "2**63 - 1")
    default = str(field.default).lower() if isinstance(field.default, bool) else repr(field.default)
    return f"`{field.name}`", f"`{default}`", within, "fixed" if told["read_only"] else "", told["description"]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *dict.fromkeys(rows)]  # a topic may be heard for two reasons
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # what the page's server says when it ends
        made = page()
    print(made, end="")
