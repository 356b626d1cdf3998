#!/usr/bin/env bash
# openpi-client 0.1.2: the reset of a new episode ends in the client. Runtime resets its agent at the start of every episode,
# that one its ActionChunkBroker, and that one WebsocketClientPolicy, whose reset() does nothing: no message leaves, and the
# protocol has none for it. The connection stays open over all episodes, too. So a server whose policy remembers anything
# (observations of earlier steps, a queue of actions, averages over chunks) takes the first observation of an episode for
# the next one of the episode before, and answers with a mixture of both. openpi's own policies see one observation at a
# time and do not notice. Servers of other policies must be told in the observation itself. Seen here (2026-12-01), a
# server that keeps the last two observations, two episodes of one client:
#   the server heard 4 messages, of which 4 are observations, over 1 connection
#   first answer of episode 2 was of [1, 10]: observation 1 is the last one of episode 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-deps openpi-client==0.1.2 msgpack==1.1.2 numpy==2.2.6 websockets==15.0.1 \
    typing_extensions==4.15.0 dm-tree==0.1.9 absl-py==2.3.1 attrs==25.4.0 wrapt==1.17.3
cat > "$folder/reset.py" <<'P'
import sys
import threading
from collections import deque

import numpy as np
from openpi_client import msgpack_numpy
from openpi_client.action_chunk_broker import ActionChunkBroker
from openpi_client.runtime.agents.policy_agent import PolicyAgent
from openpi_client.runtime.environment import Environment
from openpi_client.runtime.runtime import Runtime
from openpi_client.websocket_client_policy import WebsocketClientPolicy
from websockets.sync.server import serve

heard, connections, answers = [], [], []


def answer(connection):
    connections.append(connection)
    connection.send(msgpack_numpy.packb({}))
    seen = deque(maxlen=2)  # a policy of two observations
    for message in connection:
        heard.append(msgpack_numpy.unpackb(message))
        seen.append(int(heard[-1]["state"][0]))
        answers.append(list(seen))
        connection.send(msgpack_numpy.packb({"actions": np.zeros((1, 1))}))


class TwoSteps(Environment):
    """Episodes of two steps, whose observations are 0, 1 and 10, 11."""

    begins, step = -10, 0

    def reset(self):
        self.begins, self.step = self.begins + 10, 0

    def is_episode_complete(self):
        return self.step == 2

    def get_observation(self):
        return {"state": np.array([self.begins + self.step])}

    def apply_action(self, action):
        self.step += 1


with serve(answer, "127.0.0.1", 0) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    policy = WebsocketClientPolicy("127.0.0.1", server.socket.getsockname()[1])
    Runtime(TwoSteps(), PolicyAgent(ActionChunkBroker(policy, 1)), [], num_episodes=2).run()
    policy._ws.close()
    server.shutdown()

observations = sum("state" in message for message in heard)
print(f"the server heard {len(heard)} messages, of which {observations} are observations, over {len(connections)} connection")
print(f"first answer of episode 2 was of {answers[2]}: observation {answers[2][0]} is the last one of episode 1")
sys.exit(not (len(heard) == observations == 4 and len(connections) == 1 and answers[2] == [1, 10]))
P
"$folder/venv/bin/python" "$folder/reset.py"
