# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The page of the nodes, ``docs/reference/nodes.md``, from the nodes themselves.

Every node is created once and asked for its topics, services and parameters; nothing is spun.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import rclpy
from rclpy.qos import QoSProfile
from rclpy.utilities import try_shutdown

from il_ros.core import topics as topic_table
from il_ros.core.topics import Topic
from il_ros.nodes import container_node, gripper_bridge_node
from il_ros.ros.lifecycle import ManagedNode
from il_ros.ros.parameters import SEEDS
from tools.tables import table

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "reference" / "nodes.md"

HEAD = """# Nodes

Generated from the nodes by `python -m tools.reference`; a test compares this page with the code.

Names are relative: namespaces and remappings come from the launch file or the command line, and several arms live side
by side in namespaces of their own. The topics of observation and command are those of the contract, here `panda_plane`.
`container_node` runs several nodes in one process: same names, same parameters.

**Parameters** are checked before anything changes, and a change that is refused has no effect at all. Those that are
*fixed* can be set at the start only. An impossible value ends the process at the start with one line and exit code 2.

**Quality of service** of each topic below may be overridden at the start by
`qos_overrides.<topic>.<publisher|subscription>.<reliability|durability|history|depth>`, with the topic's full name. A
peer whose type or quality of service does not match is named in the log and the diagnostics within 2 s, with the
parameter that resolves it.

**Diagnostics**: every node subscribes to `/diagnostics` and publishes it once a second: its complaints, which other
nodes it receives (`hears`), whether its subscribers are connected (`matched`), which instance of the node it is
(`instance`: host, process, and a gid), the rate of each topic that it receives (`... Hz`), and values of its own.
Problems of the graph are warnings, repeated in the log every 10 s:

- `no diagnostics of gate_node for 2 s`: the node's diagnostics have stopped and discovery still lists it, so it was
  killed, hangs or is cut off. Every node reports it within 2 s, until the node is back. A node that ended properly is
  not reported.
- `two nodes of one name run`, `two graphs run in one domain`: the diagnostics of several nodes arrive under one full
  name, or under several. Every node reports it.
- `several publishers of /command`: discovery lists more than one. Every node that publishes the topic or subscribes to
  it reports that, for each topic below but `recorder/episode`, `trainer/checkpoint`, `push`, `robot_description`,
  `/tf` and `/tf_static`. A node that was killed and started again counts once.
- `several publishers of panda_joint1 of /joint_states`: they share a joint. Gate, policy, expert, recorder and
  `resync_node` report it. Several publishers with different joints are fine.
- `50% of the observations never became complete`: of the last ten or more, more than a fifth lacked a message with
  their stamp. Gate, policy and expert report it, with the rates of the topics.
- `the clock stands at 0`, `/clock has stood still`: for 0.75 s, with `use_sim_time`. Every node but `sim_node` and
  `gym_node`, which publish the time, reports it. Between two episodes a simulated clock stands still, too.
- `... is not received on ...`, `... does not receive ...`: types or qualities of service do not match. Both sides
  report it.

**Time**: watchdogs use the steady clock. `use_sim_time` affects the stamps of diagnostics and of device input; answers
carry the stamp of their observation.

**Life cycle**: managed nodes answer `ros2 lifecycle`. By default they configure and activate themselves; with
`autostart:=false` they wait for transitions. A node that cannot be configured stays unconfigured with the reason in the
diagnostics.

**End**: SIGINT and SIGTERM end a node with exit code 0 once its current work is finished; further signals change
nothing. A node that was started with SIGINT ignored (`nohup`, `&` in a script) reacts to it all the same.

A simulation that starts its episodes by itself (`auto_reset`) begins the first one once all nodes in its parameter
`awaits` have discovered each other: gate, policy, expert (not in `gym`) and recorder, as far as the launch file starts
them.
"""
CONTENTS = {
    "/clock": "simulated time",
    "episode": "JSON: an episode begins (task, seed, stamp of its first observation) or ends (outcome)",
    "joint_states": "measured joint positions and velocities",
    "tool_pose": "measured pose of the tool in the base frame",
    "objects": "poses of the objects of the task",
    "observation": "the observation of a gymnasium environment, one number per name",
    "robot_description": "URDF of the simulated arm, for viewers",
    "scene": "the table and the objects on it, for viewers",
    "policy/path": "where the policy's newest chunk means to move the tool, for viewers",
    "expert/path": "where the expert's newest chunk means to move the tool, for viewers",
    "gate/authority_marker": "who commands, as a text in the authority's colour, for viewers",
    "guiding": "whether a hand guides the arm now, for the device `kinesthetic`",
    "push": "a force on a link of the simulated arm, in the base frame",
    "gripper_command": "the gripper's part of the action, under the name that the contract gives it",
    "command": "the action of this step, limited; without the gripper, if that has a topic of its own",
    "policy/action": "the policy's action chunk, with the stamp of the observation that it answers",
    "policy/distance": "distance of the observation from the nearest one of the training data",
    "expert/action": "the expert's action chunk, with the stamp of the observation that it answers",
    "delta_twist_cmds": "tool velocity of the device `twist`, as MoveIt Servo takes it",
    "web_ui/input": "operator input of the web interface",
    "camera/image/compressed": "camera image as JPEG or PNG, for the operator",
    "gate/authority": "authority record: who commanded the step, why, intervention, checkpoint, all actions",
    "recorder/episode": "JSON: an episode was closed and verified (path, episode information)",
    "trainer/checkpoint": "JSON: a checkpoint is ready (path, hash)",
    "joy": "state of a gamepad",
    "hand_pose": "pose of a hand or a controller, for the device `pose`",
    "leader/joint_states": "joints of a leader arm",
    "leader/pedal": "whether the pedal of a leader arm is pressed",
}
"""What the messages of a topic mean."""
SERVICES = {
    "reset": "begin a new episode; one that is running ends as aborted",
    "take_over": "the expert takes over",
    "release": "give control back, or end a hold",
    "start": "begin recording",
    "stop": "end recording and close the episode",
    "discard": "move the current episode, or the one closed last, aside",
    "save": "end the episode with the operator's verdict: true is success",
    "train": "train on all closed episodes",
    "set_parameters": "set parameters of that node",
}
"""What a service does, by the last part of its name."""
ENDS = (
    ("`sim_node`, `gym_node`", "all", "there is no arm left"),
    ("`gate_node`", "all", "nobody commands the arm"),
    ("`recorder_node`", "all", "nothing is to be driven unrecorded"),
    (
        "`expert_node`",
        "all, but nothing in `gym`",
        "nobody could correct the policy; a rollout in `gym` needs no expert",
    ),
    ("`web_ui_node`", "all", "the operator at the web interface sees nothing, and cannot stop the arm there"),
    ("`container_node`", "all", "it runs all the others"),
    (
        "`policy_node`",
        "all in `rollout`",
        "nobody else drives; in the others the expert does, or the arm holds",
    ),
    (
        "`trainer_node`",
        "all in `train`",
        "in the others the episodes are kept, and a restarted trainer finds them",
    ),
    ("`camera_node`, `display_node`", "nothing", "they only show what happens"),
)
"""What the end of a node ends in the launch files; a test compares both."""
LEFT_OUT = (topic_table.DIAGNOSTICS, topic_table.TF, topic_table.TF_STATIC)
"""Topics that every node has, or that depend on whether ``tf2_msgs`` is installed."""
COMMON = ("parameter", "get_type_description", "get_state", "change_state", "get_available", "get_transition_graph")
"""Services that every node has, or every managed one."""


