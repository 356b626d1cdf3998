# il_ros on ROS 2 Jazzy (Ubuntu 24.04, Python 3.12). NOT TRIED: written on a machine without Docker.
#   docker build -f docs/docker/jazzy.Dockerfile -t il_ros:jazzy .
#   docker run --rm -it --network host --ipc host il_ros:jazzy il-ros doctor
FROM ros:jazzy
RUN apt-get update && apt-get install -y --no-install-recommends g++ python3-dev python3-pip python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /ws/src/il_ros
COPY . .
# A virtual environment that sees the ROS packages of the image; PyBullet has no wheel for Python 3.12 and is compiled.
RUN python3 -m venv --system-site-packages /opt/il_ros \
 && /opt/il_ros/bin/pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu \
 && /opt/il_ros/bin/pip install --no-cache-dir -r requirements.txt -r requirements-export.txt setuptools wheel \
 && /opt/il_ros/bin/pip install --no-cache-dir --no-build-isolation pybullet==3.2.7 \
 && /opt/il_ros/bin/pip install --no-cache-dir --no-build-isolation --no-deps .
ENV PATH=/opt/il_ros/bin:$PATH ROS_DISTRO=jazzy
CMD ["il-ros", "--help"]
