# il_ros on ROS 2 Lyrical (Ubuntu 26.04). NOT TRIED: written on a machine without Docker, and no wheels of ROS 2 Lyrical
# exist, so il_ros' tests have never run with this distribution. The pins of requirements.txt are for Python 3.10 to 3.12;
# here pip resolves the newest releases that fit the image's Python. PyBullet is left out: there is no simulation.
#   docker build -f docs/docker/lyrical.Dockerfile -t il_ros:lyrical .
#   docker run --rm -it --network host --ipc host il_ros:lyrical il-ros doctor
FROM ros:lyrical
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /ws/src/il_ros
COPY . .
RUN python3 -m venv --system-site-packages /opt/il_ros \
 && /opt/il_ros/bin/pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu \
 && /opt/il_ros/bin/pip install --no-cache-dir safetensors gymnasium mcap zstandard rosbags rich aiohttp viser matplotlib pillow pyyaml setuptools wheel \
 && /opt/il_ros/bin/pip install --no-cache-dir --no-build-isolation --no-deps --ignore-requires-python .
ENV PATH=/opt/il_ros/bin:$PATH ROS_DISTRO=lyrical
CMD ["il-ros", "--help"]
