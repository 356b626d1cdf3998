# Copyright 2026 The il_ros authors
# SPDX-License-Identifier: Apache-2.0

"""Lifecycle nodes: what they need is made in ``configure``, and while inactive they publish nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.lifecycle.node import LifecycleNodeMixin

from il_ros.core.errors import IlRosError
from il_ros.ros.node_base import IlNode
from il_ros.ros.parameters import NodeParameters, param
from il_ros.ros.rclpy_internals import state_machine
from il_ros.ros.rclpy_internals.state_machine import ChangeState


@dataclass(frozen=True)
class ManagedParameters(NodeParameters):
    """Parameters of every lifecycle node."""

    autostart: bool = param(
        True, "configure and activate by itself at the start; false waits for ~/change_state", read_only=True
    )


P = TypeVar("P", bound=ManagedParameters)


class ManagedNode(LifecycleNodeMixin, IlNode[P]):
    """A node whose subclasses implement ``configure``, ``activate``, ``deactivate`` and ``cleanup``.

    Their callbacks check ``active``.
    """

    def __init__(self, name: str, parameter_class: type[P]) -> None:
        IlNode.__init__(self, name, parameter_class)
        LifecycleNodeMixin.__init__(self)
        self.configured = self.active = False
        self._failure: IlRosError | None = None
        state_machine.replace_change_state(self, self._checked)

    def start(self) -> None:
        """Publish the diagnostics, and with ``autostart`` configure and activate now.

        Raises:
            IlRosError: if that fails; without ``autostart`` the node would stay as it is and report why.
        """
        super().start()
        for trigger in (self.trigger_configure, self.trigger_activate) if self.parameters.autostart else ():
            if trigger() != TransitionCallbackReturn.SUCCESS:
                assert self._failure is not None
                raise self._failure

    def _checked(self, change: ChangeState) -> ChangeState:
        """Return a callback of ``~/change_state`` that refuses a transition which is not possible now."""

        def answer(request: Any, response: Any) -> Any:
            transition = request.transition.label or request.transition.id
            if state_machine.is_possible(self, transition):
                change(request, response)
                if self._failure is not None:
                    self.complain(str(self._failure))
                return response
            self.complain(
                f"transition {transition!r} does not lead from {self.state()!r}; see ~/get_available_transitions"
            )
            response.success = False
            return response

        return answer

    def state(self) -> str:
        """Return the label of the state: unconfigured, inactive, active or finalized."""
        return state_machine.state_of(self)

    # What subclasses implement ----------------------------------------------------------------------------------------

    def configure(self) -> None:
        """Make what is needed to be active; an ``IlRosError`` leaves the node unconfigured."""

    def activate(self) -> None:
        """Begin to act; an ``IlRosError`` leaves the node inactive."""

    def deactivate(self) -> None:
        """Finish, and stop publishing."""

    def cleanup(self) -> None:
        """Free what ``configure`` made."""

    # What rclpy calls -------------------------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from unconfigured to inactive."""
        return self._go(self.configure, configured=True, active=False)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from inactive to active."""
        return self._go(self.activate, configured=True, active=True)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from active to inactive."""
        return self._go(self.deactivate, configured=True, active=False)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from inactive to unconfigured."""
        return self._go(self.cleanup, configured=False, active=False)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from any state to finalized."""
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
        """Return the values in the diagnostics that every lifecycle node has."""
        failure = {} if self._failure is None else {"failure": str(self._failure)}
        return {"lifecycle": self.state(), **failure}