def page() -> str:
    """Return the whole page in Markdown; rclpy must not have been started."""
    ends = "In the launch files the end of one node, for whatever reason, may end all (`on_exit: shutdown`):\n\n"
    ends += table(("node", "its end ends", "because"), ENDS)
    return "\n".join([HEAD, ends, *(section(name) for name in container_node.NODES), _about("container_node")])


def section(name: str) -> str:
    """Return what one node does, its topics, services and parameters."""
    with _made(name) as node:
        ends = [("publishes", *end) for end in node.said] + [("subscribes", *end) for end in node.heard]
        topics = [_topic(*end) for end in ends if end[1] not in LEFT_OUT]
        services = [_service("server", s, node.get_name()) for s in node.services if not _is_common(s)]
        services += [_service("client", c, node.get_name()) for c in node.clients]
        parameters = [_parameter(field) for field in dataclasses.fields(node.parameters)]
        managed = "\nA managed node.\n" if isinstance(node, ManagedNode) else ""
    return "\n".join(
        [
            _about(name) + managed,
            table(("topic", "type", "", "quality of service", "content"), topics),
            *([table(("service", "type", "", "effect"), services)] if services else []),
            table(("parameter", "default", "range", "", "meaning"), parameters),
        ]
    )


@contextlib.contextmanager
def _made(name: str) -> Iterator[Any]:
    """Yield a node as it is by itself, not spun, and without ``control_msgs``, for which there is no wheel."""
    rclpy.init(args=["--ros-args", "-p", "autostart:=false", "--log-level", "error"])
    try:
        with patch.object(gripper_bridge_node, "action_client", lambda *_: (None, None)):
            node = container_node.Factory(name)()
        yield node
        node.close()
    finally:
        try_shutdown()


def _about(name: str) -> str:
    text = importlib.import_module(f"il_ros.nodes.{name}").__doc__ or ""
    return f"## {name}\n\n{text.strip()}\n".replace("``", "`").replace("When things fail:", "**When things fail:**")


def _quality(qos: QoSProfile) -> str:
    words = [qos.reliability.name.lower().replace("_", " "), f"depth {qos.depth}"]
    return ", ".join([*words, "latched"] if qos.durability.name == "TRANSIENT_LOCAL" else words)


def _topic(side: str, topic: Topic, ours: Any) -> tuple[str, ...]:
    return (
        f"`{topic.name}`",
        topic.type_name,
        side,
        _quality(ours.qos_profile),
        CONTENTS[topic.name.removeprefix("raw/")],
    )


def _is_common(service: Any) -> bool:
    return any(word in service.srv_name.rpartition("/")[2] for word in COMMON)


def _service(side: str, service: Any, node: str) -> tuple[str, ...]:
    kind = service.srv_type
    name = service.srv_name.replace("~", node)
    return f"`{name}`", f"{kind.__module__.split('.')[0]}/srv/{kind.__name__}", side, SERVICES[name.rpartition("/")[2]]


def _parameter(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    metadata = field.metadata
    within = (
        "" if metadata["within"] is None else "{} to {}".format(*metadata["within"]).replace(str(SEEDS[1]), "2**63 - 1")
    )
    default = str(field.default).lower() if isinstance(field.default, bool) else repr(field.default)
    return f"`{field.name}`", f"`{default}`", within, "fixed" if metadata["read_only"] else "", metadata["description"]


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # the web server's messages
        markdown = page()
    OUTPUT.write_text(markdown, encoding="utf-8")
