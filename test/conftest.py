"""One thread of torch in every test: beside a busy neighbour two wait for each other a hundred times longer."""

from il_ros.learning.actor import use_one_thread

use_one_thread()
