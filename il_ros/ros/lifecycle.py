# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Nodes with the life cycle of ROS 2: what they need is made in configure, and inactive they are silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle.node import LifecycleNodeMixin

from il_ros.core.errors import IlRosError
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, say


@dataclass(frozen=True)
class ManagedParameters(NodeParameters):
    """Parameters of every node with a life cycle."""

    autostart: bool = say(
        True, "configure and activate by itself at the start; false waits for ~/change_state", read_only=True
    )


P = TypeVar("P", bound=ManagedParameters)


class ManagedNode(LifecycleNodeMixin, IlNode[P]):
    """A node whose subclasses say in ``configure``, ``activate``, ``deactivate`` and ``cleanup`` what these mean.

    Their callbacks ask ``active``.
    """

    def __init__(self, name: str, parameter_class: type[P]) -> None:
        IlNode.__init__(self, name, parameter_class)
        LifecycleNodeMixin.__init__(self)
        self.configured = self.active = False
        self._failure: IlRosError | None = None
        change, service = self._service_change_state.callback, self._service_change_state
        service.callback = lambda request, response: self._change(change, request, response)

    def start(self) -> None:
        """Tell the diagnostics, and with ``autostart`` configure and activate now.

        Raises:
            IlRosError: if that fails; without ``autostart`` the node would stay as it is and tell why.
        """
        super().start()
        for trigger in (self.trigger_configure, self.trigger_activate) if self.parameters.autostart else ():
            if trigger() != TransitionCallbackReturn.SUCCESS:
                assert self._failure is not None
                raise self._failure

    def _change(self, change: Callable[[Any, Any], Any], request: Any, response: Any) -> Any:
        """Answer ``~/change_state``; rclpy may raise, and end the process, where a transition is not possible now."""
        asked = request.transition.label or request.transition.id
        if any(asked in (number, label) for number, label, *_ in self._state_machine.available_transitions):
            change(request, response)
            if self._failure is not None:
                self.complain(str(self._failure))
        else:
            self.complain(f"transition {asked!r} does not lead from {self.state()!r}; see ~/get_available_transitions")
            response.success = False
        return response

    def state(self) -> str:
        """The label of the state: unconfigured, inactive, active or finalized."""
        return str(self._state_machine.current_state[1])

    # What subclasses say ----------------------------------------------------------------------------------------------

    def configure(self) -> None:
        """Make what is needed to be active; may raise an ``IlRosError``, and the node stays unconfigured."""

    def activate(self) -> None:
        """Begin to act; may raise an ``IlRosError``, and the node stays inactive."""

    def deactivate(self) -> None:
        """Finish, and be silent."""

    def cleanup(self) -> None:
        """Let go of what ``configure`` made."""

    # What rclpy calls -------------------------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From unconfigured to inactive."""
        return self._go(self.configure, configured=True, active=False)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From inactive to active."""
        return self._go(self.activate, configured=True, active=True)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From active to inactive."""
        return self._go(self.deactivate, configured=True, active=False)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From inactive to unconfigured."""
        return self._go(self.cleanup, configured=False, active=False)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From anywhere to finalized."""
        if self.active:
            self.on_deactivate(state)
        return self.on_cleanup(state) if self.configured else TransitionCallbackReturn.SUCCESS

    def _go(self, act: Callable[[], None], configured: bool, active: bool) -> TransitionCallbackReturn:
        try:
            act()
        except IlRosError as error:
            self._failure = error
            return TransitionCallbackReturn.FAILURE
        self._failure, self.configured, self.active = None, configured, active
        return TransitionCallbackReturn.SUCCESS

    def facts(self) -> dict[str, Any]:
        """What the diagnostics tell of every node with a life cycle."""
        failure = {} if self._failure is None else {"failure": str(self._failure)}
        return {"lifecycle": self.state(), **failure}
